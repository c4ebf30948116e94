"""Faults of the connection and of time, as they stand on the wire."""

from __future__ import annotations

from unittest import TestCase

from targon_gw.core.config import Dialect
from targon_gw.rehearsal.record import Ending
from targon_gw.rehearsal.scene import Pace

from .stage import THIRD_KEY, Stage, chat, dechunked, response, stage


class ConnectionFaultTests(TestCase):
    """What breaks or falls silent."""

    def setUp(self) -> None:
        self.stage: Stage = stage()

    def events(self, data: bytes) -> int:
        """How many events came."""
        return len(response(data).payloads)

    def test_refuse_connection(self) -> None:
        """D-02: meant for everybody it resets at accept; by a model's name, once the request is read."""
        self.stage.vendor.misbehave("refuse-connection", times=1)
        self.stage.connect()
        assert self.stage.line.ended == "rst"
        self.stage.leave()
        self.stage.connect()
        assert self.stage.line.ended is None
        assert self.stage.ask("fault/refuse-connection") == b""
        assert self.stage.line.ended == "rst"

    def test_refuse_connection_of_one_key(self) -> None:
        """D-02: a charge that names a key lets others connect and ask."""
        self.stage.vendor.misbehave("refuse-connection", key=THIRD_KEY)
        self.stage.connect()
        assert response(self.stage.ask()).whole
        self.stage.say(chat(key=THIRD_KEY))
        assert (self.stage.line.take(), self.stage.line.ended) == (b"", "rst")

    def test_reset_before_head(self) -> None:
        """D-05: RST, and not a byte."""
        assert self.stage.ask("fault/reset-before-head") == b""
        assert self.stage.line.ended == "rst"
        assert self.stage.vendor.log[-1].ending is Ending.CUT

    def test_fin_before_head(self) -> None:
        """D-05: FIN, and not a byte."""
        assert self.stage.ask("fault/fin-before-head") == b""
        assert self.stage.line.ended == "fin"

    def test_closed_race(self) -> None:
        """D-06: the first answer is whole and the connection kept; the next request's first byte closes it."""
        first = response(self.stage.ask("fault/closed-race"))
        assert first.whole
        assert self.stage.line.ended is None
        self.stage.say(b"P")
        assert (self.stage.line.take(), self.stage.line.ended) == (b"", "fin")
        assert len(self.stage.vendor.log) == 1

    def test_silent(self) -> None:
        """D-07: nothing, ever."""
        assert self.stage.ask("fault/silent") == b""
        self.stage.wait(1000)
        assert (self.stage.line.take(), self.stage.line.ended) == (b"", None)
        assert self.stage.vendor.answering == 1

    def test_billed_silence(self) -> None:
        """D-50: nothing is said, all of it is billed."""
        assert self.stage.ask("fault/billed-silence") == b""
        self.stage.leave()
        assert self.stage.vendor.log[-1].completion_tokens == self.whole_size()
        assert self.stage.vendor.spent("a") > 0

    def whole_size(self) -> int:
        """Pieces of the answer to the usual question."""
        self.stage.connect()
        self.stage.ask()
        return self.stage.vendor.log[-1].completion_tokens

    def test_silent_after_head(self) -> None:
        """D-08: a good head, then nothing."""
        got = response(self.stage.ask("fault/silent-after-head"))
        assert (got.status, got.body, got.whole) == (200, b"", False)
        self.stage.wait(1000)
        assert (self.stage.line.take(), self.stage.line.ended) == (b"", None)

    def test_stall(self) -> None:
        """D-09: so many events, then nothing."""
        assert self.events(self.stage.ask("fault/stall:4")) == 4
        self.stage.wait(1000)
        assert (self.stage.line.take(), self.stage.line.ended) == (b"", None)

    def test_reset_midway(self) -> None:
        """D-10: so many events, time to send them, then RST."""
        data = self.stage.ask("fault/reset-midway:2")
        assert self.events(data) == 2
        assert self.stage.line.ended is None
        self.stage.wait(0.1)
        assert self.stage.line.ended == "rst"

    def test_reset_midway_after_bytes(self) -> None:
        """D-10: the cut may fall on any byte behind the head, framing included."""
        for count in (0, 1, 2, 3, 50, 300):
            self.stage.connect()
            data = self.stage.ask(f"fault/reset-midway:{count}b")
            assert len(data.partition(b"\r\n\r\n")[2]) == count

    def test_fin_midway(self) -> None:
        """D-11: so many events, FIN, no last chunk; of a unary answer half."""
        got = response(self.stage.ask("fault/fin-midway"))
        assert (len(got.payloads), got.whole, self.stage.line.ended) == (3, False, "fin")
        self.stage.connect()
        half = response(self.stage.ask("fault/fin-midway", stream=False))
        assert len(half.body) == int(half.headers["content-length"]) // 2
        assert self.stage.line.ended == "fin"

    def test_stale_answer(self) -> None:
        """D-31: a whole second response follows the first, unasked."""
        got = response(self.stage.ask("fault/stale-answer"))
        assert got.whole
        assert response(got.rest).text == "STALE"

    def test_stale_answer_after_a_while(self) -> None:
        """D-31: or so many seconds behind it, on a connection that is idle by then."""
        assert response(self.stage.ask("fault/stale-answer:5")).rest == b""
        self.stage.wait(4)
        assert self.stage.line.take() == b""
        self.stage.wait(1)
        assert response(self.stage.line.take()).text == "STALE"

    def test_stale_answer_later(self) -> None:
        """D-31: the stale response comes with the next request, ahead of its own answer."""
        assert response(self.stage.ask("fault/stale-answer-later")).rest == b""
        got = response(self.stage.ask())
        assert got.text == "STALE"
        assert response(got.rest).text.endswith(". ")


class TimeFaultTests(TestCase):
    """What dawdles."""

    def test_slow_first_token(self) -> None:
        """D-45: nothing (of Targon not even a head) before the time, all of it after."""
        late = stage(Dialect.TARGON)
        assert late.ask("fault/slow-first-token:30") == b""
        late.wait(29.9)
        assert late.line.take() == b""
        late.wait(0.2)
        assert response(late.line.take()).whole

    def test_jitter(self) -> None:
        """D-45: the events come apart in time, no two pauses alike, and the answer is whole."""
        slow = stage()
        data = slow.ask("fault/jitter:2", max_tokens=20)
        gaps, gap = [], 0.0
        for _ in range(2000):
            slow.wait(0.05)
            gap += 0.05
            if more := slow.line.take():
                data += more
                gaps.append(round(gap, 2))
                gap = 0.0
        assert response(data).whole
        assert len(set(gaps)) > 3
        assert max(gaps) <= 2.1

    def test_drip(self) -> None:
        """D-44: a byte in each span of time."""
        dripping = stage()
        data = dripping.ask("fault/drip:0.5")
        assert dechunked(data.partition(b"\r\n\r\n")[2])[0] == b""
        for _ in range(6):
            dripping.wait(0.5)
        data += dripping.line.take()
        assert response(data).body == b"data: "

    def test_flapping(self) -> None:
        """D-46: up, down and up again, by the clock or by turns."""
        turning = stage()
        assert [response(turning.ask("fault/flapping")).status for _ in range(4)] == [200, 503, 200, 503]
        seen = []
        for _ in range(4):
            seen.append(response(turning.ask("fault/flapping:60")).status)
            turning.wait(60)
        assert seen == [200, 503, 200, 503]

    def test_flood(self) -> None:
        """D-45: a stream of so many MiB, drawn only as it is read; it ends well."""
        flooding = stage()
        flooding.connect(room=64 << 10)
        flooding.say(chat("fault/flood:2"))
        assert len(flooding.line.value()) < 128 << 10
        end = b""
        while data := flooding.line.take():
            assert len(data) < 128 << 10
            end = data
            flooding.turn()
        assert 2 << 20 < flooding.line.taken < 3 << 20
        assert b'"finish_reason":"stop"' in end
        assert end.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")

    def test_flood_of_one_object(self) -> None:
        """D-45: a unary flood is JSON followed by blanks, of the declared length."""
        got = response(stage().ask("fault/flood:1", stream=False))
        assert got.whole
        assert len(got.body) > 1 << 20
        assert got.json["choices"]

    def test_flood_of_completions(self) -> None:
        """D-45: the legacy form floods too, with an event of its own form."""
        flooding = stage(pace=Pace(0.0, 1.0))
        flooding.say(chat("fault/flood:1", stream=True))
        assert len(response(flooding.line.take()).chunks) > 60
