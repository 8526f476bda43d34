"""Origins that close idle connections while requests come at the same interval; a small make race.

Whatever happens to a POST then, no GET fails, no POST is executed twice, and the log says why.
"""

import json
from contextlib import ExitStack

import crowd
import verdict
from processes import until
from scenario import entries, holds, same, scenario
from server import brief_haproxy, brief_nginx, impatient
from stage import proxy

CLIENTS = 100


def race(stage, idle, pairs, *words, front=None):
    """The verdict of `make race`, and Bowline's log. `front` stands before the counting origin."""
    with ExitStack() as doors:
        origin = doors.enter_context(impatient(stage.folder, "--delay", 0.05, 0.05, *words))
        port = (doors.enter_context(front(stage.folder, origin.port)) if front else origin).port
        with proxy(port, "--log-connections") as bowline:
            spans = crowd.rounds(idle, pairs, 0.005, seed=1)
            outcomes = crowd.Crowd(bowline.port, CLIENTS, spans, seed=1).run()
            holds("a line of the log for each request", until(lambda: sum(
                "event" not in one for one in entries(bowline)) >= len(outcomes)))
            lines = [line for line in bowline.log.splitlines(keepends=True)
                     if line.endswith("\n")]
        origin.end()
        with open(origin.ledger) as file:
            found = verdict.Verdict(outcomes, json.load(file))
    log = verdict.Log(lines)
    same("requests", 2 * pairs * CLIENTS, found.requests)
    same("what must hold and does not", [], verdict.missed(found, log, quick=True))
    share = log.leases["reused"] / found.requests
    # Without reuse there is no race.
    holds("reuse", share > 0.3, log.leases)
    gets, posts, failed = found.total["GET"], found.total["POST"], len(found.failed["POST"])
    return (f"{gets} GETs, none failed; {posts} POSTs, none executed twice, {failed} failed and "
            f"explained; {sum(log.replays.values())} replayed, {100 * share:.0f} % reused")


@scenario("race: an origin that stops reading, then closes")
def stalls(stage):
    return race(stage, 0.5, 6, "--idle", 0.5)


@scenario("race: an origin that executes, then closes without an answer")
def executes(stage):
    return race(stage, 0.5, 6, "--idle", 0.5, "--manner", "executes")


@scenario("race: an origin that closes, earlier or later")
def closes(stage):
    return race(stage, 0.5, 6, "--idle", 0.5, "--manner", "closes", "--jitter", 0.05)


@scenario("race: nginx, keepalive_timeout 1s")
def nginx(stage):
    return race(stage, 1.0, 4, "--idle", 600, front=brief_nginx)


@scenario("race: HAProxy, timeout http-keep-alive 1s")
def haproxy(stage):
    return race(stage, 1.0, 4, "--idle", 600, front=brief_haproxy)
