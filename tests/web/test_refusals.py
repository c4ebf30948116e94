"""The table from codes to HTTP, and the bytes of an error."""

from __future__ import annotations

import json
import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.errors import Code, Refusal
from targon_gw.web.refusals import ENVELOPE_LIMIT, RANKS, envelope, headers_of, status_of


class TableTests:
    """Every code has its place."""

    def test_complete(self) -> None:
        """Each code of the core has a status, and the table has no other."""
        assert set(RANKS) == set(get_args(Code))

    @pytest.mark.parametrize(
        ("code", "status", "kind"),
        [
            ("invalid_json", 400, "invalid_request_error"),
            ("invalid_api_key", 401, "authentication_error"),
            ("not_signed_in", 401, "authentication_error"),
            ("sign_in_failed", 401, "authentication_error"),
            ("model_not_allowed", 403, "permission_error"),
            ("csrf_failed", 403, "permission_error"),
            ("admin_only", 403, "permission_error"),
            ("registration_closed", 403, "permission_error"),
            ("invite_invalid", 403, "permission_error"),
            ("not_found", 404, "not_found_error"),
            ("name_taken", 409, "invalid_request_error"),
            ("conflict", 409, "invalid_request_error"),
            ("too_many_sign_ins", 429, "rate_limit_error"),
            ("model_not_found", 404, "not_found_error"),
            ("request_timeout", 408, "timeout_error"),
            ("insufficient_quota", 429, "rate_limit_error"),
            ("internal_error", 500, "server_error"),
            ("upstream_failed", 502, "upstream_error"),
            ("no_usable_key", 503, "overloaded_error"),
            ("upstream_timeout", 504, "timeout_error"),
        ],
    )
    def test_contract(self, code: Code, status: int, kind: str) -> None:
        """Status and type are those that clients were promised."""
        error = json.loads(envelope(Refusal(code, "x")))["error"]

        assert (status_of(Refusal(code, "x")), error["type"], error["code"]) == (status, kind, code)


class SecretsTests:
    """What looks like a key is in no error."""

    @pytest.mark.parametrize("key", ["sk-tg-abcdefghijkl", "sn4_0123456789abcdef", "Bearer abcdefgh12345678"])
    def test_an_echo(self, key: str) -> None:
        """A key that a client put where a model or a path belongs is not said back to it (F-14)."""
        told = envelope(Refusal("model_not_found", f"There is no model '{key}'.", key)).decode()

        assert key not in told
        assert json.loads(told)["error"]["message"] == "There is no model '…'."


class HeadersTests:
    """What an SDK is told beside the body."""

    @pytest.mark.parametrize(
        ("refusal", "retry"),
        [
            (Refusal("invalid_json", "x"), b"false"),
            (Refusal("insufficient_quota", "x", wait=9.0), b"false"),
            (Refusal("rate_limit_exceeded", "x", wait=9.0), None),
            (Refusal("too_many_sign_ins", "x", wait=9.0), None),
            (Refusal("no_usable_key", "x", wait=9.0), b"true"),
            (Refusal("no_usable_key", "x"), b"false"),
            (Refusal("upstream_failed", "x"), None),
        ],
    )
    def test_should_retry(self, refusal: Refusal, retry: bytes | None) -> None:
        """An SDK is told to try again only where time mends it, and not to where nothing does."""
        assert dict(headers_of(refusal)).get(b"x-should-retry") == retry

    @pytest.mark.parametrize(
        ("wait", "seconds"),
        [(0.0, b"1"), (-3.0, b"1"), (1.2, b"2"), (120.0, b"120"), (1e9, b"120"), (math.inf, b"120")],
    )
    def test_retry_after(self, wait: float, seconds: bytes) -> None:
        """Waits are whole seconds, rounded up, between 1 and 120."""
        assert dict(headers_of(Refusal("overloaded", "x", wait=wait)))[b"retry-after"] == seconds

    def test_no_retry_after_elsewhere(self) -> None:
        """A wait is shown on 429 and 503 alone, and only where there is one."""
        assert b"retry-after" not in dict(headers_of(Refusal("upstream_failed", "x", wait=3.0)))
        assert b"retry-after" not in dict(headers_of(Refusal("rate_limit_exceeded", "x")))

    def test_authenticate(self) -> None:
        """A 401 says how to authenticate."""
        assert (b"www-authenticate", b"Bearer") in headers_of(Refusal("invalid_api_key", "x"))


class EnvelopeTests:
    """The body of an error."""

    @given(message=st.text(max_size=5000), param=st.none() | st.text(max_size=5000))
    def test_any_text(self, message: str, param: str | None) -> None:
        """Whatever the message and the field's name, the body is JSON of 2 KiB at most, without controls."""
        body = envelope(Refusal("invalid_value", message, param))

        error = json.loads(body)["error"]
        assert len(body) <= ENVELOPE_LIMIT
        assert list(error) == ["message", "type", "param", "code"]
        assert not any(ord(char) < 32 or ord(char) == 127 for char in error["message"] + (error["param"] or ""))

    def test_lone_surrogate(self) -> None:
        """Half a character, as JSON may bear it, does not break the answer."""
        assert json.loads(envelope(Refusal("invalid_value", "a\ud800b")))["error"]["message"] == "a b"

    def test_short_text_is_whole(self) -> None:
        """An ordinary message is not touched."""
        error = json.loads(envelope(Refusal("invalid_value", "Pas ça: “x”.", "messages[0].role")))["error"]

        assert (error["message"], error["param"]) == ("Pas ça: “x”.", "messages[0].role")
