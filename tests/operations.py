"""What docs/operations.rst must have: read out of the sources, by their syntax, and out of the document itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

LEVELS = {"debug", "info", "warn", "error", "critical", "failure"}
LOGGERS = {"log", "_log"}
LEAVES = {"exit", "_exit", "SystemExit", "_give_up"}
"""What ends a process, by the last word of its name, with the code as its first argument."""


@frozen
class Event:
    """One that is logged: how grave it is, and its format string."""

    level: str
    text: str


def trees(root: Path) -> Iterator[tuple[str, ast.Module]]:
    """The syntax of each module below `root`, by its path."""
    for path in sorted(root.rglob("*.py")):
        yield path.relative_to(root).as_posix(), ast.parse(path.read_text("utf-8"))


def events(tree: ast.AST) -> Iterator[Event]:
    """What a module logs; raises ValueError where that is not told by its syntax."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in LEVELS:
            continue
        logger = node.func.value
        if (logger.attr if isinstance(logger, ast.Attribute) else getattr(logger, "id", "")) not in LOGGERS:
            continue
        text = node.args[0] if node.args else None
        if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
            raise ValueError(f"line {node.lineno}: what is logged is no constant")
        yield Event(node.func.attr, text.value)


def described(document: str) -> Sequence[Event]:
    """The events that a document describes: terms of a definition list, each a format string and its level."""
    return [Event(level, text) for text, level in re.findall(r"^``(.+)`` \((\w+)\)\n   \S", document, re.MULTILINE)]


def exits(tree: ast.AST) -> Iterator[str]:
    """What processes end with, as it stands in the source: `FAILED`, `0`, `BAD_SETTINGS`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name in LEAVES and node.args:
            code = node.args[0]
            yield from (
                ast.unparse(one) for one in ([code.body, code.orelse] if isinstance(code, ast.IfExp) else [code])
            )
        elif isinstance(function, ast.Name) and name == "fail" and len(node.args) == 2:
            yield ast.unparse(node.args[1])
