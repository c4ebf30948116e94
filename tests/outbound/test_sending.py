"""One sending: what comes back, as an outcome."""

from __future__ import annotations

import json
from typing import Any

import pytest

from targon_gw.core.attempts import (
    Barred,
    CallerFault,
    Exhausted,
    ModelFault,
    Outcome,
    Served,
    Throttled,
    VendorFault,
)
from targon_gw.core.config import Dialect, KeySettings, ModelSettings, Secret, Size
from targon_gw.core.openai import Endpoint
from targon_gw.outbound.errors import BrokenBody, BrokenResponse, ConnectFailed
from targon_gw.outbound.sending import ERROR_BODY, WholeAnswer
from targon_gw.outbound.stream import StreamEnd
from tests import fakes

from .sent import FIRST_TOKEN, send, stage
from .stage import DONE, WHOLE, Stage, bug, chunk, event

ERROR = {"error": {"message": "slow down", "code": 429}}


class RequestTests:
    """What the vendor is sent."""

    def test_request(self) -> None:
        """It is sent our own headers only, the key, the call's id and the body as the dialect has it."""
        sent = send(stage(Dialect.TARGON), stream=True)
        request = sent.request
        assert request.url == b"https://acme.example/v1/chat/completions"
        assert dict(request.head.fields) == {
            b"Authorization": b"Bearer " + sent.attempt.lease.key.secret.reveal.encode(),
            b"Content-Type": b"application/json",
            b"Accept": b"application/json, text/event-stream",
            b"User-Agent": b"targon-gw",
            b"X-Request-Id": b"req_1",
        }
        assert request.body["stream"] is True
        assert request.body["max_tokens"]
        request.fail(ConnectFailed("refused"))
        sent.over()

    def test_keys_alike_by_fingerprint(self) -> None:
        """Two vendors' keys that share a fingerprint are never sent for one another."""
        here, there = Secret("sn4_of-the-first"), Secret("sn4_of-the-second")
        models = [ModelSettings(name, routes=(name,)) for name in ("here", "there")]
        ups = [fakes.upstream([KeySettings(s, "a")], name) for name, s in (("here", here), ("there", there))]
        on = Stage(fakes.config(*ups, models=models))
        for pool in on.gateway.pools.values():
            fakes.the(pool, 0).id = "k-the same"
        for name, secret in (("here", here), ("there", there)):
            send(on, model=name).request.fail(ConnectFailed("refused"))
            assert on.vendor.last.head.authorization == b"Bearer " + secret.reveal.encode()

    def test_secret_is_not_shown(self) -> None:
        """No repr of what sends, nor of a bug on its way, holds a key."""
        sent = send()
        assert sent.attempt.lease.key.secret.reveal not in repr(sent.stage.sending)


class WholeTests:
    """What is not streamed."""

    @pytest.mark.parametrize(
        ("endpoint", "answer"),
        [
            (Endpoint.CHAT, WHOLE),
            (Endpoint.COMPLETIONS, {"choices": [{"text": "hi", "finish_reason": "stop"}]}),
            (Endpoint.EMBEDDINGS, {"data": [{"embedding": [0.5]}]}),
        ],
    )
    def test_served(self, endpoint: Endpoint, answer: dict[str, Any]) -> None:
        """An answer of the shape asked for is served, whole."""
        sent = send(endpoint=endpoint)
        sent.request.whole(answer)
        assert isinstance(sent.outcome, Served)
        assert isinstance(sent.brought, WholeAnswer)
        assert sent.brought.answer.shaped
        sent.over()

    @pytest.mark.parametrize("code", [200, 429])
    def test_in_several_reads(self, code: int) -> None:
        """How an answer is cut on its way makes no difference to what it stands for."""
        at_once, later = send(), send()
        body = json.dumps(WHOLE if code == 200 else ERROR).encode()
        at_once.request.whole(body, code)
        reply = later.request.reply(code)
        reply.say(body[:9], body[9:])
        assert not later.results
        reply.end()
        assert later.outcome == at_once.outcome
        assert (later.brought is None) == (at_once.brought is None) == (code != 200)
        if code == 200:
            assert later.brought.body == at_once.brought.body == body
        at_once.over()
        later.over()

    @pytest.mark.parametrize(
        "body", [b"", b"<html></html>", b"{}", b'{"choices":[]}', b'{"choices":[{"in', b"[]", b"null"]
    )
    def test_not_what_was_asked_for(self, body: bytes) -> None:
        """D-18: a 200 that is no answer is the vendor's fault."""
        sent = send()
        sent.request.whole(body)
        assert isinstance(sent.outcome, VendorFault)
        assert sent.brought is None
        sent.over()

    def test_error_in_disguise(self) -> None:
        """D-19: a 200 that holds an error is what its inner code says."""
        sent = send()
        sent.request.whole(ERROR)
        assert sent.outcome == Throttled(None, "200 (meaning 429): too many requests", 200)
        sent.over()

    def test_over_the_limit(self) -> None:
        """An answer longer than may be held is the vendor's fault, and is not read to its end."""
        sent = send(stage(limit=Size(100)))
        reply = sent.request.reply(200, b"{" + b" " * 100)
        assert isinstance(sent.outcome, VendorFault)
        assert reply.pipe.stopped
        sent.over()

    def test_cut(self) -> None:
        """D-12: an answer that breaks off is the vendor's fault."""
        sent = send()
        sent.request.reply(200, b'{"choices":').end(clean=False)
        assert sent.outcome == VendorFault("broken body (closed) after 0 bytes: ")
        sent.over()


class FailureTests:
    """Answers that are none, and no answers."""

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize(
        ("code", "body", "kind"),
        [
            (400, {"error": {"message": "bad temperature"}}, CallerFault),
            (401, b"Unauthorized", Barred),
            (402, b"", Exhausted),
            (404, {"error": {"message": "model not found"}}, ModelFault),
            (429, b"", Throttled),
            (204, b"", VendorFault),
            (302, b"", VendorFault),
            (503, b"<html>", VendorFault),
        ],
    )
    def test_status(self, code: int, body: Any, kind: type[Outcome], stream: bool) -> None:
        """D-32 to D-41: an answer that is not 200 is classified by its status and body, streamed or not."""
        sent = send(stream=stream)
        sent.request.whole(body, code)
        assert isinstance(sent.outcome, kind)
        assert sent.brought is None
        sent.over()

    def test_long_error(self) -> None:
        """D-39: of a failed answer 64 KiB are read; then it counts for what it is, and the connection is dropped."""
        sent = send()
        reply = sent.request.reply(500, b"x" * ERROR_BODY)
        assert not sent.results
        reply.say(b"x" * ERROR_BODY)
        assert isinstance(sent.outcome, VendorFault)
        assert reply.pipe.stopped == 1
        sent.over()

    @pytest.mark.parametrize("stream", [True, False])
    def test_error_without_end(self, stream: bool) -> None:
        """A 429 whose body does not come is a 429 all the same, once there is no more time."""
        sent = send(stream=stream)
        reply = sent.request.reply(429, b"{", retry_after=["30"])
        sent.stage.advance(FIRST_TOKEN)
        assert sent.outcome == Throttled(30.0, "429: too many requests", 429)
        assert reply.pipe.stopped
        sent.over()

    def test_time_runs_from_its_beginning(self) -> None:
        """D-07: not from the daemon's; who is sent an hour later has as long."""
        on = stage()
        on.clock.advance(3600.0)
        sent = send(on)
        on.advance(FIRST_TOKEN - 1.0)
        assert not sent.results
        on.advance(1.0)
        assert isinstance(sent.outcome, VendorFault)
        sent.over()

    def test_several_retry_after(self) -> None:
        """D-35: of several Retry-After headers the longest that can be read counts."""
        sent = send()
        sent.request.whole(b"", 429, retry_after=["7", "soon", "-5", "20"])
        assert sent.outcome == Throttled(20.0, "429: too many requests", 429)
        sent.over()

    def test_retry_after_by_the_vendors_clock(self) -> None:
        """D-33: a date is read against the answer's own Date, so that a wrong clock does no harm."""
        sent = send()
        until, date = "Wed, 01 Jan 2020 00:00:40 GMT", "Wed, 01 Jan 2020 00:00:00 GMT"
        sent.request.whole(b"", 429, retry_after=[until], date=[date])
        assert sent.outcome == Throttled(40.0, "429: too many requests", 429)
        sent.over()

    @pytest.mark.parametrize("error", [ConnectFailed("dns"), BrokenResponse("syntax"), BrokenBody("closed")])
    def test_no_answer(self, error: Exception) -> None:
        """D-01 to D-05: an exchange that breaks before its head is the vendor's fault, and not a silence."""
        sent = send()
        sent.request.fail(error)
        assert sent.outcome == VendorFault(str(error))
        sent.over()

    def test_no_descriptor(self) -> None:
        """E-17: where we can open no connection nobody is to blame, no other key is asked, and the client is told."""
        sent = send()
        sent.request.fail(ConnectFailed("ours"))
        outcome = sent.outcome
        assert isinstance(outcome, CallerFault)
        assert (outcome.refusal.code, outcome.refusal.wait) == ("overloaded", 2.0)
        sent.over()

    def test_bug(self) -> None:
        """What is none of the ways in which a vendor fails is raised."""
        sent = send()
        sent.request.fail(bug())
        assert sent.results[0].check(RuntimeError)


class FirstEventTests:
    """The beginning of a stream."""

    def test_served(self) -> None:
        """A stream is served from its first event on; what came with it waits for its reader."""
        sent = send(stream=True)
        reply = sent.request.reply(200, b": hello\n\n")
        assert not sent.results
        reply.say(chunk("a") + chunk("b"))
        assert isinstance(sent.outcome, Served)
        assert sent.brought.events == [chunk("a"), chunk("b")]
        assert reply.pipe.paused
        sent.over()

    def test_all_at_once(self) -> None:
        """A stream that came whole with its head is served."""
        sent = send(stream=True)
        reply = sent.request.reply(200, chunk("a", "stop") + DONE, clean=True)
        assert isinstance(sent.outcome, Served)
        assert sent.brought.ended is StreamEnd.CLEAN
        assert not reply.pipe.stopped
        sent.over()

    def test_content_that_speaks_of_errors(self) -> None:
        """An event with choices is no error, whatever words are in it."""
        sent = send(stream=True)
        choices = [{"index": 0, "delta": {"content": '"error" "detail" "message"'}}]
        sent.request.reply(200, event({"error": None, "choices": choices}))
        assert isinstance(sent.outcome, Served)
        sent.over()

    @pytest.mark.parametrize(
        "said",
        [
            event(ERROR),
            b"event: error\n" + event({"message": "slow down", "code": 429}),
            event({"object": "error", "message": "slow down", "code": 429}),
            event({**ERROR, "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}),
            event({"error": {**ERROR["error"], "metadata": {"error": None}}, "choices": []}).replace(
                b": null", b":null"
            ),
            b"event: ping\n\n" + event(ERROR),
            b"\n" + event(ERROR)[6:],
            b"\xef\xbb\xbf" + event(ERROR)[6:],
            event(ERROR)[6:-2],
        ],
    )
    @pytest.mark.parametrize("clean", [True, False])
    def test_error(self, said: bytes, clean: bool) -> None:
        """D-20: a first event, or a body in its place, that is an error counts as the status that it means."""
        sent = send(stream=True)
        sent.request.reply(200, said, clean=clean, retry_after=["9"])
        assert sent.outcome == Throttled(9.0, "200 (meaning 429): too many requests", 200)
        assert sent.brought is None
        sent.over()

    def test_error_without_end(self) -> None:
        """D-20: an error event ends the attempt at once, also where its stream goes on."""
        sent = send(stream=True)
        reply = sent.request.reply(200, event(ERROR))
        assert isinstance(sent.outcome, Throttled)
        assert reply.pipe.stopped
        sent.over()

    @pytest.mark.parametrize(
        "said",
        [
            b"",
            b"\n\n",
            b": only comments\n\n",
            b"<html></html>",
            b"Service down\n\n",
            b"{}",
            DONE,
            b"data: [DONE]",
            b"[DONE]",
        ],
    )
    @pytest.mark.parametrize("clean", [True, False])
    def test_no_stream(self, said: bytes, clean: bool) -> None:
        """D-18, D-23: a 200 that ends without an event, or with nothing but its end, is the vendor's fault."""
        sent = send(stream=True)
        sent.request.reply(200, said, clean=clean)
        assert isinstance(sent.outcome, VendorFault)
        assert not sent.outcome.silent
        assert sent.brought is None
        sent.over()

    def test_done_alone(self) -> None:
        """D-18: [DONE] as the first event drops the connection, whatever would follow."""
        sent = send(stream=True)
        reply = sent.request.reply(200, DONE)
        assert sent.outcome == VendorFault("200: a stream of nothing", 200)
        assert reply.pipe.stopped
        sent.over()
