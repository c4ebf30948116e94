"""Addresses: which there are, how they are answered, and what is said of those that there are not."""

from __future__ import annotations

import json

import pytest

from targon_gw.web.site import right_address

from .house import BEARER, JSON, House, codes

KNOWN = ["/health", "/v1/chat/completions", "/v1/models"]


class RightAddressTests:
    """`right_address`."""

    @pytest.mark.parametrize(
        ("path", "right"),
        [
            ("/chat/completions", "/v1/chat/completions"),
            ("/v1/v1/chat/completions", "/v1/chat/completions"),
            ("/v1/chat/completions/", "/v1/chat/completions"),
            ("//v1//models", "/v1/models"),
            ("/V1/Models", "/v1/models"),
            ("/health/", "/health"),
            ("/v1/health", "/health"),
            ("/v1/models", None),
            ("/v1", None),
            ("/", None),
            ("/v2/models", None),
        ],
    )
    def test_paths(self, path: str, right: str | None) -> None:
        """`/v1` left out or doubled, slashes too many, capitals: the right one is named, where one is near."""
        assert right_address(path, KNOWN) == right


class UnknownTests:
    """404 and 405."""

    @pytest.mark.parametrize(
        ("method", "path", "hint"),
        [
            ("POST", "/chat/completions", "/v1/chat/completions"),
            ("POST", "/v1/v1/chat/completions", "/v1/chat/completions"),
            ("POST", "/v1/chat/completions/", "/v1/chat/completions"),
            ("POST", "//v1/chat/completions", "/v1/chat/completions"),
            ("GET", "/v1/models/", "/v1/models"),
            ("GET", "/health/ready/", "/health/ready"),
        ],
    )
    def test_hint(self, method: str, path: str, hint: str) -> None:
        """A near miss is a 404 in JSON that names the right address; the query is not echoed."""
        answer = House().get(f"{path}?key=canary", BEARER + JSON, method)
        error = json.loads(answer.body)["error"]

        assert (answer.status, error["code"]) == (404, "unknown_url")
        assert error["message"].endswith(f"Did you mean {hint}?")
        assert "canary" not in error["message"]
        assert answer.headers[b"access-control-allow-origin"] == b"*"

    @pytest.mark.parametrize("path", ["/v1", "/", "/v1/nothing", "/x" * 3000, "/v1/%7B%7D"])
    def test_no_hint(self, path: str) -> None:
        """Elsewhere nothing is guessed, and a long path is not repeated whole."""
        answer = House().get(path)
        error = json.loads(answer.body)["error"]

        assert (answer.status, error["code"]) == (404, "unknown_url")
        assert "Did you mean" not in error["message"]
        assert len(error["message"]) < 200

    @pytest.mark.parametrize(
        ("method", "path", "allow"),
        [
            ("GET", "/v1/chat/completions", b"POST, OPTIONS"),
            ("HEAD", "/v1/embeddings", b"POST, OPTIONS"),
            ("POST", "/v1/models", b"GET, HEAD, OPTIONS"),
            ("DELETE", "/v1/models/acme/large", b"GET, HEAD, OPTIONS"),
            ("PUT", "/health", b"GET, HEAD, OPTIONS"),
        ],
    )
    def test_method(self, method: str, path: str, allow: bytes) -> None:
        """A-23: another method is a 405 that says which there are; HEAD gets no body."""
        answer = House().get(path, BEARER + JSON, method)

        assert (answer.status, answer.headers[b"allow"]) == (405, allow)
        if method != "HEAD":
            assert codes([answer]) == ["method_not_allowed"]
            assert "OPTIONS" in json.loads(answer.body)["error"]["message"]


class HeadTests:
    """HEAD."""

    @pytest.mark.parametrize("path", ["/v1/models", "/v1/models/acme/large", "/health", "/health/live"])
    def test_head_is_get_without_body(self, path: str) -> None:
        """HEAD has GET's status and length, and no body."""
        get = House().get(path)
        house = House()
        head = house.talk
        head.say(f"HEAD {path} HTTP/1.1\r\nHost: gw\r\n{BEARER}\r\n".encode())
        sent = head.wire.value()

        assert sent.startswith(b"HTTP/1.1 200 ")
        assert sent.endswith(b"\r\n\r\n")
        assert sent.count(b"\r\n\r\n") == 1
        assert b"content-length: %d\r\n" % len(get.body) in sent


class PreflightTests:
    """OPTIONS: CORS."""

    def test_anywhere(self) -> None:
        """Any address answers a preflight without a key, with the asked headers reflected and no credentials."""
        lines = "Origin: https://evil.example\r\nAccess-Control-Request-Headers: authorization, x-stainless-os\r\n"
        for path in ("/v1/chat/completions", "/v1/models/a/b", "/nothing", "/"):
            answer = House().get(path, lines, "OPTIONS")

            assert (answer.status, answer.body) == (204, b"")
            assert answer.headers[b"access-control-allow-origin"] == b"*"
            assert answer.headers[b"access-control-allow-headers"] == b"authorization, x-stainless-os"
            assert answer.headers[b"access-control-allow-methods"] == b"GET, POST, OPTIONS"
            assert answer.headers[b"access-control-max-age"] == b"7200"
            assert b"access-control-allow-credentials" not in answer.headers

    def test_odd_headers_are_not_reflected(self) -> None:
        """F-02, F-12: what is no list of header names is not sent back."""
        for odd in ("<script>", "a" * 2000, "a; b"):
            answer = House().get("/v1/models", f"Access-Control-Request-Headers: {odd}\r\n", "OPTIONS")

            assert answer.status == 204
            assert b"access-control-allow-headers" not in answer.headers

    def test_whole_server(self) -> None:
        """`OPTIONS *` is answered, by no route."""
        assert House().get("*", "", "OPTIONS").status == 204


class BugTests:
    """What raises anything else than a Refusal."""

    @pytest.mark.parametrize("path", ["/v1/models", "/v1/models/acme/large"])
    def test_bug_is_told_as_json(self, path: str) -> None:
        """E-21: a bug behind a route, of the table or of Klein, is a 500 in JSON without its words."""
        house = House(bank=BrokenBank())
        answer = house.get(path)

        assert (answer.status, codes([answer])) == (500, ["internal_error"])
        assert b"canary" not in answer.body
        assert answer.headers[b"access-control-allow-origin"] == b"*"


class BrokenBank:
    """A Bank that has a bug."""

    def find(self, secret: bytes | None) -> None:
        """Raise."""
        raise ZeroDivisionError("a canary")
