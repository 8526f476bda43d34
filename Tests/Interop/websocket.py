"""WebSocket through both proxies, with the `websockets` package on both sides."""

import contextlib
import random
import socket
import threading

from scenario import LeftOut, exchanges, holds, same, scenario
from stage import forward, proxy

BINARY = random.Random(3).randbytes(1 << 20)


def load():
    """The package, which is not part of Python."""
    try:
        import websockets.client
        import websockets.sync.client
        import websockets.sync.server
    except ImportError as error:
        raise LeftOut(f"{error}; Scripts/setup.sh interop installs it") from error
    return websockets


@contextlib.contextmanager
def echo():
    """A server that says everything back; told `bye`, it closes. Its port."""
    def talk(connection):
        with contextlib.suppress(load().exceptions.ConnectionClosed):
            for message in connection:
                if message == "bye":
                    connection.close(4001, "as asked")
                    return
                connection.send(message)
    server = load().sync.server.serve(
        talk, "127.0.0.1", 0, compression=None, max_size=None, close_timeout=5)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        thread.join(5)


def converse(connection):
    """Text, a megabyte, a ping."""
    connection.send("grüße")
    same("text", "grüße", connection.recv(10))
    connection.send(BINARY)
    same("1 MB", True, connection.recv(10) == BINARY)
    holds("a pong", connection.ping().wait(10))


def conversations(bowline, connect):
    """Three, which end in three ways; then what the log says of them."""
    with connect() as connection:
        converse(connection)
    with connect() as connection:
        converse(connection)
        connection.send("bye")
        with contextlib.suppress(load().exceptions.ConnectionClosed):
            connection.recv(10)
        same("the server's close", (4001, "as asked"),
             (connection.close_code, connection.close_reason))
    with connect() as connection:
        converse(connection)
        # Without a word, as when a laptop's lid is closed.
        connection.socket.shutdown(socket.SHUT_RDWR)
    lines = exchanges(bowline, 3)
    ends = [one["end.reason"] for one in lines]
    # RFC 6455 §7.1.1: after the closing handshake it is the server that closes the connection.
    same("end reasons", ["upstream.closed.tunnel"] * 2 + ["client.closed.tunnel"], ends)
    for key in ["http.request.body.size", "http.response.body.size"]:
        holds(f"{key} in the log", all(one[key] > len(BINARY) for one in lines),
              [one[key] for one in lines])
    return (f"text, 1 MB, ping; closed by client and by server, dropped by client: {ends}, "
            f"{lines[0]['http.request.body.size']} bytes up")


@scenario("websocket: reverse proxy")
def reverse(_):
    library = load()
    with echo() as port, proxy(port) as bowline:
        def connect():
            return library.sync.client.connect(
                f"ws://127.0.0.1:{bowline.port}/", compression=None, max_size=None, proxy=None)
        found = conversations(bowline, connect)
        same("status", {101}, {one["http.response.status_code"] for one in exchanges(bowline, 3)})
        return found


@scenario("websocket: CONNECT")
def tunnel(_):
    library = load()
    with echo() as port, forward("--allow", f"127.0.0.1:{port}") as bowline:
        def connect():
            return library.sync.client.connect(
                f"ws://127.0.0.1:{port}/", compression=None, max_size=None,
                proxy=f"http://127.0.0.1:{bowline.port}")
        found = conversations(bowline, connect)
        same("methods", {"CONNECT"}, {one["http.request.method"] for one in exchanges(bowline, 3)})
        return found


@scenario("websocket: Upgrade in absolute-form")
def absolute(_):
    library = load()

    class AbsoluteForm(library.client.ClientProtocol):
        """What a client says to a proxy in the open. The package would use CONNECT."""

        def connect(self):
            request = super().connect()
            request.path = f"http://{request.headers['Host']}{request.path}"
            return request

    with echo() as port, forward() as bowline:
        def connect():
            uri = library.uri.parse_uri(f"ws://127.0.0.1:{port}/")
            link = socket.create_connection(("127.0.0.1", bowline.port), 10)
            link.settimeout(None)
            connection = library.sync.client.ClientConnection(
                link, AbsoluteForm(uri, max_size=None))
            connection.handshake(timeout=10)
            return connection
        found = conversations(bowline, connect)
        same("methods", {"GET"}, {one["http.request.method"] for one in exchanges(bowline, 3)})
        return found
