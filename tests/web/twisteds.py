"""Twisted's own cases for its HTTP channel, with our channel and our request in the place of Twisted's.

The module `twisted.web.test.test_http` is loaded a second time, and in that copy `http.HTTPChannel`, `http.Request` and
what makes them are ours; nothing of Twisted is patched, and whatever cases an installed version has are found. Three
things stand between the cases and the gateway, since Twisted's know nothing of the contract with our clients:

- a request of HTTP/1.1 without a Host, which we refuse, is given one on its way in;
- of an answer, what we add is taken out (Date, x-request-id, and `Connection: close` for HTTP/1.0), and each of our
  refusals, once it has been seen to be one, stands for the only one that Twisted has, a bare 400;
- a connection that is to be closed is closed at once, not after the moment for which we read on.
"""

from __future__ import annotations

import builtins
import functools
import importlib.util
import json
import re
import sys
import unittest
import warnings
from types import ModuleType
from typing import Any

from twisted.internet import testing
from twisted.internet.task import Clock
from twisted.web import http
from twisted.web.resource import Resource
from twisted.web.test import requesthelper
from zope.interface import Attribute, Interface, implementer

from targon_gw.web.channel import Channel
from targon_gw.web.request import Request
from targon_gw.web.serving import Site
from targon_gw.web.strict import Head, HttpLimits

CASES = "twisted.web.test.test_http"
HOST = b"Host: gw\r\n"
FOREVER = 1e9
REFUSALS = {400, 405, 408, 413, 414, 415, 417, 431, 505}
"""Our statuses where Twisted has 400 alone, and those of which it knows nothing."""
BARE_REFUSAL = b"HTTP/1.1 400 Bad Request\r\n\r\n"


class IAsked(Interface):
    """What our channel uses of a request: Twisted's cases hide all else from it."""

    body = Attribute("set to the body, once it is whole")
    path = Attribute("the target without its query")

    def process():
        """Answer."""

    def refuse(refusal, headers):
        """Answer with an error."""

    def processingFailed(reason):
        """Answer that something failed inside."""

    def connectionLost(reason):
        """The client has left."""

    def __eq__(other):  # noqa: PLE0302  an Interface has no self
        """Whether this is the same."""

    def __ne__(other):  # noqa: PLE0302
        """Whether this is another."""

    def __hash__():
        """As any object's."""


class BareChannel(Channel):
    """Our channel, made as Twisted's: without a site. The knobs that HTTPChannel has turn our limits."""

    made = 0

    def __init__(self) -> None:
        BareChannel.made += 1
        super().__init__()
        self.callLater = Clock().callLater

    def connectionMade(self) -> None:
        """Take up the connection, with what has been set by now."""
        patience = self.timeOut or FOREVER
        limits = HttpLimits(
            head=self.totalHeadersSize + len(HOST),
            lines=self.maxHeaders + 1,
            pipelined=self._optimisticEagerReadSize,
            head_deadline=patience,
            body_deadline=patience,
            idle=patience,
        )
        self.site = Site(Resource(), limits, self.callLater.__self__)
        super().connectionMade()

    def _take_head(self, data: bytes) -> bytes:
        end = data.find(b"\r\n\r\n")
        line, _, rest = data.partition(b"\r\n")
        if end > 0 and line.endswith(b" HTTP/1.1") and b"\nhost:" not in data[:end].lower():
            data = line + b"\r\n" + HOST + rest
        return super()._take_head(data)

    def _close_gently(self) -> None:
        self.loseConnection()


@implementer(IAsked)
class BareRequest(Request):
    """Our request, made as Twisted's: of a channel, and perhaps of a head."""

    made = 0

    def __init__(self, channel: Any, head: Any = None) -> None:
        BareRequest.made += 1
        if isinstance(head, Head):
            super().__init__(channel, head)
            return
        super().__init__(channel, Head(b"", b"", b""))
        del self.method, self.uri, self.clientproto  # Twisted's words for them before there is a head

    def process(self) -> None:
        """Nothing, as Twisted's; most cases put something in its place."""


BareRequest.__qualname__ = BareRequest.__name__ = "Request"  # as cases of its repr expect
BareChannel.requestFactory = BareRequest


class BareFactory(http.HTTPFactory):
    """Twisted's factory, on a clock, making our channels."""

    def __init__(self, *args: Any, reactor: Any = None, **more: Any) -> None:
        super().__init__(*args, reactor=reactor or Clock(), **more)

    def protocol(self) -> Any:
        """Ours, behind that which would choose HTTP/2."""
        return _generic(None)


def _generic(_: Any) -> Any:
    return http._GenericHTTPChannelProtocol(BareChannel())


class BareHost(requesthelper.DummyChannel):
    """Twisted's imitation of a channel, with what our request asks of one."""

    client_host = "192.168.1.1"
    persistent = True

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.site = Site(Resource(), HttpLimits(), Clock())

    def send(self, data: bytes) -> None:
        """The way out of our answers."""
        self.transport.write(data)


class Glass(testing.StringTransport):
    """A transport in memory, through which our answers look like Twisted's."""

    def value(self) -> bytes:
        """What was written, each answer without what we add."""
        answers = re.split(rb"(?=HTTP/1\.[01] [1-5][0-9][0-9] )", super().value())
        return b"".join(_like_twisteds(answer) for answer in answers)


def _like_twisteds(answer: bytes) -> bytes:
    head, end, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    if not end or first.startswith(b"HTTP/1.1 100 "):
        return answer
    fields = {name.lower(): value for name, value in (line.split(b": ", 1) for line in lines)}
    if not {b"date", b"x-request-id"} <= set(fields):
        return answer  # not our request's: cases write heads by hand
    if int(first[9:12]) in REFUSALS:
        assert fields[b"connection"] == b"close", answer
        assert not body or set(json.loads(body)) == {"error"}, answer  # to HEAD there is no body
        return BARE_REFUSAL
    ours = {b"date", b"x-request-id"}
    if first.startswith(b"HTTP/1.0"):
        ours.add(b"connection")
    kept = [line for line in lines if line.split(b":")[0].lower() not in ours]
    return b"\r\n".join([first, *kept]) + end + body


class Overlay:
    """A module with some of its names replaced."""

    def __init__(self, beneath: ModuleType, **instead: Any) -> None:
        self.__dict__.update(instead, _beneath=beneath)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._beneath, name)


_HTTP = Overlay(
    http,
    HTTPChannel=BareChannel,
    Request=BareRequest,
    HTTPFactory=BareFactory,
    H2_ENABLED=False,  # We never offer it, whether it is installed or not.
    _genericHTTPChannelProtocolFactory=_generic,
    _IDeprecatedHTTPChannelToRequestInterface=IAsked,
)
_INSTEAD = {
    "twisted.web": {"http": _HTTP},
    "twisted.internet.testing": {"StringTransport": Glass},
    "twisted.web.test.requesthelper": {"DummyChannel": BareHost},
}


def _import(name: str, *args: Any, **more: Any) -> Any:
    if name == "hamcrest":  # A dependency of Twisted's tests that one case of HTTP/2 alone asks for.
        return ModuleType(name)
    found = builtins.__import__(name, *args, **more)
    return Overlay(found, **_INSTEAD[name]) if name in _INSTEAD else found


@functools.cache
def copy() -> ModuleType:
    """The module of cases, loaded again over ours."""
    found = importlib.util.find_spec(CASES)
    assert found is not None and found.origin is not None
    spec = importlib.util.spec_from_file_location(f"{CASES}_over_ours", found.origin)
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # trial asks for it by name
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # there are cases of what Twisted is to lose
        spec.loader.exec_module(module)
    return module


def names() -> list[str]:
    """All cases that there are, as `Class.method`."""
    loader = unittest.TestLoader()
    kinds = (kind for kind in vars(copy()).values() if isinstance(kind, type) and issubclass(kind, unittest.TestCase))
    return [f"{kind.__name__}.{method}" for kind in kinds for method in loader.getTestCaseNames(kind)]


def trouble(name: str) -> str:
    """Run a case: why it did not pass, or nothing."""
    kind, method = name.split(".")
    result = unittest.TestResult()
    getattr(copy(), kind)(method).run(result)
    bad = [*result.failures, *result.errors, *result.skipped, *result.expectedFailures]
    return "\n".join(str(words) for _, words in bad)
