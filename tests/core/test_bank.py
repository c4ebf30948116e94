"""What clients have under way and have used; each hold is settled once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.bank import Bank, Hold, MemoryBank, Tally
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import Anonymous
from targon_gw.core.meter import Usage
from tests.fakes import CLIENT_SECRET, config


class MemoryBankTests:
    """The bank of a gateway that is alone."""

    def test_is_a_bank(self) -> None:
        """It answers what the one door is asked, at once."""
        bank: Bank = MemoryBank.of(config().clients, Anonymous())
        found = bank.find(CLIENT_SECRET)

        assert isinstance(found, ClientKey)
        assert isinstance(bank.hold(found), Hold)
        assert bank.find(b"another") is None

    def test_a_hold_is_settled_once(self) -> None:
        """A second time raises, and counts nothing."""
        bank, ann = MemoryBank.of((), Anonymous()), ClientKey("ann")
        hold = bank.hold(ann)
        bank.settle(hold, Usage(3, 4))

        with pytest.raises(RuntimeError):
            bank.settle(hold, Usage(3, 4))
        assert bank.tally("ann") == Tally(1, 0, 3, 4)

    def test_a_refused_call_is_settled_at_zero(self) -> None:
        """Nothing was used, and nothing is under way any more."""
        bank = MemoryBank.of((), Anonymous())
        bank.settle(bank.hold(ClientKey("ann")), None)

        assert bank.tally("ann") == Tally(calls=1)

    def test_of_whom_nothing_is_known(self) -> None:
        """All naught."""
        assert MemoryBank.of((), Anonymous()).tally("nobody") == Tally()

    @given(st.lists(st.tuples(st.sampled_from(["ann", "bob"]), st.booleans(), st.integers(0, 1000)), max_size=60))
    def test_tallies_are_sums(self, steps: list[tuple[str, bool, int]]) -> None:
        """After any walk each client's tally is what its settled calls came to, and what is held is under way."""
        bank = MemoryBank.of((), Anonymous())
        held: list[Hold] = []
        sums = {"ann": [0, 0, 0], "bob": [0, 0, 0]}
        for name, begins, tokens in steps:
            if begins or not held:
                held.append(bank.hold(ClientKey(name)))
            else:
                hold = held.pop(tokens % len(held))
                bank.settle(hold, Usage(tokens, 2 * tokens) if tokens else None)
                mine = sums[hold.client.name]
                sums[hold.client.name] = [mine[0] + 1, mine[1] + tokens, mine[2] + 2 * tokens]
        for name, (calls, prompt, completion) in sums.items():
            under_way = sum(hold.client.name == name for hold in held)
            assert bank.tally(name) == Tally(calls, under_way, prompt, completion)
