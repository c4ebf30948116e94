"""`targon-gw state`, `backup`, `restore`: the state folder itself, with or without a daemon that has it.

`verify`, `export` and `backup` only read: a backup of a running gateway is the snapshot and, taken after it, the lines
of the ledger, so that none is missing that was there when it began. `restore` needs the folder for itself, lays the
backup out within it, reads every line of it, and only then puts it in its place; what was there is kept.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from .client import file_option, json_option
from .telling import BAD_SETTINGS, FAILED, LOCKED, clean, fail, many, print_json, tell_csv
from .usage import Day

if TYPE_CHECKING:
    from targon_gw.store.folder import StateFolder

FIRST: Final = ("secret.key", "state.yaml", "state.yaml.1", "audit.yaml")
"""What is copied before the ledger: a line that comes in between is then in the ledger, not missing from it."""
LEDGER: Final = "ledger"
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

    found = _folder(path, folder)
    try:
        faults = find_faults(found)
    except OSError as error:
        fail(f"{found.path}: {error.strerror}")
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
    rows = _rows(_folder(path, folder), since)
    try:
        if as_csv:
            tell_csv(COLUMNS, rows)
        else:
            for row in rows:
                click.echo(json.dumps(row, ensure_ascii=False))
    except Damaged as damaged:
        fail(f"{damaged}; 'targon-gw state verify' tells all that is wrong")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")


def _rows(folder: StateFolder, since: str | None) -> Iterator[dict[str, Any]]:
    import msgspec

    from targon_gw.store.daybook import daybooks, lines

    last = 0
    for book in daybooks(folder):
        if since is not None and book.day < since:
            continue
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
    found = _folder(path, folder)
    try:
        names = _pack(found.path, archive)
    except FileExistsError:
        fail(f"{archive} is there already")
    except OSError as error:
        fail(f"{error.filename or archive}: {error.strerror}")
    if as_json:
        print_json({"file": archive, "files": names})
    else:
        click.echo(f"{many(len(names), 'file')} of {found.path} in {archive}")


def _pack(folder: str, archive: str) -> list[str]:
    """Write the archive, whole or not at all; the names that are in it."""
    ledger = os.path.join(folder, LEDGER)
    temporary = f"{archive}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    names: list[str] = []
    try:
        with open(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz") as tar:
                for name in (*FIRST, *(f"{LEDGER}/{each}" for each in sorted(os.listdir(ledger)))):
                    if _add(tar, os.path.join(folder, name), name):
                        names.append(name)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, archive)  # unlike a rename, it never replaces what is there
    finally:
        os.unlink(temporary)
    return names


def _add(tar: tarfile.TarFile, path: str, name: str) -> bool:
    """Put a file into the archive as long as it is now, up to its last whole line; whether it was there."""
    try:
        file = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError:  # packed or replaced a moment ago: it is there by its other name
        return False
    with file:
        size = os.fstat(file.fileno()).st_size
        if path.endswith(".yaml") and name.startswith(LEDGER):
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
    """Put the state that FILE holds in the place of what is there, which is kept beside it. No daemon may run."""
    from targon_gw.store.folder import Locked, Unusable

    found = _folder(path, folder)
    try:
        found.open()
    except Locked as locked:
        fail(str(locked), LOCKED)
    except Unusable as unusable:
        fail(str(unusable), BAD_SETTINGS)
    try:
        kept = _restore(archive, found)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        fail(f"nothing was changed: {error}")
    finally:
        found.close()
    if as_json:
        print_json({"folder": found.path, "kept": kept})
    else:
        click.echo(f"{found.path} is as in {archive}" + (f"; what was there is in {kept}" if kept else ""))


def _restore(archive: str, folder: StateFolder) -> str | None:
    """Lay out, verify, swap; where the old files are, if there were any. Ends the process where the backup is bad."""
    from targon_gw.store.folder import StateFolder as Folder
    from targon_gw.store.folder import sync_folder
    from targon_gw.store.recovery import verify as find_faults

    with tempfile.TemporaryDirectory(prefix="restored-", dir=folder.path) as fresh:
        os.mkdir(os.path.join(fresh, LEDGER), 0o700)
        _unpack(archive, fresh)
        faults = find_faults(Folder(fresh))
        if faults:
            fail("nothing was changed, because the backup is not whole:\n" + "\n".join(faults))
        kept = _set_aside(folder)
        for name in (LEDGER, *FIRST):
            if os.path.exists(os.path.join(fresh, name)):
                os.rename(os.path.join(fresh, name), os.path.join(folder.path, name))
        sync_folder(folder.path)
    return kept


def _unpack(archive: str, folder: str) -> None:
    """Only files that a backup has, by their names; a link, a device or a path that leads elsewhere is none."""
    import re

    ledger = re.compile(rf"{LEDGER}/[0-9]{{4,}}-[0-9]{{2}}-[0-9]{{2}}\.yaml(?:\.gz)?")
    with tarfile.open(archive, "r:gz") as tar:
        for entry in tar:
            if not entry.isreg() or not (entry.name in FIRST or ledger.fullmatch(entry.name)):
                raise tarfile.TarError(f"{clean(entry.name)!r} is nothing that a backup has")
            source = tar.extractfile(entry)
            target = os.path.join(folder, entry.name)
            assert source is not None
            with source, open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                shutil.copyfileobj(source, file)
                file.flush()
                os.fsync(file.fileno())


def _set_aside(folder: StateFolder) -> str | None:
    """Move what is there into a folder of its own within; its path, or None where there was nothing."""
    ledger = os.path.join(folder.path, LEDGER)
    there = [name for name in FIRST if os.path.exists(os.path.join(folder.path, name))]
    if not there and not os.listdir(ledger):
        os.rmdir(ledger)
        return None
    aside = tempfile.mkdtemp(prefix=time.strftime("before-restore-%Y%m%dT%H%M%S-"), dir=folder.path)
    for name in (*there, LEDGER):
        os.rename(os.path.join(folder.path, name), os.path.join(aside, name))
    return aside


def _folder(path: str, folder: str | None) -> StateFolder:
    """The state folder that the options name."""
    from targon_gw.store.folder import StateFolder

    if folder is None:
        from .running import loaded_settings

        folder = loaded_settings(path, False).config.state
    return StateFolder(folder)
