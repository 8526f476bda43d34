"""Whether the count can fail: the same logs with one thing wrong must each be found wrong."""

import collections
import copy

from audit import compare
from client import Ledger, Request, Response
from wire import Head, content


def tamper(audit, ledger, seen, reasons):
    """Name to True when the tampering was noticed."""

    def is_noticed(change):
        changed = copy.copy(audit)
        changed.requests = dict(audit.requests)
        changed.ends = collections.Counter(audit.ends)
        changed.connections = {side: dict(one) for side, one in audit.connections.items()}
        sightings = collections.Counter(seen)
        change(changed, sightings)
        return bool(changed.missing_connections() or changed.miscounted_connections()
                    or changed.unknown_ends(reasons) or compare(ledger, changed, sightings))

    answered = next(number for number, (status, _, maker) in ledger.answered.items()
                    if status == 200 and maker == "origin")
    posted = next(number for number, method in ledger.methods.items()
                  if method == "POST" and seen[number] == 1)
    used = next(name for name, count in audit.connections["downstream"].items() if count)

    def alter(record, place, value):
        return [(*record[0][:place], value, *record[0][place + 1:])]

    return {name: is_noticed(change) for name, change in {
        "a connection without an end": lambda one, _: one.connections["downstream"].pop(used),
        "a record too many": lambda one, _: one.connections["downstream"].update(
            {used: one.connections["downstream"][used] - 1}),
        "an end that no registry has": lambda one, _: one.ends.update(["unknown"]),
        "an internal error": lambda one, _: one.ends.update(["us.error.internal"]),
        "a request without a record": lambda one, _: one.requests.pop(answered),
        "another status": lambda one, _: one.requests.update(
            {answered: alter(one.requests[answered], 0, 201)}),
        "another size": lambda one, _: one.requests.update(
            {answered: alter(one.requests[answered], 1, -1)}),
        "a POST that arrived twice": lambda _, sightings: sightings.update([posted]),
        "an answer to what never arrived": lambda _, sightings: sightings.pop(answered),
    }.items()} | responses(reasons)


def responses(reasons):
    """The same for what a client looks at: the right response passes, three others do not."""

    def is_taken(number, body, fields=b""):
        ledger = Ledger(reasons)
        head = Head(b"HTTP/1.1 200 OK\r\nX-Hostile: %d\r\n%s" % (number, fields))
        ledger.take(Request(7, "PUT", "/bytes/10", body=b"sent"), Response(head, body))
        return not ledger.wrong

    return {
        "a response that is right": is_taken(7, content(7, 10)),
        "a response to another request": not is_taken(8, content(8, 10)),
        "a response cut short": not is_taken(7, content(7, 9)),
        "another body received": not is_taken(7, content(7, 10), b"X-Body: 0123"),
    }
