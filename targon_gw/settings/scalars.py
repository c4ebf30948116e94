"""What a single value may look like: durations, sizes, shares, addresses, dates, secrets, plain text and numbers.

Each function takes what YAML gave and returns the setting, or raises `Misfit`, which says what was expected. Text is
never taken for a number nor a number for text, and what YAML 1.1 would have read as something else is refused. Every
pattern is linear and bounded: a value may be megabytes long.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
import unicodedata
from typing import Final

from targon_gw.core.config import Duration, Network, Secret, Share, Size

from .addresses import endpoint_fault, url_fault
from .marks import Guess, reading_of
from .masking import shown_value
from .shapes import Url

_NOTHING: Final = object()

DURATION: Final = r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)"
SIZE: Final = r"([0-9]{1,9})(B|KiB|MiB|GiB)"
SHARE: Final = r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%"
SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
LONGEST: Final = 3650 * 86400.0
"""Ten years: a longer duration is a slip of the pen, and timers overflow."""
LONGEST_SECRET: Final = 4096
"""Characters; half of what a vendor's server takes as a header line."""
LONGEST_TEXT: Final = 4096
"""Characters of any other text."""


class Misfit(ValueError):
    """A value that is not what the setting takes. `wanted` says what it takes, `hint` what may have been meant."""

    def __init__(self, wanted: str, got: object = _NOTHING, hint: str = "", whole: bool = False) -> None:
        super().__init__(wanted)
        self.wanted, self.got, self.hint = wanted, got, hint
        self.whole = whole
        """Whether `wanted` is the whole message, and no 'expected …' belongs before it."""

    def message(self, sensitive: bool) -> str:
        """The sentence for the operator; a value from a file with secrets is not repeated."""
        if self.whole:
            return self.wanted + self.hint
        if self.got is _NOTHING:
            return f"expected {self.wanted}{self.hint}"
        return f"expected {self.wanted}, got {shown_value(self.got, sensitive)}{self.hint}"


def text(value: object, _: object = None) -> str:
    """One line of text; control characters and those that turn the direction of writing are none of it."""
    if isinstance(value, Guess):
        raise Misfit("text", value, f", which YAML reads as {value.reading}: quote it")
    if not isinstance(value, str):
        scalar = not isinstance(value, list | dict) and value is not None
        raise Misfit("text", value, ": quote it" if scalar else "")
    if any(unicodedata.category(character)[0] == "C" for character in value):
        raise Misfit("one line of text without control characters")
    if len(value) > LONGEST_TEXT:
        raise Misfit(f"a text of at most {LONGEST_TEXT} characters")
    return _own(value)


def _own(text: str) -> str:
    """A copy of what the parser made.

    That one lies amid all else that was made of the file, and its page of memory would be kept with it: of 100,000
    clients, 570 MB.
    """
    return text[:1] + text[1:]


def whole(value: object, _: object = None) -> int:
    """A whole number."""
    if type(value) is not int:
        raise Misfit("a whole number", value, _misread(value))
    return value


def number(value: object, _: object = None) -> float:
    """A number."""
    if type(value) not in (int, float):
        raise Misfit("a number", value, _misread(value))
    return float(value)  # type: ignore[arg-type]


def _misread(value: object) -> str:
    """Where YAML 1.1 would have seen another number than is written, say so."""
    return f", which YAML reads as {value.reading}" if isinstance(value, Guess) else ""


def switch(value: object, _: object = None) -> bool:
    """true or false."""
    if type(value) is not bool:
        raise Misfit("true or false", value)
    return value


def duration(value: object, _: object = None, least: float | None = None) -> Duration:
    """A duration in seconds; `least` of 0 allows `0s`."""
    found = re.fullmatch(DURATION, value) if isinstance(value, str) else None
    if found is None:
        raise Misfit("a duration such as 30s or 5m", value)
    seconds = float(found[1]) * SECONDS[found[2]]
    if seconds > LONGEST:
        raise Misfit("a duration of at most 3650d", value)
    if seconds == 0.0 and least is None:
        raise Misfit("a duration longer than nothing", value)
    return Duration(seconds)


def size(value: object, _: object = None) -> Size:
    """A size in bytes."""
    found = re.fullmatch(SIZE, value) if isinstance(value, str) else None
    if found is None:
        raise Misfit("a size such as 512KiB or 32MiB", value)
    size = int(found[1]) * BYTES[found[2]]
    if not 0 < size <= 1 << 40:
        raise Misfit("a size between 1B and 1024GiB", value)
    return Size(size)


def share(value: object, _: object = None) -> Share:
    """A share between 0 and 1."""
    found = re.fullmatch(SHARE, value) if isinstance(value, str) else None
    if found is None or float(found[1]) > 100:
        raise Misfit("a share between 0% and 100%, such as 20%", value)
    return Share(float(found[1]) / 100)


def secret(value: object, _: object = None) -> Secret:
    """A secret: text that YAML could not have read otherwise."""
    if isinstance(value, Guess) or (isinstance(value, int | float) and not isinstance(value, bool)):
        raise Misfit(f"a secret, but YAML reads this as {reading_of(value)}: quote it")
    if not isinstance(value, str):
        raise Misfit("a secret")
    return checked_secret(_own(value))


def checked_secret(text: str) -> Secret:
    """`text` as a secret; `Misfit` where it could not be sent as one: it goes into a header line."""
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise Misfit("a secret of printable ASCII characters without spaces")
    if len(text) > LONGEST_SECRET:
        raise Misfit(f"a secret of at most {LONGEST_SECRET} characters")
    return Secret(text)


def url(value: object, _: object = None) -> Url:
    """A vendor's base URL."""
    plain = text(value)
    fault = url_fault(plain)
    if fault:
        raise Misfit(fault, plain)
    return Url(plain.rstrip("/"))


def network(value: object, _: object = None) -> Network:
    """A network, or an address as the network of one."""
    plain = text(value)
    try:
        return ipaddress.ip_network(plain)
    except ValueError:
        pass
    try:
        hint = f"; did you mean '{ipaddress.ip_network(plain, strict=False)}'?"
    except ValueError:
        hint = ""
    raise Misfit("a network such as 10.0.0.0/8 or an address", plain, hint)


def moment(value: object, _: object = None) -> datetime.datetime:
    """A moment; a bare date is the midnight, UTC, that begins it."""
    wanted = "a date such as 2027-01-31, or a time with its zone such as 2027-01-31T12:00:00Z"
    if not isinstance(value, str) or len(value) > 40:
        raise Misfit(wanted, value)
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            return datetime.datetime.fromisoformat(value).replace(tzinfo=datetime.UTC)
        moment = datetime.datetime.fromisoformat(value)
    except ValueError:
        raise Misfit(wanted, value) from None
    if moment.tzinfo is None:
        raise Misfit(wanted, value)
    return moment


def endpoint(value: object, _: object = None) -> str:
    """A Twisted server endpoint string."""
    plain = text(value)
    fault = endpoint_fault(plain)
    if fault:
        raise Misfit("a Twisted endpoint such as tcp:3811:interface=127.0.0.1", plain, f": {fault}")
    return plain
