"""What a client has been told: the same, however the vendor cut it into events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.told import (
    FINISH,
    Opaque,
    Share,
    Strand,
    pieces_of,
    reframed,
    told_by,
    units_of,
    written,
)

from .answered import IDS, Token, Written, answers, streams

ONE = Written(IDS)


def runs_of(choice: list[Token]) -> list[tuple[Strand, bytes]]:
    """A choice's runs, by the tests' own reckoning."""
    runs: list[tuple[Strand, bytes]] = []
    for *strand, unit in choice:
        named: Strand = FINISH if strand == ["finish"] else tuple(strand)
        if strand[0] == "call":
            named = ("tool_calls", int(strand[1]), strand[2])
        if runs and runs[-1][0] == named:
            runs[-1] = named, runs[-1][1] + units_of(unit)
        else:
            runs.append((named, units_of(unit)))
    return runs


class ToldTests:
    """Events, read."""

    @given(st.data(), answers)
    def test_runs(self, data: st.DataObject, answer: list[list[Token]]) -> None:
        """However an answer is cut into events, its choices are the same runs of the same texts, each with its role."""
        told = told_by(data.draw(streams(answer)))

        assert {index: share.runs for index, share in told.shares.items()} == {
            index: runs_of(choice) for index, choice in enumerate(answer)
        }
        assert all(share.role and share.finished for share in told.shares.values())
        assert told.top == {"id": b'"chatcmpl-1"', "created": b"1700000000", "model": b'"acme/large"'}
        assert not told.bare

    def test_bare(self) -> None:
        """A role, an empty text and what is no JSON say nothing of an answer yet."""
        told = told_by([ONE.event(0, {"role": "assistant", "content": ""}), b"data: {nonsense\n\n", b"data: 1\n\n"])

        assert told.bare
        assert told.shares == {0: told.shares[0]}
        assert told.shares[0].role and not told.shares[0].finished

    def test_half_pairs_join(self) -> None:
        """Two halves of a character in two events are one character."""
        halves = [
            b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
            b'data: {"choices":[{"delta":{"content":"\\ude00"}}]}\n\n',
        ]

        assert told_by(halves).shares[0].runs == [(("content",), units_of("😀"))]

    @pytest.mark.parametrize(
        "choice",
        [
            {"delta": {"reasoning_details": [{"text": "hm"}]}},
            {"delta": {"audio": {"data": "x"}}},
            {"delta": {"tool_calls": [{"function": {"name": "f"}}]}},
            {"delta": {"tool_calls": [{"index": 0, "extra_content": {"signature": "x"}}]}},
            {"delta": {"tool_calls": {"index": 0}}},
            {"delta": {"function_call": {"name": "f", "then": 1}}},
            {"delta": ["x"]},
            {"text": ["x"]},
        ],
    )
    def test_opaque(self, choice: dict[str, object]) -> None:
        """What is no text, or no text of a known place, can't be compared."""
        with pytest.raises(Opaque):
            Share().take(choice)

    def test_nothing_is_opaque_in_naught(self) -> None:
        """Members that are null, empty or false say nothing, whatever they are called."""
        delta = {"role": None, "content": "x", "tool_calls": None, "function_call": None, "audio": None, "parts": []}

        assert [piece.strand for piece in pieces_of({"index": 0, "delta": delta, "finish_reason": ""})] == [
            ("content",)
        ]

    def test_order_of_one_event(self) -> None:
        """In one event thoughts come before content, content before calls, and the end comes last, however written."""
        function = {"arguments": "{", "name": "f"}
        delta = {"tool_calls": [{"index": 1, "function": function}], "content": "b", "reasoning": "a"}
        strands = [piece.strand for piece in pieces_of({"finish_reason": "stop", "delta": delta})]

        call: tuple[str, int] = ("tool_calls", 1)
        assert strands == [("reasoning",), ("content",), (*call, "name"), (*call, "arguments"), FINISH]


class WritingTests:
    """Events, written again."""

    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
    def test_reframed(self, end: bytes) -> None:
        """The data is exchanged; names, ids and line ends stay; several lines of data become one."""
        one = end.join([b"event: x", b"data: {}", b"id: 1", b"", b""])
        several = end.join([b"data: {", b"event: x", b"data:}", b"", b""])

        assert reframed(one, b"[1]") == end.join([b"event: x", b"data: [1]", b"id: 1", b"", b""])
        assert reframed(several, b"[1]") == end.join([b"data: [1]", b"event: x", b"", b""])

    def test_written(self) -> None:
        """JSON in UTF-8; where a text has half a character only, in ASCII."""
        assert written({"a": "é"}) == b'{"a":"\xc3\xa9"}'
        assert written({"a": "é\ud83d"}) == b'{"a":"\\u00e9\\ud83d"}'
