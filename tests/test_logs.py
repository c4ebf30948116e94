"""Tests of targon_gw/logs.py."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import ILogObserver, Logger, LogLevel, LogPublisher
from twisted.python import log as legacy
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from targon_gw import logs
from targon_gw.logs import LONGEST, Concealer, LineObserver

SECRET = "Qx7pLm2vTz9wRk4bYc8nHd3s"


def observed(terminal: bool = False, concealed: set[str] | None = None) -> tuple[LineObserver, Logger]:
    """An observer that writes to memory, and a logger that reaches it."""
    observer = LineObserver(io.StringIO(), terminal, concealed if concealed is not None else set())
    return observer, Logger(namespace="targon_gw.test", observer=LogPublisher(observer))


def written(observer: LineObserver) -> str:
    """What `observer` has written."""
    out = observer.out
    assert isinstance(out, io.StringIO)
    return out.getvalue()


def line(observer: LineObserver) -> dict[str, Any]:
    """The one line that `observer` has written, as JSON."""
    text = written(observer)
    assert text.count("\n") == 1
    fields = json.loads(text)
    assert isinstance(fields, dict)
    return fields


class LineTests:
    """One event, one line."""

    def test_json(self) -> None:
        """A line is a JSON object of the time, the level, the place, the message, and what the message left out."""
        observer, log = observed()
        log.info("call {request_id} ended", request_id="req_1", status=200, took=0.5, cached=False, key=None)
        fields = line(observer)

        assert fields.pop("at").endswith("Z")
        assert fields == {
            "level": "info",
            "from": "targon_gw.test",
            "msg": "call req_1 ended",
            "status": 200,
            "took": 0.5,
            "cached": False,
            "key": None,
        }

    def test_logfmt(self) -> None:
        """At a terminal a line is logfmt, with quotes where they are needed."""
        observer, log = observed(terminal=True)
        log.warn("call {request_id} ended", request_id="req_1", status=200, note='a "b"', ok=True, empty="")

        assert written(observer).split(" ", 1)[1] == (
            'level=warn from=targon_gw.test msg="call req_1 ended" status=200 note="a \\"b\\"" ok=true empty=""\n'
        )

    def test_objects_are_not_dumped(self) -> None:
        """Fields that are no simple values, and those whose names begin with `_`, are left out."""
        observer, log = observed()
        log.info("x", request=object(), _private="y", headers={"a": "b"}, msg="z")

        assert set(line(observer)) == {"at", "level", "from", "msg", "msg_"}

    def test_trace(self) -> None:
        """A failure's trace is a field of the same line."""
        observer, log = observed()
        try:
            raise KeyError("gone")
        except KeyError:
            log.failure("it failed")
        fields = line(observer)

        assert (fields["level"], fields["msg"], fields["error"]) == ("critical", "it failed", "KeyError")
        assert "gone" in fields["trace"]

    def test_legacy_events(self) -> None:
        """What old code writes with twisted.python.log is a line too."""
        observer, _ = observed()
        publisher = legacy.LogPublisher(publishPublisher=LogPublisher(observer))
        publisher.msg("hello", "there", count=3)

        assert (line(observer)["msg"], line(observer)["count"]) == ("hello there", 3)

    def test_what_is_not_written(self) -> None:
        """Debug, the comings and goings of factories, and connections that timed out are not told."""
        observer, log = observed()
        log.debug("x")
        log.info("Starting factory {factory!r}", factory=1)
        Logger(namespace="twisted.web.http.HTTPChannel", observer=log.observer).info("Timing out client")
        assert written(observer) == ""

        Logger(namespace="twisted.web.http.HTTPChannel", observer=log.observer).error("worse")
        assert line(observer)["msg"] == "worse"

    @pytest.mark.parametrize("terminal", [False, True])
    @pytest.mark.parametrize("sign", ["\n", "\r", "\x1b[2J", "\u202e", "\x85", "\u2028", "\x07", "\x00"])
    def test_no_injection(self, terminal: bool, sign: str) -> None:
        """Signs that end lines, move cursors or turn writing around are escaped (faults catalogue, F-16)."""
        observer, log = observed(terminal)
        log.info("for {who}", who=f"a{sign}b", also=f"a{sign}b")
        text = written(observer)

        assert sign[0] not in text[:-1]
        assert len(text.splitlines()) == 1

    def test_long_line_is_cut_and_still_json(self) -> None:
        """A line that is too long loses the middle of its texts, and is whole as JSON."""
        observer, log = observed()
        log.info("begins {text} ends", text="中" * 100_000)
        fields = line(observer)

        assert len(written(observer).encode()) <= LONGEST
        assert (fields["msg"][:6], fields["msg"][-4:]) == ("begins", "ends")

    @given(st.text(), st.dictionaries(st.text(), st.one_of(st.none(), st.text(), st.floats(), st.integers())))
    def test_any_event(self, text: str, fields: dict[str, Any]) -> None:
        """Any format and any fields make one line of JSON, or none, and raise nothing."""
        observer, _ = observed()
        observer({"log_time": 1.0, "log_level": LogLevel.info, "log_format": text, **fields})
        out = written(observer)

        assert out.count("\n") == (out != "")
        assert not out or isinstance(json.loads(out), dict)

    def test_connections_turned_away(self) -> None:
        """E-17: however many are turned away for want of descriptors, the log tells of it once in ten seconds."""
        observer, _ = observed()
        told = ("EMFILE encountered; releasing reserved file descriptor.", "EMFILE recovery: Closed socket from {peer}")
        for second in (0.0, 1.0, 9.9, 10.0, 12.0):
            for text in told * 100:
                event = {"log_namespace": "twisted.internet.tcp.Port", "log_format": text, "peer": ("192.0.2.1", 5)}
                observer({**event, "log_time": second, "log_level": LogLevel.info})
        observer({"log_namespace": "twisted.internet.tcp.Port", "log_format": "else", "log_time": 12.0})

        assert [json.loads(each)["msg"][:8] for each in written(observer).splitlines()] == ["EMFILE e"] * 2 + ["else"]


class SecretTests:
    """Secrets cannot pass."""

    @pytest.mark.parametrize("terminal", [False, True])
    @pytest.mark.parametrize(
        "secret", [SECRET, 'with"quote\\and-more', "Bearer abcdefghijkl", "sk-tg-0123456789", "sn4_0123456789ab"]
    )
    def test_nowhere(self, terminal: bool, secret: str) -> None:
        """A secret that was told, or that looks like one, is blotted out of message, field, name and trace."""
        concealer = Concealer()
        concealer.conceal(SECRET)
        concealer.conceal('with"quote\\and-more')
        observer, log = observed(terminal, concealer.secrets)
        log.info("with {it} in it", it=secret, other=f"https://h/?key={secret}")
        log.info(f"with {secret} in the format")
        try:
            raise ValueError(secret)
        except ValueError:
            log.failure("failed for {it}", it=secret)
        text = written(observer)

        assert text.count("\n") == 3
        assert text.count("[secret]") == 5
        for spelled in (secret, json.dumps(secret)[1:-1], secret.removeprefix("Bearer ")):
            assert spelled not in text

    def test_one_secret_begins_another(self) -> None:
        """Of two secrets, one the beginning of the other, no rest is left."""
        observer, log = observed(concealed={"abcdef", "abcdefghij"})
        log.info("{it}", it="abcdefghij")

        assert line(observer)["msg"] == "[secret]"

    def test_cut_leaves_no_half(self) -> None:
        """Where a long line is cut, no part of a secret is left at the cut."""
        observer, log = observed(concealed={SECRET})
        log.info("{it}", it=SECRET * 5000)

        assert not any(SECRET[n : n + 6] in written(observer) for n in range(len(SECRET) - 6))

    def test_concealed_later(self) -> None:
        """A secret that is told to the process's log while it runs is held back from then on; a short one is not."""
        observer = logs.observer()
        assert verifyObject(ILogObserver, observer)
        logs.conceal(SECRET)
        logs.conceal("of")
        try:
            text = observer.line({"log_level": LogLevel.info, "log_format": "{it} of", "it": SECRET, "log_time": 0.0})

            assert "[secret] of" in text
            assert SECRET not in text
        finally:
            observer.concealed.discard(SECRET)

    def test_repr(self) -> None:
        """Neither the observer nor the concealer shows what it holds."""
        concealer = Concealer()
        concealer.conceal(SECRET)

        assert SECRET not in repr(concealer) + repr(observed(concealed=concealer.secrets)[0])


class Broken(io.StringIO):
    """An output that fails for as long as `failure` is set."""

    failure: Exception | None = None

    def write(self, text: str) -> int:
        if self.failure is not None:
            raise self.failure
        return super().write(text)


class WritingTests:
    """What happens where a line cannot go (faults catalogue, E-23)."""

    @pytest.mark.parametrize("failure", [OSError(28, "full"), BrokenPipeError(), ValueError("closed file")])
    def test_failing_output(self, failure: Exception) -> None:
        """A full disk, a closed pipe or file raises nothing; the next line says how many were lost."""
        out = Broken()
        observer = LineObserver(out, False, set())
        out.failure = failure
        observer({"log_format": "lost"})
        observer({"log_format": "lost"})
        out.failure = None
        observer({"log_format": "back"})
        observer({"log_format": "well"})
        first, second = (json.loads(each) for each in out.getvalue().splitlines())

        assert (first["msg"], first["lost"]) == ("back", 2)
        assert "lost" not in second

    def test_pipe_that_nobody_reads(self) -> None:
        """A full pipe does not stop the gateway: whole lines are dropped, and counted once it is read."""
        reading, writing = os.pipe()
        with open(reading, "rb", buffering=0) as reader, open(writing, "w", encoding="utf-8") as out:
            observer = LineObserver(out, False, set())
            for _ in range(300):
                observer({"log_format": "x" * 10_000})
            lost = observer.lost
            taken = reader.read(1 << 20)
            observer({"log_format": "back"})
            back = json.loads(reader.read(1 << 20))

        assert lost > 200
        assert all(json.loads(each) for each in taken.splitlines())
        assert taken.endswith(b"\n")
        assert (back["msg"], back["lost"]) == ("back", lost)

    def test_pipe_whose_reader_left(self) -> None:
        """A reader that has gone costs lines and nothing else."""
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "w", encoding="utf-8") as out:
            observer = LineObserver(out, False, set())
            observer({"log_format": "x"})

        assert observer.lost == 1

    def test_narrow_encoding(self, tmp_path: Path) -> None:
        """What the output cannot spell is written as an escape."""
        with open(tmp_path / "log", "w", encoding="ascii") as out:
            LineObserver(out, False, set())({"log_format": "中"})

        assert json.loads((tmp_path / "log").read_text())["msg"] == "中"

    def test_event_that_cannot_be_told(self) -> None:
        """An event that breaks while it is told raises nothing."""

        class Spoilt(str):
            def __str__(self) -> str:
                raise RuntimeError

            def startswith(self, *_: Any) -> bool:
                raise RuntimeError

        observer, _ = observed()
        observer({"log_format": "x", "log_namespace": Spoilt()})
        observer({"log_format": "{x}", "x": Spoilt("a"), "log_failure": Failure(ValueError())})

        assert observer.lost <= 1
