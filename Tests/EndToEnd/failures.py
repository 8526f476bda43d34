#!/usr/bin/env python3
"""Upstreams that refuse, reset, lie and stop; and what client and log learn of it."""

import json
import socket
import struct
import threading

from processes import Bowline, Peer, check, free_ports, same, until
from scripted import Script


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def reset(one):
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def resets_in_body(origin, one):
    origin.request(one)
    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50000)
    threading.Event().wait(0.2)
    reset(one)


def closes_in_body(origin, one):
    origin.request(one)
    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")


def closes_in_chunks(origin, one):
    origin.request(one)
    one.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")


def ends_by_closing(origin, one):
    origin.request(one)
    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")


def resets_at_once(origin, one):
    origin.request(one)
    reset(one)


def closes_at_once(origin, one):
    origin.request(one)


def talks_nonsense(origin, one):
    origin.request(one)
    one.sendall(b"SSH-2.0-OpenSSH_9\r\n")
    threading.Event().wait(0.5)


def says_nothing(origin, one):
    origin.request(one)
    one.recv(1)


def says_too_much(origin, one):
    origin.request(one)
    one.sendall(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    one.recv(1)


def closes_after_one(origin, one):
    """Keeps its connection, and closes it when the second request arrives."""
    if origin.request(one):
        one.sendall(OK)
        origin.request(one)


def proxy_to(port, *more):
    return Bowline("proxy", "--to", f"http://127.0.0.1:{port}", "--listen", "127.0.0.1:0",
                   "--loops", 1, "--log", "json", "--set", "upstream.response-timeout=400ms", *more)


def exchange(proxy, count=1):
    """The log's line number `count`."""
    until(lambda: proxy.log.count("\n") >= count)
    found = [json.loads(line) for line in proxy.log.splitlines()]
    return found[count - 1] if len(found) >= count else {}


def answered_for(name, port, status, reason):
    """An upstream that gives no response: the proxy answers, and says why."""
    with proxy_to(port) as proxy, Peer(proxy.port) as peer:
        answer = peer.get("/").answer()
        same(f"{name}: {status}", status, answer.status)
        check(f"{name}: the body names {reason}", reason.encode() in answer.body, answer.body)
        line = exchange(proxy)
        same(f"{name}: the log too", (status, reason, reason), (
            line.get("http.response.status_code"), line.get("end.reason"), line.get("error.type")))
        same(f"{name}: the client's connection goes on", status, peer.get("/").answer().status)


# covers: R285, S165
def cut_short(name, play, reason):
    """A response that breaks off: the client must be able to see that."""
    with Script(play) as origin, proxy_to(origin.port) as proxy, Peer(proxy.port) as peer:
        peer.get("/")
        ending = peer.ending()
        head, body = peer.read.split(b"\r\n\r\n", 1)
        if b"chunked" in head.lower():
            whole = body.endswith(b"0\r\n\r\n")
        else:
            whole = len(body) >= int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        check(f"{name}: the client sees that it is not whole", not whole and ending != "open",
              (ending, peer.read[-200:]))
        same(f"{name}: the log says why", (200, reason), (
            exchange(proxy).get("http.response.status_code"), exchange(proxy).get("end.reason")))


def main():
    answered_for("a refused upstream", free_ports(1)[0], 502, "upstream.refused.dialling")
    for name, play, status, reason in [
        ("a reset instead of a response", resets_at_once, 502, "upstream.reset.waiting"),
        ("a close instead of a response", closes_at_once, 502, "upstream.closed.waiting"),
        ("nonsense instead of a response", talks_nonsense, 502, "upstream.fault.head"),
        ("silence", says_nothing, 504, "upstream.timeout.waiting"),
    ]:
        with Script(play) as origin:
            answered_for(name, origin.port, status, reason)

    cut_short("a reset in the body", resets_in_body, "upstream.reset.response")
    cut_short("a close in the body", closes_in_body, "upstream.closed.response")
    cut_short("a close between chunks", closes_in_chunks, "upstream.closed.response")

    with Script(ends_by_closing) as origin, proxy_to(origin.port) as proxy:
        with Peer(proxy.port) as peer:
            answer = peer.get("/").answer()
            check("a body that ends by closing: whole, and the connection goes on",
                  b"until the end" in answer.body and peer.get("/").answer().status == 200,
                  answer.body)
        same("a body that ends by closing: complete", "us.complete",
             exchange(proxy).get("end.reason"))

    with Script(says_too_much) as origin, proxy_to(origin.port) as proxy:
        with Peer(proxy.port) as peer:
            bodies = [peer.get("/").answer().body for _ in range(3)]
        # covers: R100
        same("bytes behind a response are given to nobody", [b"ok"] * 3, bodies)

    with Script(closes_after_one) as origin, proxy_to(origin.port) as proxy:
        with Peer(proxy.port) as peer:
            same("a connection closed on reuse: the client does not notice", [200, 200],
                 [peer.get("/").answer().status for _ in range(2)])
        line = exchange(proxy, 2)
        same("a connection closed on reuse: the log tells of the retry",
             (1, "upstream.closed.on-reuse"), (line.get("replay.count"), line.get("replay.cause")))

    with Script(closes_after_one) as origin, proxy_to(origin.port) as proxy:
        with Peer(proxy.port) as peer:
            peer.get("/").answer()
            peer.send("POST / HTTP/1.1\r\nHost: e2e\r\nContent-Length: 0\r\n\r\n")
            status = peer.answer().status
        line = exchange(proxy, 2)
        check("a POST is never sent twice", origin.requests <= 2 and "replay.count" not in line,
              (status, origin.requests, line))


main()
