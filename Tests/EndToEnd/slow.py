#!/usr/bin/env python3
"""10,000 slow clients, and too few descriptors: whoever behaves notices nothing.

The slow ones are in this process, which needs a descriptor for each, and so does bowline. The
client that behaves is a process of its own, so that its latencies are not those of this one.
"""

import errno
import json
import multiprocessing
import os
import resource
import selectors
import signal
import socket
import time
from collections import Counter

from processes import Bowline, Peer, check, free_ports, same, until

COUNT = 10_000
BIND_ADDRESS_NO_PORT = 24
HEAD = b"GET /slow HTTP/1.1\r\nHost: e2e\r\nX-Slow: " + b"x" * 100


def behaves(port, end, results):
    """Asks all the time, on a kept connection and, each tenth time, on a new one."""
    latencies, failures = [], []
    peer = None
    while not end.is_set():
        began = time.monotonic()
        try:
            if peer is None or len(latencies) % 10 == 0:
                if peer:
                    peer.socket.close()
                peer = Peer(port)
            answer = peer.get("/run.sh").answer()
            if answer.status != 200:
                failures.append(answer.head[:100])
            if answer.field("connection") == "close":
                peer.socket.close()
                peer = None
        except (OSError, EOFError) as error:
            failures.append(repr(error))
            peer = None
        latencies.append(time.monotonic() - began)
        end.wait(0.002)
    results.put((sorted(latencies), failures))


class Slow:
    """A connection whose head comes byte by byte and never ends."""

    def __init__(self, host, port):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
        self.socket.bind((host, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.sent = 0

    def trickle(self):
        """False when the connection is gone."""
        try:
            self.socket.send(HEAD[self.sent:self.sent + 1])
        except OSError:
            return False
        self.sent += 1
        return True

    def read(self):
        """What the other side said; None at its end."""
        try:
            return self.socket.recv(4096) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None


def attack(port, host_of, pause, seconds):
    """Opens them all, sends a byte of each every `pause` seconds, until the last is gone.

    Returns how many were answered with which status, and how many are left.
    """
    statuses = Counter()
    found = selectors.EpollSelector()
    living = set()
    end = time.monotonic() + seconds

    def look(timeout):
        for key, _ in found.select(timeout):
            said = key.data.read()
            if said:
                statuses[said.split(b" ")[1].decode()] += 1
            elif said is None:
                found.unregister(key.data.socket)
                key.data.socket.close()
                living.discard(key.data)

    for number in range(COUNT):
        try:
            slow = Slow(host_of(number), port)
        except OSError as error:
            # A reset instead of a connection, where the server closed it before we looked.
            statuses[errno.errorcode.get(error.errno, str(error))] += 1
            continue
        slow.trickle()
        living.add(slow)
        found.register(slow.socket, selectors.EVENT_READ, slow)
        if number % 200 == 199:
            look(0)
    turn = list(living)
    while living and time.monotonic() < end:
        began = time.monotonic()
        for index, slow in enumerate(turn):
            if slow in living:
                slow.trickle()
            if index % 100 == 99:
                # Spread over the pause, as thousands of strangers would.
                look(max(0, began + pause * index / len(turn) - time.monotonic()))
        look(max(0, min(pause, began + pause - time.monotonic())))
        turn = list(living)
    for slow in living:
        slow.socket.close()
    return statuses, len(living)


def ends(log):
    """How client connections ended, by reason, and how requests ended that had no good end."""
    connections, exchanges = Counter(), Counter()
    for line in log.splitlines():
        entry = json.loads(line)
        if entry.get("event") != "connection.end":
            exchanges[entry["end.reason"]] += 1
        elif entry["side"] == "downstream":
            connections[entry["end.reason"]] += 1
    return connections, exchanges


def flood(name, host_of, *more):
    """One attack, with the client that behaves beside it. Returns what the log says of the ends."""
    origin = free_ports(1)[0]
    with Bowline("serve", ".", "--listen", f"127.0.0.1:{origin}", "--log", "off"), \
            Bowline("proxy", "--to", f"http://127.0.0.1:{origin}", "--listen", "127.0.0.1:0",
                    "--loops", 2, "--log", "json", "--log-connections", *more,
                    "--set", "client.connections=9500", "--set", "log.buffer=16MB") as proxy:
        end, results = multiprocessing.Event(), multiprocessing.Queue()
        client = multiprocessing.Process(target=behaves, args=[proxy.port, end, results])
        client.start()
        began = time.monotonic()
        statuses, left = attack(proxy.port, host_of, 3, 40)
        took = time.monotonic() - began
        end.set()
        latencies, failures = results.get()
        client.join()
        same(f"{name}: the client that behaves had no error in {len(latencies)} requests", [],
             failures[:5])
        check(f"{name}: its latencies, in ms: median {latencies[len(latencies) // 2] * 1000:.1f},"
              f" 99 of 100 {latencies[len(latencies) * 99 // 100] * 1000:.1f},"
              f" longest {latencies[-1] * 1000:.0f}", len(latencies) > 100, len(latencies))
        same(f"{name}: all slow ones are gone after {took:.0f} s", 0, left)
        check(f"{name}: bowline has let go of them", until(lambda: proxy.sockets() < 50),
              proxy.sockets())
        proxy.signal()
        same(f"{name}: exit status 0", 0, proxy.status(10))
        print(f"     {name}: {dict(statuses)}, {proxy.talk.strip().splitlines()[-3:]}")
        connections, exchanges = ends(proxy.log)
        return statuses, connections, exchanges


# covers: R202
def from_many_addresses():
    name = "10,000 slow clients"
    statuses, connections, _ = flood(
        name, lambda number: f"127.{1 + number // 2500}.{number // 250 % 250}.{1 + number % 250}",
        "--set", "client.head-timeout=8s")
    same(f"{name}: each had its answer", {"408": COUNT}, dict(statuses))
    same(f"{name}: and its reason in the log", COUNT, connections["client.timeout.head"])


# covers: R202, R204, S083
def from_one_address():
    name = "10,000 from one address"
    most = 100
    statuses, connections, exchanges = flood(
        name, lambda number: "127.0.0.2", "--set", f"client.per-address={most}",
        "--set", "client.head-timeout=8s")
    slow, refused = connections["client.timeout.head"], connections["policy.limit.per-address"]
    same(f"{name}: each has its reason in the log", COUNT, slow + refused)
    # More than that only if the opening took longer than the time for a head.
    check(f"{name}: as many at a time as the limit says", most <= slow <= 2 * most, connections)
    same(f"{name}: each slow one had its answer", slow, statuses["408"])
    check(f"{name}: a few of the others had theirs", statuses["429"] >= 4, statuses)
    check(f"{name}: the log has the requests too",
          exchanges["policy.limit.per-address"] >= statuses["429"], exchanges)


# covers: S025
def few_descriptors():
    """EMFILE: idle clients make room; without any, those that are there are served."""
    most = 40

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    name = "no descriptor left"
    origin = free_ports(1)[0]
    with Bowline("demo", "--listen", "127.0.0.1:0", "--origin", f"127.0.0.1:{origin}", "--loops",
                 1, "--log", "json", "--log-connections", "--set", "client.connections=1000",
                 preexec_fn=limit) as bowline:
        # The demo's origin itself: it needs no descriptor but the client's.
        peers = [Peer(origin) for _ in range(60)]
        answered = sum(peer.get("/hello").answer().status == 200 for peer in peers[:20])
        same(f"{name}: those that were taken are served", 20, answered)
        served = 0
        for peer in peers[20:]:
            served += peer.get("/hello").answer().status == 200
        same(f"{name}: idle clients make room for all the others", 40, served)
        check(f"{name}: within the limit", bowline.descriptors() <= most, bowline.descriptors())
        halves = [Peer(origin).send("GET /hello HTTP/1.1\r\n") for _ in range(60)]
        until(lambda: bowline.descriptors() == most)
        used = cpu(bowline)
        time.sleep(1)
        check(f"{name}: with nobody idle it waits without spinning", cpu(bowline) - used < 0.5,
              cpu(bowline) - used)
        done = sum(peer.send("Host: e2e\r\n\r\n").answer().status == 200
                   for peer in halves)
        same(f"{name}: and then takes in who waited", 60, done)
        for peer in peers + halves:
            peer.socket.close()
        bowline.signal()
        same(f"{name}: exit status 0", 0, bowline.status(10))
        check(f"{name}: the summary tells", "policy.evicted.idle" in bowline.talk
              and "for want of descriptors" in bowline.talk, bowline.talk)


def cpu(bowline):
    """Processor seconds used so far."""
    with open(f"/proc/{bowline.pid}/stat") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    few_descriptors()
    if hard < COUNT + 2000:
        check(f"a descriptor limit of {hard} is too low for {COUNT} connections: ulimit -Hn", False)
        return
    from_many_addresses()
    from_one_address()


main()
