"""Whether a cut stream may be rescued, by what means, and what the client has had."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from targon_gw.core.attempts import CallerFault, Throttled, VendorFault
from targon_gw.core.catalog import Leg
from targon_gw.core.config import Dialect, Prefill, Replay, RescuePlan
from targon_gw.core.meter import Source, Usage
from targon_gw.core.openai import Endpoint
from targon_gw.core.rescue import (
    KEPT,
    REPLAY,
    Means,
    Passed,
    Rescue,
    Sequel,
    cut_by,
    may_prefill,
    possible,
    sent,
    sequel_for,
)
from targon_gw.core.told import Told, told_by
from tests.fakes import MODEL, ask, pool

from .answered import IDS, Written

ONE = Written(IDS)
SAID = told_by([ONE.event(0, {"role": "assistant", "content": "Once upon \n"})])
USAGE = Usage(7, 2, 0, 0, Source.COUNTED)


def leg(replay: Replay = Replay.DETERMINISTIC, prefill: Prefill = Prefill.NONE) -> Leg:
    """A vendor of that plan."""
    return Leg(pool(1, rescue=RescuePlan(replay, prefill)), MODEL)


def rescue(told: Told | None = SAID, **fields: Any) -> Rescue:
    """A cut of which the client has that."""
    nobody: Any = None
    return Rescue(1.0, nobody, USAGE, told, **fields)


class PassedTests:
    """What is kept of what a client was sent."""

    def test_kept(self) -> None:
        """All of it, up to a bound; beyond that nothing, for good."""
        passed = Passed()
        passed.add([ONE.event(0, {"content": "a"})])
        passed.add([ONE.event(0, {"content": "b"})])
        told = passed.told()
        assert told is not None
        assert told.shares[0].runs == [(("content",), "ab".encode("utf-16-le"))]

        passed.add([b"x" * KEPT])
        passed.add([ONE.event(0, {"content": "c"})])
        assert passed.told() is None
        assert passed.events == []

    def test_opaque(self) -> None:
        """Where something else than text was sent, nobody can say what the client has."""
        passed = Passed()
        passed.add([ONE.event(0, {"audio": {"data": "x"}})])

        assert passed.told() is None


class PossibleTests:
    """Calls whose rescue is worth keeping anything for."""

    @pytest.mark.parametrize(
        ("replay", "prefill", "fields", "expected"),
        [
            (Replay.DETERMINISTIC, Prefill.NONE, {}, False),
            (Replay.DETERMINISTIC, Prefill.NONE, {"seed": 1}, True),
            (Replay.DETERMINISTIC, Prefill.NONE, {"temperature": 0}, True),
            (Replay.NEVER, Prefill.NONE, {"seed": 1}, False),
            (Replay.ALWAYS, Prefill.NONE, {}, True),
            (Replay.NEVER, Prefill.VLLM, {}, True),
        ],
    )
    def test_possible(self, replay: Replay, prefill: Prefill, fields: dict[str, Any], expected: bool) -> None:
        """By the plan of any of the vendors that could be asked."""
        asked = ask(**fields)

        assert possible(asked, [leg(replay, prefill)]) is expected
        assert possible(asked, [leg(Replay.NEVER), leg(replay, prefill)]) is expected


class SequelTests:
    """By what means a vendor goes on."""

    def test_replay_before_prefill(self) -> None:
        """What is deterministic is replayed, what is not is gone on with, and replayed at last where that is wished."""
        able = leg(Replay.ALWAYS, Prefill.VLLM)
        goes_on = Sequel(Means.PREFILL, Prefill.VLLM, "Once upon", 2)

        assert sequel_for(ask(seed=1), rescue(), able) == REPLAY
        assert sequel_for(ask(), rescue(), able) == goes_on
        assert sequel_for(ask(seed=1), rescue(differed=True), able) == goes_on
        assert sequel_for(ask(), rescue(), leg(Replay.ALWAYS)) == REPLAY
        assert sequel_for(ask(), rescue(differed=True), leg(Replay.ALWAYS)) is None
        assert sequel_for(ask(), rescue(), leg()) is None
        assert sequel_for(ask(seed=1), rescue(None), able) is None

    def test_turned_down(self) -> None:
        """A vendor that can't go on is not asked to, as long as it is to be asked in the same way."""
        able = leg(Replay.NEVER, Prefill.VLLM)
        able.pool.route(MODEL).turned_down = Prefill.VLLM
        assert sequel_for(ask(), rescue(), able) is None

        able.pool.settings = evolve(able.pool.settings, rescue=RescuePlan(Replay.NEVER, Prefill.DEEPSEEK))
        assert sequel_for(ask(), rescue(), able) is not None

    def test_nothing_said_yet(self) -> None:
        """Where the client has nothing of an answer, any answer is one; but an operator may forbid asking twice."""
        bare = rescue(told_by([ONE.event(0, {"role": "assistant", "content": ""})]))

        assert sequel_for(ask(), bare, leg()) == REPLAY
        assert sequel_for(ask(), bare, leg(Replay.NEVER, Prefill.VLLM)) is None

    def test_body(self) -> None:
        """A prefill's body: what was said as the assistant's, in the vendor's way, and what is left of the tokens."""
        asked = ask(max_completion_tokens=10, max_tokens=9)
        edits = Sequel(Means.PREFILL, Prefill.VLLM, "Once", 4).edits({"model": b'"m"'}, asked, 10)
        assert json.loads(edits["messages"] or b"") == [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "Once"},
        ]
        assert {name: value for name, value in edits.items() if name != "messages"} == {
            "model": b'"m"',
            "continue_final_message": b"true",
            "add_generation_prompt": b"false",
            "max_completion_tokens": b"6",
            "max_tokens": b"6",
        }
        deepseek = Sequel(Means.PREFILL, Prefill.DEEPSEEK, "Once", 4).edits({}, ask(), None)
        assert json.loads(deepseek.pop("messages") or b"")[-1] == {
            "role": "assistant",
            "content": "Once",
            "prefix": True,
        }
        assert deepseek == {}
        assert REPLAY.edits({"model": b"1"}, asked, 10) == {"model": b"1"}


class MayPrefillTests:
    """What can be gone on with by anybody."""

    def test_plain_text(self) -> None:
        """Content, also behind thoughts that are over."""
        thought = told_by([ONE.event(0, {"reasoning": "hm"}), ONE.event(0, {"content": "Once"})])

        assert may_prefill(ask(), SAID, 2)
        assert may_prefill(ask(response_format={"type": "text"}), thought, 2)
        assert sent(SAID) == "Once upon"

    @pytest.mark.parametrize(
        "deltas",
        [
            [{"reasoning": "hm"}],
            [{"content": "a"}, {"reasoning": "hm"}, {"content": "b"}],
            [{"content": "a"}, {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f"}}]}],
            [{"refusal": "no"}],
            [{"content": " \n"}],
            [{"content": "a\ud83d"}],
            [{}],
        ],
    )
    def test_not_within_something_else(self, deltas: list[dict[str, Any]]) -> None:
        """Not in thoughts, not in or behind a tool call or a refusal, not in half a character, not before a word."""
        assert not may_prefill(ask(), told_by([ONE.event(0, delta) for delta in deltas]), 2)

    def test_not_what_is_over(self) -> None:
        """Not what has its finish_reason, nor what was to be no longer; nor where there are two choices."""
        over = told_by([ONE.event(0, {"content": "a"}, "stop")])
        two = told_by([ONE.event(0, {"content": "a"}), ONE.event(1, {"content": "b"})])

        assert not may_prefill(ask(), over, 2)
        assert not may_prefill(ask(max_tokens=2), SAID, 2)
        assert not may_prefill(ask(n=2), two, 2)
        assert not may_prefill(ask(n=2), SAID, 2)

    @pytest.mark.parametrize(
        "fields",
        [
            {"response_format": {"type": "json_object"}},
            {"guided_json": {}},
            {"structured_outputs": {}},
            {"echo": True},
            {"continue_final_message": True},
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        ],
    )
    def test_not_what_has_a_form(self, fields: dict[str, Any]) -> None:
        """Not an answer whose form is laid down from its first letter, nor one that is itself the rest of another."""
        assert not may_prefill(ask(**fields), SAID, 2)

    def test_chats_only(self) -> None:
        """A bare completion has no assistant."""
        assert not may_prefill(ask(endpoint=Endpoint.COMPLETIONS), SAID, 2)


class RescueTests:
    """What the client has had in all."""

    OWN = Usage(9, 8, 0, 0, Source.UPSTREAM)

    def test_replay(self) -> None:
        """A replay's figures are those of the whole answer; until it is level they are nothing to the client."""
        one = rescue()
        one.begins(REPLAY)
        assert one.catchup is not None
        assert (one.delivered(self.OWN), one.note) == (USAGE, None)

        one.catchup.take([ONE.event(0, {"content": "Once upon \n"})])
        assert (one.delivered(self.OWN), one.note) == (self.OWN, "rescued: replay")

    def test_prefill(self) -> None:
        """A prefill's figures are added; the blanks that the vendor was not given it says again."""
        one = rescue()
        one.begins(Sequel(Means.PREFILL, Prefill.VLLM, "Once upon", 2))
        assert one.catchup is not None
        assert not one.level
        passed = one.catchup.take([ONE.event(0, {"content": " \n a"})])

        assert json.loads(passed[0][6:])["choices"][0]["delta"] == {"content": " a"}
        assert one.delivered(self.OWN) == Usage(7, 10, 0, 0, Source.COUNTED)


class CutByTests:
    """Errors told in the middle of a stream."""

    @pytest.mark.parametrize(
        ("words", "kind"),
        [
            (b'{"error":{"message":"boom","code":500}}', VendorFault),
            (b'{"error":{"message":"slow down","code":429}}', Throttled),
            (b'{"error":{"message":"content filter","type":"invalid_request_error"}}', CallerFault),
            (b"nonsense", VendorFault),
        ],
    )
    def test_classes(self, words: bytes, kind: type) -> None:
        """D-21: whose fault it is decides who pays for it, as where a stream begins with it."""
        assert isinstance(cut_by(words, Dialect.OPENAI), kind)
