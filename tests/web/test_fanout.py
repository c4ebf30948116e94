"""Streams of pages: one build for all, nothing where nothing is new, and an end for whoever does not read."""

from __future__ import annotations

import json
from ipaddress import ip_network

import pytest
from attrs import define, evolve, field
from twisted.internet.address import UNIXAddress

from targon_gw.core.config import Bounds
from targon_gw.web import fanout
from targon_gw.web.fanout import COMMENT, COMMENT_EVERY, MOST_UNREAD, PORTION, TICK
from tests import fakes

from .conversation import Wire
from .house import ANSWER, House
from .watching import Page, Watched


def crowded(per_address: int = 10_000) -> Watched:
    """One that lets many pages of an address in."""
    return Watched(House(fakes.config(limits=Bounds(connections_per_address=per_address))))


def called(one: Watched) -> None:
    """A call that was served."""
    one.house.call()
    one.house.vendor.answers(ANSWER)


class TickTests:
    """What is sent, and when."""

    def test_one_build_for_all(self) -> None:
        """However many listen, each thing is made once a tick, and each of them is written to once."""
        one = crowded()
        pages = [one.page() for _ in range(40)]
        assert one.figures.made == ["overview"]
        written = [page.wire.writes for page in pages]
        called(one)
        one.tick()

        assert one.figures.made == ["overview"] * 2
        assert [page.wire.writes - before for page, before in zip(pages, written, strict=True)] == [1] * 40
        assert len({page.wire.value().split(b"\r\n\r\n", 1)[1] for page in pages}) == 1
        assert one.is_quiet()

    def test_nothing_new(self) -> None:
        """Where nothing has changed nothing is sent, though time goes on."""
        one = Watched()
        page = one.page()
        written = page.wire.writes
        one.tick(20)
        assert page.wire.writes == written and one.is_quiet()

    def test_comments(self) -> None:
        """Who was told nothing for a while is sent a comment, which is no event; who was told something, none."""
        one = Watched()
        page = one.page()
        page.forget()
        one.tick(int(COMMENT_EVERY / TICK) + 2)
        assert page.answer.body == COMMENT
        called(one)
        one.tick(4)
        page.forget()
        one.tick(int(COMMENT_EVERY / TICK) - 6)

        assert COMMENT not in page.answer.body
        assert one.is_quiet()

    def test_ticks_while_somebody_listens(self) -> None:
        """Nothing ticks before the first page is open, nor after the last is closed, and it begins again."""
        one = Watched()
        for _ in range(2):
            made = len(one.figures.made)
            one.tick(4)
            assert len(one.figures.made) == made
            page = one.page()
            one.tick()
            made = len(one.figures.made)
            page.leave()
            one.tick(10)
            assert len(one.figures.made) == made and one.live.fanout.listening == 0
        assert one.is_quiet()

    def test_only_what_is_listened_to(self) -> None:
        """What no open page shows is not made."""
        one = Watched()
        one.page()
        called(one)
        one.tick(4)
        assert "models" not in one.figures.made and one.is_quiet()

    def test_who_comes_later(self) -> None:
        """A page that is opened between two ticks is told how things stand, and others miss nothing by that."""
        one = Watched()
        first = one.page()
        called(one)
        late = one.page("monitor")
        first.forget()
        one.tick()

        assert first.named("overview")[-1]["counters"]["calls"] == 1
        assert late.named("overview")[-1]["counters"]["calls"] == 1
        assert one.is_quiet()

    def test_in_portions(self) -> None:
        """Many are written to in several turns of the reactor; each is written to once all the same."""
        one = crowded()
        pages = [one.page() for _ in range(2 * PORTION + 1)]
        for page in pages:
            page.forget()
        called(one)
        one.house.talk.clock.advance(TICK / 2)
        one.live.fanout._tick()
        assert sum(bool(page.named("overview")) for page in pages) == PORTION
        pages[-1].leave()
        one.house.talk.clock.advance(0.0)

        assert [len(page.named("overview")) for page in pages] == [1] * 2 * PORTION + [0]
        assert one.is_quiet()

    def test_a_bug_does_not_end_it(self, caplog: pytest.LogCaptureFixture) -> None:
        """A figure that can't be made is logged; the next tick is as ever."""
        one = Watched()
        page = one.page()
        page.forget()
        figures, made = one.figures, one.figures.made

        @define(eq=False)
        class Broken:
            """A list that can't be added to."""

            inner: list[str] = field(factory=list)

            def append(self, name: str) -> None:
                """Fail."""
                raise RuntimeError("canary of the tests")

        figures.made = Broken()  # type: ignore[assignment]
        called(one)
        one.tick()
        figures.made = made
        one.tick()

        assert page.named("overview")[-1]["counters"]["calls"] == 1 and one.is_quiet()


class EndTests:
    """Streams that are ended."""

    def test_slow_reader(self) -> None:
        """Who leaves too much unread is dropped at once, whatever it holds; others go on."""
        one = Watched()
        slow, other = one.page(), one.page()
        slow.wire.dataBuffer = b"x" * (MOST_UNREAD + 1)
        called(one)
        other.forget()
        one.tick()

        assert slow.wire.aborted and not other.wire.aborted
        assert other.named("overview") and one.live.fanout.listening == 1
        assert one.is_quiet()

    def test_patience(self) -> None:
        """Who has a little unread is not dropped for it."""
        one = Watched()
        page = one.page()
        page.wire.dataBuffer = b"x" * MOST_UNREAD
        called(one)
        one.tick()
        page.wire.dataBuffer = b""
        assert not page.wire.aborted and one.is_quiet()

    def test_leaving(self) -> None:
        """A daemon that leaves ends all streams, at once those that do not read, and opens none."""
        one = Watched()
        page, slow = one.page(), one.page("monitor")
        slow.wire.dataBuffer = b"x"
        one.live.close()

        assert page.answer.ended and slow.wire.aborted
        late = one.house.get("/api/live", "")
        assert (late.status, json.loads(late.body)["error"]["code"]) == (503, "draining")
        assert one.live.fanout.listening == 0 and not one.house.gateway.calls
        slow.leave()
        assert one.is_quiet()

    def test_no_call_to_wait_for(self) -> None:
        """A stream is no call: what ends the daemon has nothing to wait for."""
        one = Watched()
        one.page()
        assert not one.house.gateway.calls and one.is_quiet()

    def test_idle_connection_is_kept(self) -> None:
        """A page that says nothing for an hour keeps its stream."""
        one = Watched()
        page = one.page()
        one.house.talk.clock.pump([TICK] * 7200)
        assert one.live.fanout.listening == 1 and not page.wire.aborted and one.is_quiet()


class RoomTests:
    """How many may listen."""

    def test_of_one_address(self) -> None:
        """One address may have a quarter as many streams as connections; one that is closed makes room."""
        one = crowded(40)
        pages = [one.page() for _ in range(10)]
        refused = one.page()
        assert (refused.answer.status, json.loads(refused.answer.body)["error"]["code"]) == (429, "rate_limit_exceeded")
        pages[0].leave()

        assert one.page().answer.status == 200 and one.live.fanout.listening == 10
        assert one.is_quiet()

    def test_behind_a_proxy(self) -> None:
        """Behind a proxy that is trusted, each client is counted for itself."""
        one = crowded(1)
        config = one.house.gateway.config
        one.house.gateway.reconfigure(evolve(config, trusted_proxies=(ip_network("192.168.1.1/32"),)), 0.0)
        for client in range(4):
            for _ in range(8):
                assert one.page(lines=f"X-Forwarded-For: 192.0.2.{client}\r\n").answer.status == 200
        assert one.page(lines="X-Forwarded-For: 192.0.2.1\r\n").answer.status == 429
        assert one.is_quiet()

    def test_by_a_unix_socket(self) -> None:
        """Who comes by a Unix socket is a proxy's doing: what all have there is no single client's."""

        class Local(Wire):
            def getPeer(self) -> UNIXAddress:
                """Nobody's address."""
                return UNIXAddress(None)

        one = crowded(1)
        pages = [Page(one.house, wire=Local()) for _ in range(20)]
        assert {page.answer.status for page in pages} == {200}
        one.pages += pages
        assert one.is_quiet()

    def test_in_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """There is a most for all together."""
        monkeypatch.setattr(fanout, "MOST", 3)
        one = crowded()
        pages: list[Page] = [one.page() for _ in range(4)]
        assert [page.answer.status for page in pages] == [200, 200, 200, 503]
        assert one.is_quiet()
