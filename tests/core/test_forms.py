"""Events held against a form: that it proves what it says, and that the Meter says the same with it and without."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from targon_gw.core.forms import form_of
from targon_gw.core.meter import LESSONS, Meter
from targon_gw.core.openai import Endpoint

CHAT, COMPLETIONS = Endpoint.CHAT, Endpoint.COMPLETIONS
VLLM = b'{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"TEXT"},"logprobs":null,"finish_reason":null}]}'
SGLANG = (
    b'{"id": "c", "choices": [{"index": 0, "delta": {"content": "TEXT", "reasoning_content": null}, '
    b'"finish_reason": ""}], "usage": null}'
)
THINKING = VLLM.replace(b'"content"', b'"content":null,"reasoning_content"')
LEGACY = b'{"choices":[{"text":"TEXT","index":0,"finish_reason":null}]}'
CLOSING = b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}'
CHUNKS = [VLLM, SGLANG, THINKING, LEGACY]
FRAMES = [b"data: %b\n\n", b"data:%b\r\n\r\n", b"id: 7\ndata: %b\r\r", b": c\ndata: %b\n\n"]


def event(chunk: bytes, text: bytes = b"word", frame: bytes = FRAMES[0]) -> bytes:
    """An event with `text`, as bytes of JSON."""
    return frame % chunk.replace(b"TEXT", text)


class FormOfTests:
    """Which events have a form."""

    @pytest.mark.parametrize("frame", FRAMES)
    @pytest.mark.parametrize("chunk", CHUNKS)
    def test_plain_events_have_one(self, chunk: bytes, frame: bytes) -> None:
        """In any framing; others of it fit, whatever their texts, and reasoning is told from the rest."""
        form = form_of(COMPLETIONS if chunk is LEGACY else CHAT, event(chunk, b"a", frame))
        others = [event(chunk, text, frame) for text in (b"b", b'\\"', "né".encode(), b"\\u00e9\\n", b" " * 999)]

        assert form is not None
        assert form.fits(others)
        assert form.thinking is (chunk is THINKING)

    def test_reasoning_beside_an_answer_is_none(self) -> None:
        """As the Meter has it: an event that says something of the answer counts as that."""
        form = form_of(CHAT, event(VLLM.replace(b'"content"', b'"tool_calls":[{}],"reasoning"')))
        assert form is not None and not form.thinking

    @pytest.mark.parametrize("text", [b"a \\u00e9", b"\\\\", b'say \\"content\\":\\"x\\"', "né".encode()])
    def test_any_sound_text_will_do_for_the_first(self, text: bytes) -> None:
        """Also one with escapes, or that quotes what is looked for."""
        form = form_of(CHAT, event(VLLM, text))
        assert form is not None and form.fits([event(VLLM)])

    @pytest.mark.parametrize(
        "odd",
        [
            event(VLLM, b""),
            event(CLOSING),
            event(VLLM.replace(b'"finish_reason":null', b'"finish_reason":"stop"')),
            event(VLLM.replace(b'"finish_reason":null', b'"finish_reason":null,"finish_re\\u0061son":"stop"')),
            event(VLLM.replace(b"}]}", b'}],"usage":{"prompt_tokens":1}}')),
            event(VLLM.replace(b"}]}", b'}],"error":{"message":"m"}}')),
            event(VLLM.replace(b"}]}", b',"error":"e"}]}')),
            event(VLLM.replace(b"}]}", b'},{"delta":{"content":"b"}}]}')),
            event(VLLM.replace(b"}]}", b'}],"choices":[]}')),
            event(VLLM.replace(b'"TEXT"', b'"TEXT","content":""')),
            event(VLLM.replace(b'"TEXT"', b'"TEXT","c\\u006fntent":"b"')),
            event(VLLM.replace(b'"id":"c"', b'"id":{"content":"x"}')),
            event(VLLM.replace(b'"id":"c"', b'"id":{"content":"x","choices":[]}').replace(b"TEXT", b"~ a text ~")),
            event(VLLM.replace(b'"id":"c"', b'"id":{"content":"x"}'), b"\\u007e a text ~"),
            event(VLLM.replace(b'"content":"TEXT"', b'"c\\u006fntent":"\\u007e a text ~","x":{"content":"x"}')),
            event(VLLM.replace(b'"delta"', b'"message"')),
            event(LEGACY),
            b"event: error\n" + event(VLLM),
            event(VLLM)[:-4] + b"\n\n",
            b"data: [DONE]\n\n",
            b"",
        ],
    )
    def test_others_have_none(self, odd: bytes) -> None:
        """Ends, errors, usage, several choices, and texts that are not what the chunk goes on with."""
        assert form_of(CHAT, odd) is None


class FitsTests:
    """Which events are of a form."""

    @pytest.mark.parametrize(
        "odd",
        [
            [event(VLLM, b"")],
            [event(VLLM, b'"')],
            [event(VLLM, b"\\")],
            [event(VLLM, b"\t")],
            [event(VLLM, b"\n")],
            [event(VLLM, b"\xff")],
            [event(VLLM, b"\\ud83d")],
            [event(VLLM, b'a","content":"')],
            [event(VLLM, b'a"},"finish_reason":"stop","x":{"y":"')],
            [event(VLLM, b"a\\"), event(VLLM, b',"b')],
            [event(VLLM, b'a","b'), event(VLLM, b"")],
            [event(VLLM, b'a"\t,"b')],
            [event(VLLM, b"\\ud83d"), event(VLLM, b"\\ude00")],
            [event(VLLM, b"\\u00"), event(VLLM, b"e9")],
            [event(VLLM, b"\xc3"), event(VLLM, b"\xa9")],
            [event(VLLM) + event(VLLM)],
            [event(VLLM)[:-1], b"\n" + event(VLLM)],
            [event(VLLM), event(SGLANG)],
            [event(VLLM), event(CLOSING)],
            [event(VLLM), b"data: [DONE]\n\n"],
            [event(VLLM), b""],
        ],
    )
    def test_what_is_not_proven_does_not_fit(self, odd: list[bytes]) -> None:
        """Texts that are empty, unsound or more than a text, pieces of events, and other events."""
        form = form_of(CHAT, event(VLLM))

        assert form is not None
        assert form.fits([event(VLLM), event(VLLM)])
        assert not form.fits(odd)
        assert not form.fits([event(VLLM), *odd])


# Streams as vendors send them: long runs of one form, with what else there is strewn in.
pieces = [
    b"a",
    b" word",
    b"",
    b'\\"finish_reason\\":\\"stop\\"',
    b"\\",
    b'"',
    b'","content":"',
    b"\xff",
    b"\t",
    b"~ a text ~",
]
changes = [
    (b"", b""),
    (b'"finish_reason":null', b'"finish_reason":"stop"'),
    (b'"finish_reason":null', b'"finish_reason" : "stop"'),
    (b'"finish_reason":null', b'"finish\\u005freason":"stop"'),
    (b'"finish_reason":null', b'"finish_reason":null,"finish_reason":"length"'),
    (b'"finish_reason":null', b'"finish_reason":"error"'),
    (b'"index":0', b'"index":1'),
    (b'"id":"c"', b'"usage":{"prompt_tokens":3,"completion_tokens":9}'),
    (b'"id":"c"', b'"error":{"message":"m"}'),
    (b'"id":"c"', b'"x":{"content":"x","finish_reason":"stop","usage":{}}'),
    (b'"id":"c"', b'"id":"c\\/d"'),
    (b"}]}", b'},{"index":1,"delta":{"content":"b"},"finish_reason":null}]}'),
    (b"}]}", b'}],"choices":[]}'),
    (b'"content":', b'"content": '),
    (b'"content":', b'"content":"x","content":'),
    (b"TEXT", b'TEXT","tool_calls":[{"index":0}],"role":"assistant'),
]
chunks = st.builds(
    lambda chunk, change: chunk.replace(*change), st.sampled_from(CHUNKS), st.sampled_from(changes[:1] * 9 + changes)
)
runs = st.builds(
    lambda chunk, frame, texts: [event(chunk, text, frame) for text in texts],
    chunks,
    st.sampled_from(FRAMES[:1] * 5 + FRAMES),
    st.lists(st.sampled_from(pieces[:2] * 6 + pieces), max_size=9),
)
others = st.sampled_from(
    [event(CLOSING), b"data: [DONE]\n\n", b"data: [DONE]\r\n\r\n", b"data: x\n\n", b"retry: 5\n\n", b"data: {}\n\n"]
).map(lambda one: [one])
streams = st.lists(runs | runs | others, max_size=6).map(lambda parts: [each for part in parts for each in part])
meters = st.tuples(st.sampled_from([CHAT, CHAT, COMPLETIONS]), st.sampled_from([1, 2]), st.booleans())


def verdict(watch: Meter) -> tuple[Any, ...]:
    """All that a Meter says."""
    usage = watch.usage()
    return watch.done, watch.error, watch.events, watch.malformed, watch.finished, watch.anomaly, usage


class AgreementTests:
    """With forms and without: a Meter without lessons parses every event."""

    @given(meters, streams, st.lists(st.integers(1, 9)))
    @example((CHAT, 1, True), [event(VLLM)] * 5 + [event(CLOSING), b"data: [DONE]\n\n"], [])
    @example((CHAT, 1, True), [event(THINKING)] * 5 + [event(VLLM)] * 5, [5])
    def test_forms_change_no_verdict(self, asked: tuple[Any, ...], events: list[bytes], reads: list[int]) -> None:
        """Whatever comes, together or apart: what passes and what is said of it is the same."""
        skimming, parsing = Meter(*asked, 5, 50), Meter(*asked, 5, 50, 0)
        for size in [*reads, len(events)]:
            read, events = events[:size], events[size:]
            assert skimming.show(read) == parsing.show(read)
            assert verdict(skimming) == verdict(parsing)

    @given(st.sampled_from(CHUNKS), st.binary(max_size=12), st.integers(0, 140), st.integers(0, 3))
    def test_no_change_of_bytes_slips_through(self, chunk: bytes, what: bytes, at: int, cut: int) -> None:
        """An event of a known form is altered anywhere; what stands there is seen."""
        whole = event(chunk)
        altered = whole[:at] + what + whole[at + cut :]
        events = [whole, whole, altered, whole, altered]
        skimming, parsing = Meter(CHAT), Meter(CHAT, _lessons=0)

        for read in (events, events[2:3], events[:1], events[2:]):
            assert skimming.show(read) == parsing.show(read)
            assert verdict(skimming) == verdict(parsing)

    def test_streams_without_a_form_are_parsed_after_a_while(self) -> None:
        """A vendor whose events are never alike costs a few attempts, and is then taken for what it is."""
        watch = Meter(CHAT)
        for at in range(LESSONS + 5):
            watch.show([event(VLLM.replace(b'"id":"c"', b'"id":"%d"' % at))])

        assert (watch.events, watch._lessons) == (LESSONS + 5, 0)

    def test_a_form_that_served_gives_way_to_another_at_any_time(self) -> None:
        """What a vendor alters now and then, as the time of a chunk, is learned each time."""
        watch = Meter(CHAT)
        for at in range(LESSONS * 2):
            dated = VLLM.replace(b'"id":"c"', b'"created":%d' % at)
            watch.show([event(dated)])
            watch.show([event(dated)])

        assert (watch.events, watch._lessons) == (LESSONS * 4, LESSONS)
