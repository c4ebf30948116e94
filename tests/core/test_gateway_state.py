"""What outlives the process: the state, and the lines of the ledger behind it."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from targon_gw.core.attempts import Barred, Exhausted, Outcome, Served, Throttled, VendorFault
from targon_gw.core.bank import Tally
from targon_gw.core.call import Call, Refuse, Step, Try, Wait
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import (
    Anonymous,
    ClientSettings,
    Config,
    Dialect,
    ModelSettings,
    Per,
    Price,
    QuotaPlan,
    RateLimits,
    Secret,
    Unit,
)
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Asking, Gateway
from targon_gw.core.ledger import Ending, Entry, Kind, figures_of
from targon_gw.core.meter import Source, Usage
from tests.fakes import (
    ADDRESS,
    CLIENT_SECRET,
    MODEL,
    WALL,
    ask,
    call,
    client,
    closing,
    config,
    gateway,
    key,
    limited,
    memory,
    settled,
    upstream,
)

HOUR = 3600.0
START = 3.0
"""When the next run takes up a state, by its own clock."""
USAGE = Usage(20, 8, 5, 2, Source.UPSTREAM)
ENTRY = Entry(
    WALL,
    "req_1",
    Kind.CALL,
    "ann",
    MODEL,
    MODEL,
    ending=Ending.SERVED,
    **figures_of(USAGE),
    cost=36,
    attempts=1,
    took=1.0,
)
BOB = "sk-tg-another-client-of-the-tests"
EVERYBODY = config(
    upstream([key(0, "a"), key(1, "a"), key(2, "b")]),
    upstream([key(8), key(9)], "other"),
    models=[ModelSettings(MODEL, price=Price(1.0, 2.0)), ModelSettings("small", routes=("other",))],
    clients=(
        ClientSettings("ann", Secret(CLIENT_SECRET.decode()).digest, None, RateLimits(60, 60_000, 50)),
        ClientSettings("bob", Secret(BOB).digest, quota=QuotaPlan(Unit.USD, 10_000_000, Per.DAY)),
    ),
    anonymous=Anonymous(True, ("*",), RateLimits(requests_per_minute=50), QuotaPlan(Unit.TOKENS, 1_000_000)),
)


def next_run(state: dict[str, Any] | None, after: Config, later: float = 0.0) -> Gateway:
    """A gateway of those settings, begun so many seconds after the tests' monotonic 0, with a state out of a file."""
    desk = Gateway.of(after, WALL + later - START, Random(1).random)
    if state is not None:
        desk.restore(json.loads(json.dumps(state)), START)
    return desk


def quota_of(desk: Gateway, now: float) -> tuple[int, int]:
    """What the client has used of its quota, and what is left."""
    quota = desk.bank.overview(client(desk), now).quota
    assert quota is not None
    return quota.used, quota.remaining


class ReplayTests:
    """Lines of the ledger that no state knows of."""

    def test_is_counted(self) -> None:
        """In the totals, and against the quota of its client."""
        desk = gateway(limited(quota=QuotaPlan(Unit.TOKENS, 100)))
        desk.replay(1, ENTRY)

        assert desk.ledger.n == 1
        assert desk.ledger.totals["client"]["ann"].to_state() == {
            "served": 1, "prompt": 20, "completion": 8, "cached": 5, "reasoning": 2, "cost": 36
        }  # fmt: skip
        assert memory(desk).tally("ann") == Tally(1, 0, 20, 8)
        assert quota_of(desk, 0.0) == (28, 72)

    def test_once(self) -> None:
        """E-02: by its number, however often it is read."""
        desk = gateway(limited(quota=QuotaPlan(Unit.TOKENS, 100)))
        for n in (1, 1, 2, 1, 2):
            desk.replay(n, ENTRY)

        assert desk.ledger.totals["client"]["ann"].calls == memory(desk).tally("ann").calls == 2
        assert quota_of(desk, 0.0) == (56, 44)

    @pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.CALL])
    def test_what_is_no_call_is_charged_to_nobody(self, kind: Kind) -> None:
        """Attempts that failed, probes and changes: in the ledger alone."""
        desk = gateway(limited(quota=QuotaPlan(Unit.TOKENS, 100)))
        desk.replay(1, replace(ENTRY, kind=kind, ending=None))

        assert desk.ledger.n == 1
        assert (memory(desk).tally("ann"), quota_of(desk, 0.0)) == (Tally(), (0, 100))

    @pytest.mark.parametrize(
        ("per", "at", "used"),
        [
            (Per.HOUR, 0.0, 28),
            (Per.HOUR, HOUR, 0),
            (Per.DAY, HOUR, 28),
            (Per.DAY, 24 * HOUR, 0),
            (Per.MONTH, 24 * HOUR, 28),
            (Per.TOTAL, 999 * HOUR, 28),
        ],
    )
    def test_in_the_window_of_its_admission(self, per: Per, at: float, used: int) -> None:
        """C-13: a call is charged where it began, in whichever window the gateway starts again."""
        desk = next_run(None, limited(quota=QuotaPlan(Unit.TOKENS, 100, per)), at)
        desk.replay(1, ENTRY)

        assert quota_of(desk, START) == (used, 100 - used)

    def test_that_ended_in_the_next_window(self) -> None:
        """C-13: one that ran over midnight is the day's in which it began, as it would be without a restart."""
        midnight = 86_400 - WALL % 86_400
        plan = limited(quota=QuotaPlan(Unit.TOKENS, 10_000))
        running = gateway(plan)
        one = call(running, midnight - 10.0)
        entry = settled(running, one, closing(Ending.SERVED, USAGE), midnight + 10.0)
        replayed = next_run(None, plan, midnight + 20.0)
        replayed.replay(1, entry)

        assert quota_of(running, midnight + 20.0) == quota_of(replayed, START) == (0, 10_000)
        assert memory(running).tally("ann") == memory(replayed).tally("ann") == Tally(1, 0, 20, 8)

    def test_of_a_client_that_is_gone(self) -> None:
        """It is remembered by name, and let in no more."""
        desk = gateway()
        desk.replay(1, replace(ENTRY, client="zoe"))

        assert memory(desk).tally("zoe") == Tally(1, 0, 20, 8)
        assert desk.bank.named("zoe") is None


class StateTests:
    """What is written is what is taken up."""

    def test_with_the_lines_behind_it(self) -> None:
        """E-01: the state of a while ago and the lines since: together what there was; no line counts twice."""
        plan = limited(quota=QuotaPlan(Unit.TOKENS, 10_000), price=Price(1.0, 2.0))
        desk = gateway(plan)
        lines: list[Entry] = []
        state: dict[str, Any] = {}
        for number in range(6):
            one = call(desk, float(number))
            one.begin(float(number))
            one.judge(Served(), number + 0.1)
            lines.append(settled(desk, one, closing(Ending.SERVED, USAGE), number + 0.5))
            if number == 2:
                state = json.loads(json.dumps(desk.to_state(number + 0.5)))
        after = next_run(state, plan, 10.0)
        assert after.ledger.n == 3
        for n, entry in enumerate(lines, 1):
            after.replay(n, entry)

        assert after.to_state(START)["ledger"] == desk.to_state(6.0)["ledger"]
        assert memory(after).tally("ann") == memory(desk).tally("ann") == Tally(6, 0, 120, 48)
        assert quota_of(after, START) == quota_of(desk, 10.0) == (168, 10_000 - 168)

    def test_what_is_held_is_no_state(self) -> None:
        """E-25: calls that were under way are not any more: their quota is free, and their slot."""
        plan = limited(RateLimits(concurrent=1), QuotaPlan(Unit.REQUESTS, 2))
        desk = gateway(plan)
        settled(desk, call(desk), closing(Ending.SERVED, USAGE), 1.0)
        call(desk, 2.0)
        with pytest.raises(Refusal):
            call(desk, 3.0)
        after = next_run(desk.to_state(3.0), plan, 3.0)

        assert quota_of(after, START) == (1, 1)
        assert call(after, START) in after.calls

    def test_health(self) -> None:
        """A key that rests goes on resting; one that was refused for good stays out."""
        plan = config(upstream(3, dialect=Dialect.TARGON))
        desk = gateway(plan)
        for outcome in (Throttled(60.0), Barred()):
            one = call(desk)
            one.begin(0.0)
            one.judge(outcome, 0.0)
            settled(desk, one, closing(Ending.ABANDONED), 0.0)
        after = next_run(desk.to_state(30.0), plan, 30.0)

        assert after.report(START).keys == desk.report(30.0).keys
        assert after.report(START + 29.0).keys["usable"] == 1
        assert after.report(START + 30.5).keys["usable"] == 2
        assert list(after.changes()) == []

    def test_before_anything_happened(self) -> None:
        """The state of a gateway that nobody has called is taken up as well."""
        after = next_run(gateway().to_state(0.0), config())

        assert (after.ledger.n, after.report(START).status) == (0, "ok")
        assert call(after, START) in after.calls

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 999)), max_size=40), st.floats(0.0, 3 * HOUR))
    def test_whole(self, acts: list[tuple[int, int]], down: float) -> None:
        """P7: whatever has happened, in whatever order: the same totals, quotas and health in the next run."""
        desk = gateway(EVERYBODY, Random(7).random)
        now = 0.0
        for who, number in acts:
            now += number % 50
            happen(desk, who, number, now)
        after = next_run(desk.to_state(now), EVERYBODY, now + down)

        assert after.ledger.n == desk.ledger.n
        assert after.ledger.to_state() == desk.ledger.to_state()
        assert after.report(START) == desk.report(now + down)
        for name, secret in (("ann", CLIENT_SECRET), ("bob", BOB.encode()), ("anonymous", None)):
            ours, theirs = whose(desk, secret), whose(after, secret)
            told, would = (
                after.bank.overview(theirs, START, ADDRESS),
                desk.bank.overview(ours, now + down, ADDRESS),
            )
            assert evolve(told, shown=would.shown, quota=would.quota) == would, name
            assert told.quota == would.quota
            for one, other in ((told.shown.requests, would.shown.requests), (told.shown.tokens, would.shown.tokens)):
                assert one == (
                    None
                    if other is None
                    else (other[0], pytest.approx(other[1], abs=1), pytest.approx(other[2], abs=1e-3))
                )


def whose(desk: Gateway, secret: bytes | None) -> ClientKey:
    """The client whose key that is."""
    found = desk.identify(secret, ADDRESS, 0.0)
    assert isinstance(found, ClientKey)
    return found


OUTCOMES: list[Outcome] = [
    Served(),
    Served(),
    Served(),
    VendorFault("500", 500),
    Throttled(40.0),
    Exhausted(),
    Barred(),
]


def happen(desk: Gateway, who: int, number: int, now: float) -> None:
    """One whole call of one of three, however it goes."""
    someone = whose(desk, (CLIENT_SECRET, BOB.encode(), None)[who])
    model = (MODEL, "small")[number % 2]
    try:
        one = desk.admit(Asking(someone, ADDRESS, f"req_{number}"), ask(model, max_tokens=1 + number), now)
    except Refusal:
        return
    assert isinstance(one, Call)
    step: Step = one.begin(now)
    while isinstance(step, Try):
        step = one.judge(OUTCOMES[number % len(OUTCOMES)], now)
        number //= 2
    if isinstance(step, Refuse | Wait):
        settled(desk, one, closing(Ending.FAILED), now)
    else:
        ending = (Ending.SERVED, Ending.TRUNCATED, Ending.ABANDONED)[number % 3]
        settled(desk, one, closing(ending, Usage(number, number + 3, source=Source.COUNTED)), now)


class OrphanTests:
    """Calls that were open when the process died."""

    def test_each_is_settled_once_at_nothing(self) -> None:
        """E-25: a call open in the state and behind no line comes to an entry that charges nobody; once."""
        before = gateway()
        who = client(before)
        left, ended = (before.admit(Asking(who, ADDRESS, id), ask(), 0.0) for id in ("req_left", "req_ended"))
        assert isinstance(left, Call) and isinstance(ended, Call)
        state = json.loads(json.dumps(before.to_state(1.0)))
        entry = settled(before, ended, closing(Ending.SERVED), 2.0)

        after = gateway()
        after.restore(state, 3.0)
        after.replay(before.ledger.n, entry)
        orphans = after.orphans(3.0)

        assert [(one.id, one.ending, one.usage, one.cost) for one in orphans] == [("req_left", Ending.FAILED, None, 0)]
        assert after.orphans(4.0) == []
