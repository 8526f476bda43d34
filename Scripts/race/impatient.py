#!/usr/bin/env python3
"""An origin that gives up idle connections, and writes down what it executed.

    impatient.py PORT LEDGER [--idle SECONDS] [--manner stalls|closes|executes] [--jitter PART]
                 [--delay LEAST MOST] [--seed N]

A connection is idle from its start, and from the end of each answer. After --idle seconds (more or
less by up to --jitter of it) it is given up in one of three manners:

stalls    it is not read any more, and closed 2 to 8 ms later. What arrived in between is never
          read, so the kernel answers it with a reset: the request was not executed, and nobody
          can tell.
executes  it is closed 2 to 8 ms later, every second time with a reset. A request that arrived in
          between is executed and not answered: who sends it again has it executed twice.
closes    it is closed at once, with a FIN, as nginx does. What is there already is answered first.

Every request is executed, which takes --delay seconds; the answer names the request's path. GET /
gives 200 bytes and counts for nothing. SIGTERM ends it; then LEDGER is written, in JSON: `executed`
has path, method, number of the connection and which request of the connection it was.

One thread, so that a moment is one moment. Only for loopback: it trusts whoever talks to it.
"""

import argparse
import contextlib
import heapq
import json
import random
import selectors
import signal
import socket
import struct
import time

OK = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}"


class Timers:
    """What is to be done later. Nothing is taken back: who is called looks whether it holds."""

    def __init__(self):
        self.queue, self.count = [], 0

    def after(self, seconds, action, *words):
        self.count += 1
        heapq.heappush(self.queue, (time.monotonic() + seconds, self.count, action, words))

    def wait(self):
        """Seconds until the next; None when there is none."""
        return max(0, self.queue[0][0] - time.monotonic()) if self.queue else None

    def run(self):
        while self.queue and self.queue[0][0] <= time.monotonic():
            _, _, action, words = heapq.heappop(self.queue)
            action(*words)


class Connection:
    def __init__(self, plain, number):
        self.socket, self.number = plain, number
        self.input = b""
        self.requests = 0
        # Changes whenever idleness ends or the connection does: a timer of before is void.
        self.period = 0
        # When it is given up; None while it is not idle.
        self.deadline = None
        self.is_busy = False
        # It will be closed in a moment, and answers nobody.
        self.is_doomed = False
        self.open = True


class Origin:
    def __init__(self, port, idle, manner="stalls", jitter=0.0, delay=(0.03, 0.06), seed=1):
        self.idle, self.manner, self.jitter, self.delay = idle, manner, jitter, delay
        self.rng = random.Random(seed)
        self.timers = Timers()
        self.selector = selectors.DefaultSelector()
        self.executed, self.connections = [], 0
        self.listening = socket.create_server(("127.0.0.1", port), backlog=4096)
        self.listening.setblocking(False)
        self.selector.register(self.listening, selectors.EVENT_READ)

    def serve(self, ended):
        """Until `ended` says so."""
        while not ended():
            for key, _ in self.selector.select(self.timers.wait()):
                self.accept() if key.data is None else self.readable(key.data)
            self.timers.run()

    def accept(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                plain, _ = self.listening.accept()
                plain.setblocking(False)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                one = Connection(plain, self.connections)
                self.selector.register(plain, selectors.EVENT_READ, one)
                self.rest(one)

    def rest(self, one):
        """It is idle from now on."""
        one.period += 1
        span = self.idle * (1 + self.rng.uniform(-self.jitter, self.jitter))
        one.deadline = time.monotonic() + span
        self.timers.after(span, self.give_up, one, one.period)

    def give_up(self, one, period):
        if not one.open or one.period != period:
            return
        if self.manner == "closes":
            return self.close(one)
        one.period += 1
        one.is_doomed = True
        if self.manner == "stalls":
            self.selector.unregister(one.socket)
        elif self.rng.random() < 0.5:
            one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.timers.after(self.rng.uniform(0.002, 0.008), self.close, one)

    def close(self, one):
        if not one.open:
            return
        one.open = False
        one.period += 1
        if not (one.is_doomed and self.manner == "stalls"):
            self.selector.unregister(one.socket)
        one.socket.close()

    def readable(self, one):
        if self.manner == "stalls" and one.deadline and time.monotonic() >= one.deadline:
            return self.give_up(one, one.period)
        # Behind its end, because both were in one turn.
        if not one.open:
            return
        try:
            piece = one.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            return self.close(one)
        one.input += piece
        self.take(one)

    def take(self, one):
        """Begins with the next request, when it is there whole and none is under way."""
        if one.is_busy or not one.input:
            return
        # It is idle no longer, even if the request is not whole.
        one.period += 1
        one.deadline = None
        head, empty, rest = one.input.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        length = next((int(line.split(":")[1]) for line in lines[1:]
                       if line.lower().startswith("content-length:")), 0)
        if not empty or len(rest) < length:
            return
        one.input = rest[length:]
        one.is_busy = True
        one.requests += 1
        method, path, _ = lines[0].split(" ", 2)
        if path == "/" and not one.is_doomed:
            return self.answer(one, "b" * 200)
        self.executed.append((path, method, one.number, one.requests))
        if one.is_doomed:
            return
        self.timers.after(self.rng.uniform(*self.delay), self.answer, one, f"did {path}\n")

    def answer(self, one, body):
        if not one.open:
            return
        try:
            one.socket.send(OK.format(len(body), body).encode())
        except OSError:
            return self.close(one)
        one.is_busy = False
        self.rest(one)
        self.take(one)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("ledger")
    parser.add_argument("--idle", type=float, default=1.0)
    parser.add_argument("--manner", choices=["stalls", "closes", "executes"], default="stalls")
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--delay", type=float, nargs=2, default=[0.03, 0.06])
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args()
    ended = []
    # The signal interrupts the wait: a byte in this pair is something to read.
    wake, woken = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    origin = Origin(words.port, words.idle, words.manner, words.jitter, words.delay, words.seed)
    origin.selector.register(woken, selectors.EVENT_READ, Connection(woken, 0))
    origin.serve(lambda: ended)
    with open(words.ledger, "w") as file:
        json.dump({"connections": origin.connections, "executed": origin.executed}, file)


if __name__ == "__main__":
    main()
