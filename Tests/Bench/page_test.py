"""The page of `make bench` from known results: what it says, and what it must not say."""

import copy
import json
import sys
import unittest
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "Scripts" / "bench"))

import calls
import chart
import load
import page

RESULTS = json.loads((HERE / "fixture.json").read_text())


def words(picture):
    """Every text of the picture, which must be well-formed for that."""
    return [one.text for one in ElementTree.fromstring(picture).iter()
            if one.tag.endswith("}text")]


class Page(unittest.TestCase):
    maxDiff = None

    def test_tables(self):
        self.assertEqual((HERE / "expected.md").read_text(), page.tables(RESULTS))

    def test_only_what_stands_between_the_marks_changes(self):
        prose = f"# Title\n\nbefore\n{page.BEGIN}\nold\n{page.END}\nafter\n"
        made = page.with_tables(prose, RESULTS)
        self.assertTrue(made.startswith(f"# Title\n\nbefore\n{page.BEGIN}\n"))
        self.assertTrue(made.endswith(f"{page.END}\nafter\n"))
        self.assertNotIn("old", made)
        self.assertEqual(made, page.with_tables(made, RESULTS))
        with self.assertRaises(ValueError):
            page.with_tables("# no marks\n", RESULTS)

    def test_without_nginx_there_is_no_ratio(self):
        results = copy.deepcopy(RESULTS)
        results["failed"]["nginx"] = "cannot bind"
        row = next(line for line in page.tables(results).splitlines() if line.startswith("| first"))
        self.assertEqual("| first † | did not start | no figure of nginx | no figure of nginx "
                         "| – | 1.30: no figure |", row)

    def test_nothing_is_said_about_limits_when_there_was_none(self):
        results = copy.deepcopy(RESULTS)
        for scenario in results["scenarios"]:
            for measurement in (one for turn in scenario["rounds"] for one in turn.values()):
                if "cpu_s" in measurement:
                    measurement["wall_s"] = measurement["cpu_s"]
        self.assertNotIn("†", page.tables(results) + chart.chart(results))

    def test_a_crowded_machine_is_named(self):
        results = copy.deepcopy(RESULTS)
        results["scenarios"][0]["rounds"][0]["nginx"]["others_s"] = 0.5
        self.assertNotIn("trial", page.tables(RESULTS))
        self.assertIn("used 0.50 cores on average.\n**That is a lot", page.tables(results))

    def test_results_without_tunnels_have_no_table_for_them(self):
        results = copy.deepcopy(RESULTS)
        results["scenarios"] = results["scenarios"][:3]
        del results["versions"]["squid"]
        self.assertIn("Squid", page.tables(RESULTS))
        self.assertNotIn("Squid", page.tables(results))

    def test_a_peer_of_tunnels_that_did_not_start_is_named_and_left_out(self):
        results = copy.deepcopy(RESULTS)
        results["failed"]["squid"] = "it ended with status 127"
        made = page.tables(results)
        self.assertIn("| fourth | no figure of Squid | no figure of Squid | 1.00 (1.00..1.00) "
                      "| 1.00: no figure |", made)
        self.assertIn("Squid did not start:\n\n```\nit ended with status 127\n```", made)

    def test_two_loops_share_their_cores_and_are_not_called_limited(self):
        made = page.tables(RESULTS)
        self.assertIn("### Requests per CPU-second, nginx, two workers = 1.00", made)
        self.assertIn("| sixth | 0.80 (0.80..0.80) | 1.20 (1.20..1.20) | 1.50 (1.50..1.50) "
                      "| 1.00: reached |", made)
        self.assertIn("| sixth | Bowline, two loops | 1,200 |  | 2.0 | 0.80 |", made)

    def test_picture(self):
        seen = words(chart.chart(RESULTS))
        self.assertIn("first †", seen)
        self.assertIn("1.40", seen)
        self.assertIn("HAProxy: did not start", seen)
        self.assertIn("Bowline: errors: 3 read, 4 status", seen)
        self.assertNotIn("9.99", " ".join(seen))
        self.assertNotIn("fourth", seen)

    def test_the_committed_page_is_made_from_the_committed_results(self):
        results = json.loads((ROOT / "docs" / "performance.json").read_text())
        committed = (ROOT / "docs" / "performance.md").read_text()
        self.assertEqual(page.with_tables(committed, results), committed)
        self.assertEqual(chart.chart(results), (ROOT / "docs" / "performance.svg").read_text())


class Places(unittest.TestCase):
    def test_two_loops_have_both_cores_as_the_load_has(self):
        places = {one.name: one.places([3, 5]) for one in load.SCENARIOS}
        self.assertEqual(("3,5", "3,5"), places.pop("two-loops"))
        self.assertEqual({("3", "5")}, set(places.values()))


class Reading(unittest.TestCase):
    def test_result_of_the_load(self):
        result = load.result(
            "  noise\nresult requests=7 microseconds=9 p50=1500 p99=2500 connect=0 read=3 write=0 "
            "timeout=0 status=1\n")
        self.assertEqual({"requests": 7, "p50_ms": 1.5, "p99_ms": 2.5,
                          "errors": {"read": 3, "status": 1}}, result)
        with self.assertRaises(RuntimeError):
            load.result("unable to connect")

    def test_counts_of_both_tools(self):
        perf = "12,,raw_syscalls:sys_enter,99,100.00,,\n7,,syscalls:sys_enter_sendto,99,1,,\n"
        self.assertEqual((12, {"sendto": 7}), calls.read_counts("perf", perf))
        strace = (" 60.00    0.000100           1       100           sendto\n"
                  " 40.00    0.000050           1        40         3 recvfrom\n"
                  "------ ----------- ----------- --------- --------- --------\n"
                  "100.00    0.000150           1       140         3 total\n")
        self.assertEqual((140, {"sendto": 100, "recvfrom": 40}),
                         calls.read_counts("strace", strace))

    def test_turns_change(self):
        names = ["a", "b", "c", "d"]
        orders = [load.turns(names, number) for number in range(8)]
        for place in range(4):
            self.assertEqual(set(names), {order[place] for order in orders})
        for name in names:
            self.assertEqual(2, sum(order[0] == name for order in orders))


if __name__ == "__main__":
    unittest.main()
