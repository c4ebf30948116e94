"""Nothing that a client may send makes the gateway answer 5xx (promise P13; faults catalogue, A and B).

Each generated request is said to a gateway in memory on a connection of its own, whole or in pieces, with a good
request behind it. It is answered with a status below 500, or 505 where another version of HTTP was asked for; what is
behind it is answered by itself or not at all; what is never finished is told so and ended. Whatever reaches the vendor
is answered well. Nothing is logged as an error of the gateway's own, and in the end nothing is under way. No sockets.
`python -m tests.promises.malformed [--requests N] [--seed N]`
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections import Counter
from typing import Any

from attrs import define, field
from twisted.logger import LogEvent, globalLogPublisher

from targon_gw.core.config import Anonymous, Config, ModelSettings, RateLimits
from targon_gw.core.openai import Ask, Endpoint
from tests import fakes
from tests.promises.nonsense import EMBEDDER, NICK, request
from tests.promises.witness import told
from tests.web.conversation import Wire
from tests.web.house import ANSWER, DONE, House, finish, says, usage

BLOCK = 250
"""Requests that one gateway is asked, each by a connection of its own."""
MARKER = b"GET /health/live HTTP/1.1\r\nHost: gw\r\nX-Client-Request-Id: behind\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\ndate: ", re.IGNORECASE)
EMBEDDED: dict[str, Any] = {"object": "list", "data": [{"index": 0, "embedding": [0.5]}], "model": EMBEDDER}


def settings(number: int) -> Config:
    """Those of the n-th block: every second lets in callers without a key; every third knows limits."""
    models = [ModelSettings(fakes.MODEL), ModelSettings(NICK, alias=fakes.MODEL), ModelSettings(EMBEDDER)]
    (client,) = fakes.config().clients
    if number % 3 == 2:
        (client,) = fakes.limited(RateLimits(4, 2_000)).clients
    anonymous = Anonymous(enabled=number % 2 == 1, models=("*",))
    return fakes.config(fakes.upstream(2), models=models, clients=(client,), anonymous=anonymous)


@define(eq=False)
class Found:
    """What all requests came to. `wrong` holds those that were not answered as promised, as they were sent."""

    statuses: Counter[int] = field(factory=Counter)
    kinds: Counter[str] = field(factory=Counter)
    silent: int = 0
    """Requests with no answer but the end of the connection."""
    served: int = 0
    """Calls that reached the vendor."""
    wrong: list[tuple[int, str, bytes]] = field(factory=list)


@define(eq=False)
class Errors:
    """Hears of errors that are the gateway's own."""

    heard: list[str] = field(factory=list)

    def __call__(self, event: LogEvent) -> None:
        """An observer of Twisted's log."""
        failure = event.get("log_failure")
        if failure is not None:
            self.heard.append(failure.getTraceback())


@define(eq=False)
class Trial:
    """One gateway, and one connection after the other to it."""

    house: House
    found: Found
    alive: bytes
    """What the request behind is answered."""
    answered: int = 0

    def judge(self, raw: bytes, luck: random.Random) -> str | None:
        """What is wrong with how `raw` is answered; None where nothing is."""
        talk = self.house.talk
        talk.leave()
        talk.wire, talk.channel = Wire(), talk.site.buildProtocol(None)  # type: ignore[assignment]
        talk.channel.makeConnection(talk.wire)
        pieces = luck.choice((1, 1, 2, 7, 300))
        talk.say(raw + MARKER, max(1, (len(raw) + len(MARKER)) // pieces))
        self._serve()
        if not (talk.wire.disconnecting or talk.wire.aborted or talk.wire.value().endswith(self.alive)):
            talk.clock.pump([1.0] * 62)
            self._serve()
        return self._look(raw, talk.wire.value())

    def _serve(self) -> None:
        """Answer well whatever has reached the vendor."""
        vendor = self.house.vendor
        while self.answered < len(vendor.asked):
            asked = vendor.asked[self.answered]
            self.answered += 1
            if not asked.answer.called:
                self.found.served += 1
                self._answer(asked.ask)

    def _answer(self, ask: Ask) -> None:
        vendor = self.house.vendor
        if not ask.stream:
            vendor.answers(EMBEDDED if ask.endpoint is Endpoint.EMBEDDINGS else ANSWER)
            return
        vendor.begins(says("Hi"))
        vendor.says(*(finish(index=index) for index in range(ask.n)), usage(), DONE)
        vendor.ends()

    def _look(self, raw: bytes, heard: bytes) -> str | None:
        statuses = [int(status) for status in _STATUS.findall(heard)]
        self.found.statuses.update(statuses)
        self.found.silent += not statuses
        if any(status >= 500 and status != 505 for status in statuses):
            return f"answered {statuses}"
        if 505 in statuses and b"HTTP/" not in raw:
            return "505 where no version was asked for"
        wire = self.house.talk.wire
        if not (wire.disconnecting or wire.aborted) and not statuses:
            return "neither answered nor ended"
        if b"HEAD " not in raw and b"pri " not in raw.lower():
            try:
                self.house.talk.heard()
            except Exception as error:  # httptools has many, and each of them means the same
                return f"answers that are no HTTP: {error}"
        return None


def prove(requests: int, seed: int) -> Found:
    """Say so many; raises AssertionError where an answer is not as promised."""
    found, errors, sample = Found(), Errors(), House()
    sample.talk.say(MARKER)
    alive = sample.heard.body
    globalLogPublisher.addObserver(errors)
    try:
        for block in range(-(-requests // BLOCK)):
            trial = Trial(House(settings(block)), found, alive)
            for number in range(block * BLOCK, min((block + 1) * BLOCK, requests)):
                kind, raw = request(seed, number)
                found.kinds[kind] += 1
                wrong = trial.judge(raw, random.Random(number))
                if wrong or errors.heard:
                    found.wrong.append((number, wrong or errors.heard.pop(), raw[:2000]))
            assert trial.house.quiet(), f"something is under way after block {block}"
            assert not any(key.in_flight for pool in trial.house.gateway.pools.values() for key in pool.keys.values())
    finally:
        globalLogPublisher.removeObserver(errors)
    assert not found.wrong, found.wrong[:3]
    return found


def test_malformed() -> None:
    """Of 2,000 requests, most of them malformed, none is answered 5xx, and some pass (P13)."""
    found = prove(2_000, 1)

    assert found.served > 50 and found.statuses[400] > 300
    assert {200, 400, 401, 404, 405, 408, 413, 415, 429} <= set(found.statuses)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"{options.requests:,} requests, seed {options.seed}", flush=True)
    began = time.monotonic()
    found = prove(options.requests, options.seed)
    told(
        (
            ("requests by kind", dict(found.kinds.most_common())),
            ("answers by status, those behind them too", dict(sorted(found.statuses.items()))),
            ("ended without an answer", found.silent),
            ("calls that reached the vendor", found.served),
            (
                "answers of 5xx but 505",
                sum(found.statuses[each] for each in found.statuses if each >= 500 and each != 505),
            ),
            ("seconds", f"{time.monotonic() - began:.0f}"),
        )
    )


if __name__ == "__main__":
    main()
