"""Every fault by its name, and how a fault is ordered in a model's name.

`fault/NAME` and `fault/NAME:ARG` ask the vendor's first model for it, `MODEL!NAME` and `MODEL!NAME:ARG` the model
MODEL.
"""

from __future__ import annotations

from typing import Any

from attrs import define, frozen

from . import faults_connection, faults_events, faults_framing, faults_refusals, faults_spelling
from .fault import Fault

CATALOGUE: dict[str, Fault] = {
    fault.name: fault
    for page in (faults_connection, faults_framing, faults_events, faults_spelling, faults_refusals)
    for fault in page.FAULTS
}


@define(eq=False)
class UnknownFault(Exception):
    """There is no such fault, or not with that argument."""

    message: str

    def __attrs_post_init__(self) -> None:
        super().__init__(self.message)


@frozen
class Ordered:
    """A fault with its argument, read."""

    fault: Fault
    arg: Any


def ordered(wish: str) -> Ordered:
    """The fault of `NAME` or `NAME:ARG`; raises `UnknownFault`, saying what would do."""
    name, _, arg = wish.partition(":")
    fault = CATALOGUE.get(name)
    if fault is None:
        raise UnknownFault(f"no fault is called {name[:64]!r}; GET /rehearsal/catalogue lists them")
    try:
        return Ordered(fault, fault.takes.read(arg or None))
    except ValueError as error:
        raise UnknownFault(f"{name}: {error}") from None


def named_in(model: str) -> tuple[str | None, Ordered | None]:
    """The model and the fault that a model's name asks for; the model is `None` where any will do.

    Raises `UnknownFault` where a fault is asked for that there is none of.
    """
    if model.startswith("fault/"):
        asked, plain = model.removeprefix("fault/"), None
    else:
        plain, mark, asked = model.partition("!")
        if not mark:
            return model, None
    return plain, ordered(asked)
