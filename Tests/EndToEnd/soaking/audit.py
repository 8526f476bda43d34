"""Reads the JSON log of one process once, and counts what must agree with what."""

import collections
import json
import re

# Never to be seen, whatever clients and origins do.
IMPOSSIBLE = {"us.error.internal", "us.error.descriptors", "us.error.ports", "us.shutdown.now",
              "us.drain.deadline", "policy.limit.connections"}


class Audit:
    """What one log says."""

    def __init__(self, path):
        self.torn = 0
        self.ends = collections.Counter()
        self.connection_ends = collections.Counter()
        # Connection id to exchanges, as its own record says; by side.
        self.connections = {"downstream": {}, "upstream": {}}
        self.doubled = []
        # Connection id to the ordinals of its exchange records.
        self.ordinals = collections.defaultdict(list)
        # Request number to its records: (status, body bytes, end, retries).
        self.requests = collections.defaultdict(list)
        self.retries = 0
        # Retries that may have ended before they had a connection.
        self.unsure_retries = 0
        self.on_upstream = 0
        self.upstream_addresses = collections.Counter()
        with open(path, "rb") as file:
            for line in file:
                self.read(line)

    def read(self, line):
        try:
            record = json.loads(line)
        except ValueError:
            self.torn += 1
            return
        if record.get("event") == "connection.end":
            found = self.connections[record["side"]]
            if record["connection.id"] in found:
                self.doubled.append(record["connection.id"])
            found[record["connection.id"]] = record["exchanges"]
            self.connection_ends[record.get("end.reason")] += 1
            if record["side"] == "upstream":
                self.upstream_addresses[record["network.peer.port"]] += 1
            return
        self.ends[record.get("end.reason")] += 1
        self.ordinals[record["connection.id"]].append(record["connection.requests"])
        retries = record.get("replay.count", 0)
        self.retries += retries
        self.unsure_retries += retries if record.get("end.reason") != "us.complete" else 0
        self.on_upstream += "upstream.connection.id" in record
        number = re.match(r"id=(\d+)", record.get("url.query", ""))
        if number:
            self.requests[int(number[1])].append((
                record.get("http.response.status_code", 0), record["http.response.body.size"],
                record.get("end.reason"), retries))

    @property
    def exchanges(self):
        return sum(self.ends.values())

    def unknown_ends(self, registry):
        """Reasons that the registry does not list, or that must not happen, with their count."""
        every = self.ends + self.connection_ends
        return {code: count for code, count in every.items()
                if code not in registry or code in IMPOSSIBLE}

    def missing_connections(self):
        """Numbers are given from 1 on, for each loop: a gap is a connection without an end."""
        by_loop = collections.defaultdict(set)
        for side in self.connections.values():
            for name in side:
                loop, _, count = str(name).rpartition(".")
                by_loop[loop].add(int(count))
        return [(loop, sorted(set(range(1, max(seen) + 1)) - seen)[:5])
                for loop, seen in by_loop.items() if len(seen) != max(seen)]

    def miscounted_connections(self):
        """Client connections whose exchanges are not 1, 2, 3 … up to their own count."""
        counts = self.connections["downstream"]
        wrong = [(name, count, sorted(self.ordinals.get(name, []))[:5])
                 for name, count in counts.items()
                 if sorted(self.ordinals.get(name, [])) != list(range(1, count + 1))]
        wrong += [(name, "no record", ordinals[:5])
                  for name, ordinals in self.ordinals.items() if name not in counts]
        return wrong[:5]


def seen_by_origin(path):
    """The hostile origin's ledger: number to times seen; and how many connections it had."""
    seen, connections = collections.Counter(), 0
    with open(path) as file:
        for line in file:
            first, second = line.split()
            if first == "connections":
                connections = int(second)
            elif first != "0":
                seen[int(first)] += 1
    return seen, connections


def seen_by_demo(audit):
    """The same from the log of our own origin. A head that was cut short is none."""
    return collections.Counter({
        number: len(records) for number, records in audit.requests.items()})


def compare(ledger, proxy, seen):
    """What clients, proxy and origins say of each request. Sentence to examples, at most five."""
    wrong = collections.defaultdict(list)
    for number, (status, size, maker) in ledger.answered.items():
        records = proxy.requests.get(number, [])
        if len(records) != 1:
            # A head that never was whole has no target to find it by.
            if status != 408 or records:
                wrong["answered, but not with one record"].append((number, status, records))
            continue
        logged, logged_size, end, _ = records[0]
        if logged != status:
            wrong["another status in the log"].append((number, status, records[0]))
        if logged_size != size:
            wrong["another body size in the log"].append((number, maker, size, records[0]))
        if maker in ("origin", "demo") and 200 <= status < 300:
            if seen[number] == 0:
                wrong["answered 2xx, and no origin has seen it"].append((number, status))
            if end != "us.complete":
                wrong["received whole, but not complete in the log"].append((number, records[0]))
    for number, does in ledger.cut.items():
        # What comes early may be lost in the reset that answers the rest of its request.
        ends = [record[2] for record in proxy.requests.get(number, [])]
        if "us.complete" in ends and does != "early":
            wrong["complete in the log, but not received whole"].append((number, does))
    idempotent = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}
    for number, times in seen.items():
        retries = sum(record[3] for record in proxy.requests.get(number, []))
        if times > 1 and ledger.methods[number] not in idempotent:
            wrong["a non-idempotent request arrived twice"].append((number, times, retries))
        if times > 1 + retries:
            wrong["arrived more often than it was sent"].append((number, times, retries))
    for number, records in proxy.requests.items():
        if len(records) > 1:
            wrong["more than one record"].append((number, records))
    return {sentence: (len(examples), examples[:5]) for sentence, examples in wrong.items()}
