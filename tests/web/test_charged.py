"""What a client is charged with where the vendor never answered (faults catalogue, D-50)."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from targon_gw.core.attempts import VendorFault
from targon_gw.core.config import Per, QuotaPlan, Unit
from targon_gw.core.ledger import Ending
from tests import fakes

from .house import ANSWER, House, codes

SILENT = VendorFault("no first token in time", silent=True)
QUOTA = QuotaPlan(Unit.TOKENS, 100_000, Per.TOTAL)


def house(keys: int) -> House:
    """One client with a quota, one vendor."""
    found = fakes.config(fakes.upstream(keys))
    return House(evolve(found, clients=(evolve(found.clients[0], quota=QUOTA),)))


def quota(of: House) -> tuple[int, int]:
    """Tokens used and held."""
    told = json.loads(of.get("/v1/key").body)["data"]["quota"]
    return told["used"], told["held"]


class UnservedTests:
    """A vendor that may bill what never came."""

    @pytest.mark.parametrize("stream", [True, False])
    def test_nothing_for_nothing(self, stream: bool) -> None:
        """D-50: a call that ends in silence costs its client nothing, whatever the vendor bills us."""
        mine = house(1)
        mine.call(stream=stream, max_tokens=500)
        mine.vendor.fails(SILENT)
        mine.talk.pass_seconds(2)

        assert codes([mine.heard]) == ["upstream_timeout"]
        assert (mine.entry.ending, mine.entry.usage, mine.entry.cost) == (Ending.FAILED, None, 0)
        assert quota(mine) == (0, 0)

    def test_once_for_one_answer(self) -> None:
        """D-50, D-51: behind an attempt that fell silent the one answer is charged, and nothing else."""
        mine = house(2)
        mine.call(max_tokens=500)
        mine.vendor.fails(SILENT)
        mine.talk.pass_seconds(1)
        mine.vendor.answers(ANSWER)

        assert mine.heard.status == 200
        assert mine.heard.headers[b"x-targon-attempts"] == b"2"
        assert quota(mine) == (6, 0)
