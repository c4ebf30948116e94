"""The relay that Klein's and treq's own documentation leads to: what a gateway on the same parts is measured by.

It authenticates nobody, balances nothing and counts nothing; it parses the body, calls the upstream through treq and
streams the answer back with backpressure. It is written as a newcomer would write it, and must stay so.

Usage: python -m bench.plain_relay LISTEN_PORT UPSTREAM_PORT
"""

import json
import sys
from typing import Any

from klein import Klein
from treq.client import HTTPClient
from twisted.internet import defer, protocol
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import UNKNOWN_LENGTH
from twisted.web.server import Site

HEADERS: dict[bytes | str, bytes | str] = {"content-type": "application/json", "authorization": "Bearer upstream"}


class Relay(protocol.Protocol):
    """The upstream's body on its way to the client."""

    def __init__(self, request: Any, done: "defer.Deferred[None]") -> None:
        self.request, self.done = request, done

    def connectionMade(self) -> None:
        self.request.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        self.request.write(data)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        if self.request.channel is not None:
            self.request.unregisterProducer()
        self.done.callback(None)


def relay(reactor: Any, upstream: int) -> Klein:
    """An application that passes each chat completion to 127.0.0.1:`upstream`."""
    app = Klein()
    client = HTTPClient(Agent(reactor, pool=pool(reactor)))

    @app.route("/v1/chat/completions", methods=["POST"])
    async def chat_completions(request: Any) -> None:
        body = request.content.read()
        json.loads(body)
        response = await client.post(
            f"http://127.0.0.1:{upstream}/v1/chat/completions",
            data=body,
            headers=HEADERS,
            unbuffered=True,
        )
        request.setResponseCode(response.code)
        request.setHeader("content-type", response.headers.getRawHeaders("content-type")[0])
        if response.length is not UNKNOWN_LENGTH:
            request.setHeader("content-length", str(response.length))
        done: defer.Deferred[None] = defer.Deferred()
        response.deliverBody(Relay(request, done))
        await done

    return app


def pool(reactor: Any) -> HTTPConnectionPool:
    """Kept connections, enough for every client of a run."""
    connections = HTTPConnectionPool(reactor)
    connections.maxPersistentPerHost = 1000
    return connections


def main(port: int, upstream: int) -> None:
    """Serve until a signal."""
    from twisted.internet import reactor

    served: Any = reactor
    site: Any = Site(relay(served, upstream).resource())
    site.log = lambda request: None
    served.listenTCP(port, site, backlog=4096, interface="127.0.0.1")
    served.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
