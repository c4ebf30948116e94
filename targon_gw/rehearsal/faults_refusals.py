"""Faults that are answers: statuses, disguised errors, pages that are no API, words that must not be passed on."""

from __future__ import annotations

from targon_gw.core.config import Dialect

from .answers import written
from .fault import Moment, fault, gathered, literal, number
from .framing import head, http_date, length
from .refusals import (
    JSON_TYPE,
    Rejection,
    Window,
    exhausted,
    failed,
    openai_error,
    targon_error,
    throttled,
    too_large,
    unauthorized,
    unknown_model,
)
from .scene import Scene
from .steps import Script, Send

HTML_TYPE = "text/html; charset=utf-8"
PAGE = (
    b"<!DOCTYPE html><html><head><title>%d</title></head><body><h1>Please sign in to the network</h1>%s</body></html>\n"
)
HOUR = 3600.0


@fault("html", "D-18")
def html(scene: Scene) -> Script:
    """Answers 200 with a page of HTML, as a captive portal does."""
    return scene.reject(Rejection(200, PAGE % (200, b""), HTML_TYPE))


@fault("empty", "D-18")
def empty(scene: Scene) -> Script:
    """Answers 200 with no body at all."""
    return scene.reject(Rejection(200, b"", scene.lines()[1][1]))


@fault("no-content", "D-18")
def no_content(scene: Scene) -> Script:
    """Answers 204."""
    yield Send(head(204, (("Date", http_date(scene.setting.now)),)))


@fault("error-in-200", "D-19", takes=number("code in the error", 429, 400, 599))
def error_in_200(scene: Scene) -> Script:
    """Answers 200 with an error object for a body, as OpenRouter does."""
    message = {"error": {"message": "Provider returned error", "code": scene.arg}}
    return scene.reject(Rejection(200, written(message), JSON_TYPE))


RETRY_AFTER = "Retry-After is this text, or none, date, past, skewed (both dates an hour ahead), zoned, two"


@fault("throttled", "D-32", "D-33", "D-34", "D-35", takes=literal(RETRY_AFTER, "7"))
def throttled_(scene: Scene) -> Script:
    """Answers 429 with a Retry-After of any kind."""
    now = scene.setting.now
    kinds: dict[str, tuple[tuple[str, str], ...]] = {
        "none": (),
        "date": (("Retry-After", http_date(now + 7)),),
        "past": (("Retry-After", http_date(now - HOUR)),),
        "skewed": (("Retry-After", http_date(now + HOUR + 7)),),
        "zoned": (("Retry-After", http_date(now + 7).replace("GMT", "+0800")),),
        "two": (("Retry-After", "7"), ("Retry-After", "90")),
    }
    plain = throttled(scene.setting.dialect, Window(60, 0, 7.0))
    others = tuple(line for line in plain.headers if line[0] != "Retry-After")
    lines = (*kinds.get(scene.arg, (("Retry-After", scene.arg),)), *others, *length(plain.body))
    top = scene.lines(lines, plain.type)
    if scene.arg == "skewed":
        top[0] = ("Date", http_date(now + HOUR))
    yield Send(head(429, top) + plain.body)


@fault("unauthorized", "D-36")
def unauthorized_(scene: Scene) -> Script:
    """Answers 401: the key is not known."""
    return scene.reject(unauthorized(scene.setting.dialect))


@fault("payment-required", "D-36")
def payment_required(scene: Scene) -> Script:
    """Answers 402: the account has no money left."""
    return scene.reject(openai_error(402, "Insufficient balance", "insufficient_balance", "insufficient_balance"))


@fault("forbidden", "D-36")
def forbidden(scene: Scene) -> Script:
    """Answers 403: the account has been deactivated."""
    return scene.reject(
        openai_error(403, "Your account has been deactivated.", "permission_error", "account_deactivated")
    )


@fault("exhausted", "D-36")
def exhausted_(scene: Scene) -> Script:
    """Answers as a vendor whose customer has used up the credits: Targon 400, others 429 insufficient_quota."""
    return scene.reject(exhausted(scene.setting.dialect))


def callers_fault(scene: Scene, message: str, kind: str, code: str | None, param: str | None) -> Rejection:
    """A 400 in the dialect's form."""
    if scene.setting.dialect is Dialect.TARGON:
        return targon_error(400, message, "BadRequestError", 400)
    return openai_error(400, message, kind, code, param)


@fault("context-length", "D-37")
def context_length(scene: Scene) -> Script:
    """Answers 400: the prompt is longer than the model can read."""
    message = "This model's maximum context length is 8192 tokens. However, you requested 9001 tokens."
    return scene.reject(callers_fault(scene, message, "invalid_request_error", "context_length_exceeded", "messages"))


@fault("content-filter", "D-37")
def content_filter(scene: Scene) -> Script:
    """Answers 400: the prompt offends."""
    message = "The response was filtered due to the prompt triggering our content management policy."
    return scene.reject(callers_fault(scene, message, "invalid_request_error", "content_filter", "prompt"))


@fault("bad-parameter", "D-37")
def bad_parameter(scene: Scene) -> Script:
    """Answers 400: a field is out of its range."""
    message = "Invalid value for 'temperature': must be at most 2."
    return scene.reject(callers_fault(scene, message, "invalid_request_error", "invalid_value", "temperature"))


@fault("model-gone", "D-38")
def model_gone(scene: Scene) -> Script:
    """Answers that nobody serves this model: Targon 503 with code 400, others 404."""
    return scene.reject(unknown_model(scene.setting.dialect, "the-one-you-asked-for"))


@fault("status", "D-39", takes=number("the status", 500, 400, 599))
def status(scene: Scene) -> Script:
    """Answers with a status of failure and the dialect's words for it; Targon's own is 503."""
    return scene.reject(failed(scene.setting.dialect, scene.arg))


@fault("html-error", "D-39", takes=number("the status", 502, 400, 599))
def html_error(scene: Scene) -> Script:
    """Answers with a status of failure and a megabyte of HTML."""
    return scene.reject(Rejection(scene.arg, PAGE % (scene.arg, b"<p>Bad gateway</p>\n" * 56_000), HTML_TYPE))


@fault("early-413", "D-40", moment=Moment.HEAD)
def early_413(scene: Scene) -> Script:
    """Answers 413 as soon as the head is read, while the body is still on its way; by model name, after it."""
    return scene.reject_upload(too_large(scene.setting.dialect))


@fault("redirect", "D-41", takes=number("the status", 302, 300, 399))
def redirect(scene: Scene) -> Script:
    """Sends the caller elsewhere, to an address inside somebody's network."""
    target = (("Location", "http://169.254.169.254/latest/meta-data/"),)
    return scene.reject(Rejection(scene.arg, b"", JSON_TYPE, target))


@fault("leaked-key", "D-43", takes=number("the status", 400, 400, 599))
def leaked_key(scene: Scene) -> Script:
    """Answers with an error whose words hold the key that was used, and its owner."""
    message = f"Incorrect API key provided: {scene.key}. You can find your API key at org-canary's dashboard."
    return scene.reject(openai_error(scene.arg, message, "invalid_request_error", "invalid_api_key"))


FAULTS = gathered(globals())
