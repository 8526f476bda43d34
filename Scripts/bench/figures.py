"""What the rounds say: medians, paired ratios, and which of them must not be shown."""

from dataclasses import dataclass
from statistics import median

import peers

TITLES = {
    "nginx": "nginx", "haproxy": "HAProxy", "bowline": "Bowline",
    "bowline-json": "Bowline, JSON log",
    "squid": "Squid", "haproxy-tcp": "HAProxy as TCP relay", "bowline-forward": "Bowline",
    "nginx-two": "nginx, two workers", "haproxy-two": "HAProxy, two threads",
    "bowline-two": "Bowline, two loops",
}

# Below this share of its core a proxy was waiting for something else.
BUSY = 0.9

# Above this many cores for other processes, a run says little.
CROWDED = 0.1

MARK = "†"


@dataclass(frozen=True)
class Ratio:
    median: float
    least: float
    most: float

    def __str__(self):
        return f"{self.median:.2f} ({self.least:.2f}..{self.most:.2f})"


@dataclass(frozen=True)
class Figure:
    """A proxy under a scenario. With `refused` it has no numbers."""

    proxy: str
    refused: str = ""
    per_cpu_s: float = 0
    mb_per_cpu_s: float = 0
    p99_ms: float = 0
    busy: float = 0
    to_base: Ratio | None = None
    to_second: Ratio | None = None

    @property
    def is_limited(self):
        """Something else was the limit: requests for each second would understate it.

        A proxy that shares its cores with the load never has them to itself; they are all busy.
        """
        return (not self.refused and self.busy < BUSY
                and self.proxy not in peers.TWO_LOOPS_NAMES)


@dataclass(frozen=True)
class Row:
    """A scenario with all its proxies, in the order of the page."""

    name: str
    title: str
    target: float
    moves_bodies: bool
    figures: dict

    @property
    def base(self):
        """The proxy that the others are divided by."""
        return list(self.figures)[0]

    @property
    def second(self):
        """The other yardstick."""
        return list(self.figures)[1]

    @property
    def bowline(self):
        """Bowline as it is compared."""
        return self.figures[list(self.figures)[2]]

    @property
    def is_limited(self):
        return any(figure.is_limited for figure in self.figures.values())


def others(results):
    """How many cores other processes used while we measured, on average."""
    all_of_them = [one for scenario in results["scenarios"] for turn in scenario["rounds"]
                   for one in turn.values() if "others_s" in one]
    wall = sum(one["wall_s"] for one in all_of_them)
    return sum(one["others_s"] for one in all_of_them) / wall if wall else 0


def rows(results):
    return [row(scenario, results["failed"]) for scenario in results["scenarios"]]


def row(scenario, failed):
    rounds = scenario["rounds"]
    # Results from before there were tunnels do not say which proxies they are of.
    names = scenario.get("proxies", peers.NAMES)
    base, second = names[:2]
    refused = {name: refusal(rounds, name, failed) for name in names}
    figures = {}
    for name in names:
        if refused[name]:
            figures[name] = Figure(name, refused=refused[name])
            continue
        own = [one[name] for one in rounds]
        per_cpu_s = median(map(cost, own))
        figures[name] = Figure(
            name, per_cpu_s=per_cpu_s, mb_per_cpu_s=per_cpu_s * scenario["body"] / 1e6,
            p99_ms=median(one["p99_ms"] for one in own),
            busy=median(one["cpu_s"] / one["wall_s"] for one in own),
            to_base=None if refused[base] else ratio(rounds, name, base),
            to_second=None if refused[second] else ratio(rounds, name, second))
    return Row(scenario["name"], scenario["title"], scenario["target"], scenario["body"] > 0,
               figures)


def cost(measurement):
    """Requests for each second of the proxy's CPU time."""
    return measurement["requests"] / measurement["cpu_s"]


def ratio(rounds, name, other):
    """Paired: each round gives one, because a shared machine's speed swings between rounds."""
    each = [cost(one[name]) / cost(one[other]) for one in rounds]
    return Ratio(median(each), min(each), max(each))


def refusal(rounds, name, failed):
    """Why this proxy gets no figure here, or nothing."""
    if name in failed:
        return "did not start"
    counts = {}
    for one in rounds:
        measurement = one.get(name, {"problem": "not measured"})
        if "problem" in measurement:
            return "errors: " + measurement["problem"]
        for kind, count in measurement["errors"].items():
            counts[kind] = counts.get(kind, 0) + count
    if counts:
        return "errors: " + ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return "" if all(one[name]["requests"] for one in rounds) else "errors: no answers"
