"""The record of what was used: one Entry a call, one line an Entry, and the totals that the lines come to.

A line is one JSON object behind `- `, so that what reads YAML and what reads JSON lines read it; it is ASCII but for
what people may have written in other scripts, it bears its number and a checksum, and it never holds a secret, a text
of a conversation or a client's address. The totals are sums of lines and nothing else: a line is folded in once, by its
number. Who keeps the lines, and where, is the store's affair.
"""

from __future__ import annotations

import enum
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from zlib import crc32

import msgspec
from attrs import define, field, fields
from msgspec import Meta

from .cut import Rows, Slices, all_of, as_read, plain, together
from .meter import Source, Usage

AT_ONCE = 256
"""Entries that are added up together: half a millisecond's work."""
DAY: Final = 86_400
KEPT_ENTRIES = 1_000
"""Entries of calls and attempts that are at hand for `calls`, some 700 bytes each."""


class Kind(enum.Enum):
    """What an Entry records. The values stand in files: they are for good."""

    __hash__ = object.__hash__  # Enum's own is written in Python, and entries are counted by kind and ending

    CALL = "call"
    ATTEMPT = "attempt"
    """One that failed or was replaced; nobody is charged with it."""
    PROBE = "probe"
    KEY = "key"
    """A change of health."""
    ACCOUNT = "account"
    CLIENT = "client"
    """A change of these two that must not be lost."""


class Ending(enum.Enum):
    """How a call ended."""

    __hash__ = object.__hash__

    SERVED = "served"
    TRUNCATED = "truncated"
    ABANDONED = "abandoned"
    REFUSED = "refused"
    FAILED = "failed"


_Whole = Annotated[int, Meta(ge=0)]
_CALL, _ATTEMPT, _PROBE, _SERVED, _UPSTREAM = Kind.CALL, Kind.ATTEMPT, Kind.PROBE, Ending.SERVED, Source.UPSTREAM


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One line's worth, as the line has it but for its number: made once, and written as it is (an object of its own
    for the line cost 2 µs a call). Durations are seconds: `first` to the first event or the whole answer, `took` to the
    end; of a change of health `took` is how long it is to last, where that is known. Times are `rounded`."""

    at: float
    """Unix seconds, when it was over."""
    id: str
    """The request's; of a probe or a change, what it is known by."""
    kind: Kind
    client: str | None = None
    """Its name; `anonymous` for all who call without a key."""
    model: str | None = None
    """As the client called it."""
    served: str | None = None
    """The catalog's name of the model that served."""
    upstream: str | None = None
    account: str | None = None
    key: str | None = None
    """A fingerprint."""
    stream: bool = False
    status: _Whole | None = None
    """The HTTP status that the client was sent; of an attempt, the vendor's."""
    ending: Ending | None = None
    prompt: _Whole = 0
    completion: _Whole = 0
    cached: _Whole = 0
    reasoning: _Whole = 0
    cost: _Whole = 0
    """Micro-dollars."""
    source: Source | None = None
    """Where the four figures are from; `None` where nothing was used."""
    attempts: _Whole = 0
    first: float | None = None
    took: float = 0.0
    reference: str | None = None
    """What the client itself calls this request."""
    note: str | None = None
    """Why an attempt failed, or what changed."""
    change: dict[str, Any] | None = None
    """Of kinds ACCOUNT and CLIENT: what is to be done again when the line is read; plain JSON, in which no secret is
    readable."""

    @property
    def usage(self) -> Usage | None:
        """What was used."""
        if self.source is None:
            return None
        return Usage(self.prompt, self.completion, self.cached, self.reasoning, self.source)

    @property
    def admitted(self) -> float:
        """When it began, in Unix seconds: the moment that its quota's window goes by."""
        return self.at - self.took


def rounded(seconds: float) -> float:
    """A time as entries have it: to ten microseconds. What is shorter would be written with an exponent, and what YAML
    1.1 takes for a number has a dot before that."""
    return int(seconds * 1e5 + 0.5) / 1e5


def figures_of(usage: Usage | None) -> dict[str, Any]:
    """The members of an Entry that say what was used."""
    if usage is None:
        return {"prompt": 0, "completion": 0, "cached": 0, "reasoning": 0, "source": None}
    return {
        "prompt": usage.prompt,
        "completion": usage.completion,
        "cached": usage.cached,
        "reasoning": usage.reasoning,
        "source": usage.source,
    }


def changed(kind: Kind, at: float, id: str, change: dict[str, Any]) -> Entry:
    """The Entry of a change that must not be lost, of what is known by `id`; `at` in Unix seconds."""
    return Entry(rounded(at), id, kind, change=change)


class BadLine(ValueError):
    """A line that is not as it was written; its text says why, and quotes nothing of it."""


class _Line(Entry, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    n: Annotated[int, Meta(ge=1)]


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Line).decode
_CRC: Final = b',"crc":"'
_TAIL: Final = 18
"""Bytes from there to the end of the line: `,"crc":"xxxxxxxx"}`."""
TAIL: Final = _TAIL + 1
"""With the line feed."""


def line_of(entry: Entry, n: int) -> bytes:
    """The line of the Entry that is the n-th: `- {"n":…,…,"crc":"xxxxxxxx"}` and a line feed.

    Members that are `None` or naught are left out, but for n, at, id and kind. `crc` is CRC-32, in 8 hex digits, of
    the object's text without it.
    """
    try:
        text = _encode(entry)
    except UnicodeEncodeError:  # half of a surrogate pair, which has no UTF-8
        text = _encode(_mended(entry))
    if not text.isascii() or b"\x7f" in text:
        text = _printable(text)
    text = b'{"n":%d,%b' % (n, text[1:])
    return b'- %b,"crc":"%08x"}\n' % (text[:-1], crc32(text))


def _mended(entry: Entry) -> Entry:
    changed: dict[str, Any] = {}
    for name in entry.__struct_fields__:
        text = getattr(entry, name)
        if isinstance(text, str):
            changed[name] = text.encode("utf-8", "replace").decode()
    return msgspec.structs.replace(entry, **changed)


def _printable(text: bytes) -> bytes:
    """JSON that means the same, without what YAML calls unprintable (YAML 1.1, 5.1): it is written as an escape."""
    return "".join(c if c.isprintable() or ord(c) > 0xFFFF else f"\\u{ord(c):04x}" for c in text.decode()).encode()


def read_line(line: bytes) -> tuple[int, Entry]:
    """The number and the Entry of a line, with or without its line feed; raises `BadLine`."""
    line = line.removesuffix(b"\n")
    if not line.startswith(b"- {") or line[-_TAIL:-10] != _CRC or not line.endswith(b'"}'):
        raise BadLine("it is not a line of the ledger, or not the whole of one")
    text = line[2:-_TAIL] + b"}"
    if line[-10:-2] != b"%08x" % crc32(text):
        raise BadLine("its checksum does not match")
    try:
        found = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadLine(f"it cannot be read: {error}") from None
    return found.n, entry_of(found)


def entry_of(line: _Line) -> Entry:
    """The Entry of a line that has been read."""
    return Entry(
        line.at, line.id, line.kind, line.client, line.model, line.served, line.upstream, line.account, line.key,
        line.stream, line.status, line.ending, line.prompt, line.completion, line.cached, line.reasoning, line.cost,
        line.source, line.attempts, line.first, line.took, line.reference, line.note, line.change,
    )  # fmt: skip


@define(eq=False)
class Sums:
    """What the entries under one name come to. Only calls have an ending, tokens and a cost that somebody bears."""

    served: int = 0
    truncated: int = 0
    abandoned: int = 0
    refused: int = 0
    failed: int = 0
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0
    estimated: int = 0
    """Tokens whose figures are not the vendor's own; a part of prompt and completion."""
    cost: int = 0
    """Micro-dollars."""
    attempts_failed: int = 0
    attempt_tokens: int = 0
    """What failed and replaced attempts took, as far as anybody said."""
    probe_tokens: int = 0

    @property
    def calls(self) -> int:
        """All calls, however they ended."""
        return self.served + self.truncated + self.abandoned + self.refused + self.failed

    def take(self, entry: Entry) -> None:
        """Count one."""
        kind, source = entry.kind, entry.source
        if kind is _CALL:
            ending = entry.ending
            if ending is _SERVED:
                self.served += 1
            elif ending is not None:
                setattr(self, ending.value, getattr(self, ending.value) + 1)
        elif kind is _ATTEMPT:
            self.attempts_failed += 1
        if source is None:  # nothing was used
            return
        prompt, completion = entry.prompt, entry.completion
        if kind is _CALL:
            self.prompt += prompt
            self.completion += completion
            self.cost += entry.cost
            if entry.cached or entry.reasoning:
                self.cached += entry.cached
                self.reasoning += entry.reasoning
            if source is not _UPSTREAM:
                self.estimated += prompt + completion
        elif kind is _ATTEMPT:
            self.attempt_tokens += prompt + completion
        elif kind is _PROBE:
            self.probe_tokens += prompt + completion

    def add(self, figures: Iterable[tuple[str, int]]) -> None:
        """Count these more, each by its name."""
        for name, figure in figures:
            setattr(self, name, getattr(self, name) + figure)

    def to_state(self) -> dict[str, int]:
        """The figures that are not 0, by name."""
        return {name: figure for name in FIGURES if (figure := getattr(self, name))}


FIGURES: Final = tuple(one.name for one in fields(Sums))
"""What `Sums` count, by name."""
BY: Final = ("client", "model", "key", "account", "upstream", "day")
Names = tuple[str | None, ...]
"""All of these but the client, of an entry."""


@define(eq=False)
class Ledger:
    """The totals of all entries, by each word of `BY`, and the last entries themselves.

    A model is the catalog's that served, or what the client called it where none did; a day is `2026-11-21`, UTC.
    """

    n: int = 0
    """The number of the last line that is folded in."""
    _totals: dict[str, dict[str, Sums]] = field(factory=lambda: {by: {} for by in BY})
    _recent: deque[Entry] = field(factory=lambda: deque(maxlen=KEPT_ENTRIES))
    _pending: list[Entry] = field(factory=list)
    """Folded in, and not yet added up: that is done for many at once, or when somebody looks (1 µs each, not 4.5)."""

    _rows: dict[str, Rows[Sums]] = field(factory=lambda: {by: Rows(Sums.to_state) for by in BY})

    @property
    def totals(self) -> dict[str, dict[str, Sums]]:
        """The sums, by each word of `BY` and by name."""
        self._add_up()
        return self._totals

    @property
    def recent(self) -> deque[Entry]:
        """Calls and attempts, the latest last; no part of the state."""
        self._add_up()
        return self._recent

    def fold(self, n: int, entry: Entry) -> bool:
        """Count the n-th line; `False`, and nothing is counted, where it was folded in before."""
        if n <= self.n:
            return False
        self.n = n
        self._pending.append(entry)
        if len(self._pending) >= AT_ONCE:
            self._add_up()
        return True

    def _add_up(self) -> None:
        """Add up what is pending: under the client's name each, under the other five what they have in common.

        Clients are many, and what has all five alike is much; so nothing costs more where clients are more.
        """
        pending, self._pending = self._pending, []
        clients: dict[str, Sums] = {}
        alike: dict[Names, Sums] = {}
        recent, day, ends = self._recent, "", 0.0
        for entry in pending:
            kind, served, at, client = entry.kind, entry.served, entry.at, entry.client
            if kind is _CALL or kind is _ATTEMPT:
                recent.append(entry)
            elif kind is not _PROBE:
                continue  # nothing of it is counted
            if not 0.0 < ends - at <= DAY:
                ends = (at // DAY + 1) * DAY
                day = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
            names: Names = (entry.model if served is None else served, entry.key, entry.account, entry.upstream, day)
            sums = alike.get(names)
            if sums is None:
                sums = alike[names] = Sums()
            sums.take(entry)
            if client is not None:
                sums = clients.get(client)
                if sums is None:
                    sums = clients[client] = self.sums("client", client)
                sums.take(entry)
        for names, sums in alike.items():
            figures = sums.to_state().items()
            for by, name in zip(BY[1:], names, strict=True):
                if name is not None:
                    self.sums(by, name).add(figures)

    def sums(self, by: str, name: str) -> Sums:
        """Those under that name, about to be altered."""
        found = self._totals[by].get(name)
        if found is None:
            found = self._totals[by][name] = Sums()
        self._rows[by].changes(name, found)
        return found

    def to_state(self) -> dict[str, Any]:
        """The totals and the last line's number, as the next run will read them."""
        return as_read(all_of(self.slices()))

    def slices(self) -> Slices:
        """The same, as of the first step, a slice at a time; to be gone through, or closed, before the next begins."""
        self._add_up()
        n = self.n
        totals = yield from together(self._rows)
        return {"n": n, "totals": totals}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `to_state` said."""
        self.n = state["n"]
        self._pending.clear()
        self._totals = {by: {} for by in BY}
        self._rows = {by: Rows(Sums.to_state) for by in BY}
        for by, names in self._totals.items():
            for read, row in state["totals"].get(by, {}).items():
                name = sys.intern(read)
                names[name] = Sums(**plain(row))
                self._rows[by].keep(name, row)
