"""The Gateway: the whole as one object, and the only face of the core that the shells see.

It admits calls and settles them; what happens between is the Call's. `now` is the shells' monotonic time in seconds;
`wall` is what must be added to it for Unix seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

import msgspec
from attrs import define, field, frozen

from .attempts import Abandoned, Outcome, Served, VendorFault
from .bank import Bank, Hold, MemoryBank
from .budget import RetryBudget
from .call import Attempt, Call, Rules
from .catalog import Catalog, Model
from .census import STATES
from .clients import ClientKey, identify
from .config import Config
from .errors import Refusal
from .keys import Change
from .ledger import Ending, Entry
from .meter import Usage
from .openai import Ask, Endpoint
from .pool import KeyPool

_messages = msgspec.json.Decoder(list[msgspec.Raw]).decode


@frozen
class Report:
    """How the gateway is: what `/health` tells. `keys` counts them by state, and `total`."""

    status: str
    """`ok`, `degraded` (half of the keys or more are out) or `down` (none is usable)."""
    keys: dict[str, int]
    draining: bool


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
    calls: set[Call] = field(factory=set)
    """Admitted and not yet settled."""
    settled: Counter[Ending] = field(factory=Counter)

    @classmethod
    def of(cls, config: Config, wall: float, roll: Callable[[], float]) -> Gateway:
        """The gateway that the settings describe; `roll` answers with a number from 0 up to, not with, 1."""
        pools = {settings.name: KeyPool(settings, roll) for settings in config.upstreams}
        rules = Rules(config.retries, RetryBudget(config.retries.budget), roll)
        bank = MemoryBank.of(config.clients, config.anonymous)
        return cls(config, wall, bank, pools, Catalog.of(config.models, pools), rules)

    def identify(self, secret: bytes | None, address: str, now: float) -> ClientKey | Awaitable[ClientKey]:
        """Whose key `secret` is (`None`: none was sent); raises `Refusal`."""
        found = self.bank.find(secret)
        if found is None or isinstance(found, ClientKey):
            return identify(found, address, now + self.wall)
        return self._identify_later(found, address, now)

    async def _identify_later(self, found: Awaitable[ClientKey | None], address: str, now: float) -> ClientKey:
        return identify(await found, address, now + self.wall)

    def admit(self, client: ClientKey, ask: Ask, request_id: str, now: float) -> Call | Awaitable[Call]:
        """A Call for what `client` asks; raises `Refusal`. Whoever gets a Call settles it."""
        if self.draining:
            raise Refusal("draining", "This gateway is about to restart; try again in a moment.", wait=2.0)
        model = self.catalog.resolve(ask.model)
        if not client.may_use(ask.model):
            raise Refusal("model_not_allowed", "This API key may not use that model.", "model")
        hold = self.bank.hold(client)
        if isinstance(hold, Hold):
            return self._call(hold, model, ask, request_id, now)
        return self._admit_later(hold, model, ask, request_id, now)

    async def _admit_later(self, hold: Awaitable[Hold], model: Model, ask: Ask, request_id: str, now: float) -> Call:
        return self._call(await hold, model, ask, request_id, now)

    def _call(self, hold: Hold, model: Model, ask: Ask, request_id: str, now: float) -> Call:
        self.rules.budget.called(now)
        deadline = now + self.config.retries.deadline
        call = Call(request_id, hold.client, ask, model, hold, self.rules, now, deadline)
        if any(len(leg.pool.keys) > 1 for leg in model.legs):
            call.thread = thread_of(hold.client, ask)
        self.calls.add(call)
        return call

    def settle(self, call: Call, ending: Ending, usage: Usage | None, now: float) -> Entry:
        """End `call`, once: its lease comes back, its hold is released against `usage`. The Entry that it comes to."""
        call.settled()
        self.calls.discard(call)
        last = call.attempts[-1] if call.attempts else None
        if last is not None and last.lease.open:
            last.leg.pool.give_back(last.lease, _outcome(ending, last), now)
        self.bank.settle(call.hold, usage)
        self.settled[ending] += 1
        serving = call.serving
        return Entry(
            request_id=call.request_id,
            client=call.client.name,
            model=call.ask.model,
            served=serving.model.id if serving else None,
            upstream=serving.upstream.name if serving else None,
            account=serving.key.account.id if serving else None,
            key=serving.key.id if serving else None,
            stream=call.ask.stream,
            ending=ending,
            attempts=len(call.attempts),
            first=serving.ended - call.admitted if serving and serving.ended is not None else None,
            took=now - call.admitted,
            usage=usage,
            reference=call.reference,
        )

    def changes(self) -> Iterator[tuple[str, Change]]:
        """What has changed in the health of keys since this was last asked: the upstream's name, and the change."""
        for pool in self.pools.values():
            for change in pool.taken_changes():
                yield pool.name, change

    def report(self, now: float) -> Report:
        """How the gateway is."""
        census: Counter[str] = Counter()
        for pool in self.pools.values():
            census.update(pool.census(now))
        total = sum(census.values())
        usable = census["usable"]
        status = "down" if not usable or self.draining else "degraded" if usable * 2 <= total else "ok"
        return Report(status, {"total": total, **{state: census[state] for state in STATES}}, self.draining)

    def state_of(self, model: Model, now: float) -> str:
        """`available`, `degraded` (not by the first of its routes, or half of the keys are out) or `unavailable`."""
        able, ready = 0, 0
        for leg in model.legs:
            census = leg.pool.vacancy(leg.upstream_id, now).states
            route = leg.pool.routes.get(leg.upstream_id)
            open_ = leg.pool.standing.may_serve(now) and (route is None or route.standing.may_serve(now))
            able += sum(census.values())
            ready += census["usable"] if open_ else 0
        return "unavailable" if not ready else "degraded" if ready * 2 <= able else "available"

    def offered_to(self, client: ClientKey) -> Iterator[tuple[str, Model]]:
        """The models that `client` may ask for, by each name."""
        return ((name, model) for name, model in self.catalog if client.may_use(name))


def _outcome(ending: Ending, attempt: Attempt) -> Outcome:
    match ending:
        case Ending.SERVED:
            return Served()
        case Ending.TRUNCATED:
            return VendorFault("the stream was cut")
        case Ending.FAILED if not isinstance(attempt.outcome, Served):
            return VendorFault("the attempt was broken off")
        case _:
            return Abandoned()


def thread_of(client: ClientKey, ask: Ask) -> int | None:
    """A number for the conversation: the client and the messages up to the first that a user wrote.

    Vendors cache prefixes: what begins alike is best asked of the same key. `None` where there is nothing to go by.
    """
    if ask.endpoint is not Endpoint.CHAT:
        return None
    opening: list[object] = [client.name]
    for message in _messages(ask.fields["messages"]):
        opening.append(bytes(message))
        if b'"user"' in opening[-1]:  # type: ignore[operator]
            break
    return hash(tuple(opening))
