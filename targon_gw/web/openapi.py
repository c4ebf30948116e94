"""`GET /openapi.json`: the contract for machines, as OpenAPI 3.1.

What it says of errors, limits and words is taken from the code that goes by them. It is made when it is first asked for
under the settings in force, and told with an ETag. It holds nothing that needs a key to know: names of models are on
the pages, too.
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout, nor is Klein.

from __future__ import annotations

from typing import Any, Final

import msgspec
from attrs import define
from klein import Klein

from targon_gw.core.config import Config, Kind
from targon_gw.core.gateway import Gateway

from .documents import Document
from .heads import CORS
from .openapi_answers import answers
from .openapi_asks import asks
from .openapi_paths import HEADERS, PARAMETERS, Facts, paths
from .openapi_refusals import envelope_schemas, refusals
from .request import Request
from .rooms import refusing
from .statics import CHECKED

_ABOUT: Final = (
    "OpenAI's API, over many keys of its vendors: point an SDK at `/v1` with a key of this gateway. Every answer bears "
    "`x-request-id`; every failure is the one envelope, `Error`. Any origin may call `/v1` from a browser; cookies are "
    "never looked at there."
)
_TAGS: Final = [
    {"name": "calls", "description": "To ask a model."},
    {"name": "catalog", "description": "What may be asked, and by whom."},
    {"name": "health", "description": "How the gateway is."},
    {"name": "preflight", "description": "Browsers ask before they call."},
]
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key that this gateway issued."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key, by another name."},
    "metrics": {"type": "http", "scheme": "bearer", "description": "The token that the operator has for `/metrics`."},
}


def document(config: Config, version: str) -> dict[str, Any]:
    """The document for `config`; `version` is the program's."""
    chat = next((model.id for model in config.models if model.kind is not Kind.EMBEDDING), None)
    facts = Facts(config.anonymous.enabled, config.limits.body, config.head_after, chat)
    return {
        "openapi": "3.1.0",
        "info": {"title": "targon-gw", "version": version, "description": _ABOUT, **_contact(config.contact)},
        "servers": [{"url": "/", "description": "This gateway."}],
        "tags": _TAGS,
        "paths": paths(facts),
        "components": {
            "securitySchemes": _SCHEMES,
            "headers": HEADERS,
            "parameters": PARAMETERS,
            "responses": refusals(),
            "schemas": {**asks(), **answers(), **envelope_schemas()},
        },
    }


def _contact(contact: str | None) -> dict[str, Any]:
    """What the settings say of whom to ask, in the member that is made for it."""
    if not contact:
        return {}
    kind = "url" if contact.startswith(("https://", "http://")) else "email" if "@" in contact else "name"
    return {"contact": {kind: contact}}


@define(eq=False, slots=False)
class OpenApi:
    """The room of the one address."""

    gateway: Gateway
    version: str
    _made: tuple[Config, Document] | None = None
    """The settings, and the document that was made of them."""
    app = refusing(Klein())

    @app.route("/openapi.json", methods=["GET"])
    def told(self, request: Request) -> None:
        """The document; 304 to who has it."""
        self._current().tell(request, [*CHECKED, *CORS])

    def _current(self) -> Document:
        config = self.gateway.config
        if self._made is None or self._made[0] is not config:
            body = msgspec.json.encode(document(config, self.version))
            self._made = config, Document(b"application/json; charset=utf-8", body)
        return self._made[1]
