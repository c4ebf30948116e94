"""A client gets one answer, never the pieces of two (faults catalogue, D-48)."""

from __future__ import annotations

import json

import pytest

from targon_gw.core.ledger import Ending
from tests import fakes

from .house import DONE, House, error_in, finish, says


class OneAnswerTests:
    """Streams that break off behind their first event."""

    @pytest.mark.parametrize("cleanly", [True, False])
    def test_no_other_answer_behind_a_cut(self, cleanly: bool) -> None:
        """D-48: what another vendor would say is another answer: none is asked, and the error is all that follows."""
        house = House(fakes.config(fakes.upstream(3), fakes.upstream(1, name="other")))
        house.call(stream=True, temperature=1)
        house.vendor.begins(says("Once upon"))
        house.vendor.ends(cleanly)

        assert len(house.vendor.asked) == 1
        assert error_in(house.heard.chunks[-1])["code"] == "upstream_truncated"
        assert len(house.heard.chunks) == 2 and not house.heard.ended
        assert house.entry.ending is Ending.TRUNCATED

    def test_another_before_the_first_event(self) -> None:
        """D-48: as long as nothing has been passed on, another may step in, and its answer is the only one."""
        house = House(fakes.config(fakes.upstream(3)))
        house.call(stream=True, temperature=1)
        house.vendor.fails()
        house.talk.pass_seconds(1)
        house.vendor.begins(says("Hello"), finish(), DONE)
        house.vendor.ends()

        assert len(house.vendor.asked) == 2
        said = [json.loads(chunk[6:]) for chunk in house.heard.chunks if not chunk.endswith(DONE)]
        assert "".join(each["choices"][0]["delta"].get("content", "") for each in said) == "Hello"
        assert house.entry.ending is Ending.SERVED
