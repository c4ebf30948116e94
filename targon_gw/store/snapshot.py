"""The snapshot: all that the gateway knows, up to a line of the ledger, in one file and the one before it.

Decides how the state is laid down so that at any instant one of the two files is whole: the new one is written beside,
put on the disk, and only then takes the name. It never overwrites a file that somebody else has touched since it was
last in hand: that one is kept as `state.yaml.conflict-TIME`. A snapshot that can't be written is an annoyance, not an
end: the ledger has every line, so the old one stands and the next flush tries again.

The file is YAML's JSON subset: a line of comment, then one object::

    # targon-gw state: the daemon's own; an edit is set aside, not read
    {"version":2,"n":41207,
    "state":{"clients":{…},
    …},
    "crc":"9af03b21"}

`crc` is the CRC-32 of every byte before that last line. `n` is the last line of the ledger that is folded in.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, Generic, TypeVar

import msgspec
from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from .folder import OURS_TO_READ, InThread, Seen, StateFolder, beside, seen, sync_folder, write_whole

VERSION: Final = 2
MIGRATIONS: Final[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    1: lambda state: {**state, "people": {}},
}
"""From the state of a version to that of the next; every version below `VERSION` has one, and a golden file. Version 2
has users, sessions and invites: a gateway that knows none of them must not go on without them."""

SLICE: Final = 256
"""Members encoded in one go: well under a millisecond in which the reactor's thread can't run."""
_DEPTH: Final = 4
"""How deep a large member is looked for: state, section, totals by what, totals."""
_COMMENT: Final = b"# targon-gw state: the daemon's own; an edit is set aside, not read\n"
_HEAD: Final = re.compile(rb'# targon-gw state[^\n]*\n\{"version":(\d{1,9}),"n":(\d{1,18}),\n')
_TAIL: Final = re.compile(rb'"crc":"([0-9a-f]{8})"\}\n')
_TAIL_SIZE: Final = len(b'"crc":"01234567"}\n')
_UNSEEN: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What JSON takes as it is and YAML does not, or not as itself."""

log = Logger()
T = TypeVar("T")


class SnapshotFailed(Exception):
    """The snapshot was not written; the one before it stands."""


class BadSnapshot(Exception):
    """The file is no whole snapshot; the message says why."""


class NewerSnapshot(BadSnapshot):
    """A later version of the gateway wrote it; this one must not touch it."""


@frozen
class Stored:
    """A snapshot as read: the state as of this version, and the last line of the ledger that is in it."""

    n: int
    state: dict[str, Any]


class _Content(msgspec.Struct, Generic[T]):
    state: T


@define(eq=False)
class Snapshot:
    """Writes the state. `seen` is the file as recovery read it: whatever else lies there then is kept aside."""

    folder: StateFolder
    in_thread: InThread
    seen: Seen | None = None
    failing: str | None = field(default=None, init=False)
    """Why the last try failed; None where it did not."""
    _turn: DeferredLock = field(factory=DeferredLock, init=False)

    def write(self, state: dict[str, Any], n: int) -> Deferred[None]:
        """Write `state`, with the ledger folded in up to line `n`; fails with `SnapshotFailed`.

        Plain values, keyed by strings, which nobody changes any more: they are encoded in a thread, a slice at a time.
        One write follows another.
        """
        written: Deferred[None] = self._turn.run(self._write, state, n)
        return written

    def _write(self, state: dict[str, Any], n: int) -> Deferred[None]:
        done = self.in_thread(_lay_down, self.folder, state, n, self.seen)
        return done.addCallbacks(self._written, self._not_written)

    def _written(self, result: tuple[Seen, str | None]) -> None:
        self.seen, kept = result
        if self.failing is not None:
            log.warn("the state can be written again")
        self.failing = None
        if kept is not None:
            log.critical("state.yaml was changed by somebody else while the daemon ran: kept as {kept}", kept=kept)

    def _not_written(self, failure: Failure) -> Failure:
        failure.trap(OSError)
        reason = failure.getErrorMessage()
        if self.failing is None:
            log.critical("the state can't be written: {reason}; the ledger goes on", reason=reason)
        self.failing = reason
        return Failure(SnapshotFailed(reason))


def _lay_down(folder: StateFolder, state: dict[str, Any], n: int, ours: Seen | None) -> tuple[Seen, str | None]:
    """In a thread: write, sync, and take the name. Answers with the file, and where a stranger's was put."""
    try:
        _write_next(folder.state_next, state, n)
        next_one = seen(folder.state_next)
        assert next_one is not None
        kept = _make_way(folder, ours)
        os.rename(folder.state_next, folder.state)
    except BaseException:
        _remove(folder.state_next)
        raise
    sync_folder(folder.path)
    return next_one, kept


def _write_next(path: str, state: dict[str, Any], n: int) -> None:
    _remove(path)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, OURS_TO_READ)
    try:
        for piece in encoded(state, n):
            write_whole(file, piece)  # it also lets the reactor's thread run: a write gives up the interpreter's lock
        os.fsync(file)
    finally:
        os.close(file)


def _make_way(folder: StateFolder, ours: Seen | None) -> str | None:
    """Free the name `state.yaml`: ours becomes the one before, somebody else's is kept aside."""
    there = seen(folder.state)
    if there is None:
        return None
    if there == ours:
        os.rename(folder.state, folder.state_before)
        return None
    kept = beside(folder.state, "conflict", moment(there))
    os.rename(folder.state, kept)
    return kept


def moment(file: Seen) -> str:
    """When the file was last changed, for a name: `20261121T101500Z`."""
    return datetime.fromtimestamp(file.modified // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:  # it is not there; or it stays, and the next write says why
        return


def encoded(state: dict[str, Any], n: int) -> Iterator[bytes]:
    """The file's bytes, in slices of about a hundred kilobytes."""
    crc = 0
    held: list[bytes] = [_COMMENT, b'{"version":%d,"n":%d,\n"state":' % (VERSION, n)]
    size = 0
    for piece in _pieces(state, _DEPTH):
        held.append(piece)
        size += len(piece)
        if size >= 1 << 16:
            block = b"".join(held)
            crc = zlib.crc32(block, crc)
            yield block
            held, size = [], 0
    held.append(b",\n")
    block = b"".join(held)
    yield block + b'"crc":"%08x"}\n' % zlib.crc32(block, crc)


def _pieces(value: Any, depth: int) -> Iterator[bytes]:
    """The JSON text of `value`, large objects and lists of it in slices, each on a line of its own."""
    if isinstance(value, dict) and depth and (len(value) > SLICE or any(map(_is_container, value.values()))):
        yield from _members(value, depth)
    elif isinstance(value, list) and len(value) > SLICE:
        left = iter(value)
        mark = b"["
        while part := list(islice(left, SLICE)):
            yield mark + _text(part)[1:-1]
            mark = b",\n"
        yield b"]"
    else:
        yield _text(value)


def _is_container(value: object) -> bool:
    return isinstance(value, dict | list)


def _members(value: dict[str, Any], depth: int) -> Iterator[bytes]:
    mark = b"{"
    left = iter(value.items())
    if len(value) > SLICE:
        while part := dict(islice(left, SLICE)):
            yield mark + _text(part)[1:-1]
            mark = b",\n"
    else:
        for name, member in left:
            yield mark + _text(name) + b":"
            yield from _pieces(member, depth - 1)
            mark = b",\n"
    yield b"}"


_encode = msgspec.json.Encoder().encode


def _text(value: Any) -> bytes:
    text = _encode(value)
    if text.isascii() and b"\x7f" not in text:
        return text
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text.decode()).encode()


def read_snapshot(path: str, shape: Any = dict[str, Any]) -> Stored:
    """The snapshot at `path`, brought to this version, its state a dict of that type.

    Raises `BadSnapshot`, `NewerSnapshot`, or OSError.
    """
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(file, "rb") as stream:
        content = stream.read()
    head = _HEAD.match(content)
    if head is None:
        raise BadSnapshot("it is empty" if not content else "it does not begin as a snapshot does (byte 0)")
    version, n = int(head[1]), int(head[2])
    tail = _TAIL.fullmatch(content, max(len(content) - _TAIL_SIZE, head.end()))
    if tail is None or int(tail[1], 16) != zlib.crc32(memoryview(content)[: tail.start()]):
        if version > VERSION:
            raise NewerSnapshot(f"its version is {version}, and this gateway knows those up to {VERSION}")
        where = f"it is not whole: it has no checksum at byte {max(len(content) - _TAIL_SIZE, 0)}"
        raise BadSnapshot(where if tail is None else f"its {len(content)} bytes do not match its checksum")
    if version > VERSION:
        raise NewerSnapshot(f"its version is {version}, and this gateway knows those up to {VERSION}")
    try:
        text = memoryview(content)[content.index(b"\n") + 1 :]
        state = msgspec.json.decode(text, type=_Content[shape]).state
    except msgspec.DecodeError as error:
        raise BadSnapshot(f"its checksum is right, but it can't be read: {error}") from None
    return Stored(n, migrated(state, version))


def migrated(state: dict[str, Any], version: int) -> dict[str, Any]:
    """The state of an older version as this one has it; `BadSnapshot` where no step leads on."""
    while version < VERSION:
        step = MIGRATIONS.get(version)
        if step is None:
            raise BadSnapshot(f"nothing leads on from its version, {version}")
        state, version = step(state), version + 1
    return state
