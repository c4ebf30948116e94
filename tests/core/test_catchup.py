"""A second answer behind the beginning of a first: never a gap, nothing twice, no two answers in one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.catchup import HELD, Catchup, joined
from targon_gw.core.meter import Source, Usage
from targon_gw.core.told import told_by

from .answered import IDS, Token, Written, answers, begins, choices, heard, streams

ONE = Written(IDS)
OTHER = Written({"id": "chatcmpl-2", "created": 1800000000, "model": "vendors-own-name"}, "call_z")
END = [("finish", "stop")]


def caught_up(
    had: Sequence[bytes], events: Iterable[bytes], carried: Usage | None = None
) -> tuple[Catchup, list[bytes]]:
    """A Catchup that was shown these events one by one, and what passed."""
    catchup = Catchup(told_by(had), carried)
    passed: list[bytes] = []
    for event in events:
        passed += catchup.take([event])
    return catchup, passed


def says(written: Written, text: str, **members: Any) -> bytes:
    """An event of content."""
    return written.event(0, {"content": text}, **members)


class AlikeTests:
    """The same answer again."""

    @given(st.data(), answers)
    def test_whole_at_any_cut(self, data: st.DataObject, answer: list[list[Token]]) -> None:
        """D-48: whatever of an answer has come, and however both were cut into events, the client has the whole of it,
        once, under one id, one time, one model and one role; all that passes at once passes the same piece by piece."""
        first = data.draw(streams(answer))
        again = data.draw(streams(answer, id="chatcmpl-2", created=3, model="vendors-own-name"))
        had = first[: data.draw(st.integers(1, len(first)))]
        catchup, passed = caught_up(had, again)

        assert heard([*had, *passed]) == answer
        assert catchup.level
        assert not catchup.differs
        assert Catchup(told_by(had)).take(again) == passed

    @given(st.data(), answers)
    def test_silent_until_level(self, data: st.DataObject, answer: list[list[Token]]) -> None:
        """What passes begins behind what the client has, and nothing passes before all of that was said again."""
        first, again = data.draw(streams(answer)), data.draw(streams(answer))
        had = first[: data.draw(st.integers(1, len(first)))]
        upto = data.draw(st.integers(0, len(again)))
        catchup, passed = caught_up(had, again[:upto])

        assert begins(answer, heard([*had, *passed]))
        if not begins(heard(again[:upto]) + [[]] * len(answer), heard(had)):
            assert not catchup.level
            assert passed == []

    @given(st.data(), choices(), choices())
    def test_another_answer(self, data: st.DataObject, answer: list[Token], other: list[Token]) -> None:
        """D-48: of an answer that does not begin with what the client has nothing passes at all."""
        first, second = data.draw(streams([answer])), data.draw(streams([other]))
        had = first[: data.draw(st.integers(1, len(first)))]
        catchup, passed = caught_up(had, second)

        if begins([other], heard(had)):
            assert heard([*had, *passed]) == [other]
        else:
            assert passed == []
            assert not catchup.level


class EventTests:
    """What a passed event looks like."""

    def test_boundary_inside_an_event(self) -> None:
        """The rest of an event passes in an event of the same form; what belongs to no text stays as it is."""
        again = [says(OTHER, "Hello world", logprobs=None, stop=7)]
        _, (passed,) = caught_up([says(ONE, "Hel")], again)

        assert json.loads(passed[6:]) == {
            **IDS,
            "object": "chat.completion.chunk",
            "choices": [
                {"index": 0, "delta": {"content": "lo world"}, "finish_reason": None, "logprobs": None, "stop": 7}
            ],
        }

    def test_untouched_but_for_its_name(self) -> None:
        """What the client does not have passes as it was written, to the last digit, under the first one's id."""
        raw = (
            b'id: 7\r\ndata: {"id":"b","created":2,"model":"m","x": 0.10,"big":123456789012345678901234,'
            b'"choices":[{"delta":{"content":"!"}}]}\r\n\r\n'
        )
        _, (passed,) = caught_up([says(ONE, "Hi")], [says(OTHER, "Hi"), raw])

        assert passed == (
            b'id: 7\r\ndata: {"id":"chatcmpl-1","created":1700000000,"model":"acme/large","x":0.10,'
            b'"big":123456789012345678901234,"choices":[{"delta":{"content":"!"}}]}\r\n\r\n'
        )

    def test_half_a_pair_of_surrogates(self) -> None:
        """An answer cut between the halves of a character goes on with the other half, written as JSON can."""
        half = b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n'
        whole = 'data: {"choices":[{"index":0,"delta":{"content":"😀!"}}]}\n\n'.encode()
        _, (passed,) = caught_up([half], [whole])

        assert passed == b'data: {"choices":[{"index":0,"delta":{"content":"\\ude00!"}}]}\n\n'

    def test_tool_call_keeps_its_id(self) -> None:
        """A tool call goes on under the id that the client knows it by, also where the vendor repeats its own."""

        def opens(written: Written, arguments: str) -> bytes:
            function = {"name": "f", "arguments": arguments}
            call = {"index": 0, "id": written.call_id, "type": "function", "function": function}
            return written.event(0, {"tool_calls": [call]})

        late = OTHER.event(0, {"tool_calls": [{"index": 0, "id": "call_z", "function": {"arguments": "}"}}]})
        _, passed = caught_up([opens(ONE, '{"a"')], [opens(OTHER, '{"a":1'), late])
        calls = [json.loads(event[6:])["choices"][0]["delta"]["tool_calls"] for event in passed]

        assert calls == [
            [{"index": 0, "function": {"arguments": ":1"}}],
            [{"index": 0, "id": "call_a", "function": {"arguments": "}"}}],
        ]

    def test_legacy_completion(self) -> None:
        """A completion's text goes on; where nothing of it is new beside its end, it is empty."""

        def chunk(text: str, finish: str | None = None) -> bytes:
            return ONE.framed({"choices": [{"index": 0, "text": text, "finish_reason": finish}]})

        _, passed = caught_up([chunk("ab")], [chunk("abc"), chunk("", "stop")])
        _, ends = caught_up([chunk("ab")], [chunk("ab", "stop")])

        assert [json.loads(event[6:])["choices"][0]["text"] for event in passed] == ["c", ""]
        assert json.loads(ends[0][6:])["choices"] == [{"index": 0, "text": "", "finish_reason": "stop"}]

    def test_events_without_choices(self) -> None:
        """The closing usage passes; what has no choices and comes before the answer is level does not come twice."""
        usage = OTHER.framed({**OTHER.top, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}})
        _, passed = caught_up([says(ONE, "Hi")], [usage, says(OTHER, "Hi"), b"data: {nonsense\n\n", usage])

        assert passed[0] == b"data: {nonsense\n\n"
        assert json.loads(passed[1][6:])["usage"] == {"prompt_tokens": 3, "completion_tokens": 4}
        assert len(passed) == 2


class UnlikeTests:
    """What can't be compared is another answer."""

    @pytest.mark.parametrize(
        "again",
        [
            OTHER.event(0, {"content": "Hello", "audio": {"data": "x"}}),
            OTHER.event(0, {"tool_calls": [{"id": "x", "function": {"name": "f"}}]}),
            OTHER.event(0, {"tool_calls": [{"index": 0, "extra": {"signature": "x"}}]}),
            OTHER.event(0, {"content": "Help", "reasoning": "hm"}),
            OTHER.event(0, {"content": "He"}, "stop"),
            OTHER.framed({"choices": "many"}),
            OTHER.framed({"choices": [{"index": 0, "delta": "text"}]}),
            says(OTHER, "Hello", logprobs={"content": [{"token": "Hello"}]}),
        ],
    )
    def test_ends(self, again: bytes) -> None:
        """Sound, tool calls of unknown index or with more than texts, thoughts, an early end, figures of each token."""
        catchup, passed = caught_up([says(ONE, "Hel")], [again, says(OTHER, "lo")])

        assert catchup.differs
        assert passed == []

    def test_figures_of_whole_events(self) -> None:
        """Where the boundary is one of events, what belongs to their tokens passes with them."""
        figures = {"content": [{"token": "lo"}]}
        _, passed = caught_up([says(ONE, "Hel")], [says(OTHER, "Hel"), says(OTHER, "lo", logprobs=figures)])

        assert json.loads(passed[0][6:])["choices"][0]["logprobs"] == figures

    def test_what_is_held_back_is_bounded(self) -> None:
        """A choice may be ahead of another by so much and no more."""
        had = [ONE.event(0, {"content": "a"}), ONE.event(1, {"content": "b"})]
        ahead = OTHER.event(0, {"content": "a" + "x" * (HELD // 2)})
        within, passed = caught_up(had, [ahead, OTHER.event(1, {"content": "b"})])
        beyond, nothing = caught_up(had, [ahead, ahead, OTHER.event(1, {"content": "b"})])

        assert (within.differs, len(passed)) == (False, 1)
        assert (beyond.differs, nothing) == (True, [])


class PrefillTests:
    """A second answer that only goes on."""

    CARRIED = Usage(7, 5, 0, 0, Source.COUNTED)

    def test_goes_on(self) -> None:
        """All of it passes, but for a second role and an empty event that bears nothing else."""
        had = told_by([ONE.event(0, {"role": "assistant"})])
        catchup = Catchup(had, self.CARRIED)
        passed = catchup.take([OTHER.event(0, {"role": "assistant", "content": ""}), says(OTHER, "lo")])

        assert [json.loads(event[6:])["choices"][0]["delta"] for event in passed] == [{"content": "lo"}]

    def test_usage_is_that_of_the_whole(self) -> None:
        """A client that asked for usage is told that of the whole answer: the first part counted, the second added."""
        usage = {"prompt_tokens": 30, "completion_tokens": 4, "total_tokens": 34}
        _, (passed,) = caught_up([], [OTHER.framed({"choices": [], "usage": usage})], self.CARRIED)

        assert json.loads(passed[6:])["usage"] == {"prompt_tokens": 25, "completion_tokens": 9, "total_tokens": 34}

    def test_no_second_thoughts(self) -> None:
        """A vendor that thinks anew, where it was to go on with what was said, is not going on."""
        thinks = [OTHER.event(0, {"reasoning": "hm"})]
        catchup, passed = caught_up([ONE.event(0, {"role": "assistant"})], thinks, self.CARRIED)

        assert catchup.differs
        assert passed == []


class JoinedTests:
    """Usage of an answer of two parts."""

    def test_prompt_is_the_first_ones(self) -> None:
        """What the second vendor was given of the answer is no part of the prompt; whose figures it has shows."""
        told, counted = Usage(10, 4, 2, 1, Source.UPSTREAM), Usage(12, 4, 0, 1, Source.COUNTED)
        after = Usage(15, 6, 0, 0, Source.UPSTREAM)

        assert joined(told, after) == Usage(10, 10, 2, 1, Source.UPSTREAM)
        assert joined(counted, after) == Usage(11, 10, 0, 1, Source.COUNTED)
        assert joined(counted, Usage(15, 6, 0, 0, Source.COUNTED)) == Usage(12, 10, 0, 1, Source.COUNTED)
