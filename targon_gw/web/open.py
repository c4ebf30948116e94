"""The connections that are open, as whoever ends the daemon sees them: which are at rest, and what is answered last.

Nothing of this is on the path of a call: the reactor knows which connections there are, and is asked when it matters.
"""

from __future__ import annotations

from typing import Any

from attrs import define
from twisted.web.resource import IResource
from zope.interface import implementer

from .channel import Channel
from .request import Request
from .serving import Site


def channels_of(reactor: Any, site: Site) -> list[Channel]:
    """The connections of `site` that `reactor` (an IReactorFDSet) reads from or writes to, once each."""
    found: dict[Channel, None] = {}
    for transport in [*reactor.getReaders(), *reactor.getWriters()]:
        protocol = getattr(transport, "protocol", None)
        while (inner := getattr(protocol, "wrappedProtocol", None)) is not None:  # TLS, the PROXY protocol
            protocol = inner
        if isinstance(protocol, Channel) and protocol.site is site:
            found[protocol] = None
    return list(found)


def is_arriving(channel: Channel) -> bool:
    """Whether a request is coming in on it that nobody answers yet: a part of a head, or of a body."""
    return channel._incoming is not None or (not channel.requests and bool(channel._held))


def is_idle(channel: Channel) -> bool:
    """Whether nothing is coming in on it, and nothing is being answered."""
    return not channel.requests and not channel._held


@implementer(IResource)
@define(eq=False)
class _LastAnswers:
    inner: IResource
    isLeaf: bool = True

    def render(self, request: Request) -> Any:
        """As the resource within, as the last answer of this connection."""
        if request.channel is not None:
            request.channel.persistent = False
        return self.inner.render(request)

    def getChildWithDefault(self, name: bytes, request: Request) -> Any:
        """A leaf has none."""
        return self

    def putChild(self, path: bytes, child: Any) -> None:
        """A leaf takes none."""
        raise TypeError("a leaf has no children")


def last_answers(resource: IResource) -> IResource:
    """The same as `resource`, a leaf; but each answer says that the connection ends with it, and it does."""
    return _LastAnswers(resource)
