"""Calls as a history is fed with them, made up: when they ended, how, and with which attempts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from attrs import frozen

from targon_gw.core.attempts import Outcome, Served
from targon_gw.core.catalog import Catalog
from targon_gw.core.config import ModelSettings
from targon_gw.core.cut import all_of
from targon_gw.core.history import History, Settled
from targon_gw.core.ledger import Ending, Entry, Kind
from targon_gw.core.meter import Source
from tests import fakes

NOON = 1_700_000_000.0 // 86_400 * 86_400 + 43_200
"""Unix seconds at which points of every ring begin."""
CATALOG = Catalog.of(
    (ModelSettings("acme/large"), ModelSettings("big", alias="acme/large"), ModelSettings("small")), {}
)


@frozen
class Tried:
    """An attempt that came out like that."""

    outcome: Outcome | None = Served()


def entry(at: float, ending: Ending = Ending.SERVED, **members: Any) -> Entry:
    """A call that ended then; a stream of 1.5 s whose first token came after half a second, unless it is said."""
    told = {"model": fakes.MODEL, "stream": True, "first": 0.5, "took": 1.5, "prompt": 10, "completion": 5}
    return Entry(at, "req_1", Kind.CALL, ending=ending, source=Source.UPSTREAM, **{**told, **members})


def settled(one: Entry, *outcomes: Outcome | None) -> Settled:
    """It, as `core.measures` keeps it, with attempts that came out like these; one that served, where none is named."""
    return one, None, 0.0, [Tried(outcome) for outcome in outcomes] or [Tried()]


def history(since: float = NOON - 86_400.0 * 40, calls: Sequence[Settled] = ()) -> History:
    """One that has counted these."""
    one = History()
    one.begins(since)
    one.take(calls, CATALOG.find)
    return one


def kept(one: History, unix: float) -> Any:
    """Its state, as it is read again."""
    return msgspec.json.decode(msgspec.json.encode(all_of(one.slices(unix))))


def anew(one: History, unix: float, later: float | None = None) -> History:
    """What is taken up of its state by a run that begins at that moment, or `later`."""
    found = History()
    found.restore(kept(one, unix), unix if later is None else later)
    return found
