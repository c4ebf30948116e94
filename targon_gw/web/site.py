"""The root of the Klein tree, its rooms (`rooms.py`), and the short way to what needs no matching.

Klein routes everything. Its map is static, though, and to bind and match it for each request costs more than the rest
of a call's routing; so routes without arguments are first looked up in a table made from that same map.
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout, nor is Klein.

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from attrs import define, field
from klein import Klein
from klein.resource import KleinResource
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from targon_gw.core.errors import Refusal
from targon_gw.core.openai import Endpoint

from .api import Api, Calls
from .heads import CORS
from .health import Health
from .metrics import MetricsPage
from .request import Request
from .rooms import Room

_PREFLIGHT = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-max-age", b"7200"),
    (b"vary", b"access-control-request-headers"),
)
_WANTED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_, ")


def _nobody_else(request: Request) -> bool:
    return False


@define(eq=False, slots=False)
class Tree:
    """The addresses that there are, and who answers them."""

    api: Api
    health: Health
    page: MetricsPage
    lost: Callable[[Request], bool] = _nobody_else
    """Asked first where there is no such address; whether it has answered."""
    _calls: dict[Endpoint, Calls] = field(init=False)
    app = Klein()
    app.url_map.merge_slashes = app.url_map.redirect_defaults = False  # a slash too many is answered with a hint

    def __attrs_post_init__(self) -> None:
        self._calls = {endpoint: Calls(self.api, endpoint) for endpoint in Endpoint}

    @app.route("/v1/chat/completions", methods=["POST"])
    def chat_completions(self, request: Request) -> Calls:
        """A chat, streamed or not."""
        return self._calls[Endpoint.CHAT]

    @app.route("/v1/completions", methods=["POST"])
    def completions(self, request: Request) -> Calls:
        """A text to be gone on with, streamed or not."""
        return self._calls[Endpoint.COMPLETIONS]

    @app.route("/v1/embeddings", methods=["POST"])
    def embeddings(self, request: Request) -> Calls:
        """Vectors, where a model of the catalog can."""
        return self._calls[Endpoint.EMBEDDINGS]

    @app.route("/v1/key", methods=["GET"])
    async def key(self, request: Request) -> None:
        """Who is asking, and how its limits stand."""
        await self.api.key(request)

    @app.route("/v1/models", methods=["GET"])
    async def models(self, request: Request) -> None:
        """The catalog, for this client."""
        await self.api.models(request)

    @app.route("/v1/models/<path:name>", methods=["GET"])
    async def model(self, request: Request, name: str) -> None:
        """One model; its name may hold slashes."""
        await self.api.model(request, name)

    @app.route("/health", methods=["GET"])
    def report(self, request: Request) -> None:
        """How the gateway is."""
        self.health.report(request)

    @app.route("/health/live", methods=["GET"])
    def live(self, request: Request) -> None:
        """Whether it runs."""
        self.health.live(request)

    @app.route("/health/ready", methods=["GET"])
    def ready(self, request: Request) -> None:
        """Whether it may be sent calls."""
        self.health.ready(request)

    @app.route("/metrics", methods=["GET"])
    async def metrics(self, request: Request) -> None:
        """All figures, for Prometheus."""
        await self.page.tell(request)

    @app.route("/", methods=["OPTIONS"])
    @app.route("/<path:anything>", methods=["OPTIONS"])
    def preflight(self, request: Request, anything: str = "") -> None:
        """Any origin may call, without credentials of the browser's."""
        wanted = request.header(b"access-control-request-headers") or b""
        told = [*_PREFLIGHT]
        if wanted and len(wanted) <= 1024 and _WANTED.issuperset(wanted):
            told.append((b"access-control-allow-headers", wanted))
        request.answer(204, told, b"")

    @app.handle_errors(Refusal)  # type: ignore[arg-type]
    def refused(self, request: Request, failure: Failure) -> None:
        """What a route raised for the client."""
        assert isinstance(failure.value, Refusal)
        request.refuse(failure.value, CORS)

    @app.handle_errors(MethodNotAllowed)  # type: ignore[arg-type]
    def wrong_method(self, request: Request, failure: Failure) -> None:
        """The address is right, the method is not."""
        assert isinstance(failure.value, MethodNotAllowed)
        allowed = sorted(set(failure.value.valid_methods or ()) - {"OPTIONS"} or {"OPTIONS"})
        if allowed == ["OPTIONS"]:  # only the preflight's catch-all matched
            self.unknown(request)
            return
        told = ", ".join([*allowed, "OPTIONS"])
        refusal = Refusal("method_not_allowed", f"This address takes {told}.")
        request.refuse(refusal, [(b"allow", told.encode()), *CORS])

    @app.handle_errors(HTTPException)  # type: ignore[arg-type]
    def no_route(self, request: Request, failure: Failure) -> None:
        """There is no such address."""
        self.unknown(request)

    def unknown(self, request: Request) -> None:
        """Say that there is no such address, and which was probably meant."""
        if self.lost(request):
            return
        path = request.path.decode("ascii", "replace")
        right = right_address(path, self.known)
        hint = f" Did you mean {right}?" if right else ""
        shown = path if len(path) <= 80 else path[:80] + "…"
        request.refuse(Refusal("unknown_url", f"There is nothing at {request.method.decode()} {shown}.{hint}"), CORS)

    @property
    def known(self) -> list[str]:
        """The addresses without arguments."""
        return [
            rule.rule
            for rule in self.app.url_map.iter_rules()
            if not rule.arguments and (rule.methods or set()) - {"OPTIONS"}
        ]


def right_address(path: str, known: list[str]) -> str | None:
    """The address that `path` was probably meant to be: `/v1` left out or doubled, slashes too many."""
    parts = [part for part in path.lower().split("/") if part and part != "v1"]
    for right in (f"/v1/{'/'.join(parts)}", f"/{'/'.join(parts)}"):
        if right in known and right != path:
            return right
    return None


Handler = Callable[[Request], Any]


class Root(KleinResource):
    """The tree as a resource, with the table of its static routes."""

    def __init__(self, tree: Tree, rooms: Sequence[Room] = ()) -> None:
        bound: Any = tree.app  # Klein binds itself to the object that it is reached through
        super().__init__(bound)
        self.tree = tree
        self._rooms = rooms
        self._calls: dict[tuple[bytes, bytes], Callable[[Request], None]] = {}
        self._static: dict[tuple[bytes, bytes], Handler] = {
            (method.encode(), rule.rule.encode()): self._handler(bound, rule.endpoint)
            for rule in tree.app.url_map.iter_rules()
            if not rule.arguments and not rule.defaults
            for method in rule.methods or ()
        }

    @staticmethod
    def _handler(app: Any, endpoint: str) -> Handler:
        return lambda request: app.execute_endpoint(endpoint, request)

    def render(self, request: Any) -> Any:
        """Answer by the table, where it has the address and what answers is a leaf; by Klein otherwise."""
        serve = self._calls.get((request.method, request.path))
        if serve is not None:
            serve(request)
            return NOT_DONE_YET
        return self._routed(request)

    def _routed(self, request: Request) -> Any:
        handler = self._static.get((request.method, request.path))
        if handler is None:
            if request.path.startswith(b"//"):  # Klein would not see the difference
                self.tree.unknown(request)
                return NOT_DONE_YET
            room = self._room(request.path)
            return super().render(request) if room is None or request.method == b"OPTIONS" else room.render(request)
        answer = handler(request)
        if answer == NOT_DONE_YET:
            return answer
        if isinstance(answer, Calls):  # one leaf for good: Klein is asked for it once
            self._calls[request.method, request.path] = partial(answer.api.serve, answer.endpoint)
        if IResource.providedBy(answer):
            return answer.render(request)
        if answer is not None:
            return self._awaited(request, answer)
        return NOT_DONE_YET

    def _room(self, path: bytes) -> KleinResource | None:
        """What answers in the room that has this address, where there is one."""
        return next((room.resource for room in self._rooms if room.has(path)), None)

    def _awaited(self, request: Request, answer: Any) -> Any:
        ensureDeferred(answer).addErrback(self._raised, request)
        return NOT_DONE_YET

    @staticmethod
    def _raised(failure: Failure, request: Request) -> None:
        if failure.check(Refusal):
            request.refuse(failure.value, CORS)  # type: ignore[arg-type]
        else:
            request.processingFailed(failure)
