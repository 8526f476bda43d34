#!/usr/bin/env python3
"""The end of a process: drains, second signals, Ctrl-C, and nothing left behind."""

import signal
import socket
import time

from processes import Bowline, Peer, check, free_ports, same, until


def demo(*more):
    origin = free_ports(1)[0]
    return origin, Bowline("demo", "--listen", "127.0.0.1:0", "--origin", f"127.0.0.1:{origin}",
                           "--log", "off", *more)


def refuses(port):
    """True when nobody can connect any more."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.3).close()
        return False
    except ConnectionRefusedError:
        return True
    except TimeoutError:
        return False


def sockets_of(port):
    """Listening and established sockets on `port`."""
    count = 0
    with open("/proc/net/tcp") as file:
        for line in list(file)[1:]:
            words = line.split()
            count += words[3] in ("0A", "01") and int(words[1].split(":")[1], 16) == port
    return count


# covers: R205, R215
def drain(number):
    name = signal.Signals(number).name
    origin, bowline = demo()
    with bowline, Peer(bowline.port) as slow, Peer(bowline.port) as idle:
        idle.get("/hello").answer()
        slow.under_way("/delay/3000")
        bowline.signal(number)
        began = time.monotonic()
        same(f"{name}: an idle connection is closed at once", "closed", idle.ending())
        check(f"{name}: before the slow answer", time.monotonic() - began < 2)
        check(f"{name}: new connections are refused while it drains",
              until(lambda: refuses(bowline.port), 0.6), "not refused")
        check(f"{name}: it still runs", bowline.process.poll() is None)
        answer = slow.answer()
        same(f"{name}: the request in flight is answered whole", (200, b"late\n"),
             (answer.status, answer.body))
        same(f"{name}: and announces the close", "close", answer.field("connection"))
        same(f"{name}: and the connection ends", "closed", slow.ending())
        same(f"{name}: exit status 0", 0, bowline.status(5))
        check(f"{name}: it says what it served", "served " in bowline.talk
              and "draining" in bowline.talk, bowline.talk)
        same(f"{name}: no socket is left", (0, 0), (sockets_of(bowline.port), sockets_of(origin)))


# covers: S144
def large_response():
    _, bowline = demo()
    with bowline, Peer(bowline.port, receive_buffer=8192) as peer:
        peer.get("/bytes/8000000")
        peer.more()
        bowline.signal()
        until(lambda: "draining" in bowline.talk)
        same("a large response under way is sent to its last byte", 8000000,
             len(peer.answer().body))
        same("then exit status 0", 0, bowline.status(5))


def fresh_connection():
    """Connected, and about to ask: such a client has a right to one answer."""
    with Bowline("serve", ".", "--listen", "127.0.0.1:0", "--log", "off") as bowline, \
            Peer(bowline.port) as peer:
        with Peer(bowline.port) as other:
            other.get("/run.sh").answer()
        bowline.signal()
        until(lambda: refuses(bowline.port))
        try:
            status = peer.get("/run.sh").answer().status
        except (EOFError, OSError) as error:
            status = repr(error)
        same("a request on a connection made before the drain is answered", 200, status)
        same("then exit status 0, soon", 0, bowline.status(5))


def silent_connection():
    _, bowline = demo()
    with bowline, Peer(bowline.port):
        began = time.monotonic()
        bowline.signal()
        same("a client that never asks does not hold up the end", 0, bowline.status(8))
        check("for long", time.monotonic() - began < 8, time.monotonic() - began)


def twice(first, second):
    name = f"{signal.Signals(first).name}, {signal.Signals(second).name}"
    _, bowline = demo()
    with bowline, Peer(bowline.port) as slow:
        slow.under_way("/delay/20000")
        bowline.signal(first)
        until(lambda: "draining" in bowline.talk)
        began = time.monotonic()
        bowline.signal(second)
        same(f"{name}: exit status 5", 5, bowline.status(5))
        check(f"{name}: at once", time.monotonic() - began < 8)
        check(f"{name}: the client is not left waiting", slow.ending() != "open")


def deadline():
    _, bowline = demo("--set", "drain.timeout=300ms")
    with bowline, Peer(bowline.port) as slow:
        slow.under_way("/delay/20000")
        bowline.signal()
        same("drain.timeout over: exit status 5", 5, bowline.status(5))


def demo_lines():
    """What `make run` starts: three lines to try, and they work."""
    origin, port = free_ports(2)
    with Bowline("demo", "--listen", f"127.0.0.1:{port}", "--origin", f"127.0.0.1:{origin}") as one:
        lines = [line.strip() for line in one.talk.splitlines() if line.startswith("  curl ")]
        same("the demo prints three lines to try", 3, len(lines))
        import subprocess
        for line in lines:
            run = subprocess.run(["bash", "-c", line.replace("curl -v", "curl -sS --max-time 5")],
                                 capture_output=True, text=True, timeout=10)
            check(f"it works: {line.replace(str(port), 'PORT')}",
                  run.returncode == 0 and run.stdout and not run.stderr, run)
        one.signal(signal.SIGINT)
        same("Ctrl-C ends the demo with 0", 0, one.status(5))


drain(signal.SIGTERM)
drain(signal.SIGINT)
large_response()
fresh_connection()
silent_connection()
twice(signal.SIGTERM, signal.SIGTERM)
twice(signal.SIGINT, signal.SIGINT)
deadline()
demo_lines()
