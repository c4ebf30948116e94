"""The admin route: how someone outside the process tells the vendor to misbehave, and sees what it did.

| request | answer |
|---|---|
| `GET /rehearsal/catalogue` | every fault: name, numbers, what it does, its argument |
| `POST /rehearsal/faults` | lay a charge: `{"fault", "arg" or "after", "key", "account", "model", "times"}` |
| `GET`, `DELETE /rehearsal/faults` | the charges; drop them all |
| `GET`, `DELETE /rehearsal/log` | what was served, oldest first, and the sums by key; forget it |
| `GET /rehearsal/connections` | connections open, answers under way, connections ever accepted |

It needs no key: the vendor is made to listen on loopback.
"""

from __future__ import annotations

from typing import Any

from .answers import written
from .catalogue import CATALOGUE, UnknownFault
from .fault import Moment
from .framing import head, length
from .orders import Misread, read_object
from .reading import Request
from .refusals import JSON_TYPE
from .vendor import Vendor

ROUTE = "/rehearsal/"
FIELDS = {"fault", "arg", "after", "key", "account", "model", "times"}
SHOWN = 1000
"""Entries of the log in one answer, the newest of them."""

Reply = tuple[int, Any]


def is_administration(request: Request) -> bool:
    """Whether `request` is for the admin route and not for the vendor."""
    return request.path.startswith(ROUTE)


def administer(vendor: Vendor, request: Request) -> bytes:
    """Do what `request` asks; the whole response, ready to be written."""
    status, answer = _answer(vendor, request)
    body = written(answer)
    return head(status, (("Content-Type", JSON_TYPE), ("Cache-Control", "no-store"), *length(body))) + body


def _answer(vendor: Vendor, request: Request) -> Reply:
    match request.method, request.path.removeprefix(ROUTE):
        case "GET", "catalogue":
            return 200, catalogue()
        case "GET", "faults":
            return 200, [charge.shown() for charge in vendor.charges]
        case "DELETE", "faults":
            vendor.behave()
            return 200, []
        case "POST", "faults":
            return _charge(vendor, request.body)
        case "GET", "log":
            return 200, _log(vendor)
        case "DELETE", "log":
            vendor.log.clear()
            return 200, _log(vendor)
        case "GET", "connections":
            return 200, {"open": vendor.connections, "answering": vendor.answering, "accepted": vendor.accepted}
        case _:
            return 404, {"error": "no such thing here: catalogue, faults, log, connections"}


def catalogue() -> list[dict[str, Any]]:
    """Every fault, for people and programs."""
    return [
        {"name": each.name, "numbers": list(each.numbers), "does": each.summary, "argument": each.takes.says}
        for each in CATALOGUE.values()
    ]


def _charge(vendor: Vendor, raw: bytes) -> Reply:
    try:
        wish = read_object(raw)
        _check(wish)
        arg = wish.get("arg", wish.get("after"))
        charge = vendor.misbehave(
            wish["fault"] if arg is None else f"{wish['fault']}:{arg}",
            key=wish.get("key"),
            account=wish.get("account"),
            model=wish.get("model"),
            times=wish.get("times"),
        )
    except (Misread, UnknownFault) as error:
        return 400, {"error": error.message}
    return 201, charge.shown()


def _check(wish: dict[str, Any]) -> None:
    """Raises `Misread` where the wish is not made of what FIELDS says."""
    strange = sorted(set(wish) - FIELDS)
    if strange:
        raise Misread(f"unknown field: {strange[0][:64]}", strange[0])
    if not isinstance(wish.get("fault"), str):
        raise Misread("fault must be a name out of the catalogue", "fault")
    if wish.get("arg") is not None and wish.get("after") is not None:
        raise Misread("arg and after are the same thing: give one", "after")
    for name in ("key", "account", "model"):
        if not isinstance(wish.get(name), str | None):
            raise Misread(f"{name} must be a string", name)
    for name in ("arg", "after"):
        if isinstance(wish.get(name), bool) or not isinstance(wish.get(name), str | int | float | None):
            raise Misread(f"{name} must be a string or a number", name)
    times = wish.get("times")
    fault = CATALOGUE.get(wish["fault"])
    everybody = not any(wish.get(name) for name in ("key", "account", "model"))
    if fault is not None and fault.moment is Moment.ACCEPT and everybody and times is None:
        raise Misread("give times: refused at accept for ever, you could not take it back by this route", "times")
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise Misread("times must be a whole number of at least 1", "times")


def _log(vendor: Vendor) -> dict[str, Any]:
    sums: dict[str, dict[str, int]] = {}
    for entry in vendor.log:
        mine = sums.setdefault(entry.key or "none", {"requests": 0, "prompt_tokens": 0, "completion_tokens": 0})
        mine["requests"] += 1
        mine["prompt_tokens"] += entry.prompt_tokens
        mine["completion_tokens"] += entry.completion_tokens
    return {"keys": sums, "served": [entry.shown() for entry in list(vendor.log)[-SHOWN:]]}
