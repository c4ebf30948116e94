"""The client's side of a stream: what passes, how it ends, and who is told when."""

from __future__ import annotations

import pytest

from targon_gw.core.config import ModelSettings
from targon_gw.core.ledger import Ending
from targon_gw.core.meter import Source
from targon_gw.web.relay import COMMENT, KEEP_ALIVE
from tests import fakes

from .house import DONE, House, error_in, finish, says, usage

EVENTS = [says("Hel"), says("lo"), finish()]


def streaming(house: House | None = None, *events: bytes, **fields: object) -> House:
    """A house with a stream under way."""
    house = house or House()
    house.call(stream=True, **fields)
    house.vendor.begins(*(events or EVENTS[:1]))
    return house


class PassingTests:
    """Events on their way."""

    def test_one_event_one_chunk(self) -> None:
        """Each event is a chunk of its own, its bytes untouched, however many come together; the end is one too."""
        odd = b'event: x\r\ndata: {"choices":[{"delta":{"content":"\xf0\x9f\x98\x80"}}], "model":"acme/large"}\r\n\r\n'
        house = streaming(None, EVENTS[0], odd)
        writes = house.talk.wire.writes
        house.vendor.says(EVENTS[1], EVENTS[2], usage(), DONE)

        assert house.heard.status == 200
        assert house.heard.chunks == [EVENTS[0], odd, EVENTS[1], EVENTS[2], DONE]
        assert house.heard.ended
        assert house.talk.wire.writes == writes + 1
        assert house.quiet()

    def test_headers(self) -> None:
        """A stream says what it is, who served, and that nobody may keep or gather it."""
        house = streaming()
        headers = house.heard.headers
        house.talk.leave()

        assert headers[b"content-type"] == b"text/event-stream; charset=utf-8"
        assert headers[b"cache-control"] == b"no-cache"
        assert headers[b"x-accel-buffering"] == b"no"
        assert headers[b"x-targon-model"] == b"acme/large"
        assert headers[b"access-control-allow-origin"] == b"*"
        assert headers[b"openai-processing-ms"] == b"0"
        assert headers[b"server-timing"].startswith(b"gw;dur=")
        assert headers[b"x-request-id"].startswith(b"req_")
        assert b"x-targon-attempts" not in headers

    @pytest.mark.parametrize("wanted", [True, False])
    def test_usage_chunk_is_for_who_asked(self, wanted: bool) -> None:
        """B-17, D-25: the closing usage passes only to a client that asked for it; it is counted either way."""
        fields = {"stream_options": {"include_usage": True}} if wanted else {}
        house = streaming(None, *EVENTS, **fields)
        house.vendor.says(usage(), DONE)

        assert (usage() in house.heard.chunks) is wanted
        assert house.entry.usage is not None
        assert (house.entry.usage.prompt, house.entry.usage.completion) == (7, 2)
        assert house.entry.usage.source is Source.UPSTREAM

    def test_alias_is_shown(self) -> None:
        """A client that asked by an alias sees the alias in each event, and nothing else altered."""
        models = [ModelSettings(fakes.MODEL), ModelSettings("nick", alias=fakes.MODEL)]
        house = streaming(House(fakes.config(models=models)), model="nick")
        house.vendor.says(says('"model":"acme/large"'), finish(), DONE)

        expected = [says("Hel"), says('"model":"acme/large"'), finish()]
        renamed = [each.replace(b'"model":"acme/large"', b'"model":"nick"', 1) for each in expected]
        assert house.heard.chunks == [*renamed, DONE]
        assert house.heard.headers[b"x-targon-model"] == b"acme/large"

    def test_fallback_is_shown(self) -> None:
        """D-49: where a fallback served, events and header name the fallback, and the attempts are told."""
        models = [
            ModelSettings(fakes.MODEL, fallback="acme/small"),
            ModelSettings("acme/small", upstream_id="small-v2"),
        ]
        house = House(fakes.config(models=models, retries=fakes.patient(attempts=3)))
        house.call(stream=True)
        while house.vendor.asked[-1].attempt.model.id != "acme/small":
            house.vendor.fails()
            house.talk.pass_seconds(1)
        house.vendor.begins(says("Hi", model="small-v2"), finish(), DONE)

        assert b'"model":"acme/small"' in house.heard.chunks[0]
        assert house.heard.headers[b"x-targon-model"] == b"acme/small"
        assert house.heard.headers[b"x-targon-attempts"] == b"%d" % len(house.vendor.asked)

    def test_malformed_event_passes(self) -> None:
        """D-28: an event that is no JSON passes as it is; the stream goes on."""
        house = streaming()
        house.vendor.says(b"data: {nonsense\n\n", finish(), DONE)

        assert house.heard.chunks == [EVENTS[0], b"data: {nonsense\n\n", finish(), DONE]
        assert house.heard.ended

    def test_http_1_0(self) -> None:
        """A-21: for HTTP/1.0 the events are not framed, and the connection's end is the stream's."""
        house = House()
        body = b'{"model":"acme/large","stream":true,"messages":[{"role":"user","content":"x"}]}'
        lines = f"Authorization: Bearer {fakes.CLIENT_SECRET.decode()}\r\nContent-Type: application/json\r\n"
        house.talk.say(
            f"POST /v1/chat/completions HTTP/1.0\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        house.vendor.begins(*EVENTS, DONE)
        sent = house.talk.wire.value()

        assert sent.partition(b"\r\n\r\n")[2] == b"".join([*EVENTS, DONE])
        assert b"chunked" not in sent
        house.talk.pass_seconds(2)
        assert house.talk.wire.disconnecting


class EndTests:
    """The end is true, or visibly none."""

    def test_settled_before_the_last_byte(self) -> None:
        """The call is settled before the client can have its end, whichever end that is."""
        for end in ("done", "cut"):
            house = streaming()
            if end == "done":
                house.vendor.says(finish(), usage(), DONE)
            else:
                house.vendor.ends(cleanly=False)
            ((entry, sent_by_then),) = house.entries

            assert entry.ending is (Ending.SERVED if end == "done" else Ending.TRUNCATED)
            assert b"Hel" in sent_by_then
            assert b"[DONE]" not in sent_by_then
            assert b"error" not in sent_by_then
            assert len(house.talk.wire.value()) > len(sent_by_then)

    def test_missing_done_is_added(self) -> None:
        """D-22: a stream that ends behind its finish_reason gets its [DONE]."""
        house = streaming(None, *EVENTS)
        house.vendor.ends()

        assert house.heard.chunks == [*EVENTS, DONE]
        assert house.heard.ended

    def test_done_that_never_comes(self) -> None:
        """D-22: an upstream that stays open behind its finish_reason is not waited for longer than a second."""
        house = streaming(None, *EVENTS)
        assert not house.heard.ended
        house.talk.pass_seconds(1)

        assert house.heard.chunks == [*EVENTS, DONE]
        assert house.entry.ending is Ending.SERVED
        house.talk.pass_seconds(2)
        assert house.vendor.body.stopped
        assert house.quiet()

    @pytest.mark.parametrize("how", ["clean", "broken", "done"])
    def test_truncated(self, how: str) -> None:
        """D-10, D-11, D-23: without a finish_reason the end is an error event, no [DONE], and no last chunk."""
        house = streaming()
        if how == "done":
            house.vendor.says(DONE)
        else:
            house.vendor.ends(cleanly=how == "clean")

        assert house.heard.chunks[0] == EVENTS[0]
        assert error_in(house.heard.chunks[1])["code"] == "upstream_truncated"
        assert len(house.heard.chunks) == 2
        assert not house.heard.ended
        assert house.talk.wire.disconnecting
        assert house.entry.ending is Ending.TRUNCATED
        assert house.entry.usage is not None and house.entry.usage.source is Source.COUNTED
        assert house.quiet()

    def test_stalled(self) -> None:
        """D-09: silence in the middle ends as upstream_timeout; comments kept the way open until then."""
        house = House()
        house.call(stream=True)
        house.vendor.begins(EVENTS[0], idle=50.0)
        house.talk.pass_seconds(51)

        assert house.heard.chunks[1:-1] == [COMMENT] * 3
        told = error_in(house.heard.chunks[-1])
        assert (told["code"], told["type"]) == ("upstream_timeout", "timeout_error")
        assert house.vendor.body.stopped
        assert house.quiet()

    @pytest.mark.parametrize(
        "error",
        [
            b'data: {"error":{"message":"Incorrect API key sn4_canary_00000000000000 at https://vendor.example"}}\n\n',
            b'event: error\ndata: {"type":"error","error":{"message":"key sn4_canary_00000000000000"}}\n\n',
            b'data: {"object":"error","message":"org-canary broke","code":500}\n\n',
        ],
    )
    def test_error_event(self, error: bytes) -> None:
        """D-21, D-43: an error in the middle becomes one of ours without the vendor's secrets; nothing follows it."""
        house = streaming()
        house.vendor.says(says("lo"), error, says("more"), DONE)

        assert house.heard.chunks[:2] == [EVENTS[0], says("lo")]
        assert error_in(house.heard.chunks[2])["type"] == "upstream_error"
        assert len(house.heard.chunks) == 3
        assert b"canary" not in house.talk.wire.value()
        assert b"vendor.example" not in house.talk.wire.value()
        assert not house.heard.ended
        assert house.vendor.body.stopped

    def test_harmless_words_are_passed_on(self) -> None:
        """D-21: the vendor's own words are told where they hold nothing to hide."""
        house = streaming()
        house.vendor.says(b'data: {"error":{"message":"the model is overloaded"}}\n\n')

        assert error_in(house.heard.chunks[1])["message"] == "the model is overloaded"

    def test_after_done_nothing(self) -> None:
        """D-24: what comes behind [DONE], another [DONE] too, is not passed on and not counted."""
        house = streaming(None, *EVENTS)
        house.vendor.says(usage(), DONE, says("late"), usage(900, 900), DONE)
        house.vendor.says(DONE)

        assert house.heard.chunks == [*EVENTS, DONE]
        assert house.entry.usage is not None and house.entry.usage.completion == 2

    def test_every_choice_must_finish(self) -> None:
        """With n = 2 a stream in which one choice finished is truncated."""
        house = streaming(None, says("a"), finish(index=0), n=2)
        house.vendor.ends()

        assert error_in(house.heard.chunks[-1])["code"] == "upstream_truncated"


class WaitingTests:
    """Before the first event, and between two."""

    def test_head_waits_then_goes_early(self) -> None:
        """For `head_after` nothing is sent; then the head and a comment, and a comment every 15 s."""
        house = House()
        house.call(stream=True)
        house.talk.pass_seconds(19)
        assert house.talk.wire.value() == b""

        house.talk.pass_seconds(2)
        assert house.heard.headers[b"content-type"].startswith(b"text/event-stream")
        assert house.heard.chunks == [COMMENT]
        house.talk.pass_seconds(KEEP_ALIVE + 0.5)
        assert house.heard.chunks == [COMMENT] * 2

        house.vendor.begins(*EVENTS, DONE)
        assert house.heard.chunks == [COMMENT, COMMENT, *EVENTS, DONE]
        assert house.heard.ended
        assert house.quiet()

    def test_failover_behind_an_early_head(self) -> None:
        """What fails behind an early head is tried elsewhere, unseen."""
        house = House(fakes.config(fakes.upstream(2)))
        house.call(stream=True)
        house.talk.pass_seconds(21)
        house.vendor.fails()
        assert len(house.vendor.asked) == 2
        house.vendor.begins(*EVENTS, DONE)

        assert house.heard.chunks == [COMMENT, *EVENTS, DONE]
        assert house.entry.attempts == 2

    def test_refusal_behind_an_early_head(self) -> None:
        """Where nobody can answer any more, the early head ends with an error event and no last chunk."""
        house = House(fakes.config(retries=fakes.patient(attempts=1)))
        house.call(stream=True)
        house.talk.pass_seconds(21)
        house.vendor.fails()

        told = error_in(house.heard.chunks[-1])
        assert (told["code"], told["type"]) == ("upstream_failed", "upstream_error")
        assert house.heard.chunks[0] == COMMENT
        assert not house.heard.ended
        assert house.talk.wire.disconnecting
        assert house.quiet()

    def test_an_event_puts_the_comment_off(self) -> None:
        """Comments come 15 s after the last event, not in between."""
        house = streaming()
        for _ in range(4):
            house.talk.pass_seconds(10)
            house.vendor.says(says("x"))

        assert COMMENT not in house.heard.chunks
        house.talk.leave()

    def test_a_whole_answer_has_no_comments(self) -> None:
        """A call that is not streamed waits in silence."""
        house = House()
        house.call()
        house.talk.pass_seconds(50)

        assert house.talk.wire.value() == b""
        house.talk.leave()
