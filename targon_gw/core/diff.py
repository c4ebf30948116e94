"""What one set of settings changes about another: keys by fingerprint, models and clients by name, settings by theirs.

A diff is for people and for logs: it names, and it shows small values, but never a secret, a digest or a long text.
It is made out of settings alone; how many calls a key has to finish is told to it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
from attrs import frozen

from .config import SECRET_LIKE, Config, KeySettings, UpstreamSettings

AT_START: Final = ("listen", "state", "admin", "metrics", "limits")
"""What is read once: a change of these takes effect at the next start."""
MOST_NAMED: Final = 10
"""Names in one part of the text; a file of ten thousand keys is not to be read out."""
LONGEST_SHOWN: Final = 64
"""Characters of a value that is shown."""
_APART: Final = frozenset(("upstreams", "models", "clients", "watch"))
"""Fields of Config that have parts of their own in a diff, or mean nothing to whoever runs."""
_HIDDEN: Final = frozenset(("digest", "note"))
"""Fields whose change is told and whose value is not."""


@frozen
class Edit:
    """One thing that is no longer what it was. `before` and `after` are `None` where the values are not shown."""

    name: str
    """Whose: a key's id, a model, a client; "" where it is a setting's own."""
    what: str
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        of = f"{self.what} of {self.name}" if self.name else self.what
        return of if self.before is None else f"{of} {self.before}→{self.after}"

    def to_plain(self) -> dict[str, str]:
        """For JSON: what is known, by name."""
        return {name: value for name, value in attrs.asdict(self).items() if value}


@frozen
class Leaving:
    """A key that has left, and how many calls it has to finish."""

    id: str
    calls: int = 0

    def __str__(self) -> str:
        if not self.calls:
            return self.id
        return f"{self.id} ({self.calls} {'call' if self.calls == 1 else 'calls'} to finish)"


@frozen
class PoolDiff:
    """What changes about one vendor."""

    upstream: str
    added: tuple[str, ...] = ()
    removed: tuple[Leaving, ...] = ()
    changed: tuple[Edit, ...] = ()
    """Of keys: weight, account, enabled, note."""
    settings: tuple[Edit, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.settings)

    def parts(self) -> Iterator[str]:
        """The text, in parts."""
        if self.added:
            yield _named(f"+{len(self.added)} {_keys(self.added)}", self.added)
        if self.removed:
            yield _named(f"−{len(self.removed)} {_keys(self.removed)}", self.removed)
        yield from _edits((*self.changed, *self.settings))

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "upstream": self.upstream,
            "added": list(self.added),
            "removed": [{"key": key.id, "calls": key.calls} for key in self.removed],
            "changed": [edit.to_plain() for edit in self.changed],
            "settings": [edit.to_plain() for edit in self.settings],
        }


@frozen
class NamedDiff:
    """What changes about things that have names: upstreams, models, clients."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[Edit, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def parts(self, noun: str) -> Iterator[str]:
        """The text, in parts; `noun` is what one of them is."""
        for sign, names in (("+", self.added), ("−", self.removed)):
            if names:
                yield _named(f"{sign}{len(names)} {noun}{'s' if len(names) > 1 else ''}", names)
        yield from _edits(self.changed)

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        changed = [edit.to_plain() for edit in self.changed]
        return {"added": list(self.added), "removed": list(self.removed), "changed": changed}


@frozen
class Diff:
    """What one Config changes about another; false where that is nothing."""

    pools: tuple[PoolDiff, ...] = ()
    """Of those upstreams whose keys or settings change; those that come or go, too."""
    upstreams: NamedDiff = NamedDiff()
    models: NamedDiff = NamedDiff()
    clients: NamedDiff = NamedDiff()
    settings: tuple[Edit, ...] = ()
    at_start: tuple[str, ...] = ()
    """Settings whose change takes effect at the next start."""

    def __bool__(self) -> bool:
        return self != Diff()

    def __str__(self) -> str:
        parts: list[str] = [*self.upstreams.parts("upstream")]
        for pool in self.pools:
            told = ", ".join(pool.parts())
            parts.append(told if len(self.pools) == 1 else f"{pool.upstream}: {told}")
        parts += [*self.models.parts("model"), *self.clients.parts("client"), *_edits(self.settings)]
        parts += [f"{name} changed: takes effect at the next start" for name in self.at_start]
        return ("; " if len(self.pools) > 1 else ", ").join(parts) or "nothing changed"

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "keys": [pool.to_plain() for pool in self.pools],
            "upstreams": self.upstreams.to_plain(),
            "models": self.models.to_plain(),
            "clients": self.clients.to_plain(),
            "settings": [edit.to_plain() for edit in self.settings],
            "at_next_start": list(self.at_start),
        }


def difference(before: Config, after: Config, pools: Iterable[PoolDiff]) -> Diff:
    """What `after` changes about `before`; `pools` are the diffs of all vendors of either."""
    edits = tuple(_fields("", before, after, _APART | frozenset(AT_START)))
    return Diff(
        pools=tuple(pool for pool in pools if pool),
        upstreams=_vendors(before.upstreams, after.upstreams),
        models=_things(before.models, after.models, "id"),
        clients=_things(before.clients, after.clients, "name"),
        settings=edits,
        at_start=tuple(name for name in AT_START if getattr(before, name) != getattr(after, name)),
    )


def _vendors(before: Sequence[UpstreamSettings], after: Sequence[UpstreamSettings]) -> NamedDiff:
    """Which vendors come and go; what changes about those that stay is in their pools' diffs."""
    old, new = [each.name for each in before], [each.name for each in after]
    return NamedDiff(tuple(n for n in new if n not in old), tuple(n for n in old if n not in new))


def pool_diff(before: UpstreamSettings, after: UpstreamSettings, in_flight: Mapping[str, int]) -> PoolDiff:
    """What `after` changes about the vendor `before`; `in_flight` is how many calls each key has."""
    old, new = _by_id(before), _by_id(after)
    changed: list[Edit] = []
    for id, entry in new.items():
        known = old.get(id)
        if known is not None and known != entry:
            changed += _fields(id, known, entry, frozenset(("secret",)))
    return PoolDiff(
        before.name,
        tuple(id for id in new if id not in old),
        tuple(Leaving(id, in_flight.get(id, 0)) for id in old if id not in new),
        tuple(changed),
        tuple(_fields("", before, after, frozenset(("name", "keys")))),
    )


def _by_id(settings: UpstreamSettings) -> dict[str, KeySettings]:
    return {entry.secret.fingerprint: entry for entry in settings.keys}


def _things(before: Sequence[Any], after: Sequence[Any], name: str) -> NamedDiff:
    """What changes about things that are known by the field `name`."""
    old, new = ({getattr(each, name): each for each in things} for things in (before, after))
    changed: list[Edit] = []
    for id, thing in new.items():
        if id in old and old[id] != thing:
            changed += _fields(id, old[id], thing, frozenset((name,)))
    added, removed = (tuple(id for id in one if id not in other) for one, other in ((new, old), (old, new)))
    return NamedDiff(added, removed, tuple(changed))


def _fields(name: str, before: Any, after: Any, without: frozenset[str], prefix: str = "") -> Iterator[Edit]:
    """The fields of two values of a class that differ; those that have fields of their own, one by one."""
    for attribute in attrs.fields(type(before)):
        one, other = getattr(before, attribute.name), getattr(after, attribute.name)
        if attribute.name in without or one == other:
            continue
        what = prefix + _WORDS.get(attribute.name, attribute.name)
        if attrs.has(type(one)) and type(one) is type(other):
            yield from _fields(name, one, other, frozenset(), f"{what}.")
            continue
        shown = None if attribute.name in _HIDDEN else (_shown(one), _shown(other))
        known = shown is not None and None not in shown
        yield Edit(name, what, *shown) if shown is not None and known else Edit(name, what)


_WORDS: Final = {"digest": "key"}
"""What people call a field, where its own name is not theirs."""


def _shown(value: object) -> str | None:
    """A small value as text; `None` for what is not shown."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else str(value)
        case enum.Enum():
            return str(value.value)
        case str() if len(value) <= LONGEST_SHOWN and value.isprintable() and not SECRET_LIKE.search(value):
            return value or "none"
        case _:
            return None


def _keys(keys: Sequence[object]) -> str:
    return "key" if len(keys) == 1 else "keys"


def _named(head: str, names: Sequence[object]) -> str:
    """`head` and the names, but not more than a line of them."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{head} {', '.join(map(str, names[:MOST_NAMED]))}{more}"


def _edits(edits: Sequence[Edit]) -> Iterator[str]:
    yield from map(str, edits[:MOST_NAMED])
    if len(edits) > MOST_NAMED:
        yield f"and {len(edits) - MOST_NAMED} more changes"
