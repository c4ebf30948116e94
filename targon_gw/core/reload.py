"""Which new settings are too dangerous to be taken on a save alone.

A file that was emptied by mistake, or pasted over, would take a gateway's keys away while it runs. So a change that
takes away more than half of the keys that are usable now is refused, unless the file says that it is meant, and says
how many keys it takes away: a number that a stale line of an earlier rotation is not likely to get right.
"""

from __future__ import annotations

from .config import Config


class Refused(Exception):
    """The settings are in order and are not taken; the text says why and what to do."""


def taken_away(before: Config, after: Config) -> tuple[tuple[str, str], ...]:
    """The keys that were switched on and no longer are: upstream, since two may have the same one, and fingerprint.

    Those of a box are not among them: it gives way to the first key of a real vendor.
    """
    still = {each.name: {key.secret.fingerprint for key in each.keys if key.enabled} for each in after.upstreams}
    none: set[str] = set()
    return tuple(
        (upstream.name, key.secret.fingerprint)
        for upstream in before.upstreams
        for key in upstream.keys
        if key.enabled and not key.boxed and key.secret.fingerprint not in still.get(upstream.name, none)
    )


def judge_removal(removed: int, lost: int, usable: int, confirmed: int | None) -> str | None:
    """Why settings that take so many keys away are not to be followed; `None` where nothing speaks against it.

    `lost` is how many of the removed ones are well now, and `usable` how many of all. A key that is switched off is
    taken away. `confirmed` is what the files say at `confirm_removal`: the number of all removed, well or not, so that
    it does not hang on the moment.
    """
    if lost * 2 <= usable or confirmed == removed:
        return None
    said = "" if confirmed is None else f", not {confirmed}"
    return (
        f"this would take away {lost} of {usable} usable keys; if that is meant, write "
        f"'confirm_removal: {removed}'{said} at the top of the file of keys"
    )
