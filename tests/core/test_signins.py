"""How fast passwords may be tried: F-08 of the faults catalogue, both sides of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core import signins as module
from targon_gw.core.errors import Refusal
from targon_gw.core.signins import (
    EACH_NEWCOMER,
    FORGOTTEN,
    FREE,
    FREE_CHANGES,
    FREE_OF_ADDRESS,
    FREE_OF_NAME,
    FREE_REGISTRATIONS,
    LONGEST,
    NEWCOMERS,
    SignIns,
)

HERE, THERE = "192.0.2.1", "198.51.100.7"


def wait(signs: SignIns, name: str, address: str, now: float, known: bool = False) -> float:
    """For how long a try has to wait; 0 where it was let in."""
    try:
        signs.attempt(name, address, known, now)
    except Refusal as refusal:
        assert refusal.code == "too_many_sign_ins" and refusal.wait is not None and refusal.wait > 0
        return refusal.wait
    return 0.0


class OnePlaceTests:
    """A name from one address."""

    def test_doubles(self) -> None:
        """F-08: five are free; then 1, 2, 4 … seconds, and a minute at most."""
        signs, now, waits = SignIns(), 0.0, []
        for _ in range(FREE):
            assert wait(signs, "ann", HERE, now, known=True) == 0.0
        for _ in range(8):
            waits.append(wait(signs, "ann", HERE, now, known=True))
            now += waits[-1]
            assert wait(signs, "ann", HERE, now, known=True) == 0.0

        assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]

    def test_at_the_same_moment(self) -> None:
        """F-10: of a hundred that come before one has failed, so many are let in, and no more."""
        signs = SignIns()
        assert sum(wait(signs, "ann", HERE, 0.0) == 0.0 for _ in range(100)) == FREE

    def test_success(self) -> None:
        """Whoever gets in is free again, from there."""
        signs = SignIns()
        for _ in range(2):
            for _ in range(FREE):
                assert wait(signs, "ann", HERE, 0.0) == 0.0
            signs.succeeded("ann", HERE)
            signs.succeeded("ann", HERE)

        assert wait(signs, "ann", HERE, 0.0) == 0.0

    def test_forgotten(self) -> None:
        """After a quarter of an hour there was nothing."""
        signs = SignIns()
        for _ in range(FREE):
            wait(signs, "ann", HERE, 0.0)

        assert wait(signs, "ann", HERE, 0.0) > 0.0
        assert [wait(signs, "ann", HERE, FORGOTTEN) for _ in range(FREE)] == [0.0] * FREE


class AddressTests:
    """An address that tries many names."""

    def test_stuffing(self) -> None:
        """F-08: a list of names is as slow as one name."""
        signs = SignIns()
        let_in = sum(wait(signs, f"user{number}", HERE, number / 1000.0) == 0.0 for number in range(1000))

        assert let_in == FREE_OF_ADDRESS
        assert wait(signs, "other", THERE, 1.0) == 0.0

    def test_who_is_signed_in_there(self) -> None:
        """Whoever is signed in from that address already is not made to wait for its neighbours."""
        signs = SignIns()
        for number in range(100):
            wait(signs, f"user{number}", HERE, 0.0)

        assert wait(signs, "ann", HERE, 0.0, known=True) == 0.0
        assert wait(signs, "bob", HERE, 0.0) > 0.0


class VictimTests:
    """A name that everybody tries."""

    def flood(self, signs: SignIns, now: float, number: int) -> None:
        """A try from an address of its own."""
        wait(signs, "ann", f"203.0.113.{number}", now)

    def test_is_slow_for_strangers(self) -> None:
        """F-08: a thousand addresses have no thousand tries in a second."""
        signs = SignIns()
        let_in = sum(wait(signs, "ann", f"2001:db8:{number:x}::", 0.0) == 0.0 for number in range(1000))

        assert let_in == FREE_OF_NAME

    def test_is_never_locked_out(self) -> None:
        """F-08: with a flood of failures going on, its owner waits a minute at most, and is let in then."""
        signs = SignIns()
        for number in range(200):
            self.flood(signs, number / 10.0, number)
        promised = wait(signs, "ann", HERE, 20.0)
        assert 0.0 < promised <= LONGEST
        for number in range(200):
            self.flood(signs, 20.0 + number * promised / 200.0, number)

        assert wait(signs, "ann", HERE, 20.0 + promised) == 0.0

    def test_is_not_slow_where_it_is_known(self) -> None:
        """Its owner, signed in already, notices nothing of it."""
        signs = SignIns()
        for number in range(200):
            self.flood(signs, 0.0, number)

        assert wait(signs, "ann", HERE, 0.0, known=True) == 0.0

    @given(st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(0, 50)), max_size=200))
    def test_whatever_others_do(self, tries: list[tuple[float, int]]) -> None:
        """However others fail, a turn that was promised stands."""
        signs, now = SignIns(), 0.0
        for _ in range(FREE_OF_NAME + 5):
            self.flood(signs, now, 99)
            self.flood(signs, now, 98)
        due = now + wait(signs, "ann", HERE, now)
        for pause, number in tries:
            if now + pause > due:
                break
            now += pause
            self.flood(signs, now, number)

        assert wait(signs, "ann", HERE, due) == 0.0


class RegistrationTests:
    """Registering costs a password's hash and stays for ever."""

    def test_slow(self) -> None:
        """Of one address ten at once, then slower and slower; others are not in it."""
        signs, let_in = SignIns(), 0
        for number in range(1000):
            try:
                signs.register(HERE, number / 1000.0)
                let_in += 1
            except Refusal as refusal:
                assert refusal.code == "too_many_sign_ins"
        signs.register(THERE, 1.0)

        assert let_in == FREE_REGISTRATIONS

    def test_a_day(self) -> None:
        """C-18: of one address 20 may come, and then one each 72 minutes; others may as well."""
        signs, came, now = SignIns(), 0, 0.0
        for _ in range(86_400 // 100):
            try:
                signs.register(HERE, now)
            except Refusal:
                pass
            else:
                signs.registered(HERE, now)
                came += 1
            now += 100.0
        signs.register(THERE, now)

        assert came == NEWCOMERS + int(now / EACH_NEWCOMER) - 1


class ChangeTests:
    """Changes of a user's own, each a line of the ledger."""

    def test_slow(self) -> None:
        """E-05: who makes one after another fills no disk: so many are free, then there is a wait of up to a minute."""
        signs, now, waits = SignIns(), 0.0, []
        for _ in range(FREE_CHANGES):
            signs.change("rotate", "ann", now)
        for _ in range(8):
            with pytest.raises(Refusal, match="Wait") as told:
                signs.change("rotate", "ann", now)
            waits.append(told.value.wait)
            now += told.value.wait or 0.0
            signs.change("rotate", "ann", now)

        assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
        signs.change("rotate", "ann", now + FORGOTTEN)

    def test_each_by_itself(self) -> None:
        """Neither another user nor another kind of change waits for it: who has one's session keeps nobody out."""
        signs = SignIns()
        for _ in range(FREE_CHANGES):
            signs.change("rotate", "ann", 0.0)

        signs.change("rotate", "bob", 0.0)
        signs.change("password", "ann", 0.0)


class UntriedTests:
    """A try that came to no comparison."""

    def test_is_no_failure(self) -> None:
        """F-10: whoever was turned away because many waited has not failed by that."""
        signs = SignIns()
        for _ in range(100):
            assert wait(signs, "ann", HERE, 0.0) == 0.0
            signs.untried("ann", HERE)

        assert sum(wait(signs, "ann", HERE, 0.0) == 0.0 for _ in range(100)) == FREE


class MemoryTests:
    """What is remembered is bounded."""

    def test_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever failed least recently is forgotten first."""
        monkeypatch.setattr(module, "KEPT", 10)
        signs = SignIns()
        for number in range(100):
            wait(signs, f"user{number}", f"2001:db8:{number:x}::", 0.0)
            signs_kept = [len(memory) for memory in (signs._pairs, signs._addresses, signs._names)]
            assert max(signs_kept) <= 10

    def test_to_be_refused_costs_no_memory(self) -> None:
        """A promise is kept once for each address, however often it asks."""
        signs = SignIns()
        for _ in range(50):
            wait(signs, "ann", HERE, 0.0)

        assert len(signs._pairs) == len(signs._addresses) == len(signs._names) == 1
