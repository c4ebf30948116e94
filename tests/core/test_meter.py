"""Usage and the truth of the end (faults catalogue, D-11, D-20 to D-28)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.answers import read_answer
from targon_gw.core.meter import MOST, Meter, Source, Usage, usage_of
from targon_gw.core.openai import Endpoint

DONE = b"data: [DONE]\n\n"
FIGURES = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


def event(document: Any, spaced: bool = False) -> bytes:
    """An event, compact or as Python's json writes it."""
    return b"data: " + json.dumps(document, separators=None if spaced else (",", ":")).encode() + b"\n\n"


def said(content: str = "word", reason: str | None = None, index: int = 0, **members: Any) -> bytes:
    """An event with content."""
    choice = {"index": index, "delta": {"content": content}, "finish_reason": reason}
    return event({"id": "c", "choices": [choice], "usage": None, **members})


def closing(figures: Any = FIGURES) -> bytes:
    """The chunk of usage behind the last choice."""
    return event({"id": "c", "choices": [], "usage": figures})


def meter(choices: int = 1, keep_usage: bool = False, estimate: int = 100, ceiling: int | None = None) -> Meter:
    """A meter of a chat."""
    return Meter(Endpoint.CHAT, choices, keep_usage, estimate, ceiling)


class PassingTests:
    """Which events pass."""

    def test_plain_events_pass_as_they_are(self) -> None:
        """All of them, in order, the same objects."""
        events = [said(str(at)) for at in range(32)]
        watch = meter()
        passed = watch.show(events)

        assert all(one is other for one, other in zip(passed, events, strict=True))
        assert (watch.events, watch.malformed, watch.finished) == (32, 0, False)

    def test_the_end_mark_never_passes_nor_what_follows(self) -> None:
        """D-24: the relay writes its own; a second mark and data behind it are nothing."""
        watch = meter()

        assert watch.show([said(), said(reason="stop"), DONE, said(), DONE]) == [said(), said(reason="stop")]
        assert watch.done
        assert watch.show([said(), closing()]) == []
        assert watch.events == 2

    @pytest.mark.parametrize("mark", [b"data:[DONE]\n\n", b"data: [DONE] \r\n\r\n", b"id: 1\ndata: [DONE]\r\r"])
    def test_the_end_mark_is_known_in_any_framing(self, mark: bytes) -> None:
        """D-27: without a space, with other ends of lines, beside other fields."""
        watch = meter()

        assert watch.show([mark]) == []
        assert watch.done

    def test_usage_that_only_we_asked_for_is_kept_back(self) -> None:
        """B-17: the chunk without choices alone; who asked for it gets it."""
        events = [said(usage=FIGURES), said(reason="stop", usage=FIGURES), closing()]

        assert meter(keep_usage=True).show(events) == events[:2]
        assert meter().show(events) == events

    def test_a_chunk_without_choices_or_usage_passes(self) -> None:
        """Azure's first chunk bears the filter's results alone."""
        first = event({"choices": [], "prompt_filter_results": []})
        watch = meter(keep_usage=True)

        assert watch.show([first]) == [first]
        assert watch.events == 0

    @pytest.mark.parametrize(
        "odd",
        [
            b'data: {"choices":[{"finish_reason":"st\n\n',
            b"data: x\n\n",
            b"data: 5\n\n",
            b'data: {"choices":[\n\ndata: {}\n\n',
        ],
    )
    def test_malformed_events_pass(self, odd: bytes) -> None:
        """D-28: we relay; they are counted, and those around them are read."""
        watch = meter()
        events = [said(), odd, said(reason="stop")]

        assert watch.show(events) == events
        assert (watch.malformed, watch.events, watch.finished) == (1, 2, True)

    def test_events_without_data_pass_and_are_not_malformed(self) -> None:
        """D-27: `id:` and `retry:` alone are events of another kind."""
        events = [b"retry: 5\n\n", b"id: 12345\n\n"]
        watch = meter()

        assert watch.show(events) == events
        assert watch.malformed == watch.events == 0

    def test_words_in_the_content_are_content(self) -> None:
        """What a model says about errors, ends and usage is none."""
        words = (
            '{"error":{"message":"x"},"usage":{"prompt_tokens":1},"finish_reason":"stop"} data: [DONE]\n\nevent: error'
        )
        events = [said(words), said('"object":"error"')]
        watch = meter(keep_usage=True)

        assert watch.show(events) == events
        assert (watch.done, watch.error, watch.finished, watch.events) == (False, None, False, 2)

    def test_half_surrogates_and_bad_bytes_hide_nothing(self) -> None:
        """B-22: an event that ends the answer does so whatever its text."""
        for text in (b"\\ud83d", b"\xff\xfe"):
            watch = meter()
            odd = said("TEXT", "stop").replace(b"TEXT", text)
            assert watch.show([odd]) == [odd]
            assert (watch.finished, watch.malformed) == (True, 0)


class ErrorTests:
    """Errors within a stream."""

    @pytest.mark.parametrize(
        "error",
        [
            event({"error": {"message": "m", "code": 502}}),
            event({"error": "m"}, spaced=True),
            b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n',
            b"event: error\r\ndata: went wrong\r\n\r\n",
            event({"object": "error", "message": "m", "code": 500}),
            event({"message": "m", "Type": "t", "code": 500}),
            event(
                {"id": "c", "error": {"code": 502}, "choices": [{"delta": {"content": ""}, "finish_reason": "error"}]}
            ),
            event({"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}),
        ],
    )
    def test_an_error_stops_what_passes(self, error: bytes) -> None:
        """D-20, D-21: OpenAI's, Anthropic's, vLLM's, Targon's, OpenRouter's; neither it nor what follows passes."""
        watch = meter()

        assert watch.show([said(), error, said(reason="stop"), DONE]) == [said()]
        assert watch.error is not None and b"data:" not in watch.error and watch.error in error
        assert (watch.finished, watch.done, watch.events) == (False, False, 1)
        assert watch.show([said()]) == []

    def test_null_errors_are_none(self) -> None:
        """Some vendors send `error: null` in every chunk."""
        watch = meter()

        assert watch.show([said(error=None)]) == [said(error=None)]
        assert watch.error is None


class EndTests:
    """The true end."""

    @pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "content_filter", "abort"])
    def test_a_reason_is_an_end(self, reason: str) -> None:
        """D-11, D-22: with or without an end mark, compact or spaced."""
        watch, spaced = meter(), meter()
        watch.show([said(), said(reason=reason)])
        spaced.show([event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}, spaced=True)])

        assert watch.finished and spaced.finished

    def test_null_and_empty_reasons_are_not_yet_ends(self) -> None:
        """SGLang's way of saying "not yet"; an end mark alone is no end (D-23)."""
        watch = meter()
        watch.show([said(reason=""), said(), DONE])

        assert watch.done and not watch.finished

    def test_every_choice_must_end(self) -> None:
        """Two choices end when both have; a choice that was not asked for ends nothing."""
        watch = meter(choices=2)
        watch.show([said(reason="stop", index=1), said(reason="stop", index=1), said(reason="stop", index=7)])
        assert not watch.finished
        watch.show([said(reason="stop", index=0)])
        assert watch.finished

    def test_choices_of_one_chunk_end_together(self) -> None:
        """Several choices in one event, also of one without an index."""
        watch = meter(choices=2)
        watch.show([event({"choices": [{"finish_reason": "stop"}, {"index": 1, "finish_reason": "stop"}]})])

        assert watch.finished

    def test_an_end_mark_behind_the_closing_usage_is_an_end(self) -> None:
        """Some vendors never send a reason; the closing usage alone is not enough."""
        watch = meter(keep_usage=True)
        watch.show([said(), closing()])
        assert not watch.finished
        watch.show([DONE])
        assert watch.finished

    def test_completions_end_alike(self) -> None:
        """The legacy form has `text` in place of a delta."""
        watch = Meter(Endpoint.COMPLETIONS)
        watch.show(
            [
                event({"choices": [{"text": "a", "finish_reason": None}]}),
                event({"choices": [{"text": "", "finish_reason": "stop"}]}),
            ]
        )

        assert watch.finished
        assert watch.events == 1


class UsageTests:
    """What an answer took."""

    def test_the_last_usage_counts_once(self) -> None:
        """D-25: cumulative usage in each chunk is not summed."""
        watch = meter()
        watch.show([said(usage={**FIGURES, "completion_tokens": at + 1}) for at in range(5)] + [said(reason="stop")])

        assert watch.usage() == Usage(7, 5, source=Source.UPSTREAM)

    def test_parts_are_told(self) -> None:
        """Cached and reasoning tokens, OpenAI's way and DeepSeek's."""
        details = {"prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 2}}
        ours, theirs = meter(), meter()
        ours.show([closing({**FIGURES, **details})])
        theirs.show([closing({**FIGURES, "prompt_cache_hit_tokens": 3, "reasoning_tokens": 2})])

        assert ours.usage() == theirs.usage() == Usage(7, 5, 3, 2, Source.UPSTREAM)

    def test_a_part_is_told_without_a_total(self) -> None:
        """Three figures may be the two and a part."""
        watch = meter()
        watch.show([closing({"prompt_tokens": 7, "completion_tokens": 5, "reasoning_tokens": 2})])

        assert watch.usage() == Usage(7, 5, 0, 2, Source.UPSTREAM)

    def test_parts_that_exceed_the_whole_are_nothing(self) -> None:
        """D-26: a part that can't be true does not spoil the whole."""
        watch = meter()
        watch.show([closing({**FIGURES, "prompt_tokens_details": {"cached_tokens": 8}, "reasoning_tokens": True})])

        assert watch.usage() == Usage(7, 5, source=Source.UPSTREAM)

    def test_without_usage_the_events_are_counted(self) -> None:
        """D-25: content, reasoning and calls of tools count; a role, an end and empty texts don't."""
        watch = meter(estimate=9)
        deltas: list[dict[str, Any]] = [
            {"role": "assistant", "content": ""},
            {"content": None, "reasoning_content": "hm"},
            {"content": "", "reasoning": "so"},
            {"content": "a", "reasoning_content": None},
            {"tool_calls": [{"index": 0}]},
            {},
        ]
        watch.show([event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}) for delta in deltas])

        assert watch.usage() == Usage(9, 4, 0, 2, Source.COUNTED)
        assert not watch.anomaly

    def test_nothing_seen_is_an_estimate(self) -> None:
        """A stream that died at once took its prompt."""
        assert meter(estimate=9).usage() == Usage(9, 0, source=Source.ESTIMATED)

    @pytest.mark.parametrize("wrong", [-1, True, "5", 5.0, 10**12, MOST + 1, 2001, [], {}])
    @pytest.mark.parametrize("member", ["prompt_tokens", "completion_tokens"])
    def test_figures_that_cannot_be_true_are_not_believed(self, member: str, wrong: Any) -> None:
        """D-26: negative, of another type, absurd, above the ceiling: the count goes before them."""
        watch = meter(estimate=9, ceiling=2000)
        watch.show([said(), said(reason="stop"), closing({"prompt_tokens": 7, "completion_tokens": 5, member: wrong})])
        usage = watch.usage()

        assert usage == Usage(9, 2, source=Source.COUNTED)
        assert watch.anomaly

    def test_a_usage_of_nothing_is_not_believed_where_something_passed(self) -> None:
        """D-26: zeros, as some vendors send until the last chunk."""
        watch = meter(estimate=9)
        watch.show([said(), said(reason="stop"), closing({"prompt_tokens": 7, "completion_tokens": 0})])

        assert watch.usage() == Usage(7, 2, source=Source.COUNTED)
        assert watch.anomaly

    def test_an_early_usage_of_a_cut_stream_is_overtaken(self) -> None:
        """A stream cut behind its first usage has made what passed since."""
        watch = meter()
        watch.show([said(usage={"prompt_tokens": 7, "completion_tokens": 1}), said(), said()])

        assert watch.usage() == Usage(7, 3, source=Source.COUNTED)

    def test_a_total_tells_the_missing_part(self) -> None:
        """Two of the three figures are enough."""
        for figures in ({"prompt_tokens": 7, "total_tokens": 12}, {"completion_tokens": 5, "total_tokens": 12}):
            watch = meter()
            watch.show([closing(figures)])
            assert watch.usage() == Usage(7, 5, source=Source.UPSTREAM)

    def test_estimates_stay_below_the_ceiling(self) -> None:
        """A rough estimate never says more than the model can read."""
        assert meter(estimate=10_000, ceiling=2000).usage().prompt == 2000

    @given(
        st.lists(st.sampled_from([said(), said(reason="stop"), closing(), DONE, said(usage=FIGURES), b"data: x\n\n"])),
        st.lists(st.integers(0, 8)),
    )
    def test_reads_do_not_matter(self, events: list[bytes], sizes: list[int]) -> None:
        """However the events of a stream come together, the verdict is the same."""
        whole, single, mixed = meter(keep_usage=True), meter(keep_usage=True), meter(keep_usage=True)
        passed = whole.show(events)
        parts, rest = [], events
        for size in sizes:
            parts.append(rest[:size])
            rest = rest[size:]

        assert [one for each in events for one in single.show([each])] == passed
        assert [one for part in [*parts, rest] for one in mixed.show(part)] == passed
        for other in (single, mixed):
            assert (other.done, other.finished, other.events, other.malformed) == (
                whole.done,
                whole.finished,
                whole.events,
                whole.malformed,
            )
            assert other.usage() == whole.usage()

    @given(
        st.lists(st.binary(max_size=30).map(lambda data: b"data: " + data.replace(b"\n", b"") + b"\n\n"), max_size=5)
    )
    def test_nothing_is_ever_raised(self, events: list[bytes]) -> None:
        """Whatever a vendor sends, the meter stands."""
        watch = meter()
        watch.show(events)
        assert watch.usage().completion == watch.events


class UsageOfTests:
    """What a whole answer took."""

    def whole(self, **members: Any) -> tuple[Usage, bool]:
        """The usage of an answer with `members`."""
        body = {"choices": [{"message": {"content": "x" * 300}, "finish_reason": "stop"}], **members}
        answer = read_answer(Endpoint.CHAT, json.dumps(body).encode())
        assert answer is not None
        return usage_of(answer, 50, 2000)

    def test_the_vendors_figures_stand(self) -> None:
        """What the vendor says, where it can be true."""
        assert self.whole(usage=FIGURES) == (Usage(7, 5, source=Source.UPSTREAM), False)

    @pytest.mark.parametrize("usage", [None, {}, "x"])
    def test_without_figures_it_is_estimated(self, usage: Any) -> None:
        """D-25: from the prompt's estimate and the bytes of the answer."""
        found, anomaly = self.whole(usage=usage)

        assert (found.prompt, found.source, anomaly) == (50, Source.ESTIMATED, False)
        assert 75 < found.completion < 200

    @pytest.mark.parametrize("wrong", [-5, 10**12, 2001, "5", True, 0])
    def test_wrong_figures_are_estimated(self, wrong: Any) -> None:
        """D-26: flagged, and not believed."""
        found, anomaly = self.whole(usage={"prompt_tokens": 7, "completion_tokens": wrong})

        assert anomaly
        assert found.source is Source.ESTIMATED
        assert 75 < found.completion < 200

    def test_embeddings_have_no_completion(self) -> None:
        """A usage of the prompt alone is whole."""
        answer = read_answer(Endpoint.EMBEDDINGS, b'{"data":[{}],"usage":{"prompt_tokens":8,"total_tokens":8}}')

        assert answer is not None
        assert usage_of(answer, 50, None) == (Usage(8, 0, source=Source.UPSTREAM), False)
