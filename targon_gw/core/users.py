"""Who has registered here: a name, a password's hash, one key that was issued, maybe the right to administer.

It decides what a name and a password may be, and who of that name there is. A name is kept as it is compared: folded,
so that no two look alike (faults catalogue, F-21); it is never a file's name or a part of a path (F-22). Passwords and
keys come in hashed or encrypted: nothing here can be read back into one, and nothing of it is in a repr (F-14).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from attrs import define, field, frozen

from .cut import Plain, parted
from .errors import Refusal

SHORTEST_PASSWORD: Final = 8
"""Characters (NIST SP 800-63B, 5.1.1.2)."""
LONGEST_PASSWORD: Final = 1024
"""Bytes of UTF-8: to hash a megabyte for everybody who asks would be a gift to a flood (faults catalogue, F-10)."""
MOST: Final = 200_000
"""Users there may be, some 1.5 KB each: open registration must not fill the memory."""
RESERVED: Final = frozenset(
    {
        "admin", "administrator", "anonymous", "api", "everybody", "gateway", "guest", "help", "me", "moderator",
        "nobody", "none", "null", "operator", "owner", "root", "security", "staff", "support", "system", "targon",
        "targon-gw", "undefined", "user", "users",
    }
)  # fmt: skip
"""Names that somebody could be taken in by; only the operator gives them away, but for the first of these two."""
NEVER: Final = frozenset({"anonymous", "none"})
"""What the ledger and the metrics call those who have no name."""
_NAME: Final = re.compile(r"[a-z0-9._-]{3,32}")
_LONGEST: Final = 128
"""Characters of a name that are looked at: to fold a megabyte takes a second."""


@frozen
class IssuedKey:
    """The key of a user. `sealed` is encrypted, for showing it to its owner; `None` where it can't be shown."""

    digest: str = field(repr=False)
    """SHA-256 of the key, 64 lower-case hex digits."""
    masked: str
    """What of it may be seen: `sk-tg-…9f2`."""
    at: float
    """When it was issued, Unix seconds."""
    sealed: str | None = field(default=None, repr=False)


@frozen
class User:
    """One of them, whose name is known by whoever has it."""

    hash: str = field(repr=False)
    """Of the password, in the PHC string format."""
    key: IssuedKey
    since: float
    """Unix seconds."""
    admin: bool = False
    enabled: bool = True


def plain_of(user: User) -> dict[str, Any]:
    """What `user_of` makes the user of again; plain JSON."""
    plain: dict[str, Any] = msgspec.to_builtins(user)
    return plain


def user_of(plain: Any) -> User:
    """The user that `plain` describes; raises `msgspec.ValidationError`."""
    return msgspec.convert(plain, User)


def name_of(text: str) -> str:
    """The name that `text` stands for; raises `Refusal` where it stands for none."""
    name = folded(text)
    if name is None:
        raise Refusal(
            "invalid_value", "A name has 3 to 32 characters: letters a to z, digits, dot, hyphen, underscore.", "name"
        )
    return name


def folded(text: str) -> str | None:
    """`text` as names are compared, NFKC and without case; `None` where that is no name."""
    if len(text) > _LONGEST:
        return None
    name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return name if _NAME.fullmatch(name) else None


def checked_password(text: str) -> str:
    """`text`, if it may be a password; raises `Refusal`, which does not repeat it."""
    if len(text) < SHORTEST_PASSWORD:
        raise Refusal("invalid_value", f"A password has {SHORTEST_PASSWORD} characters or more.", "password")
    if is_too_long(text):
        raise Refusal("invalid_value", f"A password has {LONGEST_PASSWORD} bytes at most.", "password")
    return text


def is_too_long(password: str) -> bool:
    """Whether it can't be anybody's, and is not worth being hashed."""
    return len(password) > LONGEST_PASSWORD or len(password.encode("utf-8", "surrogatepass")) > LONGEST_PASSWORD


@define(eq=False)
class Users:
    """All of them, by name. They are kept as the state has them: it is written every few seconds, and to make it of
    50,000 users each time took 0.1 s; one of them is looked at now and then, for 3 us."""

    _by_name: dict[str, Plain] = field(factory=dict, repr=False)

    def get(self, name: str) -> User | None:
        """The user of that name, as names are kept."""
        plain = self._by_name.get(name)
        return None if plain is None else user_of(plain)

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[tuple[str, User]]:
        return ((name, user_of(plain)) for name, plain in list(self._by_name.items()))

    def names(self, part: str = "") -> list[str]:
        """All names that have `part` in them, in the order in which their users came."""
        return [name for name in self._by_name if part in name]

    def put(self, name: str, user: User | None) -> None:
        """From now on this is who has that name; `None`: nobody has."""
        if user is None:
            self._by_name.pop(name, None)
        else:
            self._by_name[name] = plain_of(user)

    def parted(self) -> Iterator[list[tuple[str, Plain]]]:
        """All of them as of now, a slice at a time; not to be altered."""
        return parted(self._by_name)
