"""What clients do, well behaved and not. Each function plays one connection's life, or a few."""

import asyncio

from client import GONE, Connection, Request
from wire import POOL, dribble, seeded

MISBEHAVIOURS = ("truncate", "reset", "stop", "silent", "resetnow", "closenow", "garbage", "surplus")
MANNERS = ("", "", "", "", "hints", "slow", "close", "old", "until")
BAD_HEADS = (
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\r\n\r\n",
    b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\nHost : a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 300 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", b"\r\n" * 20 + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
)


class Player:
    """One of many clients: its own dice, one ledger for all."""

    def __init__(self, number, seed, ledger, port):
        self.rng = seeded(seed, "client", number)
        self.ledger = ledger
        self.port = port

    def connect(self, receive_buffer=None):
        return Connection.open(self.ledger, self.port, receive_buffer)

    def length(self, most=300_000):
        kind = self.rng.random()
        if kind < 0.15:
            return 0
        return self.rng.randrange(1, 2_000 if kind < 0.7 else 70_000 if kind < 0.95 else most)

    def make(self, method=None, does=None, **more):
        """Any request that a good client may send."""
        rng = self.rng
        method = method or rng.choice(
            ("GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE", "OPTIONS"))
        body = None
        if method in ("POST", "PUT") or (method == "DELETE" and rng.random() < 0.5):
            length = self.length()
            start = rng.randrange(1 << 20)
            body = memoryview(POOL)[start:start + length].tobytes()
        if method in ("POST", "PUT") and rng.random() < 0.6:
            path = "/echo"
        elif method == "GET" and rng.random() < 0.2:
            path = "/head"
        else:
            path = f"/{rng.choice(('bytes', 'chunked'))}/{self.length()}"
        does = rng.choice(MANNERS) if does is None else does
        if does == "answer" or path == "/head":
            does = ""
        request = Request(self.ledger.number(method), method, path, does, body, **more)
        request.is_chunked = body is not None and request.version == "1.1" and rng.random() < 0.4
        return request

    # MARK: Good clients

    async def keeps(self):
        """One request after the other, sometimes with a rest between them."""
        async with await self.connect() as connection:
            for _ in range(self.rng.randrange(1, 20)):
                request = self.make()
                await connection.request(request, self.rng)
                response = await connection.response(request)
                if response is None or not connection.persists(response.head):
                    return response is not None
                if self.rng.random() < 0.1:
                    await asyncio.sleep(self.rng.random() * 0.1)
            return True

    async def closes(self):
        async with await self.connect() as connection:
            request = self.make(fields=("Connection: close",))
            await connection.request(request, self.rng)
            answered = await connection.response(request) is not None
            if await connection.ending():
                self.ledger.say_wrong("bytes behind the last response", request.number)
            return answered

    async def speaks_old(self):
        async with await self.connect() as connection:
            keeps = self.rng.random() < 0.5
            fields = ("Connection: keep-alive",) if keeps else ()
            for _ in range(3):
                request = self.make(version="1.0", fields=fields)
                await connection.request(request, self.rng)
                response = await connection.response(request)
                if response is None or not connection.persists(response.head):
                    return response is not None
            return True

    async def pipelines(self):
        async with await self.connect() as connection:
            requests = [self.make() for _ in range(self.rng.randrange(2, 13))]
            data = b"".join(one.head() + one.framed(self.rng) for one in requests)
            sending = asyncio.ensure_future(self.send_all(connection, data))
            count = 0
            for request in requests:
                response = await connection.response(request)
                if response is None:
                    break
                count += 1
                if not connection.persists(response.head):
                    break
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            return count > 0

    async def send_all(self, connection, data):
        try:
            await connection.send(data)
        except GONE:
            pass

    async def expects(self):
        async with await self.connect() as connection:
            early = self.rng.random() < 0.2
            request = self.make("POST", "early" if early else "",
                                fields=("Expect: 100-continue",))
            if early:
                request.path = "/early"
            await connection.send(request.head())
            head = await connection.interim_or_final()
            if head.start[1] == "100":
                await connection.send(request.framed(self.rng))
                head = None
            return await connection.response(request, head) is not None

    async def half_closes(self):
        async with await self.connect() as connection:
            request = self.make()
            await connection.request(request, self.rng)
            connection.half_close()
            return await connection.response(request) is not None

    async def reads_slowly(self):
        async with await self.connect(receive_buffer=4096) as connection:
            request = self.make("GET", "")
            request.path = f"/{self.rng.choice(('bytes', 'chunked'))}/{200_000}"
            await connection.request(request, self.rng)
            head = await connection.interim_or_final()
            for _ in range(10):
                await asyncio.sleep(self.rng.random() * 0.05)
            return await connection.response(request, head) is not None

    async def uploads_slowly(self):
        async with await self.connect() as connection:
            request = self.make("PUT")
            try:
                await dribble(connection.writer, request.head() + request.framed(self.rng),
                              self.rng)
            except GONE:
                pass
            return await connection.response(request) is not None

    async def meets_trouble(self):
        """A good request, answered badly by the origin."""
        async with await self.connect() as connection:
            for _ in range(3):
                request = self.make(does=self.rng.choice(MISBEHAVIOURS))
                if request.path == "/echo":
                    request.path = f"/bytes/{self.length()}"
                if self.rng.random() < 0.1:
                    request.path, request.does = "/early", "early"
                elif self.rng.random() < 0.1:
                    request.does = self.rng.choice(("empty", "unchanged"))
                await self.send_all(connection, request.head() + request.framed(self.rng))
                response = await connection.response(request)
                if response is None or not connection.persists(response.head):
                    return response is not None
            return True

    # MARK: Bad clients

    def leave(self, connection):
        if self.rng.random() < 0.5:
            connection.reset()

    async def aborts_request(self):
        async with await self.connect() as connection:
            request = self.make("POST" if self.rng.random() < 0.7 else None)
            data = request.head() + request.framed(self.rng)
            await connection.send(data[:self.rng.randrange(len(data))])
            await asyncio.sleep(self.rng.random() * 0.05)
            self.leave(connection)
            return True

    async def aborts_response(self):
        async with await self.connect(receive_buffer=8192) as connection:
            request = self.make("GET")
            request.path = f"/{self.rng.choice(('bytes', 'chunked'))}/300000"
            await connection.request(request, self.rng)
            if self.rng.random() < 0.7:
                await connection.reader.read(4096)
            else:
                await asyncio.sleep(self.rng.random() * 0.02)
            self.leave(connection)
            return True

    async def stops_reading(self):
        """Given up after write.stall-timeout."""
        async with await self.connect(receive_buffer=4096) as connection:
            requests = [self.make("GET", "") for _ in range(12)]
            for request in requests:
                request.path = "/bytes/300000"
                await connection.send(request.head())
            connection.writer.transport.pause_reading()
            await asyncio.sleep(4)
            connection.reset()
            return True

    async def sends_nonsense(self):
        loop = asyncio.get_running_loop()
        async with await self.connect() as connection:
            since = loop.time()
            if self.rng.random() < 0.3:
                request = self.make("GET")
                await connection.request(request, self.rng)
                response = await connection.response(request)
                if response is None or not connection.persists(response.head):
                    return False
            await self.send_all(connection, self.rng.choice(BAD_HEADS))
            answer = await connection.ending()
            if not answer and loop.time() - since > 0.25:
                # A client that was kept waiting for a processor was idle for too long.
                return False
            if not answer.startswith(b"HTTP/1.1 4") and not answer.startswith(b"HTTP/1.1 5"):
                self.ledger.say_wrong("nonsense was not refused", answer)
            return True

    async def sends_bad_chunks(self):
        async with await self.connect() as connection:
            request = self.make("POST")
            request.body, request.is_chunked = b"", True
            await self.send_all(connection, request.head() + b"5\r\nabcdeX\r\n0\r\n\r\n")
            answer = await connection.ending()
            if answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"0\r\n\r\n"):
                self.ledger.say_wrong("bad chunks were answered to a good end", answer)
            return True

    async def sends_head_slowly(self):
        """Ended by client.head-timeout or answered, whichever is first."""
        async with await self.connect() as connection:
            request = self.make("GET")
            try:
                await dribble(connection.writer, request.head(), self.rng, 6, 0.6)
            except GONE:
                pass
            return await connection.response(request) is not None

    async def stops_sending(self):
        """Ended by client.head-timeout or by client.body-rate."""
        async with await self.connect() as connection:
            request = self.make("POST")
            data = request.head() + request.framed(self.rng)
            await connection.send(data[:self.rng.randrange(1, len(data))])
            return await connection.response(request) is not None

    async def waits(self):
        """Ended by client.idle-timeout, before or after a request."""
        async with await self.connect() as connection:
            if self.rng.random() < 0.7:
                request = self.make()
                await connection.request(request, self.rng)
                await connection.response(request)
            if await connection.ending():
                self.ledger.say_wrong("bytes on an idle connection", "")
            return True

    async def says_nothing(self):
        async with await self.connect() as connection:
            self.leave(connection)
            return True


# How often each is played, of all.
WEIGHTS = {
    "keeps": 30, "closes": 6, "speaks_old": 4, "pipelines": 8, "expects": 5, "half_closes": 3,
    "reads_slowly": 3, "uploads_slowly": 3, "meets_trouble": 12, "aborts_request": 6,
    "aborts_response": 6, "stops_reading": 1, "sends_nonsense": 5, "sends_bad_chunks": 2,
    "sends_head_slowly": 2, "stops_sending": 2, "waits": 3, "says_nothing": 2,
}
