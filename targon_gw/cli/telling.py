"""How the command line tells things: tables and sentences for people, JSON and CSV for programs.

Results go to standard output, everything else to standard error. What comes from a file, a vendor or a client is shown
as text and as nothing else: no terminal escape in it is passed on, no spreadsheet formula left alive. A state is told
by its word; colour comes second, and not at all where NO_COLOR is set or the output is no terminal.
"""

from __future__ import annotations

import csv
import datetime
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn

import click

FAILED: Final = 1
LOCKED: Final = 75
"""EX_TEMPFAIL of sysexits.h: another daemon has the state folder."""
BAD_SETTINGS: Final = 78
"""EX_CONFIG, which systemd is told not to restart on."""
_CODES: Final = {FAILED: "failed", LOCKED: "locked", BAD_SETTINGS: "unusable"}
"""What programs are told, by the exit code."""
GAP: Final = 2
LEAST: Final = 10
"""Characters that are left of a column that gives way."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_SPAN: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(s|m|h|d|w)?")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
COLOURS: Final = {
    "ok": "green",
    "usable": "green",
    "ready": "green",
    "available": "green",
    "served": "green",
    "degraded": "yellow",
    "cooling": "yellow",
    "trial": "yellow",
    "abandoned": "yellow",
    "exhausted": "magenta",
    "down": "red",
    "barred": "red",
    "unavailable": "red",
    "truncated": "red",
    "failed": "red",
    "refused": "red",
    "disabled": "bright_black",
}


class Span(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions
    """A length of time on the command line: `90`, `90s`, `5m`, `2h`, `7d`, `2w`; in seconds."""

    name = "SPAN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds."""
        found = _SPAN.fullmatch(value) if isinstance(value, str) else None
        if found is None or float(found[1]) == 0:
            self.fail(f"{value!r} is no length of time such as 90s, 5m, 2h or 7d.", param, ctx)
        return float(found[1]) * _SECONDS[found[2] or "s"]


def print_json(value: Any) -> None:
    """`value` on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def fail(message: str, code: int = FAILED, as_json: bool = False) -> NoReturn:
    """End the process: what was asked for could not be done. With `as_json` that is the answer, too."""
    if as_json:
        error = {"code": _CODES.get(code, "failed"), "message": clean(message, lines=True)}
        click.echo(json.dumps({"error": error}, ensure_ascii=False))  # a line, for what is told a line at a time
    click.echo(f"targon-gw: {clean(message, lines=True)}", err=True)
    sys.exit(code)


def clean(value: object, lines: bool = False) -> str:
    """A text that a terminal only shows; with `lines`, line ends stay."""
    return "".join(c if c.isprintable() or (lines and c == "\n") else "�" for c in str(value))


def styled(word: str) -> str:
    """A state, in its colour."""
    return click.style(clean(word), fg=COLOURS.get(word))


def tell_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], wide: Sequence[str] = (), spare: Sequence[str] = ()
) -> None:
    """A table; columns whose name begins with `>` are figures, and `None` is shown as nothing.

    Where the terminal is narrow, the columns in `wide` are shortened, and if that is not enough, those in `spare` are
    left out, the last one first: an id is never cut.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    titles = [name.removeprefix(">") for name in columns]
    cells = [["" if cell is None else clean(cell) for cell in row] for row in rows]
    natural = {title: max([cell_len(title), *(cell_len(row[at]) for row in cells)]) for at, title in enumerate(titles)}
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else sum(natural.values()) + GAP * len(titles)
    widths = _widths(natural, wide, spare, room)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    kept = [at for at, title in enumerate(titles) if title in widths]
    for at in kept:
        justify: Any = "right" if columns[at].startswith(">") else "left"
        table.add_column(titles[at], width=widths[titles[at]], no_wrap=True, overflow="ellipsis", justify=justify)
    for row in cells:
        table.add_row(*(Text(row[at], style=COLOURS.get(row[at], "")) for at in kept))
    total = sum(widths.values()) + GAP * len(widths)
    Console(width=max(total, room), highlight=False, markup=False).print(table, no_wrap=True, crop=False)


def _widths(natural: dict[str, int], wide: Sequence[str], spare: Sequence[str], room: int) -> dict[str, int]:
    """How wide each column is that stays, in the order of `natural`."""
    kept = dict(natural)
    least = {title: min(width, LEAST) if title in wide else width for title, width in natural.items()}
    for title in reversed(spare):
        if sum(least[name] + GAP for name in kept) - GAP <= room:
            break
        del kept[title]
    left = room - sum(least[name] + GAP for name in kept) + GAP
    for title in kept:
        more = max(0, min(left, kept[title] - least[title]))
        kept[title], left = least[title] + more, left - more
    return kept


def tell_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Names and what there is to say, one a line; a text of several lines goes on below itself."""
    found = list(facts)
    width = max((len(name) for name, _ in found), default=0) + 2
    for name, text in found:
        first, *rest = text.split("\n")
        click.echo(f"{name:<{width}}{first}")
        for line in rest:
            click.echo(" " * width + line)


def tell_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows as CSV (RFC 4180, but for line ends) on standard output; a text that a spreadsheet would run is quoted."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row.get(name)) for name in columns])


def cell(value: object) -> object:
    """A value as CSV may have it: numbers as they are, texts never a formula."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def span(seconds: float) -> str:
    """A length of time in words: `0.4 s`, `23 s`, `5 min`, `2 h 10 min`, `3 d 4 h`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    for length, unit, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= length:
            rest = whole % length // below
            return f"{whole // length} {unit}" + (f" {rest} {small}" if rest and whole < 10 * length else "")
    return f"{whole} s"


def moment(unix: float | None) -> str:
    """A time of day where the terminal is."""
    return "" if unix is None else datetime.datetime.fromtimestamp(unix).strftime("%Y-%m-%d %H:%M:%S")


def until(unix: float | None, now: float) -> str:
    """How long it still is."""
    return "" if unix is None else f"in {span(unix - now)}"


def usd(micro: int) -> str:
    """Micro-dollars in dollars."""
    return f"{micro / 1_000_000:,.6f}" if micro % 10_000 else f"{micro / 1_000_000:,.2f}"


def many(count: int, noun: str) -> str:
    """`1 key`, `2 keys`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def no_colour(context: click.Context) -> None:
    """Have NO_COLOR obeyed: <https://no-color.org>, where an empty one is none."""
    if os.environ.get("NO_COLOR"):
        context.color = False
