"""The scenarios, and one measurement of a proxy under one of them."""

import os
import re
import resource
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import peers

SCRIPT = Path(__file__).with_name("wrk.lua")

# What a browser sends with a GET, besides Host: about 550 bytes in all, 10 fields.
BROWSER = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
    "Accept-Language: en-GB,en;q=0.7,de;q=0.3",
    "Accept-Encoding: gzip, deflate, br",
    "Referer: http://www.example.com/articles/2026/a-page-with-a-name",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; n=17; "
    "visited=articles.42.77,articles.42.78",
    "Upgrade-Insecure-Requests: 1",
    "Cache-Control: max-age=0",
    "DNT: 1",
)


@dataclass(frozen=True)
class Scenario:
    """One kind of load. `body` counts the body bytes that a request moves, up or down."""

    name: str
    title: str
    path: str = "/"
    connections: int = 64
    fields: tuple = ()
    upload: int = 0
    body: int = 0
    # Bodies so large that nginx gets larger buffers for them.
    large: bool = False
    # The ratio to the first of `proxies` that Bowline shall reach.
    target: float = 1.0
    # The first is what others are divided by, the second the other yardstick, then comes Bowline.
    proxies: tuple = peers.NAMES

    @property
    def tunnels(self):
        return self.proxies == peers.TUNNEL_NAMES

    @property
    def shares_cores(self):
        """Load, origin and proxy all run on both cores."""
        return self.proxies == peers.TWO_LOOPS_NAMES

    def places(self, cores):
        """(cores of the load and the origin, cores of the proxy), as taskset takes them."""
        both = ",".join(map(str, cores))
        return (both, both) if self.shares_cores else tuple(map(str, cores))


SCENARIOS = (
    Scenario("keep-alive", "keep-alive, short head", target=1.3),
    Scenario("browser", "keep-alive, browser's head", fields=BROWSER, target=1.35),
    Scenario("512", "512 connections", connections=512, target=1.5),
    Scenario("60kB", "60 kB response bodies", path="/bytes/60000", body=60_000, large=True,
             target=1.0),
    Scenario("close", "a connection per request", fields=("Connection: close",)),
    Scenario("upload", "1 MB uploads", path="/upload", connections=16, upload=1_000_000,
             body=1_000_000),
    Scenario("download", "1 MB chunked downloads", path="/chunked/1000000", connections=16,
             body=1_000_000, large=True),
    Scenario("two-loops", "two loops, short head", proxies=peers.TWO_LOOPS_NAMES),
    Scenario("tunnel", "tunnels, short head", proxies=peers.TUNNEL_NAMES),
    Scenario("tunnel-1MB", "tunnels, 1 MB response bodies", path="/bytes/1000000", connections=16,
             body=1_000_000, proxies=peers.TUNNEL_NAMES),
)


def cpu_seconds(*pids):
    """What all threads of these processes have used so far, by the kernel's own count."""
    threads = [one for pid in pids for one in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9


def wrk_command(scenario, url, seconds, core):
    fields = [word for line in scenario.fields for word in ("-H", line)]
    words = ["--", str(scenario.upload)] if scenario.upload else []
    return ["taskset", "-c", str(core), "wrk", "-t1", f"-c{scenario.connections}",
            f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT), *fields, url, *words]


def tunnel_command(scenario, proxy, seconds, core, program):
    authority = [proxy.authority] if proxy.authority else []
    return ["taskset", "-c", str(core), str(program), str(proxy.port), str(scenario.connections),
            str(seconds), scenario.path, *authority]


def result(text):
    """The line of wrk.lua or tunnel.c as numbers. `errors` holds those that are not zero."""
    line = re.search(r"^result (.*)$", text, re.MULTILINE)
    if not line:
        raise RuntimeError("the load gave no result: " + text[-300:])
    numbers = {name: int(value) for name, value in re.findall(r"([\w]+)=(-?\d+)", line[1])}
    names = ("connect", "read", "write", "timeout", "status")
    return {
        "requests": numbers["requests"],
        "p50_ms": numbers["p50"] / 1000,
        "p99_ms": numbers["p99"] / 1000,
        "errors": {name: numbers[name] for name in names if numbers[name]},
    }


def drive(scenario, proxy, seconds, core, work):
    """Loads a proxy, with wrk or with the program of tunnel.c in `work`, and gives the result."""
    command = (tunnel_command(scenario, proxy, seconds, core, work / "tunnel") if scenario.tunnels
               else wrk_command(scenario, proxy.for_scenario(scenario), seconds, core))
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         timeout=seconds + 30)
    return result(ran.stdout + ran.stderr)


def cores_seconds(cores):
    """What these cores have done so far, for whomever, in seconds of all of them together.

    Idle time and waiting for a disk are left out; so are the two that count guests twice.
    """
    lines = dict(re.findall(r"^cpu(\d+) (.*)$", Path("/proc/stat").read_text(), re.MULTILINE))
    ticks = 0
    for core in cores:
        user, nice, system, _, _, interrupt, softirq, steal = map(int, lines[str(core)].split()[:8])
        ticks += user + nice + system + interrupt + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(proxy, origin, scenario, seconds, cores, work):
    """One round of one proxy: what was answered, what it cost, and what others took meanwhile."""
    pids, (load_core, _) = proxy.workers, scenario.places(cores)

    def clocks():
        generator = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (time.monotonic(), cpu_seconds(*pids), cores_seconds(cores),
                cpu_seconds(origin.worker) + generator.ru_utime + generator.ru_stime)

    before = clocks()
    found = drive(scenario, proxy, seconds, load_core, work)
    wall, cpu, all_of_it, load = (now - then for now, then in zip(clocks(), before))
    found["wall_s"] = round(wall, 4)
    found["cpu_s"] = round(cpu, 6)
    found["others_s"] = round(max(all_of_it - cpu - load, 0), 2)
    return found


def verify(proxy, scenario):
    """One request of the scenario, looked at: a fast wrong answer is no result."""
    expected = 2 if scenario.upload else scenario.body or 200
    request = urllib.request.Request(
        proxy.for_scenario(scenario), b"u" * scenario.upload if scenario.upload else None,
        dict(line.split(": ", 1) for line in scenario.fields))
    length = proxy.ask(request, 10)
    if length != expected:
        raise RuntimeError(f"{proxy.name}: {scenario.name}: {length} bytes, not {expected}")


def turns(names, number):
    """The order of a round: each starts once in a while, and neighbours change sides."""
    shift = number // 2 % len(names)
    order = [*names[shift:], *names[:shift]]
    return order if number % 2 == 0 else order[::-1]
