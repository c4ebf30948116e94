"""What the vendor remembers: each request that it answered, and each fault that it was told to commit.

A key appears by its fingerprint, the same that the gateway calls it by: a log must not teach anybody a secret.
"""

from __future__ import annotations

import enum
from typing import Any

from attrs import define, frozen

from .catalogue import Ordered
from .steps import Script, Send


class Ending(enum.Enum):
    """How an answer ended."""

    OPEN = "open"
    WHOLE = "whole"
    CUT = "cut"
    CLIENT_LEFT = "client left"


@define(eq=False)
class Served:
    """One answer. `completion_tokens` are those that went out so far; times are seconds of the vendor's clock."""

    path: str
    began: float
    key: str | None = None
    account: str | None = None
    model: str | None = None
    stream: bool = False
    fault: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    status: int | None = None
    ending: Ending = Ending.OPEN
    ended: float | None = None
    request_id: str | None = None
    """The X-Request-Id that came with the request."""

    def note(self, sent: Send) -> None:
        """Take down what has just been put on the wire."""
        self.completion_tokens += sent.tokens
        if self.status is None and sent.data.startswith(b"HTTP/1.") and not sent.data.startswith(b"1", 9):
            self.status = int(sent.data[9:12])

    def shown(self) -> dict[str, Any]:
        """The entry for the admin route."""
        return {
            "path": self.path,
            "request_id": self.request_id,
            "began": self.began,
            "ended": self.ended,
            "ending": self.ending.value,
            "key": self.key,
            "account": self.account,
            "model": self.model,
            "stream": self.stream,
            "fault": self.fault,
            "status": self.status,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }


@define(eq=False)
class Charge:
    """An order to commit a fault on whatever matches. `key` is a fingerprint; `left` `None` is for ever."""

    ordered: Ordered
    key: str | None = None
    account: str | None = None
    model: str | None = None
    left: int | None = None
    committed: int = 0

    @property
    def unnamed(self) -> bool:
        """Whether it is meant for everybody."""
        return self.key is None and self.account is None and self.model is None

    def matches(self, key: str | None, account: str | None, model: str | None) -> bool:
        """Whether it is meant for such a request."""
        wanted = ((self.key, key), (self.account, account), (self.model, model))
        return self.left != 0 and all(mine is None or mine == theirs for mine, theirs in wanted)

    def spend(self) -> int:
        """Commit it once; how often it had been committed before."""
        self.committed += 1
        if self.left is not None:
            self.left -= 1
        return self.committed - 1

    def shown(self) -> dict[str, Any]:
        """The charge for the admin route."""
        return {
            "fault": self.ordered.fault.name,
            "key": self.key,
            "account": self.account,
            "model": self.model,
            "times_left": self.left,
            "committed": self.committed,
        }


@frozen
class Answer:
    """A script to perform, and the entry to keep while performing it."""

    script: Script
    served: Served
