"""What the public addresses tell, as JSON has it: pictures of the core, without what the settings hide.

Whatever is made here may be read by anybody: it names models and no client, account, key or address. A figure that
`public_stats` leaves out is left out here, once for pages and streams alike (F-14).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import define

from targon_gw.core.census import STATES
from targon_gw.core.clients import ClientKey, Keyring
from targon_gw.core.config import ModelSettings, Stat
from targon_gw.core.gateway import Gateway
from targon_gw.core.history import SPANS
from targon_gw.core.overview import ModelSeen, Series, share

Plain = dict[str, Any]
OUT: Final = STATES[1:]
"""States of keys that can't serve; the pages are told of these four."""


@define(eq=False)
class Figures:
    """Of one gateway. `now` is monotonic seconds, as is `started`."""

    gateway: Gateway
    now: Callable[[], float]
    started: float
    version: str

    @property
    def _shown(self) -> tuple[Stat, ...]:
        return self.gateway.config.public_stats

    def overview(self) -> Plain:
        """The landing page's."""
        now, shown = self.now(), self._shown
        seen = self.gateway.snapshot(now)
        counters: Plain = {}
        if Stat.KEYS in shown:
            counters |= {"keys": seen.keys["total"], "usable": seen.keys["usable"]}
        if Stat.REQUESTS in shown:
            counters["calls"] = seen.calls
        if Stat.AVAILABILITY in shown:
            counters["availability"] = seen.availability
        return {
            "at": round(seen.at, 3),
            "status": seen.status,
            "uptime_s": int(now - self.started),
            "version": self.version,
            "counters": counters,
            "cells": seen.cells,
            "rates": {
                "calls_per_second": seen.rates.calls_per_second,
                "tokens_per_minute": seen.rates.tokens_per_minute,
                "in_flight": seen.rates.in_flight,
            },
            "out": {state: seen.keys[state] for state in OUT} if Stat.KEYS in shown else {},
        }

    def models(self) -> list[Plain]:
        """The models of the catalog, with their last hour."""
        keys = Stat.KEYS in self._shown
        return [_model(seen, keys) for seen in self.gateway.models_seen(self.now())]

    def monitor(self, span: str) -> Plain:
        """A chart, whole; KeyError where there is none of that span. `models` is for whoever has them."""
        unix = self.now() + self.gateway.wall
        step, _ = SPANS[span]
        series = self.gateway.history.series(span, unix)
        return {"at": round(unix, 3), "span": span, "step": step, "t": series.t, **_columns(series)}

    def points(self) -> dict[str, list[Plain]]:
        """The last point but one of each chart, and the last."""
        unix = self.now() + self.gateway.wall
        return {span: _points(self.gateway.history.series(span, unix, 2)) for span in SPANS}

    def catalogue(self) -> list[Plain]:
        """Every model by every name, as the guide lists them."""
        gateway, now = self.gateway, self.now()
        visitor = Keyring.of((), gateway.config.anonymous).find(None)
        states: dict[str, str] = {}
        told = []
        for name, model in gateway.catalog:
            state = states.get(model.id)
            if state is None:
                state = states[model.id] = gateway.state_of(model, now)
            told.append({"id": name, "alias_of": None if name == model.id else model.id, **_about(model.settings)})
            told[-1] |= {"state": state, "anonymous": _is_open(visitor, name)}
        return told


def _is_open(visitor: ClientKey | None, model: str) -> bool:
    return visitor is not None and visitor.may_use(model)


def _about(settings: ModelSettings) -> Plain:
    price = settings.price
    return {
        "kind": settings.kind.value,
        "features": list(settings.features),
        "context": settings.context,
        "max_tokens": settings.max_tokens,
        "price": None if price is None else {"prompt": price.prompt, "completion": price.completion},
        "summary": dict(settings.summary),
    }


def _model(seen: ModelSeen, keys: bool) -> Plain:
    hour = seen.hour
    told: Plain = {
        "id": seen.id,
        "kind": seen.kind,
        "state": seen.state,
        "calls": hour.calls,
        "success": share(hour.calls, hour.failed),
        "p95": hour.p95,
        "cells": hour.cells,
    }
    if keys:
        told["keys"] = {"usable": seen.usable, "total": seen.total}
    return told


def _columns(series: Series) -> Plain:
    return {
        "calls": series.calls,
        "tokens": series.tokens,
        "first_p50": series.first_p50,
        "first_p95": series.first_p95,
        "errors": series.errors,
    }


def _points(series: Series) -> list[Plain]:
    """A chart, as a list of its points."""
    return [
        {
            "t": t,
            "calls": series.calls[at],
            "tokens": series.tokens[at],
            "first_p50": series.first_p50[at],
            "first_p95": series.first_p95[at],
            "errors": {kind: figures[at] for kind, figures in series.errors.items()},
        }
        for at, t in enumerate(series.t)
    ]
