"""What a vendor sends: answers, streams, chunks, words about waiting. Nothing of it may raise what is not declared."""

from __future__ import annotations

from collections.abc import Sequence

from targon_gw.core.answers import read_answer, read_error
from targon_gw.core.attempts import LONGEST_WAIT, SHORTEST_WAIT, CallerFault, Reply, Served, classify, longest_wait
from targon_gw.core.chunks import read_chunk
from targon_gw.core.config import Dialect
from targon_gw.core.meter import MOST, Meter
from targon_gw.core.openai import Endpoint
from targon_gw.core.sse import EventTooLarge, Splitter, payload
from targon_gw.outbound.reading import Bounds, Reading
from targon_gw.rehearsal.catalogue import CATALOGUE
from tests.fakes import WALL
from tests.rehearsal.stage import MODEL, dechunked, stage

from .target import Target, cut

SMALL = 200
"""Bytes of an event, for a splitter that is to find them too many."""
ENOUGH = 8192
"""Bytes of a seed; longer ones only make the search slow."""
STATUSES = (200, 400, 401, 402, 403, 404, 413, 422, 429, 500, 503, 529)


def answers() -> list[bytes]:
    """What comes over the wire for every fault that the rehearsal's vendor knows, streamed and not."""
    found = []
    for dialect in (Dialect.TARGON, Dialect.OPENAI):
        for name in CATALOGUE:
            for stream in (True, False):
                scene = stage(dialect)
                scene.connect(room=ENOUGH)
                scene.vendor.misbehave(name, model=MODEL, times=1)
                said = scene.ask(
                    stream=stream, max_tokens=6, stream_options={"include_usage": True} if stream else None
                )
                for _ in range(4):
                    scene.wait(5)
                    said += scene.line.take()
                found.append(said[:ENOUGH])
    return found


def bodies() -> list[bytes]:
    """The bodies of those."""
    found = []
    for answer in answers():
        head, _, rest = answer.partition(b"\r\n\r\n")
        if b"chunked" in head:
            try:
                rest = dechunked(rest)[0]
            except (ValueError, AssertionError):
                continue
        found.append(rest)
    return found


def check_stream(data: bytes) -> None:
    """D-27, D-28: the events are the same at any split, and so is what the meter passes on and thinks of them."""
    events = _events([data])
    pieces = _events(cut(data))
    assert events == pieces
    for endpoint in (Endpoint.CHAT, Endpoint.COMPLETIONS):
        for kept in (True, False):
            whole = Meter(endpoint, _keep_usage=kept, _prompt_estimate=7)
            parted = Meter(endpoint, _keep_usage=kept, _prompt_estimate=7)
            plain = Meter(endpoint, _keep_usage=kept, _prompt_estimate=7, _lessons=0)
            passed = whole.show(events)
            assert passed == [each for event in pieces for each in parted.show([event])]
            assert passed == [each for event in pieces for each in plain.show([event])]
            assert verdict(whole) == verdict(parted) == verdict(plain)
            assert all(event in events for event in passed)
            usage = whole.usage()
            assert 0 <= usage.cached <= usage.prompt <= MOST and 0 <= usage.reasoning <= usage.completion <= MOST
    check_bound(data)


def check_bound(data: bytes) -> None:
    """D-29: a splitter never holds more than its limit, and gives up by the one declared error."""
    splitter = Splitter(SMALL)
    try:
        for piece in cut(data):
            assert all(len(event) <= SMALL for event in splitter.feed(piece))
            assert len(splitter.rest()) <= SMALL
    except EventTooLarge:
        assert splitter.rest() == b""


def _events(pieces: Sequence[bytes]) -> list[bytes]:
    splitter = Splitter()
    return [event for piece in pieces for event in splitter.feed(piece)]


def verdict(meter: Meter) -> tuple[object, ...]:
    """All that a meter says."""
    return meter.usage(), meter.finished, meter.done, meter.error, meter.events, meter.malformed, meter.anomaly


def check_body(data: bytes) -> None:
    """D-19, D-28, D-36 to D-43: whatever a body is, it is read or not and classed; no failure is called served."""
    read_chunk(b"data: " + data + b"\n\n")
    read_error(data)
    for endpoint in Endpoint:
        read_answer(endpoint, data)
    payload(data)
    for dialect in Dialect:
        status = STATUSES[len(data) % len(STATUSES)]
        outcome = classify(Reply(status, data[:65536]), dialect, WALL)
        assert not isinstance(outcome, Served)
        if isinstance(outcome, CallerFault):
            assert outcome.refusal.message.isprintable() and len(outcome.refusal.message) <= 500


def check_wait(data: bytes) -> None:
    """D-33, D-35: a Retry-After is read or not; no key waits less than the shortest or more than the longest."""
    first, _, rest = data.decode("latin-1").partition("\n")
    second, _, date = rest.partition("\n")
    for sent in ([first], [first, second], []):
        for clock in (date, None):
            wait = longest_wait(Reply(429, b"", sent, clock), WALL)
            assert wait is None or SHORTEST_WAIT <= wait <= LONGEST_WAIT
            assert sent or wait is None


def check_answer(data: bytes) -> None:
    """D-10 to D-17, D-27: an answer is the same at any split; a fault is never complete, and never kept."""
    for bodiless in (False, True):
        whole, body = _read([data], bodiless)
        parted, same = _read(cut(data), bodiless)
        if whole.fault is None:
            assert (told(whole), body) == (told(parted), same)
        else:
            assert parted.fault is not None or parted.complete == whole.complete
            assert not whole.complete or whole.unusable


def _read(pieces: Sequence[bytes], bodiless: bool) -> tuple[Reading, bytes]:
    reading, body = Reading(bodiless, Bounds()), b""
    for piece in pieces:
        reading.feed(piece)
        body += reading.take()
        if reading.fault is not None or reading.complete:
            break
    return reading, body


def told(reading: Reading) -> tuple[object, ...]:
    """All that an answer says, but whether bytes came behind it, which is for the connection to see."""
    head = (reading.status, reading.minor, reading.lines(), reading.encoding) if reading.headed else None
    length = reading.length if reading.headed else None
    return head, length, reading.complete, reading.until_close, reading.fault


WAITS = (
    b"7", b"-5\n12", b"1e400", b"nan", b"inf", b"99999999", b"garbage", b"0.5\n\nWed, 21 Oct 2015 07:28:00 GMT",
    b"Wed, 21 Oct 2015 07:28:00 GMT\n\nWed, 21 Oct 2015 07:27:00 GMT", b"Wed, 21 Oct 2015 07:28:00 +9999", b"1_000",
    b"Sun, 06 Nov 1994 08:49:37", b"Mon, 01 Jan 99999 00:00:00 GMT", b"\xb2", b"+5", b" 5 \n5",
    b"Thu, 1 Jan 1 0:0:0 -2400",
)  # fmt: skip

TARGETS = (
    Target("stream", check_stream, bodies),
    Target("body", check_body, bodies),
    Target("wait", check_wait, lambda: WAITS),
    Target("answer", check_answer, answers),
)
