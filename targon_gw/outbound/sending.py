"""One sending: an attempt on its way to a vendor, and what comes back, as an outcome.

What an answer means is decided in `core.attempts`; here is seen whether there is one, and whether it is what was asked
for: the head, a first event that is not an error, or a whole answer of the right shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from targon_gw.core.answers import Answer, VendorError, read_answer, read_error
from targon_gw.core.attempts import Abandoned, CallerFault, Outcome, Reply, Served, VendorFault, classify
from targon_gw.core.call import Attempt
from targon_gw.core.config import Size
from targon_gw.core.errors import Refusal
from targon_gw.core.openai import Ask, Endpoint

from .errors import BrokenBody, BrokenResponse, ConnectFailed
from .requests import Body, Head
from .stream import Stream, StreamEnd
from .whole import TooLong, Whole

ERROR_BODY = 65536
"""Bytes of a failed answer that are read: enough for what it says."""

NO_ROOM = "This gateway has as many connections open as it may. Try again in a moment."


class WholeAnswer(msgspec.Struct, frozen=True, eq=False, gc=False):
    """An answer that is complete and of the shape asked for."""

    body: bytes
    answer: Answer


Brought = WholeAnswer | Stream
T = TypeVar("T")
Judge = Callable[[Outcome, Brought | None], Deferred[T] | T]
"""Is told how a sending came out, and what there is to be passed on."""


class Sent(msgspec.Struct, eq=False):
    """An attempt on its way, with one deadline over all that it waits for; what is awaited then is cancelled."""

    ask: Ask
    attempt: Attempt
    judge: Judge[Any]
    until: float
    awaited: Deferred[Any]
    lost: bool = False

    def beat(self, now: float) -> None:
        """Look at the time."""
        if now >= self.until:
            self.lost = True
            self.awaited.cancel()


class Vendor(Protocol):
    """What sends a request; `targon_gw.outbound.client.Client` is one."""

    def request(self, method: str, url: bytes, *, headers: Head, data: Body) -> Deferred[Any]:
        """As treq's."""


Clients = Callable[[str], Vendor]
"""The client that reaches the upstream of that name."""


@define(eq=False)
class Sending:
    """Sends attempts. `now` is monotonic seconds, `wall` what makes Unix seconds of them, `limit` an answer's size."""

    clients: Clients
    now: Callable[[], float]
    wall: float
    pulse: Any
    limit: Size
    _known: dict[tuple[str, str, Endpoint], tuple[Head, bytes]] = field(factory=dict, repr=False)
    """Heads and addresses, by secret, base URL and endpoint; by the secret itself: two keys may share a fingerprint,
    and one must never be sent for the other."""

    def forget(self) -> None:
        """Keep no key's secret any longer than that: some have left, and to make a head anew costs 2 us."""
        self._known.clear()

    def send(self, ask: Ask, request_id: str, attempt: Attempt, judge: Judge[T]) -> Deferred[T]:
        """Send `attempt`, and have `judge` say what follows from how it came out, so far as that can be told before
        anything is passed on. What `judge` returns is what the Deferred fires with.

        It is the request's own Deferred: a call whose answer comes in one read needs no other. Cancelling it gives up
        whatever is under way.
        """
        request = self._request(ask, request_id, attempt)
        sent = Sent(ask, attempt, judge, attempt.began + attempt.first_token, request)
        self.pulse.enter(sent)
        return request.addCallbacks(self._answered, self._broken, (sent,), errbackArgs=(sent,))

    def _request(self, ask: Ask, request_id: str, attempt: Attempt) -> Deferred[Any]:
        """The request that `attempt` is, under way."""
        upstream = attempt.upstream
        secret = attempt.lease.key.secret.reveal
        known = self._known.get((secret, upstream.base_url, ask.endpoint))
        if known is None:
            url = f"{upstream.base_url}/{ask.endpoint.value}".encode("ascii")
            known = self._known[secret, upstream.base_url, ask.endpoint] = _head(secret), url
        head, url = known
        head = head.plus(b"X-Request-Id", request_id.encode("ascii"))
        return self.clients(upstream.name).request("POST", url, headers=head, data=Body(attempt.body(ask)))

    def _answered(self, response: Any, sent: Sent) -> Any:
        """A head has come, and perhaps all that is waited for."""
        self.pulse.leave(sent)
        good = response.code == 200
        if good and sent.ask.stream:
            return self._streamed(response, sent)
        most = self.limit if good else ERROR_BODY
        body = response.take_whole(most)
        if body is not None:
            return self._read(body, response, sent)
        whole = Whole(most, cut=not good)
        response.deliverBody(whole)
        return self._waits(whole.done, sent).addCallbacks(
            self._whole, self._cut_short, (response, sent), errbackArgs=(response, sent)
        )

    def _waits(self, awaited: Deferred[Any], sent: Sent) -> Deferred[Any]:
        """Wait for that too, no longer than in all."""
        sent.awaited = awaited
        self.pulse.enter(sent)
        return awaited

    def _broken(self, failure: Failure, sent: Sent) -> Any:
        """What was waited for does not come: by the vendor's fault, or because the client has left, or by a bug."""
        self.pulse.leave(sent)
        if failure.check(*_FAULTS) is None or (failure.check(CancelledError) and not sent.lost):
            return failure
        if sent.lost and sent.attempt.hurried:
            return sent.judge(_HURRIED, None)
        return sent.judge(_fault_of(failure.value, sent.lost), None)

    # answers that are not streamed

    def _whole(self, body: bytes, response: Any, sent: Sent) -> Any:
        """The body has come, after its head."""
        self.pulse.leave(sent)
        return self._read(body, response, sent)

    def _cut_short(self, failure: Failure, response: Any, sent: Sent) -> Any:
        """The body does not come, after its head."""
        if response.code == 200 or not sent.lost or failure.check(CancelledError) is None:
            return self._broken(failure, sent)
        return self._whole(b"", response, sent)  # the status alone says enough

    def _read(self, body: bytes, response: Any, sent: Sent) -> Any:
        """What an answer that is complete stands for."""
        if response.code != 200:
            return sent.judge(self._classified(sent.attempt, response, body), None)
        answer = read_answer(sent.ask.endpoint, body)
        if answer is not None and answer.error is not None:
            return sent.judge(self._classified(sent.attempt, response, body[:ERROR_BODY]), None)
        if answer is None or not answer.shaped:
            return sent.judge(VendorFault("200: not an answer of the shape asked for", 200), None)
        return sent.judge(_SERVED, WholeAnswer(body, answer))

    # streams

    def _streamed(self, response: Any, sent: Sent) -> Any:
        """A stream's head has come, and perhaps its first event."""
        attempt = sent.attempt
        times = attempt.upstream.timeouts
        stream = Stream(self.pulse, self.now, times.idle, attempt.began + times.total)
        response.deliverBody(stream)
        if stream.begun:
            return self._first_event(response, sent, stream)
        return self._waits(stream.beginning(), sent).addCallbacks(
            self._begun, self._broken, (response, sent, stream), errbackArgs=(sent,)
        )

    def _begun(self, _: None, response: Any, sent: Sent, stream: Stream) -> Any:
        """The first event has come, after its head."""
        self.pulse.leave(sent)
        return self._first_event(response, sent, stream)

    def _first_event(self, response: Any, sent: Sent, stream: Stream) -> Any:
        """Served where the stream begins with an event that is not an error (D-08, D-20)."""
        outcome: Outcome | None = None
        try:
            outcome = self._beginning(sent.attempt, response, stream)
        finally:
            if not isinstance(outcome, Served):
                stream.drop()
        return sent.judge(outcome, stream if isinstance(outcome, Served) else None)

    def _beginning(self, attempt: Attempt, response: Any, stream: Stream) -> Outcome:
        """What the first event, or what came instead of one, stands for."""
        said = stream.said if stream.events else stream.other
        if _error_in(said) is not None:
            return self._classified(attempt, response, said)
        if said.strip() == b"[DONE]":
            return VendorFault("200: a stream of nothing", 200)
        if stream.events:
            return _SERVED
        if stream.ended is StreamEnd.CLEAN:
            return VendorFault("200: not a stream of events", 200)
        how = stream.ended.value if stream.ended else "broken"
        return VendorFault(f"200: the stream was {how} before its first event", 200)

    def _classified(self, attempt: Attempt, response: Any, body: bytes) -> Outcome:
        waits = response.headers.getRawHeaders(b"retry-after") or ()
        date = response.get(b"date")
        reply = Reply(
            response.code,
            body,
            [w.decode("latin-1") for w in waits],
            None if date is None else date.decode("latin-1"),
        )
        return classify(reply, attempt.upstream.dialect, self.now() + self.wall)


_FAULTS = (CancelledError, ConnectFailed, BrokenResponse, BrokenBody, TooLong)
_SERVED = Served()
_HURRIED = Abandoned("the call's own time was over")


def _head(secret: str) -> Head:
    """What a vendor is told beside the body, but for the call's id."""
    return Head.of(
        (
            (b"Authorization", b"Bearer " + secret.encode()),
            (b"Content-Type", b"application/json"),
            (b"Accept", b"application/json, text/event-stream"),
            (b"User-Agent", b"targon-gw"),
        )
    )


_SIGNS = re.compile(rb'"(?:error|Type"|detail"|message")')


def _error_in(said: bytes) -> VendorError | None:
    """The error that an event, or what stands in its place, is; the search first, since almost none is one."""
    return read_error(said) if _SIGNS.search(said) else None


def _fault_of(fault: BaseException | None, late: bool) -> Outcome:
    """The vendor's fault that a broken exchange is."""
    if late:
        return VendorFault("no first token in time", silent=True)
    if isinstance(fault, ConnectFailed) and fault.kind == "ours":
        # Nobody is to blame for it, and no other key would fare better (E-17).
        return CallerFault(Refusal("overloaded", NO_ROOM, wait=2.0), "no descriptor left", None)
    if isinstance(fault, TooLong):
        return VendorFault("the answer is longer than may be held", 200)
    return VendorFault(str(fault))
