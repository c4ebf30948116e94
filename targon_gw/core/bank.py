"""The one door to what several gateways would have to agree on.

Who a key belongs to, what each client may use, has under way and has used, are reached through `Bank` and nothing else.
In one process `MemoryBank` answers, at once. An answer may also be an awaitable (a Bank that lives in another process):
callers cope with both. Decisions that need no agreement, such as which upstream key to draw, do not come here.

Callers without a key are known by their address, and so many addresses at most: of those with nothing under way,
whoever has not called for longest is forgotten. Nothing here takes longer the more clients there are.
"""

from __future__ import annotations

import ipaddress
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn, Protocol

from attrs import define, field, frozen

from .allowance import Allowance, Claim, Hold, Overview
from .clients import ClientKey, Enrolment, Keyring, enrolment, identify
from .config import Anonymous, ClientSettings, Per, QuotaPlan, RateLimits
from .cut import Rows, Slices, all_of, as_read, plain, together
from .errors import Refusal
from .limits import Shown
from .meter import Usage
from .spending import Used

ANONYMOUS = "anonymous"
"""The name of whoever calls without a key; no client of the settings and no user may have it."""
KEPT_ADDRESSES = 10_000
"""Addresses of callers without a key that are remembered, some 2 KB each."""


@frozen
class Tally:
    """What a client has under way and has used in all. `calls` are settled ones, also those that used nothing."""

    calls: int = 0
    in_flight: int = 0
    prompt: int = 0
    completion: int = 0


@frozen
class Defaults:
    """What keys that are issued without limits of their own go by."""

    limits: RateLimits = RateLimits()
    quota: QuotaPlan | None = None


class Bank(Protocol):
    """What is shared. `now` is monotonic seconds."""

    def find(self, secret: bytes | None) -> ClientKey | Awaitable[ClientKey | None] | None:
        """Whose key `secret` is; `None` asks for whoever may call without one."""

    def hold(self, client: ClientKey, claim: Claim, address: str, now: float) -> Hold | Awaitable[Hold]:
        """Set aside what one call of `client` from `address`, an IP address as text, may use.

        Raises `Refusal` and sets nothing aside: `rate_limit_exceeded` or `insufficient_quota`, with its `wait`;
        `invalid_api_key` where the client is no longer one; `overloaded` where too many call without a key.
        """

    def settle(self, hold: Hold, usage: Usage | None, cost: int, now: float) -> None:
        """Release `hold` against what was used (`None`: nothing was), in micro-dollars too. A second time raises."""

    def limits_of(self, hold: Hold, now: float) -> Shown:
        """What the headers tell whoever `hold` is for."""

    def limits_at(self, client: ClientKey, address: str, now: float) -> Shown:
        """What the headers tell `client` at `address` where it has no hold: it was refused."""

    def overview(self, client: ClientKey, now: float, address: str = "") -> Overview:
        """What `client` is told of itself."""

    def named(self, name: str) -> ClientKey | None:
        """The client of that name: of the settings, or a user with a key."""

    def issue(self, name: str, digest: bytes, now: float) -> None:
        """From now on the user of that name may call with the key of that digest (SHA-256), and with no other."""

    def withdraw(self, name: str, now: float) -> None:
        """The user of that name may not call any more; what it has used is kept."""

    def shadowed(self) -> Sequence[str]:
        """Users whose key is out, because a client of the settings has their name."""

    def reconfigure(
        self,
        clients: Sequence[ClientSettings],
        anonymous: Anonymous,
        defaults: Defaults,
        now: float,
        change: Enrolment | None = None,
    ) -> None:
        """Go by other settings; use is kept by name. `change` is what leads there, where it was made beforehand."""

    def replay(self, name: str, usage: Usage | None, cost: int, admitted: float) -> None:
        """Count a call that the ledger tells of."""

    def replay_all(self, name: str, used: Used, admitted: float, per: Per) -> None:
        """Count calls that the ledger tells of, admitted from `admitted` on, Unix seconds, in one window of `per`."""

    def to_state(self) -> dict[str, Any]:
        """All that must outlive this process, by name; plain JSON."""

    def slices(self) -> Slices:
        """The same, as of the first step, a slice at a time; to be gone through, or closed, before the next begins."""

    def restore(self, state: Mapping[str, Any], now: float) -> None:
        """Take up what `to_state` said in an earlier run."""


@define(eq=False)
class MemoryBank:
    """The Bank of a gateway that is alone. `wall` is what must be added to `now` for Unix seconds."""

    wall: float
    defaults: Defaults
    _keyring: Keyring
    _anonymous: Anonymous
    _settings: Sequence[ClientSettings] = ()
    _named: Mapping[str, ClientSettings] = field(factory=dict)
    _clients: dict[str, Allowance] = field(factory=dict)
    """Of those who have called: whoever has not takes no room."""
    _idle: OrderedDict[str, Allowance] = field(factory=OrderedDict)
    """Of callers without a key and with nothing under way, whoever called last at the end."""
    _busy: dict[str, Allowance] = field(factory=dict)
    _rows: Rows[Allowance] = field(init=False)
    """What there is to tell of clients."""
    _address_rows: Rows[Allowance] = field(init=False)
    """Of callers without a key."""

    def __attrs_post_init__(self) -> None:
        self._rows, self._address_rows = Rows(self._told), Rows(self._told)

    @classmethod
    def of(
        cls,
        clients: Sequence[ClientSettings],
        anonymous: Anonymous,
        defaults: Defaults = Defaults(),
        wall: float = 0.0,
    ) -> MemoryBank:
        """The bank that the settings describe; nothing used yet."""
        bank = cls(wall, defaults, Keyring(), anonymous)
        bank.reconfigure(clients, anonymous, defaults, 0.0)
        return bank

    def find(self, secret: bytes | None) -> ClientKey | None:
        return self._keyring.find(secret)

    def hold(self, client: ClientKey, claim: Claim, address: str, now: float) -> Hold:
        unix = now + self.wall
        if client.name == ANONYMOUS:
            return self._hold_for_address(client, claim, address, now)
        allowance = self._clients.get(client.name)
        if allowance is None or allowance.gone:
            allowance = self._first(client.name, address, unix)
        self._rows.changes(client.name, allowance)
        return allowance.take(client, client.name, claim, now, unix)

    def _first(self, name: str, address: str, unix: float) -> Allowance:
        """What a client may use that has used nothing yet; who is none is turned away."""
        terms = self._terms(name)
        if terms is None:
            _turn_away(address, unix)
        found = self._clients[name] = Allowance.of(*terms)
        return found

    def _terms(self, name: str) -> tuple[RateLimits, QuotaPlan | None] | None:
        """What the settings let that client, or that user, use; `None` where there is neither."""
        settings = self._named.get(name)
        if settings is not None:
            return settings.limits, settings.quota
        return (self.defaults.limits, self.defaults.quota) if name in self._keyring.issued else None

    def _hold_for_address(self, client: ClientKey, claim: Claim, address: str, now: float) -> Hold:
        unix = now + self.wall
        if not self._anonymous.enabled:
            _turn_away(address, unix)
        name = f"{ANONYMOUS}@{caller(address)}"
        allowance = self._of_address(name)
        self._address_rows.changes(name, allowance)
        hold = allowance.take(client, name, claim, now, unix)
        if self._idle.pop(name, None) is not None:
            self._busy[name] = allowance
        return hold

    def _of_address(self, name: str) -> Allowance:
        found = self._busy.get(name)
        if found is not None:
            return found
        found = self._idle.get(name)
        if found is None:
            if len(self._idle) + len(self._busy) >= KEPT_ADDRESSES:
                if not self._idle:
                    raise Refusal("overloaded", "Too many callers without a key; try again in a moment.", wait=1.0)
                self._address_rows.forget(self._idle.popitem(last=False)[0])
            found = self._idle[name] = Allowance.of(self._anonymous.limits, self._anonymous.quota)
        self._idle.move_to_end(name)
        return found

    def settle(self, hold: Hold, usage: Usage | None, cost: int, now: float) -> None:
        allowance, named = hold.allowance, hold.client.name != ANONYMOUS
        (self._rows if named else self._address_rows).changes(hold.name, allowance)
        allowance.settle(hold, usage, cost, now)
        if not named and not allowance.open:
            self._idle[hold.name] = self._busy.pop(hold.name)

    def replay(self, name: str, usage: Usage | None, cost: int, admitted: float) -> None:
        """Count a call that the ledger tells of: of the client of that name, admitted at `admitted`, Unix seconds.

        A client that is no longer one is remembered by name. The ledger knows no address: what callers without a key
        used behind the last state is not theirs any more.
        """
        if name != ANONYMOUS:
            self._to_replay(name).replay(usage, cost, admitted)

    def replay_all(self, name: str, used: Used, admitted: float, per: Per) -> None:
        """As `replay` of calls that were all admitted from `admitted` on, in one window of `per`."""
        if name != ANONYMOUS:
            self._to_replay(name).replay_all(used, admitted, per)

    def _to_replay(self, name: str) -> Allowance:
        found = self._by_name(name)
        self._rows.changes(name, found)
        return found

    def _by_name(self, name: str) -> Allowance:
        found = self._clients.get(name)
        if found is None:
            found = self._clients[name] = self._unused(name)
            found.gone = self._terms(name) is None
        return found

    def _unused(self, name: str) -> Allowance:
        return Allowance.of(*(self._terms(name) or (RateLimits(), None)))

    def limits_of(self, hold: Hold, now: float) -> Shown:
        return hold.allowance.limits.shown(now)

    def limits_at(self, client: ClientKey, address: str, now: float) -> Shown:
        """What the headers tell `client` at `address` where it has no hold: it was refused."""
        return self._find(client, self._name(client, address)).limits.shown(now)

    def overview(self, client: ClientKey, now: float, address: str = "") -> Overview:
        """What `client` is told of itself; callers without a key are told what their address may and has used."""
        found = self._find(client, self._name(client, address))
        return found.overview(client.name, now, now + self.wall)

    def _name(self, client: ClientKey, address: str) -> str:
        return f"{ANONYMOUS}@{caller(address)}" if client.name == ANONYMOUS else client.name

    def _find(self, client: ClientKey, name: str) -> Allowance:
        """What that one may use; a new one, which is not kept, where nothing is known."""
        if client.name != ANONYMOUS:
            return self._clients.get(name) or self._unused(name)
        found = self._busy.get(name) or self._idle.get(name)
        return found or Allowance.of(self._anonymous.limits, self._anonymous.quota)

    def named(self, name: str) -> ClientKey | None:
        """The client of that name: of the settings, or a user with a key."""
        return self._keyring.named(name)

    def issue(self, name: str, digest: bytes, now: float) -> None:
        """From now on the user of that name may call with the key of that digest, and with no other."""
        self._keyring.issue(name, digest)
        self._follow(name, now)

    def withdraw(self, name: str, now: float) -> None:
        """The user of that name may not call any more; what it has used is kept."""
        self._keyring.withdraw(name)
        self._follow(name, now)

    def shadowed(self) -> Sequence[str]:
        """Users whose key is out, because a client of the settings has their name."""
        return self._keyring.shadowed()

    def _follow(self, name: str, now: float) -> None:
        """Have what the client of that name may use be what the settings say of it now, if anything is kept of it."""
        allowance, terms = self._clients.get(name), self._terms(name)
        if allowance is None:
            return
        if terms is not None:
            self._rows.changes(name, allowance)
            allowance.change(*terms, now, now + self.wall)
            return
        allowance.gone = True
        if not allowance.open and not allowance.spending.calls:
            del self._clients[name]
            self._rows.forget(name)

    def tally(self, name: str) -> Tally:
        """What the client of that name has under way and has used."""
        found = self._clients.get(name) or self._busy.get(name) or self._idle.get(name)
        if found is None:
            return Tally()
        spending = found.spending
        return Tally(spending.calls, len(found.open), spending.prompt, spending.completion)

    def reconfigure(
        self,
        clients: Sequence[ClientSettings],
        anonymous: Anonymous,
        defaults: Defaults,
        now: float,
        change: Enrolment | None = None,
    ) -> None:
        """Go by other settings: use is kept by name, and so is what is under way, of those that are gone too."""
        unix = now + self.wall
        if change is None or change.before is not self._settings or change.after is not clients:
            change = enrolment(self._settings, clients, anonymous)
        follow_all = defaults != self.defaults
        self.defaults, self._settings, self._named = defaults, clients, change.named
        change.keyring.adopt(self._keyring)
        self._keyring = change.keyring
        for name in (*change.gone, *(settings.name for settings in change.changed)):
            self._follow(name, now)
        if follow_all:  # of 50,000 users who have called: 0.1 s, once the operator has changed them
            for name in self._keyring.issued:
                self._follow(name, now)
        if anonymous != self._anonymous:
            self._anonymous = anonymous
            for name, allowance in (*self._idle.items(), *self._busy.items()):
                self._address_rows.changes(name, allowance)
                allowance.change(anonymous.limits, anonymous.quota, now, unix)

    def to_state(self) -> dict[str, Any]:
        return as_read(all_of(self.slices()))

    def slices(self) -> Slices:
        """What is held is not in it: nobody would settle it."""
        return together({"clients": self._rows, "anonymous": self._address_rows})

    def _told(self, allowance: Allowance) -> dict[str, Any] | None:
        return allowance.to_state(self.wall) if allowance.spending.calls else None

    def restore(self, state: Mapping[str, Any], now: float) -> None:
        """Take up what `to_state` said in an earlier run, but for windows that are over; before anything is held."""
        unix = now + self.wall
        told = (
            (state["clients"], self._by_name, self._rows),
            (state["anonymous"], self._of_address, self._address_rows),
        )
        for names, find, rows in told:
            for read, said in names.items():
                name = sys.intern(read)  # the settings' own, where they have it
                allowance = find(name)
                if allowance.restore(plain(said), now, unix):
                    rows.keep(name, said)
                else:
                    rows.changes(name, allowance)


def _turn_away(address: str, unix: float) -> NoReturn:
    """Refuse as every key is refused that is nobody's: this one no longer is anybody's since it was looked up."""
    identify(None, address, unix)
    raise AssertionError("nobody is a client")


@lru_cache(maxsize=4096)
def caller(address: str) -> str:
    """Whom a caller without a key is taken for: its IPv4 address, or the /64 that its IPv6 address lies in.

    A single customer is given a /64 and more (RFC 6177), and may call from each address in it.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((ip, 64), strict=False))
