"""The race of `make race`: whether its count can fail, and its origin, directly."""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RACE = ROOT / "Scripts" / "race"
sys.path[:0] = [str(RACE), str(ROOT / "Scripts" / "bench")]

import crowd
import impatient
import peers
import verdict


def outcome(number, client, method, status=200, is_own=True):
    return crowd.Outcome(number, f"/race/{number}/{client}", method, status, is_own, "")


def record(one, reason, **more):
    fields = {"url.path": one.path, "http.response.status_code": one.status,
              "end.reason": reason, "error.type": reason}
    return json.dumps(fields | more)


class Counting(unittest.TestCase):
    """Ten rounds of 1,200 requests, half of them POST, all well; then one thing is changed."""

    def setUp(self):
        self.outcomes = [outcome(number, client, ("GET", "POST")[client % 2])
                         for number in range(10) for client in range(1200)]
        self.executed = [[one.path, one.method, 1, 1 + one.round] for one in self.outcomes]
        self.lines = []

    def missed(self, quick=False):
        found = verdict.Verdict(self.outcomes, {"executed": self.executed, "connections": 1200})
        return verdict.missed(found, verdict.Log(self.lines), quick)

    def fail(self, index, reason="upstream.reset.on-reuse", **more):
        """The request fails, and the log tells."""
        one = self.outcomes[index]
        one = outcome(one.round, one.path.split("/")[3], one.method, 502)
        self.outcomes[index] = one
        self.executed = [it for it in self.executed if it[0] != one.path]
        self.lines.append(record(one, reason, **more))

    def test_all_well(self):
        self.assertEqual([], self.missed())

    def test_a_failed_get(self):
        self.fail(4)
        self.assertEqual(["1 GETs failed, none may"], self.missed(quick=True))

    def test_a_post_executed_twice(self):
        self.executed.append(["/race/3/7", "POST", 9, 1])
        self.assertEqual(["1 POSTs were executed twice"], self.missed(quick=True))

    def test_a_get_executed_twice_may_be(self):
        self.executed.append(["/race/3/8", "GET", 9, 1])
        self.assertEqual([], self.missed())

    def test_the_answer_to_another_request(self):
        self.outcomes[3] = outcome(0, 3, "POST", is_own=False)
        self.assertEqual(["1 answers belonged to other requests"], self.missed(quick=True))

    def test_an_answer_that_nobody_gave(self):
        del self.executed[3]
        self.assertEqual(["1 answers to what the origin never saw"], self.missed(quick=True))

    def test_a_failure_that_the_log_does_not_explain(self):
        sentence = ["1 failures are not explained by the log"]
        self.fail(5)
        self.assertEqual([], self.missed(quick=True))
        for line in ["", record(outcome(0, 5, "POST", 502), "us.complete"),
                     record(outcome(0, 5, "POST", 502), "us.error.internal"),
                     record(outcome(0, 5, "POST", 504), "upstream.reset.on-reuse")]:
            self.lines = [line] if line else []
            self.assertEqual(sentence, self.missed(quick=True), line)

    def test_posts_that_fail_once_it_is_learned(self):
        # 600 POSTs a round, from the fifth on: 3,600, of which 3 may fail.
        for index in (1, 3, 1201, 4801, 6001, 7201):
            self.fail(index)
        self.assertEqual([], self.missed())
        self.fail(8401)
        self.assertEqual(["once learned 4 of 3,600 (0.11 %) POSTs failed, fewer than 1 in 1,000 "
                          "may"], self.missed())

    def test_too_little_reuse_in_short_rounds(self):
        for it in self.executed[1200:1800]:
            it[3] = 1
        self.assertEqual([], self.missed())
        for it in self.executed[3600:3601]:
            it[3] = 1
        self.assertEqual(["90.0 % reuse in short rounds, 90 are due"], self.missed())

    def test_too_few_requests(self):
        del self.outcomes[1200:4000]
        self.assertEqual(["9200 requests, more than 10,000 are due"], self.missed())

    def test_what_the_log_says_of_connections(self):
        log = verdict.Log([json.dumps({"event": "connection.end", "side": side, "end.reason": "x"})
                           for side in ("upstream", "downstream", "upstream")])
        self.assertEqual(Counter(x=2), log.connections)


@unittest.skipUnless(shutil.which("taskset"), "make setup installs taskset")
class Impatient(unittest.TestCase):
    def start(self, *words):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        port, = peers.free_ports(1)
        self.ledger = Path(place.name) / "ledger"
        origin = peers.Process("origin", peers.cores()[0], [
            sys.executable, "-B", RACE / "impatient.py", port, self.ledger, "--delay", 0, 0,
            *words], port, Path(place.name))
        self.addCleanup(origin.stop)
        return origin

    def connect(self, origin):
        client = socket.create_connection(("127.0.0.1", origin.port), timeout=10)
        self.addCleanup(client.close)
        return client

    def ask(self, client, path, method="POST", pieces=1):
        body = "Content-Length: 4\r\n\r\nbody" if method == "POST" else "\r\n"
        request = f"{method} {path} HTTP/1.1\r\nHost: race\r\n{body}".encode()
        for at in range(pieces):
            size = len(request) // pieces + 1
            client.sendall(request[at * size:(at + 1) * size])
        return client.recv(65536)

    def test_it_executes_and_writes_down(self):
        origin = self.start("--idle", 60)
        one, other = self.connect(origin), self.connect(origin)
        self.assertTrue(self.ask(one, "/race/0/1").endswith(b"\r\n\r\ndid /race/0/1\n"))
        self.assertIn(b"did /race/0/2\n", self.ask(other, "/race/0/2", "GET"))
        self.assertIn(b"did /race/0/3\n", self.ask(one, "/race/0/3", pieces=9))
        origin.stop()
        executed = json.loads(self.ledger.read_text())["executed"]
        numbers = {path: number for path, _, number, _ in executed}
        self.assertEqual([("/race/0/1", "POST", 1), ("/race/0/2", "GET", 1),
                          ("/race/0/3", "POST", 2)],
                         [(path, method, ordinal) for path, method, _, ordinal in executed])
        self.assertEqual(numbers["/race/0/1"], numbers["/race/0/3"])
        self.assertNotEqual(numbers["/race/0/1"], numbers["/race/0/2"])

    def test_it_gives_up_idle_connections(self):
        for manner in ("stalls", "closes"):
            client = self.connect(self.start("--idle", 0.05, "--manner", manner))
            self.assertIn(b"did", self.ask(client, "/race/0/1"))
            # Both end in order for who is silent.
            self.assertEqual(b"", client.recv(1))


class Window(unittest.TestCase):
    """Between the end of its patience and the close; the moments are ours to choose."""

    def play(self, manner):
        """A request before it gives up, one after. The ledger's paths, and what the client reads."""
        origin = impatient.Origin(0, 60, manner, delay=(0, 0))
        self.addCleanup(origin.listening.close)
        self.addCleanup(origin.selector.close)
        client = socket.create_connection(origin.listening.getsockname(), timeout=10)
        self.addCleanup(client.close)
        client.sendall(b"POST /one HTTP/1.1\r\n\r\n")
        origin.serve(lambda: origin.executed and not self.only(origin).is_busy)
        self.assertIn(b"did /one", client.recv(65536))
        one = self.only(origin)
        origin.give_up(one, one.period)
        if one.open:
            client.sendall(b"POST /two HTTP/1.1\r\n\r\n")
            origin.serve(lambda: not one.open)
        try:
            rest = client.recv(65536)
        except ConnectionResetError:
            rest = b"reset"
        return [path for path, _, _, _ in origin.executed], rest

    def only(self, origin):
        return next(key.data for key in origin.selector.get_map().values() if key.data)

    def test_stalls(self):
        self.assertEqual((["/one"], b"reset"), self.play("stalls"))

    def test_executes(self):
        paths, rest = self.play("executes")
        self.assertEqual(["/one", "/two"], paths)
        self.assertIn(rest, (b"", b"reset"))

    def test_closes(self):
        self.assertEqual((["/one"], b""), self.play("closes"))


if __name__ == "__main__":
    unittest.main()
