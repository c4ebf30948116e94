"""The contract as `GET /openapi.json` tells it, and what is wrong with something by it."""

from __future__ import annotations

import json
from typing import Any

from openapi_schema_validator import OAS31Validator

from targon_gw.core.config import Config
from targon_gw.core.openai import Endpoint
from targon_gw.web.openapi import document
from tests import fakes

from .conversation import Answer

CHAT, COMPLETIONS, EMBEDDINGS = (f"/v1/{endpoint.value}" for endpoint in Endpoint)


def told(settings: Config | None = None) -> Any:
    """The document, as a client gets it."""
    return json.loads(json.dumps(document(settings or fakes.config(), "1.2.3")))


def problems(value: Any, name: str) -> list[str]:
    """What is wrong with `value` as the schema of that name."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": told()["components"]}
    return [f"{error.json_path}: {error.message}" for error in OAS31Validator(schema).iter_errors(value)]


def wrong(answer: Answer, path: str, method: str) -> list[str]:
    """What is wrong with `answer` as one to `path`: its status, its type, its body, its headers."""
    whole = told()
    responses = whole["paths"][path][method]["responses"]
    response = responses[str(answer.status)]
    if "$ref" in response:
        response = whole["components"]["responses"][response["$ref"].rpartition("/")[2]]
    media = answer.headers[b"content-type"].decode().partition(";")[0]
    schema = {**response["content"][media]["schema"], "components": whole["components"]}
    body = json.loads(answer.body) if media == "application/json" else answer.body.decode()
    found = [f"{error.json_path}: {error.message}" for error in OAS31Validator(schema).iter_errors(body)]
    for name, header in response["headers"].items():
        sent = answer.headers.get(name.lower().encode())
        rule = header if "$ref" not in header else whole["components"]["headers"][name]
        if sent is not None:
            value: Any = int(sent) if rule["schema"].get("type") == "integer" else sent.decode()
            found += [f"{name}: {error.message}" for error in OAS31Validator(rule["schema"]).iter_errors(value)]
    return found
