"""The settings, once read: frozen, complete, checked.

`targon_gw.settings` makes these out of the operator's YAML; nothing else does. Names are those of the files, so that a
message, the JSON Schema and this page agree. Durations are seconds, sizes are bytes, shares lie between 0 and 1.
"""

from __future__ import annotations

import datetime
import enum
import ipaddress
import re
from hashlib import sha256
from typing import Annotated, Final, NewType

from attrs import field, frozen

Duration = NewType("Duration", float)
"""Seconds; written as `250ms`, `30s`, `5m`, `2h`, `400d`."""
Size = NewType("Size", int)
"""Bytes; written as `512KiB`, `32MiB`."""
Share = NewType("Share", float)
"""Between 0 and 1; written as `20%`."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SECRET_LIKE: Final = re.compile(r"[Bb]earer\s+[^\s\"'\\,;]{8,}|(?<![A-Za-z])sk-[A-Za-z0-9_-]{9,}|sn4_[A-Za-z0-9_-]{8,}")
"""What looks like a credential wherever it stands: shown nowhere, whoever put it there. One linear pass."""


@frozen
class AtLeast:
    """Beside a number's type: the least that it may be."""

    least: float


Count = Annotated[int, AtLeast(1)]
"""A whole number of 1 or more."""
Usd = Annotated[float, AtLeast(0)]
"""An amount of money, 0 or more."""
Pause = Annotated[Duration, AtLeast(0)]
"""A duration that may be `0s`; all others are longer than nothing."""


class Dialect(enum.Enum):
    """Whose habits an upstream has; `core.dialects` knows them."""

    __hash__ = object.__hash__  # Enum's own is written in Python, and habits are looked up for every attempt

    OPENAI = "openai"
    TARGON = "targon"
    VLLM = "vllm"


class Draw(enum.Enum):
    """How a pool chooses among the keys that may serve."""

    ROUND_ROBIN = "round_robin"
    WEIGHTED = "weighted"
    LEAST_BUSY = "least_busy"
    FASTEST = "fastest"


class Replay(enum.Enum):
    """When a cut stream may be asked for again from its beginning."""

    NEVER = "never"
    DETERMINISTIC = "deterministic"
    ALWAYS = "always"


class Prefill(enum.Enum):
    """How an upstream is asked to go on from what it has said."""

    NONE = "none"
    VLLM = "vllm"
    DEEPSEEK = "deepseek"


class Registration(enum.Enum):
    """Who may make an account."""

    CLOSED = "closed"
    INVITE = "invite"
    OPEN = "open"


class Kind(enum.Enum):
    """How the pages group a model."""

    REASONING = "reasoning"
    CHAT = "chat"
    CODING = "coding"
    EMBEDDING = "embedding"


class Unit(enum.Enum):
    """What a quota counts."""

    TOKENS = "tokens"
    REQUESTS = "requests"
    USD = "usd"


class Per(enum.Enum):
    """The window of a quota."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"

    def is_longer_than(self, other: Per) -> bool:
        """Whether its windows last longer."""
        return _PERIODS[self] > _PERIODS[other]


_PERIODS = {per: length for length, per in enumerate(Per)}


class Stat(enum.Enum):
    """A figure that the landing page may show."""

    KEYS = "keys"
    REQUESTS = "requests"
    AVAILABILITY = "availability"


@frozen(repr=False)
class Secret:
    """A text that must not be shown: it has no repr, no str and no place in a log."""

    reveal: str
    """The secret itself; the attribute's name makes each use of it stand out."""
    fingerprint: str = field(init=False, eq=False)
    """`k-` and eight hex digits of the digest: what people and logs call a key by. Made once: a reload asks it often,
    and it cost 1.3 µs each time."""

    @fingerprint.default
    def _made_fingerprint(self) -> str:
        return "k-" + self.digest[:8]

    def __repr__(self) -> str:
        return f"<secret {self.fingerprint}>"

    @property
    def digest(self) -> str:
        """SHA-256 of the secret's UTF-8, in 64 hex digits."""
        return sha256(self.reveal.encode("utf-8", "surrogatepass")).hexdigest()


@frozen
class RateLimits:
    """What a client may ask for at once and a minute; `None` is no limit."""

    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    concurrent: Count | None = None


@frozen
class QuotaPlan:
    """How much may be used in a window. `amount` is tokens, requests or micro-dollars."""

    unit: Unit
    amount: int
    per: Per = Per.DAY


@frozen
class Anonymous:
    """Callers without a key."""

    enabled: bool = False
    models: tuple[str, ...] = ()
    limits: RateLimits = RateLimits(requests_per_minute=5)
    quota: QuotaPlan | None = QuotaPlan(Unit.TOKENS, 20_000, Per.DAY)


@frozen
class Bounds:
    """`limits:` of gateway.yaml: what one client or one vendor's answer may take of this process."""

    body: Size = Size(32 << 20)
    answer: Size = Size(32 << 20)
    connections_per_address: Count = 256
    waiting: Annotated[int, AtLeast(0)] = 1000
    waiting_time: Pause = Duration(10.0)


@frozen
class Retries:
    """How often a call may be tried, within how long, and which share of all calls may be second tries."""

    attempts: Count = 3
    deadline: Duration = Duration(600.0)
    budget: Share = Share(0.2)


@frozen
class Timeouts:
    """Deadlines of one attempt."""

    connect: Duration = Duration(5.0)
    first_token: Duration = Duration(60.0)
    idle: Duration = Duration(60.0)
    total: Duration = Duration(900.0)


@frozen
class PerKey:
    """Limits of one upstream key."""

    concurrent: Count = 32


@frozen
class ProbePlan:
    """How resting keys are tried. `daily_tokens` caps what probes may cost an upstream in a day."""

    every: Duration = Duration(60.0)
    model: str | None = None
    daily_tokens: Annotated[int, AtLeast(0)] = 10_000


@frozen
class RescuePlan:
    """What may be done for a stream that is cut."""

    replay: Replay = Replay.DETERMINISTIC
    prefill: Prefill = Prefill.NONE


@frozen
class KeySettings:
    """One secret of a vendor. `account` is its own fingerprint where the file names none."""

    secret: Secret
    account: str
    weight: int = 1
    enabled: bool = True
    note: str = ""
    boxed: bool = False
    """Made up for a vendor in a box, in no file: nobody misses it."""


@frozen
class UpstreamSettings:
    """A vendor. `base_url` has no trailing slash."""

    name: str
    base_url: str
    dialect: Dialect = Dialect.OPENAI
    draw: Draw = Draw.LEAST_BUSY
    timeouts: Timeouts = Timeouts()
    per_key: PerKey = PerKey()
    probe: ProbePlan = ProbePlan()
    rescue: RescuePlan = RescuePlan()
    allow_private: bool = False
    keys: tuple[KeySettings, ...] = ()


@frozen
class FormerKey:
    """The key that a client had before, and until when (aware) it is still taken."""

    digest: str
    """SHA-256 of the key, 64 lower-case hex digits."""
    until: datetime.datetime


@frozen
class ClientSettings:
    """A credential that we issued; the file's plain key is kept only as its digest."""

    name: str
    digest: str
    """SHA-256 of the key, 64 lower-case hex digits."""
    models: tuple[str, ...] | None = None
    """Patterns as of `fnmatch`; `None` is every model."""
    limits: RateLimits = RateLimits()
    quota: QuotaPlan | None = None
    allow_from: tuple[Network, ...] = ()
    expires: datetime.datetime | None = None
    """Aware; a bare date is the midnight, UTC, that begins it."""
    priority: Count = 1
    former: FormerKey | None = None


@frozen
class Price:
    """USD per million tokens."""

    prompt: Usd = 0.0
    completion: Usd = 0.0


@frozen
class ModelSettings:
    """A model that we offer, or (`alias`) another name of one."""

    id: str
    alias: str | None = None
    kind: Kind = Kind.CHAT
    features: tuple[str, ...] = ()
    context: Count | None = None
    max_tokens: Count | None = None
    """What is asked of a vendor that must be told, where the client asked for nothing."""
    price: Price | None = None
    summary: dict[str, str] = field(factory=dict)
    routes: tuple[str, ...] | None = None
    """Upstreams in order of trial; `None` is every upstream in the file's order."""
    upstream_id: str | None = None
    fallback: str | None = None
    first_token: Duration | None = None


@frozen
class Metrics:
    """Who may read /metrics beside loopback: whoever bears what the file holds."""

    token_file: str | None = None
    token: Secret | None = None
    """What `token_file` held when the settings were read."""


@frozen
class Admin:
    """The ways of administration."""

    socket: str | None = "/run/targon-gw/admin.sock"
    token_file: str | None = None
    token: Secret | None = None
    """What `token_file` held when the settings were read: it opens `/api/admin` without a browser."""


@frozen
class Config:
    """All four files, as one."""

    listen: tuple[str, ...] = ("tcp:3811:interface=127.0.0.1",)
    state: str = "/var/lib/targon-gw"
    watch: bool = True
    flush: Duration = Duration(5.0)
    drain: Pause = Duration(30.0)
    keep: Duration = Duration(400 * 86400.0)
    head_after: Duration = Duration(20.0)
    contact: str | None = None
    registration: Registration = Registration.CLOSED
    anonymous: Anonymous = Anonymous()
    default_limits: RateLimits = RateLimits(requests_per_minute=60, concurrent=16)
    default_quota: QuotaPlan | None = QuotaPlan(Unit.TOKENS, 200_000, Per.DAY)
    public_stats: tuple[Stat, ...] = (Stat.KEYS, Stat.REQUESTS, Stat.AVAILABILITY)
    trusted_proxies: tuple[Network, ...] = ()
    limits: Bounds = Bounds()
    retries: Retries = Retries()
    metrics: Metrics = Metrics()
    admin: Admin = Admin()
    upstreams: tuple[UpstreamSettings, ...] = ()
    clients: tuple[ClientSettings, ...] = ()
    models: tuple[ModelSettings, ...] = ()
