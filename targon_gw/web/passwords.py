"""Passwords, hashed and compared away from the reactor: two at a time at most, with a short queue before them.

Argon2id (RFC 9106) with 19 MiB of memory, 2 passes, 1 lane: what OWASP's Password Storage Cheat Sheet names first as
the least to use (m=19456, t=2, p=1; the others it lists are as hard). It takes some 60 ms and gives up the
interpreter's lock meanwhile. Two at once are 38 MiB and two processors at most; who would be too many in the queue is
told to wait, and no call of `/v1` notices (faults catalogue, F-10). Whether there is anybody of a name, the time does
not tell: for nobody the same work is done (F-09).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final

from attrs import define, field
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.python.failure import Failure

from targon_gw.core.errors import Refusal

THREADS: Final = 2
WAITING: Final = 16
"""Those at work among them: the last one waits for half a second."""
MEMORY: Final = 19_456
"""KiB."""
PASSES: Final = 2
LANES: Final = 1
_SALT: Final = 16
_LENGTH: Final = 32
NOBODY: Final = f"$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}$" + "A" * 22 + "$" + "A" * 43
"""The hash of those whom there is not: no password is known that it is of."""

InThread = Callable[..., Deferred[Any]]


def hashed(password: str) -> str:
    """The hash of `password`, with all that is needed to compare (the PHC string format). Takes its time."""
    salt = secrets.token_bytes(_SALT)
    kdf = Argon2id(salt=salt, length=_LENGTH, iterations=PASSES, lanes=LANES, memory_cost=MEMORY)
    return kdf.derive_phc_encoded(_bytes(password))


def matches(password: str, of: str) -> bool:
    """Whether `of` is the hash of `password`. Takes its time; compared in constant time."""
    try:
        Argon2id.verify_phc_encoded(_bytes(password), of)
    except InvalidKey:
        return False
    return True


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


@define(eq=False)
class Passwords:
    """Hashes, in threads: `THREADS` of them at most."""

    in_thread: InThread
    waiting: int = 0
    """At work, or waiting to be."""
    _turns: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(THREADS))

    def hash(self, password: str) -> Deferred[str]:
        """The hash of a new password; raises `Refusal` where too many wait."""
        return self._done(hashed, password)

    def check(self, password: str, of: str | None) -> Deferred[bool]:
        """Whether `of` is the password's hash; nobody's (`None`) takes as long. Raises `Refusal` as `hash`."""
        return self._done(matches, password, NOBODY if of is None else of)

    def _done(self, work: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """What comes of it. Where nobody waits for that any more the thread is busy all the same, and counts."""
        if self.waiting >= WAITING:
            raise Refusal("too_many_sign_ins", "Too many people sign in at this moment. Try again in 2 s.", wait=2.0)
        self.waiting += 1
        told: Deferred[Any] = Deferred()

        def ended(result: Any) -> None:
            self.waiting -= 1
            if told.called:
                return
            if isinstance(result, Failure):
                told.errback(result)
            else:
                told.callback(result)

        self._turns.run(self.in_thread, work, *args).addBoth(ended)
        return told
