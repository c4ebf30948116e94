"""What all connections share."""

from __future__ import annotations

import re

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from targon_gw.core.errors import Refusal
from targon_gw.web.serving import LOG_EVERY, Site, fresh_ids
from targon_gw.web.strict import HttpLimits
from tests.web.conversation import Desk, Wire, ask


class FreshIdsTests:
    """Identities of requests."""

    def test_differ(self) -> None:
        """No two of a thousand are equal, across the pool's edge."""
        ids = fresh_ids()
        some = {next(ids) for _ in range(1000)}

        assert len(some) == 1000
        assert {len(one) for one in some} == {36}


class SiteTests:
    """The factory."""

    def site(self) -> tuple[Clock, Site]:
        """A site on a clock."""
        clock = Clock()
        return clock, Site(Desk(), HttpLimits(), clock)

    def test_nothing_ticks(self) -> None:
        """A site that serves nobody keeps no timer, and speaks HTTP/1.1 alone."""
        clock, site = self.site()

        site.doStart()
        site.doStop()

        assert clock.getDelayedCalls() == []
        assert site.acceptableProtocols() == [b"http/1.1"]

    def test_time_of_day(self) -> None:
        """The clock's seconds are none: what is to be added makes the date of each answer, refused or not."""
        clock = Clock()
        site = Site(Desk(), HttpLimits(), clock, wall=1_000_000_000.0)
        dates = []
        for request in (ask(method="GET"), b"GET / HTTP/1.1\r\n\r\n", ask(method="GET")):
            channel, wire = site.buildProtocol(None), Wire()
            channel.makeConnection(wire)
            channel.dataReceived(request)
            dates += re.findall(rb"(?i)\r\ndate: (.+)\r\n", wire.value())
            channel.connectionLost(Failure(ConnectionDone()))

        assert dates == [b"Sun, 09 Sep 2001 01:46:40 GMT"] * 3
        assert site.refusals

    def test_refusals_are_logged_now_and_then(self) -> None:
        """A-22: a thousand refusals are one line; the next says how many there were."""
        clock, site = self.site()
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        try:
            for _ in range(1000):
                site.count_refusal(Refusal("bad_request", "No."), "192.0.2.1")
            clock.advance(LOG_EVERY)
            site.count_refusal(Refusal("bad_request", "No."), "192.0.2.1")
        finally:
            globalLogPublisher.removeObserver(events.append)

        assert [event["count"] for event in events] == [1, 1000]
        assert site.refusals == {"bad_request": 1001}
