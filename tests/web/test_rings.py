"""What a call leaves behind: nothing that only the garbage collector finds.

A ring of objects for each call has the collector run all the time: it took a tenth of a streamed call's time once.
"""

from __future__ import annotations

import gc

import pytest

from .house import ANSWER, House, event, finish, says

USAGE = event(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 1})
END = b"data: [DONE]\n\n"


def one_call(house: House, stream: bool) -> None:
    """A call that is served whole."""
    house.call(stream=stream)
    if stream:
        house.vendor.begins(says("Hi"))
        house.vendor.says(finish(), USAGE, END)
        house.vendor.ends()
    else:
        house.vendor.answers(ANSWER)
    house.vendor.asked.clear()
    house.vendor.stream = None
    house.measures.fold()


class RingTests:
    @pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
    def test_served(self, stream: bool) -> None:
        """Once a call is over, counting references has taken away all of it."""
        house = House()
        one_call(house, stream)
        gc.collect()
        gc.disable()
        try:
            one_call(house, stream)
            found = gc.collect()
        finally:
            gc.enable()
        assert (found, len(house.entries), house.heard.ended) == (0, 2, True)
