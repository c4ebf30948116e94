"""The rescue of a stream that was cut: whether there is one, by what means, and what the client has had in all.

There are two means. A **replay** asks for the whole answer once more and passes on what goes beyond what the client
has; that is right where the same question is answered alike, or where nothing of an answer has been said yet. A
**prefill** gives the vendor what the client has, as the beginning of the assistant's message, and has it go on; that is
right in the middle of plain text and nowhere else. Nothing here makes one answer of two by guessing: what a replay says
is compared (`core.catchup`), what a prefill can't be sure of is left alone.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from msgspec import Raw, Struct, field

from .attempts import Abandoned, Outcome, Reply, Served, VendorFault, classify
from .catchup import Catchup, joined
from .config import Dialect, Prefill, Replay
from .dialects import going_on
from .ledger import Ending
from .meter import Usage
from .openai import Ask, Endpoint
from .told import THOUGHTS, Opaque, Share, Strand, Told, told_by, units_of

if TYPE_CHECKING:
    from .call import Attempt, Call
    from .pool import KeyPool

KEPT: Final = 1 << 20
"""Bytes of what a client has that are kept for its rescue; ordinary answers have a tenth of that. Beyond it, none."""
CUT: Final = "the stream was cut"
DIFFERED: Final = "a replay differed"
_CONTENT: Final[Strand] = ("content",)
_BOUND: Final = frozenset(
    [
        "echo",
        "grammar",
        "guided_choice",
        "guided_decoding_backend",
        "guided_grammar",
        "guided_json",
        "guided_regex",
        "json_schema",
        "ebnf",
        "regex",
        "structured_outputs",
        "continue_final_message",
        "add_generation_prompt",
    ]
)
"""Fields by which an answer has a form from its first letter on, or is itself the rest of one: it can't be gone on with
as if it were plain text."""
_PLAIN: Final = (b'{"type":"text"}', b"null")
_NO_PREFILL: Final = Prefill.NONE
_ALWAYS: Final = Replay.ALWAYS
_NULL: Final = Raw(b"null")
_BLANKS: Final = " \t\r\n"


class Means(enum.Enum):
    """How a cut stream is gone on with."""

    REPLAY = "replay"
    PREFILL = "prefill"


class Way(Protocol):
    """A vendor's pool, and its name for the model: a `core.catalog.Leg`."""

    @property
    def pool(self) -> KeyPool: ...

    @property
    def upstream_id(self) -> str: ...


class _Message(Struct, gc=False):
    role: str


_roles: Final = msgspec.json.Decoder(list[_Message]).decode


class Passed(Struct, eq=False):
    """The events that a client was sent, as it was sent them, as long as they can be kept."""

    events: list[bytes] = field(default_factory=list)
    whole: bool = True
    _size: int = 0

    def add(self, events: Sequence[bytes]) -> None:
        """The client was sent these."""
        if not self._size:  # the first may be somebody else's list
            self.events = list(self.events)
            self._size = sum(map(len, self.events))
        self._size += sum(map(len, events))
        if self._size > KEPT:
            self.whole, self.events = False, []
        elif self.whole:
            self.events += events

    def told(self) -> Told | None:
        """What they have told the client; `None` where that can't be said."""
        if not self.whole:
            return None
        try:
            return told_by(self.events)
        except Opaque:
            return None


class Broken(Struct, frozen=True):
    """An attempt that broke off while it was passed on. `usage` is what it took itself."""

    outcome: Outcome
    usage: Usage
    passed: Passed | None
    """What the client has; `None` where that was not kept."""


class Sequel(Struct, frozen=True, gc=False):
    """How an attempt goes on with what another began. `prefill` is the upstream's way, `said` what it is given,
    `spent` how many tokens that is."""

    means: Means
    prefill: Prefill = Prefill.NONE
    said: str = ""
    spent: int = 0

    def edits(self, changed: dict[str, bytes | None], ask: Ask, asked: int | None) -> dict[str, bytes | None]:
        """The body's edits; `changed` are those of an attempt that begins, which may write `asked` tokens."""
        if self.means is Means.REPLAY:
            return changed
        return going_on(changed, ask, self.prefill, self.said, None if asked is None else asked - self.spent)


REPLAY: Final = Sequel(Means.REPLAY)


class Rescue(Struct, eq=False):
    """What has come, so far, of a call whose stream was cut. `server` is the attempt that the client has had the last
    of its answer from, `usage` what it has been delivered by then."""

    first: float | None
    """When its first event came."""
    server: Attempt
    usage: Usage
    told: Told | None = None
    differed: bool = False
    """A replay was another answer: there is no second one."""
    means: Means | None = None
    catchup: Catchup | None = None
    """Of the attempt that is being passed on."""
    _done: list[Means] = field(default_factory=list)
    """By what means the client has been told more."""

    @property
    def note(self) -> str | None:
        """What has been done, for people."""
        done = [*self._done, self.means] if self.level else self._done
        return f"rescued: {', '.join(each.value for each in done if each)}" if done else None

    @property
    def level(self) -> bool:
        """The attempt that is being passed on has said all that the client had before."""
        return self.catchup is not None and self.catchup.level

    def begins(self, sequel: Sequel) -> None:
        """An attempt that goes on like that has begun to come."""
        assert self.told is not None, "nobody goes on with what is not known"
        self.means = sequel.means
        replay = self.means is Means.REPLAY
        self.catchup = Catchup(self.told) if replay else Catchup(_unsent(self.told), self.usage)

    def broke(self, attempt: Attempt, broken: Broken) -> None:
        """`attempt`, which was being passed on, has broken off."""
        if self.level:
            self.usage, self.server = self.delivered(broken.usage), attempt
            self._done += [] if self.means is None else [self.means]
        self.differed = self.differed or (self.means is Means.REPLAY and isinstance(broken.outcome, Abandoned))
        self.told = None if broken.passed is None else broken.passed.told()
        self.means = self.catchup = None

    def delivered(self, own: Usage) -> Usage:
        """What the client has had in all; `own` is the usage of the attempt that is being passed on."""
        if not self.level:
            return self.usage
        return own if self.means is Means.REPLAY else joined(self.usage, own)


def possible(ask: Ask, ways: Iterable[Way]) -> bool:
    """Whether there may be a rescue for this call at all, whatever it has been told."""
    for way in ways:
        plan = way.pool.settings.rescue
        if plan.prefill is not _NO_PREFILL or plan.replay is _ALWAYS:
            return True
        if ask.deterministic and plan.replay is not Replay.NEVER:
            return True
    return False


def sequel_for(ask: Ask, rescue: Rescue, way: Way) -> Sequel | None:
    """How that vendor may go on with what was cut; `None` where it may not."""
    told, plan = rescue.told, way.pool.settings.rescue
    if told is None:
        return None
    may_replay = plan.replay is not Replay.NEVER and not rescue.differed
    if may_replay and (ask.deterministic or told.bare):
        return REPLAY
    turned_down = way.pool.route(way.upstream_id).turned_down
    if plan.prefill not in (Prefill.NONE, turned_down) and may_prefill(ask, told, rescue.usage.completion):
        return Sequel(Means.PREFILL, plan.prefill, sent(told), rescue.usage.completion)
    return REPLAY if may_replay and plan.replay is Replay.ALWAYS else None


def may_prefill(ask: Ask, told: Told, spent: int) -> bool:
    """Whether what the client has is the beginning of one plain text, which anybody could go on with.

    `spent` is how many tokens of it have come.
    """
    if ask.endpoint is not Endpoint.CHAT or ask.generations != 1 or told.shares.keys() != {0}:
        return False
    if ask.max_tokens is not None and ask.max_tokens <= spent:
        return False
    strands = [strand for strand, _ in told.shares[0].runs]
    if not strands or strands[-1] != _CONTENT or not all(strand[0] in THOUGHTS for strand in strands[:-1]):
        return False
    said = sent(told)
    if not said or any("\ud800" <= letter <= "\udfff" for letter in said):  # the half of one has no UTF-8
        return False
    if not _BOUND.isdisjoint(ask.fields):
        return False
    if bytes(ask.fields.get("response_format", _NULL)).replace(b" ", b"") not in _PLAIN:
        return False
    return _roles(ask.fields["messages"])[-1].role != "assistant"


def sent(told: Told) -> str:
    """What a vendor is given as the beginning of the assistant's message.

    Without its last blanks: templates of prompts leave those out, and the vendor says them again.
    """
    return _content(told).rstrip(_BLANKS)


def _content(told: Told) -> str:
    return told.shares[0].runs[-1][1].decode("utf-16-le", "surrogatepass")


def _unsent(told: Told) -> Told:
    """What the client has and the vendor was not given: the last blanks, which it is to say again."""
    blanks = bytearray(units_of(_content(told)[len(sent(told)) :]))
    runs = [(_CONTENT, blanks)] if blanks else []
    return Told({0: Share(runs, True)}, told.top)


def cut_by(words: bytes, dialect: Dialect) -> Outcome:
    """The outcome of a stream that told of an error after it had begun: as of one that began with it."""
    outcome = classify(Reply(200, words), dialect, 0.0)
    return VendorFault(f"{CUT}: {outcome.reason}", 200) if isinstance(outcome, Served | VendorFault) else outcome


def results(call: Call, ending: Ending | None) -> list[tuple[str, str]]:
    """What came of each attempt that went on with what was cut: its means, and `served` or `failed`.

    One that the client left in the middle of is neither.
    """
    found = []
    for attempt in call.attempts:
        if attempt.sequel is None:
            continue
        serves = call.rescue is not None and call.rescue.level and attempt is call.serving
        if ending is not Ending.ABANDONED or (attempt.outcome is not None and not isinstance(attempt.outcome, Served)):
            found.append((attempt.sequel.means.value, "served" if serves and ending is Ending.SERVED else "failed"))
    return found
