#!/usr/bin/env python3
"""The hostile origin: does to each request what its query says, and writes down what it has seen.

    origin.py SEED LEDGER

Prints its port. SIGTERM ends it; then LEDGER has a line for each request head that arrived, `number
method`, and last a line `connections N`.

`?id=NUMBER` numbers the request; `&do=WORD` says how it is answered (see `Answering`). On top of
that it closes idle connections when it likes, and some just as the next request arrives.
"""

import asyncio
import contextlib
import signal
import sys

from wire import chunks, content, digest, dribble, read_chunked, read_head, reset, seeded

ENDED = (ConnectionError, asyncio.IncompleteReadError, TimeoutError)


class Request:
    def __init__(self, head):
        self.method, target, _ = head.start
        self.head = head
        self.path, _, query = target.partition("?")
        words = dict(word.partition("=")[::2] for word in query.split("&"))
        self.number = int(words.get("id") or 0)
        self.does = words.get("do") or "answer"
        last = self.path.rpartition("/")[2]
        self.length = int(last) if last.isdigit() else 100
        self.body = b""

    async def read_body(self, reader):
        if self.head.get("transfer-encoding") == "chunked":
            self.body = await read_chunked(reader)
        elif length := int(self.head.get("content-length") or 0):
            self.body = await reader.readexactly(length)


class Answering:
    """One request's answer. Each method is a word of `do=`; True: the connection goes on."""

    def __init__(self, request, reader, writer, rng):
        self.request = request
        self.reader = reader
        self.writer = writer
        self.rng = rng

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    def fields(self, *more, status="200 OK", version="1.1"):
        request = self.request
        lines = [f"HTTP/{version} {status}", f"X-Hostile: {request.number}", *more]
        if request.body:
            lines.append(f"X-Body: {digest(request.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def body(self):
        request = self.request
        if request.path.startswith("/echo"):
            return request.body
        if request.path.startswith("/head"):
            return f"id={request.number}&".encode()
        return content(request.number, request.length)

    async def plain(self, *more, manner=None):
        """A response with a length or chunked, whatever the path asks for."""
        body = self.body()
        chunked = self.request.path.startswith("/chunked")
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
        head = self.fields(framing, *more)
        if self.request.method == "HEAD":
            await self.send(head)
            return
        trailer = b"X-Trailer: 1\r\n" if self.rng.random() < 0.3 else b""
        data = head + (chunks(body, self.rng, trailer) if chunked else body)
        await (manner(data) if manner else self.send(data))

    async def answer(self):
        await self.plain()
        return True

    async def hints(self):
        await self.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        return await self.answer()

    async def slow(self):
        await asyncio.sleep(self.rng.random() * 0.3)
        await self.plain(manner=lambda data: dribble(self.writer, data, self.rng))
        return True

    async def close(self):
        await self.plain("Connection: close")

    async def old(self):
        body = self.body() if self.request.method != "HEAD" else b""
        await self.send(self.fields(version="1.0") + body)

    async def until(self):
        """A body that ends with the connection."""
        body = self.body() if self.request.method != "HEAD" else b""
        await self.send(self.fields("Connection: close") + body)

    async def empty(self):
        await self.send(self.fields(status="204 No Content"))
        return True

    async def unchanged(self):
        await self.send(self.fields('ETag: "a"', status="304 Not Modified"))
        return True

    async def half(self):
        """The head and some of the body."""
        body = content(self.request.number, max(self.request.length, 2))
        if self.request.path.startswith("/chunked"):
            data = chunks(body, self.rng)
            head = self.fields("Transfer-Encoding: chunked")
        else:
            data, head = body, self.fields(f"Content-Length: {len(body)}")
        await self.send(head + data[:len(data) // 2])
        await asyncio.sleep(self.rng.random() * 0.05)

    async def truncate(self):
        await self.half()

    async def reset(self):
        await self.half()
        reset(self.writer)

    async def stop(self):
        """Falls silent in the body."""
        await self.half()
        await self.reader.read(1)

    async def silent(self):
        await self.reader.read(1)

    async def resetnow(self):
        reset(self.writer)

    async def closenow(self):
        pass

    async def garbage(self):
        await self.send(self.rng.choice((
            b"SSH-2.0-OpenSSH_9\r\n\r\n", b"HTTP/1.1 200\x00OK\r\n\r\n", b"\x00" * 40 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")))

    async def surplus(self):
        """Bytes behind the response, which belong to nobody."""
        body = self.body() if self.request.method != "HEAD" else b""
        await self.send(self.fields(f"Content-Length: {len(self.body())}") + body
                        + b"HTTP/1.1 200 OK\r\nX-Hostile: 1\r\nContent-Length: 4\r\n\r\nevil")
        return True

    async def early(self):
        """Answers before it reads the body; then reads it, closes, or resets."""
        await self.send(self.fields("Content-Length: 0", status="413 Content Too Large"))
        end = self.rng.random()
        if end < 0.4:
            await self.request.read_body(self.reader)
            return True
        if end < 0.6:
            reset(self.writer)


class Origin:
    def __init__(self, seed, ledger):
        self.seed = seed
        self.ledger = ledger
        self.connections = 0

    async def serve(self, reader, writer):
        self.connections += 1
        rng = seeded(self.seed, "origin", self.connections)
        with contextlib.suppress(*ENDED):
            while await self.exchange(reader, writer, rng):
                pass
        with contextlib.suppress(Exception):
            writer.close()

    async def exchange(self, reader, writer, rng):
        """False when the connection ends."""
        patience = rng.random() * 0.03 if rng.random() < 0.1 else 0.3 + rng.random() * 2
        try:
            async with asyncio.timeout(patience):
                head = await read_head(reader)
        except TimeoutError:
            if rng.random() < 0.3:
                reset(writer)
            return False
        request = Request(head)
        self.ledger.write(f"{request.number} {request.method}\n")
        if rng.random() < 0.01:
            # The keep-alive race, seen from here: just as a request arrives.
            if rng.random() < 0.3:
                reset(writer)
            return False
        if request.does != "early" and request.path != "/early":
            if head.get("expect"):
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await request.read_body(reader)
        else:
            request.does = "early"
        return await getattr(Answering(request, reader, writer, rng), request.does)()


async def main(seed, path):
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    with open(path, "w") as ledger:
        origin = Origin(seed, ledger)
        server = await asyncio.start_server(origin.serve, "127.0.0.1", 0, backlog=1024)
        print(server.sockets[0].getsockname()[1], flush=True)
        await over.wait()
        server.close()
        ledger.write(f"connections {origin.connections}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
