#!/usr/bin/env python3
"""Endurance: mixed clients, a hostile origin, and a count of everything at the end.

    SOAK_SECONDS=600 SEED=7 Tests/EndToEnd/soak.py

SOAK_SECONDS   how long clients are sent in (30)
SEED           the dice; printed, so that a run can be had again (its choices, not its timing)
SOAK_CLIENTS   clients at a time (48)

docs/endurance.md says what is counted. Nothing here is decided by how long something took.
"""

import asyncio
import collections
import contextlib
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent
os.environ.setdefault("BOWLINE", str(root / ".build/release/bowline"))
work = tempfile.mkdtemp(prefix="bowline-soak-")
os.environ["TMPDIR"] = work
sys.path.insert(0, str(here / "soaking"))

from audit import Audit, compare, seen_by_demo, seen_by_origin  # noqa: E402
from client import GONE, Ledger  # noqa: E402
from processes import BOWLINE, Bowline, Peer, check, free_ports, same, until  # noqa: E402
from scenarios import MANNERS, WEIGHTS, Player  # noqa: E402
from tampering import tamper  # noqa: E402
from wire import seeded  # noqa: E402

SETTINGS = {
    "client.idle-timeout": "1500ms", "client.head-timeout": "1500ms", "client.body-grace": "1s",
    "client.body-rate": "2kB/s", "write.stall-timeout": "2s", "linger.idle": "300ms",
    "linger.total": "3s", "upstream.connections": "10", "upstream.waiting": "10",
    "upstream.wait-timeout": "1s", "upstream.idle-timeout": "1s",
    "upstream.response-timeout": "1500ms", "upstream.max-age": "5s", "upstream.max-uses": "60",
    "log.buffer": "64MB",
}
# A scenario that is not over by then hangs: no timeout of the proxy is longer than three seconds.
PATIENCE = 120
# What a resident set may grow after the first third. Buffers are lent from shelves and keep the
# largest size they ever had, so the set creeps towards `buffers x 64 kB` and then stays: 1.5 MB in
# ten minutes were seen. A leak of 20 bytes for each request would be 5 MB in the same time.
GROWTH = 4 << 10


class Samples:
    """Resident kilobytes of the processes, taken again and again."""

    def __init__(self, processes, seconds):
        self.processes = processes
        self.every = min(10, max(1, seconds / 12))
        self.rows = []

    async def run(self, ledger):
        began = time.monotonic()
        while True:
            row = [one.resident_kilobytes() for one in self.processes.values()]
            self.rows.append(row)
            figures = ", ".join(
                f"{name} {kilobytes} kB" for name, kilobytes in zip(self.processes, row))
            print(f"  {time.monotonic() - began:5.0f} s  {ledger.last:8} requests  {figures}",
                  flush=True)
            await asyncio.sleep(self.every)

    def growth(self, index):
        """From the most of the first third to the most of the last, without the empty start."""
        column = [row[index] for row in self.rows][1:]
        third = max(1, len(column) // 3)
        return max(column[-third:]) - max(column[:third])


async def play(player, ledger, end):
    while time.monotonic() < end:
        name = player.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        fruitful = False
        try:
            async with asyncio.timeout(PATIENCE):
                fruitful = await getattr(player, name)()
        except TimeoutError:
            ledger.say_wrong("a scenario did not come to its end", name)
        except GONE:
            pass
        ledger.played[name] += 1
        ledger.fruitful[name] += bool(fruitful)


async def drive(proxy, ledger, samples, seed, seconds, clients):
    end = time.monotonic() + seconds
    sampling = asyncio.ensure_future(samples.run(ledger))
    players = [Player(number, seed, ledger, proxy.port) for number in range(clients)]
    await asyncio.gather(*(play(player, ledger, end) for player in players))
    sampling.cancel()
    await asyncio.gather(sampling, return_exceptions=True)


@contextlib.contextmanager
def hostile_origin(seed):
    ledger = os.path.join(work, "origin.ledger")
    with open(os.path.join(work, "origin.talk"), "wb") as talk:
        process = subprocess.Popen(
            [sys.executable, str(here / "soaking/origin.py"), str(seed), ledger],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=talk, text=True)
    try:
        yield process, int(process.stdout.readline()), ledger
    finally:
        process.kill()
        process.wait()


def warm_up(proxy):
    """Every loop has its descriptors before they are counted."""
    for _ in range(16):
        with Peer(proxy.port) as peer:
            peer.get("/hello").answer()


def registry():
    listing = subprocess.run([BOWLINE, "explain"], capture_output=True, text=True, timeout=20)
    return set(re.findall(r"^  ([a-z]+(?:\.[a-z-]+)+)  ", listing.stdout, re.M))


def is_sanitized():
    """Sanitizers keep what was freed: a resident set says nothing then."""
    with open(BOWLINE, "rb") as file:
        data = file.read()
    return b"__asan_init" in data or b"__tsan_init" in data


def check_log(name, process, audit, reasons, may_miss=0):
    same(f"{name}: no line is torn", 0, audit.torn)
    same(f"{name}: every end is in the registry, and none is impossible", {},
         audit.unknown_ends(reasons))
    same(f"{name}: every connection that was opened ended once", ([], []),
         (audit.missing_connections(), audit.doubled))
    same(f"{name}: each client connection's exchanges are its records", [],
         audit.miscounted_connections())
    talk = process.talk
    served = re.search(r"^served +([\d,]+) requests? over ([\d,]+) client conn", talk, re.M)
    numbers = tuple(int(one.replace(",", "")) for one in served.groups()) if served else None
    same(f"{name}: the summary counts what the log holds",
         (audit.exchanges, len(audit.connections["downstream"])), numbers)
    check(f"{name}: the log is whole", not re.search("dropped|not written|given up", talk), talk)


def check_counts(ledger, proxy, demo, origin_ledger, ports):
    seen, connections = seen_by_origin(origin_ledger)
    seen += seen_by_demo(demo)
    wrong = compare(ledger, proxy, seen)
    for sentence, (count, examples) in wrong.items():
        check(f"requests: {sentence}", False, f"{count}: {examples}")
    check("requests: clients, proxy and origins tell the same story", not wrong)
    same("this count can fail: nothing goes unnoticed", [], [
        name for name, found in tamper(proxy, ledger, seen, ledger.reasons).items() if not found])
    same("clients: every connection has its record", ledger.connections,
         len(proxy.connections["downstream"]))
    # A dial may be given up before the origin has accepted it; accepted it is all the same.
    same("origins: every connection has its record",
         (connections, len(demo.connections["downstream"])),
         (proxy.upstream_addresses[ports[0]], proxy.upstream_addresses[ports[1]]))
    carried = sum(proxy.connections["upstream"].values())
    most = proxy.on_upstream + proxy.retries
    check("upstream connections carried each exchange, and each retry",
          most - proxy.unsure_retries <= carried <= most,
          f"{carried} carried, {most} sent, {proxy.unsure_retries} of them may not have been")


def check_clients(ledger):
    for sentence, count in ledger.wrong.items():
        check(f"clients: {sentence}", False, f"{count} times, first: {ledger.examples[sentence]}")
    check("clients: each response that came whole was the right one", not ledger.wrong)
    print("  played: " + ", ".join(
        f"{name} {ledger.fruitful[name]}/{count}" for name, count in ledger.played.most_common()))
    same("clients: every scenario was played, and bore fruit", set(),
         set(WEIGHTS) - {name for name, count in ledger.fruitful.items() if count})


def soak(seed, seconds, clients):
    demo_port, unused = free_ports(2)
    options = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    with hostile_origin(seed) as (hostile, hostile_port, origin_ledger), \
            Bowline("demo", "--listen", f"127.0.0.1:{unused}", "--origin",
                    f"127.0.0.1:{demo_port}", "--loops", 2, "--log", "json", "--log-connections",
                    "--set", "log.buffer=64MB", "--set", "client.idle-timeout=300ms") as demo, \
            Bowline("proxy", "--to", f"http://127.0.0.1:{hostile_port}", "--to",
                    f"http://127.0.0.1:{demo_port}", "--listen", "127.0.0.1:0", "--loops", 2,
                    "--log", "json", "--log-connections", *options) as proxy:
        warm_up(proxy)
        check("at rest: listening sockets only",
              until(lambda: (proxy.sockets(), demo.sockets()) == (1, 2), 30), proxy.sockets())
        start = proxy.descriptors(), demo.descriptors()
        ledger = Ledger(registry())
        ledger.connections = 16
        samples = Samples({"proxy": proxy, "demo": demo}, seconds)
        asyncio.run(drive(proxy, ledger, samples, seed, seconds, clients))
        until(lambda: (proxy.descriptors(), demo.descriptors()) == start, 60)
        same("descriptors are back to the start", start, (proxy.descriptors(), demo.descriptors()))
        if not is_sanitized():
            for index, name in enumerate(samples.processes):
                grown = samples.growth(index)
                check(f"{name}: memory is flat: +{grown} kB", grown <= GROWTH, samples.rows)
        same("both still run", (None, None), (proxy.process.poll(), demo.process.poll()))
        proxy.signal()
        same("proxy: exit status", 0, proxy.status(60))
        demo.signal()
        same("demo: exit status", 0, demo.status(60))
        hostile.terminate()
        same("hostile origin: exit status", 0, hostile.wait(30))
        reasons = ledger.reasons
        check_clients(ledger)
        proxy_log, demo_log = Audit(proxy.log_file), Audit(demo.log_file)
        check_log("proxy", proxy, proxy_log, reasons)
        check_log("demo", demo, demo_log, reasons)
        check_counts(ledger, proxy_log, demo_log, origin_ledger, (hostile_port, demo_port))
        print("  cut short, of the good: " + listed(cut_short(ledger, proxy_log)))
        print("  exchanges ended: " + listed(proxy_log.ends))
        print("  connections ended: " + listed(proxy_log.connection_ends))
        print(f"  {ledger.last} requests, {len(ledger.answered)} answered whole, "
              f"{proxy_log.retries} retries, {ledger.connections} client connections")
        print("  " + proxy.talk.split("at once\n")[-1].strip().replace("\n", "\n  "))


def cut_short(ledger, proxy):
    """How the log ends requests that were answered well by the origin, and not received whole."""
    return collections.Counter(
        (proxy.requests.get(number) or [(0, 0, "no record")])[0][2]
        for number, does in ledger.cut.items() if does in MANNERS)


def listed(counter):
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())


class Counting:
    """Standard output, with an eye on the lines that say FAIL."""

    def __init__(self, below):
        self.below = below
        self.failed = 0

    def write(self, text):
        self.failed += text.startswith("FAIL ")
        return self.below.write(text)

    def flush(self):
        self.below.flush()


def main():
    """False when a check failed."""
    seed = os.environ.get("SEED") or str(secrets.randbelow(1 << 31))
    seconds = float(os.environ.get("SOAK_SECONDS") or 30)
    clients = int(os.environ.get("SOAK_CLIENTS") or 48)
    print(f"  soak: {seconds:.0f} s, {clients} clients, SEED={seed}", flush=True)
    sys.stdout = counting = Counting(sys.stdout)
    whole = False
    try:
        soak(seed, seconds, clients)
        whole = True
    finally:
        if counting.failed == 0 and whole:
            shutil.rmtree(work, ignore_errors=True)
        elif os.path.isdir(work):
            kept = root / ".build" / f"soak-{seed}"
            shutil.rmtree(kept, ignore_errors=True)
            kept.parent.mkdir(exist_ok=True)
            shutil.move(work, kept)
            print(f"     | logs and ledgers are kept in {kept}; again with SEED={seed}")
    return counting.failed == 0


sys.exit(0 if main() else 1)
