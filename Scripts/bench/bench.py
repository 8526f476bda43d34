#!/usr/bin/env python3
"""Bowline's proxy beside nginx, HAProxy and Squid, in requests per CPU-second.

docs/performance.md says how, and why in this unit.

  bench.py              every scenario, memory and system calls; writes docs/performance.*
  bench.py --quick      one scenario in half a minute; writes nothing
  bench.py --page-only  writes page and picture again from docs/performance.json

ROUNDS, SECONDS_PER_ROUND and SCENARIOS (names, parted by spaces or commas) change the run; BOWLINE
is the binary. With a choice of scenarios nothing is written. Loopback only; what is started here is
ended here.
"""

import datetime
import http.client
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import calls
import chart
import figures
import load
import memory
import page
import peers

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE, PICTURE, RESULTS = (ROOT / "docs" / f"performance.{kind}" for kind in ("md", "svg", "json"))
# Squid is not among them: it is in two scenarios only, which do without and say so.
TOOLS = ("nginx", "haproxy", "wrk", "taskset", "cc")

# Bytes of resident memory for each idle client that Bowline may take.
MEMORY_TARGET = 200


def stop(reason):
    sys.exit(f"bench: {reason}")


def number(name, default):
    text = os.environ.get(name, str(default))
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        stop(f"{name} is '{text}'; it must be a number from 1 to 9999")
    return int(text)


def chosen_scenarios():
    """What SCENARIOS names, or nothing when it is not set."""
    known = {one.name: one for one in load.SCENARIOS}
    names = re.split(r"[\s,]+", os.environ.get("SCENARIOS", "").strip())
    for name in filter(None, names):
        if name not in known:
            stop(f"no scenario is named '{name}'; there are: {', '.join(known)}")
    return [known[name] for name in names if name]


def check_machine(binary):
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        stop(f"missing: {' '.join(missing)}; make setup installs them")
    if len(peers.cores()) < 2:
        stop("two cores are needed, one for the load and one for the proxy; here is one")
    if not os.access(binary, os.X_OK):
        stop(f"there is no {binary}; make build makes it")


def output(*command):
    """What a command prints, on either stream; empty when it is not there."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT,
                             stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return ""
    return ran.stdout + ran.stderr


def first(pattern, text, default="of unknown version"):
    found = re.search(pattern, text, re.MULTILINE)
    return found[1].strip() if found else default


def circumstances():
    """Where and with what: everything that a reader needs to judge the figures."""
    cpu = first(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), platform.machine())
    sources = ("Sources", "Package.swift")
    return {
        "date": datetime.date.today().isoformat(),
        "machine": {
            "cpu": cpu, "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "system": first(r'^PRETTY_NAME="?([^"\n]*)', output("cat", "/etc/os-release"), "Linux"),
        },
        "versions": {
            "nginx": first(r"nginx/(\S+)", output("nginx", "-v")),
            "haproxy": first(r"version (\S+)", output("haproxy", "-v")),
            "squid": first(r"Version (\S+)", output("squid", "-v"), "not installed"),
            "wrk": first(r"wrk (\S+)", output("wrk", "-v")),
            "swift": first(r"(Swift version \S+)", output("swift", "--version"), "Swift"),
        },
        "bowline": {
            "commit": first(r"^(\w+)$", output("git", "rev-parse", "--short", "HEAD"), "unknown"),
            "changed": bool(output("git", "status", "--porcelain", "--", *sources).strip()),
        },
    }


class Run:
    """One run: the origin, the settings, and what has failed so far."""

    def __init__(self, binary, work, rounds, seconds):
        self.binary, self.work = binary, work
        self.rounds, self.seconds = rounds, seconds
        self.cores = peers.cores()
        self.load_core, self.proxy_core = self.cores
        peers.compile_program(HERE / "tunnel.c", work)
        self.origin = peers.start_origin(HERE / "origin.c", work, self.load_core)
        self.failed = {}

    def start(self, stack, name, core):
        """A fresh proxy, or nothing when it does not start: said once, and remembered."""
        if name in self.failed:
            return None
        try:
            return stack.enter_context(peers.start(
                name, self.origin.port, core, self.work, self.binary))
        except peers.StartFailed as error:
            self.failed[name] = str(error)
            print(f"bench: {name} did not start:\n{error}", file=sys.stderr, flush=True)
            return None

    def scenario(self, scenario):
        """Every proxy in turn, round by round. Only one is under load at a time."""
        load_core, proxy_core = scenario.places(self.cores)
        os.sched_setaffinity(self.origin.worker, map(int, load_core.split(",")))
        with ExitStack() as stack:
            started = [(name, self.start(stack, name, proxy_core)) for name in scenario.proxies]
            proxies = {name: proxy for name, proxy in started if proxy}
            problems = {}
            for name, proxy in proxies.items():
                if problem := self.attempt(lambda: self.warm_up(proxy, scenario)).get("problem"):
                    problems[name] = {"problem": problem}
            rounds = []
            for index in range(self.rounds):
                rounds.append({name: problems.get(name) or self.attempt(
                    lambda: load.measure(
                        proxies[name], self.origin, scenario, self.seconds, self.cores,
                        self.work))
                    for name in load.turns(list(proxies), index)})
        return {"name": scenario.name, "title": scenario.title, "target": scenario.target,
                "body": scenario.body, "connections": scenario.connections,
                "proxies": list(scenario.proxies), "rounds": rounds}

    def warm_up(self, proxy, scenario):
        load.verify(proxy, scenario)
        load.drive(scenario, proxy, 1, scenario.places(self.cores)[0], self.work)
        return {}

    def attempt(self, action):
        try:
            return action()
        except (OSError, RuntimeError, http.client.HTTPException,
                subprocess.TimeoutExpired) as error:
            return {"problem": str(error)}

    def each(self, names, action):
        """What `action` gives for each proxy, started for it alone."""
        found = {}
        for name in names:
            with ExitStack() as stack:
                if proxy := self.start(stack, name, self.proxy_core):
                    found[name] = action(proxy)
        return found


def measure(run, scenarios, whole):
    results = circumstances() | {
        "rounds": run.rounds, "seconds": run.seconds, "failed": run.failed, "scenarios": [],
        "memory_target": MEMORY_TARGET}
    for scenario in scenarios:
        found = run.scenario(scenario)
        results["scenarios"].append(found)
        print(page.terminal(figures.row(found, run.failed)), flush=True)
    if not whole:
        return results
    if (count := peers.idle_clients()) >= 1000:
        results["memory"] = run.each(
            ("nginx", "haproxy", "bowline"), lambda proxy: memory.measure(proxy, count))
        print(page.memory(results["memory"], MEMORY_TARGET), flush=True)
    else:
        print("bench: memory is not measured: too few descriptors; see ulimit -n", file=sys.stderr)
    if counter := calls.tool():
        results["counter"] = counter
        results["calls"] = run.each(peers.NAMES, lambda proxy: calls.count(
            proxy, load.SCENARIOS[0], 3, run.load_core, run.work))
        print(page.calls(results["calls"], counter), flush=True)
    else:
        print("bench: no perf and no strace: system calls are not counted", file=sys.stderr)
    return results


def write_page():
    results = json.loads(RESULTS.read_text())
    PAGE.write_text(page.with_tables(PAGE.read_text(), results))
    PICTURE.write_text(chart.chart(results))
    print(f"bench: wrote {PAGE.relative_to(ROOT)} and {PICTURE.relative_to(ROOT)}")


def spread(value, depth=0):
    """JSON with one line for each round, so that a change can be read."""
    if depth == 4 or not isinstance(value, (dict, list)) or not value:
        return json.dumps(value)
    indent = "\n" + " " * (depth + 1)
    if isinstance(value, list):
        inside = [spread(one, depth + 1) for one in value]
        return f"[{indent}{(',' + indent).join(inside)}{indent[:-1]}]"
    inside = [f"{json.dumps(key)}: {spread(one, depth + 1)}" for key, one in value.items()]
    return f"{{{indent}{(',' + indent).join(inside)}{indent[:-1]}}}"


def main(words):
    if words == ["--page-only"]:
        return write_page()
    if words not in ([], ["--quick"]):
        stop("usage: bench.py [--quick | --page-only]")
    quick = words == ["--quick"]
    chosen = chosen_scenarios()
    scenarios = chosen or (load.SCENARIOS[:1] if quick else load.SCENARIOS)
    whole = not quick and not chosen
    rounds = number("ROUNDS", 3 if quick else 5)
    seconds = number("SECONDS_PER_ROUND", 2 if quick else 3)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    binary = Path(os.environ.get("BOWLINE", ROOT / ".build/release/bowline"))
    check_machine(binary)
    peers.raise_descriptor_limit()
    # A signal ends the run as an error does: through the places that end what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    turns = sum(len(one.proxies) for one in scenarios) * (1 + rounds * seconds)
    print(f"bench: about {turns // 60 + 1} minutes, {rounds} rounds of {seconds} s", flush=True)
    with tempfile.TemporaryDirectory() as place:
        try:
            run = Run(binary, Path(place), rounds, seconds)
        except peers.StartFailed as error:
            stop(f"no origin, no measurement: {error}")
        with run.origin:
            results = measure(run, scenarios, whole)
    if whole:
        RESULTS.write_text(spread(results) + "\n")
        write_page()
    if all(name in run.failed for one in scenarios for name in one.proxies):
        stop("no proxy started")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
