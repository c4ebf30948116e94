"""What has been of late: calls, tokens, errors and waits over time, for pages that draw them.

It is fed with calls when `core.measures` folds them, many at once, and with what is turned away before it is a call.
All of it has fixed room, whatever comes: three rings for the charts, one of minutes, one of hours, two for each model
of the catalog. These are figures to look at, not books: what a killed process had not written yet is missing from
them, and nothing is read out of the ledger for their sake. What counts as failed, `core.faults` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from attrs import define, field

from .catalog import Model
from .cut import Plain, Slices
from .faults import CALLER, CLASSES, RETRIED, UNAVAILABLE, Tried, kind_of, kind_of_refusal, made_good, word_for
from .ledger import Ending, Entry
from .overview import Hour, MinuteCell, ModelCell, Series, share
from .points import Cell, Point, flat, read_point, room, take_up, unflat
from .rings import Ring, add, buckets, quantile

STEP: Final = 5
SPANS: Final = {"15m": (STEP, 180), "1h": (20, 180), "24h": (300, 288)}
"""The charts: seconds of a point, and how many points. Every ring's step is a multiple of the least: what has ended
within the same five seconds lies in the same point of each."""
MINUTE: Final = 60
MINUTES: Final = 90
"""Cells of the landing page."""
HOUR: Final = 3600
HOURS: Final = 30 * 24
"""Of the availability."""
MODEL_MINUTES: Final = 60
SLOW: Final = 300
"""Seconds of a point of how long a model's calls took: the last 13 are those of the last hour, and up to five minutes
more. By the minute they would be most of the state."""
OTHER: Final = "other"
"""The model of calls whose name the catalog has no longer."""
LATE: Final = 60.0
"""Seconds by which something may lie in the future without the clock's having been set back."""
TURNED_AWAY: Final = 64
"""Kinds of refusals, each of five seconds, that wait to be counted."""
RECENT: Final = 13
"""Points of five seconds that make up the last minute, and the one that is filling."""
_SERVED: Final = Ending.SERVED
Settled = tuple[Entry, Any, float, Sequence[Tried]]
"""A settled call, as `core.measures` keeps it: the entry, and last its attempts."""


@define(eq=False)
class Past:
    """The last hour of one model."""

    cells: Ring[Cell] = field(factory=lambda: Ring(MINUTE, MODEL_MINUTES, Cell))
    took: Ring[dict[int, int]] = field(factory=lambda: Ring(SLOW, MODEL_MINUTES * MINUTE // SLOW + 1, dict[int, int]))
    """How long calls took that were served, by bucket."""
    served: list[float] = field(factory=list)
    """Seconds of those that are being counted."""
    unserved: Cell = field(factory=Cell)
    """Of those that are being counted."""

    def counted(self, at: float) -> Cell:
        """Put what was being counted into the rings; what it came to."""
        cell, self.unserved = self.unserved, Cell()
        served, self.served = self.served, []
        cell.calls += len(served)
        there, took = self.cells.to_write(at), self.took.to_write(at)
        if there is not None:
            there.calls += cell.calls
            there.failed += cell.failed
        if took is not None and served:
            add(took, buckets(served))
        return cell


_QUIET: Final = Hour(0, 0, None, ())
"""Of a model that nobody has called."""


@define(eq=False)
class History:
    """The rings. `unix` is Unix seconds everywhere."""

    gather: Callable[[], object] = lambda: None
    """Has whatever waits to be counted counted: asked before anything is told."""
    since: float | None = None
    """When anything was first counted."""
    _charts: dict[str, Ring[Point]] = field(
        factory=lambda: {span: Ring(step, size, Point) for span, (step, size) in SPANS.items()}
    )
    _minutes: Ring[Cell] = field(factory=lambda: Ring(MINUTE, MINUTES, Cell))
    _hours: Ring[Cell] = field(factory=lambda: Ring(HOUR, HOURS, Cell))
    _models: dict[str, Past] = field(factory=dict)
    """By the catalog's name."""
    _asked: dict[str | None, Past] = field(factory=dict)
    """The same by every name that the catalog has for them and somebody has used."""
    _turned: dict[tuple[int, str], int] = field(factory=dict)

    # what is counted

    def begins(self, unix: float) -> None:
        """Whatever is counted is counted from now on, unless an earlier run has begun to."""
        if self.since is None:
            self.since = unix

    def take(self, settled: Sequence[Settled], find: Callable[[str], Model | None]) -> None:
        """Count calls that are settled, in their order; `find` is the catalog's: what it has not is `OTHER`."""
        if not settled:
            return
        if settled[0][0].at // STEP == settled[-1][0].at // STEP:
            self._count(settled, find)
            return
        for _, some in groupby(settled, lambda each: each[0].at // STEP):
            self._count(list(some), find)

    def _count(self, settled: Sequence[Settled], find: Callable[[str], Model | None]) -> None:
        """Count calls that have ended within the same five seconds: 0.7 µs for each of 256."""
        point, cell, asked = Point(len(settled)), Cell(), self._asked
        point.tokens = sum([entry.prompt + entry.completion for entry, _, _, _ in settled])
        point.first = buckets([e.first for e, _, _, _ in settled if e.stream and e.first is not None])
        pasts: set[Past] = set()
        for entry, _, _, attempts in settled:
            past = asked.get(entry.model) or self._past(entry.model, find)
            pasts.add(past)
            if entry.ending is _SERVED:
                past.served.append(entry.took)
                if len(attempts) > 1:
                    add(point.errors, {RETRIED: made_good(attempts)})
            else:
                _unserved(entry, attempts, point, past.unserved)
        at = settled[0][0].at
        for past in pasts:
            cell.add(past.counted(at))
        self._add(at, point, cell)

    def _past(self, model: str | None, find: Callable[[str], Model | None]) -> Past:
        found = None if model is None else find(model)
        id = OTHER if found is None else found.id
        past = self._models.get(id)
        if past is None:
            past = self._models[id] = Past()
        if found is not None:
            self._asked[model] = past
        return past

    def _add(self, at: float, point: Point, cell: Cell) -> None:
        self.begins(at)
        for chart in self._charts.values():
            there = chart.to_write(at)
            if there is not None:
                there.add(point)
        for ring in (self._minutes, self._hours):
            place = ring.to_write(at)
            if place is not None:
                place.add(cell)

    def turned_away(self, code: str, unix: float | None = None) -> None:
        """Note that a request was refused before it was a call, by a Refusal of that code; where it is not said when,
        that was just before the next look."""
        which = (-1 if unix is None else int(unix // STEP), kind_of_refusal(code))
        self._turned[which] = self._turned.get(which, 0) + 1
        if len(self._turned) > TURNED_AWAY and unix is not None:
            self._count_turned(unix)

    def _count_turned(self, unix: float) -> None:
        turned, self._turned = self._turned, {}
        for (number, kind), count in turned.items():
            if number < 0:
                number = int(unix // STEP)
            ours = count if kind == UNAVAILABLE else 0
            cell = Cell(ours, ours, {"503": ours} if ours else {})
            self._add(float(number * STEP), Point(ours, 0, {kind: count}), cell)

    def follow(self, models: Iterable[str]) -> None:
        """The catalog has these models from now on; what was known of others is forgotten."""
        named = {OTHER, *models}
        self._models = {id: past for id, past in self._models.items() if id in named}
        self._asked.clear()

    # what is told

    def look(self, unix: float) -> None:
        """Count what waits, and forget what lies in the future: the clock has been set back since (E-16)."""
        self.gather()
        if self._turned:
            self._count_turned(unix)
        newest = self._charts["15m"].newest * STEP
        if newest > unix + LATE:
            for ring in self._rings():
                ring.forget(unix)

    def _rings(self) -> list[Ring[Any]]:
        rings: list[Ring[Any]] = [*self._charts.values(), self._minutes, self._hours]
        for past in self._models.values():
            rings += (past.cells, past.took)
        return rings

    def series(self, span: str, unix: float, count: int | None = None) -> Series:
        """The chart of that span, or its last `count` points; raises KeyError for a span that is none of `SPANS`."""
        ring = self._charts[span]
        self.look(unix)
        told = Series([], [], [], [], [], {kind: [] for kind in CLASSES})
        for number, point in ring.last(unix, count):
            _tell(told, number * ring.step, point, self._seconds(ring, number, unix))
        return told

    def _seconds(self, ring: Ring[Point], number: int, unix: float) -> float | None:
        """How much of a point is over, in twentieths: where nothing happens it is not to be another at each look.
        `None` where nothing was counted then."""
        begins, part = number * ring.step, ring.step / 20
        if self.since is None or begins + ring.step <= self.since:
            return None
        return max(1.0, min(float(ring.step), ((unix - begins) // part + 1) * part))

    def cells(self, unix: float) -> tuple[MinuteCell, ...]:
        """The last 90 minutes."""
        self.look(unix)
        return tuple(
            (number * MINUTE, 0, 0, {}) if cell is None else (number * MINUTE, cell.calls, cell.failed, dict(cell.why))
            for number, cell in self._minutes.last(unix)
        )

    def availability(self, unix: float) -> float | None:
        """Of the last 30 days, as `core.faults` has it; `None` where there was no call."""
        self.look(unix)
        calls = failed = 0
        for _, cell in self._hours.kept(unix):
            calls += cell.calls
            failed += cell.failed
        return share(calls, failed)

    def rates(self, unix: float) -> tuple[float, float]:
        """Calls a second of the last ten seconds, tokens a minute of the last minute: both and what is filling."""
        self.look(unix)
        over = unix // 1 % STEP  # whole seconds: where nothing happens it is not to be another at each look
        points = [point for _, point in self._charts["15m"].last(unix, RECENT)]
        calls = sum(point.calls for point in points[-3:] if point is not None)
        tokens = sum(point.tokens for point in points if point is not None)
        return round(calls / (2.0 * STEP + over), 2), round(tokens * 60.0 / (60.0 + over), 1)

    def hour(self, model: str, unix: float) -> Hour:
        """The last hour of the model that the catalog has under that name; `look` is to be asked before."""
        past = self._models.get(model)
        if past is None:
            return _QUIET
        cells: tuple[ModelCell, ...] = tuple(
            (number * MINUTE, cell.calls, cell.failed) for number, cell in past.cells.kept(unix) if cell.calls
        )
        took: dict[int, int] = {}
        for _, counts in past.took.kept(unix):
            add(took, counts)
        return Hour(sum(cell[1] for cell in cells), sum(cell[2] for cell in cells), quantile(took, 0.95), cells)

    # what outlives the process

    def slices(self, unix: float) -> Slices:
        """All of it as plain JSON, a ring at a time: each is as it is when its turn comes, no line hangs on it."""
        self.look(unix)
        charts: Plain = {}
        for span, chart in self._charts.items():
            rows = [point.row(number) for number, point in chart.kept(unix)]
            charts[span] = [chart.step, rows]
            yield len(rows)
        minutes = [cell.row(number) for number, cell in self._minutes.kept(unix)]
        hours = [cell.row(number) for number, cell in self._hours.kept(unix)]
        yield len(minutes) + len(hours)
        models: Plain = {}
        for id, past in list(self._models.items()):
            cells = [cell.row(number) for number, cell in past.cells.kept(unix)]
            took = [[number, flat(counts)] for number, counts in past.took.kept(unix)]
            if cells or took:
                models[id] = [cells, took]
            yield len(cells)
        return {"since": self.since, "charts": charts, "minutes": minutes, "hours": hours, "models": models}

    def restore(self, state: Mapping[str, Any] | None, unix: float) -> None:
        """Take up what `slices` said in an earlier run, if it did, but for what lies in the future.

        What is older than a ring is not told, and gives way to what comes.
        """
        if state is None:
            return
        if state["since"] is not None:
            self.since = min(state["since"], unix)
        for span, (step, rows) in state["charts"].items():
            chart = self._charts.get(span)
            if chart is not None and chart.step == step:  # else it is of a version with other charts
                for row in rows:
                    point = room(chart, row[0], unix)
                    if point is not None:
                        point.add(read_point(row))
        take_up(self._minutes, state["minutes"], unix)
        take_up(self._hours, state["hours"], unix)
        for id, (cells, took) in state["models"].items():
            past = self._models[id] = Past()
            take_up(past.cells, cells, unix)
            for number, counts in took:
                place = room(past.took, number, unix)
                if place is not None:
                    add(place, unflat(counts))


def _unserved(entry: Entry, attempts: Sequence[Tried], point: Point, cell: Cell) -> None:
    """Count a call that was not served whole."""
    kind = kind_of(entry, attempts)
    if kind is not None:
        point.errors[kind] = point.errors.get(kind, 0) + 1
    if kind == CALLER:
        return
    cell.calls += 1
    if kind is not None:
        cell.failed += 1
        add(cell.why, {word_for(entry): 1})


def _tell(told: Series, begins: int, point: Point | None, seconds: float | None) -> None:
    """Add a point to a chart; `seconds` are those of it that are over, `None` where nothing was counted then."""
    told.t.append(begins)
    found = point or Point()
    told.calls.append(None if seconds is None else round(found.calls / seconds, 3))
    told.tokens.append(None if seconds is None else round(found.tokens * 60.0 / seconds, 1))
    told.first_p50.append(quantile(found.first, 0.5))
    told.first_p95.append(quantile(found.first, 0.95))
    for kind, figures in told.errors.items():
        figures.append(None if seconds is None else round(found.errors.get(kind, 0) / seconds, 3))
