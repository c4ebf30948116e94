"""Charts as SVG text: bars for systems side by side, curves for what grows.

Written by hand, so that the bench depends on nothing. A chart stands alone in a file, in a page of any ground: colours
follow the reader's scheme, every figure also stands there as text, lines differ by dash and mark as well as by colour.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

from attrs import frozen

from bench.summary import OURS

WIDTH = 720
LETTER = 7.6
"""Pixels that a letter of 13 px takes, or a little less: room for names is guessed, no font being at hand."""
ROW = 30
BAR = 18
PLOT = 240
"""Height of the field that curves lie in."""
STYLE = (
    "svg{color:#1f2328;font:13px system-ui,-apple-system,'Segoe UI',sans-serif}"
    "text{fill:currentColor}.t{font-weight:600;font-size:15px}.u,.k{opacity:.72}"
    ".k{font-size:12px}.n{font-variant-numeric:tabular-nums}.m{text-anchor:middle}.e{text-anchor:end}"
    ".g{stroke:currentColor;stroke-opacity:.16}.a{stroke:currentColor;stroke-opacity:.5}"
    ".b{fill:currentColor;fill-opacity:.34}.o{fill:#0b6bcb}.w{font-weight:600}"
    ".l{fill:none;stroke-width:2;stroke-linejoin:round}"
    ".s0{stroke:#0b6bcb}.s1{stroke:#b3541e}.s2{stroke:#1a7f37}.s3{stroke:#8250df}.s4{stroke:#6e7781}"
    ".p0{fill:#0b6bcb}.p1{fill:#b3541e}.p2{fill:#1a7f37}.p3{fill:#8250df}.p4{fill:#6e7781}"
    "@media(prefers-color-scheme:dark){svg{color:#e6edf3}.o{fill:#4aa3ff}"
    ".s0{stroke:#4aa3ff}.s1{stroke:#f0883e}.s2{stroke:#56d364}.s3{stroke:#c297ff}.s4{stroke:#a0a8b0}"
    ".p0{fill:#4aa3ff}.p1{fill:#f0883e}.p2{fill:#56d364}.p3{fill:#c297ff}.p4{fill:#a0a8b0}}"
)
DASHES = ("", "7 4", "2 4", "10 3 2 3", "4 2")
MARKS = (
    "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
    "M-3.2-3.2h6.4v6.4h-6.4z",
    "M0-4.4L4.2 3H-4.2z",
    "M0-4.6L4.6 0L0 4.6L-4.6 0z",
    "M0 4.4L4.2-3H-4.2z",
)
"""Around the origin: circle, square, triangle, diamond, triangle on its head."""


def figure(value: float) -> str:
    """A number for people: three digits that count, whole from 100 on, thousands apart. 0.0312, 4.5, 31.2, 45,200."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    text = f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def page(height: int, title: str, told: str, parts: Sequence[str]) -> str:
    """The SVG document: `title` and `told`, what the picture says in words, are for those who hear it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img">\n<title>{escape(title)}</title>\n<desc>{escape(told)}</desc>\n<style>{STYLE}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def text(x: float, y: float, kind: str, said: str) -> str:
    """A piece of text with its base line at `y`."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(said)}</text>'


def line(ends: tuple[float, float, float, float], kind: str) -> str:
    """A straight line from (x1, y1) to (x2, y2)."""
    x1, y1, x2, y2 = ends
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def bars(title: str, unit: str, rows: Sequence[tuple[str, float]]) -> str:
    """A bar for each (name, figure), in the given order, from the same zero; the SVG's text.

    Figures are not negative; `unit` is said once, under the title.
    """
    left = 20 + LETTER * max((len(name) for name, _ in rows), default=0) + 10
    right = 24 + LETTER * max((len(figure(value)) for _, value in rows), default=0)
    most = max((value for _, value in rows), default=0) or 1.0
    parts = [text(16, 26, "t", title), text(16, 46, "u", unit)]
    for at, (name, value) in enumerate(rows):
        top, long = 62 + at * ROW, (WIDTH - left - right) * max(0.0, value) / most
        own = name.startswith(OURS)
        strong = " w" if own else ""
        kind = "o" if own else "b"
        shape = f'x="{left:.1f}" y="{top}" width="{max(long, 1):.1f}" height="{BAR}" rx="3" class="{kind}"'
        parts += [
            text(left - 10, top + 14, f"e{strong}", name),
            f"<rect {shape}/>",
            text(left + max(long, 1) + 8, top + 14, f"n{strong}", figure(value)),
        ]
    height = 62 + len(rows) * ROW + 8
    parts.append(line((left, 56, left, height - 12), "a"))
    return page(height, title, "; ".join(f"{name} {figure(value)}" for name, value in rows) + f" ({unit})", parts)


@frozen
class Field:
    """Where the curves lie: pixels of a value. The horizontal axis is logarithmic, the vertical one starts at zero."""

    left: float
    right: float
    top: float
    xs: tuple[float, float]
    most: float

    def x(self, value: float) -> float:
        """From the left edge; in the middle where there is but one value."""
        first, last = self.xs
        share = math.log(value / first) / math.log(last / first) if last > first else 0.5
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        """From the top edge."""
        return self.top + PLOT * (1 - value / self.most)


def steps(most: float) -> list[float]:
    """Even numbers from zero to at least `most`, four to six of them: the marks of the vertical axis."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / 4
    ten = 10 ** math.floor(math.log10(rough))
    step = next(ten * one for one in (1, 2, 2.5, 5, 10) if ten * one >= rough * 0.999)
    count = math.ceil(most / step * 0.999)
    return [step * at for at in range(count + 1)]


def apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Heights as near to those wanted as can be where no two lie closer than `gap`; in the order given."""
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    placed = [wanted[at] for at in order]
    for _ in range(8 * len(placed)):
        moved = False
        for one, (upper, lower) in enumerate(pairwise(placed)):
            if (lack := gap - (lower - upper)) > 0.01:
                placed[one], placed[one + 1], moved = upper - lack / 2, lower + lack / 2, True
        if not moved:
            break
    heights = [0.0] * len(wanted)
    for at, height in zip(order, placed, strict=True):
        heights[at] = height
    return heights


def axes(field: Field, xs: Sequence[float], x_label: str) -> list[str]:
    """Both axes, with a grid line at each mark; marks of the horizontal one are the values measured, where they fit."""
    parts = []
    for mark in steps(field.most):
        height = field.y(mark)
        parts += [
            line((field.left, height, field.right, height), "g" if mark else "a"),
            text(field.left - 8, height + 4, "e k n", figure(mark)),
        ]
    told = -math.inf
    foot = field.top + PLOT
    for value in sorted(set(xs)):
        across = field.x(value)
        parts.append(line((across, foot, across, foot + 5), "a"))
        if across - told >= LETTER * (len(figure(value)) + 1):
            parts.append(text(across, foot + 19, "m k n", figure(value)))
            told = across
    return [*parts, text((field.left + field.right) / 2, foot + 38, "m u", x_label)]


def curve(at: int, points: Sequence[tuple[float, float]]) -> list[str]:
    """One line with a mark at each point; the `at`-th of a chart."""
    kind = at % len(DASHES)
    dash = f' stroke-dasharray="{DASHES[kind]}"' if DASHES[kind] else ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = [f'<path d="{MARKS[kind]}" transform="translate({x:.1f} {y:.1f})" class="p{kind}"/>' for x, y in points]
    return [f'<polyline points="{path}" class="l s{kind}"{dash}/>', *marks]


def curves(title: str, unit: str, xs: Sequence[float], series: Mapping[str, Sequence[float]], x_label: str) -> str:
    """A line for each series over `xs`, on a logarithmic horizontal axis; the SVG's text.

    Each series is as long as `xs`, whose values rise from above zero; the vertical axis starts at zero, so that what
    is flat looks flat. `unit` is the vertical axis's. Each line ends in its name and its last figure. ValueError
    where the lengths differ or an x is not above zero.
    """
    if not xs or min(xs) <= 0 or any(len(values) != len(xs) for values in series.values()):
        raise ValueError("curves need a figure for each x, and each x above zero")
    marks = steps(max((value for values in series.values() for value in values), default=0.0))
    ends = {name: f"{name} {figure(values[-1])}" for name, values in series.items()}
    right = WIDTH - 20 - LETTER * max((len(end) for end in ends.values()), default=0)
    left = 28 + LETTER * max(len(figure(mark)) for mark in marks)
    field = Field(left, right, 66, (min(xs), max(xs)), marks[-1])
    parts = [text(16, 26, "t", title), text(16, 46, "u", unit), *axes(field, xs, x_label)]
    heights = apart([field.y(values[-1]) for values in series.values()], 17)
    for at, (name, values) in enumerate(series.items()):
        points = [(field.x(x), field.y(value)) for x, value in zip(xs, values, strict=True)]
        strong = " w" if name.startswith(OURS) else ""
        ending = text(right + 12, heights[at] + 4, f"n p{at % len(DASHES)}{strong}", ends[name])
        parts += [*curve(at, points), ending]
    told = "; ".join(
        f"{name}: " + ", ".join(f"{figure(value)} at {figure(x)}" for x, value in zip(xs, values, strict=True))
        for name, values in series.items()
    )
    return page(int(field.top + PLOT + 52), title, f"{told} ({unit}; {x_label})", parts)
