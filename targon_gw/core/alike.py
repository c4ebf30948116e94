"""Entries that are alike, added up together before they are counted under each of their names."""

from __future__ import annotations

from attrs import define

from .meter import Source, Usage


@define(eq=False)
class Alike:
    """What entries of one kind and ending under the same names come to together."""

    names: tuple[str | None, ...]
    """As `core.ledger.BY` has them."""
    count: int = 0
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0
    estimated: int = 0
    cost: int = 0

    def take(self, usage: Usage, cost: int) -> None:
        """Add the figures of one of them."""
        self.cost += cost
        self.prompt += usage.prompt
        self.completion += usage.completion
        self.cached += usage.cached
        self.reasoning += usage.reasoning
        if usage.source is not Source.UPSTREAM:
            self.estimated += usage.prompt + usage.completion
