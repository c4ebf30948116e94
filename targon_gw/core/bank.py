"""The one door to what several gateways would have to agree on.

Who a key belongs to, and what each client has under way and has used, are reached through `Bank` and nothing else. In
one process `MemoryBank` answers, at once. An answer may also be an awaitable (a Bank that lives in another process):
callers cope with both. Decisions that need no agreement, such as which upstream key to draw, do not come here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Protocol

from attrs import define, field, frozen

from .clients import ClientKey, Keyring
from .config import Anonymous, ClientSettings
from .meter import Usage


@define(eq=False)
class Hold:
    """What is set aside for one call of `client` until it is settled; settled exactly once."""

    client: ClientKey
    open: bool = True


@frozen
class Tally:
    """What a client has under way and has used since the start."""

    calls: int = 0
    in_flight: int = 0
    prompt: int = 0
    completion: int = 0


class Bank(Protocol):
    """What is shared."""

    def find(self, secret: bytes | None) -> ClientKey | Awaitable[ClientKey | None] | None:
        """Whose key `secret` is; `None` asks for whoever may call without one."""

    def hold(self, client: ClientKey) -> Hold | Awaitable[Hold]:
        """Set aside what one call of `client` may use."""

    def settle(self, hold: Hold, usage: Usage | None) -> None:
        """Release `hold` against what was used (`None`: nothing was). A second time raises."""


@define(eq=False)
class MemoryBank:
    """The Bank of a gateway that is alone."""

    _keyring: Keyring
    _used: dict[str, Tally] = field(factory=dict)

    @classmethod
    def of(cls, clients: Iterable[ClientSettings], anonymous: Anonymous) -> MemoryBank:
        """The bank that the settings describe; nothing used yet."""
        return cls(Keyring.of(clients, anonymous))

    def find(self, secret: bytes | None) -> ClientKey | None:
        return self._keyring.find(secret)

    def hold(self, client: ClientKey) -> Hold:
        used = self.tally(client.name)
        self._used[client.name] = Tally(used.calls, used.in_flight + 1, used.prompt, used.completion)
        return Hold(client)

    def settle(self, hold: Hold, usage: Usage | None) -> None:
        if not hold.open:
            raise RuntimeError("a hold is settled once")
        hold.open = False
        used = self.tally(hold.client.name)
        prompt, completion = (usage.prompt, usage.completion) if usage else (0, 0)
        self._used[hold.client.name] = Tally(
            used.calls + 1, used.in_flight - 1, used.prompt + prompt, used.completion + completion
        )

    def tally(self, name: str) -> Tally:
        """What the client of that name has under way and has used."""
        return self._used.get(name) or Tally()
