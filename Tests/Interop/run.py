#!/usr/bin/env python3
"""Bowline with real peers: other people's origins, clients, a browser, and attackers' tools.

  Tests/Interop/run.py              every part
  Tests/Interop/run.py chain curl   the scenarios with one of these in their names

BOWLINE is the binary to test. A line for each scenario: `ok`, `FAILED`, or `left out` with the
reason. Everything runs on loopback, on ports that nobody uses, and is ended by this script.
"""

import os
import signal
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Most seconds that one scenario may take.
SECONDS = 60

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, *place) for place in [
    ("Tests", "EndToEnd"), ("Scripts", "race"), (".build", "interop")]]
os.environ.setdefault("BOWLINE", os.path.join(ROOT, ".build", "release", "bowline"))
os.environ["PATH"] += ":/usr/sbin:/sbin"
for name in list(os.environ):
    if name.lower().endswith("_proxy"):
        del os.environ[name]


def too_long(*_):
    raise TimeoutError(f"it was not over after {SECONDS} s")


def main(wanted):
    with tempfile.TemporaryDirectory(prefix="interop") as folder:
        os.environ["TMPDIR"] = folder
        # They read the environment as they are loaded.
        import scenario
        from stage import Stage, version
        import behind, clients, chains, browser  # noqa: F401, E401
        import misbehaving, racing, websocket, slowly  # noqa: F401, E401
        chosen = [one for one in scenario.SCENARIOS
                  if not wanted or any(word in one[0] for word in wanted)]
        print(f"{version()}, {len(chosen)} scenarios", flush=True)
        signal.signal(signal.SIGALRM, too_long)
        failed = 0
        with Stage(folder) as stage:
            for name, function in chosen:
                signal.alarm(SECONDS)
                failed += not scenario.run(name, function, stage)
                signal.alarm(0)
    print(f"{failed} failed" if failed else "none failed", flush=True)
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
