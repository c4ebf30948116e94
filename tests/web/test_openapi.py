"""The document of the contract: valid, true of the settings, told to whoever asks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from targon_gw.core.config import Anonymous, Config
from targon_gw.web.openapi import OpenApi
from targon_gw.web.rooms import room
from tests import fakes

from .contract import CHAT, told, wrong
from .house import House

ADDRESS = "/openapi.json"


def opened(settings: Config | None = None) -> House:
    """A gateway with the room."""
    house = House(settings or fakes.config())
    app: Any = OpenApi(house.gateway, "1.2.3").app
    house.rooms.append(room(app, ADDRESS))
    return house


class DocumentTests:
    """`document`."""

    @pytest.mark.parametrize(
        "settings",
        [
            fakes.config(),
            fakes.config(anonymous=Anonymous(enabled=True), contact="admin@example.org"),
            fakes.config(contact="https://example.org/keys"),
            Config(contact="Ann, room 4"),
        ],
    )
    def test_valid(self, settings: Config) -> None:
        """It is OpenAPI 3.1, whatever the settings."""
        OpenAPIV31SpecValidator(told(settings)).validate()

    def test_anonymous_callers(self) -> None:
        """Where callers without a key are let in, a key is not required."""
        here, there = told(), told(fakes.config(anonymous=Anonymous(enabled=True)))

        assert {} not in here["paths"][CHAT]["post"]["security"]
        assert {} in there["paths"][CHAT]["post"]["security"]

    def test_says_what_is_in_force(self) -> None:
        """Contact, the bound of a body, the model of the examples and the time of a head are those of the settings."""
        whole = told(fakes.config(contact="admin@example.org"))
        post = whole["paths"][CHAT]["post"]

        assert whole["info"]["contact"] == {"email": "admin@example.org"}
        assert str(32 << 20) in post["requestBody"]["description"]
        assert post["requestBody"]["content"]["application/json"]["example"]["model"] == fakes.MODEL
        assert "20 seconds" in post["responses"]["200"]["content"]["text/event-stream"]["schema"]["description"]


class AddressTests:
    """`GET /openapi.json`."""

    def test_told(self) -> None:
        """JSON, to any origin, that a cache asks about; no key is needed."""
        answer = opened().get(ADDRESS, "")

        assert (answer.status, json.loads(answer.body)) == (200, told())
        assert not wrong(answer, ADDRESS, "get")
        assert answer.headers[b"cache-control"] == b"no-cache"
        assert answer.headers[b"access-control-allow-origin"] == b"*"

    def test_unchanged(self) -> None:
        """Whoever has it is told that it is as it was; other settings make another one."""
        house = opened()
        tag = house.get(ADDRESS, "").headers[b"etag"].decode()

        same = house.get(ADDRESS, f'If-None-Match: "other", {tag}\r\n')
        house.gateway.reconfigure(fakes.config(contact="admin@example.org"), house.now())
        other = house.get(ADDRESS, f"If-None-Match: {tag}\r\n")

        assert (same.status, same.body) == (304, b"")
        assert other.status == 200 and b"admin@example.org" in other.body

    def test_preflight(self) -> None:
        """A browser of another origin may ask for it."""
        answer = opened().get(ADDRESS, "Origin: https://editor.example\r\n", "OPTIONS")
        assert (answer.status, answer.headers[b"access-control-allow-origin"]) == (204, b"*")
