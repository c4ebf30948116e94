"""The files that batches of keys are kept in: `keys.d/imported-DATE-N.yaml` beside keys.yaml, one to a batch.

A batch's id is `imp-DATE-N`. All of this touches the disk: to be called outside of the reactor's thread.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final

from attrs import frozen

from targon_gw.core.attempts import Outcome, Served, Throttled
from targon_gw.core.batches import Batch, Result, Trial

from .admin_desk import Objection, unknown
from .admin_files import SIGNED, Entries, Undo, changed, entries_of, replaced

TRUE_FOR: Final = 3600.0
"""Seconds for which a test says how a key is."""
REST: Final = 60.0
"""Seconds for which a 429 that names no time is news."""
_ID = re.compile(r"imp-([0-9]{8}-[0-9]{1,6})")
_FILE = re.compile(r"imported-([0-9]{8}-[0-9]{1,6})\.yaml")


@frozen
class OnFile:
    """A batch whose file is there; `upstream` is the first that it has keys of."""

    id: str
    path: str
    upstream: str
    keys: int
    at: float
    """When it was last written, Unix seconds."""

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        told = {"batch": self.id, "upstream": self.upstream, "state": "applied", "file": self.path}
        return {**told, "keys": self.keys, "at": round(self.at, 3), "note": "", "summary": ""}


def folder_of(keys: str) -> str:
    """Where the batches of the operator's `keys.yaml` lie."""
    return os.path.splitext(keys)[0] + ".d"


def file_of(keys: str, batch_id: str) -> str:
    """The file of that batch; raises Objection where it is no batch's id."""
    found = _ID.fullmatch(batch_id)
    if found is None:
        raise unknown("That is no import: its id is such as imp-20261121-1.")
    return os.path.join(folder_of(keys), f"imported-{found[1]}.yaml")


def on_file(keys: str) -> list[OnFile]:
    """All batches whose files are there and can be read."""
    folder, batches = folder_of(keys), []
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    for name in names:
        found = _FILE.fullmatch(name)
        if found is None:
            continue
        path = os.path.join(folder, name)
        try:
            entries, at = entries_of(path), os.stat(path).st_mtime
        except (Objection, OSError):
            continue
        upstream = next((each for each, listed in entries.items() if listed), "")
        batches.append(OnFile(f"imp-{found[1]}", path, upstream, sum(map(_count, entries.values())), at))
    return batches


def _count(listed: list[Any]) -> int:
    return sum(
        len(each["keys"]) if isinstance(each, dict) and isinstance(each.get("keys"), list) else 1 for each in listed
    )


def written(path: str, batch: Batch, chosen: list[Trial]) -> Undo:
    """Write these keys of `batch` into its file, which is new."""

    def add(entries: Entries) -> None:
        if entries:
            raise Objection(409, "applied", f"{path} is there already: undo that import first.")
        alone: list[Any] = []
        shared: dict[str, list[Any]] = {}
        for trial in chosen:
            note = trial.row.note or batch.note
            key = {"secret": trial.secret.reveal, **({"note": note} if note else {})}
            if trial.row.account is None:
                alone.append(key)
            else:
                shared.setdefault(trial.row.account, []).append(key)
        accounts = [{"account": account, "keys": keys} for account, keys in shared.items()]
        entries[batch.upstream] = [*alone, *accounts]

    return changed(path, add)


def taken_away(path: str, confirmed: int | None) -> Undo:
    """Take the file's keys away. `confirmed` is left in it, for the reload to see; `cleared` ends that."""
    if not os.path.exists(path):
        raise unknown(f"There is no file of that import: {path}.")
    return replaced(path, None if confirmed is None else f"{SIGNED}.\nconfirm_removal: {confirmed}\n")


def cleared(path: str) -> None:
    """Remove the file."""
    replaced(path, None)


def evidence(trials: list[Trial], now: float) -> list[tuple[str, Outcome]]:
    """What the pool may be told of these keys, by fingerprint, in an order that it reads rightly.

    Several failures in a row without a call served between them would look like the vendor's, or this server's, trouble
    (`core.witness`): so a key that was served stands before and behind each that was not, as far as there are some.
    """
    known = [(trial.secret.fingerprint, outcome) for trial in trials if (outcome := still_true(trial, now)) is not None]
    served = [each for each in known if isinstance(each[1], Served)]
    failed = [each for each in known if not isinstance(each[1], Served)]
    told = served[:1]
    for one, other in zip(failed, served[1:], strict=False):
        told += [one, other]
    return told + served[len(told) // 2 + 1 :]


def still_true(trial: Trial, now: float) -> Outcome | None:
    """What the test of a key says of it now; `None` where that is over, or where it said nothing."""
    age = now - trial.at
    match trial.outcome:
        case Throttled(None):
            return trial.outcome if age < REST else None
        case Throttled(float(wait)):
            return Throttled(wait - age, trial.outcome.reason, trial.outcome.status) if wait - age > 1.0 else None
        case None:
            return None
        case outcome if trial.result is not Result.FAILED and age < TRUE_FOR:
            return Served() if trial.result is Result.OK else outcome
        case _:
            return None
