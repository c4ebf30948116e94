"""What many things said at one moment, though they change while it is written down a slice at a time.

A state is as of one line of the ledger: what comes to pass behind that line is not in it, or the next start would count
it twice. So whatever is about to change before its turn has come is written down first; what has not changed since the
last state is not written anew. 100,000 clients took 1.3 s in one go; here nobody waits for more than a slice.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar

from attrs import define, field

T = TypeVar("T")
Plain = dict[str, Any]
Slices = Generator[int, None, Plain]
"""Each step writes down so many things, the first one takes the moment; what it comes to is returned at the end."""

SLICE: Final = 256
"""Things written down in one go: some 3 ms where all of them have changed, and a tenth of a millisecond where none."""


@define(eq=False)
class Cut(Generic[T]):
    """One moment. `told` writes one thing down, or answers with what it was written down as while nothing changed."""

    told: Callable[[T], Plain]
    _then: dict[T, Plain] = field(factory=dict)

    def before(self, thing: T) -> None:
        """To be said whenever `thing` is about to change."""
        if thing not in self._then:
            self._then[thing] = self.told(thing)

    def of(self, thing: T) -> Plain:
        """What `thing` said at that moment."""
        then = self._then.get(thing)
        return self.told(thing) if then is None else then


def all_of(slices: Slices) -> Plain:
    """What `slices` come to, in one go."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            state: Plain = end.value
            return state


def parted(things: Mapping[str, T]) -> Iterator[list[tuple[str, T]]]:
    """What `things` has now by name, a slice at a time; the moment is that of the call.

    Names and values are listed apart: 100,000 pairs take 30 ms to make, and those take two.
    """
    return _parted(list(things), list(things.values()))


def _parted(names: list[str], things: list[T]) -> Iterator[list[tuple[str, T]]]:
    for start in range(0, len(names), SLICE):
        end = start + SLICE
        yield list(zip(names[start:end], things[start:end], strict=True))


def written(listed: Mapping[str, Iterator[list[tuple[str, T]]]], cut: Cut[T]) -> Slices:
    """What all things of `listed`, parted, said at the moment of `cut`."""
    rows: dict[str, Plain] = {by: {} for by in listed}
    for by, parts in listed.items():
        for part in parts:
            rows[by].update((name, cut.of(thing)) for name, thing in part)
            yield len(part)
    return rows
