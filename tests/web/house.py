"""A gateway in memory, whole but for the vendor's wire: real routes, core, carrier and streams; the vendor is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed

from targon_gw.core.answers import read_answer
from targon_gw.core.attempts import Outcome, Served, VendorFault
from targon_gw.core.call import Attempt
from targon_gw.core.config import Config
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Entry, Kind
from targon_gw.core.measures import Measures
from targon_gw.core.openai import Ask
from targon_gw.outbound.carrier import Carrier
from targon_gw.outbound.sending import WholeAnswer
from targon_gw.outbound.stream import Stream
from targon_gw.pulse import Pulse
from targon_gw.web.api import Api, refusal_headers
from targon_gw.web.health import Health
from targon_gw.web.metrics import MetricsPage
from targon_gw.web.rooms import Room
from targon_gw.web.site import Root, Tree
from tests import fakes

from .conversation import Answer, Conversation, Desk, ask

JSON = "Content-Type: application/json\r\n"
BEARER = f"Authorization: Bearer {fakes.CLIENT_SECRET.decode()}\r\n"
CHAT = "/v1/chat/completions"
QUESTION = {"model": fakes.MODEL, "messages": [{"role": "user", "content": "Hello!"}]}


ANSWER = {
    "id": "c1",
    "model": fakes.MODEL,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
}
"""A whole answer of a chat."""


@define(eq=False, slots=False)
class Body(StringTransport):
    """The transport of a vendor's body; `stopped` once it is dropped."""

    def __attrs_post_init__(self) -> None:
        StringTransport.__init__(self)

    @property
    def stopped(self) -> bool:
        """Whether the gateway wants no more."""
        return bool(self.producerState == "stopped")

    @property
    def paused(self) -> bool:
        """Whether the gateway wants no more for now."""
        return bool(self.producerState == "paused")


@frozen(eq=False)
class Asked:
    """One attempt on its way; `answer` tells how it comes out."""

    ask: Ask
    request_id: str
    attempt: Attempt
    answer: Deferred[tuple[Outcome, Any]]


@define(eq=False)
class Vendor:
    """All vendors: keeps what it is asked, and answers the newest as it is told."""

    house: House
    asked: list[Asked] = field(factory=list)
    cancelled: int = 0
    stream: Stream | None = None
    body: Body = field(factory=Body)

    def send(self, ask: Ask, request_id: str, attempt: Attempt, judge: Callable[[Outcome, Any], Any]) -> Deferred[Any]:
        """As `Sending.send`."""

        def note(_: object) -> None:
            self.cancelled += 1

        asked = Asked(ask, request_id, attempt, Deferred(note))
        self.asked.append(asked)
        return asked.answer.addCallback(lambda came: judge(*came))

    def fails(self, outcome: Outcome | None = None) -> None:
        """The newest attempt comes out like that."""
        self.asked[-1].answer.callback((outcome or VendorFault("500", 500), None))

    def answers(self, document: dict[str, Any] | bytes) -> None:
        """The newest attempt brings a whole answer."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        answer = read_answer(self.asked[-1].ask.endpoint, body)
        assert answer is not None
        self.asked[-1].answer.callback((Served(), WholeAnswer(body, answer)))

    def brings(self, *events: bytes, cleanly: bool = True) -> None:
        """The newest attempt brings a stream that has come to its end in one read."""
        self.begins(*events, ended=cleanly)

    def begins(self, *events: bytes, idle: float = 60.0, ended: bool | None = None) -> None:
        """The newest attempt brings a stream, of which that has come; `ended`: all of it, and whether cleanly."""
        now = self.house.now()
        self.body = Body()
        self.stream = Stream(self.house.pulse, self.house.now, idle, now + 900.0)
        self.stream.makeConnection(self.body)
        self.stream.dataReceived(b"".join(events))
        if ended is not None:
            self.ends(ended)
        self.asked[-1].answer.callback((Served(), self.stream))

    def says(self, *events: bytes) -> None:
        """More of the stream, in one read."""
        assert self.stream is not None
        self.stream.dataReceived(b"".join(events))

    def ends(self, cleanly: bool = True) -> None:
        """The stream's bytes end."""
        assert self.stream is not None
        self.stream.connectionLost(Failure(ResponseDone() if cleanly else ResponseFailed([])))


@define(eq=False)
class House:
    """A gateway of `settings` and one client's connection to it. `entries` are settled calls, each with what had been
    sent to the client by then; `others` are entries of other kinds."""

    settings: Config = field(factory=fakes.config)
    bank: Any = None
    talk: Conversation = field(init=False)
    gateway: Gateway = field(init=False)
    pulse: Pulse = field(init=False)
    vendor: Vendor = field(init=False)
    entries: list[tuple[Entry, bytes]] = field(factory=list)
    others: list[Entry] = field(factory=list)
    full: bool = False
    """Nothing can be on file."""
    api: Api = field(init=False)
    health: Health = field(init=False)
    measures: Measures = field(init=False)
    page: MetricsPage = field(init=False)
    worst: float = 0.0
    """The reactor's lag, as the page is told."""
    seconds: float = 0.0
    """By how much the clock on the wall is ahead, as the page is told."""
    rooms: list[Room] = field(factory=list)
    """More may be added at any time."""

    def __attrs_post_init__(self) -> None:
        self.talk = Conversation(resource=Desk())
        self.gateway = fakes.gateway(self.settings)
        if self.bank is not None:
            self.gateway.bank = self.bank
        self.pulse = Pulse(self.talk.clock, self.now)
        self.vendor = Vendor(self)
        sending: Any = self.vendor
        self.measures = Measures(self.gateway)
        settled, rescued = self.measures.settled, self.measures.rescued
        carrier = Carrier(self.gateway, sending, self.talk.clock, self.now, self._record, settled, rescued)
        api = self.api = Api(self.gateway, carrier, self.pulse, self.now)
        site = self.talk.site
        self.health = Health(self.gateway, self.now, 0.0, "1.2.3")
        token = self.settings.metrics.token
        self.page = MetricsPage(self.measures, self, token, self.talk.clock, self.now, 0.0, "1.2.3", self)
        site.resource = Root(Tree(api, self.health, self.page), self.rooms)
        site.gate = api.gate
        site.refusal_headers = refusal_headers

    def now(self) -> float:
        """Seconds."""
        return self.talk.clock.seconds()

    def _record(self, entry: Entry) -> None:
        if self.full:
            raise Refusal("overloaded", "no room", wait=5.0)
        self.gateway.ledger.fold(self.gateway.ledger.n + 1, entry)
        if entry.kind is Kind.KEY:
            self.measures.changed(entry)
        if entry.kind is Kind.CALL:
            self.entries.append((entry, self.talk.wire.value()))
        else:
            self.others.append(entry)

    def call(self, target: str = CHAT, lines: str = BEARER + JSON, **fields: Any) -> None:
        """Post a call; its body is `QUESTION` with these fields."""
        self.talk.say(ask(lines, json.dumps({**QUESTION, **fields}).encode(), target))

    def get(self, target: str, lines: str = BEARER, method: str = "GET") -> Answer:
        """Ask without a body, on what may be a used connection; the newest answer."""
        self.talk.wire.clear()
        self.talk.say(ask(lines, target=target, method=method))
        return self.heard

    @property
    def heard(self) -> Answer:
        """The newest answer, so far."""
        return self.talk.heard()[-1]

    @property
    def entry(self) -> Entry:
        """The one call that was settled."""
        ((entry, _),) = self.entries
        return entry

    def quiet(self) -> bool:
        """Whether nothing is under way any more, once the client has left too: no call, and nothing that ticks."""
        self.talk.leave()
        self.talk.pass_seconds(1)
        return not self.gateway.calls and not self.api.relays and not self.talk.clock.getDelayedCalls()


def event(**members: Any) -> bytes:
    """A chunk of a chat, as an event."""
    chunk = {"id": "c1", "object": "chat.completion.chunk", "model": fakes.MODEL, **members}
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def says(text: str, **members: Any) -> bytes:
    """An event with some text."""
    return event(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}], **members)


def finish(reason: str = "stop", index: int = 0) -> bytes:
    """The event that says why the answer is over."""
    return event(choices=[{"index": index, "delta": {}, "finish_reason": reason}])


def usage(prompt: int = 7, completion: int = 2) -> bytes:
    """The event with usage and no choices."""
    figures = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return event(choices=[], usage=figures)


DONE = b"data: [DONE]\n\n"


def error_in(chunk: bytes) -> Any:
    """The error that the last event of a cut stream tells."""
    told = json.loads(chunk.removeprefix(b"data: "))
    assert told["choices"] == [{"index": 0, "delta": {}, "finish_reason": "error"}]
    return told["error"]


def codes(answers: Sequence[Answer]) -> list[Any]:
    """The codes of refusals."""
    return [json.loads(answer.body)["error"]["code"] for answer in answers]
