"""What stands in files: settings that somebody wrote, a ledger that a crash or a disk has touched."""

from __future__ import annotations

import functools
import shutil
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path

import yaml

from targon_gw.core.config import SECRET_LIKE
from targon_gw.core.ledger import BadLine, Ending, Entry, Kind, entry_of, figures_of, line_of, read_line
from targon_gw.core.lines import read_rows
from targon_gw.core.meter import Source, Usage
from targon_gw.settings.loading import load
from targon_gw.settings.marks import LOADER, Guess, Node, parse
from targon_gw.settings.problems import SettingsError
from targon_gw.settings.problems import Source as SourceText
from targon_gw.store.daybook import Daybook, extent, lines
from targon_gw.store.folder import Damaged
from tests.settings.folder import SMALL, written
from tests.settings.test_loading import ENVIRON, SAMPLE

from .target import Target

NAMES = tuple(SMALL)
LONGEST_NUMBER = 64
"""Characters; what is longer is text to us, and may be a number to PyYAML."""
USED = Usage(30, 12, cached=3, reasoning=4, source=Source.UPSTREAM)
CALL = Entry(
    1763766000.5, "req_1", Kind.CALL, "ann", "acme/large", status=200, ending=Ending.SERVED, **figures_of(USED)
)


@functools.cache
def folder() -> Path:
    """A folder for the files of this process; gone with it."""
    held = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    folder.held = held  # type: ignore[attr-defined]
    return Path(held.name)


def settings() -> list[bytes]:
    """A byte that says which file, and the file's text: the manual's, and small ones."""
    found = [bytes([number]) + SAMPLE[name].encode() for number, name in enumerate(NAMES)]
    texts = (
        "",
        "a: b",
        "- x",
        "no",
        "a: &x 1\nb: *x",
        "!!python/object:os.system x",
        "a: 010\nb: 12:30",
        "a: 1\na: 2",
        "\t",
        "{",
        "a: |\n b",
    )
    return found + [bytes([number]) + text.encode() for number in range(4) for text in texts]


def check_yaml(data: bytes) -> None:
    """E-12: any text is a document or a list of problems; without these it says what PyYAML reads, but for numbers."""
    try:
        text = data[1:].decode()
    except UnicodeDecodeError:
        return
    found = parse(SourceText("a.yaml", text=text))
    assert found.is_broken <= bool(found.problems)
    for problem in found.problems:
        assert str(problem) and problem.line >= 0
    if not found.problems and found.root is not None:
        with suppress(yaml.constructor.ConstructorError, ValueError):  # of `=` and of the 31st of June it makes nothing
            assert agree(found.root, yaml.load(text, LOADER))


def agree(node: Node, value: object) -> bool:
    """Whether `value`, of PyYAML's making, has the same lists, names and texts; numbers we read otherwise."""
    match node.value:
        case dict() as children:
            return (
                isinstance(value, dict)
                and children.keys() == value.keys()
                and all(agree(child, value[name]) for name, child in children.items())
            )
        case list() as children:
            return isinstance(value, list) and all(map(agree, children, value)) and len(children) == len(value)
        case str() as text if not isinstance(text, Guess):
            return text == value or (len(text) > LONGEST_NUMBER and not isinstance(value, dict | list))
        case _:
            return not isinstance(value, dict | list)


def check_settings(data: bytes) -> None:
    """E-10, E-12: any bytes in any of the files are settings, or problems that can be printed and hold no secret."""
    name = NAMES[data[0] % len(NAMES)] if data else NAMES[0]
    path = written(folder(), {})
    (folder() / name).write_bytes(data[1:])
    try:
        load(path, ENVIRON)
    except SettingsError as error:
        assert error.problems and not SECRET_LIKE.search(str(error).replace("\N{REPLACEMENT CHARACTER}", ""))


def ledgers() -> list[bytes]:
    """Files of a few lines, whole and damaged."""
    texts = [line_of(CALL, n) for n in (1, 2, 3)]
    other = line_of(Entry(5.0, "req_2", Kind.CALL, note="x\ty", reference="é"), 4)
    whole = b"".join([*texts, other])
    return [
        whole,
        whole[:-1],
        whole[: len(texts[0]) + 40],
        texts[0],
        b"".join(reversed(texts)),
        b"\n",
        b"- {}\n",
        whole.replace(b"ann", b"anm"),
    ]


def check_ledger(data: bytes) -> None:
    """E-03, E-04: a line is good or bad; many at once say what each says; a file is read or called damaged."""
    whole, found, _ = data.rpartition(b"\n")
    block = mended(whole + found)
    rows = read_rows(block) if block else None
    if rows is not None:
        one_by_one = [read_line(line) for line in block.splitlines(keepends=True)]
        assert [(row.n, entry_of(row)) for row in rows] == one_by_one
    path = folder() / "2026-11-21.yaml"
    path.write_bytes(mended(data))
    book = Daybook(str(path), "2026-11-21", False)
    try:
        held = extent(book)
    except Damaged:
        return
    assert 0 <= held.end <= held.size == len(mended(data))
    with suppress(Damaged):
        numbers = [number for number, _ in lines(book, 0, held.end)]
        assert numbers == sorted(set(numbers)) and numbers[:1] + numbers[-1:] == [held.first, held.last] * bool(numbers)
    for line in data.splitlines(keepends=True):
        with suppress(BadLine):
            read_line(line)


def mended(data: bytes) -> bytes:
    """Lines that end in a checksum that nobody can guess get the right one: else the search would end at it."""
    found = []
    for line in data.splitlines(keepends=True):
        if line.startswith(b"- {") and line.endswith(b'"}\n') and line.find(b',"crc":"') == len(line) - 19:
            line = line[:-11] + b"%08x" % zlib.crc32(line[2:-19] + b"}") + b'"}\n'
        found.append(line)
    return b"".join(found)


def clean() -> None:
    """Remove the folder."""
    shutil.rmtree(folder(), ignore_errors=True)


TARGETS = (
    Target("yaml", check_yaml, settings),
    Target("settings", check_settings, settings),
    Target("ledger", check_ledger, ledgers),
)
