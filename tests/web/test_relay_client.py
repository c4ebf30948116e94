"""The client who reads slowly, or leaves: pressure back to the vendor, and nothing left behind."""

from __future__ import annotations

import gc
import weakref

import pytest

from targon_gw.core.attempts import Throttled
from targon_gw.core.call import Call
from targon_gw.core.config import RescuePlan
from targon_gw.core.ledger import Ending, Entry
from targon_gw.web.relay import STALL
from tests import fakes

from .house import DONE, House, finish, says

SOME = says("some")


def stopped_reading(house: House, unread: int) -> None:
    """The client's side takes no more; `unread` bytes wait."""
    house.talk.wire.dataBuffer = b"x" * unread
    house.talk.channel.pauseProducing()


def streaming() -> House:
    """A house with a stream under way."""
    house = House()
    house.call(stream=True)
    house.vendor.begins(SOME)
    return house


class PressureTests:
    """A-15, A-16."""

    def test_the_vendor_is_paused(self) -> None:
        """A client that does not read pauses the vendor, and one that reads again has it go on."""
        house = streaming()
        stopped_reading(house, 70_000)
        assert house.vendor.body.paused

        house.talk.pass_seconds(30)
        house.talk.channel.resumeProducing()
        assert not house.vendor.body.paused
        house.vendor.says(finish(), DONE)
        assert house.heard.ended

    def test_what_has_come_whole(self) -> None:
        """A stream that came in one read is passed on in one, also to who does not read just now."""
        house = House()
        house.call(stream=True)
        stopped_reading(house, 70_000)
        house.vendor.brings(SOME, finish(), DONE)

        assert house.heard.ended
        assert house.entry.ending is Ending.SERVED
        assert house.talk.wire.producer is house.talk.channel

    def test_what_was_cut_in_its_first_read(self) -> None:
        """Where another goes on with it, that one is paused as it comes."""
        house = House(fakes.config(fakes.upstream(2, rescue=RescuePlan())))
        house.call(stream=True, seed=1)
        house.vendor.brings(says("Hel"), cleanly=False)
        house.talk.channel.pauseProducing()
        house.vendor.begins(says("Hello"))
        assert house.vendor.body.paused
        house.talk.channel.resumeProducing()
        assert not house.vendor.body.paused
        house.vendor.says(finish(), DONE)

        assert house.entry.note == "rescued: replay"
        assert house.heard.ended

    def test_who_reads_nothing_is_ended(self) -> None:
        """A-15: after 60 s without a byte taken, both sides are ended, and what passed is counted."""
        house = streaming()
        stopped_reading(house, 70_000)
        house.talk.pass_seconds(STALL - 1)
        assert not house.entries
        house.talk.pass_seconds(2)

        assert house.entry.ending is Ending.ABANDONED
        assert house.vendor.body.stopped
        house.talk.pass_seconds(12)
        assert house.talk.wire.aborted

    def test_who_reads_slowly_is_waited_for(self) -> None:
        """A-16: a client that takes a little now and then is not ended, however long one pause lasts."""
        house = streaming()
        stopped_reading(house, 70_000)
        for _ in range(10):
            house.talk.pass_seconds(30)
            house.talk.wire.dataBuffer = house.talk.wire.dataBuffer[10:]

        assert not house.entries
        house.talk.channel.resumeProducing()
        house.vendor.says(finish(), DONE)
        assert house.entry.ending is Ending.SERVED

    def test_no_comment_for_who_does_not_read(self) -> None:
        """Comments are not heaped on what waits already."""
        house = streaming()
        before = house.talk.wire.value()
        stopped_reading(house, 70_000)
        house.talk.pass_seconds(40)

        assert house.talk.wire.value() == before
        house.talk.leave()

    def test_a_pause_behind_the_finish_is_not_the_end(self) -> None:
        """The usage that waited for a slow client is still waited for once it reads again."""
        house = streaming()
        house.vendor.says(finish())
        stopped_reading(house, 70_000)
        house.talk.pass_seconds(5)
        house.talk.channel.resumeProducing()
        house.talk.pass_seconds(0.5)

        assert not house.heard.ended
        house.talk.pass_seconds(1)
        assert house.heard.ended


class LeavingTests:
    """A-17: the client leaves; the vendor is let go at once, and nothing ticks on."""

    @pytest.mark.parametrize("stream", [True, False])
    def test_while_asking(self, stream: bool) -> None:
        """Before anything has come, the sending is cancelled."""
        house = House()
        house.call(stream=stream)
        house.talk.leave()

        assert house.vendor.cancelled == 1
        assert (house.entry.ending, house.entry.usage) == (Ending.ABANDONED, None)
        assert house.quiet()

    def test_behind_an_early_head(self) -> None:
        """The same where a head has left."""
        house = House()
        house.call(stream=True)
        house.talk.pass_seconds(25)
        house.talk.leave()

        assert house.vendor.cancelled == 1
        assert house.entry.ending is Ending.ABANDONED
        assert house.quiet()

    def test_in_a_pause_between_attempts(self) -> None:
        """A call that waits for its account's rest is given up."""
        house = House(fakes.config(fakes.upstream(1)))
        house.call(stream=True)
        house.vendor.fails(Throttled(20.0))
        assert not house.talk.wire.value()
        house.talk.leave()

        assert len(house.vendor.asked) == 1
        assert house.entry.ending is Ending.ABANDONED
        assert house.quiet()

    def test_mid_stream(self) -> None:
        """What passed is counted, and the upstream dropped."""
        house = streaming()
        house.talk.leave()

        assert house.vendor.body.stopped
        assert house.entry.ending is Ending.ABANDONED
        assert house.entry.usage is not None and house.entry.usage.completion == 1
        house.vendor.ends(cleanly=False)
        assert house.quiet()

    def test_while_the_vendor_is_paused(self) -> None:
        """Also who had stopped reading before."""
        house = streaming()
        stopped_reading(house, 70_000)
        house.talk.leave()

        assert house.vendor.body.stopped
        assert house.quiet()

    def test_after_the_end(self) -> None:
        """Leaving behind the end is no leaving: the call was served, once."""
        house = streaming()
        house.vendor.says(finish(), DONE)
        house.talk.leave()

        assert house.entry.ending is Ending.SERVED
        house.vendor.ends()
        assert house.quiet()


class MemoryTests:
    """What is kept of a call that is over."""

    @pytest.mark.parametrize("stream", [True, False])
    def test_nothing_of_whoever_leaves(self, stream: bool) -> None:
        """A-17: a call whose client leaves before anything came is not held by anybody, nor is its body."""
        house = House()
        house.call(stream=stream)
        request = weakref.ref(house.talk.channel.requests[0])
        house.talk.leave()
        house.talk.pass_seconds(1)
        house.vendor.asked.clear()
        gc.collect()

        assert not house.api.relays
        assert request() is None


class BugTests:
    """E-21: what breaks inside leaves nothing behind either."""

    def test_a_bug_at_the_end_of_a_stream(self) -> None:
        """What breaks as a stream is settled ends it, visibly unfinished; its vendor does not hear of it."""
        house = streaming()

        def broken(call: Call, entry: Entry) -> None:
            raise ZeroDivisionError("a canary")

        house.api.carrier.settled = broken
        house.vendor.says(finish(), DONE)

        assert house.talk.wire.disconnecting or house.talk.wire.disconnected
        assert DONE not in house.heard.chunks and b"canary" not in house.heard.body
        assert house.quiet()

    def test_a_bug_behind_a_call(self) -> None:
        """A bug is answered with 500 and the request's name, the call is settled, and no deadline stays."""
        house = House()
        house.call(stream=True)
        house.vendor.asked[-1].answer.errback(ZeroDivisionError("a canary"))

        assert house.heard.status == 500
        assert house.heard.headers[b"access-control-allow-origin"] == b"*"
        assert b"canary" not in house.heard.body
        assert house.entry.ending is Ending.FAILED
        assert house.quiet()
