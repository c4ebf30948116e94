"""A stream that is cut is never taken for whole (promise P8; faults catalogue, D-09 to D-11, D-23).

One answer is cut at every byte of its body, in five ways: FIN in the middle of a chunk, RST, silence, an end of the
connection behind a well-formed chunk without the last one, and an end of HTTP's own that is true while the answer's is
not. The OpenAI SDK is the judge: it raises, or it has every piece of the text and a finish_reason. Nothing is asked
for again on the way: what the gateway does to mend a cut is another matter.
`python -m tests.promises.truncation [--step BYTES]`
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest
from attrs import define, field, frozen

from tests.live.rig import CLIENT_KEY, V3, Rig, Wishes, started
from tests.promises import verdict
from tests.promises.stand_in import DONE, HEAD, Asked, StandIn, chunk, event, hang, usage
from tests.promises.verdict import Measured
from tests.promises.witness import ADMIN

WAYS = ("fin", "rst", "stall", "no-last-chunk", "clean")
THREADS = 12
IDLE = 0.3
"""Seconds of silence after which the gateway gives a stream up."""
PIECES = ("Der Bär", " und ", "die 熊", " gingen", " — ", "ohne", " Eile", "…", " nach", " Hause 🐻", ".\n", "Ende")
TEXT = "".join(PIECES)
EVENTS = (
    event({"role": "assistant", "content": ""}),
    *(event({"content": piece}) for piece in PIECES),
    event({}, "stop"),
    usage(9, len(PIECES)),
    DONE,
)
BODY = b"".join(EVENTS)
HEARD = 10
"""Times that a point is tried again where the gateway has not asked the vendor."""


@frozen
class Point:
    """Where the answer is cut, and how; `lane` is a model that no other point is asked of at the same time."""

    at: int
    way: str
    lane: int

    @property
    def words(self) -> str:
        """What the vendor is told by the prompt."""
        return f"{self.way} {self.at} {self.lane}"


@define(eq=False)
class Found:
    """What the judge said."""

    judged: Counter[str] = field(factory=Counter)
    wrong: list[str] = field(factory=list)


async def cut(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Tell the answer as far as the prompt says, and end as it says."""
    way, at, _ = (*asked.words.split(), "0")[:3] if " " in asked.words else ("whole", str(len(BODY)), "0")
    told = BODY[: int(at)]
    if way in ("fin", "rst", "stall"):  # the chunk that it is in announces more than comes
        pieces = b"".join(chunk(each) for each in whole_events(told))
        rest = told[len(b"".join(whole_events(told))) :]
        writer.write(HEAD + pieces + (b"%x\r\n%s" % (len(rest) + 64, rest) if rest else b""))
    else:
        writer.write(HEAD + (chunk(told) if told else b"") + (b"" if way == "no-last-chunk" else b"0\r\n\r\n"))
    await writer.drain()
    if way == "stall":
        await hang()
    if way == "rst":
        await asyncio.sleep(0.005)  # an RST overtakes what the other side has not read
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


def whole_events(told: bytes) -> list[bytes]:
    """The events that are whole in it."""
    return [each + b"\n\n" for each in told.split(b"\n\n")[:-1]]


def prove(folder: Path, step: int) -> Found:
    """Cut at every `step`-th byte in each way; raises AssertionError where a cut passes for the end."""
    found = Found()
    lanes = [{"id": f"lane-{lane}", "context": 131072} for lane in range(THREADS)]
    with StandIn(cut) as vendor:
        upstream = {
            "base_url": f"{vendor.url}/v1",
            "timeouts": {"idle": f"{IDLE}s", "first_token": f"{IDLE}s"},
            "rescue": {"replay": "never", "prefill": "none"},
        }
        wishes = Wishes(dialect="openai", models=[{"id": V3}, *lanes], upstream=upstream, gateway=ONE_TRY)
        with started(folder, wishes) as rig, ThreadPoolExecutor(THREADS) as pool:
            for judged in pool.map(lambda lane: _lane(rig, vendor, lane, step), range(THREADS)):
                found.judged.update(judged.judged)
                found.wrong += judged.wrong
    assert not found.wrong, f"{len(found.wrong)} cuts passed for the end\n" + "\n".join(found.wrong[:20])
    return found


ONE_TRY = {**ADMIN, "retries": {"attempts": 1, "budget": "100%"}}


def points(lane: int, step: int) -> Iterator[Point]:
    """A lane's share."""
    every = [(at, way) for at in range(0, len(BODY) + 1, step) for way in WAYS]
    for at, way in every[lane::THREADS]:
        yield Point(at, way, lane)


def _lane(rig: Rig, vendor: StandIn, lane: int, step: int) -> Found:
    found, client = Found(), openai.OpenAI(base_url=rig.base_url, api_key=CLIENT_KEY, max_retries=0, timeout=20)
    model = f"lane-{lane}"
    for point in points(lane, step):
        for _ in range(HEARD):
            said = _judged(client, model, point.words)
            if point.words in vendor.begun:
                break
            _well_again(client, model)
        else:
            raise AssertionError(f"the vendor was never asked for {point}: {said}")
        if said == "cut":
            found.wrong.append(f"{point}: taken for whole")
        found.judged[said] += 1
        if point.at < len(EVENTS[0]) or said == "raised":  # one failure at a time: nothing is to be given up for them
            _well_again(client, model)
    client.close()
    return found


def _well_again(client: openai.OpenAI, model: str) -> None:
    """Have the vendor serve once."""
    for _ in range(100):
        if _judged(client, model, "whole") == "whole":
            return
    raise AssertionError("the vendor is not asked any more, though it is well")


def _judged(client: openai.OpenAI, model: str, words: str) -> str:
    """What the SDK makes of the answer: `whole`, `raised`, or `cut` where it sees no fault in a part."""
    text, finished = "", False
    try:
        for each in client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": words}], stream=True
        ):
            text += each.choices[0].delta.content or ""
            finished = finished or bool(each.choices[0].finish_reason)
    except Exception:  # whatever it is, the client has noticed
        return "raised"
    return "whole" if finished and text == TEXT else "cut"


@pytest.mark.live
def test_truncation(tmp_path: Path) -> None:
    """Cut at every 67th byte in five ways, no part of an answer is taken for the whole (D-09 to D-11, D-23)."""
    found = prove(tmp_path, 67)

    assert found.judged["raised"] > found.judged["whole"]


class JudgeTests:
    """The judge can tell."""

    def test_the_answer_is_long_enough(self) -> None:
        """Every byte of it is a point, and there are two thousand."""
        assert len(BODY) >= 2000

    @pytest.mark.live
    def test_a_part_that_is_sold_as_whole(self, tmp_path: Path) -> None:
        """Where the vendor itself is asked, without a gateway, some of the cuts pass."""
        with StandIn(cut) as vendor:
            client = openai.OpenAI(base_url=f"{vendor.url}/v1", api_key="none", max_retries=0, timeout=5)
            said = Counter(_judged(client, V3, f"clean {at} 0") for at in range(0, len(BODY), 97))
        assert said["cut"] > said["raised"]


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.step)
    count = found.judged.total()
    rows = (
        ("bytes of the answer", len(BODY)),
        ("cuts, in so many ways", f"{count:,} in {len(WAYS)}"),
        ("the SDK raised", f"{found.judged['raised']:,}"),
        ("the answer was whole in spite of the cut", f"{found.judged['whole']:,}"),
    )
    return Measured(f"0 of {count:,}", rows)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("truncation", __doc__, {"step": 1}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
