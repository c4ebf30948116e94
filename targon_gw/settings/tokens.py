"""A file that holds one token of our own, which opens a door: read and judged when the settings are.

A token that everybody on the machine may read is no token, so the file's mode is a part of it. Nothing of the content
is ever in a message.
"""

from __future__ import annotations

import os
import stat
from typing import Final

from targon_gw.core.config import Secret

from .reading import LARGEST_SECRET, Unreadable, read_bytes
from .scalars import Misfit, checked_secret

SHORTEST: Final = 16
"""Characters: 64 bits in hex, which nobody guesses over the network."""


def read_token(path: str) -> Secret:
    """The token in the file at `path`, without the line's end; `Unreadable`, whose text says why, if there is none."""
    content = read_bytes(path, LARGEST_SECRET)
    if os.stat(path).st_mode & stat.S_IROTH:
        raise Unreadable("may be read by everybody on this machine; chmod 640 or 600 it")
    text = content.decode("utf-8", "replace").rstrip("\r\n")
    if not text:
        raise Unreadable("is empty; it is to hold a token, as `openssl rand -hex 32` makes one")
    try:
        token = checked_secret(text)
    except Misfit as error:
        raise Unreadable(f"cannot be used: {error.message(True)}") from None
    if len(text) < SHORTEST:
        raise Unreadable(f"holds a token of {len(text)} characters; it takes {SHORTEST} at least")
    return token
