"""The files of the pages: read once at the start, packed then, and told under an address that changes with them.

A file is found by its whole address in a table that was made of the package's own resources; the address is never taken
apart, decoded or joined to a path. So whatever else it holds (`..`, `%2e`, a NUL, a name of the settings), there is
nothing there (faults catalogue, F-03). `pages/` and `words/` are what pages are made of and are not told.

A style that is a list of `@import "…";` is told with these files in the place of the lines: what one reads in several
sittings a browser asks for once.

`/static/DIGEST/…` has the digest of all files in it: what one browser keeps for ever is never an older one's.
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout, nor is Klein.

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from posixpath import dirname, join, normpath
from typing import Final

from attrs import define, frozen
from klein import Klein

from targon_gw.core.errors import Refusal

from .documents import Document
from .request import Request
from .rooms import refusing

KINDS: Final = {
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "mjs": b"text/javascript; charset=utf-8",
    "json": b"application/json; charset=utf-8",
    "svg": b"image/svg+xml",
    "png": b"image/png",
    "woff2": b"font/woff2",
}
"""By the end of the name; a file of any other kind is told as plain text."""
KEPT: Final = ((b"cache-control", b"public, max-age=31536000, immutable"),)
CHECKED: Final = ((b"cache-control", b"no-cache"),)
SOURCES: Final = ("pages/", "words/")
"""What pages are made of."""
FAVICON: Final = "img/favicon.svg"
_PART: Final = re.compile(rb'^@import "([^"]+)";\n', re.MULTILINE)


@frozen
class Statics:
    """All files. `digest` is of their names and contents; `documents` are by whole address, `sources` by name."""

    digest: str
    documents: Mapping[bytes, Document]
    sources: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """In front of a file's name in its address, without the slash between."""
        return f"/static/{self.digest}"

    def address(self, name: str) -> str | None:
        """Where the file `name`, such as `js/chat.js`, is told; `None` where there is none."""
        address = f"{self.prefix}/{name}"
        return address if address.encode("utf-8") in self.documents else None


def read_statics(root: Traversable) -> Statics:
    """The files below `root`, as they are now; raises KeyError for one that a style imports and that is not there."""
    found = dict(sorted(_walk(root, "")))
    digest = sha256()
    for name, body in found.items():
        digest.update(b"%b\0%d\0%b" % (name.encode("utf-8"), len(body), body))
    name_of_all = digest.hexdigest()[:16]
    told = {name: _joined(name, found) for name in found if not name.startswith(SOURCES)}
    return Statics(
        name_of_all,
        {f"/static/{name_of_all}/{name}".encode(): Document(kind_of(name), body) for name, body in told.items()},
        {name: body.decode("utf-8") for name, body in found.items() if name not in told},
    )


def fresh_statics() -> Statics:
    """The files of this package as they are now: for whoever works on them."""
    return read_statics(files(__package__) / "static")


@cache
def own_statics() -> Statics:
    """The files of this package, read and packed once for the whole process: some 50 ms."""
    return fresh_statics()


def _walk(folder: Traversable, before: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{before}{entry.name}/")
        else:
            yield before + entry.name, entry.read_bytes()


def _joined(name: str, found: Mapping[str, bytes]) -> bytes:
    """The file `name`; of a style, what it imports in the place where it does."""
    if not name.endswith(".css"):
        return found[name]
    return _PART.sub(lambda part: found[normpath(join(dirname(name), part[1].decode("utf-8")))], found[name])


def kind_of(name: str) -> bytes:
    """The content type of the file `name`."""
    return KINDS.get(name.rpartition(".")[2], b"text/plain; charset=utf-8")


@define(eq=False, slots=False)
class StaticRoom:
    """`/static/…` and `/favicon.svg`. `statics` has the files as they are now."""

    statics: Callable[[], Statics]
    live: bool = False
    """Files may change while it runs: none is kept by a browser, and an older digest will do."""
    app = refusing(Klein())

    @app.route("/static/<path:rest>", methods=["GET"])
    def file(self, request: Request, rest: str) -> None:
        """A file, by the address as it was sent."""
        statics = self.statics()
        address = request.path
        if self.live:
            address = statics.prefix.encode("ascii") + b"/" + address.split(b"/", 3)[-1]
        self._tell(request, statics.documents.get(address), CHECKED if self.live else KEPT)

    @app.route("/favicon.svg", methods=["GET"])
    def favicon(self, request: Request) -> None:
        """The mark, at the address that browsers keep longest."""
        statics = self.statics()
        self._tell(request, statics.documents.get(f"{statics.prefix}/{FAVICON}".encode()), CHECKED)

    def _tell(self, request: Request, document: Document | None, lines: tuple[tuple[bytes, bytes], ...]) -> None:
        if document is None:
            raise Refusal("unknown_url", "There is no such file. Load the page again.")
        document.tell(request, lines)
