"""The key that issued keys are encrypted with, so that their owners can be shown them: a file in the state folder.

It is made once, of 256 random bits, and is read at each start. Who has the state alone, a backup of it or a disk thrown
away without this file, has no client's key. It decides nothing about who is shown what, and it never stops a start:
where the file is missing another one is made, and what was encrypted before can't be shown any more, only rotated; a
file that can't be what we made is kept aside. Encryption is AES-256-GCM (NIST SP 800-38D) with a random nonce of 96
bits: that is good for 2^32 keys. The name of the owner is authenticated with it, so that no key can be put under
another name.
"""

from __future__ import annotations

import os
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from typing import Final

from attrs import define, field
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .folder import OURS_TO_READ, StateFolder, beside, seen, sync_folder, write_whole
from .snapshot import moment

NAME: Final = "secret.key"
SIZE: Final = 32
_NONCE: Final = 12
_FORM: Final = re.compile(rb"([0-9a-f]{64})\n?")
_OTHERS: Final = 0o077


@define(eq=False, repr=False)
class Vault:
    """Seals texts. Before `open` it has a key of its own, which nobody will have after it."""

    folder: StateFolder
    _key: bytes = field(factory=lambda: secrets.token_bytes(SIZE))
    lasting: bool = False
    """Whether what is sealed can be opened after the next start."""
    fresh: bool = False
    """Whether the file was made by this run."""

    @property
    def path(self) -> str:
        """The file."""
        return os.path.join(self.folder.path, NAME)

    def open(self) -> list[str]:
        """Read the file, or make it, in a folder that is open; what an operator should know of it."""
        notes: list[str] = []
        try:
            found = _read(self.path, notes)
            if found is None:
                _write(self.path, self._key)
                self.fresh = True
            else:
                self._key = found
            self.lasting = True
        except OSError as error:
            notes.append(f"{self.path}: {error.strerror}; keys that are issued now can't be shown after a restart")
        return notes

    def seal(self, text: str, owner: str) -> str | None:
        """`text`, encrypted; `None` where it could not be opened later."""
        if not self.lasting:
            return None
        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(self._derived(b"issued keys")).encrypt(nonce, text.encode("utf-8"), owner.encode("utf-8"))
        return urlsafe_b64encode(nonce + sealed).decode("ascii")

    def unseal(self, sealed: str, owner: str) -> str | None:
        """What was sealed for that owner; `None` where it was sealed with another key, or is not what was sealed."""
        try:
            raw = urlsafe_b64decode(sealed)
            return AESGCM(self._derived(b"issued keys")).decrypt(raw[:_NONCE], raw[_NONCE:], owner.encode()).decode()
        except (InvalidTag, NotBase64, ValueError):
            return None

    def csrf(self) -> bytes:
        """What the pages' tokens are made with: the same after a restart."""
        return self._derived(b"csrf tokens")

    def _derived(self, purpose: bytes) -> bytes:
        """A key for one purpose alone (RFC 5869)."""
        return HKDF(SHA256(), SIZE, None, b"targon-gw " + purpose).derive(self._key)


def _read(path: str, notes: list[str]) -> bytes | None:
    """The key in the file; `None` where there is none any more: what is none is kept aside."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with open(file, "rb") as stream:
        content, mode = stream.read(2 * SIZE + 2), os.fstat(file).st_mode
    found = _FORM.fullmatch(content)
    if found is None:
        there = seen(path)
        kept = beside(path, "bad", "" if there is None else moment(there))
        os.rename(path, kept)
        notes.append(f"{path} is not the key that was made here; it is kept as {kept}")
        return None
    if mode & _OTHERS:
        notes.append(f"{path} may be read by others (mode {mode & 0o777:04o}): chmod 600 it")
    return bytes.fromhex(found[1].decode("ascii"))


def _write(path: str, key: bytes) -> None:
    """Make the file, whole or not at all."""
    temporary = f"{path}.next"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.open(temporary, flags, OURS_TO_READ)
    try:
        write_whole(file, key.hex().encode("ascii") + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    os.rename(temporary, path)
    sync_folder(os.path.dirname(path))
