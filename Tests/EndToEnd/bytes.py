#!/usr/bin/env python3
"""Bytes on a raw socket: pipelines, malformed heads, limits, and peers that are slow."""

import json
import time

from processes import Bowline, Peer, check, free_ports, same, until

HOST = "Host: e2e\r\n"


def pipelines(port):
    with Peer(port) as peer:
        peer.send(f"GET /bytes/5 HTTP/1.1\r\n{HOST}\r\nGET /status/404 HTTP/1.1\r\n{HOST}\r\n"
                  f"GET /hello HTTP/1.1\r\n{HOST}\r\n")
        answers = [peer.answer() for _ in range(3)]
        same("three GETs in one write, three answers in order",
             [(200, b"01234"), (404, b"404\n"), (200, b"hello\n")],
             [(one.status, one.body) for one in answers])
        same("and nothing behind them", b"", peer.read)
    with Peer(port) as peer:
        peer.send(f"POST /echo HTTP/1.1\r\n{HOST}Content-Length: 3\r\n\r\nabc"
                  f"GET /hello HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n"
                  f"GET /bytes/9 HTTP/1.1\r\n{HOST}\r\n")
        first, second = peer.answer(), peer.answer()
        check("a body, then a request behind it",
              b"abc" in first.body and second.body == b"hello\n", (first.body, second.body))
        same("nothing is answered after Connection: close", ("closed", b""),
             (peer.ending(), peer.read))
    with Peer(port) as peer:
        count = 250
        peer.send(f"GET /bytes/1 HTTP/1.1\r\n{HOST}\r\n" * count)
        same(f"{count} at once: all answered", [b"0"] * count,
             [peer.answer().body for _ in range(count)])
    with Peer(port) as peer:
        for byte in f"GET /hello HTTP/1.1\r\n{HOST}\r\n":
            peer.send(byte)
        same("byte by byte", b"hello\n", peer.answer().body)
    with Peer(port) as peer:
        peer.send(f"GET /hello HTTP/1.1\r\n{HOST}\r\n").half_close()
        same("a half-closed client is answered", b"hello\n", peer.answer().body)
        same("and then closed", "closed", peer.ending())
    with Peer(port) as peer:
        peer.send(f"HEAD /bytes/9 HTTP/1.1\r\n{HOST}\r\nGET /hello HTTP/1.1\r\n{HOST}\r\n")
        head = peer.answer(is_head=True)
        same("HEAD and GET in one write", ("9", b"hello\n"),
             (head.field("content-length"), peer.answer().body))


def refusals(port):
    long = "x" * 2000
    table = [
        ("no version", "GET /hello\r\n\r\n", 400),
        ("no Host", "GET /hello HTTP/1.1\r\n\r\n", 400),
        ("two Hosts", f"GET /hello HTTP/1.1\r\n{HOST}Host: other\r\n\r\n", 400),
        ("a Host that is none", "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("CL and TE", f"POST /echo HTTP/1.1\r\n{HOST}Content-Length: 5\r\n"
         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("two lengths", f"POST /echo HTTP/1.1\r\n{HOST}Content-Length: 5\r\n"
         "Content-Length: 6\r\n\r\nabcdef", 400),
        ("a length with a sign", f"POST /echo HTTP/1.1\r\n{HOST}Content-Length: +5\r\n\r\nabcde",
         400),
        ("a length too large", f"POST /echo HTTP/1.1\r\n{HOST}"
         "Content-Length: 99999999999999999999\r\n\r\n", 400),
        ("chunked twice", f"POST /echo HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked, chunked\r\n"
         "\r\n0\r\n\r\n", 400),
        ("chunked not last", f"POST /echo HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked, gzip\r\n"
         "\r\n0\r\n\r\n", 400),
        ("an unknown coding", f"POST /echo HTTP/1.1\r\n{HOST}Transfer-Encoding: gzip, chunked\r\n"
         "\r\n0\r\n\r\n", 501),
        ("chunked in HTTP/1.0", f"POST /echo HTTP/1.0\r\n{HOST}Transfer-Encoding: chunked\r\n"
         "\r\n0\r\n\r\n", 400),
        ("a space before the colon", f"GET /hello HTTP/1.1\r\n{HOST}X-A : 1\r\n\r\n", 400),
        ("a folded line", f"GET /hello HTTP/1.1\r\n{HOST}X-A: 1\r\n 2\r\n\r\n", 400),
        ("a bare CR", f"GET /hello HTTP/1.1\r\n{HOST}X-A: 1\r2\r\n\r\n", 400),
        ("a NUL", f"GET /hello HTTP/1.1\r\n{HOST}X-A: 1\x002\r\n\r\n", 400),
        ("a field without name", f"GET /hello HTTP/1.1\r\n{HOST}: 1\r\n\r\n", 400),
        ("a field line before the first", f"GET /hello HTTP/1.1\r\n X-A: 1\r\n{HOST}\r\n", 400),
        ("two spaces in the request line", f"GET  /hello HTTP/1.1\r\n{HOST}\r\n", 400),
        ("a target that is none", f"GET hello HTTP/1.1\r\n{HOST}\r\n", 400),
        ("another protocol", f"GET /hello ICY/1.1\r\n{HOST}\r\n", 400),
        ("HTTP/3.0", f"GET /hello HTTP/3.0\r\n{HOST}\r\n", 505),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x7f" * 80, 400),
        ("a request line too long", f"GET /{'a' * 20000} HTTP/1.1\r\n{HOST}\r\n", 414),
        ("a field line too long", f"GET /hello HTTP/1.1\r\n{HOST}X-A: {'a' * 20000}\r\n\r\n", 431),
        ("a head too large", f"GET /hello HTTP/1.1\r\n{HOST}"
         + "".join(f"X-{n}: {long}\r\n" for n in range(40)) + "\r\n", 431),
        ("too many fields", f"GET /hello HTTP/1.1\r\n{HOST}"
         + "".join(f"X-{n}: 1\r\n" for n in range(300)) + "\r\n", 431),
        ("CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405),
    ]
    settings = {
        "a request line too long": b"head.request-line",
        "a field line too long": b"head.field-line",
        "a head too large": b"head.size",
        "too many fields": b"head.fields",
    }
    for name, request, status in table:
        with Peer(port) as peer:
            peer.send(request).half_close()
            try:
                answer = peer.answer()
                ending = peer.ending()
                seen = (answer.status, ending, peer.read)
                check(f"{name}: {status} and close", seen == (status, "closed", b""),
                      (seen, answer.body))
                if name in settings:
                    check(f"{name}: the answer names {settings[name].decode()}",
                          settings[name] in answer.body, answer.body)
            except (EOFError, OSError) as error:
                check(f"{name}: {status} and close", False, repr(error))
    with Peer(port) as peer:
        peer.send(f"POST /echo HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n")
        ending = peer.ending()
        check("a chunk size that is none: no good end", not peer.read.endswith(b"0\r\n\r\n"),
              (ending, peer.read))
    with Peer(port) as peer:
        peer.send(f"GET /bytes/3 HTTP/1.1\r\n{HOST}\r\nBAD\r\n\r\n"
                  f"GET /hello HTTP/1.1\r\n{HOST}\r\n")
        same("good, bad, good in one write: the third is never read", (200, 400, "closed", b""),
             (peer.answer().status, peer.answer().status, peer.ending(), peer.read))
    with Peer(port) as peer:
        peer.send(f"\r\n\r\nGET http://other/hello HTTP/1.1\r\n{HOST}\r\n")
        same("empty lines before it, and absolute-form: answered", 200, peer.answer().status)


def slow_peers():
    demo = free_ports(1)[0]
    with Bowline("demo", "--listen", "127.0.0.1:0", "--origin", f"127.0.0.1:{demo}", "--loops", 1,
                 "--log", "json", "--log-connections",
                 "--set", "client.head-timeout=300ms", "--set", "client.idle-timeout=300ms",
                 "--set", "client.body-grace=300ms", "--set", "write.stall-timeout=500ms",
                 "--set", "linger.idle=200ms") as bowline:

        def ends(side="downstream"):
            lines = [json.loads(line) for line in bowline.log.splitlines()]
            return [line["end.reason"] for line in lines if line.get("side") == side]

        with Peer(bowline.port) as peer:
            peer.send("GET /hello HT")
            answer = peer.answer()
            same("a head that does not end: 408 and close", (408, "closed"),
                 (answer.status, peer.ending()))
        with Peer(bowline.port) as peer:
            peer.get("/hello").answer()
            began = time.monotonic()
            same("an idle client: closed without a word", ("closed", b""),
                 (peer.ending(), peer.read))
            took = time.monotonic() - began
            check("after client.idle-timeout", 0.25 < took < 6, took)
        with Peer(bowline.port) as peer:
            peer.send(f"POST /status/200 HTTP/1.1\r\n{HOST}Content-Length: 100000\r\n\r\nx")
            same("a body that does not come: 408 and close", (408, "closed"),
                 (peer.answer().status, peer.ending()))
        before = bowline.resident_kilobytes()
        readers = [Peer(bowline.port, receive_buffer=4096) for _ in range(8)]
        for peer in readers:
            peer.get("/bytes/200000000")
        with Peer(bowline.port) as peer:
            same("others are served while eight clients do not read", 200,
                 peer.get("/hello").answer().status)
        grown = bowline.resident_kilobytes() - before
        check("what they do not read is not kept: 8 x 200 MB cost less than 16 MB", grown < 16384,
              f"{grown} kB")
        # Eight clients of the proxy, and as often the proxy as the demo origin's client: it does
        # not read what nobody takes.
        check("they are given up after write.stall-timeout",
              until(lambda: ends().count("client.stalled.write") >= 8), ends())
        for peer in readers:
            peer.socket.close()
        expected = {"client.timeout.head", "us.timeout.idle", "client.slow.body",
                    "client.stalled.write"}
        same("each end is in the log with its reason", set(), expected - set(ends()))


def main():
    origin = free_ports(1)[0]
    with Bowline("demo", "--listen", "127.0.0.1:0", "--origin", f"127.0.0.1:{origin}",
                 "--log", "off") as demo:
        pipelines(demo.port)
        refusals(demo.port)
    slow_peers()


main()
