"""How the keys of a pool are, kept up to date: what `core.census` comes to, without a look at each key.

A standing that moves says so, and what hangs on it is looked at again when somebody next asks; a rest that ends is
found by its time. So an answer costs what has changed since the last one, however many keys there are: to count 10,000
took 12.7 ms a model. Only what is out is kept, for all models or for one: a key that is well costs nothing. It moves
nothing; what it answers is what `core.census` would say of each key, and the tests hold it against that.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial
from typing import Any, Final

from attrs import define, field

from .census import STATES, Look, Vacancy, look_at, rank_of
from .draws import Roster
from .health import Barred, Disabled, Ready, Spent
from .keys import Account, UpstreamKey
from .ordered import Ordered
from .watch import Watch

SCARCE: Final = 16
"""Where fewer than one in so many keys of the draw may serve a model, those are kept apart for it."""
KEPT_APART: Final = 16
"""Models for which that is done at a time."""

Moved = UpstreamKey | Account | tuple[Account, str]
"""What has moved: a key, an account, an account's leave to use a model."""


@define(eq=False)
class Out:
    """Keys that are out, for all models or for one."""

    looks: dict[UpstreamKey, Look] = field(factory=dict)
    counts: list[int] = field(factory=lambda: [0] * len(STATES))
    backs: Ordered[UpstreamKey] = field(factory=Ordered)
    both: dict[UpstreamKey, int] = field(factory=dict)
    """Of those that are out for one model, who is out for all, too; the place of that word."""
    counts_both: list[int] = field(factory=lambda: [0] * len(STATES))

    def put(self, key: UpstreamKey, look: Look | None) -> None:
        """Take note of how `key` is; `None`: not out."""
        before = self.looks.pop(key, None)
        if before is not None:
            self.counts[before.rank] -= 1
        if look is not None:
            self.looks[key] = look
            self.counts[look.rank] += 1
        self.backs.put(key, None if look is None else look.back)

    def put_both(self, key: UpstreamKey, rank: int | None) -> None:
        """Take note of how a key is for all models; `None`: not out, or not out for this one."""
        before = self.both.pop(key, None)
        if before is not None:
            self.counts_both[before] -= 1
        if rank is not None:
            self.both[key] = rank
            self.counts_both[rank] += 1


@define(eq=False)
class Muster:
    """The keys of one pool, by how they are. `now` is monotonic seconds; where it goes back all are looked at."""

    roll: Callable[[], float]
    scarce: int = SCARCE
    roster: Roster = field(init=False)
    """Those that are well."""
    _keys: dict[UpstreamKey, None] = field(factory=dict)
    _of: dict[Account, dict[UpstreamKey, None]] = field(factory=dict)
    _moved: dict[Moved, None] = field(factory=dict)
    _out: Out = field(factory=Out)
    _out_for: dict[str, Out] = field(factory=dict)
    _due: Ordered[UpstreamKey] = field(factory=Ordered)
    """Keys by the time when they are to be looked at again."""
    watch: Watch = field(factory=Watch)
    """Who may be worth a probe."""
    _short: Ordered[UpstreamKey] = field(factory=Ordered)
    """Keys whose account has too little credit for some calls, by what it was short of: the best off first."""
    _apart: OrderedDict[str, Roster] = field(factory=OrderedDict)
    _at: float = 0.0
    _next: float = 0.0
    """When the next of `_due` is."""
    _tell: Callable[[Any], object] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.roster = Roster(self.roll)
        self._tell = self._moved.setdefault

    # who is in it

    def enter(self, keys: Sequence[UpstreamKey]) -> None:
        """These keys are in the pool from now on."""
        for key in keys:
            account = key.account
            self._keys[key] = None
            self._of.setdefault(account, {})[key] = None
            key.standing.told = partial(self._tell, key)
            account.told_by(self._tell)
            if type(key.standing.health) is not Ready or type(account.standing.health) is not Ready or account.leaves:
                self._moved[key] = None
            else:
                self._set(key)
                self.watch.look(key)
        for roster in (self.roster, *self._apart.values()):
            roster.put_first(keys)

    def leave(self, keys: Iterable[UpstreamKey]) -> None:
        """These keys are in it no more; to be said before one of them changes its account."""
        for key in keys:
            del self._keys[key]
            self._moved.pop(key, None)
            key.standing.told = None
            mine = self._of[key.account]
            del mine[key]
            self.watch.leave(key, last=not mine)
            if not mine:
                del self._of[key.account]
                key.account.told_by(None)
            for out in (self._out, *(self._out_for[m] for m in key.account.leaves if m in self._out_for)):
                out.put(key, None)
                out.put_both(key, None)
            self._due.put(key, None)
            self._short.put(key, None)
            for roster in (self.roster, *self._apart.values()):
                roster.drop(key)

    def arrange(self, keys: Sequence[UpstreamKey]) -> None:
        """These are all keys that are in it, in the order of the settings, and their weights may be others."""
        self.roster.fill(keys)
        self._apart.clear()

    def leased(self, key: UpstreamKey) -> None:
        """A lease of `key` has gone out or come back."""
        self.roster.moved(key)
        if self._apart:
            for roster in self._apart.values():
                roster.moved(key)

    # looking

    def look(self, now: float) -> None:
        """Bring all up to `now`."""
        if not self._moved and self._at <= now < self._next:
            return
        if now < self._at:
            self._moved.update(dict.fromkeys(self._keys))
        self._at = now
        while self._moved:
            moved = list(self._moved)
            self._moved.clear()  # in place: standings hold it
            for one in moved:
                self._look_again(one, now)
        while (key := self._due.until(now)) is not None:
            self._look_at(key, now)
        least = self._due.least
        self._next = float("inf") if least is None else least

    def next_look(self, now: float) -> float | None:
        """When something here changes by time alone; `None` where nothing does."""
        self.look(now)
        return self._due.least

    def _look_again(self, moved: Moved, now: float) -> None:
        match moved:
            case UpstreamKey():
                self.watch.look(moved)
                self.watch.look_at(moved.account)
                self._look_at(moved, now)
            case Account():
                self.watch.look_at(moved)
                for key in self._of.get(moved, ()):
                    self._look_at(key, now)
            case (account, model):
                for key in self._of.get(account, ()):
                    self._look_for(key, model, now)
                    self._set(key)

    def _look_at(self, key: UpstreamKey, now: float) -> None:
        account = key.account
        look = look_at(key, now)
        self._out.put(key, look)
        self._due.put(key, None if look is None else look.due)
        few = look is not None and isinstance(account.standing.health, Spent) and not rank_of(key.standing.health, now)
        self._short.put(key, -account.short_of if few and account.short_of is not None else None)
        for model in account.leaves:
            self._look_for(key, model, now)
        self._set(key)

    def _look_for(self, key: UpstreamKey, model: str, now: float) -> None:
        out = self._out_for.get(model)
        well = not rank_of(key.account.leaves[model].health, now)
        if out is None:
            if well:
                return
            out = self._out_for[model] = Out()
        look = None if well else look_at(key, now, model)
        out.put(key, look)
        every = self._out.looks.get(key)
        out.put_both(key, None if look is None or every is None else every.rank)
        if look is not None and look.due is not None:
            due = self._due.numbers.get(key)
            self._due.put(key, look.due if due is None else min(due, look.due))

    def _set(self, key: UpstreamKey) -> None:
        """Have `key` in the rosters of all models for which it is well, and in no other."""
        well = key not in self._out.looks
        self.roster.set(key, well)
        for model, roster in self._apart.items():
            roster.set(key, well and key not in self._out_for[model].looks)

    def keys_of(self, account: Account) -> Iterable[UpstreamKey]:
        """The keys of that account."""
        return self._of.get(account, ())

    def in_use(self, among: Container[Account], most: int) -> int:
        """How many accounts are in use, `most` at most: those `among`, and whoever has credit and a key not out."""
        found = 0
        for account, keys in self._of.items():
            found += account in among or (
                type(account.standing.health) is not Spent
                and any(not isinstance(key.standing.health, Barred | Disabled) for key in keys)
            )
            if found >= most:
                break
        return found

    # answers, as of the last look

    def usable(self, model: str | None = None) -> int:
        """How many keys are well."""
        out = None if model is None else self._out_for.get(model)
        return len(self._keys) - len(self._out.looks) - (0 if out is None else len(out.looks) - len(out.both))

    def states(self, model: str | None = None) -> Counter[str]:
        """Keys by state, for one model or for any; only states that there are."""
        counts = list(self._out.counts)
        counts[0] = self.usable(model)
        out = None if model is None else self._out_for.get(model)
        if out is not None:
            for rank in range(1, len(STATES)):
                counts[rank] += out.counts[rank] - out.counts_both[rank]
        return Counter({state: number for state, number in zip(STATES, counts, strict=True) if number})

    def vacancy(self, model: str, now: float) -> Vacancy:
        """Why no key may serve `model`, and when one will."""
        states = self.states(model)
        return Vacancy(states, now if states["usable"] else self._first_back(model))

    def _first_back(self, model: str) -> float | None:
        out = self._out_for.get(model)
        if out is None:
            return self._out.backs.least
        soonest = out.backs.least
        bound = float("inf") if soonest is None else soonest
        key = self._out.backs.first(lambda k: k not in out.looks, bound)
        return soonest if key is None else self._out.backs.numbers[key]

    def roster_for(self, model: str) -> Roster:
        """The keys to draw among for `model`: all that are well for it, and of others not too many."""
        out = self._out_for.get(model)
        if out is None:
            return self.roster
        usable, roster = self.usable(model), self._apart.get(model)
        if roster is None:
            if usable * self.scarce >= len(self.roster.members):
                return self.roster
            if len(self._apart) >= KEPT_APART:
                self._apart.popitem(last=False)
            roster = self._apart[model] = self.roster.without(out.looks)
        elif usable * self.scarce > 4 * len(self.roster.members):
            del self._apart[model]
            return self.roster
        self._apart.move_to_end(model)
        return roster

    def short(self, tokens: int, may: Callable[[UpstreamKey], bool]) -> UpstreamKey | None:
        """A key whose account has credit for a call of so many tokens, though not for each."""
        return self._short.first(may, -tokens)
