"""For the parts written in Python: checks, processes that are ended in any case, raw sockets."""

import contextlib
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import time

BOWLINE = os.environ["BOWLINE"]


def check(name, holds, seen=""):
    """One line for one check; what was seen when it fails."""
    print(("ok " if holds else "FAIL ") + name, flush=True)
    if not holds:
        for line in str(seen)[:2000].splitlines():
            print("     | " + line, flush=True)
    return holds


def same(name, expected, seen):
    check(name, expected == seen, f"expected: {expected!r}\nseen:     {seen!r}")


def until(condition, seconds=5.0):
    """Asks again and again. The last answer, which is false when the time was over."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer or time.monotonic() >= end:
            return answer
        time.sleep(0.02)


def free_ports(count):
    """Ports that nobody uses, below those that the kernel gives to clients."""
    found, held = [], []
    while len(found) < count:
        port = random.randrange(20000, 32000)
        with contextlib.suppress(OSError):
            one = socket.socket()
            held.append(one)
            one.bind(("127.0.0.1", port))
            found.append(port)
    for one in held:
        one.close()
    return found


class Bowline:
    """A running bowline. Its stderr is read; its stdout goes where `stdout` says, or is read."""

    def __init__(self, *words, stdout=None, executable_words=(BOWLINE,), **more):
        self.talk_file = os.path.join(os.environ["TMPDIR"], f"talk{random.getrandbits(48)}")
        self.log_file = self.talk_file + ".log"
        with open(self.talk_file, "wb") as talk, open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                [*executable_words, *map(str, words)], stdin=subprocess.DEVNULL,
                stdout=log if stdout is None else stdout, stderr=talk, **more)
        self.pid = self.process.pid
        try:
            until(lambda: "\n  log  " in self.talk or self.process.poll() is not None, 10)
            found = re.search(r"^  listen .*:(\d+)", self.talk, re.M)
            if not found:
                raise RuntimeError("bowline did not start: " + self.talk)
        except BaseException:
            # We may be told to end here too, and no `with` knows of it yet.
            self.end()
            raise
        self.port = int(found[1])

    @property
    def talk(self):
        with open(self.talk_file) as file:
            return file.read()

    @property
    def log(self):
        with open(self.log_file) as file:
            return file.read()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def sockets(self):
        """Open sockets, listening ones included."""
        count = 0
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                count += os.readlink(f"/proc/{self.pid}/fd/{fd}").startswith("socket:")
        return count

    def resident_kilobytes(self):
        with open(f"/proc/{self.pid}/status") as file:
            return int(re.search(r"VmRSS:\s*(\d+)", file.read())[1])

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def status(self, seconds=10):
        """Waits for its end; None when it does not end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(seconds)

    def end(self, seconds=10):
        """Ends it, kindly first."""
        if self.process.poll() is None:
            self.process.terminate()
            if self.status(seconds) is None:
                self.process.kill()
        return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A drain waits for exchanges in flight; nobody waits for them here any more.
        if self.process.poll() is None:
            self.process.terminate()
            self.process.terminate()
        self.end(5)


class Answer:
    """A response with a length, or with none."""

    def __init__(self, head, body):
        self.head = head
        self.body = body
        self.status = int(head.split(b" ")[1])

    def field(self, name):
        found = re.search(rb"^" + name.encode() + rb":[ \t]*(.*?)\r?$", self.head, re.M | re.I)
        return found[1].decode() if found else None


class Peer:
    """A client that sends what it is told to, byte by byte if need be."""

    def __init__(self, port, host="127.0.0.1", receive_buffer=None, timeout=8):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))
        self.read = b""

    def send(self, *parts):
        for part in parts:
            self.socket.sendall(part if isinstance(part, bytes) else part.encode("latin-1"))
        return self

    def get(self, path, *fields):
        lines = "".join(field + "\r\n" for field in fields)
        return self.send(f"GET {path} HTTP/1.1\r\nHost: e2e\r\n{lines}\r\n")

    def under_way(self, path):
        """Asks for `path`; on return the request has reached the origin, which has said 100."""
        self.send(f"POST {path} HTTP/1.1\r\nHost: e2e\r\nExpect: 100-continue\r\n"
                  "Content-Length: 1\r\n\r\n")
        if (interim := self.answer(is_head=True)).status != 100:
            raise EOFError(f"no 100 but {interim.head!r}")
        return self.send("x")

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def more(self):
        """False at the end of the connection."""
        piece = self.socket.recv(65536)
        self.read += piece
        return piece != b""

    def answer(self, is_head=False):
        """The next response: with Content-Length or chunked; else the body is not taken."""
        while b"\r\n\r\n" not in self.read:
            if not self.more():
                raise EOFError(f"end of connection after {self.read!r}")
        head, self.read = self.read.split(b"\r\n\r\n", 1)
        answer = Answer(head, b"")
        if is_head:
            return answer
        if length := answer.field("content-length"):
            while len(self.read) < int(length):
                if not self.more():
                    raise EOFError("end of connection in a body")
            answer.body, self.read = self.read[: int(length)], self.read[int(length):]
        elif "chunked" in (answer.field("transfer-encoding") or ""):
            while b"0\r\n\r\n" not in self.read:
                if not self.more():
                    raise EOFError("end of connection in a chunked body")
            answer.body, self.read = self.read.split(b"0\r\n\r\n", 1)
        return answer

    def ending(self):
        """Reads to the end: `closed`, `reset`, or `open` when it does not end in time."""
        try:
            while self.more():
                pass
            return "closed"
        except ConnectionResetError:
            return "reset"
        except TimeoutError:
            return "open"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def ended_by_signal(*_):
    sys.exit(143)


# So that `with` ends what was started.
signal.signal(signal.SIGTERM, ended_by_signal)

if __name__ == "__main__":
    print(*free_ports(int(sys.argv[1])))
