"""Refusals in each dialect's words."""

from __future__ import annotations

import json
from unittest import TestCase

from targon_gw.core.config import Dialect
from targon_gw.rehearsal import refusals
from targon_gw.rehearsal.refusals import Rejection, Window

WINDOW = Window(60, 0, 12.3)


def every(dialect: Dialect) -> dict[str, Rejection]:
    """One of each."""
    return {
        "unauthorized": refusals.unauthorized(dialect),
        "misread": refusals.misread(dialect, "what?", "messages"),
        "unknown_model": refusals.unknown_model(dialect, "m" * 200),
        "unknown_path": refusals.unknown_path(dialect),
        "wrong_method": refusals.wrong_method(dialect, "POST"),
        "too_large": refusals.too_large(dialect),
        "throttled": refusals.throttled(dialect, WINDOW),
        "too_many_cancelled": refusals.too_many_cancelled(dialect),
        "exhausted": refusals.exhausted(dialect),
        "failed": refusals.failed(dialect, 503),
    }


class RefusalTests(TestCase):
    """Status, body and headers."""

    def test_openai_envelope(self) -> None:
        """Every body is an error of four fields."""
        for dialect in (Dialect.OPENAI, Dialect.VLLM):
            for name, rejection in every(dialect).items():
                with self.subTest(name=name):
                    assert set(json.loads(rejection.body)["error"]) == {"message", "type", "param", "code"}
                    assert rejection.type == "application/json"

    def test_targon_statuses(self) -> None:
        """Targon's hub has its own idea of some."""
        statuses = {name: rejection.status for name, rejection in every(Dialect.TARGON).items()}
        assert statuses["unknown_model"] == 503
        assert statuses["exhausted"] == 400
        assert statuses["too_many_cancelled"] == 429

    def test_targon_error_object(self) -> None:
        """Its object has a capital T in Type, and no envelope."""
        for name in ("misread", "unknown_model", "exhausted", "failed"):
            body = json.loads(every(Dialect.TARGON)[name].body)
            assert list(body) == ["message", "object", "Type", "code"]
            assert body["object"] == "error"

    def test_throttled(self) -> None:
        """Targon always says 5 seconds; OpenAI says the truth, rounded up."""
        targon = dict(refusals.throttled(Dialect.TARGON, WINDOW).headers)
        assert (targon["Retry-After"], targon["X-RateLimit-Reset"]) == ("5", "13")
        assert dict(refusals.throttled(Dialect.OPENAI, WINDOW).headers)["Retry-After"] == "13"

    def test_long_names_are_not_echoed_whole(self) -> None:
        """A model's name in an error is cut."""
        for dialect in Dialect:
            assert b"m" * 65 not in every(dialect)["unknown_model"].body
