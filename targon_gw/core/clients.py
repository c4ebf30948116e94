"""Who is asking: the keys that we issued, found by their digest. Those of the settings and those of users lie in one
dict, so that a call pays for one look-up; where both have a name, the settings' is good and the user's is out.

Neither the time a look-up takes nor its answer tells a near miss from a far one: the whole key is hashed before
anything is compared, and every refusal of a key is the same. What is compared is a SHA-256 digest, in a dict: how many
of its bytes agree with one of ours could only be told by somebody who can choose digests, and a dict compares bytes
only where its own keyed hash of all of them agrees. So `hmac.compare_digest` would guard nothing (faults catalogue,
C-05).
"""

from __future__ import annotations

import datetime
import ipaddress
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import translate
from hashlib import sha256

from attrs import define, evolve, field, frozen

from .config import Anonymous, ClientSettings, Network
from .errors import Refusal


@frozen(eq=False)
class ClientKey:
    """A credential that we issued. `name` is its owner's; `networks` empty admits every address."""

    name: str
    pattern: re.Pattern[str] | None = None
    networks: tuple[Network, ...] = ()
    expires: float | None = None
    """Unix seconds."""
    priority: int = 1
    """Its share of the turns, where calls have to wait."""

    def may_use(self, model: str) -> bool:
        """Whether this client may ask for the model of that name."""
        return self.pattern is None or self.pattern.match(model) is not None

    def may_call_from(self, address: str) -> bool:
        """Whether this client may call from `address`, an IP address as text."""
        if not self.networks:
            return True
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        return any(ip in network for network in self.networks)


def client_key(settings: ClientSettings) -> ClientKey:
    """The ClientKey that an entry of clients.yaml describes."""
    return ClientKey(
        settings.name, _any_of(settings.models), settings.allow_from, _unix(settings.expires), settings.priority
    )


def _any_of(patterns: tuple[str, ...] | None) -> re.Pattern[str] | None:
    return None if patterns is None else re.compile("|".join(map(translate, patterns)) or r"(?!)")


def _unix(moment: datetime.datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


@define(eq=False)
class Keyring:
    """All client keys by digest, and whoever may call without one."""

    _by_digest: dict[bytes, ClientKey] = field(factory=dict)
    _anonymous: ClientKey | None = None
    _by_name: dict[str, ClientKey] = field(factory=dict)
    """Those of the settings."""
    _filed: frozenset[str] = frozenset()
    """Their names as people read them: in lower case, as the names of users are."""
    _issued: dict[str, tuple[bytes, ClientKey]] = field(factory=dict)
    """Digests and keys of users by name: each is in `_by_digest` too, unless the settings have its name."""

    @classmethod
    def of(cls, clients: Iterable[ClientSettings], anonymous: Anonymous) -> Keyring:
        """The keyring that the settings describe."""
        ring: dict[bytes, ClientKey] = {}
        names: dict[str, ClientKey] = {}
        for settings in clients:
            key = names[settings.name] = ring[bytes.fromhex(settings.digest)] = client_key(settings)
            former = settings.former
            if former is not None:
                ends = former.until.timestamp()
                expires = ends if key.expires is None else min(ends, key.expires)
                ring.setdefault(bytes.fromhex(former.digest), evolve(key, expires=expires))
        nobody = ClientKey("anonymous", _any_of(anonymous.models)) if anonymous.enabled else None
        return cls(ring, nobody, names, frozenset(map(str.lower, names)))

    def named(self, name: str) -> ClientKey | None:
        """The client of that name: that of the settings, where a user has it too."""
        found = self._by_name.get(name)
        if found is None and name in self._issued:
            return self._issued[name][1]
        return found

    @property
    def issued(self) -> Mapping[str, object]:
        """The names of users who have a key."""
        return self._issued

    def issue(self, name: str, digest: bytes) -> None:
        """From now on the user of that name has the key of that digest, and no other."""
        former = self.withdraw(name)
        key = former or ClientKey(sys.intern(name))  # one text in all dicts that a call looks it up in
        self._issued[name] = digest, key
        if name not in self._filed:
            self._by_digest.setdefault(digest, key)

    def withdraw(self, name: str) -> ClientKey | None:
        """End the key of the user of that name; it, if there was one."""
        digest, key = self._issued.pop(name, (b"", None))
        if key is not None and self._by_digest.get(digest) is key:
            del self._by_digest[digest]
        return key

    def adopt(self, before: Keyring) -> None:
        """Have the keys of users that `before` has, but for those whose name, or key, the settings have as well.

        It takes 0.2 µs a user.
        """
        self._issued = before._issued
        by_digest, filed = self._by_digest, self._filed
        for name, (digest, key) in self._issued.items():
            if name not in filed:
                by_digest.setdefault(digest, key)

    def shadowed(self) -> list[str]:
        """Users whose key is out, because a client of the settings has their name."""
        return sorted(self._issued.keys() & self._filed)

    def find(self, secret: bytes | None) -> ClientKey | None:
        """The client whose key `secret` is (`None`: the caller has none); `None` where there is no such client."""
        if secret is None:
            return self._anonymous
        return self._by_digest.get(sha256(secret).digest())


@frozen(eq=False)
class Enrolment:
    """The clients of new settings, and what they change about those in force; a thread may make it."""

    before: Sequence[ClientSettings]
    after: Sequence[ClientSettings]
    anonymous: Anonymous
    keyring: Keyring
    named: Mapping[str, ClientSettings]
    """All of `after`, by name."""
    gone: tuple[str, ...]
    changed: tuple[ClientSettings, ...]
    """Those who have come, or of whom something has changed."""


def enrolment(before: Sequence[ClientSettings], after: Sequence[ClientSettings], anonymous: Anonymous) -> Enrolment:
    """What leads from one list of clients to another."""
    old = {settings.name: settings for settings in before}
    named = {settings.name: settings for settings in after}
    gone = tuple(name for name in old if name not in named)
    changed = tuple(settings for name, settings in named.items() if old.get(name) != settings)
    return Enrolment(before, after, anonymous, Keyring.of(named.values(), anonymous), named, gone, changed)


def identify(client: ClientKey | None, address: str, wall: float) -> ClientKey:
    """`client`, if it may call from `address` at `wall` (Unix seconds); raises `Refusal` otherwise."""
    if client is None or (client.expires is not None and wall >= client.expires):
        raise Refusal("invalid_api_key", "Invalid API key. Send yours as 'Authorization: Bearer KEY'.")
    if not client.may_call_from(address):
        raise Refusal("address_not_allowed", "This API key may not be used from your address.")
    return client
