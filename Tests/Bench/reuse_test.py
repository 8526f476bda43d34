"""The count of `make reuse`: whether it can fail."""

import json
import sys
import unittest
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "Scripts" / "race"), str(ROOT / "Scripts" / "bench")]

import reuse


def found(opened=(100, 304), ended=20, failed=0, **reasons):
    results = [{"requests": 500, "errors": {"status": failed} if failed else {}},
               {"requests": 500, "errors": {}}]
    counts = {name.replace("__", "."): count for name, count in reasons.items()}
    return reuse.Found(list(opened), ended, results, Counter(counts))


class Bound(unittest.TestCase):
    def test_as_many_as_may_be(self):
        self.assertEqual([], found(upstream__asked__close=20, us__drain__idle=384).missed(128))

    def test_one_too_many(self):
        self.assertEqual(
            ["405 connections opened, 404 may be: 128 x 3 + 20 ended by the origin + 0 given up as "
             "learned"],
            found((100, 305), upstream__asked__close=20, us__drain__idle=385).missed(128))

    def test_what_was_given_up_as_learned_is_allowed(self):
        self.assertEqual([], found((100, 305), upstream__asked__close=20, us__drain__idle=384,
                                   us__pool__learned=1).missed(128))

    def test_a_connection_without_an_end(self):
        self.assertEqual(["the log tells the end of 403 connections, and the origin took 404"],
                         found(upstream__asked__close=20, us__drain__idle=383).missed(128))

    def test_a_failed_request(self):
        self.assertEqual(["1 requests failed, none may"],
                         found(failed=1, upstream__asked__close=404).missed(128))

    def test_only_connections_to_upstreams_count(self):
        lines = [json.dumps({"side": side, "end.reason": reason}) for side, reason in
                 [("upstream", "a"), ("downstream", "a"), ("upstream", "b"), ("upstream", "a")]]
        self.assertEqual(Counter(a=2, b=1), reuse.upstream_ends("\n".join(lines)))


if __name__ == "__main__":
    unittest.main()
