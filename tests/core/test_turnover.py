"""Which keys come, go and stay."""

from __future__ import annotations

from attrs import evolve

from targon_gw.core.config import Secret
from targon_gw.core.turnover import turnover
from tests.fakes import key, upstream


class TurnoverTests:
    """Of one vendor."""

    def test_nothing(self) -> None:
        """The same keys, read again, in the same order, change nothing."""
        change = turnover(upstream(3), upstream(3))

        assert (change.came, change.left, change.edited, change.order) == ((), (), (), None)
        assert not change.diff({})

    def test_all_kinds(self) -> None:
        """One comes, one goes, one is edited; calls to finish are told when it is put in force."""
        heavy = evolve(key(1), weight=5)
        change = turnover(upstream(2), upstream([heavy, key(7)]))

        assert change.came == (key(7),) and change.edited == ((key(1), heavy),)
        assert change.left == (key(0).secret.fingerprint,)
        assert change.order == (key(1).secret.fingerprint, key(7).secret.fingerprint)
        (leaving,) = change.diff({key(0).secret.fingerprint: 4}).removed
        assert leaving.calls == 4

    def test_another_order(self) -> None:
        """Is one: who lists keys lists them as the file does."""
        change = turnover(upstream([key(0), key(1)]), upstream([key(1), key(0)]))

        assert change.order == (key(1).secret.fingerprint, key(0).secret.fingerprint) and not change.came

    def test_eight_digits_in_common(self) -> None:
        """A secret with the fingerprint of another is another key: the one goes, the other comes."""
        other = Secret("sn4_another-one-of-that-fingerprint")
        object.__setattr__(other, "fingerprint", key(0).secret.fingerprint)
        entry = evolve(key(0), secret=other)
        change = turnover(upstream([key(0)]), upstream([entry]))

        assert change.left == (other.fingerprint,) and change.came == (entry,) and not change.edited
