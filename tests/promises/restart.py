"""A restart is seen by nobody who asks for less than `drain` (promise P5; faults catalogue, E-22).

Clients call without a pause, on new connections and on kept ones, unary and streamed, while the daemon is ended and
started again on a socket that outlives it, as systemd does with targon-gw.socket. Then: no connection was refused, no
call failed, every stream that fits into `drain` came whole, every longer one ended with an error event and not with
`[DONE]`; each call that was seen whole is in the ledger once; and nobody waited for longer than the calls of the daemon
before took to end, its exit and the next one's start together.
`python -m tests.promises.restart [--rounds N] [--drain SECONDS]`
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import select
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from attrs import define, field, frozen

from targon_gw.core.ledger import Kind
from tests.live.keeper import Keeper, kept
from tests.live.rig import CLIENT_KEY, Wishes, wait_until
from tests.live.streams import Listener, request
from tests.promises.witness import ADMIN, Load, Seen, Worker, chat, headers, lines_of, told

PACE = 20.0
"""Events a second of the vendor's streams: what it has to say lasts longer than `drain`."""
SLACK = 1.5
"""Seconds that a stall may be longer than what was measured of the daemons: two processors, and all clients at once."""


@frozen
class Wait:
    """How long a call took that came whole; when it was begun, by the clock of `time.monotonic`."""

    began: float
    took: float


@define(eq=False)
class Client(Worker):
    """Asks as SDKs do: a kept connection that the server has closed is not used again."""

    fresh: bool = False
    """A new connection for each call."""
    refused: int = 0
    failures: list[str] = field(factory=list)
    waits: list[Wait] = field(factory=list)

    def ask(self) -> None:
        """One short call."""
        if self._line is not None and (self.fresh or self._dropped(self._line)):
            self.hang_up()
        if self._line is None:
            self._line = http.client.HTTPConnection(self.rig.url.removeprefix("http://"), timeout=60)
        stream = self.luck.random() < 0.5
        began, seen = time.monotonic(), len(self.seen)
        try:
            self._one(self._line, stream)
        except ConnectionRefusedError:
            self.refused += 1
            raise
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{type(error).__name__} after {time.monotonic() - began:.2f} s")
            raise
        last = self.seen[-1]
        if len(self.seen) > seen and last.whole:
            self.waits.append(Wait(began, time.monotonic() - began))
        else:
            self.failures.append(f"status {last.status}, {'streamed' if stream else 'unary'}, not whole")

    def _one(self, line: http.client.HTTPConnection, stream: bool) -> None:
        line.request("POST", "/v1/chat/completions", chat("Hello", self.luck.randint(1, 6), stream), headers(self.key))
        answer = line.getresponse()
        body = answer.read()
        whole = answer.status == 200 and (
            body.endswith(b"data: [DONE]\n\n") if stream else "choices" in json.loads(body)
        )
        self.seen.append(Seen(answer.getheader("x-request-id") or "", answer.status, stream, whole))

    @staticmethod
    def _dropped(line: http.client.HTTPConnection) -> bool:
        """Whether the server has closed it: what urllib3 and httpcore look for before they use a connection again."""
        return line.sock is not None and bool(select.select([line.sock], [], [], 0)[0])


@define(eq=False)
class Round:
    """One restart: when it was asked for, when the old daemon had gone, when the new one was ready."""

    asked: float
    gone: float
    ready: float
    fitting: list[Listener]
    longer: list[Listener]


@define(eq=False)
class Found:
    """What was seen in all rounds."""

    rounds: list[Round]
    clients: list[Client]
    wrong: list[str] = field(factory=list)

    @property
    def waits(self) -> list[Wait]:
        """Of all calls that came whole."""
        return [wait for client in self.clients for wait in client.waits]

    def stalls(self, restart: Round) -> list[float]:
        """By how much calls that were begun during that restart were served later than it was over."""
        return [
            wait.began + wait.took - restart.ready for wait in self.waits if restart.asked <= wait.began < restart.ready
        ]

    @property
    def stall(self) -> float:
        """The longest that a call took, of those begun while a daemon ended or began."""
        during = [w.took for r in self.rounds for w in self.waits if r.asked <= w.began < r.ready]
        return max(during, default=0.0)


def prove(folder: Path, rounds: int, drain: float) -> Found:
    """Restart `rounds` times under load; raises AssertionError where what is found then is not as promised."""
    wishes = Wishes(events_per_second=PACE, first_token=0.01, gateway={**ADMIN, "drain": f"{drain:g}s"})
    with kept(folder, wishes) as keeper:
        clients = [
            Client(keeper.rig, CLIENT_KEY, random.Random(i), pause=(0.0, 0.0, 0.05, 0.4)[i % 4], fresh=i % 2 == 0)
            for i in range(8)
        ]
        found = Found([], clients)
        with Load(clients):
            for _ in range(rounds):
                time.sleep(0.5)
                found.rounds.append(_restart(keeper, drain))
            time.sleep(1.0)
        found.wrong = [*_of_clients(found), *_of_streams(found, drain), *_of_the_ledger(found, keeper)]
    assert not found.wrong, "\n".join(found.wrong)
    _was_a_trial(found)
    return found


def _restart(keeper: Keeper, drain: float) -> Round:
    """One restart over streams that fit into what is left of `drain`, and some that don't."""
    fitting = [Listener(keeper.rig, request(int(PACE * drain * share))).start() for share in (0.3, 0.7)]
    longer = [Listener(keeper.rig, request(int(PACE * (drain + 2.0) * 2))).start()]
    wait_until(lambda: all(one.speaking for one in [*fitting, *longer]), 10)
    asked = time.monotonic()
    keeper.stop()
    gone = time.monotonic()
    keeper.start()
    ready = time.monotonic()
    for one in [*fitting, *longer]:
        one.wait()
    return Round(asked, gone, ready, fitting, longer)


def _of_clients(found: Found) -> list[str]:
    wrong = [f"a connection was refused, {client.refused} times" for client in found.clients if client.refused]
    wrong += [f"a short call failed: {failure}" for client in found.clients for failure in client.failures]
    late = [stall for restart in found.rounds for stall in found.stalls(restart)]
    return wrong + [f"a call was served {stall:.2f} s after the daemon was ready" for stall in late if stall > SLACK]


def _of_streams(found: Found, drain: float) -> list[str]:
    wrong = []
    for restart in found.rounds:
        wrong += [f"a stream that fits ended so: {bytes(one.got[-200:])!r}" for one in restart.fitting if not one.whole]
        for one in restart.longer:
            if not one.cut_visibly or b'"code":"draining"' not in one.got:
                wrong.append(f"a longer stream ended so: {bytes(one.got[-200:])!r}")
            elif one.ended is not None and one.ended - restart.asked < drain:
                wrong.append(f"a longer stream was given {one.ended - restart.asked:.2f} s, not {drain} s")
    return wrong


def _of_the_ledger(found: Found, keeper: Keeper) -> list[str]:
    counted = Counter(entry.id for _, entry in lines_of(keeper.rig.folder) if entry.kind is Kind.CALL)
    seen = [seen.id for client in found.clients for seen in client.seen if seen.whole]
    return [f"{name} is in the ledger {counted[name]} times" for name in seen if counted[name] != 1]


def _was_a_trial(found: Found) -> None:
    """Each restart was met by calls, on new connections and on kept ones."""
    assert all(len(client.waits) >= len(found.rounds) for client in found.clients)
    assert all(len(found.stalls(restart)) >= 3 for restart in found.rounds)


@pytest.mark.live
def test_restart(tmp_path: Path) -> None:
    """Two restarts under load refuse nobody and fail no call that is shorter than `drain` (P5)."""
    prove(tmp_path, 2, 1.0)


class CheckTests:
    """What is looked for is found."""

    def test_a_restart_that_is_seen(self) -> None:
        """A refusal, a failure, a stream cut short or sold as whole and a call that came late do not pass."""
        whole = b"HTTP/1.1 200 OK\r\n\r\ndata: {}\n\ndata: [DONE]\n\n\r\n0\r\n\r\n"
        cut = b'HTTP/1.1 200 OK\r\n\r\ndata: {"error":{"code":"draining"}}\n\n'

        def stream(got: bytes, ended: float = 3.0) -> Listener:
            return Listener(None, b"", bytearray(got), ended=ended)  # type: ignore[arg-type]

        client = Client(None, "", random.Random(0))  # type: ignore[arg-type]
        client.waits.append(Wait(0.5, 1.0))
        restart = Round(0.0, 1.0, 1.4, [stream(whole)], [stream(cut)])
        found = Found([restart], [client])
        assert [*_of_clients(found), *_of_streams(found, 2.0)] == []
        assert found.stall == 1.0

        restart.fitting, restart.longer = [stream(cut)], [stream(whole), stream(cut, ended=1.0)]
        client.refused, client.waits = 1, [Wait(0.5, 5.0)]
        client.failures.append("status 503, unary, not whole")
        assert len(_of_clients(found)) == 3
        assert len(_of_streams(found, 2.0)) == 3


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--drain", type=float, default=2.0)
    options = parser.parse_args()
    print(f"restarts under load, {options.rounds} rounds, drain {options.drain:g} s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        found = prove(Path(folder), options.rounds, options.drain)
    ends = [restart.gone - restart.asked for restart in found.rounds]
    starts = [restart.ready - restart.gone for restart in found.rounds]
    late = [stall for restart in found.rounds for stall in found.stalls(restart)]
    told(
        (
            ("short calls served", len(found.waits)),
            ("of these begun during a restart", len(late)),
            ("connections refused", sum(client.refused for client in found.clients)),
            ("short calls failed", sum(len(client.failures) for client in found.clients)),
            ("streams that fit, whole", sum(len(restart.fitting) for restart in found.rounds)),
            ("longer streams, ended by an error event", sum(len(restart.longer) for restart in found.rounds)),
            (
                "seconds to end, with a stream longer than drain",
                f"median {statistics.median(ends):.2f}, longest {max(ends):.2f}",
            ),
            ("seconds to be ready again", f"median {statistics.median(starts):.2f}, longest {max(starts):.2f}"),
            ("longest call begun during a restart, seconds", f"{found.stall:.2f}"),
            ("of that, after the new daemon was ready", f"{max(late):.2f}"),
        )
    )


if __name__ == "__main__":
    main()
