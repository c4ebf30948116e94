"""The gateway as people look at it: frozen pictures of one moment, made once for however many look.

They hold figures and states and nothing that names a client, a key, an account or an address: what of them is shown to
whom, the shells decide by the settings. Moments are Unix seconds, spans are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

MinuteCell = tuple[int, int, int, Mapping[str, int]]
"""When it begins, its calls, how many of them failed, and these by status."""
ModelCell = tuple[int, int, int]
"""When it begins, its calls, how many of them failed."""
Figures = list[float | None]


@frozen
class Series:
    """A chart, oldest first: `t` is when each point begins. Calls and errors are a second, tokens a minute; `None`
    where nothing was counted yet, or nothing was there to be timed."""

    t: list[int]
    calls: Figures
    tokens: Figures
    first_p50: Figures
    first_p95: Figures
    errors: dict[str, Figures]
    """By the words of `faults.CLASSES`."""


@frozen
class Hour:
    """The last hour of a model; a cell for each minute that had a call. `p95` is the time that a call took which was
    served: the slowest twentieth took longer."""

    calls: int
    failed: int
    p95: float | None
    cells: tuple[ModelCell, ...]


@frozen
class Rates:
    """How much is going on."""

    calls_per_second: float
    tokens_per_minute: float
    in_flight: int


@frozen
class Overview:
    """The gateway at `at`. Two pictures of different moments are equal where all else is."""

    at: float = field(eq=False)
    status: str
    """`ok`, `degraded` or `down`."""
    keys: Mapping[str, int]
    """By the words of `census.STATES`, and `total`."""
    calls: int
    """All calls that the ledger knows of."""
    availability: float | None
    """Of the last 30 days; see `core.faults`. `None`: there was no call."""
    cells: tuple[MinuteCell, ...]
    """The last 90 minutes."""
    rates: Rates


@frozen
class ModelSeen:
    """A model of the catalog, under its own name. `usable` of `total` keys may serve it."""

    id: str
    kind: str
    state: str
    """`available`, `degraded` or `unavailable`."""
    usable: int
    total: int
    hour: Hour


def share(calls: int, failed: int) -> float | None:
    """The part of `calls` that did not fail; `None` where there is none."""
    return round(1.0 - failed / calls, 6) if calls else None
