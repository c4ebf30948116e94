"""Clients that would know an answer that is not theirs: each asks to have repeated what only it has said.

A tenant keeps its connection, sends now one request and now two at once, and leaves over every fifth. What it was
sent is compared with what it asked for, as far as it came.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from contextlib import suppress
from typing import Any, Final

import httptools
from attrs import define, field, frozen

from targon_gw.rehearsal.telling import ECHO
from tests.live.rig import V3

LEAVING: Final = 0.2
"""The share of requests that are left."""
TOGETHER: Final = 0.1
"""The share of requests that another one follows at once, on the same connection."""
PATIENCE: Final = 30.0
"""Seconds for one answer; none should take a tenth of it."""
STALE: Final = "STALE"
"""What is said in an answer of the vendor's that nobody asked for."""
CANARY: Final = re.compile(rf"canary-\d+-\d+-|{STALE}")
_ROOM: Final = 1 << 22


@frozen
class Wish:
    """One request: what is to be repeated, and whether in a stream."""

    canary: str
    text: str
    stream: bool

    def request(self, key: str) -> bytes:
        """Its bytes."""
        messages = [{"role": "user", "content": ECHO + self.text}]
        body = json.dumps({"model": V3, "messages": messages, "stream": self.stream, "max_tokens": 900}).encode()
        return (
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" % (key.encode(), len(body), body)
        )


@define(eq=False)
class Heard:
    """One answer, as far as it came: what httptools tells."""

    status: int = 0
    ended: bool = False
    pieces: list[bytes] = field(factory=list)

    @property
    def body(self) -> bytes:
        """What came of it."""
        return b"".join(self.pieces)

    def text(self, stream: bool) -> tuple[str, bool]:
        """What is said in it, and whether it says that this is all."""
        if not stream:
            return (json.loads(self.body)["choices"][0]["message"]["content"], True) if self.ended else ("", False)
        said, whole = "", False
        text = self.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        for line in text[: text.rfind(b"\n\n") + 1].split(b"\n"):
            data = line.removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
            whole = whole or data == b"[DONE]"
            for choice in json.loads(data).get("choices", ()) if data.startswith(b"{") else ():
                said += choice["delta"].get("content") or ""
        return said, whole


@define(eq=False)
class Line:
    """A connection, and the answers that came on it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answers: list[Heard] = field(factory=list)
    parser: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.answers.append(Heard())

    def on_headers_complete(self) -> None:
        self.answers[-1].status = self.parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.answers[-1].pieces.append(body)

    def on_message_complete(self) -> None:
        self.answers[-1].ended = True

    async def read(self, count: int, most: int) -> bool:
        """Read until `count` answers have ended or `most` bytes have come; whether the connection still stands."""
        got = 0
        while sum(answer.ended for answer in self.answers) < count and got < most:
            data = await asyncio.wait_for(self.reader.read(65536), PATIENCE)
            if not data:
                return False
            got += len(data)
            self.parser.feed_data(data)
        return True


@define(eq=False)
class Tenant:
    """One client. `foreign` is what it was sent and had not asked for; `came` counts its requests by how they ended."""

    number: int
    host: str
    port: int
    luck: random.Random
    foreign: list[str] = field(factory=list)
    came: Counter[str] = field(factory=Counter)
    leaving: int = 0
    """Requests that it left."""
    _asked: int = 0
    _line: Line | None = None

    @property
    def name(self) -> str:
        """The client's."""
        return f"tenant-{self.number}"

    @property
    def key(self) -> str:
        """The client's."""
        return f"sk-tg-the-key-of-tenant-{self.number:04}"

    async def run(self, count: int) -> None:
        """Ask so many times, one after the other."""
        while self._asked < count:
            wishes = [self._wish() for _ in range(1 + (self.luck.random() < TOGETHER))]
            try:
                await self._ask(wishes)
            except OSError:
                self._hang_up()
                self.came["lost"] += len(wishes)
        self._hang_up()

    def _wish(self) -> Wish:
        self._asked += 1
        canary = f"canary-{self.number}-{self._asked}-"
        return Wish(canary, (canary + " ") * self.luck.randint(1, 12), self.luck.random() < 0.7)

    async def _ask(self, wishes: list[Wish]) -> None:
        line = self._line
        if line is None:
            line = self._line = Line(*await asyncio.open_connection(self.host, self.port, limit=_ROOM))
        line.answers.clear()
        line.writer.write(b"".join(wish.request(self.key) for wish in wishes))
        leaves = self.luck.random() < LEAVING
        self.leaving += leaves * len(wishes)
        if leaves and self.luck.random() < 0.5:
            await asyncio.sleep(self.luck.random() * 0.01)
            stands = True
        else:
            stands = await line.read(len(wishes), self.luck.randint(1, 3000) if leaves else _ROOM)
        if leaves or not stands:
            self._hang_up()
        for number, wish in enumerate(wishes):
            heard = line.answers[number] if number < len(line.answers) else Heard()
            self.came[self.judged(wish, heard, leaves)] += 1

    def judged(self, wish: Wish, heard: Heard, leaves: bool) -> str:
        """How it ended; what is not the tenant's own is noted."""
        if heard.status != 200:
            if CANARY.search(heard.body.decode("utf-8", "replace")):
                self.foreign.append(f"{wish.canary}: {heard.status} with {heard.body[:300]!r}")
            return "left" if leaves else f"{heard.status}" if heard.ended else "nothing"
        said, whole = heard.text(wish.stream)
        if said == STALE:
            return "stale"
        if not wish.text.startswith(said) or (whole and said.strip() != wish.text.strip()):
            self.foreign.append(f"{wish.canary}: {said[:300]!r}")
        if whole:
            return "whole"
        return "left" if leaves else "cut"

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            with suppress(OSError):
                line.writer.transport.abort()
