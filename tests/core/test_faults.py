"""Whose fault a call's failure was, and what availability counts."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import (
    Abandoned,
    Barred,
    CallerFault,
    Exhausted,
    ModelFault,
    Outcome,
    Served,
    Throttled,
    VendorFault,
)
from targon_gw.core.errors import Refusal
from targon_gw.core.faults import CLASSES, kind_of, kind_of_refusal, made_good, word_for
from targon_gw.core.ledger import Ending

from .remembered import NOON, Tried, entry

CALLER = CallerFault(Refusal("invalid_value", "no"), 400)


class KindTests:
    """`kind_of`, by the formula of availability."""

    @pytest.mark.parametrize(
        ("ending", "first", "last", "status", "kind"),
        [
            (Ending.SERVED, 0.5, Served(), 200, None),
            (Ending.ABANDONED, 0.5, Served(), 200, None),
            (Ending.ABANDONED, None, None, None, "upstream"),
            (Ending.TRUNCATED, 0.5, CALLER, 200, "cut"),
            (Ending.REFUSED, None, CALLER, 400, "caller"),
            (Ending.FAILED, None, Throttled(), 503, "limited"),
            (Ending.FAILED, None, Exhausted(), 503, "unavailable"),
            (Ending.FAILED, None, ModelFault(), 404, "unavailable"),
            (Ending.FAILED, None, Barred(), 503, "unavailable"),
            (Ending.FAILED, None, VendorFault(silent=True), 504, "upstream"),
            (Ending.FAILED, None, Abandoned(), None, "upstream"),
        ],
    )
    def test_by_the_last_answer(
        self, ending: Ending, first: float | None, last: Outcome | None, status: int | None, kind: str | None
    ) -> None:
        """Served whole, or left after a first token, is served; what the vendor said last tells whose fault the rest
        was, but for a stream that broke off."""
        found = kind_of(entry(NOON, ending, first=first, status=status), [Tried(VendorFault()), Tried(last)])
        assert found == kind and (kind is None or kind in CLASSES)

    def test_nobody_asked(self) -> None:
        """A call that no key could be had for is nobody's fault but ours."""
        assert kind_of(entry(NOON, Ending.REFUSED, first=None, status=503), []) == "unavailable"

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("invalid_api_key", "caller"),
            ("model_not_found", "caller"),
            ("rate_limit_exceeded", "limited"),
            ("insufficient_quota", "limited"),
            ("overloaded", "unavailable"),
            ("draining", "unavailable"),
        ],
    )
    def test_turned_away(self, code: str, kind: str) -> None:
        """What is refused before it is a call is the caller's affair, unless we are busy or about to leave."""
        assert kind_of_refusal(code) == kind


class WordTests:
    """`word_for` and `made_good`."""

    def test_words(self) -> None:
        """The status tells, where it is an error's; the ending, where a head had said 200 or nobody was told."""
        assert word_for(entry(NOON, Ending.FAILED, status=502)) == "502"
        assert word_for(entry(NOON, Ending.TRUNCATED, status=200)) == "truncated"
        assert word_for(entry(NOON, Ending.ABANDONED, status=None)) == "abandoned"

    def test_made_good(self) -> None:
        """Attempts that failed before another served; one that was not judged has not failed."""
        assert made_good([Tried(VendorFault()), Tried(Throttled()), Tried(None), Tried(Served())]) == 2
