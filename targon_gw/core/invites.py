"""Codes that let somebody register: how often each, and until when.

A code is known by its SHA-256, so that whoever reads the state can't use it. Which codes there are nobody is told: one
that is used up, over or never was is refused alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from attrs import define, evolve, field, frozen

from .errors import Refusal

MOST: Final = 10_000
"""Codes that there may be."""
MOST_USES: Final = 100_000
SHOWN: Final = 12
"""Digits of a digest that a code is called by."""

Puts = dict[str, Any]
"""What there is from now on under each digest: an invite in plain JSON, or `None`."""


@frozen
class Invite:
    """One code. Times are Unix seconds."""

    uses: int
    """How often it may still be used."""
    since: float
    expires: float | None = None
    note: str = ""


def invite_id(digest: str) -> str:
    """What people call the code of that digest."""
    return digest[:SHOWN]


@define(eq=False)
class Invites:
    """All of them, by the SHA-256 of their codes (64 hex digits)."""

    _by_digest: dict[str, Invite] = field(factory=dict)

    def __len__(self) -> int:
        return len(self._by_digest)

    def __iter__(self) -> Iterator[tuple[str, Invite]]:
        return iter(list(self._by_digest.items()))

    def making(self, digest: str, invite: Invite, unix: float) -> Puts:
        """What is to be put so that there is one more; those that are over make room. Raises `Refusal`."""
        puts: Puts = {each: None for each, other in self._by_digest.items() if _is_over(other, unix)}
        if len(self._by_digest) - len(puts) >= MOST:
            raise Refusal("conflict", f"There are {MOST:,} invites already. Delete some first.")
        return {**puts, digest: msgspec.to_builtins(invite)}

    def using(self, digest: str | None, unix: float) -> Puts:
        """What is to be put so that the code of that digest is used once; raises `Refusal`. `None` is no code."""
        found = None if digest is None else self._by_digest.get(digest)
        if digest is None or found is None or _is_over(found, unix):
            raise Refusal("invite_invalid", "This invite is not valid, or not any more. Ask for another one.", "invite")
        return {digest: msgspec.to_builtins(evolve(found, uses=found.uses - 1)) if found.uses > 1 else None}

    def deleting(self, shown: str) -> Puts:
        """What is to be put so that the code that people call `shown` is gone; raises `Refusal` where there is none."""
        puts: Puts = {digest: None for digest in self._by_digest if invite_id(digest) == shown}
        if not puts:
            raise Refusal("not_found", "There is no such invite.")
        return puts

    def put(self, puts: Puts) -> None:
        """From now on there are these; raises `msgspec.ValidationError`."""
        for digest, plain in puts.items():
            if plain is None:
                self._by_digest.pop(digest, None)
            else:
                self._by_digest[digest] = msgspec.convert(plain, Invite)


def _is_over(invite: Invite, unix: float) -> bool:
    return invite.uses < 1 or (invite.expires is not None and unix >= invite.expires)
