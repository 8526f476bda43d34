"""The client's side of the soak: requests, responses, and what came of each."""

import asyncio
import collections
import contextlib
import socket

from wire import (Head, content, chunks, digest, filling, read_chunked, read_head, reset)

GONE = (ConnectionError, asyncio.IncompleteReadError, EOFError)
IDEMPOTENT = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}


class Request:
    """One numbered request, and what its client has seen of the answer."""

    def __init__(self, number, method, path, does="", body=None, version="1.1", fields=()):
        self.number = number
        self.method = method
        self.path = path
        self.does = does
        self.body = body
        self.version = version
        self.fields = fields
        self.is_chunked = False

    def head(self):
        query = f"?id={self.number}&do={self.does}"
        lines = [f"{self.method} {self.path}{query} HTTP/{self.version}", "Host: soak"]
        if self.body is not None:
            lines.append("Transfer-Encoding: chunked" if self.is_chunked
                         else f"Content-Length: {len(self.body)}")
        return ("\r\n".join([*lines, *self.fields]) + "\r\n\r\n").encode()

    def framed(self, rng):
        if self.body is None:
            return b""
        return chunks(self.body, rng, b"X-Trailer: 1\r\n") if self.is_chunked else self.body


class Response:
    def __init__(self, head, body):
        self.head = head
        self.body = body
        self.status = int(head.start[1])


class Ledger:
    """What the clients know, for the count at the end."""

    def __init__(self, reasons):
        self.reasons = reasons
        self.last = 0
        self.connections = 0
        self.methods = {}
        # Number to (status, body bytes, who answered): responses received in full.
        self.answered = {}
        # Requests whose response was not received whole: number to what was asked of the origin.
        self.cut = {}
        # Of what was seen wrong: sentence to count, and the first example.
        self.wrong = collections.Counter()
        self.examples = {}
        # How often each scenario came to its end, and was answered in full at least once.
        self.played = collections.Counter()
        self.fruitful = collections.Counter()

    def number(self, method):
        self.last += 1
        self.methods[self.last] = method
        return self.last

    def say_wrong(self, sentence, example):
        self.wrong[sentence] += 1
        self.examples.setdefault(sentence, str(example)[:500])

    def take(self, request, response):
        """A response was received in full: is it the right one, to its last byte?"""
        maker = self.maker(response)
        number = request.number
        if number in self.answered:
            self.say_wrong("a request was answered twice", number)
        self.answered[number] = (response.status, len(response.body), maker)
        if maker == "origin":
            self.check_hostile(request, response)
        elif maker == "demo" and response.status == 200:
            self.check_demo(request, response)
        elif maker == "unknown" and request.method != "HEAD":
            self.say_wrong("a response that nobody has made", (number, vars(response.head)))

    def maker(self, response):
        if response.head.get("x-hostile"):
            return "origin"
        if response.head.get("server") == "bowline":
            return "demo"
        # Our own answers say `NNN Phrase` and the reason's code.
        lines = response.body.decode("latin-1").split("\n")
        if len(lines) > 1 and lines[1].split(":")[0] in self.reasons:
            return "proxy"
        return "unknown"

    def check_hostile(self, request, response):
        number = request.number
        if response.head.get("x-hostile") != str(number):
            self.say_wrong("a response came to another request",
                           (number, response.head.get("x-hostile")))
            return
        seen = response.head.get("x-body")
        if seen and seen != digest(request.body or b""):
            self.say_wrong("the origin received another body", (number, len(request.body or b"")))
        if response.status != 200:
            expected = b""
        elif request.path.startswith("/echo"):
            expected = request.body or b""
        elif request.path.startswith("/head"):
            expected = f"id={number}&".encode()
        else:
            expected = content(number, int(request.path.rpartition("/")[2]))
        if response.body != (b"" if request.method == "HEAD" else expected):
            self.say_wrong("a response from the hostile origin with another body",
                           (number, request.does, len(expected), len(response.body)))

    def check_demo(self, request, response):
        if request.method == "HEAD":
            expected = b""
        elif request.path == "/echo":
            expected = request.body
        elif request.path == "/head":
            if f"id={request.number}&".encode() not in response.body:
                self.say_wrong("a response came to another request", response.body)
            return
        else:
            expected = filling(int(request.path.rpartition("/")[2]))
        if response.body != expected:
            self.say_wrong("a response from the demo's origin with another body",
                           (request.number, request.path, len(expected), len(response.body)))


class Connection:
    """A client's connection to the proxy."""

    def __init__(self, ledger, reader, writer):
        self.ledger = ledger
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, ledger, port, receive_buffer=None):
        plain = socket.socket()
        try:
            if receive_buffer:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            plain.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(plain, ("127.0.0.1", port))
            ledger.connections += 1
            # A small limit stops reading early, so that a slow reader is slow to the kernel, too.
            streams = await asyncio.open_connection(
                sock=plain, limit=receive_buffer or 65536)
        except BaseException:
            plain.close()
            raise
        return cls(ledger, *streams)

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def request(self, request, rng):
        await self.send(request.head() + request.framed(rng))

    async def interim_or_final(self):
        return await read_head(self.reader)

    async def response(self, request, head=None):
        """The response to `request`, checked. None: the connection ended before it was whole."""
        try:
            head = head or await read_head(self.reader)
            while head.start[1].startswith("1"):
                head = await read_head(self.reader)
            body = await self.body(request, head)
        except GONE:
            self.ledger.cut[request.number] = request.does
            return None
        response = Response(head, body)
        self.ledger.take(request, response)
        return response

    async def body(self, request, head):
        if request.method == "HEAD" or head.start[1] in ("204", "304"):
            return b""
        if "chunked" in head.get("transfer-encoding"):
            return await read_chunked(self.reader)
        if length := head.get("content-length"):
            return await self.reader.readexactly(int(length))
        return await self.reader.read()

    def persists(self, head):
        words = head.get("connection").lower()
        if head.start[0] == "HTTP/1.0":
            return "keep-alive" in words
        return "close" not in words

    async def ending(self):
        """Reads until the proxy ends the connection. The bytes that came."""
        with contextlib.suppress(*GONE):
            return await self.reader.read()
        return b""

    def half_close(self):
        with contextlib.suppress(OSError):
            self.writer.write_eof()

    def reset(self):
        reset(self.writer)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        with contextlib.suppress(*GONE, OSError):
            self.writer.close()
            await self.writer.wait_closed()


__all__ = ["Connection", "GONE", "Head", "IDEMPOTENT", "Ledger", "Request", "Response"]
