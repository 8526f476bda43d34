"""The picture, docs/performance.svg: a bar for each proxy and scenario, nginx as the line at 1.

Tunnels are not in it: nginx has none to be the line.
"""

from html import escape
from math import ceil

import figures
from figures import MARK, TITLES

WIDTH = 880
LEFT, RIGHT = 230, 800
TOP = 92
BAR, GAP, BETWEEN = 14, 3, 16
BARS = ("haproxy", "bowline", "bowline-json")

# It has a ground of its own, so it can be read wherever it is put; a dark page gets a dark one.
STYLE = """\
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2937 }
  .ground { fill: #ffffff; stroke: #d1d5db }
  .title { font-size: 17px; font-weight: 600 }
  .quiet { font-size: 12px; fill: #5b6472 }
  .grid { stroke: #e5e7eb }
  .one { stroke: #1f2937; stroke-width: 1.5 }
  .spread { stroke: #1f2937; stroke-width: 1; opacity: 0.65 }
  .value { font-size: 12px }
  .haproxy { fill: #9aa5b5 }
  .bowline { fill: #0e7c86 }
  .bowline-json { fill: #7cc4c9 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e7eb }
    .ground { fill: #161b22; stroke: #30363d }
    .quiet { fill: #9aa4b2 }
    .grid { stroke: #2b323b }
    .one { stroke: #e5e7eb }
    .spread { stroke: #e5e7eb }
    .haproxy { fill: #6b7787 }
    .bowline { fill: #2aa9b5 }
    .bowline-json { fill: #1d6269 }
  }
"""


class Scale:
    """From a ratio to a place on the page."""

    def __init__(self, rows):
        most = max([1.25] + [one.to_base.most for row in rows for one in row.figures.values()
                             if one.to_base])
        self.step = 0.25 if most <= 2.5 else 0.5
        self.ticks = ceil(most / self.step)

    def x(self, ratio):
        return round(LEFT + (RIGHT - LEFT) * ratio / (self.step * self.ticks), 1)


def chart(results):
    rows = [row for row in figures.rows(results) if row.base == "nginx"]
    scale = Scale(rows)
    height_of_row = len(BARS) * (BAR + GAP) + BETWEEN
    bottom = TOP + len(rows) * height_of_row
    marked = any(row.is_limited for row in rows)
    height = bottom + (86 if marked else 66)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="title">',
        '<title id="title">Requests per CPU-second relative to nginx</title>',
        f"<style>\n{STYLE}</style>",
        f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        text(24, 32, "Requests per CPU-second of the proxy, nginx = 1.00", "title"),
        text(24, 52, subtitle(results), "quiet"),
        *legend(), *axis(scale, bottom),
    ]
    for index, row in enumerate(rows):
        parts += bars(row, TOP + index * height_of_row + BETWEEN / 2, scale)
    one = scale.x(1)
    parts.append(f'<line class="one" x1="{one}" y1="{TOP - 4}" x2="{one}" y2="{bottom}"/>')
    parts.append(text(one, TOP - 9, "nginx", "quiet", "middle"))
    if marked:
        parts.append(text(24, height - 16, f"{MARK} a proxy of this row waited for the load or the "
                          "origin; its plain requests per second would understate it", "quiet"))
    return "\n".join([*parts, "</svg>", ""])


def subtitle(results):
    machine = results["machine"]
    return (f"higher is better · medians of {results['rounds']} rounds, lines from the smallest "
            f"to the largest · {machine['cpu']}, {results['date']}")


def legend():
    x = 24
    for name in BARS:
        yield f'<rect class="{name}" x="{x}" y="64" width="12" height="12" rx="2"/>'
        yield text(x + 18, 74.5, TITLES[name], "quiet")
        x += 42 + 7 * len(TITLES[name])


def axis(scale, bottom):
    for tick in range(scale.ticks + 1):
        x = scale.x(tick * scale.step)
        yield f'<line class="grid" x1="{x}" y1="{TOP - 4}" x2="{x}" y2="{bottom}"/>'
        yield text(x, bottom + 18, f"{tick * scale.step:.2f}", "quiet", "middle")
    yield text((LEFT + RIGHT) / 2, bottom + 40, "requests per CPU-second, relative to nginx",
               "quiet", "middle")


def bars(row, y, scale):
    mark = " " + MARK if row.is_limited else ""
    middle = y + (len(BARS) * (BAR + GAP) - GAP) / 2
    yield text(LEFT - 14, middle + 4.5, row.title + mark, anchor="end")
    for name in BARS:
        figure = row.figures[name]
        base = y + BAR - 3
        if figure.refused or not figure.to_base:
            reason = figure.refused or "no figure of nginx"
            yield text(LEFT + 6, base, f"{TITLES[name]}: {reason}"[:80], "quiet")
        else:
            ratio = figure.to_base
            width = round(scale.x(ratio.median) - LEFT, 1)
            least, most, line = scale.x(ratio.least), scale.x(ratio.most), y + BAR / 2
            yield (f'<rect class="{name}" x="{LEFT}" y="{y}" width="{width}" height="{BAR}" '
                   'rx="2"/>')
            yield f'<line class="spread" x1="{least}" y1="{line}" x2="{most}" y2="{line}"/>'
            end = max(most, LEFT + width)
            yield text(end + 6, base, f"{ratio.median:.2f}", "value")
        y += BAR + GAP


def text(x, y, words, kind="", anchor=""):
    kind = f' class="{kind}"' if kind else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text{kind}{anchor} x="{x}" y="{y}">{escape(words)}</text>'
