"""keys.yaml and keys.d: entries become `KeySettings`, by upstream.

Entries are judged one by one, so that a bad one hides nothing about the others. Secrets come from the entry, a file or
the environment; a message names a key by its fingerprint and never repeats it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from attrs import define, field

from targon_gw.core.config import KeySettings, Secret

from .marks import Document, Path
from .masking import shown_name
from .problems import Problem, did_you_mean
from .reading import LARGEST_SECRET, Unreadable, read_bytes
from .scalars import Misfit, checked_secret
from .shapes import AccountShape, KeyEntry, KeysFile, KeyShape
from .structure import structured


@define(eq=False)
class KeysReader:
    """Reads the files of keys, one after another. `upstreams` is `None` where their names are not known."""

    environ: Mapping[str, str]
    upstreams: tuple[str, ...] | None
    keys: dict[str, list[KeySettings]] = field(factory=dict)
    """What has been found, by upstream."""
    files: list[str] = field(factory=list)
    """The files with single secrets that have been read."""
    confirm_removal: int | None = None
    """How many keys the operator says that the change takes away."""
    problems: list[Problem] = field(factory=list)
    _seen: dict[tuple[str, str], tuple[str, str]] = field(factory=dict)
    """What was met where: upstream and fingerprint to the digest and `file, line`."""

    def read(self, document: Document) -> None:
        """Take in the keys of `document`."""
        names = document.plain
        if names is None:
            return
        if not isinstance(names, dict):
            self.problems.append(document.problem((), "expected a mapping of upstreams to lists of keys"))
            return
        own = {name: names[name] for name in _OWN if name in names}
        file, problems = structured(document, own, KeysFile, ())
        self.problems += problems
        if file is not None and file.confirm_removal is not None:
            self._confirm(document, file.confirm_removal)
        for name, entries in names.items():
            if name not in own and self._is_upstream(document, name):
                self._read_upstream(document, name, entries)

    def _confirm(self, document: Document, number: int) -> None:
        """Note how many keys are taken away; two files that say so have one change between them."""
        if self.confirm_removal is None:
            self.confirm_removal = number
        elif number != self.confirm_removal:
            message = f"another file of keys says {self.confirm_removal}; the number is that of all keys taken away"
            self.problems.append(document.problem(("confirm_removal",), message))

    def _is_upstream(self, document: Document, name: str) -> bool:
        """Whether gateway.yaml has an upstream called `name`; a problem if it has not."""
        if self.upstreams is None or name in self.upstreams:
            return True
        shown = shown_name(name, document.source.sensitive)
        hint = did_you_mean(name, (*self.upstreams, *_OWN)) or f"; it has: {', '.join(self.upstreams) or 'none'}"
        self.problems.append(document.problem((name,), f"gateway.yaml has no upstream {shown}{hint}", name=True))
        return False

    def _read_upstream(self, document: Document, upstream: str, entries: object) -> None:
        if entries is None:
            return
        if not isinstance(entries, list):
            self.problems.append(document.problem((upstream,), "expected a list of keys, each behind a '-'"))
            return
        for index, raw in enumerate(entries):
            path = (upstream, index)
            # The shape of an entry is a union, and the converter's answer is one of its two classes.
            shape: Any = KeyEntry
            entry, problems = structured(document, raw, shape, path)
            self.problems += problems
            for at, key, account in _keys_of(entry, path):
                self._take(document, at, key, account)

    def _take(self, document: Document, path: Path, shape: KeyShape, account: AccountShape | None) -> None:
        """Add one key of the upstream that `path` begins with."""
        upstream = str(path[0])
        secret = self._secret(document, path, shape)
        if secret is None:
            return
        place = document.place(path)
        here = f"{document.source.path}, line {place.line + 1 if place else 1}"
        met = self._seen.get((upstream, secret.fingerprint))
        if met is not None:
            digest, first = met
            what = "the same key" if digest == secret.digest else "another key with the same fingerprint"
            self.problems.append(document.problem(path, f"{what} ({secret.fingerprint}) is already in {first}"))
            return
        self._seen[upstream, secret.fingerprint] = secret.digest, here
        self.keys.setdefault(upstream, []).append(
            KeySettings(
                secret=secret,
                account=account.account if account else secret.fingerprint,
                weight=shape.weight or (account.weight if account else 1),
                enabled=shape.enabled,
                note=shape.note,
            )
        )

    def _secret(self, document: Document, path: Path, shape: KeyShape) -> Secret | None:
        """The secret that `shape` holds or names; `None`, and a problem if it is to be used, if there is none."""
        given = [each for each in (shape.secret, shape.secret_file, shape.secret_env) if each is not None]
        if len(given) != 1:
            message = "expected exactly one of secret, secret_file and secret_env"
            self.problems.append(document.problem(path, message))
            return None
        if shape.secret is not None:
            return shape.secret
        step = "secret_file" if shape.secret_file is not None else "secret_env"
        try:
            return self._fetched(document, shape)
        except (Unreadable, Misfit) as error:
            # A key that is switched off may have lost its secret already: it is as good as absent.
            if shape.enabled or isinstance(error, Misfit):
                message = error.message(True) if isinstance(error, Misfit) else str(error)
                self.problems.append(document.problem((*path, step), message))
            return None

    def _fetched(self, document: Document, shape: KeyShape) -> Secret:
        """The secret out of the file or the variable; `Unreadable` if it is not there."""
        if shape.secret_file is not None:
            path = os.path.join(os.path.dirname(document.source.path), shape.secret_file)
            self.files.append(path)  # also where it is not there: it may come
            try:
                content = read_bytes(path, LARGEST_SECRET)
            except Unreadable as error:
                raise Unreadable(f"the file '{shape.secret_file}' {error}") from None
            return checked_secret(content.decode("utf-8", "replace").rstrip("\r\n"))
        value = self.environ.get(str(shape.secret_env))
        if value is None:
            raise Unreadable(f"the environment variable {shape.secret_env} is not set")
        return checked_secret(value)


_OWN = tuple(attribute.name for attribute in attrs.fields(KeysFile))
"""The names at the top of keys.yaml that are no upstream's."""


def _keys_of(entry: object, path: Path) -> Iterator[tuple[Path, KeyShape, AccountShape | None]]:
    """The keys of one entry, each with the path to it and its account."""
    match entry:
        case KeyShape():
            yield path, entry, None
        case AccountShape():
            for index, key in enumerate(entry.keys):
                if isinstance(key, KeyShape):
                    yield (*path, "keys", index), key, entry
