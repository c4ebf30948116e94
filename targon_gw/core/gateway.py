"""The Gateway: the whole as one object, and the only face of the core that the shells see.

It admits calls and settles them; what happens between is the Call's. `now` is the shells' monotonic time in seconds;
`wall` is what must be added to it for Unix seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from attrs import define, evolve, field, frozen
from msgspec import Struct

from . import estate
from .allowance import Claim, Hold
from .attempts import Abandoned, Outcome, Served, VendorFault
from .bank import Bank, Defaults, MemoryBank, caller
from .budget import RetryBudget
from .call import Attempt, Call, Rules, State
from .catalog import Catalog, Model
from .census import STATES
from .changeover import Changeover, changeover
from .clients import ClientKey, identify
from .config import Config
from .cut import Slices, all_of, as_read
from .dialects import FALLBACK_MAX_TOKENS
from .diff import Diff
from .entries import Closing, entries_of
from .errors import Refusal
from .failures import Failures
from .history import History
from .keys import Change
from .ledger import Ending, Entry, Ledger
from .limits import Shown
from .lines import Row
from .meter import Usage
from .openai import Ask, Endpoint
from .overview import ModelSeen, Overview, Rates
from .people import People
from .poison import Poison
from .pool import KeyPool
from .waiting import Waiting

_WELL = Served()
_CHAT, _EMBEDDINGS, _SETTLED, _SERVED = Endpoint.CHAT, Endpoint.EMBEDDINGS, State.SETTLED, Ending.SERVED
OPENING = 1 << 16
"""Bytes of the messages that a conversation is known by at most."""


@frozen
class Report:
    """How the gateway is: what `/health` tells. `keys` counts them by state, and `total`."""

    status: str
    """`ok`, `degraded` (half of the keys or more are out) or `down` (none is usable)."""
    keys: dict[str, int]
    draining: bool


class Asking(Struct, frozen=True, gc=False):
    """Who asks, from which IP address, in which request."""

    client: ClientKey
    address: str
    request_id: str


@define(eq=False)
class Gateway:
    """Clients, catalog and pools."""

    config: Config
    wall: float
    bank: Bank
    pools: dict[str, KeyPool]
    catalog: Catalog
    rules: Rules
    draining: bool = False
    leaving: dict[str, KeyPool] = field(factory=dict)
    """Vendors that have left the settings, while a key of theirs has calls to finish."""
    calls: set[Call] = field(factory=set)
    """Admitted and not yet settled."""
    ledger: Ledger = field(factory=Ledger)
    orphaned: dict[str, list[Any]] = field(factory=dict)
    """Calls that an earlier run left open, by id, as its state told them."""
    shut: str | None = None
    """Why no call is admitted at present, for clients to read; `None` where calls are."""
    strained: str | None = None
    """Why no call is admitted for a few seconds: the process has as much to do as it can."""
    failures: Failures = field(factory=Failures)
    """Keys that were none."""
    people: People = field(factory=People)
    """Who has registered, and who is signed in."""
    history: History = field(factory=History)
    """What has been of late, as pages show it."""

    @classmethod
    def of(cls, config: Config, wall: float, roll: Callable[[], float]) -> Gateway:
        """The gateway that the settings describe; `roll` answers with a number from 0 up to, not with, 1."""
        pools = {settings.name: KeyPool(settings, roll) for settings in config.upstreams}
        poison = Poison(b"%d" % hash(cls.__name__))  # Python salts the hashes of texts anew in each process
        rules = Rules(config.retries, RetryBudget(config.retries.budget), roll, Waiting(config.limits), poison)
        defaults = Defaults(config.default_limits, config.default_quota)
        bank = MemoryBank.of(config.clients, config.anonymous, defaults, wall)
        return cls(config, wall, bank, pools, Catalog.of(config.models, pools), rules)

    def identify(self, secret: bytes | None, address: str, now: float) -> ClientKey | Awaitable[ClientKey]:
        """Whose key `secret` is (`None`: none was sent); raises `Refusal`."""
        found = self.bank.find(secret)
        if found is None or isinstance(found, ClientKey):
            try:
                return identify(found, address, now + self.wall)
            except Refusal as refusal:
                raise self._not_known(refusal, secret, address, now) from None
        return self._identify_later(found, secret, address, now)

    async def _identify_later(
        self, later: Awaitable[ClientKey | None], secret: bytes | None, address: str, now: float
    ) -> ClientKey:
        found = await later
        try:
            return identify(found, address, now + self.wall)
        except Refusal as refusal:
            raise self._not_known(refusal, secret, address, now) from None

    def _not_known(self, refusal: Refusal, secret: bytes | None, address: str, now: float) -> Refusal:
        """What whoever sent `secret` is told; who sends many that are none is told to slow down."""
        self.history.turned_away(refusal.code, now + self.wall)
        if not secret or refusal.code != "invalid_api_key":
            return refusal
        return self.failures.judged(refusal, caller(address), now)

    def admit(self, asking: Asking, ask: Ask, now: float) -> Call | Awaitable[Call]:
        """A Call for what is asked; raises `Refusal`. Whoever gets a Call settles it."""
        try:
            if self.draining:
                raise Refusal("draining", "This gateway is about to restart; try again in a moment.", wait=2.0)
            if self.shut is not None:
                raise Refusal("overloaded", self.shut, wait=5.0)
            model = self.catalog.resolve(ask.model)
            if not asking.client.may_use(ask.model):
                raise Refusal("model_not_allowed", "This API key may not use that model.", "model")
            hold = self.bank.hold(asking.client, claim_of(ask, model), asking.address, now)
        except Refusal as refusal:
            self.history.turned_away(refusal.code, now + self.wall)
            raise
        if isinstance(hold, Hold):
            return self._call(hold, model, ask, asking.request_id, now)
        return self._admit_later(hold, model, ask, asking.request_id, now)

    async def _admit_later(self, hold: Awaitable[Hold], model: Model, ask: Ask, request_id: str, now: float) -> Call:
        try:
            held = await hold
        except Refusal as refusal:
            self.history.turned_away(refusal.code, now + self.wall)
            raise
        return self._call(held, model, ask, request_id, now)

    def _call(self, hold: Hold, model: Model, ask: Ask, request_id: str, now: float) -> Call:
        self.rules.budget.called(now)
        deadline, thread = now + self.config.retries.deadline, None
        for leg in model.legs:
            if len(leg.pool.keys) > 1:
                thread = thread_of(hold.client, ask)
                break
        call = Call(request_id, hold.client, ask, model, hold, self.rules, now, deadline, thread)
        self.calls.add(call)
        return call

    def limits_of(self, call: Call, now: float) -> Shown:
        """How the limits of whoever made `call` stand."""
        return self.bank.limits_of(call.hold, now)

    def entries_of(self, call: Call, closing: Closing, now: float) -> list[Entry]:
        """What `call` comes to; see `core.entries`. Nothing is changed by it."""
        if call.state is _SETTLED:
            raise RuntimeError("a call is settled once")
        return entries_of(call, closing, now, self.wall)

    def settle(self, call: Call, entry: Entry, usage: Usage | None, now: float) -> None:
        """End `call` with the Entry that it came to, once: its lease comes back, its hold is released.

        `usage` is what the entry says of it: at hand wherever an entry was just made.
        """
        if call.queued_at is not None:
            self.rules.waiting.leave(call, now)
        call.settled()
        self.calls.discard(call)
        last = call.attempts[-1] if call.attempts else None
        if last is not None and last.lease.open:
            # While it drains the gateway breaks calls off itself: nobody is blamed for what ends then.
            cut = self.draining and entry.ending is not _SERVED
            last.leg.pool.give_back(last.lease, Abandoned() if cut else _outcome(entry.ending, last), now)
        self.bank.settle(call.hold, usage, entry.cost, now)

    def to_state(self, now: float) -> dict[str, Any]:
        """All that must outlive this process, as of the last line of the ledger, as the next run will read it."""
        return as_read(all_of(self.slices(now)))

    def slices(self, now: float) -> Slices:
        """The same, as of the line that is the last at the first step, a slice at a time.

        To be gone through, or closed, before the next begins.
        """
        return estate.slices(self, now)

    def restore(self, state: Mapping[str, Any], now: float) -> None:
        """Take up what `to_state` said in an earlier run, before anything is admitted."""
        estate.restore(self, state, now)

    def orphans(self, now: float) -> list[Entry]:
        """The calls that an earlier run left open and nobody has settled since; each is said once."""
        return estate.orphans(self, now)

    def replay(self, n: int, entry: Entry, now: float = 0.0) -> None:
        """Count a line of the ledger that no state knows of; one that was counted before is passed over."""
        estate.replay(self, n, entry, now)

    def replay_all(self, runs: Iterable[Sequence[Row]], now: float = 0.0) -> None:
        """As `replay` of each of these lines, in the order of their numbers; and the health that they tell of."""
        estate.replay_all(self, runs, now)

    def take(self, change: Mapping[str, Any], now: float) -> None:
        """Do a change of users, sessions or invites, as `people` has worked it out, once its line is on file."""
        estate.take(self, change, now)

    def reconfigure(self, config: Config, now: float, change: Changeover | None = None) -> Diff:
        """Go by `config`, which is taken to be checked, from now on; what that has changed. Whole or not at all.

        `change` is what leads there, where it was worked out beforehand; what is left to do takes as long as there are
        things that change. Calls that run go on with the models, the vendors and the keys that they have.
        """
        if change is None or not change.is_from(self.config, config):
            change = changeover(self.config, config)
        known = {**self.leaving, **self.pools}
        pools: dict[str, KeyPool] = {}
        for settings in config.upstreams:
            pools[settings.name] = known.get(settings.name) or KeyPool(evolve(settings, keys=()), self.rules.roll)
        catalog = Catalog.of(config.models, pools)
        defaults = Defaults(config.default_limits, config.default_quota)
        self.bank.reconfigure(config.clients, config.anonymous, defaults, now, change.clients)
        # What could fail is done: from here on everything is taken.
        told = [pools[each.name].reconfigure(each, now, change.pools[each.name]) for each in config.upstreams]
        left = {name: pool for name, pool in known.items() if name not in pools}
        told += [pool.reconfigure(evolve(pool.settings, keys=()), now) for pool in left.values()]
        self.leaving = {name: pool for name, pool in left.items() if pool.draining}
        self.config, self.pools, self.catalog = config, pools, catalog
        self.rules.budget.share = config.retries.budget
        self.rules = evolve(self.rules, retries=config.retries)
        self.waiting.reconfigure(config.limits)
        self.history.follow(model.id for _, model in catalog)
        return evolve(change.diff, pools=tuple(diff for diff in told if diff))

    def changes(self) -> list[tuple[str, Change]]:
        """What has changed in the health of keys since this was last asked: the upstream's name, and the change."""
        changes: list[tuple[str, Change]] = []
        for pool in self.pools.values():
            if pool.changes:
                changes += zip(repeat(pool.name), pool.taken_changes())
        return changes

    def too_much(self, why: str) -> Refusal:
        """What a call is told while `strained` says `why`: to come again, and not all at the same moment (A-32)."""
        self.history.turned_away("overloaded")
        return Refusal("overloaded", why, wait=5.0 * self.rules.roll())

    @property
    def waiting(self) -> Waiting:
        """The calls that wait for a key."""
        return self.rules.waiting

    def report(self, now: float) -> Report:
        """How the gateway is."""
        census: Counter[str] = Counter()
        for pool in self.pools.values():
            census.update(pool.census(now))
        total = sum(census.values())
        usable = census["usable"]
        status = "down" if not usable or self.draining else "degraded" if usable * 2 <= total else "ok"
        return Report(status, {"total": total, **{state: census[state] for state in STATES}}, self.draining)

    def snapshot(self, now: float) -> Overview:
        """The picture of this moment that pages are made of. It looks at no key by itself: 0.1 ms at any size."""
        unix, report = now + self.wall, self.report(now)
        calls = sum(sums.calls for sums in self.ledger.totals["day"].values())
        availability, cells = self.history.availability(unix), self.history.cells(unix)
        rates = Rates(*self.history.rates(unix), len(self.calls))
        return Overview(unix, report.status, report.keys, calls, availability, cells, rates)

    def models_seen(self, now: float) -> list[ModelSeen]:
        """The models of the catalog, under their own names, with their last hour."""
        unix = now + self.wall
        self.history.look(unix)
        seen = []
        for name, model in self.catalog:
            if name == model.id:
                ready, able = self._staff_of(model, now)
                kind, hour = model.settings.kind.value, self.history.hour(name, unix)
                seen.append(ModelSeen(name, kind, _state_of(ready, able), ready, able, hour))
        return seen

    def state_of(self, model: Model, now: float) -> str:
        """`available`, `degraded` (not by the first of its routes, or half of the keys are out) or `unavailable`."""
        return _state_of(*self._staff_of(model, now))

    def _staff_of(self, model: Model, now: float) -> tuple[int, int]:
        """How many keys may serve `model` now, and how many there are for it."""
        able, ready = 0, 0
        for leg in model.legs:
            census = leg.pool.census_for(leg.upstream_id, now)
            route = leg.pool.routes.get(leg.upstream_id)
            open_ = leg.pool.standing.may_serve(now) and (route is None or route.standing.may_serve(now))
            able += sum(census.values())
            ready += census["usable"] if open_ else 0
        return ready, able

    def offered_to(self, client: ClientKey) -> Iterator[tuple[str, Model]]:
        """The models that `client` may ask for, by each name."""
        return ((name, model) for name, model in self.catalog if client.may_use(name))


def _state_of(ready: int, able: int) -> str:
    return "unavailable" if not ready else "degraded" if ready * 2 <= able else "available"


def claim_of(ask: Ask, model: Model) -> Claim:
    """The most that `ask` may use, as far as it says: where it sets no bound, what the catalog says is usual.

    A model that may stand in may be dearer than the one that is asked for, or may write more.
    """
    claim, stand_in = _claim(ask, model), model.fallback
    while stand_in is not None and stand_in is not model:
        other = _claim(ask, stand_in)
        claim = Claim(max(claim.tokens, other.tokens), claim.bills + other.bills)
        stand_in = stand_in.fallback
    return claim


def _claim(ask: Ask, model: Model) -> Claim:
    settings, prompt = model.settings, ask.prompt_estimate
    most = 0 if ask.endpoint is _EMBEDDINGS else ask.max_tokens or settings.max_tokens or FALLBACK_MAX_TOKENS
    completion = most * ask.generations
    return Claim(prompt + completion, ((prompt, completion, settings.price),))


def _outcome(ending: Ending | None, attempt: Attempt) -> Outcome:
    if ending is _SERVED:
        return _WELL
    match ending:
        case Ending.TRUNCATED:
            return VendorFault("the stream was cut")
        case Ending.FAILED if not isinstance(attempt.outcome, Served):
            return VendorFault("the attempt was broken off")
        case _:
            return Abandoned()


def thread_of(client: ClientKey, ask: Ask) -> int | None:
    """A number for the conversation: the client, and its messages up to a brace in or behind the first of a user's.

    That much stays the same from turn to turn; to search for it costs 0.6 µs where parsing costs five. Vendors cache
    prefixes: what begins alike is best asked of the same key. `None` where there is nothing to go by.
    """
    if ask.endpoint is not _CHAT:
        return None
    messages = ask.fields["messages"]
    head = bytes(messages) if ask.size <= OPENING else bytes(memoryview(messages)[:OPENING])
    written = head.find(b'"user"')
    return hash((client.name, head[: head.find(b"}", written)] if written >= 0 else head))
