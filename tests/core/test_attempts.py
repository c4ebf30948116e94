"""What an answer is taken for: every row of the classes of outcome, and every way of saying how long to wait."""

from __future__ import annotations

import json
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.attempts import (
    LONGEST_WAIT,
    SHORTEST_WAIT,
    Barred,
    CallerFault,
    Exhausted,
    ModelFault,
    Outcome,
    Reply,
    Throttled,
    VendorFault,
    classify,
    doubling,
    longest_wait,
    presentable,
)
from targon_gw.core.config import Dialect

WALL = 1_700_000_000.0


def error(message: str = "", **more: object) -> bytes:
    """OpenAI's error body."""
    return json.dumps({"error": {"message": message, **more}}).encode()


def targon(code: int, message: str) -> bytes:
    """The body of Targon's hub."""
    return json.dumps({"message": message, "object": "error", "Type": "x", "code": code}).encode()


def outcome_of(status: int, body: bytes, dialect: Dialect = Dialect.OPENAI) -> Outcome:
    """What that answer is taken for."""
    return classify(Reply(status, body), dialect, WALL)


PAGE = b"<html><body>Sorry, you have been blocked</body></html>"
ROWS = [
    (400, error("max_tokens must be positive", type="invalid_request_error"), CallerFault),
    (404, b'{"detail":"Not Found"}', CallerFault),
    (413, b"too large", CallerFault),
    (415, b"", CallerFault),
    (422, error("field required"), CallerFault),
    (400, error("This model's maximum context length is 8192 tokens"), CallerFault),
    (400, error("refused", code="content_filter"), CallerFault),
    (403, error("Your request was flagged by our content policy"), CallerFault),
    (429, error("Rate limit reached", code="rate_limit_exceeded"), Throttled),
    (429, b"slow down", Throttled),
    (429, PAGE, Throttled),
    (402, b"", Exhausted),
    (429, error("You exceeded your current quota", code="insufficient_quota"), Exhausted),
    (429, error("check your plan", code="billing_not_active"), Exhausted),
    (403, error("Insufficient balance"), Exhausted),
    (403, error("your team has used all its credits"), Exhausted),
    (429, "账户已欠费".encode(), Exhausted),
    (400, error("Your credit balance is too low to access the API"), Exhausted),
    (401, error("Incorrect API key provided: sk-ab***"), Barred),
    (401, b"Unauthorized", Barred),
    (403, error("forbidden"), Barred),
    (400, error("This organization has been deactivated"), Barred),
    (404, error("The model `m` does not exist", code="model_not_found"), ModelFault),
    (404, error("x", code="model_not_found"), ModelFault),
    (400, error("The model 'm' was not found"), ModelFault),
    (404, error("The model `m` has been deprecated"), ModelFault),
    (400, error("m is not a valid model ID"), ModelFault),
    (404, error("No endpoints found for m"), ModelFault),
    (400, error("Model Not Exist"), ModelFault),
    (500, b"", VendorFault),
    (502, PAGE, VendorFault),
    (503, error("overloaded"), VendorFault),
    (504, b"", VendorFault),
    (529, error("overloaded_error"), VendorFault),
    (403, PAGE, VendorFault),
    (404, PAGE, VendorFault),
    (400, PAGE, VendorFault),
    (301, b"", VendorFault),
    (408, b"", VendorFault),
    (200, b"", VendorFault),
    (200, b"neither JSON nor events", VendorFault),
]


class ClassifyTests:
    """Classes of outcome."""

    @pytest.mark.parametrize(("status", "body", "kind"), ROWS)
    def test_row(self, status: int, body: bytes, kind: type) -> None:
        """Each sign of the table stands for its class (D-36…D-39)."""
        outcome = outcome_of(status, body)

        assert type(outcome) is kind
        assert outcome.status == status

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (error("slow down", code=429), Throttled),
            (error("x", type="rate_limit_error"), Throttled),
            (error("x", type="overloaded_error"), VendorFault),
            (error("x", code="invalid_api_key"), Barred),
            (error("x", code="insufficient_quota"), Exhausted),
            (error("bad", type="invalid_request_error"), CallerFault),
            (error("the model `m` does not exist", type="not_found_error"), ModelFault),
            (error("something broke"), VendorFault),
            (b'data: {"error":{"message":"busy","code":"429"}}\n\n', Throttled),
        ],
    )
    def test_error_under_200_is_what_it_says(self, body: bytes, kind: type) -> None:
        """An error in a first event or an answer with status 200 is classed by its code or its word."""
        assert type(outcome_of(200, body)) is kind

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (targon(400, "no model found"), ModelFault),
            (targon(400, "bad temperature"), CallerFault),
            (targon(500, "all miners failed"), VendorFault),
            (targon(429, "too many"), Throttled),
            (b"upstream down", VendorFault),
        ],
    )
    def test_targons_503_means_its_code(self, body: bytes, kind: type) -> None:
        """Targon answers every failed query with 503: what it means is in the body; elsewhere a 503 is a 503."""
        assert type(outcome_of(503, body, Dialect.TARGON)) is kind
        assert type(outcome_of(503, body, Dialect.OPENAI)) is VendorFault

    def test_targons_credit_depends_on_the_size(self) -> None:
        """A 400 "not enough credits" is about this request's size; a 402 is about the account."""
        assert outcome_of(400, b"not enough credits", Dialect.TARGON).sized  # type: ignore[union-attr]
        assert not outcome_of(402, b"not enough credits", Dialect.TARGON).sized  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        "message",
        [
            "Invalid value: 'not enough credits'. Supported values are: 'text'.",
            "Invalid value: 'the model x does not exist'",
            'unknown tool "account deactivated"',
            "Unknown field `credit_card`; the credit is yours",
            "This model's feature image input is not supported",
            "Unsupported parameter: 'max_tokens' is not supported with this model",
        ],
    )
    def test_a_client_cannot_talk_a_key_down(self, message: str) -> None:
        """What a vendor quotes of a body costs neither an account, nor a key, nor a model."""
        assert type(outcome_of(400, error(message))) is CallerFault

    @pytest.mark.parametrize(
        ("status", "body", "code"),
        [
            (400, error("maximum context length is 8192", code="context_length_exceeded"), "context_length_exceeded"),
            (400, error("prompt is too long"), "context_length_exceeded"),
            (400, error("x", code="content_filter"), "content_filter"),
            (413, b"", "request_too_large"),
            (404, b"", "model_not_found"),
            (422, b"", "unprocessable"),
            (400, b"", "invalid_value"),
        ],
    )
    def test_the_callers_fault_has_its_code(self, status: int, body: bytes, code: str) -> None:
        """The client learns which mistake it was (D-37)."""
        outcome = outcome_of(status, body)

        assert isinstance(outcome, CallerFault)
        assert outcome.refusal.code == code
        assert outcome.refusal.message

    @given(st.integers(100, 599), st.binary(max_size=200), st.sampled_from(list(Dialect)))
    def test_anything_is_classed(self, status: int, body: bytes, dialect: Dialect) -> None:
        """No answer whatever makes it raise, and none is taken for served."""
        assert outcome_of(status, body, dialect).status == status


class PresentableTests:
    """A vendor's words on their way to a client."""

    @pytest.mark.parametrize(
        "message",
        [
            "Incorrect API key provided: sk-ab***",
            "key sn4_0000 is bad",
            "at http://10.0.0.1/v1",
            "host 10.1.2.3 is down",
            "vllm-3.svc.cluster.local:8000 refused",
            "in /usr/lib/python",
            "organisation org-abc",
            "Abcdefghij0123456789Abcdefghij01 is no key",
            "",
        ],
    )
    def test_secrets_are_not_told(self, message: str) -> None:
        """Words that may hold a key, an address or a path are withheld (D-43)."""
        assert presentable(message) is None

    @pytest.mark.parametrize(
        "message",
        ["temperature must be at most 2", "图片格式不支持，请使用其他格式的图片然后再试一次谢谢您的理解与支持哦"],
    )
    def test_plain_words_pass(self, message: str) -> None:
        """What is only the client's is told as it was said, in any language."""
        assert presentable(message) == message

    def test_line_ends_and_length(self) -> None:
        """No control character passes, and no more than 500 characters."""
        assert presentable("a\r\nb" + " c" * 600) == ("a  b" + " c" * 600)[:500]


class WaitTests:
    """Retry-After, as vendors write it."""

    @pytest.mark.parametrize(
        ("sent", "seconds"),
        [
            (["7"], 7.0),
            ([" 7.5 "], 7.5),
            (["-5"], SHORTEST_WAIT),
            (["0"], SHORTEST_WAIT),
            (["1e400"], LONGEST_WAIT),
            (["99999999"], LONGEST_WAIT),
            (["nan"], None),
            (["soon"], None),
            ([], None),
            (["3", "20"], 20.0),
            (["garbage", "4"], 4.0),
            ([formatdate(WALL + 30, usegmt=True)], 30.0),
            ([formatdate(WALL - 30, usegmt=True)], SHORTEST_WAIT),
            (["Wed, 15 Nov 2023 00:13:40 +0200"], SHORTEST_WAIT + 19),
            (["Wed, 99 Nov 2023 00:13:40 GMT"], None),
            (["Wed, 15 Nov 2023 00:13:40 +9999"], None),
        ],
    )
    def test_header(self, sent: list[str], seconds: float | None) -> None:
        """Seconds or a date, the longest that can be read, between 1 s and 15 min (D-32, D-33, D-35)."""
        assert longest_wait(Reply(429, retry_after=sent), WALL) == seconds

    def test_a_date_is_read_against_the_answers_own(self) -> None:
        """A vendor whose clock is an hour ahead still asks for 10 s only (D-33)."""
        ahead = WALL + 3600
        reply = Reply(429, b"", [formatdate(ahead + 10, usegmt=True)], formatdate(ahead, usegmt=True))

        assert longest_wait(reply, WALL) == 10.0

    def test_a_date_beside_a_broken_one_is_read_against_ours(self) -> None:
        """Where the answer's own Date can't be read, our clock serves."""
        assert longest_wait(Reply(429, b"", [formatdate(WALL + 10, usegmt=True)], "yesterday"), WALL) == 10.0

    @given(st.lists(st.text(max_size=80), max_size=3), st.none() | st.text(max_size=40))
    def test_anything_is_read_or_not(self, sent: list[str], date: str | None) -> None:
        """No header makes it raise, and no key is parked for ever (D-35)."""
        wait = longest_wait(Reply(429, b"", sent, date), WALL)

        assert wait is None or SHORTEST_WAIT <= wait <= LONGEST_WAIT

    def test_a_429_bears_its_wait(self) -> None:
        """The header's wait is the outcome's; without one there is none (D-34)."""
        assert classify(Reply(429, b"", ["7"]), Dialect.OPENAI, WALL).wait == 7.0  # type: ignore[union-attr]
        assert classify(Reply(429), Dialect.OPENAI, WALL).wait is None  # type: ignore[union-attr]


class DoublingTests:
    """Rests in a row."""

    def test_twice_as_long_each_time(self) -> None:
        """10 s, doubling to 10 min."""
        rest = doubling(10.0, 600.0)

        assert [rest(n) for n in (1, 2, 3, 7, 8, 10_000)] == [10.0, 20.0, 40.0, 600.0, 600.0, 600.0]
