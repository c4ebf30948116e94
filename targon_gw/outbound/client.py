"""treq's client, less what a relay never uses.

treq's own `request` takes 55 to 75 µs. Left out, and why nothing is lost:

- parsing the address: the agent does, once for each, and refuses what is not plain http or https;
- cookies: a vendor's cookie belongs to nobody here, and a jar would carry it from one client's call to the next's;
- redirects: never followed, a key goes where its upstream says and nowhere else (D-41);
- decoding: the agent asks for no compression and undoes what comes all the same (D-30);
- buffering: a relay reads each body once;
- time limits: the carrier has them, for phases that treq does not know;
- files, forms, JSON, query parameters, user and password: a relay's body is bytes, its address whole.

What would ask for any of these raises TypeError: nothing is ignored in silence.
"""

from __future__ import annotations

from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer

from .agent import Agent
from .requests import Body, Head
from .response import Response

_HARMLESS = {"allow_redirects": False, "browser_like_redirects": False, "unbuffered": True}
"""treq's options that may be given, where they say what is done anyway."""


class Client(HTTPClient):
    """treq's `HTTPClient` over our `Agent`, whose `Response` has treq's face already: nothing wraps it here."""

    _agent: Agent

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str | bytes,
        *,
        headers: Headers | Head | dict[str | bytes, Any] | None = None,
        data: bytes | IBodyProducer | None = None,
        **options: Any,
    ) -> Deferred[Response]:
        """Ask; `url` is used as it stands. Fails as `Agent.request` does.

        Raises TypeError for an option of treq's that this client leaves out, ValueError for what can't be said in HTTP.
        """
        if options:
            _refuse(options)
        uri = url if isinstance(url, bytes) else _ascii(url)
        head = headers if isinstance(headers, Head) else self._request_headers(headers, 2)
        body = data if isinstance(data, Body) else Body(data) if isinstance(data, bytes) else _producer(data)
        return self._agent.request(method.encode("ascii").upper(), uri, head, body)  # type: ignore[return-value]


def _refuse(options: dict[str, Any]) -> None:
    """TypeError, unless all that `options` say is so anyway."""
    for name, value in options.items():
        if name == "_stacklevel" or (name in _HARMLESS and value is _HARMLESS[name]):
            continue
        raise TypeError(f"this client does not do {name}={value if isinstance(value, bool) else '…'}")


def _ascii(url: str) -> bytes:
    if not isinstance(url, str):
        raise TypeError("the address is a str or bytes")
    return url.encode("ascii")


def _producer(data: object) -> IBodyProducer | None:
    if data is None or IBodyProducer.providedBy(data):
        return data
    raise TypeError("the body is bytes or an IBodyProducer")
