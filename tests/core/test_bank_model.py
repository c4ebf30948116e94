"""The bank against a plain list: hold, settle, cancel, crash, replay, time and other settings, in any order (P7).

Sums are exact whatever limits and quotas are set meanwhile (faults catalogue, F-27), and nothing settles twice (F-28).
"""

from __future__ import annotations

import json
from typing import Any

from attrs import define, evolve
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from targon_gw.core.allowance import Claim, Hold
from targon_gw.core.bank import Defaults, MemoryBank, Tally
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import Anonymous, ClientSettings, Per, QuotaPlan, RateLimits, Unit
from targon_gw.core.errors import Refusal
from targon_gw.core.meter import Source, Usage
from targon_gw.core.quota import window_of
from tests.core.test_quota import NOON
from tests.fakes import claim_at

CLIENTS = {name: ClientKey(name) for name in ("ann", "bob")}
# A rate of whole tokens a second, and whole seconds: the model's bucket has no rounding.
limits = st.builds(
    RateLimits,
    st.none() | st.sampled_from([60, 300]),
    st.none() | st.sampled_from([600, 6000]),
    st.none() | st.integers(1, 4),
)
# Round figures: the limit itself is met as often as it is passed.
amounts = st.integers(0, 8).map(lambda hundreds: 100 * hundreds)
plans = st.none() | st.builds(
    QuotaPlan, st.sampled_from(Unit), st.integers(1, 3) | amounts | st.just(2000), st.sampled_from(Per)
)
usages = st.builds(
    Usage, amounts, st.integers(0, 2).map(lambda hundreds: 100 * hundreds), source=st.sampled_from(Source)
)


@define
class Used:
    """A settled call."""

    name: str
    admitted: int
    tokens: int
    requests: int
    cost: int

    def of(self, unit: Unit) -> int:
        """Its figure."""
        return {Unit.TOKENS: self.tokens, Unit.REQUESTS: self.requests, Unit.USD: self.cost}[unit]


@define(eq=False)
class Open:
    """A call under way, as the model has it."""

    hold: Hold
    name: str
    admitted: int
    claim: Claim
    rate: int


@define
class Bucket:
    """A rate in whole numbers."""

    size: int
    level: int
    at: int

    def fill(self, now: int) -> None:
        """Bring it up to now."""
        self.level = min(self.size, self.level + (now - self.at) * (self.size // 60))
        self.at = now

    def resized(self, size: int | None, now: int) -> Bucket | None:
        """As much used of another size."""
        if size is None:
            return None
        self.fill(now)
        return Bucket(size, size - (self.size - self.level), now)


def bucket(size: int | None, now: int) -> Bucket | None:
    """A full one."""
    return None if size is None else Bucket(size, size, now)


class BankModel(RuleBasedStateMachine):
    """What the bank says is what the list of settled calls and the list of those under way say."""

    def __init__(self) -> None:
        super().__init__()
        self.unix = int(NOON)
        self.wall = self.unix - 1000
        self.settings: dict[str, tuple[RateLimits, QuotaPlan | None]] = {}
        self.buckets: dict[str, list[Bucket | None]] = {}
        self.settled: list[Used] = []
        self.open: list[Open] = []
        self.behind: list[tuple[str, Usage | None, int, int]] = []
        """The ledger's lines behind the snapshot."""

    @property
    def now(self) -> float:
        """Monotonic seconds of the process that runs."""
        return float(self.unix - self.wall)

    @initialize(limits=limits, plan=plans)
    def start(self, limits: RateLimits, plan: QuotaPlan | None) -> None:
        """A first run."""
        for name in CLIENTS:
            self.settings[name] = limits, plan
            self.buckets[name] = [
                bucket(limits.requests_per_minute, self.unix),
                bucket(limits.tokens_per_minute, self.unix),
            ]
        self.bank = self.built()
        self.take_snapshot()

    def clients(self) -> list[ClientSettings]:
        """The settings as they are now."""
        return [
            ClientSettings(name, f"{number:064x}", limits=limits, quota=plan)
            for number, (name, (limits, plan)) in enumerate(self.settings.items())
        ]

    def built(self) -> MemoryBank:
        """The bank of a process that starts."""
        return MemoryBank.of(self.clients(), Anonymous(), wall=float(self.wall))

    def used(self, name: str, plan: QuotaPlan, at: int) -> int:
        """What counts for that quota at `at`."""
        return sum(
            one.of(plan.unit)
            for one in self.settled
            if one.name == name and window_of(plan.per, one.admitted) == window_of(plan.per, at)
        )

    def held(self, name: str, plan: QuotaPlan, at: int) -> int:
        """What is set aside of it."""
        return sum(
            one.claim.of_unit(plan.unit)
            for one in self.open
            if one.name == name and window_of(plan.per, one.admitted) == window_of(plan.per, at)
        )

    def expected(self, name: str, claim: Claim) -> str | None:
        """The code of the refusal that a call should get, if any."""
        limits, plan = self.settings[name]
        if plan is not None:
            taken = self.used(name, plan, self.unix) + self.held(name, plan, self.unix)
            if taken + claim.of_unit(plan.unit) > plan.amount:
                return "insufficient_quota"
        under_way = sum(one.name == name for one in self.open)
        full = limits.concurrent is not None and under_way >= limits.concurrent
        for rate, amount in zip(self.buckets[name], (1, claim.tokens), strict=True):
            if rate is not None:
                rate.fill(self.unix)
                full = full or rate.level < min(amount, rate.size)
        return "rate_limit_exceeded" if full else None

    @rule(name=st.sampled_from(list(CLIENTS)), tokens=amounts, cost=amounts)
    def hold(self, name: str, tokens: int, cost: int) -> None:
        """A call asks to be let in, and is exactly when the lists say that there is room."""
        claim, expected = claim_at(tokens, cost), self.expected(name, claim_at(tokens, cost))
        try:
            hold = self.bank.hold(CLIENTS[name], claim, "192.0.2.1", self.now)
        except Refusal as refusal:
            assert refusal.code == expected
            return
        assert expected is None
        requests, rate = self.buckets[name]
        if requests is not None:
            requests.level -= 1
        taken = min(tokens, rate.size) if rate is not None else 0
        if rate is not None:
            rate.level -= taken
        self.open.append(Open(hold, name, self.unix, claim, taken))

    def close(self, one: Open, usage: Usage | None, cost: int) -> None:
        """In both."""
        self.open.remove(one)
        self.bank.settle(one.hold, usage, cost, self.now)
        self.behind.append((one.name, usage, cost, one.admitted))
        tokens = usage.prompt + usage.completion if usage else 0
        rate = self.buckets[one.name][1]
        if rate is not None:
            rate.fill(self.unix)
            rate.level = min(rate.size, rate.level + one.rate - tokens)
        self.settled.append(Used(one.name, one.admitted, tokens, 1 if usage else 0, cost if usage else 0))

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 99), usage=usages, cost=amounts)
    def settle(self, which: int, usage: Usage, cost: int) -> None:
        """A call is over, and used this, as claimed or not."""
        self.close(self.open[which % len(self.open)], usage, cost)

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 99))
    def cancel(self, which: int) -> None:
        """A call is over and used nothing; it can't be settled again."""
        one = self.open[which % len(self.open)]
        self.close(one, None, 0)
        try:
            self.bank.settle(one.hold, Usage(1, 1), 1, self.now)
        except RuntimeError:
            return
        raise AssertionError("a hold was settled twice")

    @rule(seconds=st.sampled_from([0, 1, 7, 60, 3600, 43_200, 86_400, 7 * 86_400, 31 * 86_400]))
    def wait(self, seconds: int) -> None:
        """Time passes, over the ends of windows."""
        self.unix += seconds

    @rule(name=st.sampled_from(list(CLIENTS)), limits=limits, plan=plans)
    def change(self, name: str, limits: RateLimits, plan: QuotaPlan | None) -> None:
        """The operator saves other settings."""
        self.settings[name] = limits, plan
        sizes = (limits.requests_per_minute, limits.tokens_per_minute)
        self.buckets[name] = [
            one.resized(size, self.unix) if one is not None else bucket(size, self.unix)
            for one, size in zip(self.buckets[name], sizes, strict=True)
        ]
        self.bank.reconfigure(self.clients(), Anonymous(), Defaults(), self.now)

    @rule()
    def take_snapshot(self) -> None:
        """The state is written, and the ledger goes on behind it."""
        self.snapshot: dict[str, Any] = json.loads(json.dumps(self.bank.to_state()))
        self.behind = []
        called = {one.name for one in self.settled}
        self.kept = {
            name: [evolve(one) if one is not None and name in called else None for one in both]
            for name, both in self.buckets.items()
        }

    @rule(down=st.sampled_from([0, 30, 4000, 90_000]))
    def crash(self, down: int) -> None:
        """The process is gone; the next one goes by the snapshot and the lines behind it. Nothing is under way."""
        self.unix += down
        self.wall = self.unix - 5
        self.bank = self.built()
        self.bank.restore(self.snapshot, self.now)
        for name, usage, cost, admitted in self.behind:
            self.bank.replay(name, usage, cost, float(admitted))
        self.open = []
        for name, (limits, _) in self.settings.items():
            self.buckets[name] = self.restored(name, limits)
        self.take_snapshot()

    def restored(self, name: str, limits: RateLimits) -> list[Bucket | None]:
        """The buckets as they were at the snapshot: what the lines behind it took is not gone over again."""
        found: list[Bucket | None] = []
        sizes = (limits.requests_per_minute, limits.tokens_per_minute)
        for one, size in zip(self.kept[name], sizes, strict=True):
            if size is not None and one is not None:
                found.append(Bucket(size, size - (one.size - one.level), one.at))
            else:
                found.append(bucket(size, self.unix))
        return found

    @invariant()
    def agrees(self) -> None:
        """Every figure is the lists'."""
        for name, (_, plan) in self.settings.items():
            seen = self.bank.overview(CLIENTS[name], self.now)
            mine = [one for one in self.settled if one.name == name]
            under_way = sum(one.name == name for one in self.open)
            assert seen.in_flight == under_way
            assert seen.prompt + seen.completion == sum(one.tokens for one in mine)
            assert round(seen.usage * 1_000_000) == sum(one.cost for one in mine)
            assert seen.requests == sum(one.requests for one in mine)
            assert self.bank.tally(name) == Tally(len(mine), under_way, seen.prompt, seen.completion)
            assert (seen.quota is None) is (plan is None)
            if plan is not None and seen.quota is not None:
                used, held = self.used(name, plan, self.unix), self.held(name, plan, self.unix)
                assert (seen.quota.used, seen.quota.held) == (used, held)
                assert seen.quota.remaining == max(0, plan.amount - used - held)

    def teardown(self) -> None:
        """What is under way is settled; then nothing is held and nothing is open."""
        for one in list(self.open):
            self.close(one, None, 0)
        if self.settings:
            self.agrees()


BankModelTests = BankModel.TestCase
BankModelTests.settings = hypothesis_settings(max_examples=50, stateful_step_count=50, deadline=None)
