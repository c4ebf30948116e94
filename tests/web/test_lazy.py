"""Klein and twisted.web's resources work on our requests as on their own."""

from __future__ import annotations

from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource

from tests.web.conversation import NEXT, Conversation, Desk, ask, statuses


class Page(Resource):
    """A page that knows GET alone."""

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        """The page."""
        request.setHeader(b"content-type", b"text/plain")
        return b"hello"


class LazyRequestTests:
    """What is made only when asked for is what twisted.web would have made."""

    def test_attributes(self) -> None:
        """Headers, arguments, cookies, body and path are as twisted.web documents them."""
        talk = Conversation()
        talk.say(ask("Cookie: a=b; c=d\r\nCookie: e\r\nX-Two: 1\r\nx-two: 2\r\n", b"body", "/a%20b/c?q=1&q=2&r="))

        [request] = talk.desk.seen
        assert request.requestHeaders.getRawHeaders("x-two") == ["1, 2"]
        assert (request.getHeader(b"X-Two"), request.getHeader("x-two"), request.getHeader("no")) == (
            b"1, 2",
            "1, 2",
            None,
        )
        assert request.args == {b"q": [b"1", b"2"], b"r": [b""]}
        assert request.getCookie(b"c") == b"d"
        assert request.content.read() == b"body"
        assert (request.path, request.postpath) == (b"/a%20b/c", [b"a b", b"c"])
        assert request.getClientAddress() == talk.wire.getPeer()

    def test_nothing_is_made_unasked(self) -> None:
        """An answered call has made none of it."""
        talk = Conversation()

        talk.say(ask(body=b"abc"))

        made = set(vars(talk.desk.seen[0]))
        assert made.isdisjoint({"requestHeaders", "responseHeaders", "content", "args", "postpath", "client", "host"})


class TwistedResourceTests:
    """A tree of resources."""

    def test_tree(self) -> None:
        """Children are found, and their methods called; HEAD is answered without a body; 405 is ours."""
        root = Resource()
        root.putChild(b"page", Page())
        talk = Conversation(resource=root)

        talk.say(ask(target="/page", method="GET"))
        talk.say(ask(target="/page", method="DELETE"))

        page, refused = talk.heard()
        assert (page.status, page.body, page.headers[b"content-type"]) == (200, b"hello", b"text/plain")
        assert page.headers[b"x-request-id"].startswith(b"req_")
        assert b"server" not in page.headers
        assert (refused.status, b"GET" in refused.headers[b"allow"]) == (405, True)
        assert refused.headers[b"content-type"].startswith(b"application/json")

    def test_head(self) -> None:
        """A resource that has only GET answers HEAD with its length and no body."""

        talk = Conversation(resource=Page())

        talk.say(ask(method="HEAD"))

        assert b"content-length: 5\r\n" in talk.wire.value().lower()
        assert talk.wire.value().endswith(b"\r\n\r\n")


class KleinTests:
    """A Klein application as the root."""

    def conversation(self) -> tuple[Conversation, Deferred[bytes]]:
        """A site of a few routes, one of which waits."""
        app = Klein()
        app.url_map.strict_slashes = False
        waiting: Deferred[bytes] = Deferred()

        @app.route("/hello/<name>", methods=["GET", "POST"])
        def hello(request: Any, name: str) -> bytes:
            request.setHeader("content-type", "text/plain")
            return name.encode() + b" " + request.content.read()

        @app.route("/wait")
        def wait(request: Any) -> Deferred[bytes]:
            return waiting

        @app.route("/direct")
        def direct(request: Any) -> None:
            request.answer(200, [], b"direct")

        @app.route("/fails")
        def fails(request: Any) -> bytes:
            request.write(b"begun")
            raise KeyError("bug")

        return Conversation(resource=app.resource()), waiting

    def test_routes(self) -> None:
        """A handler's bytes, an answer given directly, and a 404, on one connection."""
        talk, _ = self.conversation()

        talk.say(ask(body=b"you", target="/hello/there") + ask(target="/direct", method="GET"))
        talk.say(ask(target="/nowhere", method="GET") + ask(target="/hello/x", method="HEAD"))

        answers = talk.heard()[:3]
        assert statuses(answers) == [200, 200, 404]
        assert [answer.body for answer in answers[:2]] == [b"there you", b"direct"]
        assert all(answer.ended and answer.headers[b"x-request-id"] for answer in answers)

    def test_client_leaves(self) -> None:
        """What a handler waits for is cancelled when the client leaves."""
        talk, waiting = self.conversation()
        cancelled: list[Any] = []
        waiting.addErrback(cancelled.append)
        talk.say(ask(target="/wait", method="GET"))

        talk.leave()

        assert len(cancelled) == 1

    def test_bug_in_the_midst(self) -> None:
        """A handler that fails after it has begun leaves its answer visibly unfinished."""
        talk, _ = self.conversation()

        talk.say(ask(target="/fails", method="GET") + NEXT)

        assert [(answer.body, answer.ended) for answer in talk.heard()] == [(b"begun", False)]
        assert talk.wire.disconnecting


class HostTests:
    """The client's Host has no say."""

    def test_our_own_name(self) -> None:
        """A-03: what resources take for our name is our address."""
        talk = Conversation(Desk())
        talk.say(b"GET /x HTTP/1.1\r\nHost: evil.example\r\n\r\n")

        assert talk.desk.seen[0].getRequestHostname() == talk.wire.getHost().host.encode()
