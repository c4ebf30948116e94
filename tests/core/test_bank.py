"""The one door, as a gateway that is alone answers it."""

from __future__ import annotations

import json
from random import Random

import pytest

from targon_gw.core import bank as bank_module
from targon_gw.core.allowance import Hold
from targon_gw.core.bank import Bank, Defaults, MemoryBank, Tally, caller
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import Anonymous, ClientSettings, Per, QuotaPlan, RateLimits, Unit
from targon_gw.core.errors import Refusal
from targon_gw.core.meter import Source, Usage
from tests.core.test_quota import NOON
from tests.fakes import CLIENT_SECRET, claim_at, config

CLAIM = claim_at(100, 50)
USED = Usage(20, 8, source=Source.UPSTREAM)
HERE = "192.0.2.1"


def settings(name: str = "ann", limits: RateLimits = RateLimits(), quota: QuotaPlan | None = None) -> ClientSettings:
    """A client of the settings."""
    return ClientSettings(name, f"{sum(name.encode()):064x}", limits=limits, quota=quota)


def bank(*clients: ClientSettings, anonymous: Anonymous = Anonymous()) -> MemoryBank:
    """A bank at noon."""
    return MemoryBank.of(clients or (settings(),), anonymous, wall=NOON)


def refused(bank: MemoryBank, client: ClientKey, address: str = HERE, now: float = 0.0) -> Refusal:
    """Why a call is turned away."""
    with pytest.raises(Refusal) as refusal:
        bank.hold(client, CLAIM, address, now)
    return refusal.value


ANN, NOBODY = ClientKey("ann"), ClientKey("anonymous")
OPEN = Anonymous(True, ("*",), RateLimits(requests_per_minute=2), QuotaPlan(Unit.TOKENS, 1000))


class MemoryBankTests:
    """Clients that have a key."""

    def test_is_a_bank(self) -> None:
        """It answers what the one door is asked, at once."""
        door: Bank = MemoryBank.of(config().clients, Anonymous())
        found = door.find(CLIENT_SECRET)

        assert isinstance(found, ClientKey)
        hold = door.hold(found, CLAIM, HERE, 0.0)
        assert isinstance(hold, Hold)
        assert (hold.name, hold.claim) == ("ann", CLAIM)
        assert door.find(b"another") is None

    def test_a_hold_is_settled_once(self) -> None:
        """A second time raises, and counts nothing."""
        mine = bank()
        hold = mine.hold(ANN, CLAIM, HERE, 0.0)
        mine.settle(hold, USED, 37, 1.0)

        with pytest.raises(RuntimeError):
            mine.settle(hold, USED, 37, 1.0)
        assert mine.tally("ann") == Tally(1, 0, 20, 8)

    def test_a_refused_call_is_settled_at_zero(self) -> None:
        """Nothing was used, and nothing is under way any more."""
        mine = bank(settings(quota=QuotaPlan(Unit.TOKENS, 100)))
        mine.settle(mine.hold(ANN, CLAIM, HERE, 0.0), None, 0, 1.0)

        assert mine.tally("ann") == Tally(calls=1)
        quota = mine.overview(ANN, 1.0).quota
        assert quota is not None
        assert quota.remaining == 100

    def test_of_whom_nothing_is_known(self) -> None:
        """All naught."""
        assert bank().tally("bob") == Tally()
        assert bank().overview(ClientKey("bob"), 0.0).requests == 0

    @pytest.mark.parametrize("seed", range(20))
    def test_a_quota_for_ten(self, seed: int) -> None:
        """Of 200 calls at once ten are let in; settled in any order, none is spent beyond it (C-11)."""
        dice, mine = Random(seed), bank(settings(quota=QuotaPlan(Unit.TOKENS, 1099)))
        holds = []
        for _ in range(200):
            try:
                holds.append(mine.hold(ANN, CLAIM, HERE, 0.0))
            except Refusal as refusal:
                assert refusal.code == "insufficient_quota"
        assert len(holds) == 10
        dice.shuffle(holds)
        for hold in holds:
            mine.settle(hold, dice.choice([None, Usage(dice.randint(0, 60), dice.randint(0, 40))]), 0, 1.0)
            quota = mine.overview(ANN, 1.0).quota
            assert quota is not None
            assert 0 <= quota.remaining == 1099 - quota.used - quota.held

    def test_headers(self) -> None:
        """What is told of the limits, with a hold and where it was refused."""
        mine = bank(settings(limits=RateLimits(1, 6000)))
        hold = mine.hold(ANN, CLAIM, HERE, 0.0)
        told = ((1, 0, pytest.approx(60.0)), (6000, 5900, pytest.approx(1.0)))

        shown, refused_one = mine.limits_of(hold, 0.0), mine.limits_at(ANN, HERE, 0.0)
        assert (shown.requests, shown.tokens) == (refused_one.requests, refused_one.tokens) == told


class ReconfigureTests:
    """Settings change."""

    def test_use_is_kept_by_name(self) -> None:
        """Under another key and other limits too."""
        mine = bank(settings(quota=QuotaPlan(Unit.TOKENS, 1000)))
        mine.settle(mine.hold(ANN, CLAIM, HERE, 0.0), USED, 37, 1.0)
        changed = ClientSettings("ann", "ab" * 32, quota=QuotaPlan(Unit.TOKENS, 50))
        mine.reconfigure((changed,), Anonymous(), Defaults(), 2.0)

        assert "more than the whole quota of 50" in refused(mine, ANN).message
        assert mine.tally("ann") == Tally(1, 0, 20, 8)

    def test_a_key_that_is_taken_away(self) -> None:
        """It is refused like any wrong key, at once; its running calls are settled (faults catalogue, C-14)."""
        mine = bank()
        hold = mine.hold(ANN, CLAIM, HERE, 0.0)
        mine.reconfigure((), Anonymous(), Defaults(), 1.0)

        assert refused(mine, ANN).code == "invalid_api_key"
        mine.settle(hold, USED, 37, 2.0)
        assert mine.tally("ann") == Tally(1, 0, 20, 8)

    def test_a_client_that_comes_back(self) -> None:
        """A name taken out and put back has used what it had."""
        one = settings(quota=QuotaPlan(Unit.TOKENS, 120))
        mine = bank(one)
        mine.settle(mine.hold(ANN, CLAIM, HERE, 0.0), USED, 37, 1.0)
        mine.reconfigure((), Anonymous(), Defaults(), 2.0)
        mine.reconfigure((one,), Anonymous(), Defaults(), 3.0)

        assert refused(mine, ANN).code == "insufficient_quota"

    def test_one_that_never_called_leaves_nothing(self) -> None:
        """Names that came and went don't gather."""
        mine = bank()
        for number in range(5):
            mine.reconfigure((settings(f"c{number}"),), Anonymous(), Defaults(), 1.0)

        assert not mine._clients

    def test_defaults_are_kept(self) -> None:
        """For keys that are issued without limits of their own; those of the settings have theirs."""
        mine, defaults = bank(), Defaults(RateLimits(1), QuotaPlan(Unit.REQUESTS, 1))
        mine.reconfigure((settings(),), Anonymous(), defaults, 0.0)

        assert mine.defaults == defaults
        assert len([mine.hold(ANN, CLAIM, HERE, 0.0) for _ in range(5)]) == 5


class AnonymousTests:
    """Callers without a key, by address."""

    def test_each_address_has_its_own(self) -> None:
        """Limits and quota are per address, and the hold says whose it is."""
        mine = bank(anonymous=OPEN)
        first = [mine.hold(NOBODY, CLAIM, HERE, 0.0) for _ in range(2)]

        assert refused(mine, NOBODY).code == "rate_limit_exceeded"
        assert mine.hold(NOBODY, CLAIM, "192.0.2.2", 0.0).name == "anonymous@192.0.2.2"
        assert first[0].name == "anonymous@192.0.2.1"
        for hold in first:
            mine.settle(hold, Usage(400, 100), 5, 60.0)
        assert refused(mine, NOBODY, now=60.0).code == "insufficient_quota"
        assert mine.overview(NOBODY, 60.0, HERE).prompt == 800
        assert mine.overview(NOBODY, 60.0, "192.0.2.9").prompt == 0

    def test_switched_off(self) -> None:
        """Whoever was found before it was switched off is refused; what runs is settled."""
        mine = bank(anonymous=OPEN)
        hold = mine.hold(NOBODY, CLAIM, HERE, 0.0)
        mine.reconfigure((), Anonymous(False), Defaults(), 1.0)

        assert refused(mine, NOBODY).code == "invalid_api_key"
        mine.settle(hold, USED, 0, 2.0)
        assert mine.tally("anonymous@192.0.2.1") == Tally(1, 0, 20, 8)

    def test_the_longest_idle_is_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """So many addresses are kept; whoever has a call under way is, however long ago it called."""
        monkeypatch.setattr(bank_module, "KEPT_ADDRESSES", 3)
        mine = bank(anonymous=OPEN)
        running = mine.hold(NOBODY, CLAIM, "10.0.0.1", 0.0)
        for last in (2, 3, 2, 4, 5):
            mine.settle(mine.hold(NOBODY, CLAIM, f"10.0.0.{last}", 0.0), USED, 0, 0.0)

        kept = {last for last in range(1, 6) if mine.tally(f"anonymous@10.0.0.{last}") != Tally()}
        assert kept == {1, 4, 5}
        mine.settle(running, USED, 0, 0.0)
        assert mine.tally("anonymous@10.0.0.1") == Tally(1, 0, 20, 8)

    def test_who_is_refused_has_called(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An address that is turned away is remembered like one that is let in: its bucket stays as empty as it is."""
        monkeypatch.setattr(bank_module, "KEPT_ADDRESSES", 3)
        mine = bank(anonymous=OPEN)
        for last in (1, 1, 2, 3):
            mine.settle(mine.hold(NOBODY, CLAIM, f"10.0.0.{last}", 0.0), USED, 0, 0.0)
        assert refused(mine, NOBODY, "10.0.0.1").code == "rate_limit_exceeded"
        mine.hold(NOBODY, CLAIM, "10.0.0.4", 0.0)

        assert refused(mine, NOBODY, "10.0.0.1").code == "rate_limit_exceeded"
        assert mine.tally("anonymous@10.0.0.2") == Tally()

    def test_all_of_them_busy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Another address is asked to come back; those that are known go on."""
        monkeypatch.setattr(bank_module, "KEPT_ADDRESSES", 2)
        mine = bank(anonymous=OPEN)
        hold, _ = (mine.hold(NOBODY, CLAIM, f"10.0.0.{last}", 0.0) for last in (1, 2))

        assert refused(mine, NOBODY, "10.0.0.3").code == "overloaded"
        mine.hold(NOBODY, CLAIM, "10.0.0.1", 0.0)
        mine.settle(hold, None, 0, 0.0)
        assert refused(mine, NOBODY, "10.0.0.3").code == "overloaded"

    def test_other_limits(self) -> None:
        """They hold for addresses that are known already, running or not."""
        mine = bank(anonymous=OPEN)
        running = mine.hold(NOBODY, CLAIM, HERE, 0.0)
        mine.reconfigure((), Anonymous(True, ("*",), RateLimits(requests_per_minute=1), None), Defaults(), 0.0)

        assert refused(mine, NOBODY).code == "rate_limit_exceeded"
        mine.settle(running, USED, 0, 0.0)

    @pytest.mark.parametrize(
        ("address", "who"),
        [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("unix", "unix"),
        ],
    )
    def test_who_an_address_is(self, address: str, who: str) -> None:
        """An IPv6 customer has a /64 to call from, and is one caller."""
        assert caller(address) == who


class StateTests:
    """What outlives a restart."""

    def test_clients_and_addresses(self) -> None:
        """Use is kept by name; clients that are gone by then are remembered for when they come back."""
        both = (settings(quota=QuotaPlan(Unit.TOKENS, 120)), settings("bob"))
        mine = bank(*both, anonymous=OPEN)
        for client in (ANN, ClientKey("bob"), NOBODY):
            mine.settle(mine.hold(client, CLAIM, HERE, 0.0), USED, 37, 1.0)
        mine.hold(ClientKey("bob"), CLAIM, HERE, 0.0)
        state = json.loads(json.dumps(mine.to_state()))
        again = MemoryBank.of(both[:1], OPEN, wall=NOON + 1000)
        again.restore(state, -900.0)

        assert refused(again, ANN, now=-900.0).code == "insufficient_quota"
        assert refused(again, ClientKey("bob")).code == "invalid_api_key"
        for name in ("ann", "bob", "anonymous@192.0.2.1"):
            assert again.tally(name) == Tally(1, 0, 20, 8)
        assert json.loads(json.dumps(again.to_state())).keys() == state.keys()
        assert again.to_state()["clients"].keys() == {"ann", "bob"}

    def test_replay(self) -> None:
        """A line of the ledger is charged to its client, known or not; to nobody where it had no key."""
        mine = bank(settings(quota=QuotaPlan(Unit.TOKENS, 100, Per.DAY)), anonymous=OPEN)
        for name in ("ann", "bob", "anonymous"):
            mine.replay(name, USED, 37, NOON)

        assert refused(mine, ANN).code == "insufficient_quota"
        assert (mine.tally("bob"), mine.tally("anonymous")) == (Tally(1, 0, 20, 8), Tally())
        assert refused(mine, ClientKey("bob")).code == "invalid_api_key"

    def test_twice(self) -> None:
        """A state that was taken up is handed on to the letter, as long as nothing happens in between."""
        both = (settings(quota=QuotaPlan(Unit.TOKENS, 1200)), settings("bob"))
        mine = bank(*both, anonymous=OPEN)
        for client in (ANN, NOBODY):
            mine.settle(mine.hold(client, CLAIM, HERE, 0.0), USED, 37, 1.0)
        state = mine.to_state()
        again = MemoryBank.of(both, OPEN, wall=NOON)
        again.restore(json.loads(json.dumps(state)), 2.0)

        assert again.to_state() == again.to_state() == state
        again.settle(again.hold(ANN, CLAIM, HERE, 3.0), USED, 37, 4.0)
        assert again.to_state() != state

    def test_an_address_that_is_crowded_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who is forgotten is in no state any more; of the others, who called last is taken up as the last."""
        monkeypatch.setattr(bank_module, "KEPT_ADDRESSES", 2)
        mine = bank(anonymous=OPEN)
        for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3"):
            mine.settle(mine.hold(NOBODY, CLAIM, address, 0.0), None, 0, 1.0)
            mine.to_state()

        assert list(mine.to_state()["anonymous"]) == ["anonymous@192.0.2.1", "anonymous@192.0.2.3"]

    def test_who_never_called_is_not_in_it(self) -> None:
        """A state is as long as the list of those who have used something."""
        assert bank().to_state() == {"clients": {}, "anonymous": {}}
