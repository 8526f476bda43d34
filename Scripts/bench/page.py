"""The tables of docs/performance.md, between two marks; what stands around them is left alone."""

import figures
from figures import MARK, TITLES

BEGIN = "<!-- made by `make bench`; edits between the marks are lost -->"
END = "<!-- end of what `make bench` made -->"


def with_tables(page, results):
    """`page` with new tables."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no marks to put the tables between")
    return f"{before}{BEGIN}\n\n{tables(results)}\n{END}{after}"


def tables(results):
    rows = figures.rows(results)
    kinds = dict.fromkeys(tuple(row.figures) for row in rows)
    parts = [header(results)]
    parts += [ratios([row for row in rows if tuple(row.figures) == kind]) for kind in kinds]
    parts.append(costs(rows))
    if any(row.is_limited for row in rows):
        parts.append(
            f"{MARK} This proxy, or one of this row, was busy for less than "
            f"{100 * figures.BUSY:.0f} % of the time: the load,\nthe origin or something else on the "
            "machine was the limit. What a CPU-second buys still stands;\nplain requests per second "
            "would understate the proxy.\n")
    if any("errors" in one.refused for row in rows for one in row.figures.values()):
        parts.append(
            "A row with errors has no figure: an answer that failed is cheaper than one that did "
            "not.\n")
    parts += [f"{TITLES[name]} did not start:\n\n```\n{lines}\n```\n"
              for name, lines in results["failed"].items()]
    if results.get("memory"):
        parts.append(memory(results["memory"], results["memory_target"]))
    if results.get("calls"):
        parts.append(calls(results["calls"], results["counter"]))
    return "\n".join(parts)


def header(results):
    machine, versions, bowline = results["machine"], results["versions"], results["bowline"]
    others = figures.others(results)
    crowded = "" if others < figures.CROWDED else (
        "**That is a lot: take the figures for a trial run.**\n")
    changed = " with local changes" if bowline["changed"] else ""
    squid = f"Squid {versions['squid']}, " if "squid" in versions else ""
    return "\n".join((
        f"Measured on {results['date']}: {machine['cores']} cores of {machine['cpu']}, Linux "
        f"{machine['kernel']},",
        f"{machine['system']}.",
        f"Bowline {bowline['commit']}{changed}, {versions['swift']}; nginx {versions['nginx']}, "
        f"HAProxy {versions['haproxy']}, {squid}wrk {versions['wrk']}.",
        f"Medians of {results['rounds']} rounds of {results['seconds']} s; in brackets the "
        "smallest and the largest round.",
        f"Meanwhile other processes used {others:.2f} cores on average.", crowded))


def ratios(rows):
    """The table of rows that have the same proxies."""
    base, *others = rows[0].figures
    titles = [TITLES[name] for name in others]
    lines = [
        f"### Requests per CPU-second, {TITLES[base]} = 1.00", "",
        f"| scenario | {' | '.join(titles)} | Bowline to {TITLES[rows[0].second]} | target |",
        f"|---{'|---:' * len(others)}|---:|---|",
    ]
    for row in rows:
        cells = [ratio(row, name) for name in others]
        to_second = row.bowline.to_second or "–"
        mark = " " + MARK if row.is_limited else ""
        lines.append(f"| {row.title}{mark} | {' | '.join(cells)} | {to_second} | {target(row)} |")
    return "\n".join(lines) + "\n"


def ratio(row, name):
    figure = row.figures[name]
    return figure.refused or str(figure.to_base or f"no figure of {TITLES[row.base]}")


def target(row):
    reached = row.bowline.to_base
    state = "no figure" if not reached else (
        "reached" if reached.median >= row.target else "not yet")
    return f"{row.target:.2f}: {state}"


def costs(rows):
    lines = [
        "### What a CPU-second of the proxy buys", "",
        "| scenario | proxy | requests | MB of bodies | p99 ms | share of its core |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        for figure in row.figures.values():
            lines.append(f"| {row.title} | {TITLES[figure.proxy]} | {numbers(row, figure)} |")
    return "\n".join(lines) + "\n"


def numbers(row, figure):
    if figure.refused:
        return f"{figure.refused} | | |"
    mark = " " + MARK if figure.is_limited else ""
    bodies = f"{figure.mb_per_cpu_s:,.0f}" if row.moves_bodies else ""
    return f"{figure.per_cpu_s:,.0f} | {bodies} | {figure.p99_ms:.1f} | {figure.busy:.2f}{mark}"


def memory(proxies, most):
    count = max((one.get("clients", 0) for one in proxies.values()), default=0)
    lines = [
        "### Resident memory", "",
        f"| proxy | fresh, kB | with {count:,} idle clients, kB | bytes per idle client |",
        "|---|---:|---:|---:|",
    ]
    for name, one in proxies.items():
        if "error" in one:
            lines.append(f"| {TITLES[name]} | {one['base_kB']:,} | errors: {one['error']} | |")
            continue
        lines.append(f"| {TITLES[name]} | {one['base_kB']:,} | {one['after_kB']:,} | "
                     f"{growth(one):,.0f} |")
    bowline = proxies.get("bowline", {})
    if "after_kB" in bowline and "error" not in bowline:
        state = "reached" if growth(bowline) <= most else "not yet"
        lines += ["", f"Target for Bowline: {most} bytes per idle client at most: {state}."]
    return "\n".join(lines) + "\n"


def growth(one):
    return (one["after_kB"] - one["base_kB"]) * 1024 / one["clients"]


def calls(proxies, counter):
    lines = [
        "### System calls per request, keep-alive, short head", "",
        "| proxy | calls | of these |", "|---|---:|---|",
    ]
    for name, one in proxies.items():
        if "error" in one:
            lines.append(f"| {TITLES[name]} | errors: {one['error']} | |")
            continue
        each = one["total"] / one["requests"]
        listed = call_names(one) if name.startswith("bowline") else ""
        lines.append(f"| {TITLES[name]} | {each:.2f} | {listed} |")
    note = "" if counter == "perf" else (
        "\nstrace stops the proxy at each call, so that more work waits at each turn of its loop.")
    return "\n".join(lines) + f"\n\nCounted by {counter}.{note}\n"


def call_names(one):
    """The calls by name, most frequent first; what is rarer than 1 in 200 requests is summed up."""
    often = {name: count for name, count in sorted(one["counts"].items(), key=lambda x: -x[1])
             if count * 200 >= one["requests"]}
    rest = one["total"] - sum(often.values())
    words = [f"{name} {count / one['requests']:.2f}" for name, count in often.items()]
    return ", ".join(words + [f"others {max(rest, 0) / one['requests']:.2f}"])


def terminal(row):
    """A scenario in plain lines."""
    lines = [f"{row.title}"]
    for figure in row.figures.values():
        title = f"  {TITLES[figure.proxy]:<21}"
        if figure.refused:
            lines.append(title + figure.refused)
            continue
        mark = " " + MARK if figure.is_limited else ""
        lines.append(f"{title}{figure.per_cpu_s:>9,.0f} requests/CPU-s  "
                     f"{ratio(row, figure.proxy):<20} p99 {figure.p99_ms:.1f} ms  "
                     f"busy {figure.busy:.2f}{mark}")
    return "\n".join(lines)
