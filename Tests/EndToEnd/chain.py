#!/usr/bin/env python3
"""The chain matrix: a client, one or two relays of three kinds, an origin.

    dumb      relays a connection's first request as it is, and waits for the next hop to close
    mapping   takes Proxy-Connection for Connection, and keeps both sides
    modern    a forward proxy of today

The client sends two requests, and keeps its connection if the first answer lets it believe that it
may. A cell hangs when the second request is not answered on the connection that it was sent on: the
client then sees the end of the connection, or a modern proxy notices and sends it again elsewhere.
Every hang ends with the patience of whoever waits for the second request (`us.timeout.idle`).
"""

import json
import os
import re

from processes import Bowline, Peer, check, same, until

CHAINS = [
    ("dumb",), ("mapping",), ("modern",), ("dumb", "dumb"), ("mapping", "mapping"),
    ("modern", "modern"), ("mapping", "dumb"), ("dumb", "mapping"), ("modern", "dumb"),
    ("dumb", "modern"), ("mapping", "modern"), ("modern", "mapping"),
]

# What a client of its time sends, and which chains hang.
HEADERS = {
    # Any chain with a dumb hop, but for the one whose modern hop closes on the dumb one's behalf.
    "Connection": (
        "HTTP/1.0", "Connection: keep-alive\r\n",
        {("dumb",), ("dumb", "dumb"), ("mapping", "dumb"), ("dumb", "mapping"),
         ("modern", "dumb")}),
    # The idea works with one proxy, and with dumb ones only: the origin ignores the field.
    "Proxy-Connection": (
        "HTTP/1.0", "Proxy-Connection: keep-alive\r\n",
        {("mapping", "dumb"), ("dumb", "mapping"), ("modern", "dumb")}),
    # Not in the book: a request line that is copied makes the origin keep the connection.
    "none, HTTP/1.1": (
        "HTTP/1.1", "",
        {("dumb",), ("dumb", "dumb"), ("mapping", "dumb"), ("dumb", "mapping"),
         ("modern", "dumb"), ("dumb", "modern")}),
}


def start(kind, next_port, origin_port):
    words = ["proxy", "--listen", "127.0.0.1:0", "--loops", "1", "--log", "json",
             "--set", "client.idle-timeout=1s"]
    if kind != "modern":
        mode = "blind" if kind == "dumb" else "mapping"
        return Bowline(*words, "--mode", mode, "--to", f"http://127.0.0.1:{next_port}")
    words += ["--mode", "forward", "--allow", "127.0.0.0/8"]
    if next_port != origin_port:
        words += ["--to", f"http://127.0.0.1:{next_port}"]
    return Bowline(*words)


def keeps(head):
    """What a client believes after this answer."""
    version = head.split(b" ")[0]
    options = re.findall(rb"(?im)^(?:proxy-)?connection:\s*(.*?)\r?$", head)
    options = b",".join(options).lower()
    if b"close" in options:
        return False
    return version == b"HTTP/1.1" and b"1.0" not in version or b"keep-alive" in options


def ask(peer, port, version, field):
    """Sends a request; the head of the answer, or nothing when the connection ends instead."""
    peer.send(f"GET http://127.0.0.1:{port}/file {version}\r\nHost: 127.0.0.1:{port}\r\n{field}\r\n"
              .encode())
    try:
        return peer.answer().head
    except (EOFError, OSError):
        return None


def cell(first, origin_port, header, hops):
    """True when the second request hangs."""
    version, field, _ = HEADERS[header]
    peer = Peer(first, timeout=10)
    head = ask(peer, origin_port, version, field)
    if head is None or b" 200 " not in head.split(b"\r\n")[0]:
        return f"the first request was not answered: {head}"
    # A client of version 1.0 that is told nothing closes by itself.
    if not (keeps(head) and (version == "HTTP/1.1" or b"keep-alive" in head.lower())):
        peer.socket.close()
        peer = Peer(first, timeout=10)
    head = ask(peer, origin_port, version, field)
    peer.socket.close()
    if head is None:
        return True
    return b" 200 " not in head.split(b"\r\n")[0] or was_sent_again(hops[0], header)


def was_sent_again(hop, header):
    """A first hop that reads HTTP has answered both requests; did it send the second one twice?"""
    if "blind" in hop.talk:
        return False
    wanted = 2 * (1 + list(HEADERS).index(header))
    until(lambda: hop.log.count("\n") >= wanted)
    lines = hop.log.splitlines()
    return len(lines) < wanted or "replay.count" in json.loads(lines[wanted - 1])


# covers: L42, S129, S131, S132, S133
def main():
    directory = os.path.join(os.environ["TMPDIR"], "chain")
    os.mkdir(directory)
    with open(os.path.join(directory, "file"), "w") as file:
        file.write("here\n")
    with Bowline("serve", directory, "--listen", "127.0.0.1:0", "--loops", "1", "--log", "json",
                 "--log-connections", "--set", "client.idle-timeout=1s") as origin:
        for chain in CHAINS:
            hops, next_port = [], origin.port
            for kind in reversed(chain):
                hops.insert(0, start(kind, next_port, origin.port))
                next_port = hops[0].port
            for header, (_, _, hanging) in HEADERS.items():
                seen = cell(next_port, origin.port, header, hops)
                word = "hangs" if chain in hanging else "works"
                same(f"{' > '.join(chain)}, {header}: {word}", chain in hanging, seen)
            for hop in hops:
                hop.__exit__()
        origin.signal()
        origin.status()
        ended = [json.loads(line) for line in origin.log.splitlines()]
        check("the hangs behind a dumb hop end with the origin's patience",
              sum(line.get("end.reason") == "us.timeout.idle" for line in ended) >= 8, origin.log)


if __name__ == "__main__":
    main()
