"""A request on its way to bytes: where it goes, its head, its body.

What leaves is made of three blocks that are prepared as rarely as possible: the opening (request line, Host,
Accept-Encoding; once an address), the `Head` (once a key, where the caller keeps it), the body's length and the body.
Lines that frame the message or steer the connection are ours alone; nobody's header value may hold a line end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from attrs import define, field, frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IDelayedCall
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer, IClientRequest, IResponse
from zope.interface import implementer

from .errors import OutboundError

Field = tuple[bytes, bytes]

OURS = frozenset(
    b"host connection content-length transfer-encoding accept-encoding upgrade expect te trailer keep-alive "
    b"proxy-connection".split()
)
"""Names that no caller may set: they frame the message or steer the connection."""

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_PLAIN = frozenset({b"X-Request-Id"})
_BODILESS = frozenset({b"GET", b"HEAD"})
"""Methods whose requests say nothing of a body that they have not."""
_METHOD = re.compile(rb"[A-Z]{1,20}")
_URI = re.compile(rb"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?([/?][!-\"$-~]*)?", re.IGNORECASE)
"""No user name, no fragment, nothing but visible ASCII (F-18)."""


def _line(name: bytes, value: bytes) -> bytes:
    if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise ValueError("not a header line (its name is a token, its value one line)")
    if name.lower() in OURS:
        raise ValueError(f"{name.decode('ascii')} is set by the agent alone")
    return b"%s: %s\r\n" % (name, value)


class Head(msgspec.Struct, frozen=True, gc=False):
    """Header lines ready to be sent, checked once, by `of`; accepted in place of `Headers`."""

    raw: bytes
    """`name: value` CRLF, for each field in order."""
    authorization: bytes = b""
    """What keeps connections of different keys apart; empty where there is none."""

    @classmethod
    def of(cls, fields: Iterable[Field]) -> Head:
        """The head of `fields`.

        Raises ValueError for a name that is no token, a value with a line end or another control character, a name of
        `OURS` and a second authorization.
        """
        lines, authorizations = [], []
        for name, value in fields:
            lines.append(_line(name, value))
            if name.lower() == b"authorization":
                authorizations.append(value)
        if len(authorizations) > 1:
            raise ValueError("more than one authorization")
        return cls(b"".join(lines), *authorizations)

    @property
    def fields(self) -> list[Field]:
        """Names and values, in order; made anew, as nobody asks but a debugger."""
        parted = [line.partition(b": ") for line in self.raw.split(b"\r\n")[:-1]]
        return [(name, value) for name, _, value in parted]

    def plus(self, name: bytes, value: bytes) -> Head:
        """This head and one field, for instance a call's id; only that one is checked. Not for authorization."""
        if name in _PLAIN and value.replace(b"_", b"").isalnum():  # as an id of ours is, and it comes with every call
            return Head(b"%b%b: %b\r\n" % (self.raw, name, value), self.authorization)
        if name.lower() == b"authorization":
            raise ValueError("authorization is the whole head's")
        return Head(self.raw + _line(name, value), self.authorization)

    def __repr__(self) -> str:
        return f"<head of {len(self.fields)} fields>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []  # msgspec's own shows all


NO_HEAD = Head(b"")


def head_of(headers: Headers | None) -> Head:
    """`Headers` as a `Head`. Their Accept-Encoding is left out: treq and its like set one that we never send."""
    if headers is None:
        return NO_HEAD
    return Head.of(
        (name, value)
        for name, values in headers.getAllRawHeaders()
        for value in values
        if name.lower() != b"accept-encoding"
    )


@frozen
class Target:
    """Where a request goes. `host` is lower-case and without brackets; `origin` tells servers apart."""

    method: bytes
    uri: bytes
    scheme: bytes
    host: bytes
    port: int
    origin: bytes
    opening: bytes


def target(method: bytes, uri: bytes) -> Target:
    """What `method` and `uri` (absolute, http or https) say; ValueError where we would not send that."""
    match = _URI.fullmatch(uri)
    if match is None or not _METHOD.fullmatch(method):
        raise ValueError("not a method in capitals and an absolute http or https address")
    scheme, host, given, path = match[1].lower(), match[2].lower(), match[3], match[4] or b"/"
    usual = 443 if scheme == b"https" else 80
    port = int(given) if given else usual
    if not 0 < port < 65536:
        raise ValueError("no such port")
    named = host if port == usual else b"%s:%d" % (host, port)
    path = path if path.startswith(b"/") else b"/" + path
    return Target(
        method,
        uri,
        scheme,
        host.strip(b"[]"),
        port,
        b"%s://%s:%d" % (scheme, host, port),
        b"%s %s HTTP/1.1\r\nHost: %s\r\nAccept-Encoding: identity\r\n" % (method, path, named),
    )


@implementer(IBodyProducer)
class Body(msgspec.Struct, frozen=True, gc=False):
    """A body that is all there: the agent writes `payload` itself, and can write it again."""

    payload: bytes

    def __repr__(self) -> str:
        return f"<body of {self.length} bytes>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []  # msgspec's own shows all

    @property
    def length(self) -> int:
        """In bytes."""
        return len(self.payload)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """All of it, at once; for agents other than ours."""
        consumer.write(self.payload)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Everything has been written."""

    def resumeProducing(self) -> None:
        """Everything has been written."""

    def stopProducing(self) -> None:
        """Everything has been written."""


@implementer(IConsumer)
@define(eq=False, repr=False)
class _Gathering:
    """Takes what a foreign body producer writes, up to `most` bytes."""

    producer: IBodyProducer
    most: int
    done: Deferred[bytes] | None = None
    pieces: list[bytes] = field(factory=list)
    size: int = 0

    def start(self) -> Deferred[bytes]:
        answer = self.done = Deferred(lambda _: self._abandon())
        self.producer.startProducing(self).addCallbacks(self._written, self._failed)
        return answer

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """Nothing is ever paused here."""

    def unregisterProducer(self) -> None:
        """Nothing is ever paused here."""

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self.most:
            self._failed(Failure(ValueError("the body is larger than the agent sends")), stop=True)
        elif self.done is not None:
            self.pieces.append(data)

    def _written(self, _: object) -> None:
        if self.producer.length not in (UNKNOWN_LENGTH, self.size):
            self._failed(Failure(ValueError("the body is not as long as it said")))
            return
        done, self.done = self.done, None
        if done is not None:
            done.callback(b"".join(self.pieces))

    def _failed(self, reason: Failure, stop: bool = False) -> None:
        done, self.done = self.done, None
        if done is not None:
            if stop:
                self.producer.stopProducing()
            done.errback(reason)

    def _abandon(self) -> None:
        self.done = None
        self.producer.stopProducing()


def gather(producer: IBodyProducer, most: int) -> Deferred[bytes]:
    """All that a foreign `producer` writes.

    It is taken before anything is sent: an upload that waits for its server hangs where that one answers early (D-40).
    Fails with ValueError beyond `most` bytes, or where the length is not what `producer` said; cancelling stops it.
    """
    return _Gathering(producer, most).start()


@implementer(IClientRequest)
class Exchange(msgspec.Struct, eq=False):
    """One request and the Deferred of its answer, in whatever phase; `IResponse.request` afterwards."""

    target: Target
    head: Head
    payload: bytes
    key: tuple[bytes, bytes]
    """Origin and authorization: who may share a connection."""
    answer: Deferred[IResponse] | None = None
    """None once it has fired or was cancelled."""
    stop: Callable[[], object] | None = None
    """What undoes the present phase: the attempt to connect, or the connection."""
    patience: IDelayedCall | None = None
    """The deadline for connecting, while it runs."""

    def __repr__(self) -> str:
        return f"<exchange with {self.target.host.decode('ascii')}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []  # msgspec's own shows all

    @property
    def method(self) -> bytes:
        """For instance b"POST"."""
        return self.target.method

    @property
    def absoluteURI(self) -> bytes:
        """As the caller gave it."""
        return self.target.uri

    @property
    def headers(self) -> Headers:
        """What the caller wanted sent; made anew, as nobody asks but a debugger."""
        made = Headers()
        for name, value in self.head.fields:
            made.addRawHeader(name, value)
        return made

    def cancelled(self, _: object) -> None:
        """Nobody wants the answer: the canceller of its Deferred."""
        self.answer = None
        self.end()

    def calm(self) -> None:
        """Connecting is over."""
        patience, self.patience = self.patience, None
        if patience is not None:
            patience.cancel()

    def end(self) -> None:
        """Undo whatever is under way."""
        self.calm()
        stop, self.stop = self.stop, None
        if stop is not None:
            stop()

    def succeed(self, response: IResponse) -> None:
        """The head has come; what was sent is not needed any more."""
        answer, self.answer = self.answer, None
        self.stop, self.payload = None, b""
        if answer is not None:
            answer.callback(response)

    def fail(self, error: OutboundError) -> None:
        """No answer will come."""
        answer, self.answer = self.answer, None
        self.end()
        if answer is not None:
            answer.errback(Failure(error))

    def wire(self, body: bytes) -> bytes:
        """All that comes before the body, and `body`: the payload, or nothing where it is sent apart."""
        where = self.target
        if self.payload or where.method not in _BODILESS:
            head = b"%b%bContent-Length: %d\r\n\r\n%b"
            return head % (where.opening, self.head.raw, len(self.payload), body)
        return b"%b%b\r\n" % (where.opening, self.head.raw)
