"""An origin that misbehaves on purpose, once: what its client sees, and that the next sees nothing.

Tests/EndToEnd/failures.py has what it does at the end of its connections. Here it goes on for too
long, stops, or says what nobody asked for.
"""

import contextlib
import select
import threading

from processes import Peer, until
from scenario import entries, holds, same, scenario
from scripted import Script
from stage import proxy

QUICK = ["--log-connections", "--set", "upstream.response-timeout=400ms", "--set",
         "write.stall-timeout=400ms"]
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
UPLOAD = 16 << 20


def own(path):
    """The answer to a request for `path`, and to no other."""
    body = f"did {path}"
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def stays(one):
    """Says nothing more until the other side ends."""
    with contextlib.suppress(OSError):
        while one.recv(65536):
            pass


def speaks_at_rest(one):
    one.sendall(own("/first"))
    threading.Event().wait(0.1)
    one.sendall(EVIL)
    stays(one)


def answers_twice(one):
    one.sendall(own("/first") + EVIL)
    stays(one)


def informs_for_ever(one):
    while True:
        one.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 10)


def sends_fields_for_ever(one):
    one.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        one.sendall(b"X-More: and more\r\n" * 100)


def sends_a_line_for_ever(one):
    one.sendall(b"HTTP/1.1 200 OK\r\nX-More: ")
    while True:
        one.sendall(b"x" * 4096)


def stops_after(text):
    def act(one):
        one.sendall(text)
        stays(one)
    return act


def takes_nothing(one):
    """Leaves what comes in the kernel's buffers until the other side gives up."""
    hung_up = select.poll()
    hung_up.register(one, select.POLLRDHUP)
    hung_up.poll(20_000)


def misbehaving(act):
    """Does `act` at a request for /first, and is beyond reproach at others."""
    def play(origin, one):
        while head := origin.request(one):
            path = head.split(b" ")[1].decode()
            if path == "/first":
                return act(one)
            one.sendall(own(path))
    return play


def seen(peer):
    """The final status that a client gets, with the body; or that its connection was cut."""
    try:
        while (answer := peer.answer()).status < 200:
            pass
        return answer.status, answer.body
    except (EOFError, ConnectionResetError):
        return "cut", b""


def ends(bowline):
    """How connections to the origin ended."""
    return [one["end.reason"] for one in entries(bowline)
            if one.get("event") == "connection.end" and one["side"] == "upstream"]


def upload(peer):
    """A request whose body the kernel's buffers do not hold; it is not taken to the end."""
    peer.send(f"POST /first HTTP/1.1\r\nHost: interop\r\nContent-Length: {UPLOAD}\r\n\r\n")

    def send():
        with contextlib.suppress(OSError):
            peer.send(b"u" * UPLOAD)

    threading.Thread(target=send, daemon=True).start()


# What it does; what the client sees; how the exchange ends, and how the connection.
CASES = [
    ("bytes on an idle connection", speaks_at_rest, 200, "us.complete",
     "upstream.unexpected.bytes"),
    ("two responses to one request", answers_twice, 200, "us.complete",
     "upstream.unexpected.bytes"),
    ("endless 1xx", informs_for_ever, 502, "upstream.fault.head", "upstream.fault.head"),
    ("a head of endless fields", sends_fields_for_ever, 502, "upstream.fault.head",
     "upstream.fault.head"),
    ("a head of one endless line", sends_a_line_for_ever, 502, "upstream.fault.head",
     "upstream.fault.head"),
    ("a stop before the head", stops_after(b""), 504, "upstream.timeout.waiting",
     "upstream.timeout.waiting"),
    ("a stop in the head", stops_after(b"HTTP/1.1 200 OK\r\nContent-Le"), 504,
     "upstream.timeout.waiting", "upstream.timeout.waiting"),
    ("a stop after 1xx", stops_after(b"HTTP/1.1 103 Early Hints\r\n\r\n"), 504,
     "upstream.timeout.waiting", "upstream.timeout.waiting"),
    ("a stop behind the head", stops_after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), "cut",
     "upstream.timeout.body", "upstream.timeout.body"),
    ("a stop in the body", stops_after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour"), "cut",
     "upstream.timeout.body", "upstream.timeout.body"),
    ("a stop in a chunk",
     stops_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfour"), "cut",
     "upstream.timeout.body", "upstream.timeout.body"),
    ("a stop before the last chunk",
     stops_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n"), "cut",
     "upstream.timeout.body", "upstream.timeout.body"),
    ("a stop while we send", takes_nothing, 504, "upstream.stalled.write",
     "upstream.stalled.write"),
]


def misbehaves(act, status, exchange_end, connection_end):
    with Script(misbehaving(act)) as origin, proxy(origin.port, *QUICK) as bowline, \
            Peer(bowline.port) as first, Peer(bowline.port) as second:
        if act is takes_nothing:
            upload(first)
        else:
            first.get("/first")
        got, body = seen(first)
        same("what the client sees", status, got)
        if status == 200:
            same("its body", b"did /first", body)
        elif status != "cut":
            holds("the text names the reason", exchange_end.encode() in body, body)
        holds("the connection to the origin ends", until(lambda: ends(bowline)), bowline.log)
        same("its end", [connection_end], ends(bowline))
        for path in ("/second", "/third"):
            second.get(path)
            same("the next client", (200, f"did {path}".encode()), seen(second))
        holds("three exchanges in the log", until(lambda: len(requests(bowline)) == 3), bowline.log)
        same("how exchanges end", [exchange_end, "us.complete", "us.complete"],
             [one["end.reason"] for one in requests(bowline)])
        same("connections that ended meanwhile", [connection_end], ends(bowline))
    return f"{status}, {connection_end}; the next client gets its own answers"


def requests(bowline):
    return [one for one in entries(bowline) if "event" not in one]


for case in CASES:
    scenario(f"misbehaving origin: {case[0]}")(lambda stage, words=case[1:]: misbehaves(*words))


@scenario("misbehaving origin: a response before the request")
def answers_before(stage):
    """On a new connection nobody can tell it from an answer; it must not reach anybody else."""
    count = 0

    def play(origin, one):
        nonlocal count
        count += 1
        if count == 1:
            one.sendall(EVIL)
        while head := origin.request(one):
            one.sendall(own(head.split(b" ")[1].decode()))

    with Script(play) as origin, proxy(origin.port, *QUICK) as bowline, \
            Peer(bowline.port) as first, Peer(bowline.port) as second:
        status, body = seen(first.get("/first"))
        holds("one answer or a clear status",
              (status, body) in ((200, b"evil"), (200, b"did /first")) or status == 502, body)
        holds("the connection to the origin ends", until(lambda: ends(bowline)), bowline.log)
        same("its end", ["upstream.unexpected.bytes"], ends(bowline))
        for peer, path in [(second, "/second"), (first, "/third"), (second, "/fourth")]:
            same("who asks next", (200, f"did {path}".encode()), seen(peer.get(path)))
    return f"{status} {body.decode()[:10]!r} for its client, upstream.unexpected.bytes; " \
        "the next get their own answers"
