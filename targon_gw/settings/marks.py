"""YAML, read strictly: every value keeps its place, and nothing is guessed.

PyYAML is used for its events only, not for its idea of what a scalar means: YAML 1.1 reads `no` as false, `12:30` as
750 and `010` as 8. Here a plain scalar is `true`, `false`, `null`, a decimal number, or text; text that YAML 1.1 takes
for something else comes out as a `Guess`, which whoever wants text or a number refuses. Anchors, aliases, tags, merge
keys, duplicate names, a second document and deep nesting are problems. Nothing is ever constructed, so an alias bomb
or a `!!python/…` tag is no more than a problem with a line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml
from attrs import define, field, frozen

from .problems import Place, Problem, Source

DEEPEST: Final = 24
"""Levels of nesting; the deepest setting is at six, and what walks the tree calls itself."""
MOST: Final = 1000
"""Problems of one file's YAML that are kept."""
Path = tuple[str | int, ...]
"""The way to a value from the top of its file: names and places in lists."""

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's in C, where it was built with that: seven times as fast."""
_RESOLVER: Final[Any] = yaml.resolver.Resolver()
_INT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,3})?")
_OTHER_INT: Final = re.compile(r"[-+]?0(?:o[0-7]+|[0-9]+)")
"""Numbers to YAML 1.2 and not to 1.1: 0o17, and 089, which is none of the octal ones."""
_WORDS: Final = {"null": None, "~": None, "": None, "true": True, "false": False}
_READINGS: Final = {
    "bool": "true or false",
    "int": "another number",
    "float": "a number",
    "timestamp": "a date",
    "null": "nothing",
}


class Guess(str):
    """A plain scalar's text that YAML 1.1 takes for something else; `reading` says for what."""

    reading: str = ""


@define(eq=False)
class Node:
    """A value and where it begins. `value` is a scalar, a list of nodes, or a mapping of names to nodes."""

    place: Place
    value: object
    names: dict[str, Place] = field(factory=dict)
    """Of a mapping: where each name stands."""

    @property
    def plain(self) -> object:
        """The value alone: dicts, lists and scalars."""
        match self.value:
            case dict() as children:
                return {name: child.plain for name, child in children.items()}
            case list() as children:
                return [child.plain for child in children]
            case scalar:
                return scalar


@frozen
class Document:
    """A file as read. `root` is `None` where the file is empty or cannot be parsed."""

    source: Source
    root: Node | None = None
    problems: tuple[Problem, ...] = ()
    is_broken: bool = False
    """Whether it could not be read or parsed at all, so that nothing follows from what it does not name."""
    plain: Any = field(init=False, repr=False)
    """The whole as dicts, lists and scalars; an empty file is `None`."""

    @plain.default
    def _plain(self) -> object:
        return self.root.plain if self.root is not None else None

    def place(self, path: Path, name: bool = False) -> Place | None:
        """Where the value at `path` stands, or its name; as near as the path goes. `None` for an empty file."""
        if self.root is None:
            return None
        node, place = self.root, self.root.place
        for step in path:
            match node.value:
                case dict() as children if step in children:
                    place = node.names[str(step)] if name else children[step].place
                    node = children[step]
                case list() as items if isinstance(step, int) and step < len(items):
                    node = items[step]
                    place = node.place
                case dict() if str(step) in node.names:
                    return node.names[str(step)]
                case _:
                    return place
        return place

    def problem(self, path: Path, message: str, name: bool = False) -> Problem:
        """`message` about the value at `path`, or about its name."""
        return self.source.problem(self.place(path, name), message)


def parse(source: Source) -> Document:
    """Read the text of `source`; never raises: what is wrong is in the document's problems."""
    builder = _Builder(source)
    try:
        for event in yaml.parse(source.text, Loader=LOADER):
            builder.take(event)
    except yaml.reader.ReaderError as error:
        # The C reader counts in bytes, the other in characters: the character is looked for again.
        builder.blame(next(_forbidden(source), None), f"YAML: {error.reason}")
    except _TooDeep as error:
        builder.blame(error.place, f"nested more than {DEEPEST} levels deep")
    except yaml.MarkedYAMLError as error:
        builder.blame(_marked(error), _said(error))
    else:
        return Document(source, builder.root, tuple(builder.problems))
    return Document(source, None, tuple(builder.problems), is_broken=True)


@define(eq=False)
class _Builder:
    """Makes nodes of YAML's events, and problems of those that are refused."""

    source: Source
    problems: list[Problem] = field(factory=list)
    root: Node | None = None
    documents: int = 0
    open: list[Node] = field(factory=list)
    """The lists and mappings that have begun and not ended, outermost first."""
    names: list[tuple[str | None, Place] | None] = field(factory=list)
    """For each of `open`: the name whose value comes next; a name of `None` is none that can be looked up."""
    readings: dict[str, object] = field(factory=dict)
    """What plain scalars of this file mean: of ten thousand clients each says the same names."""

    def blame(self, place: Place | None, message: str) -> None:
        """Add a problem, unless there are so many that they have one cause."""
        if len(self.problems) < MOST:
            self.problems.append(self.source.problem(place, message))

    def take(self, event: yaml.Event) -> None:
        """The next event of the file."""
        # The stubs allow for events without marks; a parser makes none.
        mark: Any = event.start_mark
        place = Place(mark.line, mark.column)
        match event:
            case yaml.ScalarEvent():
                if event.anchor is not None or event.tag is not None:
                    self._refuse_marks(event, place)
                self._add_scalar(event, place)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._refuse_marks(event, place)
                self._begin(Node(place, {} if isinstance(event, yaml.MappingStartEvent) else []))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.open.pop()
                self.names.pop()
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents == 2:
                    self.blame(place, "a second document begins here; a settings file is one document")
            case yaml.AliasEvent():
                self.blame(place, "aliases (*…) are not used here; write the value out")
                self._add(Node(place, None))

    def _refuse_marks(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, place: Place) -> None:
        if event.anchor is not None:
            self.blame(place, "anchors (&…) are not used here; write the value out")
        if event.tag is not None:
            self.blame(place, "tags (!…) are not used here")

    def _begin(self, node: Node) -> None:
        if len(self.open) == DEEPEST:
            raise _TooDeep(node.place)
        self._add(node)
        self.open.append(node)
        self.names.append(None)

    def _add_scalar(self, event: yaml.ScalarEvent, place: Place) -> None:
        text = event.value
        reading: object = text
        if event.implicit[0] and not event.style:
            readings = self.readings
            reading = readings[text] if text in readings else readings.setdefault(text, resolved(text))
        if self.open and self.names[-1] is None and isinstance(self.open[-1].value, dict):
            self._name(text, reading, place)
        else:
            self._add(Node(place, reading))

    def _name(self, text: str, reading: object, place: Place) -> None:
        """A name in a mapping."""
        mapping = self.open[-1]
        if text == "<<" and isinstance(reading, Guess):
            self.blame(place, "merge keys (<<) are not used here; write the settings out")
        elif isinstance(reading, Guess) or not isinstance(reading, str):
            self.blame(place, f"a name that YAML reads as {reading_of(reading)}: quote it")
        elif text in mapping.names:
            self.blame(place, f"set twice: it is already on line {mapping.names[text].line + 1}")
        self.names[-1] = (text, place)

    def _add(self, node: Node) -> None:
        """`node` is a value, in the list or mapping that is open, or the whole file."""
        if not self.open:
            if self.documents == 1:
                self.root = node
            return
        around = self.open[-1]
        match around.value:
            case list() as items:
                items.append(node)
            case dict() as children:
                name = self.names[-1]
                if name is None:
                    self.blame(node.place, "a setting's name is a word, not a list or a mapping")
                    self.names[-1] = (None, node.place)
                    return
                self.names[-1] = None
                text, place = name
                if text is not None and text not in children:
                    children[text] = node
                    around.names[text] = place


def resolved(text: str) -> object:
    """What a plain scalar means: `None`, a bool, a decimal number, text, or a `Guess`."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    # No text longer than this is a word, a number or a date: and no pattern is tried on more.
    if len(text) > 64:
        return text
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False)).rpartition(":")[2]
    if tag == "str" and not _OTHER_INT.fullmatch(text):
        return text
    guess = Guess(text)
    guess.reading = _READINGS.get(tag, "another number")
    return guess


def reading_of(value: object) -> str:
    """What kind of thing a value is that should have been text."""
    match value:
        case Guess():
            return value.reading
        case bool():
            return "true or false"
        case None:
            return "nothing"
        case _:
            return "a number"


class _TooDeep(Exception):
    """Raised out of a file that is nested beyond reason: what follows is not read."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.place = place


def _marked(error: Any) -> Place | None:
    """Where PyYAML says that the mistake is."""
    mark = error.problem_mark or error.context_mark
    return Place(mark.line, mark.column) if mark is not None else None


def _said(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's own words, which repeat nothing of the file but single characters and tag handles."""
    return ", ".join(part for part in (error.context, error.problem) if part)


def _forbidden(source: Source) -> Iterator[Place]:
    """Where characters stand that YAML does not allow."""
    for number, line in enumerate(source.lines):
        found = yaml.reader.Reader.NON_PRINTABLE.search(line)
        if found:
            yield Place(number, found.start())
