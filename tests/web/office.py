"""The admin socket in memory: the real tree and Site over a real gateway; the daemon around them is a desk of paper."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field
from klein.resource import KleinResource
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock

from targon_gw.core.attempts import Outcome, Served
from targon_gw.core.config import Config, Secret
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ending, Entry, Kind, Ledger, Sums, figures_of
from targon_gw.core.meter import Source, Usage
from targon_gw.drift import MOST
from targon_gw.web.admin import Admin
from targon_gw.web.admin_desk import InForce, Paths, Workshop
from targon_gw.web.registrar import Registrar
from targon_gw.web.strict import HttpLimits
from tests import fakes

from .conversation import Answer, Conversation, ask
from .registry import Disk, registrar_of

TODAY = "2023-11-14"
"""The day of `fakes.WALL`, UTC."""


@define(eq=False)
class PaperDesk:
    """The daemon, with what was asked of it; `problems` is what the next reload finds."""

    gateway: Gateway
    paths: Paths
    now: Callable[[], float]
    ledger: Ledger = field(factory=lambda: Ledger(n=7))
    version: str = "1.2.3"
    started: float = 0.0
    force: InForce = InForce(fakes.WALL)
    full: bool = False
    reloads: list[str] = field(factory=list)
    problems: list[str] = field(factory=list)
    acts: list[str] = field(factory=list)
    drains: int = 0
    ahead: float = 0.0
    testing: Deferred[Any] | None = None
    """How the next test of a key comes out, where it takes its time."""
    verdict: dict[str, Any] = field(factory=lambda: {"outcome": "served", "reason": "served", "status": 200})
    reloading: Deferred[Any] | None = None
    """Where it is set, a reload waits for it."""
    workshop: Workshop = field(factory=Workshop)
    outcomes: dict[str, Outcome | Deferred[Any]] = field(factory=dict)
    """How the vendor answers keys that are tried, by secret; all others are served."""
    tried: list[str] = field(factory=list)
    evidence: list[tuple[str, str, Outcome]] = field(factory=list)
    reads: dict[str, Any] = field(factory=lambda: {"problems": [], "changes": ["+1 key"]})
    """What a look at the files tells."""
    registrar: Registrar = field(init=False)
    disk: Disk = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.registrar, self.disk = registrar_of(self.gateway, self.now)

    def in_force(self) -> InForce:
        return self.force

    def clock_ahead(self) -> float:
        return self.ahead

    def clock_agrees(self) -> bool:
        return abs(self.ahead) <= MOST

    def state(self) -> dict[str, Any]:
        return {"n": self.ledger.n, "snapshot_age": 2.5, "journal": "ledger/x.yaml", "full": self.full}

    def use_of(self, client: str) -> dict[str, Any]:
        return {"requests": 3, "quota": {"unit": "tokens", "used": 10, "held": 5, "remaining": 85, "limit": 100}}

    def usage_since(self, by: str, day: str) -> Deferred[Mapping[str, Sums]]:
        return succeed({f"{by} since {day}": Sums(served=1)})

    def reload(self, reason: str) -> Deferred[dict[str, Any]]:
        self.reloads.append(reason)
        told = {"applied": False, "problems": self.problems} if self.problems else {"applied": True, "changes": ["+1"]}
        if self.reloading is None:
            return succeed(told)
        return self.reloading.addCallback(lambda _: told)

    def drain(self) -> None:
        self.drains += 1

    def test_key(self, upstream: str, key_id: str) -> Deferred[dict[str, Any]]:
        return self.testing or succeed(dict(self.verdict))

    def try_key(self, upstream: str, secret: Secret) -> Deferred[tuple[Outcome, float]]:
        self.tried.append(secret.reveal)
        outcome = self.outcomes.get(secret.reveal, Served())
        return outcome if isinstance(outcome, Deferred) else succeed((outcome, 0.25))

    def take_evidence(self, upstream: str, key_id: str, outcome: Outcome) -> None:
        self.evidence.append((upstream, key_id, outcome))

    def settings(self) -> Deferred[dict[str, Any]]:
        return succeed({"drain": "30s"})

    def foreseen(self) -> Deferred[dict[str, Any]]:
        return succeed(self.reads)

    def events(self, limit: int) -> list[dict[str, Any]]:
        return [
            {"at": 1.0, "who": "socket", "act": act, "on": "", "address": ""} for act in self.acts[: -limit - 1 : -1]
        ]

    def outside(self, work: Callable[[], Any]) -> Deferred[Any]:
        return maybeDeferred(work)

    def acted(self, act: str, on: str) -> None:
        self.acts.append(f"{act} {on}")


@define(eq=False)
class Office:
    """A desk and a connection to its socket. Keys lie in `folder`/keys.yaml, clients in `folder`/clients.yaml."""

    folder: Path
    settings: Config = field(factory=fakes.config)
    talk: Conversation = field(init=False)
    desk: PaperDesk = field(init=False)

    def __attrs_post_init__(self) -> None:
        clock = Clock()
        paths = Paths(*(str(self.folder / f"{name}.yaml") for name in ("gateway", "keys", "clients")))
        self.desk = PaperDesk(fakes.gateway(self.settings), paths, clock.seconds)
        tree: Any = Admin(self.desk, lambda: "sk-tg-fresh").app
        self.talk = Conversation(resource=KleinResource(tree), clock=clock, limits=HttpLimits())

    def ask(self, method: str, target: str, body: object = None) -> Answer:
        """The newest answer to what is asked, on the same connection."""
        self.talk.wire.clear()
        sent = b"" if body is None else json.dumps(body).encode()
        self.talk.say(ask("Content-Type: application/json\r\n" if sent else "", sent, target, method))
        heard = self.talk.heard()
        return heard[-1] if heard else Answer()

    def get(self, target: str) -> Any:
        """What a GET that must do is answered."""
        answer = self.ask("GET", target)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def post(self, target: str, body: object = None, status: int = 200) -> Any:
        """What a POST is answered, with that status."""
        answer = self.ask("POST", target, body)
        assert answer.status == status, answer.body
        return json.loads(answer.body)

    @property
    def pool(self) -> Any:
        """The first upstream's."""
        return next(iter(self.desk.gateway.pools.values()))

    def key(self, number: int = 0) -> Any:
        """The n-th key of the first upstream."""
        return fakes.the(self.pool, number)


def line(call_id: str = "req_1", **members: Any) -> Entry:
    """The entry of a call that was served, with these changes."""
    usual: dict[str, Any] = {"kind": Kind.CALL, "at": fakes.WALL, "status": 200, "ending": Ending.SERVED}
    usual |= figures_of(members.pop("usage", None))
    return Entry(id=call_id, **{**usual, **members})


def used(prompt: int) -> Usage:
    """What a vendor says was used."""
    return Usage(prompt, 1, source=Source.UPSTREAM)
