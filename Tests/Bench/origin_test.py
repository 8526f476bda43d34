"""The origin of `make bench`, directly: a benchmark of wrong answers would be worth nothing."""

import http.client
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "Scripts" / "bench"
sys.path.insert(0, str(SCRIPTS))

import peers


# HEAD_LIMIT of origin.c.
HEAD_LIMIT = 16384


@unittest.skipUnless(shutil.which("cc") and shutil.which("taskset"), "make setup installs cc")
class Origin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.origin = peers.start_origin(
            SCRIPTS / "origin.c", Path(place.name), peers.cores()[0])
        cls.addClassCleanup(cls.origin.stop)

    def ask(self, *request, **more):
        client = http.client.HTTPConnection("127.0.0.1", self.origin.port, timeout=5)
        self.addCleanup(client.close)
        client.request(*request, **more)
        answer = client.getresponse()
        return answer.status, answer.read(), answer

    def exchange(self, text):
        """Sends everything at once and reads until the origin closes."""
        with socket.create_connection(("127.0.0.1", self.origin.port), timeout=5) as client:
            client.sendall(text)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def test_bodies(self):
        self.assertEqual((200, b"b" * 200), self.ask("GET", "/")[:2])
        self.assertEqual((200, b"b" * 60000), self.ask("GET", "/bytes/60000")[:2])
        self.assertEqual((200, b""), self.ask("GET", "/bytes/0")[:2])
        self.assertEqual(404, self.ask("GET", "/nothing")[0])
        for size in (0, 1, 16384, 16385, 1000000):
            status, body, answer = self.ask("GET", f"/chunked/{size}")
            self.assertEqual((200, b"b" * size), (status, body))
            self.assertEqual("chunked", answer.getheader("Transfer-Encoding"))

    def test_uploads(self):
        body = b"u" * 300_000
        self.assertEqual((200, b"bb"), self.ask("PUT", "/any", body=body)[:2])
        self.assertEqual((200, b"bb"), self.ask("POST", "/any", body=b"")[:2])
        chunks = iter([body[:1], body[1:70000], body[70000:]])
        self.assertEqual((200, b"bb"), self.ask("POST", "/any", body=chunks, encode_chunked=True,
                                                headers={"Transfer-Encoding": "chunked"})[:2])

    def test_pipelined_requests_are_answered_in_order(self):
        seen = self.exchange(
            b"GET /bytes/3 HTTP/1.1\r\nHost: o\r\n\r\n"
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n"
            b"PUT / HTTP/1.1\r\ncontent-length: 4\r\n\r\nabcd"
            b"GET /bytes/5 HTTP/1.1\r\nconnection: close\r\n\r\n")
        bodies = [part.partition(b"\r\n\r\n")[2] for part in seen.split(b"HTTP/1.1 200 OK")[1:]]
        self.assertEqual([b"bbb", b"bb", b"bb", b"bbbbb"], bodies)

    def test_what_it_does_not_serve_is_refused_and_closed(self):
        self.assertIn(b" 501 ", self.exchange(b"HEAD / HTTP/1.1\r\nHost: o\r\n\r\n"))
        # As much as fits, to the byte: what lies unread when it closes would reset its answer.
        start = b"GET / HTTP/1.1\r\nA: "
        self.assertIn(b" 431 ", self.exchange(start + b"a" * (HEAD_LIMIT - len(start))))


if __name__ == "__main__":
    unittest.main()
