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
    loading = _Loading(path, os.environ if environ is None else environ)
    try:
        return loading.run()
    finally:
        loading.let_go()


@define(eq=False)
class _Loading:
    """One run over all files."""

    path: str
    environ: Mapping[str, str]
    documents: dict[str, list[Document]] = field(factory=dict)
    """By kind: gateway, keys, clients, models."""
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
        self._read_named(gateway)
        keys = KeysReader(self.environ, upstream_names(gateway))
        clients = ClientsReader()
        for document in self.documents["keys"]:
            keys.read(document)
        for document in self.documents["clients"]:
            clients.read(document)
        (models_document,) = self.documents["models"]
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
        of_keys, of_clients = (self.documents[kind][0].source.path for kind in ("keys", "clients"))
        return Loaded(config, self._files(keys.files), keys.confirm_removal, of_keys, of_clients)

    def let_go(self) -> None:
        """Give the files back one by one: those of 100,000 clients at once would stop all threads for 150 ms."""
        for documents in self.documents.values():
            while documents:
                documents.pop()

    def _read(self, file: str, path: str, sensitive: bool) -> Document:
        document = read_document(path, self.turn, sensitive)
        self.turn += 1
        self.documents.setdefault(file, []).append(document)
        self.problems += document.problems
        return document

    def _read_named(self, gateway: Document) -> None:
        """The other files: where gateway.yaml says, or where it would say so if it could be read."""
        plain = gateway.plain if isinstance(gateway.plain, dict) else {}
        folder = os.path.dirname(self.path)
        for file in ("keys", "clients", "models"):
            named = plain.get(file)
            path = os.path.join(folder, str(named) if isinstance(named, str) else f"{file}.yaml")
            self._read(file, path, sensitive=file != "models")
            if file != "models":
                for more in folder_beside(path):
                    self._read(file, more, sensitive=True)

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
        read = [document.source.path for documents in self.documents.values() for document in documents]
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
