"""The four files as classes, where they differ from `core.config`: what may stand in them, and what it means.

The converter, the JSON Schema and the "did you mean" all read these classes, so a setting is named in one place. The
texts below attributes are the schema's descriptions.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Final, NewType

from attrs import field, frozen

from targon_gw.core.config import (
    Anonymous,
    Bounds,
    Count,
    Dialect,
    Draw,
    Duration,
    Kind,
    Network,
    Pause,
    Per,
    PerKey,
    Price,
    ProbePlan,
    QuotaPlan,
    RateLimits,
    Registration,
    RescuePlan,
    Retries,
    Secret,
    Stat,
    Timeouts,
    Unit,
    Usd,
)

Url = NewType("Url", str)
"""An http(s) address without a slash at its end."""
Endpoint = NewType("Endpoint", str)
"""A Twisted server endpoint string."""
Endpoints = NewType("Endpoints", tuple[str, ...])
"""A Twisted server endpoint string, or a list of them."""


@frozen
class OneOf:
    """Beside `str`: the words it may be."""

    words: tuple[str, ...]


@frozen
class Matching:
    """Beside `str`: the pattern of the whole text, and that in words."""

    pattern: str
    wanted: str


Name = Annotated[str, Matching(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", "a name of letters, digits and . _ @ -")]
"""What people call an upstream, an account or a client."""
ModelName = Annotated[str, Matching(r"[^\s\x00-\x1f\x7f]{1,200}", "a model's name, without spaces")]
Feature = Annotated[str, OneOf(("reasoning", "tools", "structured", "vision"))]
Digest = Annotated[str, Matching(r"[0-9A-Fa-f]{64}", "the 64 hex digits of a SHA-256")]
Language = Annotated[str, Matching(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?", "a language such as en or zh")]
EnvName = Annotated[str, Matching(r"[A-Za-z_][A-Za-z0-9_]{0,127}", "the name of an environment variable")]

MICRO: Final = 1_000_000
"""Micro-dollars in a dollar: a quota of `usd` is counted in them."""
MOST_USD: Final = 1e12
"""A quota of more is as good as this one: nobody uses it up, and micro-dollars stay whole numbers."""


@frozen
class QuotaShape:
    """How much may be used in a window: exactly one of tokens, requests and usd."""

    tokens: Count | None = None
    requests: Count | None = None
    usd: Usd | None = None
    per: Per = Per.DAY
    """The window: it begins anew each hour, day or month (UTC), or never."""

    def plan(self) -> QuotaPlan | None:
        """The plan, or `None` where not exactly one amount is given."""
        amounts = [
            (Unit.TOKENS, self.tokens),
            (Unit.REQUESTS, self.requests),
            (Unit.USD, None if self.usd is None else round(min(self.usd, MOST_USD) * MICRO)),
        ]
        given = [(unit, amount) for unit, amount in amounts if amount is not None]
        return QuotaPlan(*given[0], self.per) if len(given) == 1 else None


@frozen
class UpstreamShape:
    """A vendor."""

    base_url: Url
    """Where its API begins, as in https://api.targon.com/v1; http:// needs allow_private."""
    dialect: Dialect = Dialect.OPENAI
    """Whose habits it has."""
    draw: Draw = Draw.LEAST_BUSY
    """How a key is chosen among those that may serve."""
    timeouts: Timeouts = Timeouts()
    per_key: PerKey = PerKey()
    probe: ProbePlan = ProbePlan()
    rescue: RescuePlan = RescuePlan()
    allow_private: bool = False
    """Whether it may have a private or loopback address, and be spoken to without TLS."""


@frozen
class MetricsShape:
    """Who may read /metrics beside this machine."""

    token_file: str | None = None
    """A file that holds the token; its mode must keep it from the world."""


@frozen
class AdminShape:
    """The ways of administration beside an admin's browser."""

    socket: str | None = "/run/targon-gw/admin.sock"
    """The Unix socket of the command line; null is none."""
    token_file: str | None = None
    """A file that holds a token, which opens /api/admin to programs; its mode must keep it from the world."""


@frozen
class GatewayFile:
    """gateway.yaml."""

    listen: Endpoints = Endpoints(("tcp:3811:interface=127.0.0.1",))
    """A Twisted endpoint string, or a list of them."""
    state: str = "/var/lib/targon-gw"
    """The folder that the daemon owns."""
    keys: str = "keys.yaml"
    """The file with the vendors' keys."""
    clients: str = "clients.yaml"
    """The file with the keys that we issued."""
    models: str = "models.yaml"
    """The file with the models that we offer."""
    watch: bool = True
    """Whether a save is applied by itself."""
    flush: Duration = Duration(5.0)
    """How often the snapshot is written."""
    drain: Pause = Duration(30.0)
    """How long running calls may take at shutdown."""
    keep: Duration = Duration(400 * 86400.0)
    """How long the ledger's files are kept."""
    head_after: Duration = Duration(20.0)
    """How long a stream's head waits for its first event."""
    contact: str | None = None
    """Shown on the landing page: who to ask for a key."""
    registration: Registration = Registration.CLOSED
    """Who may make an account."""
    anonymous: Anonymous = Anonymous()
    default_limits: RateLimits = RateLimits(requests_per_minute=60, concurrent=16)
    """The limits of keys that registration issues."""
    default_quota: QuotaPlan | None = QuotaPlan(Unit.TOKENS, 200_000, Per.DAY)
    """The quota of keys that registration issues; null is none."""
    public_stats: tuple[Stat, ...] = (Stat.KEYS, Stat.REQUESTS, Stat.AVAILABILITY)
    """What the landing page may show."""
    trusted_proxies: tuple[Network, ...] = ()
    """Networks whose X-Forwarded-For is believed."""
    limits: Bounds = Bounds()
    retries: Retries = Retries()
    upstreams: dict[Name, UpstreamShape] = field(factory=dict)
    """The vendors, by name."""
    metrics: MetricsShape = MetricsShape()
    admin: AdminShape = AdminShape()


@frozen
class KeyShape:
    """A key of a vendor; exactly one of secret, secret_file and secret_env."""

    secret: Secret | None = None
    """The key itself."""
    secret_file: str | None = None
    """A file that holds it."""
    secret_env: EnvName | None = None
    """An environment variable that holds it."""
    weight: Count | None = None
    """Its share of the calls, beside the others'; the account's where it is not given, else 1."""
    enabled: bool = True
    note: str = ""


KeyEntry = NewType("KeyEntry", object)
"""An item of keys.yaml: a secret alone, a `KeyShape`, or an `AccountShape`."""
AccountKey = NewType("AccountKey", object)
"""An item of an account's keys: a secret alone, or a `KeyShape`."""


@frozen
class AccountShape:
    """The vendor's customer: its keys share its rate limits and credits."""

    account: Name
    keys: tuple[AccountKey, ...]
    weight: Count = 1
    """The weight of those of its keys that have none of their own."""


@frozen
class FormerShape:
    """A client's former key, by its SHA-256, and the moment from which on it is refused."""

    key_sha256: Digest
    until: datetime.datetime


@frozen
class ClientShape:
    """A credential that we issued; exactly one of key and key_sha256."""

    name: Name
    key: Secret | None = None
    """The key itself."""
    key_sha256: Digest | None = None
    """The SHA-256 of the key, so that the file holds no secret."""
    models: tuple[ModelName, ...] | None = None
    """Names of models, with * and ? as in file names; every model where this is left out."""
    limits: RateLimits = RateLimits()
    quota: QuotaPlan | None = None
    allow_from: tuple[Network, ...] = ()
    """Networks that it may be used from; everywhere where this is left out."""
    expires: datetime.datetime | None = None
    """The date, or time, from which on it is refused."""
    priority: Count = 1
    """Its share when calls have to wait."""
    former: FormerShape | None = None
    """The key that it had before, which is still taken for a while."""


@frozen
class ModelShape:
    """A model that we offer, or (alias) another name of one."""

    id: ModelName
    """What clients call it."""
    alias: ModelName | None = None
    """The model of this file that is meant."""
    kind: Kind = Kind.CHAT
    """How the pages group it."""
    features: tuple[Feature, ...] = ()
    context: Count | None = None
    """Tokens of a prompt and its answer together."""
    max_tokens: Count | None = None
    """What is asked of a vendor that must be told, where the client asked for nothing."""
    price: Price | None = None
    """USD per million tokens."""
    summary: dict[Language, str] = field(factory=dict)
    """A line for people, by language."""
    routes: tuple[Name, ...] | None = None
    """Upstreams in order of trial; every upstream where this is left out."""
    upstream_id: ModelName | None = None
    """What the vendor calls it, where that is not its id."""
    fallback: ModelName | None = None
    """Another model of this file, when none of the routes can answer."""
    first_token: Duration | None = None
    """This model's own deadline for the first token."""


@frozen
class KeysFile:
    """keys.yaml, and each file of keys.d: keys by upstream. Every other name is an upstream's."""

    confirm_removal: Count | None = None
    """Leave to take away this many keys at once: left out or switched off, where most of the usable ones are."""


@frozen
class ClientsFile:
    """clients.yaml, and each file of clients.d."""

    clients: tuple[ClientShape, ...] = ()


@frozen
class ModelsFile:
    """models.yaml."""

    models: tuple[ModelShape, ...] = ()
