#!/usr/bin/env python3
"""The access log: JSON that parses, text for people, and readers who do not read."""

import json
import os
import pty
import subprocess
import time

from processes import Bowline, Peer, check, free_ports, same, until

KEYS = {
    "time", "http.request.method", "url.path", "server.address", "network.protocol.version",
    "client.address", "client.port", "http.response.status_code", "http.request.body.size",
    "http.response.body.size", "connection.id", "connection.reused", "connection.requests",
    "upstream.connection.id", "upstream.connection.reused", "upstream.connection.requests",
    "upstream.address", "lease.reason", "phase.sending", "phase.waiting", "phase.receiving",
    "duration", "end.reason", "generation",
}


class Origin:
    """Our own origin server, for a proxy to forward to."""

    def __init__(self):
        self.port, unused = free_ports(2)
        self.process = Bowline("demo", "--listen", f"127.0.0.1:{unused}",
                               "--origin", f"127.0.0.1:{self.port}", "--log", "off")

    def __enter__(self):
        return self.process.__enter__() and self

    def __exit__(self, *error):
        self.process.__exit__(*error)


def lines(proxy, count):
    """The log's lines as objects, when there are `count`."""
    until(lambda: proxy.log.count("\n") >= count)
    return [json.loads(line) for line in proxy.log.splitlines()]


def objects(origin):
    with Bowline("proxy", "--to", f"http://127.0.0.1:{origin.port}", "--listen", "127.0.0.1:0",
                 "--loops", 1, "--log-connections") as proxy:
        with Peer(proxy.port) as peer:
            peer.get("/hello?a=%22b%22").answer()
            peer.get("/status/404", "User-Agent: e2e").answer()
            peer.get("/delay/150").answer()
        with Peer(proxy.port) as peer:
            peer.send("GET /\"\\\x01\xff HTTP/1.1\r\nHost: e2e\r\n\r\n")
            refused = peer.answer().status
        with Peer(proxy.port) as peer:
            peer.send("BREW /hello HTTP/1.1\r\nHost: e2e\r\n\r\n").answer()
        found = lines(proxy, 8)
        exchanges = [one for one in found if "event" not in one]
        connections = [one for one in found if one.get("event") == "connection.end"]
        same("without a terminal: JSON, one line for each exchange", 5, len(exchanges))
        first, second, third, bad, brewed = (exchanges + [{}] * 5)[:5]
        same("every key is there", set(), KEYS - set(first))
        same("path and query are apart", ("/hello", "a=%22b%22"),
             (first.get("url.path"), first.get("url.query")))
        same("reuse is counted on both sides", [
            (False, 1, False, 1), (True, 2, True, 2), (True, 3, True, 3)], [
                (one["connection.reused"], one["connection.requests"],
                 one["upstream.connection.reused"], one["upstream.connection.requests"])
                for one in (first, second, third)])
        same("three exchanges, one connection on each side", 1, len({
            (one["connection.id"], one["upstream.connection.id"])
            for one in (first, second, third)}))
        check("the first was dialled, the second was not",
              "phase.tcp" in first and "phase.tcp" not in second, (first, second))
        check("waiting for the origin is its own phase",
              0.14 < third["phase.waiting"] < 3 and third["duration"] >= third["phase.waiting"],
              third)
        same("phases are left out, not 0, when they did not happen", (True, True),
             ("phase.tls" not in first, "phase.dns" not in second))
        same("the status and the end", (404, "us.complete"),
             (second["http.response.status_code"], second["end.reason"]))
        same("a refused head is logged with its reason", (refused, 400, "client.fault.head"),
             (bad.get("http.response.status_code"), 400, bad.get("end.reason")))
        check("with the fault and where it is", "fault" in bad and "fault.offset" in bad, bad)
        check("and without an upstream", "upstream.connection.id" not in bad, bad)
        same("an unknown method is one of few values", ("_OTHER", "BREW"),
             (brewed.get("http.request.method"), brewed.get("http.request.method_original")))
        same("one line for each client connection that ended", 3,
             sum(one["side"] == "downstream" for one in connections))
        same("its count of exchanges", 3, connections[0]["exchanges"] if connections else None)
        proxy.signal()
        same("exit status", 0, proxy.status())
        after = [json.loads(line) for line in proxy.log.splitlines()]
        same("at the end the upstream connection is logged too", 1,
             sum(one.get("side") == "upstream" for one in after))
        check("the summary counts requests and reuse", "5 requests over 3 client connections"
              in proxy.talk and "on a reused one" in proxy.talk, proxy.talk)


def late_lines(origin):
    """A line must not wait for the next request."""
    with Bowline("proxy", "--to", f"http://127.0.0.1:{origin.port}", "--listen", "127.0.0.1:0",
                 "--loops", 1) as proxy:
        with Peer(proxy.port) as peer:
            for _ in range(50):
                peer.get("/hello").answer()
            check("fifty exchanges, then silence: fifty lines",
                  until(lambda: proxy.log.count("\n") == 50), proxy.log.count("\n"))


def forms(origin):
    to = ("--to", f"http://127.0.0.1:{origin.port}", "--listen", "127.0.0.1:0")
    with Bowline("proxy", *to, "--log", "off") as proxy:
        with Peer(proxy.port) as peer:
            peer.get("/hello").answer()
        proxy.signal()
        proxy.status()
        same("--log off prints nothing", "", proxy.log)
        check("and still counts", "1 request over" in proxy.talk, proxy.talk)
    with Bowline("proxy", *to, "--log", "text") as proxy:
        with Peer(proxy.port) as peer:
            peer.get("/status/404").answer()
        check("--log text: one line for a person", until(
            lambda: proxy.log.count("\n") == 1 and "/status/404" in proxy.log
            and " 404 " in proxy.log and "{" not in proxy.log), proxy.log)
    ours, theirs = pty.openpty()
    with Bowline("proxy", *to, stdout=theirs) as proxy:
        os.close(theirs)
        with Peer(proxy.port) as peer:
            peer.send("GET /hello?\x1b[31m HTTP/1.1\r\nHost: e2e\r\n\r\n")
            peer.ending()
        with Peer(proxy.port) as peer:
            peer.get("/hello?%1b[31m").answer()
        seen = b""
        end = time.monotonic() + 5
        while seen.count(b"\n") < 2 and time.monotonic() < end:
            seen += os.read(ours, 4096)
        check("on a terminal: text", b"/hello" in seen and b"{" not in seen, seen)
        check("nobody can send escapes to the terminal", b"\x1b[31m" not in seen, seen)
    os.close(ours)


def overflow(proxy):
    """More records in one turn of a loop than `log.buffer=4kB` holds, on any machine: 421 needs no
    upstream, and pipelined requests are answered in one go."""
    with Peer(proxy.port) as peer:
        peer.send("GET https://e2e/ HTTP/1.1\r\nHost: e2e\r\n\r\n" * 100)
        return [peer.answer().status for _ in range(100)] == [421] * 100


def stalled_reader(origin):
    reading, writing = os.pipe()
    with Bowline("proxy", "--to", f"http://127.0.0.1:{origin.port}", "--listen", "127.0.0.1:0",
                 "--set", "log.buffer=4kB", stdout=writing) as proxy:
        os.close(writing)
        check("a burst is answered whole", overflow(proxy))
        run = subprocess.run(
            ["wrk", "-t1", "-c8", "-d1s", f"http://127.0.0.1:{proxy.port}/hello"],
            capture_output=True, text=True, timeout=20)
        check("nobody reads the log: requests go on, without errors",
              "Socket errors" not in run.stdout and "requests in" in run.stdout, run.stdout)
        began = time.monotonic()
        with Peer(proxy.port) as peer:
            same("and are answered at once", 200, peer.get("/hello").answer().status)
        check("within a second", time.monotonic() - began < 1)
        proxy.signal()
        same("SIGTERM ends it all the same", 0, proxy.status())
        check("what was dropped is counted and said", "dropped" in proxy.talk, proxy.talk)
        check("and that the log is not whole", "given up: nobody reads it" in proxy.talk,
              proxy.talk)
    os.close(reading)


def slow_reader(origin):
    """A reader that wakes up again learns of what it has missed."""
    reading, writing = os.pipe()
    with Bowline("proxy", "--to", f"http://127.0.0.1:{origin.port}", "--listen", "127.0.0.1:0",
                 "--set", "log.buffer=4kB", stdout=writing) as proxy:
        os.close(writing)
        check("a burst is answered whole, again", overflow(proxy))
        subprocess.run(["wrk", "-t1", "-c4", "-d1s", f"http://127.0.0.1:{proxy.port}/hello"],
                       capture_output=True, timeout=20, check=True)
        os.set_blocking(reading, False)
        seen = bytearray()

        def read():
            try:
                seen.extend(os.read(reading, 1 << 20))
            except BlockingIOError:
                pass
            return "dropped" in proxy.talk

        check("once it reads again, drops are reported while running", until(read), proxy.talk)
        proxy.signal()
        same("then the exit is clean", 0, proxy.status())
        read()
        whole = bytes(seen).rsplit(b"\n", 1)[0].splitlines()
        broken = [line for line in whole if not is_object(line)]
        check("no line is torn", not broken, broken[:3])


def is_object(line):
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def closed_reader(origin):
    reading, writing = os.pipe()
    with Bowline("proxy", "--to", f"http://127.0.0.1:{origin.port}", "--listen", "127.0.0.1:0",
                 stdout=writing) as proxy:
        os.close(writing)
        os.close(reading)
        with Peer(proxy.port) as peer:
            peer.get("/hello").answer()
            check("a reader that has gone is noticed",
                  until(lambda: "nobody reads the log any more" in proxy.talk), proxy.talk)
            same("and does not end the proxy", 200, peer.get("/hello").answer().status)
        proxy.signal()
        same("which exits with 0", 0, proxy.status())


with Origin() as demo:
    objects(demo)
    late_lines(demo)
    forms(demo)
    stalled_reader(demo)
    slow_reader(demo)
    closed_reader(demo)
