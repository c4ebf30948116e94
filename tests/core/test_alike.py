"""Entries that are alike, added up."""

from __future__ import annotations

import pytest
from attrs import fields

from targon_gw.core.alike import Alike
from targon_gw.core.ledger import Entry, Kind, figures_of
from targon_gw.core.meter import Source, Usage


class AlikeTests:
    @pytest.mark.parametrize(("source", "estimated"), [(Source.UPSTREAM, 0), (Source.UNKNOWN, 5)])
    def test_sums(self, source: Source, estimated: int) -> None:
        """Every figure of each; what the vendor did not say itself is estimated."""
        alike, all_ = Alike(), Alike()
        for usage, cost in ((Usage(1, 2, 3, 4, Source.UPSTREAM), 5), (Usage(2, 3, 0, 1, source), 7)):
            alike.take(Entry(1.0, "req_1", Kind.CALL, "ann", cost=cost, **figures_of(usage)))

        for _ in range(2):
            all_.add(alike)
        assert (alike.prompt, alike.completion, alike.cached, alike.reasoning) == (3, 5, 3, 5)
        assert (alike.cost, alike.estimated) == (12, estimated)
        assert [getattr(all_, one.name) for one in fields(Alike)] == [
            2 * getattr(alike, one.name) for one in fields(Alike)
        ]
