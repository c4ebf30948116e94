"""The words of a ledger's line."""

from __future__ import annotations

import attrs
import pytest

from targon_gw.core.ledger import Ending, Entry


class EntryTests:
    """One settled call."""

    def test_endings_are_the_files_words(self) -> None:
        """What stands in the ledger's lines is fixed: a journal of last year is read by them."""
        assert {ending.value for ending in Ending} == {"served", "truncated", "abandoned", "refused", "failed"}

    def test_is_frozen(self) -> None:
        """A settled call does not change."""
        entry = Entry("req_1", "ann", "m", None, None, None, None, False, Ending.REFUSED, 0, None, 0.1, None)

        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            entry.took = 0.2  # type: ignore[misc]
        assert entry.reference is None
