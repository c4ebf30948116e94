"""`/health`: for load balancers. It asks nobody, costs nothing and needs no key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
from attrs import define

from targon_gw.core.gateway import Gateway

from .request import Request

_HEADERS = [(b"content-type", b"application/json; charset=utf-8"), (b"cache-control", b"no-store")]


class Settings(Protocol):
    """How the last reading of the settings went: the problem, and since when (Unix seconds) older ones are in force."""

    @property
    def problem(self) -> str | None: ...

    @property
    def since(self) -> float | None: ...


@define(eq=False)
class Health:
    """What the three addresses tell. `now` is monotonic seconds, as is `started`."""

    gateway: Gateway
    now: Callable[[], float]
    started: float
    version: str
    settings: Settings | None = None
    leaving: bool = False
    """The gateway is about to drain: it serves who is connected, and a balancer should send nobody here."""

    def report(self, request: Request) -> None:
        """All of it; 503 where no key is usable or the gateway drains."""
        now = self.now()
        report = self.gateway.report(now)
        told: dict[str, object] = {
            "status": "down" if self.leaving else report.status,
            "version": self.version,
            "uptime_s": int(now - self.started),
            "keys": report.keys,
            "draining": report.draining or self.leaving,
        }
        if self.settings is not None and self.settings.problem is not None:
            told["settings"] = {"taken": False, "since": self.settings.since}
        if self.gateway.shut is not None:
            told["recording"] = False
        self._answer(request, report.status != "down" and not self.leaving, told)

    def live(self, request: Request) -> None:
        """That this was answered is the answer."""
        self._answer(request, True, {"status": "ok"})

    def ready(self, request: Request) -> None:
        """Whether calls should be sent here."""
        report = self.gateway.report(self.now())
        draining = report.draining or self.leaving
        ready = report.status != "down" and self.gateway.shut is None and not draining
        why = "draining" if draining else "no room for the ledger" if self.gateway.shut else "no usable key"
        self._answer(request, ready, {"status": "ok"} if ready else {"status": "down", "reason": why})

    def _answer(self, request: Request, well: bool, told: dict[str, object]) -> None:
        request.answer(200 if well else 503, _HEADERS, msgspec.json.encode(told))
