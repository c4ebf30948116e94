"""The one family of errors that a client sees."""

from __future__ import annotations

import copy

import pytest

from targon_gw.core.errors import Refusal


class RefusalTests:
    """A call that goes no further."""

    def test_is_its_message(self) -> None:
        """Shown as an error, it reads as what the client is told."""
        refusal = Refusal("overloaded", "Try again in 3 s.", wait=3.0)

        assert str(refusal) == "Try again in 3 s."
        assert (refusal.code, refusal.param, refusal.wait) == ("overloaded", None, 3.0)

    def test_two_alike_are_not_the_same(self) -> None:
        """It is told by identity, as any error, and can be kept in a set."""
        assert Refusal("overloaded", "x") != Refusal("overloaded", "x")
        assert len({Refusal("overloaded", "x"), Refusal("overloaded", "x")}) == 2

    def test_is_raised_and_caught(self) -> None:
        """With the notes and the cause that any error may bear."""
        with pytest.raises(Refusal, match="no") as caught:
            raise Refusal("invalid_value", "no", "model") from ValueError("why")
        caught.value.add_note("seen")

        assert isinstance(caught.value.__cause__, ValueError)

    def test_copies(self) -> None:
        """A copy says the same."""
        refusal = copy.copy(Refusal("invalid_value", "no", "model", 2.0))

        assert (refusal.code, refusal.message, refusal.param, refusal.wait) == ("invalid_value", "no", "model", 2.0)
