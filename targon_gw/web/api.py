"""`/v1`: read, admit, carry, answer.

A call's own path is a leaf resource, reached from the table of static routes; the rest is ordinary Klein. What a client
may see of a failure is a `Refusal`; anything else that is raised here is a bug, logged whole and answered so.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from targon_gw.core.answers import model_list
from targon_gw.core.call import Call
from targon_gw.core.catalog import Model
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import SECRET_LIKE
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Asking, Gateway
from targon_gw.core.ledger import Ending
from targon_gw.core.openai import Ask, Endpoint, read

from .heads import CORS, CORS_LINES
from .ownkey import told_of
from .peers import LOCAL, client_address
from .ratelimits import limit_lines
from .relay import Pulse, Relay
from .request import Request

log = Logger()

LARGE = 1 << 20
"""Bytes of a body that is read aside, where there is an aside."""
ROOM_BODY = 4 << 20
"""Bytes of a body outside `/v1`: keys that are pasted are the most that is sent there, a million characters of them."""
CREATED = 1_735_689_600
"""Unix seconds, the first of 2025: the catalog does not know when a model was made, and a time that changed with each
start, or from one gateway to the next, would make the same list look new."""
_encode = msgspec.json.encode
_JSON = (b"content-type", b"application/json; charset=utf-8")
_REFERENCE = re.compile(rb"[\x21-\x7e]{1,128}")
"""What an X-Client-Request-Id must be to be logged."""


class Carrier(Protocol):
    """Performs calls; see `targon_gw.outbound.carrier`."""

    def carry(self, call: Call, sink: Relay) -> Deferred[None]: ...

    def drop(self, call: Call, ending: Ending, status: int | None = None) -> None: ...


@define(eq=False)
class Api:
    """What all of `/v1` needs. `now` is monotonic seconds."""

    gateway: Gateway
    carrier: Carrier
    pulse: Pulse
    now: Callable[[], float]
    aside: Callable[..., Deferred[Any]] | None = None
    """Does work in a thread: a body of 32 MiB is read for 150 ms, and others are served in between."""
    relays: set[Relay] = field(factory=set)
    """Of calls that run."""

    # who is asking

    def gate(self, request: Request) -> Refusal | None:
        """What is wrong with a request whose body is still to come; `None` where nothing is, as its head tells."""
        if not request.path.startswith(b"/v1/"):
            return _too_large_for_a_room(request)
        try:
            found = self._identify(request, self._address(request))
            if isinstance(found, ClientKey):
                request.asking = found
            else:
                _unheeded(found)  # known only later: then the call itself asks again
            if request.method == b"POST":
                _check_media(request)
                if self.gateway.strained is not None:
                    return self.gateway.too_much(self.gateway.strained)
        except Refusal as refusal:
            return refusal
        return None

    def _identify(self, request: Request, address: str) -> ClientKey | Awaitable[ClientKey]:
        return self.gateway.identify(secret_in(request), address, self.now())

    def _address(self, request: Request) -> str:
        peer, proxies = request.client_host(), self.gateway.config.trusted_proxies
        if not proxies and peer != LOCAL:
            return peer
        return client_address(peer, request.header(b"x-forwarded-for"), proxies)

    async def client(self, request: Request) -> ClientKey:
        """Whose key the request bears; raises `Refusal`."""
        found = self._identify(request, self._address(request))
        return found if isinstance(found, ClientKey) else await found

    # calls

    def serve(self, endpoint: Endpoint, request: Request) -> None:
        """Answer a call, now or later."""
        aside = self.aside is not None and len(request.body) > LARGE
        address = self._address(request)
        try:
            client = request.asking or self._identify(request, address)
            call = None
            if isinstance(client, ClientKey) and not aside:
                call = self._admit(request, endpoint, client, address)
        except Refusal as refusal:
            request.refuse(refusal, CORS_LINES + request.beside)
            return
        if isinstance(call, Call):
            request.phases.carry((partial(self._carry, request, call), request))
            return
        later = ensureDeferred(self._later(request, endpoint, client, call))
        request.on_gone = later.cancel
        later.addErrback(_failed, request)

    def _carry(self, request: Request, call: Call) -> None:
        """What follows in the next phase of the turn."""
        if request.gone:
            self.carrier.drop(call, Ending.ABANDONED)
        else:
            request.on_gone = self._carried(request, call).cancel

    def _admit(
        self, request: Request, endpoint: Endpoint, client: ClientKey, address: str, ask: Ask | None = None
    ) -> Call | Awaitable[Call]:
        """The Call that the request of `client` at `address`, which was read as `ask` or is to be read now, comes to;
        raises `Refusal`."""
        if self.gateway.strained is not None:  # before the body is looked at: to refuse must be cheap
            raise self.gateway.too_much(self.gateway.strained)
        if request.asking is None:  # the gate has not looked
            _check_media(request)
        if ask is None:
            try:
                ask = read(endpoint, request.body)
            except Refusal as refusal:
                self._unreadable(refusal)
                raise
        asking = Asking(client, address, request.request_id.decode("ascii"))
        try:
            call = self.gateway.admit(asking, ask, self.now())
        except Refusal as refusal:
            self._turned_away(request, asking, refusal)
            raise
        return call if isinstance(call, Call) else self._admitted(request, asking, call)

    async def _admitted(self, request: Request, asking: Asking, later: Awaitable[Call]) -> Call:
        """As `_admit`, where the Bank has not answered yet."""
        try:
            return await later
        except Refusal as refusal:
            self._turned_away(request, asking, refusal)
            raise

    def _unreadable(self, refusal: Refusal) -> None:
        """Note that a body was none that anybody could be asked with."""
        gateway = self.gateway
        gateway.history.turned_away(refusal.code, self.now() + gateway.wall)

    def _turned_away(self, request: Request, asking: Asking, refusal: Refusal) -> None:
        """A refusal by a client's own limits tells how they stand."""
        if refusal.code in ("rate_limit_exceeded", "insufficient_quota"):
            request.beside = limit_lines(self.gateway.bank.limits_at(asking.client, asking.address, self.now()))

    async def _later(
        self,
        request: Request,
        endpoint: Endpoint,
        client: ClientKey | Awaitable[ClientKey],
        call: Awaitable[Call] | None,
    ) -> None:
        """As `serve`, where the Bank has not answered yet or the body is read aside."""
        try:
            if call is None:
                known = client if isinstance(client, ClientKey) else await client
                ask = None
                if self.aside is not None and len(request.body) > LARGE:
                    _check_media(request)
                    try:
                        ask = await self.aside(read, endpoint, request.body)
                    except Refusal as refusal:
                        self._unreadable(refusal)
                        raise
                admitted = self._admit(request, endpoint, known, self._address(request), ask)
                call_now = admitted if isinstance(admitted, Call) else await admitted
            else:
                call_now = await call
        except Refusal as refusal:
            request.refuse(refusal, CORS_LINES + request.beside)
            return
        await self._carried(request, call_now)

    def _carried(self, request: Request, call: Call) -> Deferred[None]:
        """The call on its way."""
        try:
            relay = self._relay(request, call)
        except Exception:  # a bug of ours, which whoever calls tells the client: the call is not to stay open for it
            self.carrier.drop(call, Ending.FAILED, 500)
            raise
        relay.begin(self.relays)
        return self.carrier.carry(call, relay)

    def _relay(self, request: Request, call: Call) -> Relay:
        """What passes the answer on; the call has what the client said of itself."""
        shortest = request.fields.get(b"x-gw-deadline-ms")
        if shortest is not None and shortest.isdigit() and len(shortest) < 10:
            call.deadline = min(call.deadline, call.admitted + int(shortest) / 1000.0)
        reference = request.fields.get(b"x-client-request-id")
        if reference is not None and _REFERENCE.fullmatch(reference):
            text = reference.decode("ascii")
            call.reference = None if SECRET_LIKE.search(text) else text
        gateway = self.gateway
        return Relay(request, call, self.pulse, self.now, gateway.config.head_after, gateway.limits_of)

    def break_off(self, relays: Sequence[Relay] | None = None) -> None:
        """End these calls, or all that run, visibly: the gateway is about to."""
        for relay in list(self.relays) if relays is None else relays:
            relay.break_off(Refusal("draining", "This gateway is restarting; try again in a moment.", wait=2.0))

    # oneself

    async def key(self, request: Request) -> None:
        """`GET /v1/key`: what the client may, has under way and has used."""
        client = await self.client(request)
        seen = self.gateway.bank.overview(client, self.now(), self._address(request))
        self._answer(request, _encode({"data": told_of(seen)}))

    # models

    async def models(self, request: Request) -> None:
        """`GET /v1/models`: the catalog, for this client."""
        client = await self.client(request)
        now = self.now()
        entries = [self._entry(name, model, now) for name, model in self.gateway.offered_to(client)]
        self._answer(request, model_list(entries))

    async def model(self, request: Request, name: str) -> None:
        """`GET /v1/models/{id}`."""
        client = await self.client(request)
        model = self.gateway.catalog.resolve(name)
        if not client.may_use(name):
            raise Refusal("model_not_allowed", "This API key may not use that model.", "model")
        self._answer(request, _encode(self._entry(name, model, self.now())))

    def _answer(self, request: Request, body: bytes) -> None:
        request.answer(200, [_JSON, (b"cache-control", b"no-store"), *CORS], body)

    def _entry(self, name: str, model: Model, now: float) -> dict[str, object]:
        settings = model.settings
        entry: dict[str, object] = {
            "id": name,
            "object": "model",
            "created": CREATED,
            "owned_by": model.owner,
            "name": name.rpartition("/")[2],
            "kind": settings.kind.value,
            "supported_features": list(settings.features),
            "status": self.gateway.state_of(model, now),
        }
        if settings.context is not None:
            entry["context_length"] = settings.context
        if settings.price is not None:
            entry["pricing"] = {
                "prompt": _per_token(settings.price.prompt),
                "completion": _per_token(settings.price.completion),
            }
        return entry


@implementer(IResource)
@define(eq=False)
class Calls:
    """The leaf that answers the calls of one endpoint."""

    api: Api
    endpoint: Endpoint
    isLeaf: bool = field(default=True, init=False)

    def render(self, request: Any) -> int:
        """Answer, now or later."""
        self.api.serve(self.endpoint, request)
        return NOT_DONE_YET

    def getChildWithDefault(self, name: bytes, request: Any) -> Any:
        """A leaf has none."""
        return self

    def putChild(self, path: bytes, child: Any) -> None:
        """A leaf takes none."""
        raise TypeError("a leaf has no children")


def refusal_headers(path: bytes) -> Sequence[tuple[bytes, bytes]]:
    """What a refusal of `path` bears where nothing of this page was asked: any origin may read those of `/v1`."""
    return CORS if path.startswith(b"/v1/") else ()


def secret_in(request: Request) -> bytes | None:
    """The key that a request bears; `None` where it bears none, empty where what it bears is no Bearer key."""
    value = request.fields.get(b"authorization")
    if value is None:
        return request.header(b"x-api-key")
    scheme, _, secret = value.partition(b" ")
    return secret.strip(b" ") if scheme.lower() == b"bearer" else b""


def _check_media(request: Request) -> None:
    """Raise `Refusal` unless the body is said to be plain JSON (faults catalogue, A-28, B-11)."""
    value = request.fields.get(b"content-type") or b""
    if value != b"application/json" and value.partition(b";")[0].strip().lower() != b"application/json":
        raise Refusal("unsupported_media_type", "Send the body as 'Content-Type: application/json'.")
    encoding = request.fields.get(b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in (b"", b"identity"):
        raise Refusal("unsupported_media_type", "Send the body without a Content-Encoding.")


def _too_large_for_a_room(request: Request) -> Refusal | None:
    """Why the body of a request for anything but `/v1`, where nobody has said yet who asks, is not read."""
    length = request.header(b"content-length")
    if length is None or int(length) > ROOM_BODY:
        told = f"This address takes {ROOM_BODY} bytes at most, and wants to know beforehand how many (Content-Length)."
        return Refusal("request_too_large", told)
    return None


def _per_token(usd_per_million: float) -> str:
    return f"{usd_per_million / 1_000_000:.10f}".rstrip("0").rstrip(".") or "0"


def _unheeded(later: Awaitable[ClientKey]) -> None:
    """Let `later` come to nothing: neither its result nor its failure matters here."""
    ensureDeferred(_awaited(later)).addErrback(lambda _: None)


async def _awaited(later: Awaitable[ClientKey]) -> ClientKey:
    return await later


def _failed(reason: Failure, request: Request) -> None:
    """A call ended before it could be carried: by the client's leaving, or by a bug."""
    if reason.check(CancelledError) is None:
        request.processingFailed(reason)
