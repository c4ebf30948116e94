"""What of a source line and of a value may be shown beside a problem.

keys.yaml and clients.yaml hold secrets, and a broken file may hold them anywhere. So nothing of those two files is
shown but what is known to be harmless: names of settings, and the values of settings that hold no secret. Everything
else becomes `…`, one for one, so that a caret below still points at its place. This is decided on the text of a line
alone, never on the parsed file: a line that cannot be parsed is exactly the one that is shown.
"""

from __future__ import annotations

import re
from typing import Final

from targon_gw.core.config import SECRET_LIKE

ELLIPSIS: Final = "…"
LONGEST_QUOTE: Final = 64
"""Characters of a value that a message repeats; more says nothing more, and a value may be megabytes."""

_OPEN: Final = frozenset(
    re.findall(
        r"\w+",
        """
        account weight enabled note name models limits requests_per_minute tokens_per_minute concurrent quota tokens
        requests usd per allow_from expires priority secret_file secret_env confirm_removal
        """,
    )
)
"""Settings of keys.yaml and clients.yaml whose values are no secrets."""
_NAMED: Final = re.compile(r"""(?<![A-Za-z0-9_-])(?P<name>[A-Za-z0-9_-]++)["']?:(?=\s|$)(?P<value>\s[^,{}\[\]#:]*)?""")
_WORD: Final = re.compile(r"""[^\s\[\]{},:'"]+""")
_RUN: Final = re.compile(r"[^ \t]+")
_USERINFO: Final = re.compile(r"(?<=://)[^/@\s]*(?=@)")
_PLAIN_WORD: Final = re.compile(r"[a-z][a-z0-9_-]{0,23}")
_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def harmless(word: str) -> bool:
    """Whether `word` looks like the name of something and like no secret: short, lower-case, with few digits."""
    digits = sum(character.isdigit() for character in word)
    return bool(_PLAIN_WORD.fullmatch(word)) and digits <= 4 and not SECRET_LIKE.search(word)


def shown_line(line: str, sensitive: bool) -> str:
    """`line` as it may be printed: of the same length, with nothing secret and nothing that moves a cursor."""
    if sensitive:
        line = _masked(line)
    line = SECRET_LIKE.sub(_blotted, line)
    if _UNPRINTABLE.search(line):
        line = _RUN.sub(_blotted_if_spoilt, line)
    line = _USERINFO.sub(_blotted, line)
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", line)


def is_open(setting: str) -> bool:
    """Whether the values of `setting`, in a file that holds secrets, are none."""
    return setting in _OPEN


def shown_name(name: str, sensitive: bool) -> str:
    """A name out of a file, for a message: in a file with secrets, only if it is like the name of something."""
    return shown_value(name, sensitive and not harmless(name))


def shown_value(value: object, sensitive: bool) -> str:
    """`value`, as read from a file, for a message: quoted and cut; `'…'` if it is `sensitive`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            text = repr(value)
            return text if not sensitive or len(text) <= 6 else ELLIPSIS
        case str():
            return f"'{ELLIPSIS if sensitive else _shown_text(str(value))}'"
        case dict():
            return "a mapping"
        case _:
            return "a list"


def _shown_text(text: str) -> str:
    """`text`, cut, without what looks like a credential and without control characters."""
    cut = text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + ELLIPSIS
    cut = _RUN.sub(_blotted_if_spoilt, cut)
    cut = _USERINFO.sub(ELLIPSIS, SECRET_LIKE.sub(ELLIPSIS, cut))
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", cut.replace("\n", "\\n").replace("\t", "\\t"))


def _masked(line: str) -> str:
    """`line` with every word blotted out that is not known to be harmless."""
    kept = bytearray(len(line))
    for found in _NAMED.finditer(line):
        if harmless(found["name"]):
            _keep(kept, *found.span("name"))
        if found["name"] in _OPEN and found["value"]:
            _keep(kept, *found.span("value"))
    shown = list(line)
    for word in _WORD.finditer(line):
        start, end = word.span()
        if word[0] != "-" and not (kept[start] and kept[end - 1]):
            shown[start:end] = ELLIPSIS * (end - start)
    return "".join(shown)


def _keep(kept: bytearray, start: int, end: int) -> None:
    """Note that what stands from `start` to `end` may be shown."""
    kept[start:end] = b"\x01" * (end - start)


def _blotted_if_spoilt(found: re.Match[str]) -> str:
    """The run as it is; or blotted, where it would be a credential but for characters that nobody sees."""
    return _blotted(found) if SECRET_LIKE.search(_UNPRINTABLE.sub("", found[0])) else found[0]


def _blotted(found: re.Match[str]) -> str:
    """As many `…` as the match is long."""
    return ELLIPSIS * len(found[0])
