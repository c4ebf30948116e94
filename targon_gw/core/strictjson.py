"""A client's JSON, looked at from outside before anybody reads it.

Decides whether a body is JSON that two parsers would read alike: UTF-8, one object, no name given twice, not nested
or branched beyond reason (faults catalogue, B-01 to B-10). It finds the top-level members and leaves their values as
the bytes they came in. All work is done by C loops over bytes, since a body of ten megabytes holds up everybody else;
in a thread too, for such a loop does not give way: what can be done in slices is done a megabyte at a time. It must
never raise anything but `Refusal`, whatever the bytes.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from typing import Final

import msgspec
from msgspec import Raw

from .errors import Refusal

DEPTH: Final = 64
"""Levels of nesting. Tool schemas in the wild stay under 20; msgspec's own end is Python's stack, near 1,000."""
COMMAS: Final = 500_000
"""Commas outside strings. An array of a million numbers costs its readers tenths of a second."""
NAMES: Final = 200_000
"""Names in all objects together. A dict of half a million members takes 150 ms to make."""
MEMBERS: Final = 1_000
"""Top-level members. The whole of the vendors' fields together are about a hundred."""
CONTAINERS: Final = 250_000
"""Arrays and objects in a body with more than `DEPTH` of them: bounds the work of finding its depth."""
QUOTES: Final = 1_000_000
"""Quotes around strings that hold brackets or commas: bounds the pieces that a body is cut into here."""
ECHO: Final = 64
"""Characters of a client's value that a message may repeat."""

COPIED: Final = 1 << 16
"""Bytes of a body that is made anew to find doubles: beyond that it is cheaper to read it a second time."""

_BOM: Final = codecs.BOM_UTF8
_SLICE: Final = 1 << 20
"""Bytes that one loop may go through: 0.4 ms."""
_UNSTRUCTURAL: Final = bytes(set(range(256)) - set(b'"[]{},:'))
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_PLACE: Final = re.compile(r" - at `(\$[^`]*)`$")


class _Name:
    """A member's name that equals no other: a dict of these keeps names that were given twice."""

    __slots__ = ("text",)

    def __init__(self, _type: type, text: str) -> None:
        self.text = text


_members = msgspec.json.Decoder(dict[str, Raw])
_all_members = msgspec.json.Decoder(dict[_Name, Raw], dec_hook=_Name)
_encode = msgspec.json.Encoder().encode


def members(body: bytes | bytearray) -> dict[str, Raw]:
    """The top-level members of the JSON object `body`, in order, each value as its own bytes.

    Raises `Refusal`: `invalid_json`, or `request_too_large` for a body with too many parts.
    """
    if not body.isascii():
        _check_utf8(body)
    outline: bytes | bytearray = body
    if len(body) > COPIED:
        outline = _outline(body)
        if outline.count(b",") > COMMAS or outline.count(b":") > NAMES:
            _check_parts(outline)
    try:
        if len(body) > _SLICE:  # one reading, and no more
            fields = _unlike_members(body)
        else:
            fields = _members.decode(body)
            unsure = not _is_made_of(fields, body)
            if unsure and len(fields) <= MEMBERS and len(_all_members.decode(body)) > len(fields):
                _unlike_members(body)
    except (msgspec.DecodeError, ValueError) as error:
        raise Refusal("invalid_json", _why(body, error)) from None
    except RecursionError:
        raise _too_deep() from None
    if len(fields) > MEMBERS:
        raise Refusal("invalid_json", f"The body has more than {MEMBERS:,} fields")
    if outline.count(b"[") + outline.count(b"{") > DEPTH:
        _check_depth(outline)
    return fields


def _is_made_of(fields: dict[str, Raw], body: bytes | bytearray) -> bool:
    """Whether `body`, whose members these are, plainly has none twice; 0.2 µs for a small one, 1 µs with spaces in it.

    A compact object without doubles is as long as what is made anew of its members: a name may be longer in the body
    than there, never shorter, so no double can hide. One with spaces as Python's `json.dumps` sets them is the same.
    """
    if len(body) > COPIED:
        return False
    made = _encode(fields)
    return len(made) == len(body) or msgspec.json.format(made, indent=0) == body


def find(text: memoryview, what: bytes, start: int = 0) -> int:
    """As `bytes.find`, in slices."""
    for at in range(start, len(text), _SLICE):
        found = bytes(text[at : at + _SLICE + len(what) - 1]).find(what)
        if found >= 0:
            return at + found
    return -1


def run(text: memoryview, of: re.Pattern[bytes], start: int) -> int:
    """Where that ends which `of`, a pattern of many equal parts, matches from `start` on; in slices."""
    at = start
    while (found := of.match(bytes(text[at : at + _SLICE]))) is not None and found.end():
        at += found.end()
    return at


def skeleton(text: bytes | bytearray) -> bytes:
    """The brackets, braces, commas and colons of `text` that stand outside its strings, in order.

    `text` is JSON, or a part of some that neither begins nor ends inside a string. Raises `Refusal` where it has more
    than `QUOTES` strings to be told from structure.
    """
    text = _outline(text)
    if text.count(b'"') > QUOTES:
        raise Refusal("request_too_large", "The body's JSON has too many texts; send fewer")
    return b"".join(text.split(b'"')[::2])


def echo(raw: bytes | bytearray | Raw) -> str:
    """At most `ECHO` characters of a client's value, fit for a message: printable ASCII alone."""
    start = bytes(memoryview(raw)[: ECHO * 4]).decode("utf-8", "replace")
    text = start.encode("unicode_escape").decode("ascii").replace("\\\\", "\\")
    return text if len(text) <= ECHO else text[: ECHO - 1] + "…"


def place(error: msgspec.ValidationError) -> tuple[str, str]:
    """Where in the document `error` lies (`messages[3].role`, "" for the top), and what msgspec says of it."""
    text = str(error)
    found = _PLACE.search(text)
    if found is None:
        return "", text
    return found[1].removeprefix("$").removeprefix("."), text[: found.start()]


def _outline(text: bytes | bytearray) -> bytes:
    """The brackets, braces, commas, colons and quotes of `text`, without those quotes that escapes are made of, and
    without most pairs that hold nothing: two quotes side by side change nothing about what is inside and outside."""
    pieces: list[bytes] = []
    at = 0
    while at < len(text):
        piece = bytes(text[at : at + _SLICE])
        if b"\\" in piece:
            if (len(piece) - len(piece.rstrip(b"\\"))) % 2 and at + len(piece) < len(text):
                piece = piece[:-1]  # the next slice begins with the whole of an escape
            at += len(piece)
            piece = piece.replace(b"\\\\", b"").replace(b'\\"', b"")
        else:
            at += len(piece)
        pieces.append(piece.translate(None, _UNSTRUCTURAL).replace(b'""', b""))
    return b"".join(pieces)


def _too_deep() -> Refusal:
    return Refusal("invalid_json", f"The body's JSON is nested more than {DEPTH} levels deep")


def _check_utf8(body: bytes | bytearray) -> None:
    """In slices: one character beyond the BMP would else make a text of four times the body."""
    if body.startswith(_BOM):
        raise Refusal("invalid_json", "The body begins with a byte order mark; send UTF-8 without one")
    decoder = codecs.getincrementaldecoder("utf-8")()
    start = 0
    try:
        for start in range(0, len(body), _SLICE):
            decoder.decode(body[start : start + _SLICE], final=start + _SLICE >= len(body))
    except UnicodeDecodeError:
        raise Refusal("invalid_json", "The body is not UTF-8 (RFC 8259 section 8.1 asks for it)") from None


def _check_parts(outline: bytes | bytearray) -> None:
    structure = skeleton(outline)
    if structure.count(b",") > COMMAS or structure.count(b":") > NAMES:
        raise Refusal("request_too_large", f"The body's JSON has more than {COMMAS:,} elements or {NAMES:,} names")


def _why(body: bytes | bytearray, error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return f"The body must be a JSON object, not what it is: {echo(body)}"
    text = str(error)
    if text == "Input data was truncated":  # msgspec says so of half a surrogate pair, too
        text = "it ends too early, or an escape in it is half of a surrogate pair" if body.strip() else "it is empty"
    return f"The body is not JSON: {text.removeprefix('JSON is malformed: ')}"


def _unlike_members(body: bytes | bytearray) -> dict[str, Raw]:
    """The members, in one reading that minds doubles; raises `Refusal` for one."""
    found = _all_members.decode(body)
    fields = {name.text: raw for name, raw in found.items()}
    if len(fields) < len(found):
        double = next(text for text, times in Counter(name.text for name in found).items() if times > 1)
        raise Refusal("invalid_json", f"The body gives `{echo(double.encode())}` more than once; give each field once")
    return fields


def _check_depth(outline: bytes | bytearray) -> None:
    """Cancel innermost pairs, a level a round: what is left after `DEPTH` rounds is nested deeper."""
    brackets = skeleton(outline).translate(_ONE_KIND, b",:")
    if len(brackets) > 2 * CONTAINERS:
        raise Refusal("request_too_large", f"The body's JSON has more than {CONTAINERS:,} arrays and objects")
    for _ in range(DEPTH):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return
    raise _too_deep()
