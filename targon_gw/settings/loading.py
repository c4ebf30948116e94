"""gateway.yaml and the files that it names become one `Config`, whole or not at all.

All files are read and judged, whatever is wrong with the first: the operator sees every problem in one run. Paths in a
file are relative to that file's folder. Nothing is written, listened on or resolved.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import attrs
from attrs import define, evolve, field, frozen

from targon_gw.core.changeover import Changeover
from targon_gw.core.config import Admin, Config, KeySettings, Metrics, Secret, UpstreamSettings

from .entries import ClientsReader, read_models
from .marks import Document
from .problems import Problem, SettingsError
from .reading import Unreadable, folder_beside, read_document
from .references import check_references, followed, upstream_names
from .shapes import GatewayFile
from .structure import structured
from .tokens import read_token
from .vendor_keys import KeysReader


@frozen
class Loaded:
    """Settings that are in order."""

    config: Config
    files: tuple[str, ...]
    """Every file that was read, gateway.yaml first; files with single secrets too."""
    confirm_removal: int | None = None
    """How many keys the files say that they take away."""
    keys: str = ""
    """The operator's file of keys: what is added goes beside it."""
    clients: str = ""
    """The same of clients."""
    change: Changeover | None = field(default=None, eq=False, repr=False)
    """What they change about the settings in force, where that has been worked out."""


def load(path: str, environ: Mapping[str, str] | None = None) -> Loaded:
    """The settings of the gateway.yaml at `path`; `SettingsError` with all problems if there is one.

    `environ` answers `secret_env`; the process's own where it is not given.
    """
    return _Loading(path, os.environ if environ is None else environ).run()


@define(eq=False)
class _Loading:
    """One run over all files."""

    path: str
    environ: Mapping[str, str]
    paths: dict[str, list[str]] = field(factory=dict)
    """Of what has been read, by kind: gateway, keys, clients, models."""
    lacking: list[str] = field(factory=list)
    """Files of tokens that hold none, or are not there."""
    problems: list[Problem] = field(factory=list)
    turn: int = 0

    def run(self) -> Loaded:
        """Read, judge and put together."""
        gateway = self._read("gateway", self.path, sensitive=False)
        file, problems = structured(gateway, gateway.plain, GatewayFile, ())
        if not gateway.is_broken:
            self.problems += problems
        keys, clients = KeysReader(self.environ, upstream_names(gateway)), ClientsReader()
        self._read_all("keys", gateway, keys)
        self._read_all("clients", gateway, clients)
        models_document = self._read("models", self._named("models", gateway), sensitive=False)
        models, model_problems = read_models(models_document)
        self.problems += [*keys.problems, *clients.problems, *model_problems]
        self.problems += check_references(gateway, models_document)
        metrics, admin = (None, None) if file is None else (file.metrics.token_file, file.admin.token_file)
        metrics_file, metrics_token = self._token(gateway, "metrics", metrics)
        admin_file, admin_token = self._token(gateway, "admin", admin)
        if self.problems or file is None:
            raise SettingsError(self.problems, self._files([*keys.files, *self.lacking]))
        config = evolve(
            _config(file, os.path.dirname(self.path)),
            upstreams=tuple(_upstreams(file, keys.keys)),
            clients=tuple(clients.clients),
            models=followed(models),
            metrics=Metrics(metrics_file, metrics_token),
            admin=Admin(_from_there(os.path.dirname(self.path), file.admin.socket), admin_file, admin_token),
        )
        return Loaded(
            config, self._files(keys.files), keys.confirm_removal, self.paths["keys"][0], self.paths["clients"][0]
        )

    def _read(self, kind: str, path: str, sensitive: bool) -> Document:
        document = read_document(path, self.turn, sensitive)
        self.turn += 1
        self.paths.setdefault(kind, []).append(path)
        self.problems += document.problems
        return document

    def _read_all(self, kind: str, gateway: Document, reader: KeysReader | ClientsReader) -> None:
        """The file of that kind and those in the folder beside it, one after another: a document of 10,000 clients
        takes 60 MB, and to give ten of them back at once would stop all threads for 150 ms."""
        path = self._named(kind, gateway)
        for each in (path, *folder_beside(path)):
            reader.read(self._read(kind, each, sensitive=True))

    def _named(self, kind: str, gateway: Document) -> str:
        """Where gateway.yaml says that a file is, or where it would say so if it could be read."""
        named = gateway.plain.get(kind) if isinstance(gateway.plain, dict) else None
        return os.path.join(os.path.dirname(self.path), str(named) if isinstance(named, str) else f"{kind}.yaml")

    def _token(self, gateway: Document, setting: str, named: str | None) -> tuple[str | None, Secret | None]:
        """Where the `token_file` of that setting lies, and what it holds; a problem where it holds no token."""
        path = _from_there(os.path.dirname(self.path), named)
        if path is None:
            return None, None
        try:
            return path, read_token(path)
        except (Unreadable, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            self.problems.append(gateway.problem((setting, "token_file"), f"the file {path!r} {why}"))
            self.lacking.append(path)
            return path, None

    def _files(self, secrets: Iterable[str]) -> tuple[str, ...]:
        read = [path for paths in self.paths.values() for path in paths]
        return tuple(dict.fromkeys([*read, *secrets]))


def _config(file: GatewayFile, folder: str) -> Config:
    """What gateway.yaml says, but for its upstreams and its tokens, with paths that lead from the working directory."""
    names = {attribute.name for attribute in attrs.fields(Config)}
    values = {name: value for name, value in attrs.asdict(file, recurse=False).items() if name in names}
    del values["upstreams"], values["metrics"], values["admin"]
    config = Config(**values)
    return evolve(config, state=_from(folder, config.state))


def _from(folder: str, path: str) -> str:
    """`path`, which is relative to `folder`."""
    return os.path.normpath(os.path.join(folder, path))


def _from_there(folder: str, path: str | None) -> str | None:
    """`path`, if there is one, which is relative to `folder`."""
    return None if path is None else _from(folder, path)


def _upstreams(file: GatewayFile, keys: Mapping[str, list[KeySettings]]) -> Iterable[UpstreamSettings]:
    for name, shape in file.upstreams.items():
        values = attrs.asdict(shape, recurse=False)
        yield UpstreamSettings(name=name, keys=tuple(keys.get(name, ())), **values)
