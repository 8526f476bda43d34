"""The load of the tunnel scenarios: what it counts, and that it calls every failure one."""

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "Scripts" / "bench"
sys.path.insert(0, str(SCRIPTS))

import load
import peers

OPENED = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n"


def head(client):
    """What a client sends, to the end of its head, or as much as there is."""
    seen = b""
    while not seen.endswith(b"\r\n\r\n") and (part := client.recv(4096)):
        seen += part
    return seen


class Proxy:
    """Answers CONNECT with `opening`, and each request in the tunnel with the next of `answers`.

    When they are used up it closes, or stays silent.
    """

    def __init__(self, case, opening, answers=(), closes=False):
        self.opening, self.answers, self.closes = opening, answers, closes
        self.heads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        case.addCleanup(self.listener.close)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            self.heads.append(head(client))
            client.sendall(self.opening)
            for answer in self.answers:
                self.heads.append(head(client))
                client.sendall(answer)
            while not self.closes and client.recv(4096):
                pass


@unittest.skipUnless(shutil.which("cc") and shutil.which("taskset"), "make setup installs cc")
class Tunnel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.work = Path(place.name)
        cls.program = peers.compile_program(SCRIPTS / "tunnel.c", cls.work)
        cls.origin = peers.start_origin(SCRIPTS / "origin.c", cls.work, peers.cores()[0])
        cls.addClassCleanup(cls.origin.stop)

    def drive(self, port, *words, connections=2, path="/"):
        """Its result of one second, and what it said besides."""
        ran = subprocess.run(
            [self.program, str(port), str(connections), "1", path, *words], capture_output=True,
            text=True, timeout=30)
        return load.result(ran.stdout), ran.stderr

    def through(self, *arguments, **more):
        """What comes of a proxy that does this with its one client."""
        proxy = Proxy(self, *arguments, **more)
        found, said = self.drive(proxy.port, "127.0.0.1:9", connections=1)
        return found["requests"], found["errors"], said

    def test_requests_of_every_connection_are_counted(self):
        for path in ("/", "/bytes/0", "/bytes/1000000"):
            found, _ = self.drive(self.origin.port, connections=8, path=path)
            self.assertEqual({}, found["errors"], path)
            self.assertGreater(found["requests"], 8, path)
            self.assertGreaterEqual(found["p99_ms"], found["p50_ms"], path)

    def test_a_tunnel_is_asked_for_and_then_used(self):
        body = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"
        proxy = Proxy(self, OPENED, [body + b"abc", body + b"def"])
        found, _ = self.drive(proxy.port, "origin.test:80", connections=1, path="/path")
        self.assertEqual(2, found["requests"])
        # The third request gets no answer.
        self.assertEqual({"timeout": 1}, found["errors"])
        request = b"GET /path HTTP/1.1\r\nHost: origin.test:80\r\n\r\n"
        self.assertEqual([b"CONNECT origin.test:80 HTTP/1.1\r\nHost: origin.test:80\r\n\r\n",
                          request, request], proxy.heads)

    def test_a_tunnel_that_is_not_opened(self):
        self.assertEqual(
            (0, {"connect": 1}, "tunnel: CONNECT was answered with HTTP/1.1 403 Forbidden\n"),
            self.through(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
        self.assertEqual((0, {"connect": 1}), self.through(b"", closes=True)[:2])
        self.assertEqual((0, {"connect": 1}), self.through(OPENED + b"early")[:2])
        # Nobody answers: the first is waited for, and the others are not.
        found, _ = self.drive(Proxy(self, b"").port, "127.0.0.1:9", connections=64)
        self.assertEqual((0, {"connect": 1}), (found["requests"], found["errors"]))

    def test_answers_that_are_none(self):
        whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
        for answer in (whole + b"longer", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"):
            self.assertEqual((0, {"read": 1}), self.through(OPENED, [answer])[:2], answer)
        for cut in (b"", whole[:20], whole + b"a"):
            self.assertEqual((0, {"read": 1}), self.through(OPENED, [cut], closes=True)[:2], cut)

    def test_another_status(self):
        found, _ = self.drive(self.origin.port, path="/nothing")
        self.assertEqual({"status": found["requests"]}, found["errors"])

    def test_nobody_listens(self):
        port, = peers.free_ports(1)
        found, _ = self.drive(port, connections=3)
        self.assertEqual((0, {"connect": 1}), (found["requests"], found["errors"]))

    def test_a_scenario_drives_it(self):
        scenario = next(one for one in load.SCENARIOS if one.tunnels and one.body)
        load.verify(self.origin, scenario)
        found = load.drive(scenario, self.origin, 1, peers.cores()[0], self.work)
        self.assertEqual({}, found["errors"])
        self.assertGreater(found["requests"], 0)

    def test_a_tunnel_proxy_is_asked_through_its_tunnel(self):
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"b" * 200
        proxy = Proxy(self, OPENED, [answer])
        # A process that only has to be there: the port is the one above.
        with peers.TunnelProxy(
                "idle", peers.cores()[0], ["sleep", 60], proxy.port, 9, self.work) as idle:
            self.assertTrue(proxy.heads[0].startswith(b"CONNECT 127.0.0.1:9 "))
            idle.port = Proxy(self, b"HTTP/1.1 403 Forbidden\r\n\r\n", closes=True).port
            with self.assertRaisesRegex(OSError, "403 Forbidden"):
                load.verify(idle, load.SCENARIOS[-1])


if __name__ == "__main__":
    unittest.main()
