"""A vendor of a script's own: it sees every connection come and go, to the millisecond, and answers byte by byte.

What the rehearsal has no name for is said here: an answer is a coroutine that writes what it likes. Each request has a
connection of its own, and ends with it. It runs in a thread; `with` begins and ends it.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field, frozen

from tests.live.rig import V3

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"


@frozen
class Asked:
    """One call as it came."""

    body: dict[str, Any]

    @property
    def words(self) -> str:
        """What the client said last: the scripts say there what they want."""
        return str(self.body["messages"][-1]["content"])


Answer = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


def chunk(data: bytes) -> bytes:
    """`data` as a chunk of HTTP."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    """One event of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    top = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_763_726_400, "model": V3}
    return b"data: " + json.dumps({**top, "choices": [choice], **more}, ensure_ascii=False).encode() + b"\n\n"


def usage(prompt: int, completion: int) -> bytes:
    """The event of usage alone."""
    used = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    told = json.loads(event({}, usage=used)[6:])
    return b"data: " + json.dumps({**told, "choices": []}).encode() + b"\n\n"


async def models(writer: asyncio.StreamWriter) -> None:
    """What a probe asks for."""
    body = json.dumps({"object": "list", "data": [{"id": V3, "object": "model"}]}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    writer.write(head % len(body) + body)


@define(eq=False)
class StandIn:
    """The vendor; `answer` writes what it has to say to a call, and hangs where it has no more."""

    answer: Answer
    begun: dict[str, float] = field(factory=dict)
    """By what was said: when the call came (`time.monotonic`)."""
    gone: dict[str, float] = field(factory=dict)
    """When its connection was lost, or ended."""
    url: str = ""
    _loop: asyncio.AbstractEventLoop = field(factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _up: threading.Event = field(factory=threading.Event)
    _stop: asyncio.Event = field(factory=asyncio.Event)

    def __enter__(self) -> StandIn:
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), daemon=True)
        self._thread.start()
        assert self._up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._up.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = ""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET "):
                await models(writer)
                return
            size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            asked = Asked(json.loads(await reader.readexactly(size)))
            words = asked.words
            self.begun[words] = time.monotonic()
            await self._spoken(asked, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.gone.setdefault(words, time.monotonic())
            writer.close()

    async def _spoken(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer, until that is done or the other side has gone."""
        heard = asyncio.ensure_future(reader.read(1))
        speech = asyncio.ensure_future(self.answer(asked, writer))
        try:
            await asyncio.wait({heard, speech}, return_when=asyncio.FIRST_COMPLETED)
            self.gone.setdefault(asked.words, time.monotonic())
        finally:
            heard.cancel()
            speech.cancel()
            await asyncio.gather(heard, speech, return_exceptions=True)


async def hang() -> None:
    """Say nothing more."""
    await asyncio.Event().wait()
