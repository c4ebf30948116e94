"""Those who saw what happened: the clients, the ledger's files and the vendor's own log.

Nothing in here asks the gateway's own sums: lines are read from the files and added up anew, so that sums that are
wrong can be told from it.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from targon_gw.cli.client import over_socket
from targon_gw.core.ledger import BY, Entry, Kind, read_line
from targon_gw.core.meter import Source
from tests.live.rig import V3, Rig, wait_until

ADMIN: Final = {"admin": {"socket": "admin.sock"}}
"""What gateway.yaml says, for `asked` to work."""
PRICED: Final[list[dict[str, Any]]] = [{"id": V3, "context": 131072, "price": {"prompt": 0.45, "completion": 2.15}}]
WORDS: Final = ("Hello", "Tell me about load balancers.", "你好，请介绍一下网关。", "Why?")
LOGGED: Final = 1000
"""Entries of the vendor's log in one answer at most."""


@frozen
class Seen:
    """One call as its client saw it. `whole`: to the last byte that means something, `[DONE]` of a stream."""

    id: str
    status: int
    stream: bool
    whole: bool


@define(eq=False)
class Worker:
    """Asks one call after another until told to stop, whether anybody answers or not, and remembers what it saw."""

    rig: Rig
    key: str
    luck: random.Random
    leaves: float = 0.0
    """How many of the streams it leaves before their end."""
    pause: float = 0.0
    """Seconds between two calls."""
    seen: list[Seen] = field(factory=list)
    lost: int = 0
    """Calls that broke off, or did not get through."""
    _line: http.client.HTTPConnection | None = None

    def run(self, stop: threading.Event) -> None:
        """Ask until `stop` is set."""
        while not stop.is_set():
            try:
                self.ask()
            except (OSError, http.client.HTTPException):
                self.lost += 1
                self.hang_up()
                stop.wait(0.02)
            stop.wait(self.pause)
        self.hang_up()

    def hang_up(self) -> None:
        """Leave; the next call comes by another connection."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def ask(self) -> None:
        """Make one call, of any length, streamed or not."""
        stream = self.luck.random() < 0.6
        body = chat(self.luck.choice(WORDS), self.luck.randint(1, 60), stream)
        if self._line is None:
            self._line = http.client.HTTPConnection(self.rig.url.removeprefix("http://"), timeout=20)
        self._line.request("POST", "/v1/chat/completions", body, headers(self.key))
        answer = self._line.getresponse()
        name = answer.getheader("x-request-id") or ""
        whole = False
        try:
            whole = self._streamed(answer) if stream and answer.status == 200 else _unary(answer)
        finally:
            self.seen.append(Seen(name, answer.status, stream, whole))

    def _streamed(self, answer: http.client.HTTPResponse) -> bool:
        """Read events; whether the last of them came."""
        left = self.luck.randint(1, 20) if self.luck.random() < self.leaves else None
        done = False
        for number, line in enumerate(answer):
            done = done or line == b"data: [DONE]\n"
            if number == left:
                self.hang_up()
                return done
        return done


def _unary(answer: http.client.HTTPResponse) -> bool:
    return bool(json.loads(answer.read()))


def chat(words: str, most: int, stream: bool) -> bytes:
    """The body of a call."""
    asked = {"model": V3, "messages": [{"role": "user", "content": words}], "max_tokens": most, "stream": stream}
    return json.dumps(asked).encode()


def headers(key: str) -> dict[str, str]:
    """Those of a call."""
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


@define(eq=False)
class Load:
    """Workers in threads of their own; `with` begins and ends them."""

    workers: Sequence[Worker]
    _stop: threading.Event = field(factory=threading.Event)
    _threads: list[threading.Thread] = field(factory=list)

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=each.run, args=(self._stop,), daemon=True) for each in self.workers]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self._threads)

    @property
    def seen(self) -> list[Seen]:
        """What all of them saw."""
        return [seen for worker in self.workers for seen in worker.seen]


@define(eq=False)
class Flushes:
    """Counts how often the state is written, by looking at its file; `with` begins and ends it."""

    folder: Path
    count: int = 0
    _stop: threading.Event = field(factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Flushes:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    def wait(self, count: int, seconds: float) -> None:
        """Wait until there were so many; fails after `seconds`."""
        wait_until(lambda: self.count >= count, seconds, lambda: f"the state was written {self.count} times")

    def _look(self) -> None:
        last = 0
        while not self._stop.wait(0.005):
            with suppress(FileNotFoundError):  # in the moment between the two renames there is none of that name
                now = (self.folder / "state" / "state.yaml").stat().st_mtime_ns
                self.count += now != last
                last = now


def asked(rig: Rig, target: str) -> Any:
    """What the gateway tells at its admin socket."""
    status, told = over_socket(str(rig.folder / "admin.sock"))("GET", target, None)
    assert status == 200, told
    return json.loads(told)


def own(rig: Rig, key: str) -> tuple[int, dict[str, Any]]:
    """Status and `data` of `GET /v1/key`."""
    line = http.client.HTTPConnection(rig.url.removeprefix("http://"), timeout=10)
    try:
        line.request("GET", "/v1/key", headers=headers(key))
        answer = line.getresponse()
        return answer.status, json.loads(answer.read()).get("data", {})
    finally:
        line.close()


def settled(rig: Rig) -> None:
    """Wait until no call is under way, neither here nor at the vendor."""

    def is_quiet() -> bool:
        with suppress(OSError):  # the admin socket is there a moment after the port
            return asked(rig, "/status")["in_flight"] == 0 and not rig.admin("connections")["answering"]
        return False

    wait_until(is_quiet, 20)


def vendors(rig: Rig) -> list[dict[str, Any]]:
    """What the vendor has served since this was last asked; nothing may be under way that is to be told whole."""
    wait_until(lambda: not rig.admin("connections")["answering"], 20)
    told = rig.admin("log")
    rig.admin("log", method="DELETE")
    served: list[dict[str, Any]] = told["served"]
    assert len(served) < LOGGED, "the vendor's log does not tell all"
    return [entry for entry in served if entry["status"] == 200]


def lines_of(folder: Path) -> list[tuple[int, Entry]]:
    """All lines of the ledger's files, in order of the files; raises `BadLine`."""
    files = sorted((folder / "state" / "ledger").glob("*.yaml"))
    return [read_line(line) for file in files for line in file.read_bytes().splitlines(keepends=True)]


def added_up(entries: Iterable[Entry]) -> dict[str, dict[str, Counter[str]]]:
    """What the calls among `entries` come to, by each word of `BY` and name: endings, tokens, costs."""
    sums: dict[str, dict[str, Counter[str]]] = {by: {} for by in BY}
    for entry in entries:
        if entry.kind is not Kind.CALL or entry.ending is None:
            continue
        usage, day = entry.usage, time.strftime("%Y-%m-%d", time.gmtime(entry.at))
        figures = Counter({"calls": 1, entry.ending.value: 1, "cost": entry.cost})
        if usage is not None:
            figures.update({"prompt": usage.prompt, "completion": usage.completion})
            if usage.source is not Source.UPSTREAM:
                figures["estimated"] += usage.prompt + usage.completion
        names = {**{by: getattr(entry, by) for by in BY if by not in ("day", "model")}, "day": day}
        names["model"] = entry.served or entry.model
        for by, name in names.items():
            if name is not None:
                sums[by].setdefault(name, Counter()).update(figures)
    return sums


def disagreements(rig: Rig, entries: Sequence[Entry]) -> list[str]:
    """Where the gateway's own sums differ from those of the lines."""
    found = []
    for by, names in added_up(entries).items():
        told = {row["name"]: row for row in asked(rig, f"/usage?by={by}")["rows"]}
        for name, figures in names.items():
            for what in ("calls", "served", "abandoned", "truncated", "prompt", "completion", "estimated", "cost"):
                if told.get(name, {}).get(what) != figures[what]:
                    found.append(f"{what} by {by} of {name}: {told.get(name, {}).get(what)}, by lines {figures[what]}")
        if set(told) - set(names):
            found.append(f"by {by} there are {set(told) - set(names)}, which no line of a call names")
    return found


def tokens(entry: Entry) -> int:
    """What an entry says was used."""
    return 0 if entry.usage is None else entry.usage.prompt + entry.usage.completion


def told(figures: Iterable[tuple[str, object]], show: Callable[[str], object] = print) -> None:
    """Print figures, a line each."""
    for name, figure in figures:
        show(f"{name:<44} {figure}")
