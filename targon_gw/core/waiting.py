"""Calls that wait for what is not free but soon will be.

Calls that want the same models of the same vendors stand in one Line; in it each client has a queue of its own, and the
clients take turns by their weight. Lines that want keys of one vendor meet at its Bay and take turns, too, each by the
weight of the clients in it. So a client with five hundred calls waiting delays another's one call by a turn.

A Bay is told when a lease comes back (one call may go) and when something is better than it was (as many as may); then
those who wait are asked to try, whoever's turn it is first, and a call that is new stands behind them. Where a call
can't go, its Line is passed over until more is told, or the next rest ends. Nothing is looked through: what happens
costs a logarithm of those who wait, and a try for each Line that can't go.

Bounded in number, in bytes and in time: whoever would not be served in time, as far as can be told, is turned away at
once. What is told, and what can't be told, is never shown as more than it is: the estimate is of the last turns.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from attrs import define, field
from msgspec import Struct

from .catalog import Leg
from .config import Bounds
from .ordered import Ordered
from .pool import KeyPool
from .turns import Turns

if TYPE_CHECKING:
    from .call import Call, Refuse, Try

MOST_BYTES: Final = 64 << 20
"""Bytes of bodies that waiting calls may hold in all; those under way have a bound of their own."""
AT_ONCE: Final = 16
"""Calls that are sent on between two turns of the reactor: some 2 ms, however many may go."""
SEEN: Final = 32
"""Turns that the estimate goes by at most."""
ENOUGH: Final = 8
"""Turns that it goes by at least: who waits behind fewer is let wait."""

Want = tuple[KeyPool, str]
"""A vendor, and what it calls a model."""


class Wish(Struct, frozen=True):
    """What a call waits for, as whose, how heavily, and until when at most."""

    legs: tuple[Leg, ...]
    client: str
    weight: int
    size: int
    """Bytes of its body."""
    until: float


class Outlook(Struct, frozen=True, gc=False):
    """When somebody may serve, as far as time alone tells (`None`: never), and when to look again (`None`: untold)."""

    back: float | None
    again: float | None


def outlook(legs: Iterable[Leg], now: float) -> Outlook:
    """What there is to be waited for on these legs. For a vendor that is broken nobody waits: that its rest is over
    says nothing about how well it is, and a client is to know at once (faults catalogue, D-47)."""
    backs, agains = [], []
    for leg in legs:
        if leg.pool.is_broken(leg.upstream_id):
            continue
        vacancy = leg.pool.vacancy(leg.upstream_id, now)
        if vacancy.back is not None:
            backs.append(vacancy.back)
            agains.append(leg.pool.next_rest_over(leg.upstream_id, now))
    return Outlook(min(backs, default=None), min((at for at in agains if at is not None), default=None))


@define(eq=False, repr=False)
class Line:
    """The calls that want the same."""

    wants: tuple[Want, ...]
    bays: tuple[Bay, ...]
    clients: Turns[str] = field(factory=Turns)
    queues: dict[str, OrderedDict[Call, None]] = field(factory=dict)
    untils: Ordered[Call] = field(factory=Ordered)
    weight: int = 0
    """Of all clients in it."""
    tried: bool = False
    """Its first call could not go, and nothing has been told since that may have changed that."""
    went: deque[float] = field(factory=lambda: deque(maxlen=SEEN))
    """When its last calls did."""

    @property
    def first(self) -> Call:
        """The call whose turn it is."""
        client = self.clients.next()
        assert client is not None, "an empty line is taken away"
        return next(iter(self.queues[client]))

    def join(self, call: Call, wish: Wish) -> None:
        """Stand behind the client's own calls."""
        queue = self.queues.setdefault(wish.client, OrderedDict())
        queue[call] = None
        self.weight += wish.weight - self.clients.weights.get(wish.client, 0)
        self.clients.enter(wish.client, wish.weight)
        self.untils.put(call, wish.until)

    def leave(self, call: Call, client: str, served: float | None) -> None:
        """Out of the line, having had its turn at `served` or none."""
        queue = self.queues[client]
        del queue[call]
        self.untils.put(call, None)
        if served is not None:
            self.clients.took(client)
            self.went.append(served)
        if not queue:
            del self.queues[client]
            self.weight -= self.clients.weights[client]
            self.clients.leave(client)

    def wait(self, wish: Wish, now: float) -> float:
        """Seconds that one more call of that client would wait, by what the last turns took; 0.0 where none tell."""
        if len(self.went) < ENOUGH:
            return 0.0
        pace = (now - self.went[0]) / (len(self.went) - 1)
        others = self.weight - self.clients.weights.get(wish.client, 0)
        ahead = len(self.queues.get(wish.client, ())) + 1
        return pace * min(ahead * (others + wish.weight) / wish.weight, len(self.untils.numbers) + 1)


@define(eq=False, repr=False)
class Bay:
    """Where the lines are that want keys of one pool; the pool's `awaited`."""

    waiting: Waiting
    pool: KeyPool
    lines: Turns[Line] = field(factory=Turns)
    models: dict[str, int] = field(factory=dict)
    """How many lines want which of the vendor's models."""
    free: int = 0
    """Leases that have come back and that nobody was asked to take."""
    better: bool = False

    def freed(self) -> None:
        """A lease has come back: one call may go."""
        self.free += 1
        self.waiting.stir(self)

    def stirred(self) -> None:
        """Something is better than it was: as many may go as can."""
        self.better = True
        self.waiting.stir(self)

    def is_before(self, model: str) -> bool:
        """Whether a new call for `model` stands behind others: of its own line, or those to be asked first."""
        return model in self.models or self.better or self.free > 0

    def next_but(self, passed: set[Line]) -> Line | None:
        """Whose turn it is to try, but for those; where nothing has been told, only who has not tried since it was."""
        told = self.better or self.free > 0
        return self.lines.next(lambda one: one not in passed and (told or not one.tried))

    def enter(self, line: Line) -> None:
        """Have the line in it, with the weight that it has now."""
        if line not in self.lines.weights:
            for pool, model in line.wants:
                if pool is self.pool:
                    self.models[model] = self.models.get(model, 0) + 1
        self.lines.enter(line, line.weight)

    def leave(self, line: Line) -> None:
        """The line is empty."""
        self.lines.leave(line)
        for pool, model in line.wants:
            if pool is self.pool:
                self.models[model] -= 1
                if not self.models[model]:
                    del self.models[model]


@define(eq=False, repr=False)
class Waiting:
    """All calls that wait. `now` is monotonic seconds."""

    bounds: Bounds = Bounds()
    wake: Callable[[], object] = lambda: None
    """Called when `turn` is to be asked soon."""
    told: Callable[[str, float], object] = lambda how, seconds: None
    """Told of each call that waits no more: `went`, `refused` or `left`, and for how long it had waited."""
    size: int = 0
    """Bytes of their bodies."""
    _wishes: dict[Call, tuple[Wish, Line, float]] = field(factory=dict)
    _lines: dict[tuple[Want, ...], Line] = field(factory=dict)
    _bays: dict[KeyPool, Bay] = field(factory=dict)
    _stirred: dict[Bay, None] = field(factory=dict)
    _untils: Ordered[Call] = field(factory=Ordered)
    _agains: Ordered[Line] = field(factory=Ordered)

    def __len__(self) -> int:
        return len(self._wishes)

    # coming and going

    def enter(self, call: Call, wish: Wish, now: float) -> float | None:
        """Have `call` wait, if it may; otherwise after how many seconds it might be served (0.0: nobody can tell).

        `None`: it waits, and is asked to try, or turned away, by `turn`.
        """
        if len(self._wishes) >= self.bounds.waiting or self.size + wish.size > MOST_BYTES:
            return 0.0
        wants = tuple((leg.pool, leg.upstream_id) for leg in wish.legs)
        line = self._lines.get(wants)
        seconds = 0.0 if line is None else line.wait(wish, now)
        if now + seconds >= wish.until:
            return seconds
        if line is None:
            line = self._lines[wants] = Line(wants, tuple({pool: self._bay(pool) for pool, _ in wants}.values()))
        line.join(call, wish)
        for bay in line.bays:
            bay.enter(line)
        self._wishes[call] = wish, line, now
        self.size += wish.size
        self._untils.put(call, wish.until)
        self._agains.put(line, outlook(wish.legs, now).again)
        self._expect(line, call)
        return None

    def _expect(self, line: Line, call: Call) -> None:
        """Have the line asked to try, unless nothing can have changed since its calls did."""
        if call.attempts:  # so far it has asked only for keys that it had not tried
            line.tried = False
            for bay in line.bays:
                self.stir(bay)
        elif len(line.untils.numbers) == 1:
            line.tried = not any(bay.free or bay.better for bay in line.bays)

    def leave(self, call: Call, now: float, how: str = "left") -> None:
        """Out of it, wherever it stands; harmless where it does not wait."""
        found = self._wishes.pop(call, None)
        if found is None:
            return
        wish, line, since = found
        line.leave(call, wish.client, now if how == "went" else None)
        self._untils.put(call, None)
        self.size -= wish.size
        if not line.queues:
            del self._lines[line.wants]
            self._agains.put(line, None)
        for bay in line.bays:
            if line.queues:
                bay.enter(line)
            else:
                bay.leave(line)
                if not bay.lines:
                    self._close(bay)
        self.told(how, now - since)

    def _bay(self, pool: KeyPool) -> Bay:
        bay = self._bays.get(pool)
        if bay is None:
            bay = self._bays[pool] = Bay(self, pool)
            pool.awaited = bay
        return bay

    def _close(self, bay: Bay) -> None:
        del self._bays[bay.pool]
        self._stirred.pop(bay, None)
        bay.pool.awaited = None

    # what happens meanwhile

    def stir(self, bay: Bay) -> None:
        """Have the lines of `bay` asked soon."""
        self._stirred[bay] = None
        self.wake()

    def reconfigure(self, bounds: Bounds) -> None:
        """Go by these bounds; whoever waits stays, and may be served by what has come."""
        self.bounds = bounds
        for bay in list(self._bays.values()):
            bay.stirred()

    @property
    def due(self) -> float | None:
        """When `turn` is to be asked, though nothing happens until then; `None` where nobody waits."""
        times = [at for at in (self._untils.least, self._agains.least) if at is not None]
        return min(times, default=None)

    @property
    def pending(self) -> bool:
        """Whether `turn` has more to do now."""
        return bool(self._stirred)

    def turn(self, now: float) -> list[tuple[Call, Try | Refuse]]:
        """What follows for whoever waits no more, some `AT_ONCE` of them; the rest is `pending` or `due`."""
        ended: list[tuple[Call, Try | Refuse]] = []
        while len(ended) < AT_ONCE and (call := self._untils.until(now)) is not None:
            ended.append(self._turn_away(call, now))
        while (line := self._agains.until(now)) is not None:
            line.tried = False
            for bay in line.bays:
                self.stir(bay)
        for bay in list(self._stirred):
            if len(ended) < AT_ONCE:
                self._serve(bay, now, ended)
        return ended

    def _serve(self, bay: Bay, now: float, ended: list[tuple[Call, Try | Refuse]]) -> None:
        """Ask whoever's turn it is to try, until as many have gone as may."""
        passed: set[Line] = set()
        while bay.pool.awaited is bay:
            line = bay.next_but(passed)
            if line is None:
                bay.free, bay.better = 0, False
                self._stirred.pop(bay, None)
                return
            if len(ended) >= AT_ONCE:
                return
            call = line.first
            step = call.called_up(now)
            if step is None:
                passed.add(line)
                line.tried = True
                self._look(line, now, ended)
                if len(ended) >= AT_ONCE:
                    return
                continue
            for each in line.bays:
                each.lines.took(line)
            used = self._bays.get(step.attempt.leg.pool)
            if used is not None:
                used.free = max(0, used.free - 1)
            self.leave(call, now, "went")
            ended.append((call, step))

    def _look(self, line: Line, now: float, ended: list[tuple[Call, Try | Refuse]]) -> None:
        """The line can't go: until when, and who can't wait that long."""
        seen = outlook(self._wishes[line.first][0].legs, now)
        back = float("inf") if seen.back is None else seen.back
        if back > now:
            while len(ended) < AT_ONCE and (call := line.untils.until(back)) is not None:
                ended.append(self._turn_away(call, now))
        if line.queues:
            self._agains.put(line, seen.again)

    def _turn_away(self, call: Call, now: float) -> tuple[Call, Refuse]:
        self.leave(call, now, "refused")
        return call, call.turned_away(now)
