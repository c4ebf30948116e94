"""What the admin socket needs of the daemon, and how it says no.

The tree in `admin.py` asks a `Desk` and nothing else, so that it can be turned on a gateway in memory as well as on the
daemon. Nothing of a secret passes through here but the new keys on their way in and, once, a client's on its way out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec
from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredLock

from targon_gw.core.attempts import Outcome
from targon_gw.core.batches import Batches
from targon_gw.core.config import Secret
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ledger, Sums

from .registrar import Registrar
from .request import Request

T = TypeVar("T")


@frozen
class Paths:
    """The operator's files, as the daemon reads them. What is added goes into `keys.d` and `clients.d` beside them."""

    gateway: str
    keys: str
    clients: str


@frozen
class InForce:
    """Since when which settings are in force (Unix seconds), and why a later reload was not applied, if one was not."""

    since: float
    problem: str | None = None
    problem_at: float | None = None


@frozen
class Actor:
    """Who does something here: a user's name, or the door that was come in by; and from which address, if any."""

    name: str = "admin socket"
    address: str = ""


@define(eq=False)
class Workshop:
    """What all who sit at desks of one daemon share."""

    writing: DeferredLock = field(factory=DeferredLock)
    """One change of our files at a time."""
    batches: Batches = field(factory=Batches)
    """Keys that are being imported."""


class Desk(Protocol):
    """The daemon, as whoever sits at its socket needs it."""

    @property
    def gateway(self) -> Gateway:
        """The core's face."""

    @property
    def ledger(self) -> Ledger:
        """What has been counted."""

    @property
    def paths(self) -> Paths:
        """Where the settings lie."""

    @property
    def version(self) -> str:
        """The program's."""

    @property
    def started(self) -> float:
        """When the daemon started, in the seconds of `now`."""

    @property
    def workshop(self) -> Workshop:
        """What is shared with whoever else sits at a desk."""

    @property
    def registrar(self) -> Registrar:
        """Who makes and changes users."""

    def now(self) -> float:
        """Monotonic seconds."""

    def in_force(self) -> InForce:
        """Which settings are."""

    def clock_ahead(self) -> float:
        """By how many seconds the system's clock is ahead of the one that is gone by; less than nothing: behind."""

    def clock_agrees(self) -> bool:
        """Whether that is too little to speak of."""

    def state(self) -> dict[str, Any]:
        """The state folder: `n`, `snapshot_age` (seconds), `journal` (the file's path), `full`."""

    def use_of(self, client: str) -> dict[str, Any]:
        """What the client of that name has used, as `GET /v1/key` tells it: `quota`, `requests`, `tokens` …"""

    def usage_since(self, by: str, day: str) -> Deferred[Mapping[str, Sums]]:
        """Sums as in `Ledger.totals[by]`, of that day (UTC) and all later ones."""

    def reload(self, reason: str) -> Deferred[dict[str, Any]]:
        """Read the settings again: `{"applied": True, "changes": [a line each]}`, or `{"applied": False, "problems":
        [a line each]}`, after which the last good ones are in force."""

    def drain(self) -> None:
        """Begin to end, as SIGTERM does."""

    def test_key(self, upstream: str, key_id: str) -> Deferred[dict[str, Any]]:
        """Probe the key now, whatever its health: `outcome` (`served`, `throttled` …), `reason`, `status`, `took`."""

    def try_key(self, upstream: str, secret: Secret) -> Deferred[tuple[Outcome, float]]:
        """Ask the vendor with a key that is no pool's: how that came out, and the seconds it took."""

    def take_evidence(self, upstream: str, key_id: str, outcome: Outcome) -> None:
        """Have the pool know how a key of its has just answered; one that it has not is passed over."""

    def settings(self) -> Deferred[dict[str, Any]]:
        """All settings in force, as `targon-gw config show` tells them: secrets as fingerprints."""

    def foreseen(self) -> Deferred[dict[str, Any]]:
        """What a reload would change, now: `{"problems": [a line each]}` or `{"changes": [a line each], "diff": …}`,
        with `refused` where the change would not be taken. Nothing is applied."""

    def events(self, limit: int) -> list[dict[str, Any]]:
        """The last acts and events of security, newest first: `at` (Unix seconds), `who`, `act`, `on`, `address`."""

    def outside(self, work: Callable[[], T]) -> Deferred[T]:
        """Do `work`, which touches the disk, in a thread."""

    def acted(self, act: str, on: str) -> None:
        """Keep, and log, that the operator did this (`disabled`, `added` …) to that; tell what has changed since."""


@define(eq=False)
class Objection(Exception):
    """A request at the admin socket that is not done. The message says why and what to do, for an operator's eyes."""

    status: int
    code: str
    message: str

    def __str__(self) -> str:
        return self.message


def unknown(what: str) -> Objection:
    """There is no such thing."""
    return Objection(404, "unknown", what)


def body_of(request: Request, shape: type[T]) -> T:
    """The body as `shape`, an empty one as `{}`; raises Objection, which does not repeat what was sent."""
    try:
        return msgspec.json.decode(request.body or b"{}", type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if not isinstance(error, msgspec.ValidationError):  # what Python says of these may repeat bytes of the body
            raise Objection(400, "invalid_body", "The body is not JSON that can be read.") from None
        raise Objection(400, "invalid_body", f"The body is not what this address takes: {error}.") from None


def argument(request: Request, name: str) -> str | None:
    """The value of a query's argument; `None` where it is not given."""
    values = request.args.get(name.encode("ascii"))
    return values[-1].decode("utf-8", "replace") if values else None


def whole_number(request: Request, name: str, default: int, most: int) -> int:
    """An argument that is a whole number from 1 to `most`; raises Objection."""
    given = argument(request, name)
    if given is None:
        return default
    if not given.isascii() or not given.isdigit() or len(given) > 9 or not 1 <= int(given) <= most:
        raise Objection(400, "invalid_value", f"{name} is a whole number from 1 to {most}.")
    return int(given)
