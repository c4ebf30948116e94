"""A vendor whose answers are fired by hand, a client's side that keeps what it is given, and all between them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers

from targon_gw.core.attempts import VendorFault
from targon_gw.core.call import Attempt, Call
from targon_gw.core.config import Config, Size
from targon_gw.core.entries import Closing
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ending, Entry, Kind
from targon_gw.core.meter import Usage
from targon_gw.core.rescue import Broken, Passed
from targon_gw.outbound.carrier import Carrier, Cut, Settle
from targon_gw.outbound.errors import BrokenBody
from targon_gw.outbound.requests import Body, Head
from targon_gw.outbound.sending import Sending, WholeAnswer
from targon_gw.outbound.stream import Stream, StreamEnd
from targon_gw.pulse import PERIOD, Pulse
from tests import fakes

Json = dict[str, Any]

WHOLE: Json = {
    "id": "a",
    "object": "chat.completion",
    "model": fakes.MODEL,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
}
DONE = b"data: [DONE]\n\n"


def event(value: Json) -> bytes:
    """One event with that for its data."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(text: str = "hi", finish: str | None = None) -> bytes:
    """One event of an answer that is streamed."""
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})


def bug() -> RuntimeError:
    """A bug of ours."""
    return RuntimeError("a bug of the tests")


@define(eq=False)
class Pipe:
    """The connection under a body, as its protocol sees it."""

    paused: bool = False
    stopped: int = 0

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def stopProducing(self) -> None:
        self.stopped += 1


def play(body: Protocol, *pieces: bytes, clean: bool | None = True) -> Pipe:
    """Give `body` a connection and these reads; then a clean end, a broken one, or (`None`) none yet."""
    pipe = Pipe()
    body.makeConnection(pipe)
    for piece in pieces:
        body.dataReceived(piece)
    if clean is not None:
        end(body, clean)
    return pipe


def end(body: Protocol, clean: bool = True) -> None:
    """The end of the bytes."""
    body.connectionLost(Failure(ResponseDone() if clean else BrokenBody("closed")))


@define(eq=False)
class Reply:
    """A vendor's answer, with the few faces of a response that an attempt looks at."""

    code: int
    headers: Headers
    pipe: Pipe = field(factory=Pipe)
    body: Any = None
    kept: list[bytes] = field(factory=list)
    """Reads that came with the head."""
    clean: bool | None = None
    """How it had ended when its body was taken, if it had."""

    def get(self, name: bytes) -> bytes | None:
        values = self.headers.getRawHeaders(name)
        return values[0] if values else None

    def take_whole(self, most: int) -> bytes | None:
        body = b"".join(self.kept)
        if not self.clean or len(body) > most:
            return None
        assert self.body is None, "the body has been taken"
        self.body = body
        return body

    def deliverBody(self, protocol: IProtocol) -> None:
        assert self.body is None, "the body has been taken"
        self.body = protocol
        protocol.makeConnection(self.pipe)  # type: ignore[arg-type]
        for piece in self.kept:
            protocol.dataReceived(piece)
        if self.clean is not None:
            end(self.body, self.clean)

    def say(self, *pieces: bytes) -> None:
        """Further reads."""
        for piece in pieces:
            self.body.dataReceived(piece)

    def end(self, clean: bool = True) -> None:
        """No more."""
        end(self.body, clean)


@define(eq=False)
class Request:
    """What the vendor was sent."""

    url: bytes
    head: Head
    body: Json
    answer: Deferred[Any] = field(init=False)
    cancelled: bool = False

    def __attrs_post_init__(self) -> None:
        def note(_: object) -> None:
            self.cancelled = True

        self.answer = Deferred(note)

    def reply(self, code: int = 200, *pieces: bytes, clean: bool | None = None, **headers: list[str]) -> Reply:
        """Answer with a head, and with these reads of a body as soon as somebody takes it."""
        fields = {name.replace("_", "-"): values for name, values in headers.items()}
        reply = Reply(code, Headers(fields), kept=list(pieces), clean=clean)
        self.answer.callback(reply)
        return reply

    def whole(self, value: Json | bytes, code: int = 200, **headers: list[str]) -> Reply:
        """Answer with all of that."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.reply(code, body, clean=True, **headers)

    def fail(self, error: Exception) -> None:
        """No answer."""
        self.answer.errback(Failure(error))


@define(eq=False)
class Vendor:
    """Takes requests, and answers none of itself, but where it is `down`."""

    requests: list[Request] = field(factory=list)
    down: Exception | None = None

    def request(self, method: str, url: bytes, *, headers: Head, data: Body) -> Deferred[Any]:
        assert method == "POST"
        made = Request(url, headers, json.loads(data.payload))
        self.requests.append(made)
        if self.down is not None:
            made.fail(self.down)
        return made.answer

    @property
    def last(self) -> Request:
        """The newest request."""
        return self.requests[-1]


@define(eq=False)
class Sink:
    """A client's side: keeps what it is told, settles a stream at its end, gives up on it where it is cancelled."""

    whole: list[bytes] = field(factory=list)
    events: list[bytes] = field(factory=list)
    ends: list[StreamEnd] = field(factory=list)
    refusals: list[Refusal] = field(factory=list)
    attempts: int = 0
    faults: list[Failure] = field(factory=list)
    overs: int = 0
    bug_in: str = ""
    """Which of its methods raises, if one does."""
    settle: Settle | None = None
    stream: Stream | None = None
    cut: Cut | None = None
    rescues: bool = False
    """Whether it asks for another stream where one is cut."""
    streams: list[Stream] = field(factory=list)
    waits: Deferred[None] | None = None
    """What it is told to wait for, then."""
    gave_up: int = 0
    had: Usage = Usage(3, 1)
    done: Deferred[None] = field(init=False)
    used: Usage | None = None
    broken_off: int | None = None

    def __attrs_post_init__(self) -> None:
        self.done = Deferred(lambda _: self._abandon())

    def status_of(self, refusal: Refusal) -> int:
        return 599  # what no table says

    def _try(self, name: str) -> None:
        if self.bug_in == name:
            raise bug()

    def fail(self, fault: Failure) -> None:
        self.faults.append(fault)

    def over(self) -> None:
        self.overs += 1

    def pass_whole(self, attempt: Attempt, brought: WholeAnswer, settle: Settle) -> None:
        self._try("pass_whole")
        settle(Closing(Ending.SERVED, self.used, 200))
        self.whole.append(brought.body)
        self._try("after_settling")

    def pass_stream(self, attempt: Attempt, stream: Stream, settle: Settle, cut: Cut) -> Deferred[None] | None:
        self._try("pass_stream")
        self.settle, self.stream, self.cut = settle, stream, cut
        self.streams.append(stream)
        stream.attach(self)
        return self.done if len(self.streams) == 1 else None

    def give_up(self) -> None:
        self._try("give_up")
        assert self.settle is not None
        self.gave_up += 1
        self.settle(Closing(Ending.TRUNCATED, self.used, 200))
        self.done.callback(None)

    def refuse(self, refusal: Refusal, attempts: int) -> None:
        self.refusals.append(refusal)
        self.attempts = attempts
        self._try("refuse")

    def events_came(self, events: list[bytes]) -> None:
        self._try("events_came")
        self.events += events

    def stream_ended(self, how: StreamEnd) -> None:
        self.ends.append(how)
        assert self.settle is not None and self.cut is not None
        if self.rescues and how is not StreamEnd.CLEAN:
            self.waits = self.cut(Broken(VendorFault("the stream was cut", 200), self.had, self.passed()))
            return
        self.settle(Closing(Ending.SERVED if how is StreamEnd.CLEAN else Ending.TRUNCATED, self.used, 200))
        self.done.callback(None)

    def passed(self) -> Passed:
        """What the client has."""
        kept = Passed()
        kept.add(self.events)
        return kept

    def _abandon(self) -> None:
        if self.waits is not None:
            self.waits.addErrback(lambda _: None)
            self.waits.cancel()
        assert self.settle is not None and self.stream is not None
        self.stream.drop()
        self.settle(Closing(Ending.ABANDONED))
        self.done.callback(None)


@define(eq=False)
class Stage:
    """A gateway with its outbound half, between a client and a vendor that are both played by the test."""

    config: Config = field(factory=fakes.config)
    limit: Size = Size(1 << 20)
    roll: Callable[[], float] = fakes.no_roll
    clock: Clock = field(factory=Clock)
    vendor: Vendor = field(factory=Vendor)
    entries: list[Entry] = field(factory=list)
    """Of calls."""
    others: list[Entry] = field(factory=list)
    full: set[Kind] = field(factory=set)
    gateway: Gateway = field(init=False)
    pulse: Pulse = field(init=False)
    sending: Sending = field(init=False)
    carrier: Carrier = field(init=False)

    def __attrs_post_init__(self) -> None:
        now = self.clock.seconds
        self.gateway = fakes.gateway(self.config, self.roll)
        self.pulse = Pulse(self.clock, now)
        self.sending = Sending(lambda name: self.vendor, now, fakes.WALL, self.pulse, self.limit)
        self.carrier = Carrier(self.gateway, self.sending, self.clock, now, self.record)

    def record(self, entry: Entry) -> None:
        """Keep `entry`; raise where nothing of its kind can be on file."""
        if entry.kind in self.full:
            raise Refusal("overloaded", "no room", wait=5.0)
        self.gateway.ledger.fold(self.gateway.ledger.n + 1, entry)
        (self.entries if entry.kind is Kind.CALL else self.others).append(entry)

    def carry(self, sink: Sink | None = None, **asked: Any) -> Carried:
        """Admit a call and carry it."""
        call = fakes.call(self.gateway, self.clock.seconds(), fakes.ask(**asked))
        sink = sink or Sink()
        carried = Carried(call, sink, self.carrier.carry(call, sink))
        carried.running.addBoth(carried.results.append)
        return carried

    def advance(self, seconds: float) -> None:
        """Let time pass, in steps of the pulse."""
        self.clock.pump([PERIOD] * round(seconds / PERIOD))

    def quiet(self) -> None:
        """Assert that nothing ticks, once the pulse has lapsed."""
        self.clock.advance(PERIOD)
        assert self.clock.getDelayedCalls() == []

    def rest(self) -> None:
        """Assert that all is over: nothing ticks, every lease is back, every call settled once."""
        self.quiet()
        assert not self.gateway.calls
        assert self.gateway.bank.tally("ann").in_flight == 0
        assert [
            key.in_flight for pool in self.gateway.pools.values() for key in pool.keys.values() if key.in_flight
        ] == []


@define(eq=False)
class Carried:
    """A call on its way. `results` is what its carrying came to: `None`, once, however it went."""

    call: Call
    sink: Sink
    running: Deferred[None]
    results: list[Any] = field(factory=list)

    @property
    def failed_with(self) -> Any:
        """The kind of exception that ended it."""
        assert self.results == [None]
        (fault,) = self.sink.faults
        return type(fault.value)
