"""Many clients at once: all connected first, then all asking in the same moment.

Each is judged when it is refused, or admitted when its answer begins; a crowd knows of each what it was told and when.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence

from attrs import define, field

from tests.promises.witness import headers


@define(eq=False)
class Visitor:
    """One call. `status` is `None` before there is any, and where the connection went without."""

    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    status: int | None = None
    told: bytes = b""
    judged_at: float = math.inf
    ended_at: float = math.inf

    async def ask(self, key: str) -> None:
        """Ask, and read the answer to its end, however it ends."""
        lines = {**headers(key), "Host": "gateway", "Connection": "close", "Content-Length": str(len(self.body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        try:
            self.writer.write(f"POST /v1/chat/completions HTTP/1.1\r\n{head}\r\n".encode() + self.body)
            answer = await self.reader.readuntil(b"\r\n\r\n")
            self.status, self.judged_at = int(answer[9:12]), time.monotonic()
            self.told = await self.reader.read(-1)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended_at = time.monotonic()
            self.writer.close()

    def leave(self) -> None:
        """Hang up."""
        self.writer.transport.abort()


@define(eq=False)
class Crowd:
    """All of them, at the gateway at `url`, as one client."""

    url: str
    key: str
    bodies: Sequence[bytes]
    visitors: list[Visitor] = field(factory=list)
    _asking: list[asyncio.Task[None]] = field(factory=list)

    async def ask(self) -> None:
        """Have all of them connect, then all of them ask."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        for body in self.bodies:
            self.visitors.append(Visitor(body, *await asyncio.open_connection(host, int(port))))
        self._asking = [asyncio.create_task(visitor.ask(self.key)) for visitor in self.visitors]

    @property
    def refused(self) -> int:
        """How many were refused."""
        return sum(visitor.status is not None and visitor.status != 200 for visitor in self.visitors)

    @property
    def judged(self) -> int:
        """How many were told anything."""
        return sum(visitor.status is not None for visitor in self.visitors)

    @property
    def ended(self) -> int:
        """How many were admitted and have ended."""
        return sum(visitor.status in (200, None) and visitor.ended_at < math.inf for visitor in self.visitors)

    @property
    def overtaken(self) -> bool:
        """Whether one that was admitted had ended before the last was refused."""
        refused = [visitor.judged_at for visitor in self.visitors if visitor.status not in (200, None)]
        ended = [visitor.ended_at for visitor in self.visitors if visitor.status in (200, None)]
        return min(ended, default=math.inf) <= max(refused, default=0.0)

    def statuses(self) -> Counter[int | None]:
        """How many were told what; `None`: nothing yet."""
        return Counter(visitor.status for visitor in self.visitors)

    def codes(self) -> set[str]:
        """Why those that were refused were."""
        refused = [visitor for visitor in self.visitors if visitor.status not in (200, None) and visitor.told]
        return {json.loads(visitor.told)["error"]["code"] for visitor in refused}

    async def leave(self, luck: random.Random, count: int) -> int:
        """Have so many of those that were admitted leave at random moments; how many did before their end."""
        admitted = [visitor for visitor in self.visitors if visitor.status in (200, None)]
        left = 0
        for visitor in luck.sample(admitted, count):
            await asyncio.sleep(luck.uniform(0.0, 0.6))
            if visitor.ended_at == math.inf:
                visitor.leave()
                left += 1
        return left

    async def over(self) -> None:
        """Wait for all of them, at most 20 seconds."""
        await asyncio.wait_for(asyncio.gather(*self._asking), 20)


async def until(true: Callable[[], bool], seconds: float) -> None:
    """Wait until `true()`, or for so long."""
    ends = time.monotonic() + seconds
    while not true() and time.monotonic() < ends:
        await asyncio.sleep(0.01)
