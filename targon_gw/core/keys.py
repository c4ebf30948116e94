"""A vendor's keys as a pool sees them: UpstreamKey, the Account behind it, the Lease of one for one Attempt.

They hold state and answer questions about themselves; who is drawn and what an outcome does to them is the pool's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from msgspec import Struct
from msgspec import field as member

from .config import KeySettings, Prefill, Secret
from .health import Disabled, Spent, Standing

if TYPE_CHECKING:
    from .attempts import Outcome
    from .witness import Alike, Charge

KEPT_CHANGES = 20
"""Of one key, account, model or vendor."""


@frozen
class Change:
    """One change of health, kept with its reason. `at` and `until` are in the caller's seconds."""

    at: float
    what: str
    """Of what: a key's id, `account NAME`, `account NAME for MODEL`, `model MODEL`, `upstream NAME`."""
    before: str
    after: str
    reason: str
    status: int | None
    request_id: str
    until: float | None


def remember(history: list[Change], change: Change) -> None:
    """Put `change` last; the oldest go. (Most never change, and an empty deque takes 760 bytes.)"""
    history.append(change)
    del history[:-KEPT_CHANGES]


@define(eq=False)
class Account:
    """The vendor's customer behind one or more keys: rate limits and credits are its."""

    id: str
    standing: Standing = field(factory=Standing)
    leaves: dict[str, Standing] = field(factory=dict)
    """By model, where the vendor's limits are per model and one has been reached."""
    short_of: int | None = None
    """Where its credit was too small for a call: how many tokens that one asked for; a smaller one may still pass."""
    doubted_at: float | None = None
    """When others were served after a verdict by which it had gone free; see `core.witness`."""
    probed_at: float | None = None
    """When a key of it was probed last."""
    history: list[Change] = field(factory=list)
    _tell: Callable[[Any], object] | None = None

    def leave_for(self, model: str) -> Standing:
        """The account's leave to use `model`; a new one where nothing is known of it."""
        leave = self.leaves.get(model)
        if leave is None:
            leave = self.leaves[model] = Standing()
            self._tells(leave, (self, model))
        return leave

    def told_by(self, tell: Callable[[Any], object] | None) -> None:
        """From now on `tell` is told when the account moves (the account), or a leave of it (the two, as a pair)."""
        if tell is not self._tell:
            self._tell = tell
            self._tells(self.standing, self)
            for model, leave in self.leaves.items():
                self._tells(leave, (self, model))

    def _tells(self, standing: Standing, what: object) -> None:
        standing.told = None if self._tell is None else partial(self._tell, what)

    def may_serve(self, model: str, max_tokens: int | None, now: float) -> bool:
        """Whether the account may be asked for `model` at `now`."""
        if not self.standing.may_serve(now):
            spent = isinstance(self.standing.health, Spent)
            if not spent or self.short_of is None or max_tokens is None or max_tokens >= self.short_of:
                return False
        leave = self.leaves.get(model)
        return leave is None or leave.may_serve(now)


@define(eq=False)
class UpstreamKey:
    """A secret that a vendor issued; known by its fingerprint."""

    id: str
    secret: Secret = field(repr=False)
    account: Account
    weight: int = 1
    note: str = ""
    standing: Standing = field(factory=Standing)
    in_flight: int = 0
    turn: int = 0
    """When it was last leased, as a running number: between equals, the lowest has been idle longest."""
    first_token: float | None = None
    """Seconds to the first token, a moving average; `None` until it has served."""
    served: int = 0
    served_at: float | None = None
    missed: int = 0
    """The vendor's faults that it has met since it was last served."""
    probed_at: float | None = None
    draining: bool = False
    """It has left the settings: its leases come back, and it is gone."""
    history: list[Change] = field(factory=list)

    @classmethod
    def of(cls, settings: KeySettings, account: Account) -> UpstreamKey:
        """The key that the settings describe; out of the draw where they have it switched off."""
        key = cls(settings.secret.fingerprint, settings.secret, account, max(1, settings.weight), settings.note)
        if not settings.enabled:
            key.standing.move(Disabled())
        return key

    @property
    def load(self) -> float:
        """Leases out, by weight."""
        return self.in_flight / self.weight

    def noted_first_token(self, seconds: float) -> None:
        """Take the time to a first token into the average."""
        known = self.first_token
        self.first_token = seconds if known is None else known + 0.2 * (seconds - known)


@define(eq=False)
class Route:
    """One model at one vendor: its breaker, and who served it last."""

    model: str
    standing: Standing = field(factory=Standing)
    faults: int = 0
    """Faults in a row, without a call served between them."""
    witness: UpstreamKey | None = None
    """The key that served it last."""
    accused: dict[UpstreamKey, Accusation] = field(factory=dict)
    """Keys that failed at it since a call was served."""
    cutters: dict[UpstreamKey, Accusation] = field(factory=dict)
    """Keys whose streams were cut since another's came to a good end."""
    convicted: dict[UpstreamKey, Charge] = field(factory=dict)
    """Keys that went to rest because another one served: it may turn out to have been the request."""
    cuts: int = 0
    """Streams in a row that were cut after they had begun; a call counts once, however often it is cut."""
    cut_of: Want | None = None
    """The call whose stream was cut last."""
    alike: dict[type[Outcome], Alike] = field(factory=dict)
    """What has failed alike since a call was served, by the kind of outcome; see `core.witness`."""
    well_at: float = float("-inf")
    """When the attempt was begun that served last."""
    fault_of: Want | None = None
    """The call that had all of `faults`; `None` where there were several."""
    bodies: deque[tuple[float, bytes]] = field(factory=lambda: deque(maxlen=16))
    """Which bodies the vendor failed at last, and when; see `core.poison`."""
    turned_down: Prefill | None = None
    """The way of being asked to go on from what was said that the vendor refused."""
    history: list[Change] = field(factory=list)


class Accusation(Struct, frozen=True, gc=False):
    """A key has failed: when, how, and at which call."""

    at: float
    reason: str
    want: Want


class Want(Struct, eq=False):
    """What a call needs of a key."""

    model: str
    """As the vendor calls it."""
    max_tokens: int | None = None
    thread: int | None = None
    """A hash of the conversation: vendors cache prefixes, so the key that served it last is preferred."""
    request_id: str = ""
    tried_keys: set[str] = member(default_factory=set)
    tired_accounts: set[str] = member(default_factory=set)
    """Accounts that have answered this call with a 429 or with no credit."""


class Lease(Struct, eq=False):
    """Leave to use one key for one Attempt; given back once."""

    key: UpstreamKey
    account: Account
    """The key's when the lease went out: the settings may have moved the key to another one since."""
    route: Route
    want: Want
    began: float
    key_epoch: int
    account_epoch: int
    leave_epoch: int | None
    route_epoch: int
    upstream_epoch: int
    counted: tuple[tuple[Standing, int], ...] = ()
    """The standings that keep count of it, those that were not ready, and the epoch that it has there."""
    open: bool = True
    proved: bool = False
    """What was asked for has begun to come."""

    # Begun since the thing last went to rest: only such a lease says how well it is now.

    @property
    def fresh_on_key(self) -> bool:
        """Whether the lease was begun since its key last went to rest."""
        return self.key_epoch == self.key.standing.epoch

    @property
    def fresh_on_account(self) -> bool:
        """The same of its account."""
        return self.account_epoch == self.account.standing.epoch

    @property
    def fresh_on_leave(self) -> bool:
        """The same of the account's leave to use the model; not where there was none yet when it was begun."""
        leave = self.account.leaves.get(self.route.model)
        return leave is not None and self.leave_epoch == leave.epoch

    @property
    def fresh_on_route(self) -> bool:
        """The same of the model at this vendor."""
        return self.route_epoch == self.route.standing.epoch
