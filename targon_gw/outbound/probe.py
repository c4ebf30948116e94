"""Performs the probes that the pools say are due: one small call, on our own account, to learn how a key is.

A LoopingCall for each vendor; a round that fails is logged, and does not end the rounds. Nothing of a probe outlives
`stop`, and its lease and its share of the day's allowance come back however it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import count
from typing import Any

import msgspec
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredList, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from targon_gw.core.attempts import Abandoned, Outcome, Served, VendorFault
from targon_gw.core.call import Attempt
from targon_gw.core.catalog import Leg, Model
from targon_gw.core.config import Kind as ModelKind
from targon_gw.core.config import Secret
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway
from targon_gw.core.keys import Account, Lease, Route, UpstreamKey, Want
from targon_gw.core.ledger import Entry, Kind, figures_of, rounded
from targon_gw.core.meter import usage_of
from targon_gw.core.openai import Ask, Endpoint, read
from targon_gw.core.pool import KeyPool
from targon_gw.core.probes import Allowance, due

from .sending import Brought, Sending, WholeAnswer

log = Logger()

TICK = 5.0
"""Seconds between two rounds at most: a suspect is not to wait for what may be a long `every`."""


@define(eq=False)
class Prober:
    """Probes all vendors' keys. `now` is monotonic seconds; `tell` logs what has changed."""

    gateway: Gateway
    sending: Sending
    clock: IReactorTime
    now: Callable[[], float]
    tell: Callable[[], None]
    record: Callable[[Entry], None]
    """Has an Entry on file; raises `Refusal` where it can't be."""
    allowances: dict[str, Allowance] = field(factory=dict)
    _loops: list[LoopingCall] = field(factory=list)
    _under_way: set[Deferred[Any]] = field(factory=set)
    _numbers: count[int] = field(factory=lambda: count(1))

    def start(self) -> None:
        """Begin; the first round is at once."""
        for pool in self.gateway.pools.values():
            plan = pool.settings.probe
            self.allowances.setdefault(pool.name, Allowance(plan)).plan = plan  # what is spent stays spent
            loop = LoopingCall(self._round, pool)
            loop.clock = self.clock
            loop.start(min(pool.settings.probe.every, TICK)).addErrback(
                lambda f: log.failure("probing has ended", failure=f)
            )
            self._loops.append(loop)

    def stop(self) -> None:
        """End; probes under way come to nothing."""
        loops, self._loops = self._loops, []
        for loop in loops:
            if loop.running:
                loop.stop()
        for probe in list(self._under_way):
            probe.cancel()

    def _round(self, pool: KeyPool) -> Deferred[Any] | None:
        """One round of one vendor; fires when its probes have ended."""
        try:
            found = self._asked(pool)
            keys = due(pool, self.now(), found[1].upstream_id) if found is not None else []
        except Exception:  # a LoopingCall that raises once never runs again
            log.failure("a round of probes failed")
            return None
        if found is None or not keys:
            return None
        return DeferredList([self._begun(self._probe(pool, key, *found)) for key in keys])

    def _begun(self, work: Coroutine[Deferred[Any], Any, None]) -> Deferred[None]:
        """A probe under way: one probe's bug must not end the others."""
        probe = ensureDeferred(work)
        self._under_way.add(probe)

        def ended(result: Any) -> None:
            self._under_way.discard(probe)
            if isinstance(result, Failure) and result.check(CancelledError) is None:
                log.failure("a probe failed", failure=result)

        return probe.addBoth(ended)

    def _asked(self, pool: KeyPool) -> tuple[Model, Leg] | None:
        """The model that is asked for: the one the settings name, else the cheapest that this vendor serves now."""
        wanted = pool.settings.probe.model
        named = self.gateway.catalog.find(wanted) if wanted else None
        models = (
            [named]
            if named is not None
            else [m for _, m in self.gateway.catalog if m.settings.kind is not ModelKind.EMBEDDING]
        )
        legs = [(m, leg) for m in models for leg in m.legs if leg.pool is pool]
        now = self.now()

        def preference(found: tuple[Model, Leg]) -> tuple[bool, float]:
            return not pool.route(found[1].upstream_id).standing.may_serve(now), _price(found[0])

        return min(legs, key=preference, default=None)

    async def _probe(self, pool: KeyPool, key: UpstreamKey, model: Model, leg: Leg) -> None:
        if self.allowances[pool.name].allows(self.now()):
            await self._ask(pool, key, model, leg)

    async def _ask(self, pool: KeyPool, key: UpstreamKey, model: Model, leg: Leg) -> Outcome:
        """Send the question with this very key; its lease comes back, and what it cost is on file, however it ends."""
        now = self.now()
        request_id = f"probe_{next(self._numbers)}"
        lease = pool.lease_for_probe(key, Want(leg.upstream_id, 1, None, request_id), now)
        attempt = Attempt(lease, leg, model, pool.settings.timeouts.first_token, now, pool.settings)
        outcome: Outcome = Abandoned()
        brought: Brought | None = None
        try:
            outcome, brought = await self.sending.send(question(leg.upstream_id), request_id, attempt, _both)
            if isinstance(outcome, Served):
                key.noted_first_token(self.now() - now)
        finally:
            self.allowances[pool.name].spend(_cost(outcome, brought))
            pool.give_back(lease, outcome, self.now())
            with suppress(Refusal):
                self.record(self._entry(pool, attempt, outcome, brought))
            self.tell()
        return outcome

    def _entry(self, pool: KeyPool, attempt: Attempt, outcome: Outcome, brought: Brought | None) -> Entry:
        """What the ledger tells of a probe; nobody is charged with it."""
        now = self.now()
        usage = usage_of(brought.answer, 0, None)[0] if isinstance(brought, WholeAnswer) else None
        return Entry(
            rounded(now + self.gateway.wall),
            attempt.lease.want.request_id,
            Kind.PROBE,
            served=attempt.model.id,
            upstream=pool.name,
            account=attempt.lease.account.id,
            key=attempt.lease.key.id,
            status=outcome.status,
            **figures_of(usage),
            took=rounded(now - attempt.began),
            note=outcome.reason,
        )

    async def test(self, pool: KeyPool, key: UpstreamKey) -> tuple[Outcome, float]:
        """Ask this very key now, whatever its health; how that came out, and the seconds it took.

        Raises LookupError where the vendor serves no model that could be asked for, CancelledError at `stop`.
        """
        return await self._insisted(pool, lambda model, leg: self._ask(pool, key, model, leg))

    async def try_out(self, pool: KeyPool, secret: Secret) -> tuple[Outcome, float]:
        """Ask the vendor with a key that is not in the pool: nobody's health is moved by it. As `test`."""
        return await self._insisted(pool, lambda model, leg: self._ask_with(pool, secret, model, leg))

    def take(self, pool: KeyPool, key: UpstreamKey, outcome: Outcome) -> None:
        """Have the pool take as evidence how this key of its has answered when it was tried out, just before."""
        found = self._asked(pool)
        if found is None:
            return
        now = self.now()
        pool.give_back(pool.lease_for_probe(key, Want(found[1].upstream_id, 1), now), outcome, now)
        self.tell()

    async def _insisted(
        self, pool: KeyPool, ask: Callable[[Model, Leg], Coroutine[Deferred[Any], Any, Outcome]]
    ) -> tuple[Outcome, float]:
        """Have `ask` ask whatever the day's allowance."""
        found = self._asked(pool)
        if found is None:
            raise LookupError("no model of the catalog is served by this upstream")
        began = self.now()
        self.allowances.setdefault(pool.name, Allowance(pool.settings.probe)).insist(began)
        probe = ensureDeferred(ask(*found))
        self._under_way.add(probe)
        try:
            return await probe, self.now() - began
        finally:
            self._under_way.discard(probe)

    async def _ask_with(self, pool: KeyPool, secret: Secret, model: Model, leg: Leg) -> Outcome:
        """Send the question with `secret`, on a lease that no pool knows of; what it cost is on file."""
        now = self.now()
        request_id = f"probe_{next(self._numbers)}"
        account = Account(secret.fingerprint)
        want = Want(leg.upstream_id, 1, None, request_id)
        lease = Lease(
            UpstreamKey(account.id, secret, account), account, Route(leg.upstream_id), want, now, 0, 0, None, 0, 0
        )
        attempt = Attempt(lease, leg, model, pool.settings.timeouts.first_token, now, pool.settings)
        outcome: Outcome = Abandoned()
        brought: Brought | None = None
        try:
            outcome, brought = await self.sending.send(question(leg.upstream_id), request_id, attempt, _both)
        finally:
            self.sending.forget()  # it may be no key of ours
            self.allowances[pool.name].spend(_cost(outcome, brought))
            with suppress(Refusal):
                self.record(self._entry(pool, attempt, outcome, brought))
        return outcome


def _both(outcome: Outcome, brought: Brought | None) -> tuple[Outcome, Brought | None]:
    """A probe's judgement: none."""
    return outcome, brought


def question(model: str) -> Ask:
    """The smallest call there is."""
    messages = [{"role": "user", "content": "hi"}]
    body = {"model": model, "messages": messages, "max_tokens": 1, "stream": False}
    return read(Endpoint.CHAT, msgspec.json.encode(body))


def _cost(outcome: Outcome, brought: Brought | None) -> int | None:
    """Tokens, where somebody says: a vendor that turns a call down bills none, one that fails may (D-50)."""
    if not isinstance(outcome, Served | VendorFault | Abandoned):
        return 0
    usage = brought.answer.usage if isinstance(brought, WholeAnswer) else None
    total = usage.get("total_tokens") if usage is not None else None
    return total if type(total) is int else None


def _price(model: Model) -> float:
    price = model.settings.price
    return price.prompt + price.completion if price is not None else float("inf")
