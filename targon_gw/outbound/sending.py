"""One sending: an attempt on its way to a vendor, and what comes back, as an outcome.

What an answer means is decided in `core.attempts`; here is seen whether there is one, and whether it is what was asked
for: the head, a first event that is not an error, or a whole answer of the right shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred

from targon_gw.core.answers import Answer, VendorError, read_answer, read_error
from targon_gw.core.attempts import Outcome, Reply, Served, VendorFault, classify
from targon_gw.core.call import Attempt
from targon_gw.core.config import Size
from targon_gw.core.openai import Ask
from targon_gw.core.sse import payload

from .errors import BrokenBody, BrokenResponse, ConnectFailed
from .requests import Body, Head
from .stream import Pulse, Stream, StreamEnd
from .whole import TooLong, Whole

ERROR_BODY = 65536
"""Bytes of a failed answer that are read: enough for what it says."""


@frozen
class WholeAnswer:
    """An answer that is complete and of the shape asked for."""

    body: bytes
    answer: Answer


Brought = WholeAnswer | Stream


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
    pulse: Pulse
    limit: Size
    _heads: dict[str, Head] = field(factory=dict, repr=False)
    """By the secret itself: two keys may share a fingerprint, and one must never be sent for the other."""
    _urls: dict[tuple[str, str], bytes] = field(factory=dict)

    async def send(self, ask: Ask, request_id: str, attempt: Attempt) -> tuple[Outcome, Brought | None]:
        """Send `attempt` and tell how it came out, so far as that can be told before anything is passed on."""
        patience = Patience(self.pulse, self.now() + attempt.first_token)
        try:
            response = await patience.awaits(self._request(ask, request_id, attempt))
            if ask.stream and response.code == 200:
                return await self._first_event(attempt, response, patience)
            return await self._whole(ask, attempt, response, patience)
        except (CancelledError, ConnectFailed, BrokenResponse, BrokenBody, TooLong) as fault:
            if isinstance(fault, CancelledError) and not patience.lost:
                raise
            return _fault_of(fault, patience.lost), None
        finally:
            patience.over()

    def _request(self, ask: Ask, request_id: str, attempt: Attempt) -> Deferred[Any]:
        """The request that `attempt` is, under way."""
        upstream, key = attempt.upstream, attempt.key
        secret = key.secret.reveal
        head = self._heads.get(secret)
        if head is None:
            head = self._heads[secret] = Head(
                (
                    (b"Authorization", b"Bearer " + secret.encode()),
                    (b"Content-Type", b"application/json"),
                    (b"Accept", b"application/json, text/event-stream"),
                    (b"User-Agent", b"targon-gw"),
                )
            )
        where = (upstream.base_url, ask.endpoint.value)
        url = self._urls.get(where)
        if url is None:
            url = self._urls[where] = f"{upstream.base_url}/{ask.endpoint.value}".encode("ascii")
        body = Body(attempt.body(ask))
        head = head.plus(b"X-Request-Id", request_id.encode("ascii"))
        return self.clients(upstream.name).request("POST", url, headers=head, data=body)

    async def _first_event(self, attempt: Attempt, response: Any, patience: Patience) -> tuple[Outcome, Brought | None]:
        """Served where the stream begins with an event that is not an error (D-08, D-20)."""
        times = attempt.upstream.timeouts
        stream = Stream(self.pulse, self.now, times.idle, attempt.began + times.total)
        response.deliverBody(stream)
        await patience.awaits(stream.first)
        outcome: Outcome | None = None
        try:
            outcome = self._beginning(attempt, response, stream)
        finally:
            if not isinstance(outcome, Served):
                stream.drop()
        return outcome, stream if isinstance(outcome, Served) else None

    def _beginning(self, attempt: Attempt, response: Any, stream: Stream) -> Outcome:
        """What the first event, or what came instead of one, stands for."""
        said = payload(stream.events[0]) if stream.events else stream.other
        if _error_in(said) is not None:
            return self._classified(attempt, response, said)
        if said.strip() == b"[DONE]":
            return VendorFault("200: a stream of nothing", 200)
        if stream.events:
            return Served()
        if stream.ended is StreamEnd.CLEAN:
            return VendorFault("200: not a stream of events", 200)
        how = stream.ended.value if stream.ended else "broken"
        return VendorFault(f"200: the stream was {how} before its first event", 200)

    async def _whole(
        self, ask: Ask, attempt: Attempt, response: Any, patience: Patience
    ) -> tuple[Outcome, Brought | None]:
        good = response.code == 200
        reading = Whole(self.limit if good else ERROR_BODY, cut=not good)
        response.deliverBody(reading)
        try:
            body = await patience.awaits(reading.done)
        except CancelledError:
            if good or not patience.lost:
                raise
            body = b""  # the status alone says enough
        if not good:
            return self._classified(attempt, response, body), None
        answer = read_answer(ask.endpoint, body)
        if answer is not None and answer.shaped and answer.error is None:
            return Served(), WholeAnswer(body, answer)
        if answer is not None and answer.error is not None:
            return self._classified(attempt, response, body[:ERROR_BODY]), None
        return VendorFault("200: not an answer of the shape asked for", 200), None

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


_SIGNS = (b'"error', b'"Type"', b'"detail"', b'"message"')


def _error_in(said: bytes) -> VendorError | None:
    """The error that an event, or what stands in its place, is; the search first, since almost none is one."""
    return read_error(said) if any(sign in said for sign in _SIGNS) else None


def _fault_of(fault: BaseException, late: bool) -> Outcome:
    """The vendor's fault that a broken exchange is."""
    if late:
        return VendorFault("no first token in time", silent=True)
    if isinstance(fault, TooLong):
        return VendorFault("the answer is longer than may be held", 200)
    return VendorFault(str(fault))


@define(eq=False)
class Patience:
    """One deadline over the several things that an attempt waits for; what is awaited when it passes is cancelled."""

    pulse: Any
    until: float
    lost: bool = False
    _awaited: Deferred[Any] | None = None
    _entered: bool = False

    def awaits(self, awaited: Deferred[Any]) -> Deferred[Any]:
        """Watch over `awaited`; the same Deferred."""
        if not awaited.called:
            self._awaited = awaited
            if not self._entered:
                self._entered = True
                self.pulse.enter(self)
        return awaited

    def over(self) -> None:
        """Nothing is awaited any more."""
        if self._entered:
            self.pulse.leave(self)

    def beat(self, now: float) -> None:
        """Look at the time."""
        if now >= self.until and self._awaited is not None and not self._awaited.called:
            self.lost = True
            self._awaited.cancel()
