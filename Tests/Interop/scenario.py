"""A scenario: a function that says what it saw, in one line, or why it could not look."""

import json
import traceback

from processes import until

SCENARIOS = []


class Wrong(Exception):
    """Something else was seen than what should be."""


class LeftOut(Exception):
    """What it needs is not here."""


def scenario(name):
    """Marks a function of the stage. What it returns is what was seen."""
    def mark(function):
        SCENARIOS.append((name, function))
        return function
    return mark


def same(what, expected, seen):
    if expected != seen:
        raise Wrong(f"{what}: expected {short(expected)}, seen {short(seen)}")


def holds(what, condition, seen=""):
    if not condition:
        raise Wrong(f"{what}; seen {short(seen)}")


def short(value):
    """Something that fits into a line."""
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}… ({len(text)} characters)"


def run(name, function, stage):
    """Prints the scenario's line. False when it failed."""
    try:
        print(f"ok  {name}: {function(stage)}", flush=True)
    except LeftOut as why:
        print(f"left out: {name}: {why}", flush=True)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = [one for one in where if "/Interop/" in one.filename]
        lines = ", ".join(f"{one.filename.rsplit('/', 1)[1]}:{one.lineno}" for one in ours[1:])
        kind = "" if isinstance(error, Wrong) else type(error).__name__ + ": "
        print(f"FAILED {name}: {kind}{error} ({lines})", flush=True)
        return False
    return True


def entries(bowline):
    """What the log says so far, without a line that is being written."""
    lines = bowline.log.splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def exchanges(bowline, count):
    """The log's lines about exchanges, when there are `count` of them."""
    def read():
        return [one for one in entries(bowline) if "event" not in one]
    until(lambda: len(read()) >= count)
    found = read()
    holds(f"{count} exchanges in the log", len(found) >= count,
          [one.get("url.path") for one in found])
    return found


def reasons(lines):
    """How they ended, without repetitions."""
    return sorted({one["end.reason"] for one in lines})
