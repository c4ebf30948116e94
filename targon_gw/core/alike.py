"""Entries that are alike, added up together before they are counted under each of their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from .meter import Source

if TYPE_CHECKING:
    from .ledger import Entry


@define(eq=False)
class Alike:
    """What entries of one kind and ending under the same names come to together."""

    count: int = 0
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0
    estimated: int = 0
    cost: int = 0

    def take(self, entry: Entry) -> None:
        """Add the figures of one of them."""
        prompt, completion = entry.prompt, entry.completion
        self.cost += entry.cost
        self.prompt += prompt
        self.completion += completion
        if entry.cached or entry.reasoning:
            self.cached += entry.cached
            self.reasoning += entry.reasoning
        if entry.source is not Source.UPSTREAM:
            self.estimated += prompt + completion

    def add(self, other: Alike) -> None:
        """Add the figures of others that are alike in fewer names."""
        self.count += other.count
        self.prompt += other.prompt
        self.completion += other.completion
        self.cached += other.cached
        self.reasoning += other.reasoning
        self.estimated += other.estimated
        self.cost += other.cost
