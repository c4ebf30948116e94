"""Which new settings are too dangerous to be taken on a save alone.

A file that was emptied by mistake, or pasted over, would take a gateway's keys away while it runs. So a change that
takes away more than half of the keys that are usable now is refused, unless the file says that it is meant, and says
how many keys it takes away: a number that a stale line of an earlier rotation is not likely to get right.
"""

from __future__ import annotations

from collections.abc import Set

from .config import Config


class Refused(Exception):
    """The settings are in order and are not taken; the text says why and what to do."""


def key_name(upstream: str, fingerprint: str) -> str:
    """What a key is called here: two vendors may have been given the same one."""
    return f"{upstream}/{fingerprint}"


def switched_on(config: Config) -> set[str]:
    """The keys of all vendors that may be drawn as far as the settings go, by `key_name`."""
    return {
        key_name(upstream.name, key.secret.fingerprint)
        for upstream in config.upstreams
        for key in upstream.keys
        if key.enabled
    }


def judge_removal(before: Config, after: Config, usable: Set[str], confirmed: int | None) -> str | None:
    """Why `after` is not to follow `before`; `None` where nothing speaks against it.

    `usable` is the keys that are well now, by `key_name`. A key that is switched off is taken away. `confirmed` is what
    the files say at `confirm_removal`: the number of keys that were switched on and are no longer, well or not, so that
    it does not hang on the moment.
    """
    removed = switched_on(before) - switched_on(after)
    lost = len(removed & usable)
    if lost * 2 <= len(usable) or confirmed == len(removed):
        return None
    said = "" if confirmed is None else f", not {confirmed}"
    return (
        f"this would take away {lost} of {len(usable)} usable keys; if that is meant, write "
        f"'confirm_removal: {len(removed)}'{said} at the top of the file of keys"
    )
