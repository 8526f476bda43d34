"""An origin that does what it is told, right or wrong."""

import contextlib
import socket
import threading


class Script:
    """An origin that does to each connection what a function says."""

    def __init__(self, play):
        self.play = play
        self.requests = 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                one = self.listening.accept()[0]
                threading.Thread(target=self.serve, args=[one], daemon=True).start()

    def serve(self, one):
        with contextlib.suppress(OSError), one:
            self.play(self, one)

    def request(self, one):
        """Waits for the head of a request without body; nothing at the end of the connection."""
        read = b""
        while not read.endswith(b"\r\n\r\n"):
            piece = one.recv(65536)
            if not piece:
                return b""
            read += piece
        self.requests += 1
        return read

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listening.close()
