"""What `/metrics` counts, folded out of what a call leaves behind.

The path of a call is not to pay for it: when it is settled what it came to is put on a list, and the list is folded
when it is long enough or somebody asks. Labels are from closed lists: names of the settings, words of the core. A model
that the catalog does not know is `other`; nothing that a client chose, no key and no account is ever a label (faults
catalogue, F-14, F-17).

Names, labels and buckets of what begins with `gen_ai` are OpenTelemetry's ("Semantic conventions for generative AI
metrics", status Development).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from attrs import define, field

from .attempts import (
    Abandoned,
    Barred,
    CallerFault,
    Exhausted,
    ModelFault,
    Outcome,
    Served,
    Throttled,
    VendorFault,
)
from .call import Attempt, Call
from .gateway import Gateway
from .ledger import Ending, Entry
from .openai import Endpoint

AT_ONCE: Final = 256
"""Calls that are folded together: half a millisecond's work."""
KEPT_CHANGES: Final = 256
OTHER: Final = "other"
NOBODY: Final = "none"
"""The vendor of a call that no vendor was asked for."""

OPERATIONS: Final = {
    Endpoint.CHAT: "chat",
    Endpoint.COMPLETIONS: "text_completion",
    Endpoint.EMBEDDINGS: "embeddings",
}
"""What OpenTelemetry calls our endpoints."""
OUTCOMES: Final[dict[type[Outcome], str]] = {
    Served: "served",
    CallerFault: "caller_fault",
    Throttled: "throttled",
    Exhausted: "exhausted",
    Barred: "barred",
    ModelFault: "model_fault",
    VendorFault: "vendor_fault",
    Abandoned: "abandoned",
}
HEALTHS: Final = frozenset(("ready", "trial", "cooling", "exhausted", "suspect", "barred", "disabled"))
REASONS: Final = (
    ("taken back", "witness"),
    ("charged after all", "witness"),
    ("too many requests", "throttled"),
    ("throttled", "throttled"),
    ("no credit left", "exhausted"),
    ("key not accepted", "barred"),
    ("model not served", "model_fault"),
    ("by hand", "by_hand"),
    ("in the settings", "settings"),
    ("served", "served"),
)
"""Words of a change's reason, and the label that they come to; the first that is found counts."""
RESCUED_BY: Final = ("replay", "prefill")
RESCUES: Final = ("served", "failed")

DURATIONS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST_TOKENS: Final = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
TOKENS: Final = tuple(4.0**power for power in range(14))
"""1 to 67,108,864."""
OVERHEADS: Final = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
WAITS: Final = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
WAITED: Final = ("went", "refused", "left")
"""How a call's wait for a key ended: with one, with none in time, by the client's leaving."""
FLUSHES: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@define(eq=False)
class Histogram:
    """How often which size was seen. What is observed is sorted into its buckets many at once, or when it is read."""

    bounds: tuple[float, ...]
    observe: Callable[[float], None] = field(init=False)
    """Count a value; a bound counts what equals it, too. (It is a list's own `append`: no frame on the path.)"""
    _counts: list[int] = field(init=False)
    _total: float = 0.0
    _seen: list[float] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self._counts = [0] * (len(self.bounds) + 1)
        self.observe = self._seen.append

    @property
    def counts(self) -> list[int]:
        """How many were of each bound's size; one more than `bounds`: what was larger than all of them."""
        self.sort()
        return self._counts

    @property
    def total(self) -> float:
        """The sum of all."""
        self.sort()
        return self._total

    def sort(self) -> None:
        """Sort what has been observed into its buckets."""
        seen = self._seen
        if not seen:
            return
        seen.sort()
        below = 0
        for bucket, bound in enumerate(self.bounds):
            upto = bisect_right(seen, bound, below)
            self._counts[bucket] += upto - below
            below = upto
        self._counts[-1] += len(seen) - below
        self._total += sum(seen)
        seen.clear()


@define(eq=False)
class Row:
    """The calls of one operation, of one vendor, for one model."""

    operation: str
    upstream: str
    model: str
    served: Histogram = field(factory=lambda: Histogram(DURATIONS))
    failed: dict[str, Histogram] = field(factory=dict)
    """How long calls took that were not served whole, by the kind of error."""
    first: Histogram = field(factory=lambda: Histogram(FIRST_TOKENS))
    """From admission to the first event, of streams that had one."""
    input: Histogram = field(factory=lambda: Histogram(TOKENS))
    output: Histogram = field(factory=lambda: Histogram(TOKENS))

    def sort(self) -> None:
        """As the histograms'."""
        for histogram in (self.served, self.first, self.input, self.output, *self.failed.values()):
            histogram.sort()

    def took(self, error: str) -> Histogram:
        """Where the duration of a call counts that was not served whole."""
        return self.failed.get(error) or self.failed.setdefault(error, Histogram(DURATIONS))


_SERVED, _EMBEDDINGS = Ending.SERVED, Endpoint.EMBEDDINGS
_Settled = tuple[Entry, Endpoint, float, list[Attempt]]


@define(eq=False)
class Measures:
    """Counters of one run of `gateway`. Durations are seconds.

    `overhead` is the time of a call that was not spent waiting for a vendor: from its admission to its first sending,
    between one attempt and the next (pauses before another try are the gateway's own doing), and, of an answer that is
    not streamed, from its arrival to its settlement. What is behind a stream's first event is left out: there the
    gateway's time can't be told from the vendor's without a clock for each event. An answer that waits in the socket
    for the reactor's turn counts as the vendor's time: the loop's lag tells of that.
    """

    gateway: Gateway
    rows: dict[tuple[Endpoint, str, str], Row] = field(factory=dict)
    attempts: Counter[tuple[str, str]] = field(factory=Counter)
    """By upstream and outcome; clients' calls alone, no probes."""
    transitions: Counter[tuple[str, str, str, str]] = field(factory=Counter)
    """Changes in the health of keys and of their accounts, by upstream, from, to, reason."""
    endings: Counter[Ending] = field(factory=Counter)
    """Of calls that were to be streamed."""
    rescues: Counter[tuple[str, str]] = field(factory=Counter)
    overhead: Histogram = field(factory=lambda: Histogram(OVERHEADS))
    flushes: dict[bool, Histogram] = field(factory=lambda: {ok: Histogram(FLUSHES) for ok in (True, False)})
    """By whether the state was written."""
    waits: dict[str, Histogram] = field(factory=lambda: {how: Histogram(WAITS) for how in WAITED})
    moved: deque[Entry] = field(factory=lambda: deque(maxlen=KEPT_CHANGES))
    """The last changes of health, of keys, accounts, models and vendors, for whoever watches."""
    _settled: list[_Settled] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.gateway.waiting.told = lambda how, seconds: self.waits[how].observe(seconds)
        self.gateway.history.gather = self.fold

    # on the path

    def settled(self, call: Call, entry: Entry) -> None:
        """`call` is settled and came to `entry`."""
        # Not the call: its body may be large.
        self._settled.append((entry, call.ask.endpoint, call.admitted, call.attempts))
        if len(self._settled) >= AT_ONCE:
            self.fold()

    # beside it

    def flushed(self, seconds: float, written: bool) -> None:
        """The state was written in that time, or could not be."""
        self.flushes[written].observe(seconds)

    def rescued(self, by: str, result: str) -> None:
        """A cut stream was asked for again: one of `RESCUED_BY`, one of `RESCUES`; anything else raises ValueError."""
        if by not in RESCUED_BY or result not in RESCUES:
            raise ValueError(f"no such rescue: {by}, {result}")
        self.rescues[by, result] += 1

    def fold(self) -> None:
        """Count what has been settled."""
        settled, self._settled = self._settled, []
        self.gateway.history.take(settled, self.gateway.catalog.find)
        rows = {id(row): row for row in [self._count(*each) for each in settled]}
        for row in rows.values():
            row.sort()
        self.overhead.sort()
        for histogram in self.waits.values():
            histogram.sort()

    def _count(self, entry: Entry, endpoint: Endpoint, admitted: float, attempts: list[Attempt]) -> Row:
        upstream = entry.upstream or (attempts[-1].upstream.name if attempts else NOBODY)
        row = self.rows.get((endpoint, upstream, entry.model or OTHER)) or self._row(endpoint, upstream, entry.model)
        ending = entry.ending
        (row.served if ending is _SERVED else row.took(error_of(entry))).observe(entry.took)
        if entry.stream:
            if entry.first is not None:
                row.first.observe(entry.first)
            if ending is not None:
                self.endings[ending] += 1
        if entry.source is not None:
            row.input.observe(entry.prompt)
            if endpoint is not _EMBEDDINGS:
                row.output.observe(entry.completion)
        self.overhead.observe(overhead(entry, admitted, attempts))
        for attempt in attempts:
            self.attempts[attempt.upstream.name, outcome_of(attempt, ending)] += 1
        return row

    def _row(self, endpoint: Endpoint, upstream: str, model: str | None) -> Row:
        """The row of those labels; of `OTHER`, where the catalog never had the model when one of its calls counted."""
        known = model if model is not None and self.gateway.catalog.find(model) is not None else OTHER
        row = self.rows.get((endpoint, upstream, known))
        if row is None:
            row = self.rows[endpoint, upstream, known] = Row(OPERATIONS[endpoint], upstream, known)
        return row

    def changed(self, entry: Entry) -> None:
        """Count a change of health, as `carrier.tell` words its entry: `ready -> cooling, 429: too many requests`."""
        self.moved.append(entry)
        if entry.id.startswith(("model ", "upstream ")) or entry.note is None or entry.upstream is None:
            return
        healths, _, reason = entry.note.partition(", ")
        before, _, after = healths.partition(" -> ")
        before, after = (name if name in HEALTHS else OTHER for name in (before, after))
        self.transitions[entry.upstream, before, after, reason_of(reason, after)] += 1


def overhead(entry: Entry, admitted: float, attempts: list[Attempt]) -> float:
    """The seconds of a call that no vendor was waited for; see `Measures`."""
    seconds, since = 0.0, admitted
    for attempt in attempts:
        seconds += attempt.began - since
        if attempt.ended is None:  # the client left, and the vendor had not answered yet
            return max(0.0, seconds)
        since = attempt.ended
    if not (entry.stream and entry.first is not None):
        seconds += admitted + entry.took - since
    return seconds if seconds > 0.0 else 0.0


def outcome_of(attempt: Attempt, ending: Ending | None) -> str:
    """How an attempt came out in the end; `ending` is its call's.

    What began to be served and was cut is the vendor's fault, and what the client left is nobody's.
    """
    outcome = attempt.outcome
    if outcome is not None and not isinstance(outcome, Served):
        return OUTCOMES[type(outcome)]
    if ending is _SERVED:
        return "served"
    if ending is Ending.TRUNCATED or (ending is Ending.FAILED and outcome is None):
        return "vendor_fault"
    return "abandoned"


def error_of(entry: Entry) -> str:
    """OpenTelemetry's `error.type` of a call that was not served whole: `abandoned`, `truncated`, the status that the
    client was sent (`429`, `502`), or else the word for its ending."""
    ending = entry.ending or Ending.FAILED
    if ending not in (Ending.ABANDONED, Ending.TRUNCATED) and entry.status is not None and 400 <= entry.status < 600:
        return str(entry.status)
    return str(ending.value)


def reason_of(text: str, after: str) -> str:
    """The label that a change's reason comes to: one of `REASONS`, `vendor_fault`, or `OTHER`.

    A vendor's failure is told in words of its own; only it can have something cool down for none of the others.
    """
    if "another key served" in text:
        return "vendor_fault"
    found = next((label for words, label in REASONS if words in text), None)
    return found or ("vendor_fault" if after == "cooling" else OTHER)
