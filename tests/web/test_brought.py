"""What the vendor's side brings is what the client's side takes it for."""

from __future__ import annotations

from targon_gw.core.answers import read_answer
from targon_gw.core.openai import Endpoint
from targon_gw.outbound.sending import WholeAnswer
from targon_gw.outbound.stream import Stream, StreamEnd
from targon_gw.web.brought import Brought, End, Source

from .house import House


def test_ends_have_the_words_that_the_relay_looks_for() -> None:
    """Each end of a stream is one of those that are written down, and none is written down that there is not."""
    ends: list[End] = list(StreamEnd)
    told = (End.__doc__ or "").partition("one of ")[2].rstrip(".").split(", ")

    assert sorted(end.value for end in ends) == sorted(told)


def test_a_stream_is_a_source() -> None:
    """It is open until it has ended, and then says how."""
    house = House()
    stream = Stream(house.pulse, house.now, 60.0, 900.0)
    source: Source = stream
    assert source.ended is None
    source.drop()

    assert source.ended is StreamEnd.BROKEN


def test_an_answer_is_brought() -> None:
    """Its bytes and what they say."""
    body = b'{"choices": [{"message": {"content": "Hi"}}]}'
    answer = read_answer(Endpoint.CHAT, body)
    assert answer is not None
    brought: Brought = WholeAnswer(body, answer)

    assert (brought.body, brought.answer) == (body, answer)
