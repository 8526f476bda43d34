"""Many clients of one proxy, in rounds: each sends one request a round, after a time of its own."""

import contextlib
import heapq
import random
import selectors
import socket
import time
from dataclasses import dataclass

BODY = "a small body, for a POST"

# Silence after which a request counts as not answered.
PATIENCE = 15


@dataclass(frozen=True)
class Outcome:
    """What a client saw of one request. Status 0: the connection ended, or nothing came."""

    round: int
    path: str
    method: str
    status: int
    # The answer was the one to this request.
    is_own: bool
    text: str

    @property
    def failed(self):
        return self.status != 200


def rounds(idle, pairs, spread, seed, wander=0.0):
    """(least, most) seconds for each round: around `idle`, and well below it, in turns.

    Everybody asks within 2 x `spread` of `idle`. So close together that all of them ask before the
    first is answered: that keeps the pool wide. Where around `idle` the middle of a round is,
    `wander` says, as a part of it.
    """
    rng, width = random.Random(seed), 2 * spread * idle
    spans = []
    for _ in range(pairs):
        middle = rng.uniform(1 - wander, 1 + wander) * idle
        spans.append((middle - width / 2, middle + width / 2))
        least = rng.uniform(0.1, 0.4) * idle
        spans.append((least, least + width))
    return spans


def is_short(number):
    return number % 2 == 1


class Client:
    def __init__(self, number):
        self.number = number
        self.socket = None
        self.input = b""
        self.method = self.path = None
        self.asked = 0.0

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket, self.input = None, b""


class Crowd:
    """`count` clients with a connection each. Half of what they send is POST, by the dice."""

    def __init__(self, port, count, spans, seed, prefix="/race"):
        self.port, self.spans, self.prefix = port, spans, prefix
        self.rng = random.Random(seed)
        self.clients = [Client(number) for number in range(count)]
        self.selector = selectors.DefaultSelector()
        self.outcomes = []
        self.waiting = set()
        self.round = 0

    def run(self):
        """All rounds. The outcomes, in the order in which they were seen."""
        try:
            for self.round, span in enumerate(self.spans):
                self.play(span)
        finally:
            for client in self.clients:
                client.close()
        return self.outcomes

    def play(self, span):
        began = time.monotonic()
        due = [(began + self.rng.uniform(*span), client.number, self.rng.choice(("GET", "POST")))
               for client in self.clients]
        heapq.heapify(due)
        while due or self.waiting:
            now = time.monotonic()
            while due and due[0][0] <= now:
                _, number, method = heapq.heappop(due)
                self.ask(self.clients[number], method)
            for client in [one for one in self.waiting if now - one.asked > PATIENCE]:
                self.end(client, 0, "no answer")
            pause = max(0, due[0][0] - time.monotonic()) if due else 1
            for key, _ in self.selector.select(pause):
                self.readable(key.data)

    def ask(self, client, method):
        client.method, client.path = method, f"{self.prefix}/{self.round}/{client.number}"
        client.asked = time.monotonic()
        self.waiting.add(client)
        body = f"Content-Length: {len(BODY)}\r\n\r\n{BODY}" if method == "POST" else "\r\n"
        request = f"{method} {client.path} HTTP/1.1\r\nHost: race\r\n{body}".encode()
        try:
            if client.socket is None:
                client.socket = socket.create_connection(("127.0.0.1", self.port), 5)
                client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.socket.setblocking(False)
                self.selector.register(client.socket, selectors.EVENT_READ, client)
            client.socket.send(request)
        except OSError as error:
            self.end(client, 0, repr(error))

    def readable(self, client):
        try:
            piece = client.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if client not in self.waiting:
            # The proxy closes, or says what nobody asked for.
            return self.leave(client)
        client.input += piece
        if not piece:
            return self.end(client, 0, "the connection ended: " + client.input.decode("latin-1"))
        head, empty, rest = client.input.partition(b"\r\n\r\n")
        if not empty:
            return
        fields = head.decode("latin-1").lower().split("\r\n")
        length = next((int(line.split(":")[1]) for line in fields
                       if line.startswith("content-length:")), 0)
        if len(rest) >= length:
            self.end(client, int(head.split(b" ")[1]), rest.decode("latin-1"),
                     "connection: close" in fields)
            client.input = b""

    def end(self, client, status, text, closes=True):
        self.waiting.discard(client)
        self.outcomes.append(Outcome(
            self.round, client.path, client.method, status,
            status != 200 or text == f"did {client.path}\n", text[:500]))
        if closes:
            self.leave(client)

    def leave(self, client):
        if client.socket:
            with contextlib.suppress(KeyError):
                self.selector.unregister(client.socket)
        client.close()
