"""What a run of the race says of a proxy, and what Bowline has to reach."""

import json
from collections import Counter

import crowd

# The rounds in which an idle timeout may still be unknown: two long ones, two short ones.
LEARNING = 4

# Of a record whose end reason is none of these, nobody learns why the request failed.
BLAMED = ("upstream.", "policy.", "network.", "us.")


class Verdict:
    """Counts from both ends: what the clients saw, and what the origin did."""

    def __init__(self, outcomes, ledger):
        self.outcomes = outcomes
        self.requests = len(outcomes)
        self.total = Counter(one.method for one in outcomes)
        self.failed = {method: [one for one in outcomes if one.failed and one.method == method]
                       for method in ("GET", "POST")}
        self.foreign = [one for one in outcomes if not one.is_own]
        times = Counter((path, method) for path, method, _, _ in ledger["executed"])
        self.twice = Counter(method for (_, method), count in times.items() if count > 1)
        # Answered well, and yet the origin knows nothing of it.
        self.invented = sum(not one.failed and not times[one.path, one.method]
                            for one in outcomes)
        # Failed, and yet executed: the case in which a second attempt would be one too many.
        self.failed_but_done = sum(bool(times[one.path, one.method])
                                   for one in self.failed["POST"])
        short = [ordinal for path, _, _, ordinal in ledger["executed"]
                 if crowd.is_short(round_of(path))]
        self.reuse = sum(ordinal > 1 for ordinal in short) / len(short) if short else 0.0
        late = [one for one in outcomes if one.method == "POST" and one.round >= LEARNING]
        self.late_posts, self.late_failed = len(late), sum(one.failed for one in late)
        self.connections = ledger["connections"]

    def line(self):
        get, post = (len(self.failed[method]) for method in ("GET", "POST"))
        return (f"{self.requests:,} requests over {self.connections:,} connections; failed GETs "
                f"{share(get, self.total['GET'])}, failed POSTs {share(post, self.total['POST'])}"
                f" ({self.failed_but_done} of them executed); executed twice: POSTs "
                f"{self.twice['POST']}, GETs {self.twice['GET']}; reused in short rounds "
                f"{100 * self.reuse:.1f} %; once learned, failed POSTs "
                f"{share(self.late_failed, self.late_posts)}")


def round_of(path):
    return int(path.split("/")[2])


def share(part, whole):
    return f"{part:,} of {whole:,} ({100 * part / whole:.2f} %)" if whole else "none of 0"


class Log:
    """Bowline's JSON log: what it says of each request, and of its connections."""

    def __init__(self, lines):
        self.ends, self.connections, self.replays, self.leases = {}, Counter(), Counter(), Counter()
        for line in lines:
            one = json.loads(line)
            if one.get("event") == "connection.end":
                if one["side"] == "upstream":
                    self.connections[one["end.reason"]] += 1
            elif "event" not in one and "url.path" in one:
                self.ends[one["url.path"]] = one, line.strip()
                self.leases[one.get("lease.reason", "none")] += 1
                if "replay.cause" in one:
                    self.replays[one["replay.cause"]] += one.get("replay.count", 1)

    def line(self, path):
        return self.ends.get(path, (None, "no line of the log is about it"))[1]

    def explains(self, outcome):
        """A failure has a line, with the client's status, a reason, and who is to blame."""
        one = self.ends.get(outcome.path, ({}, ""))[0]
        reason = one.get("end.reason", "")
        return (reason.startswith(BLAMED) and reason != "us.complete"
                and reason != "us.error.internal"
                and one.get("http.response.status_code", 0) == outcome.status
                and one.get("error.type") == reason)


def missed(verdict, log, quick=False):
    """What Bowline did not reach, each in one sentence; in a quick run only what is always due."""
    found = []

    def must(holds, sentence):
        if not holds:
            found.append(sentence)

    failures = verdict.failed["GET"] + verdict.failed["POST"]
    unexplained = [one for one in failures if not log.explains(one)]
    must(not verdict.failed["GET"], f"{len(verdict.failed['GET'])} GETs failed, none may")
    must(not verdict.twice["POST"], f"{verdict.twice['POST']} POSTs were executed twice")
    must(not verdict.foreign, f"{len(verdict.foreign)} answers belonged to other requests")
    must(not verdict.invented, f"{verdict.invented} answers to what the origin never saw")
    must(not unexplained, f"{len(unexplained)} failures are not explained by the log")
    if quick:
        return found
    must(verdict.requests > 10_000, f"{verdict.requests} requests, more than 10,000 are due")
    must(verdict.reuse >= 0.9, f"{100 * verdict.reuse:.1f} % reuse in short rounds, 90 are due")
    must(1000 * verdict.late_failed < max(verdict.late_posts, 1),
         f"once learned {share(verdict.late_failed, verdict.late_posts)} POSTs failed, fewer than "
         "1 in 1,000 may")
    return found
