"""The rules of the house as functions of source text: each answers with its complaints, and none is a silent pass.

They read syntax, never import: a rule holds for code that could not run here. `test_floors.py` turns them on the tree,
and each of them on a small bad example first.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from attrs import frozen

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
SHELLS = frozenset(
    {
        "web",
        "outbound",
        "store",
        "settings",
        "logs",
        "calllog",
        "pulse",
        "turn",
        "reactor",
        "heap",
        "lag",
        "listening",
        "drift",
        "strain",
        "systemd",
        "rehearsal",
    }
)
TOP = frozenset(
    {"service", "twistd", "leaving", "cli", "demo", "reloading", "wiring", "front", "collector", "books", "desk"}
)
ROOMS = SHELLS | TOP | {"core"}
CORE_MAY = frozenset({"attr", "attrs", "msgspec"})
CORE_MAY_NOT = frozenset(
    {
        "asyncio", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "select", "shutil",
        "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "urllib.request",
    }
)  # fmt: skip
"""Modules of the standard library that wait, open, ask the machine, roll dice or log."""
BYTES_IN_MEMORY = "io.BytesIO"
"""What the core may have of `io` all the same: it opens nothing."""
CLOCKS = frozenset(
    {
        "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter",
        "time.perf_counter_ns", "time.sleep", "time.localtime", "uuid.uuid1", "uuid.uuid4",
    }
)  # fmt: skip
CLOCK_METHODS = frozenset({"now", "utcnow", "today"})
"""Of datetime and date; a clock where they are called on the class."""
IMPURE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "breakpoint"})
NOT_NAMES = frozenset(
    {
        "manager", "handler", "processor", "engine", "helper", "helpers", "util", "utils", "common", "base", "data",
        "info", "channel", "group", "provider",
    }
)  # fmt: skip
HTTP_CHANNEL = "targon_gw/web/channel.py"
"""HTTP's channel is the one that may be called so."""


@frozen
class Source:
    """A file: its path from the root of the project, with slashes, and its text."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return ast.parse(self.text, self.path)

    @property
    def room(self) -> str:
        """The room of targon_gw that it belongs to; "" for the root's own `__init__`."""
        name = PurePosixPath(self.path).parts[1].removesuffix(".py")
        return "" if name == "__init__" else name

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return ".".join(PurePosixPath(self.path).parts[:-1])


Rule = Callable[[Source], list[str]]


@frozen
class Import:
    """One imported name, made absolute: `from .health import Ready` is `targon_gw.core.health.Ready`."""

    name: str
    relative: bool
    line: int

    @property
    def room(self) -> str | None:
        """The room of ours that it reaches; None where it is not ours."""
        parts = self.name.split(".")
        return (parts[1] if len(parts) > 1 else "") if parts[0] == "targon_gw" else None


def imports(source: Source, within: ast.AST | None = None) -> Iterator[Import]:
    """Every import of a file, wherever it stands."""
    for node in ast.walk(within or source.tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, False, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                parents = source.package.split(".")
                kept = parents[: len(parents) - node.level + 1]
                origin = ".".join([*kept, origin] if origin else kept)
            yield from (Import(f"{origin}.{alias.name}", bool(node.level), node.lineno) for alias in node.names)


def imports_go_down(source: Source) -> list[str]:
    """A shell sees the core and itself; nobody but the top sees the top; no room that the house does not know."""
    if source.room not in ROOMS | {""}:
        return [f"{source.path}:1: {source.room} is no room of the house"]
    if source.room in TOP:
        return []
    allowed = {"core", source.room, ""} if source.room in SHELLS else {source.room}
    return [
        f"{source.path}:{one.line}: {source.room or 'the root'} must not import {one.name}"
        for one in imports(source)
        if one.room is not None and one.room not in allowed and one.room in ROOMS
    ]


def core_stands_alone(source: Source) -> list[str]:
    """The core imports the standard library, attrs, msgspec and itself."""
    if source.room != "core":
        return []
    return [
        f"{source.path}:{one.line}: the core must not import {one.name}"
        for one in imports(source)
        if one.room is None and one.name.split(".")[0] not in CORE_MAY | sys.stdlib_module_names
    ]


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an expression of names; "" of any other."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def core_is_pure(source: Source) -> list[str]:
    """The core never waits, opens, reads a clock, rolls a die or logs."""
    if source.room != "core":
        return []
    found = []
    for one in imports(source):
        if one.name == BYTES_IN_MEMORY:
            continue
        if any(one.name == name or one.name.startswith(f"{name}.") for name in CORE_MAY_NOT) or one.name in CLOCKS:
            found.append(f"{source.path}:{one.line}: the core must not use {one.name}")
    for node in ast.walk(source.tree):
        name = dotted(node) if isinstance(node, ast.Attribute) else ""
        clock = name.split(".")[-1] in CLOCK_METHODS and name.split(".")[-2] in {"datetime", "date"} if name else False
        if name in CLOCKS or clock:
            found.append(f"{source.path}:{node.lineno}: the core must not use {name}")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            found.append(f"{source.path}:{node.lineno}: the core must not call {node.func.id}()")
    return found


def no_reactor_at_import(source: Source) -> list[str]:
    """The reactor is an argument; only a function may fetch it, or importing a module would choose it for everyone."""

    def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                yield child
                yield from outside_functions(child)

    return [
        f"{source.path}:{one.line}: the reactor is imported at module level"
        for node in outside_functions(source.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for one in imports(source, node)
        if one.name == "twisted.internet.reactor" or one.name.startswith("twisted.internet.reactor.")
    ]


def relative_inside_a_room(source: Source) -> list[str]:
    """Relative imports inside a room, absolute ones across rooms."""
    found = []
    for one in imports(source):
        if one.relative and one.room != source.room:
            found.append(f"{source.path}:{one.line}: {one.name} is in another room: import it absolutely")
        elif not one.relative and one.room and one.room == source.room:
            found.append(f"{source.path}:{one.line}: {one.name} is in this room: import it relatively")
    return found


def files_are_short(source: Source) -> list[str]:
    """No file has more than 400 lines."""
    lines = len(source.text.splitlines())
    return [f"{source.path}: {lines} lines, {LONGEST_FILE} at the most"] if lines > LONGEST_FILE else []


def functions_are_short(source: Source) -> list[str]:
    """No function has more than 60 lines, its docstring included."""
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                found.append(f"{source.path}:{node.lineno}: {node.name} has {lines} lines, not {LONGEST_FUNCTION}")
    return found


def words(name: str) -> set[str]:
    """The words of a CamelCase or snake_case name, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)}


def names_are_house_words(source: Source) -> list[str]:
    """No class and no module is named with a word that says nothing."""
    named = [(1, PurePosixPath(source.path).stem)]
    named += [(node.lineno, node.name) for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
    allowed = {"channel"} if source.path == HTTP_CHANNEL else set()
    return [
        f"{source.path}:{line}: {name}: {word!r} is not used in names"
        for line, name in named
        for word in sorted(words(name) & NOT_NAMES - allowed)
    ]


def modules_say_what_they_are(source: Source) -> list[str]:
    """A module opens with its theory, and an `__init__` holds nothing that it imported."""
    found = [] if ast.get_docstring(source.tree) else [f"{source.path}:1: no docstring"]
    if PurePosixPath(source.path).name == "__init__.py":
        found += [f"{source.path}:{one.line}: {one.name} is re-exported" for one in imports(source)]
    return found


def mirrored(module: str) -> tuple[str, str]:
    """Where the tests of a module lie: one file, or the pattern of several that share its name."""
    path = PurePosixPath(module)
    folder = "/".join(["tests", *path.parts[1:-1]])
    return f"{folder}/test_{path.stem}.py", f"{folder}/test_{path.stem}_*.py"


def untested(modules: list[str], tests: list[str]) -> list[str]:
    """Modules of targon_gw without a test file of their name in the same place below tests/."""
    found = []
    for module in modules:
        exact, pattern = mirrored(module)
        if not module.endswith("/__init__.py") and not any(
            test == exact or PurePosixPath(test).match(pattern) for test in tests
        ):
            found.append(f"{module}: no {exact}")
    return found


def sources(root: Path, *folders: str) -> list[Source]:
    """The Python files below `folders`, but for what is installed or generated there."""
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    kept = [path for path in paths if not {"node_modules", "__pycache__"} & set(path.parts)]
    return [Source(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in kept]
