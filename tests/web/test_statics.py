"""The files of the pages: by their whole address, for ever; anything else is not there."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from targon_gw.web.rooms import room
from targon_gw.web.statics import KINDS, StaticRoom, Statics, fresh_statics, kind_of, own_statics, read_statics

from .house import House

ROOT = Path(__file__).resolve().parent.parent.parent / "targon_gw" / "web" / "static"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A few files."""
    for name, text in {
        "js/a.js": "export const a = 1;\n" * 30,
        "js/b/c.js": "export {};",
        "img/favicon.svg": "<svg/>",
        "css/.hidden.css": "a{}",
        "pages/p.html": "<p>{{word}}",
        "words/p.json": "{}",
        "vendor/x/LICENSE": "MIT",
    }.items():
        path = tmp_path / "static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "keys.yaml").write_text("canary")
    return tmp_path / "static"


def house(statics: Callable[[], Statics], live: bool = False) -> House:
    """One with these files."""
    one = House()
    app: Any = StaticRoom(statics, live).app
    one.rooms.append(room(app, "/static/", "/favicon.svg"))
    return one


class StaticsTests:
    """`read_statics`."""

    def test_what_is_read(self, folder: Path) -> None:
        """All files by address, but hidden ones; what pages are made of is read and not told."""
        statics = read_statics(folder)
        names = {address.decode().removeprefix(statics.prefix + "/") for address in statics.documents}
        assert names == {"js/a.js", "js/b/c.js", "img/favicon.svg", "vendor/x/LICENSE"}
        assert statics.sources == {"pages/p.html": "<p>{{word}}", "words/p.json": "{}"}
        assert statics.address("js/a.js") == f"/static/{statics.digest}/js/a.js"
        assert statics.address("pages/p.html") is None

    @pytest.mark.parametrize("name", ["js/a.js", "pages/p.html", "words/p.json"])
    def test_digest(self, folder: Path, name: str) -> None:
        """Whatever changes, all addresses do; what does not, keeps them."""
        before = read_statics(folder).digest
        assert read_statics(folder).digest == before
        (folder / name).write_text("other")
        assert read_statics(folder).digest != before

    def test_styles_are_joined(self, folder: Path) -> None:
        """What a style imports stands in it, in that order: a page asks for one file. The parts are there too."""
        css = {"p.css": '/* p */\n\n@import "p/a.css";\n@import "p/b.css";\n', "p/a.css": "a{}\n", "p/b.css": "b{}\n"}
        for name, text in css.items():
            (folder / "css" / name).parent.mkdir(exist_ok=True)
            (folder / "css" / name).write_text(text)
        statics = read_statics(folder)
        bodies = {name: statics.documents[f"{statics.prefix}/css/{name}".encode()].body for name in css}
        assert bodies == {"p.css": b"/* p */\n\na{}\nb{}\n", "p/a.css": b"a{}\n", "p/b.css": b"b{}\n"}

    def test_a_style_that_is_not_there(self, folder: Path) -> None:
        """What is imported and missing is told at the start."""
        (folder / "css" / "p.css").write_text('@import "gone.css";\n')
        with pytest.raises(KeyError, match=r"css/gone\.css"):
            read_statics(folder)

    def test_a_renamed_file(self, folder: Path) -> None:
        """Names count as contents do."""
        before = read_statics(folder).digest
        (folder / "js/a.js").rename(folder / "js/d.js")
        assert read_statics(folder).digest != before

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("js/a.js", b"text/javascript; charset=utf-8"),
            ("vendor/d/purify.es.mjs", b"text/javascript; charset=utf-8"),
            ("vendor/x/LICENSE", b"text/plain; charset=utf-8"),
        ],
    )
    def test_kinds(self, name: str, kind: bytes) -> None:
        """Modules are scripts, whatever their names end in; a file without an ending is text."""
        assert kind_of(name) == kind

    def test_our_own(self) -> None:
        """The package's are the folder's, read once, and all of kinds that browsers are told rightly."""
        assert own_statics() is own_statics() and own_statics().digest == fresh_statics().digest
        names = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file()]
        assert {name for name in names if own_statics().address(name) is None} == set(own_statics().sources)
        assert {name.rpartition(".")[2] for name in names if "LICENSE" not in name} <= set(KINDS) | {"html"}


class RoomTests:
    """`StaticRoom`."""

    def test_file(self, folder: Path) -> None:
        """Told with its kind, to be kept for ever, and packed for those who take that."""
        statics = read_statics(folder)
        answer = house(lambda: statics).get(f"{statics.prefix}/js/a.js", "Accept-Encoding: gzip\r\n")
        assert answer.status == 200 and answer.headers[b"content-type"] == b"text/javascript; charset=utf-8"
        assert answer.headers[b"cache-control"] == b"public, max-age=31536000, immutable"
        assert gzip.decompress(answer.body) == (folder / "js/a.js").read_bytes()
        assert b"content-security-policy" in answer.headers and b"access-control-allow-origin" not in answer.headers

    def test_head_and_again(self, folder: Path) -> None:
        """HEAD has no body; who has it is told 304."""
        statics = read_statics(folder)
        one = house(lambda: statics)
        head = one.get(f"{statics.prefix}/js/b/c.js", "", "HEAD")
        assert (head.status, head.body) == (200, b"")
        again = one.get(f"{statics.prefix}/js/b/c.js", f"If-None-Match: {head.headers[b'etag'].decode()}\r\n")
        assert (again.status, again.body) == (304, b"")

    @pytest.mark.parametrize(
        "name",
        [
            "../keys.yaml", "../../keys.yaml", "%2e%2e/keys.yaml", "%2e%2e%2fkeys.yaml", "..%2fkeys.yaml",
            "..%5ckeys.yaml", "js/../js/a.js", "js/./a.js", "js//a.js", "js/a.js/", "js%2fa.js", "js/%61.js", "JS/A.JS",
            "js/a.js?x/../y", "js/", "", "/etc/passwd", "//etc/passwd", "css/.hidden.css",
            ".git/config", "pages/p.html", "words/p.json",
            "js/a.js.gz", "js/a.js;x", "js/a.js%20", "keys.yaml",
        ],
    )  # fmt: skip
    def test_what_there_is_not(self, folder: Path, name: str) -> None:
        """Paths that climb, hide, or are spelled otherwise are no address that there is (F-03)."""
        statics = read_statics(folder)
        answer = house(lambda: statics).get(f"{statics.prefix}/{name}", "")
        if "?" in name:
            assert answer.status == 200  # a query is no part of the path
            return
        assert answer.status == 404 and json.loads(answer.body)["error"]["code"] == "unknown_url"
        assert b"canary" not in answer.body

    @pytest.mark.parametrize("name", ["%00", "js/a.js%00", "js/%ff.js"])
    def test_what_is_no_path(self, folder: Path, name: str) -> None:
        """A NUL, and bytes that are no text, are refused before anybody looks (F-03)."""
        statics = read_statics(folder)
        assert house(lambda: statics).get(f"{statics.prefix}/{name}", "").status == 400

    def test_another_digest(self, folder: Path) -> None:
        """An older page's files are not there any more; never are newer ones told for them."""
        statics = read_statics(folder)
        assert house(lambda: statics).get("/static/0123456789abcdef/js/a.js", "").status == 404

    def test_favicon(self, folder: Path) -> None:
        """The mark has an address without a digest, and is asked for again."""
        statics = read_statics(folder)
        answer = house(lambda: statics).get("/favicon.svg", "")
        assert (answer.status, answer.body) == (200, b"<svg/>")
        assert answer.headers[b"cache-control"] == b"no-cache" and answer.headers[b"content-type"] == b"image/svg+xml"

    def test_only_reading(self, folder: Path) -> None:
        """Nothing can be put there."""
        statics = read_statics(folder)
        assert house(lambda: statics).get(f"{statics.prefix}/js/a.js", "", "PUT").status == 405

    def test_while_they_are_worked_on(self, folder: Path) -> None:
        """A file that changes is told as it is, under whatever digest; no browser keeps it."""
        one = house(lambda: read_statics(folder), live=True)
        before = read_statics(folder).prefix
        (folder / "js/b/c.js").write_text("export const other = 1;")
        answer = one.get(f"{before}/js/b/c.js", "")
        assert (answer.status, answer.body) == (200, b"export const other = 1;")
        assert answer.headers[b"cache-control"] == b"no-cache"
        assert one.get("/static/x", "").status == 404


class VendoredTests:
    """`vendor/MANIFEST.json`."""

    VENDOR = ROOT / "vendor"

    def entries(self) -> list[dict[str, str]]:
        """What it lists."""
        found: list[dict[str, str]] = json.loads((self.VENDOR / "MANIFEST.json").read_text("utf-8"))["files"]
        return found

    def test_lists_what_there_is(self) -> None:
        """Every file once, and no file that is not there."""
        there = sorted(path.relative_to(self.VENDOR).as_posix() for path in self.VENDOR.rglob("*") if path.is_file())
        assert sorted([*(entry["file"] for entry in self.entries()), "MANIFEST.json"]) == there

    def test_hashes(self) -> None:
        """Each file is, byte for byte, the one that was taken in."""
        for entry in self.entries():
            assert sha256((self.VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"], entry["file"]

    def test_says_whose_it_is(self) -> None:
        """Name, one exact version for each name, where it lay in the package, and a licence whose text is there too."""
        entries = self.entries()
        assert all(set(entry) == {"name", "version", "license", "origin", "file", "sha256"} for entry in entries)
        versions = {(entry["name"], entry["version"]) for entry in entries}
        assert len(versions) == len({name for name, _ in versions})
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for _, version in versions)
        licences = {entry["name"] for entry in entries if entry["file"].endswith("/LICENSE")}
        assert licences == {name for name, _ in versions}
