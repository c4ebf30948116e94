"""Faults that are answers, as they stand on the wire."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from unittest import TestCase

from targon_gw.core.config import Dialect

from .stage import KEY, Response, Stage, post, response, stage


class RefusalFaultTests(TestCase):
    """Statuses, disguised errors, pages that are no API."""

    def setUp(self) -> None:
        self.stage: Stage = stage()
        self.targon: Stage = stage(Dialect.TARGON)

    def told(self, model: str, where: Stage | None = None, stream: bool = True) -> Response:
        """What comes; HTTP is always in order."""
        got = response((where or self.stage).ask(model, stream=stream))
        assert got.whole or got.status == 204
        return got

    def test_html(self) -> None:
        """D-18: 200, and a page."""
        got = self.told("fault/html")
        assert (got.status, got.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert got.body.startswith(b"<!DOCTYPE html>")

    def test_empty(self) -> None:
        """D-18: 200, and nothing, under the head of a good answer."""
        got = self.told("fault/empty")
        assert (got.status, got.body, got.headers["content-type"]) == (200, b"", "text/event-stream")

    def test_no_content(self) -> None:
        """D-18: 204, and no word about a body."""
        got = self.told("fault/no-content")
        assert (got.status, got.body) == (204, b"")
        assert not {"content-length", "transfer-encoding"} & set(got.headers)

    def test_error_in_200(self) -> None:
        """D-19: 200, and the body is an error with a code of its own."""
        got = self.told("fault/error-in-200:402", stream=False)
        assert (got.status, got.json["error"]["code"]) == (200, 402)

    def test_throttled(self) -> None:
        """D-32, D-34, D-35: 429 with any text for Retry-After, or without."""
        assert self.told("fault/throttled").headers["retry-after"] == "7"
        for text in ("-5", "1e400", "nan", "99999999", "garbage"):
            got = self.told(f"fault/throttled:{text}")
            assert (got.status, got.headers["retry-after"]) == (429, text)
        assert "retry-after" not in self.told("fault/throttled:none").headers
        two = [value for name, value in self.told("fault/throttled:two").lines if name == "Retry-After"]
        assert two == ["7", "90"]

    def test_throttled_until_a_date(self) -> None:
        """D-33: Retry-After is a date: soon, long ago, by a clock that is an hour ahead, in a zone that is none."""
        self.stage.clock.advance(1_700_000_000)
        for kind, ahead in (("date", 7), ("past", -3600), ("skewed", 7), ("zoned", 7)):
            headers = self.told(f"fault/throttled:{kind}").headers
            until = parsedate_to_datetime(headers["retry-after"].replace("+0800", "GMT"))
            assert (until - parsedate_to_datetime(headers["date"])).total_seconds() == ahead
            skewed = parsedate_to_datetime(headers["date"]).timestamp() - self.stage.clock.seconds()
            assert skewed == (3600 if kind == "skewed" else 0)

    def test_unauthorized(self) -> None:
        """D-36: 401, of Targon in plain text."""
        assert self.told("fault/unauthorized").json["error"]["code"] == "invalid_api_key"
        got = self.told("fault/unauthorized", self.targon)
        assert (got.status, got.body) == (401, b"Unauthorized: invalid API key")

    def test_payment_required(self) -> None:
        """D-36: 402."""
        assert self.told("fault/payment-required").status == 402

    def test_forbidden(self) -> None:
        """D-36: 403, deactivated."""
        got = self.told("fault/forbidden")
        assert got.status == 403
        assert "deactivated" in got.json["error"]["message"]

    def test_exhausted(self) -> None:
        """D-36: Targon 400 "not enough credits", others 429 insufficient_quota."""
        got = self.told("fault/exhausted", self.targon)
        assert (got.status, got.json["message"]) == (400, "not enough credits")
        other = self.told("fault/exhausted")
        assert (other.status, other.json["error"]["code"]) == (429, "insufficient_quota")

    def test_context_length(self) -> None:
        """D-37: 400, in each dialect's form."""
        assert self.told("fault/context-length").json["error"]["code"] == "context_length_exceeded"
        got = self.told("fault/context-length", self.targon)
        assert (got.status, got.json["code"]) == (400, 400)
        assert "maximum context length" in got.json["message"]

    def test_content_filter(self) -> None:
        """D-37: 400, content filter."""
        got = self.told("fault/content-filter")
        assert (got.status, got.json["error"]["code"]) == (400, "content_filter")

    def test_bad_parameter(self) -> None:
        """D-37: 400, a field out of range."""
        got = self.told("fault/bad-parameter")
        assert (got.status, got.json["error"]["param"]) == (400, "temperature")

    def test_model_gone(self) -> None:
        """D-38: 404, of Targon a 503 with code 400."""
        assert self.told("fault/model-gone").status == 404
        got = self.told("fault/model-gone", self.targon)
        assert (got.status, got.json["code"]) == (503, 400)

    def test_status(self) -> None:
        """D-39: exactly the status asked for."""
        for status in (500, 502, 503, 504, 529):
            assert self.told(f"fault/status:{status}").status == status
            assert self.told(f"fault/status:{status}", self.targon).json["code"] == 500

    def test_html_error(self) -> None:
        """D-39: a megabyte of HTML under a status of failure."""
        got = self.told("fault/html-error:504")
        assert (got.status, got.body[:15]) == (504, b"<!DOCTYPE html>")
        assert len(got.body) > 1_000_000

    def test_early_413(self) -> None:
        """D-40: the answer comes before the body; what still comes is swallowed, then FIN."""
        self.stage.vendor.misbehave("early-413", key=KEY, times=1)
        request = post("/v1/chat/completions", b"x" * 1000)
        self.stage.say(request[:-900])
        got = response(self.stage.line.take())
        assert (got.status, got.headers["connection"], self.stage.line.ended) == (413, "close", None)
        self.stage.say(request[-900:])
        self.stage.wait(2)
        assert (self.stage.line.take(), self.stage.line.ended) == (b"", "fin")

    def test_early_413_by_name(self) -> None:
        """D-40: by a model's name it can only come when the body has been read."""
        assert self.told("fault/early-413").status == 413
        self.stage.wait(2)
        assert self.stage.line.ended == "fin"

    def test_redirect(self) -> None:
        """D-41: to an address inside somebody's network."""
        for status in (301, 302, 307, 308):
            got = self.told(f"fault/redirect:{status}")
            assert (got.status, got.headers["location"][:23]) == (status, "http://169.254.169.254/")

    def test_leaked_key(self) -> None:
        """D-43: the error holds the key that was used."""
        got = self.told("fault/leaked-key:401")
        assert got.status == 401
        assert KEY in got.json["error"]["message"]
