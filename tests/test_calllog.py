"""One line for each call: what is in it, when it is written, and what happens where it can't be."""

from __future__ import annotations

import io
import json
import os
import select
from pathlib import Path

from msgspec.structs import replace
from twisted.internet.task import Clock

from targon_gw.calllog import EVERY, CallLog
from targon_gw.core.ledger import Ending, Entry, Kind, figures_of, line_of
from targon_gw.core.meter import Source, Usage

AT = 1_700_000_000.25
ENTRY = Entry(
    AT,
    "req_1",
    Kind.CALL,
    client="ann",
    model="nick",
    served="acme/large",
    upstream="acme",
    account="alice",
    key="k-12345678",
    stream=True,
    status=200,
    ending=Ending.SERVED,
    **figures_of(Usage(7, 2, source=Source.UPSTREAM)),
    cost=37,
    attempts=2,
    first=0.25,
    took=1.5,
    reference="mine",
)
REFUSED = Entry(AT, "req_2", Kind.CALL, "ann", "acme/large", ending=Ending.REFUSED, took=0.001)


def log(out: io.TextIOBase | None = None, terminal: bool = False) -> tuple[Clock, io.TextIOBase, CallLog]:
    """A log on a clock."""
    clock, text = Clock(), out or io.StringIO()
    return clock, text, CallLog(text, terminal, clock, lambda: AT + clock.seconds())  # type: ignore[arg-type]


def settled(calls: CallLog, entry: Entry) -> None:
    """A call is over, and its line in the ledger is written."""
    calls.settled(entry.at, line_of(entry, 41_207))


class LineTests:
    """What a line says."""

    def test_json(self) -> None:
        """A line is a JSON object with the time and what the ledger says of the call."""
        _, out, calls = log()
        settled(calls, ENTRY)
        calls.flush()

        assert json.loads(out.getvalue()) == {  # type: ignore[attr-defined]
            "at": "2023-11-14T22:13:20.250Z",
            "event": "call",
            "request_id": "req_1",
            "client": "ann",
            "model": "nick",
            "served": "acme/large",
            "upstream": "acme",
            "account": "alice",
            "key": "k-12345678",
            "stream": True,
            "status": 200,
            "ending": "served",
            "prompt": 7,
            "completion": 2,
            "cost": 37,
            "source": "upstream",
            "attempts": 2,
            "first": 0.25,
            "took": 1.5,
            "reference": "mine",
        }

    def test_what_is_not_known_is_left_out(self) -> None:
        """A refused call has no vendor, no usage."""
        _, out, calls = log()
        settled(calls, REFUSED)
        calls.flush()

        assert set(json.loads(out.getvalue())) == {  # type: ignore[attr-defined]
            "at", "event", "request_id", "client", "model", "ending", "took"
        }  # fmt: skip

    def test_each_at_its_own_moment(self) -> None:
        """Lines that are written together tell each its own time."""
        _, out, calls = log()
        for seconds in (0.0, 0.5, 61.0):
            settled(calls, replace(ENTRY, at=AT + seconds))
        calls.flush()

        assert [json.loads(line)["at"][11:] for line in out.getvalue().splitlines()] == [  # type: ignore[attr-defined]
            "22:13:20.250Z", "22:13:20.750Z", "22:14:21.250Z"
        ]  # fmt: skip

    def test_terminal(self) -> None:
        """F-16: on a terminal a line is logfmt, and what could upset a terminal is escaped."""
        _, out, calls = log(terminal=True)
        settled(calls, replace(ENTRY, client="ann \x1b[31m\n\u202e=", reference=None))
        calls.flush()
        (line,) = out.getvalue().splitlines()  # type: ignore[attr-defined]

        assert line.startswith("2023-11-14T22:13:20.250Z event=call request_id=req_1 ")
        assert r'client="ann \u001b[31m\n\u202e="' in line
        assert " stream=true " in line
        assert line.isprintable()


class WritingTests:
    """When lines are written."""

    def test_gathered(self) -> None:
        """Lines are written together, `EVERY` seconds after the first; then nothing ticks."""
        clock, out, calls = log()
        settled(calls, ENTRY)
        clock.advance(EVERY / 2)
        settled(calls, ENTRY)
        assert out.getvalue() == ""  # type: ignore[attr-defined]
        clock.advance(EVERY / 2)

        assert len(out.getvalue().splitlines()) == 2  # type: ignore[attr-defined]
        assert clock.getDelayedCalls() == []

    def test_flushed_at_the_end(self) -> None:
        """`flush` writes at once, leaves no timer, and has nothing to write a second time."""
        clock, out, calls = log()
        settled(calls, ENTRY)
        calls.flush()
        calls.flush()

        assert len(out.getvalue().splitlines()) == 1  # type: ignore[attr-defined]
        assert clock.getDelayedCalls() == []

    def test_closed_output(self) -> None:
        """E-23: an output that is closed stops nobody."""
        clock, out, calls = log()
        out.close()
        settled(calls, ENTRY)
        clock.advance(EVERY)

        assert calls.lost == 1

    def test_output_without_our_letters(self, tmp_path: Path) -> None:
        """A client's name that the output has no letters for is escaped; its line is not lost."""
        path = tmp_path / "log"
        with path.open("w", encoding="ascii") as out:
            _, _, calls = log(out)
            settled(calls, replace(ENTRY, client="小明"))
            calls.flush()

        assert json.loads(path.read_text())["client"] == "小明"

    def test_full_pipe(self) -> None:
        """E-23: a pipe that nobody reads is not waited for; who reads again is told how many lines were lost."""
        read, write = os.pipe()
        with os.fdopen(write, "w") as out, os.fdopen(read, "rb", buffering=0) as reader:
            os.set_blocking(write, True)
            _, _, calls = log(out)
            for _ in range(1000):  # some 300 KB; a pipe holds 64 KiB
                settled(calls, ENTRY)
            calls.flush()
            lost = calls.lost
            got = b""
            while select.select([reader], [], [], 0)[0]:
                got += reader.read(1 << 20)
            settled(calls, REFUSED)
            calls.flush()
            told, last = map(json.loads, reader.read(1 << 20).splitlines())

        assert 0 < lost < 1000
        assert got.count(b"\n") == 1000 - lost
        assert all(json.loads(line) for line in got.splitlines())
        assert (told["event"], told["lines"]) == ("lost", lost)
        assert last["request_id"] == "req_2"
        assert calls.lost == 0
