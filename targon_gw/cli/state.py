"""`targon-gw state`, `backup`, `restore`: the state folder itself, with or without a daemon that has it.

`verify`, `export` and `backup` only read: a backup of a running gateway is the snapshot and, taken after it, the lines
of the ledger, so that none is missing that was there when it began. `restore` needs the folder for itself; how it is
done is in `store.restoring`.
"""

from __future__ import annotations

import os
import sys
import tarfile
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from .client import file_option, json_option
from .telling import BAD_SETTINGS, FAILED, LOCKED, clean, fail, many, print_json, tell_csv
from .usage import Day

if TYPE_CHECKING:
    from targon_gw.store.folder import StateFolder

COLUMNS: Final = (
    "n", "at", "kind", "id", "client", "model", "served", "upstream", "account", "key", "stream", "status", "ending",
    "prompt", "completion", "cached", "reasoning", "source", "cost", "attempts", "first", "took", "reference", "note",
)  # fmt: skip
state_option = click.option("--state", "folder", metavar="FOLDER", help="The state folder, whatever -c says.")


@click.group()
def state() -> None:
    """The state folder: is it whole, what is in it."""


@state.command()
@file_option
@state_option
@json_option
def verify(path: str, folder: str | None, as_json: bool) -> None:
    """Read both snapshots and every line of the ledger; exit 1 where something is wrong. Changes nothing."""
    from targon_gw.store.recovery import verify as find_faults

    found = _folder(path, folder, as_json)
    try:
        faults = find_faults(found)
    except OSError as error:
        fail(f"{found.path}: {error.strerror}", FAILED, as_json)
    if as_json:
        print_json({"ok": not faults, "problems": faults})
    for fault in faults if not as_json else ():
        click.echo(clean(fault), err=True)
    if not faults and not as_json:
        click.echo(f"{found.path} is whole")
    sys.exit(FAILED if faults else 0)


@state.command()
@file_option
@state_option
@click.option("--since", type=Day(), help="From this day on: 2026-11-21, or 7d.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV; without it, a JSON object a line.")
@json_option
def export(path: str, folder: str | None, since: str | None, as_csv: bool, as_json: bool) -> None:
    """Every line of the ledger on standard output, oldest first; times are Unix seconds, cost is in micro-dollars."""
    import json

    from targon_gw.store.folder import Damaged

    if as_csv and as_json:
        raise click.UsageError("--csv and --json do not go together.")
    rows = _rows(_folder(path, folder, as_json), since)
    try:
        if as_csv:
            tell_csv(COLUMNS, rows)
        else:
            for row in rows:
                click.echo(json.dumps(row, ensure_ascii=False))
    except Damaged as damaged:
        fail(f"{damaged}; 'targon-gw state verify' tells all that is wrong", FAILED, as_json)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", FAILED, as_json)


def _rows(folder: StateFolder, since: str | None) -> Iterator[dict[str, Any]]:
    import msgspec

    from targon_gw.store.daybook import daybooks, lines

    day, last = "", 0
    for book in daybooks(folder):
        if since is not None and book.day < since:
            continue
        if book.day != day:  # numbers grow within a day; a clock that was set back has earlier days with later ones
            day, last = book.day, 0
        for number, entry in lines(book):
            if number <= last:  # a file that is being packed stands there twice
                continue
            last = number
            told = msgspec.to_builtins(msgspec.structs.asdict(entry))
            told.pop("change", None)  # what users are: hashes of passwords are for no spreadsheet
            yield {"n": number, **{name: value for name, value in told.items() if value is not None}}


@click.command()
@click.argument("archive", metavar="FILE", type=click.Path(dir_okay=False))
@file_option
@state_option
@json_option
def backup(archive: str, path: str, folder: str | None, as_json: bool) -> None:
    """Put the state into FILE, a .tar.gz that only you can read; the daemon may run meanwhile."""
    found = _folder(path, folder, as_json)
    unfinished = found.unfinished()
    if unfinished is not None:
        fail(f"{found.path}: {unfinished}", BAD_SETTINGS, as_json)
    try:
        names = _pack(found.path, archive)
    except FileExistsError as error:
        fail(f"{error.filename2 or error.filename} is there already", FAILED, as_json)
    except OSError as error:
        fail(f"{error.filename or archive}: {error.strerror}", FAILED, as_json)
    if as_json:
        print_json({"file": archive, "files": names})
    else:
        click.echo(f"{many(len(names), 'file')} of {found.path} in {archive}")


def _pack(folder: str, archive: str) -> list[str]:
    """Write the archive, whole or not at all; the names that are in it."""
    from targon_gw.store.restoring import FIRST, LEDGER

    ledger = os.path.join(folder, LEDGER)
    temporary = f"{archive}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    names: list[str] = []
    try:
        with open(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz") as tar:
                for name in FIRST:
                    if _add(tar, os.path.join(folder, name), name):
                        names.append(name)
                # Listed when those are copied, and again until there is nothing new: a file may be packed, or a day
                # may begin, meanwhile.
                tried: set[str] = set()
                while new := sorted(_of_ledger(ledger) - tried):
                    tried.update(new)
                    names += [name for name in new if _add(tar, os.path.join(folder, name), name)]
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, archive)  # unlike a rename, it never replaces what is there
    finally:
        os.unlink(temporary)
    return names


def _of_ledger(ledger: str) -> set[str]:
    """The files there that belong into a backup, by the names that they have in it; what is being written does not."""
    from targon_gw.store.restoring import HELD, LEDGER

    return {name for each in os.listdir(ledger) if HELD.fullmatch(name := f"{LEDGER}/{each}")}


def _add(tar: tarfile.TarFile, path: str, name: str) -> bool:
    """Put a file into the archive as long as it is now, up to its last whole line; whether it was there."""
    try:
        file = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError:  # packed or replaced a moment ago: it is there by its other name
        return False
    with file:
        size = os.fstat(file.fileno()).st_size
        if name.startswith("ledger/") and name.endswith(".yaml"):
            size = _whole_lines(file, size)
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = size, 0o600, int(os.fstat(file.fileno()).st_mtime)
        tar.addfile(entry, file)
    return True


def _whole_lines(file: Any, size: int) -> int:
    """How much of the first `size` bytes are whole lines."""
    at = size
    while at:
        step = min(at, 1 << 16)
        file.seek(at - step)
        found = file.read(step).rfind(b"\n")
        if found >= 0:
            at = at - step + found + 1
            break
        at -= step
    file.seek(0)
    return at


@click.command()
@click.argument("archive", metavar="FILE", type=click.Path(dir_okay=False, exists=True))
@file_option
@state_option
@json_option
def restore(archive: str, path: str, folder: str | None, as_json: bool) -> None:
    """Put the state that FILE holds in the place of what is there, which is kept beside it. No daemon may run.

    Where it is broken off no daemon starts there until it has been run again, to its end.
    """
    from targon_gw.store.folder import Locked, Unusable
    from targon_gw.store.restoring import NotWhole
    from targon_gw.store.restoring import restore as put_back

    found = _folder(path, folder, as_json)
    try:
        found.open(unfinished=True)
    except Locked as locked:
        fail(str(locked), LOCKED, as_json)
    except Unusable as unusable:
        fail(str(unusable), BAD_SETTINGS, as_json)
    try:
        kept = put_back(archive, found)
    except NotWhole as bad:
        fail("nothing was changed, because the backup is not whole:\n" + "\n".join(bad.faults), FAILED, as_json)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        fail(f"{found.unfinished() or 'nothing was changed'}: {error}", FAILED, as_json)
    finally:
        found.close()
    if as_json:
        print_json({"folder": found.path, "kept": kept})
    else:
        click.echo(f"{found.path} is as in {archive}" + (f"; what was there is in {kept}" if kept else ""))


def _folder(path: str, folder: str | None, as_json: bool) -> StateFolder:
    """The state folder that the options name."""
    from targon_gw.store.folder import StateFolder

    if folder is None:
        from .running import loaded_settings

        folder = loaded_settings(path, as_json).config.state
    return StateFolder(folder)
