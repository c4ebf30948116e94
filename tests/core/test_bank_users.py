"""Users in the Bank: their keys beside those of the settings, their use by name, their limits as the settings say."""

from __future__ import annotations

from hashlib import sha256

import pytest

from targon_gw.core.allowance import Claim, Hold
from targon_gw.core.bank import Defaults, MemoryBank, Tally
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import Anonymous, ClientSettings, Per, QuotaPlan, RateLimits, Secret, Unit
from targon_gw.core.cut import all_of, as_read
from targon_gw.core.errors import Refusal
from targon_gw.core.meter import Source, Usage

HERE = "192.0.2.1"
PLAN = QuotaPlan(Unit.REQUESTS, 10, Per.TOTAL)
DEFAULTS = Defaults(RateLimits(concurrent=2), PLAN)
USED = Usage(3, 4, source=Source.UPSTREAM)
CLAIM = Claim(10)


def digest(secret: bytes) -> bytes:
    """What a key is found by."""
    return sha256(secret).digest()


def bank(*clients: ClientSettings, defaults: Defaults = DEFAULTS) -> MemoryBank:
    """One with a user, `bob`, whose key is `b1`."""
    made = MemoryBank.of(clients, Anonymous(), defaults, 1_700_000_000.0)
    made.issue("bob", digest(b"b1"), 0.0)
    return made


def bob(bank: MemoryBank, secret: bytes = b"b1") -> ClientKey:
    """Whose key that is."""
    found = bank.find(secret)
    assert found is not None
    return found


def used(bank: MemoryBank, calls: int = 1) -> None:
    """So many calls of bob's, settled."""
    for _ in range(calls):
        bank.settle(bank.hold(bob(bank), CLAIM, HERE, 0.0), USED, 0, 0.0)


class CallTests:
    """A user calls."""

    def test_by_the_defaults(self) -> None:
        """Its limits and its quota are those of the settings."""
        made = bank()
        holds = [made.hold(bob(made), CLAIM, HERE, 0.0) for _ in range(2)]
        with pytest.raises(Refusal) as told:
            made.hold(bob(made), CLAIM, HERE, 0.0)
        assert told.value.code == "rate_limit_exceeded"
        for hold in holds:
            made.settle(hold, USED, 0, 0.0)
        used(made, 8)
        with pytest.raises(Refusal) as told:
            made.hold(bob(made), CLAIM, HERE, 0.0)
        assert told.value.code == "insufficient_quota"

    def test_rotated(self) -> None:
        """What was used stays used; what is under way goes on."""
        made = bank()
        used(made, 3)
        hold = made.hold(bob(made), CLAIM, HERE, 0.0)
        made.issue("bob", digest(b"b2"), 0.0)

        assert made.find(b"b1") is None
        assert made.tally("bob") == Tally(3, 1, 9, 12)
        made.settle(hold, USED, 0, 0.0)
        quota = made.overview(bob(made, b"b2"), 0.0).quota
        assert quota is not None and (quota.used, quota.remaining) == (4, 6)

    def test_withdrawn(self) -> None:
        """Nothing new is let in, also of who was looked up before; what is under way is settled; use is kept."""
        made = bank()
        used(made)
        key = bob(made)
        hold = made.hold(key, CLAIM, HERE, 0.0)
        made.withdraw("bob", 0.0)
        with pytest.raises(Refusal) as told:
            made.hold(key, CLAIM, HERE, 0.0)
        assert told.value.code == "invalid_api_key"
        made.settle(hold, USED, 0, 0.0)
        made.issue("bob", digest(b"b3"), 0.0)

        assert made.tally("bob").calls == 2
        assert isinstance(made.hold(bob(made, b"b3"), CLAIM, HERE, 0.0), Hold)

    def test_withdrawn_before_it_called(self) -> None:
        """Nothing is kept of who has used nothing."""
        made = bank()
        key = bob(made)
        made.withdraw("bob", 0.0)
        with pytest.raises(Refusal):
            made.hold(key, CLAIM, HERE, 0.0)
        assert all_of(made.slices())["clients"] == {}


class ReloadTests:
    """The settings change."""

    @pytest.mark.parametrize("has_called", [True, False])
    def test_new_defaults(self, has_called: bool) -> None:
        """Users follow them, those who have called and those who have not."""
        made = bank()
        if has_called:
            used(made, 3)
        plan = QuotaPlan(Unit.REQUESTS, 5, Per.TOTAL)
        made.reconfigure((), Anonymous(), Defaults(RateLimits(concurrent=7), plan), 0.0)
        seen = made.overview(bob(made), 0.0)

        assert seen.limits.concurrent == 7
        assert seen.quota is not None
        assert (seen.quota.limit, seen.quota.used) == (5, 3 if has_called else 0)

    def test_kept(self) -> None:
        """Another clients.yaml leaves users as they are."""
        made = bank()
        key = bob(made)
        made.reconfigure((ClientSettings("ann", Secret("a").digest),), Anonymous(), DEFAULTS, 0.0)

        assert bob(made) is key
        assert made.named("ann") is not None

    def test_the_file_takes_a_name(self) -> None:
        """While clients.yaml has it, its key and its limits are good; then the user's are again; the use is one."""
        made = bank()
        used(made, 3)
        filed = ClientSettings("bob", Secret("filed").digest, limits=RateLimits(concurrent=1))
        made.reconfigure((filed,), Anonymous(), DEFAULTS, 0.0)
        assert made.find(b"b1") is None and list(made.shadowed()) == ["bob"]
        seen = made.overview(bob(made, b"filed"), 0.0)
        assert (seen.requests, seen.limits.concurrent, seen.quota) == (3, 1, None)
        made.reconfigure((), Anonymous(), DEFAULTS, 0.0)

        assert made.find(b"filed") is None and list(made.shadowed()) == []
        quota = made.overview(bob(made), 0.0).quota
        assert quota is not None and quota.used == 3
        assert isinstance(made.hold(bob(made), CLAIM, HERE, 0.0), Hold)


class StateTests:
    """A state is written down while users change."""

    def test_as_of_the_first_step(self) -> None:
        """New defaults in between do not get into it."""
        made = bank()
        used(made, 3)
        slices = made.slices()
        next(slices)
        made.reconfigure((), Anonymous(), Defaults(), 0.0)
        told = as_read(all_of(slices))

        assert told["clients"]["bob"]["quota"] is not None
