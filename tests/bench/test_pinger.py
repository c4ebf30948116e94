"""Pings: what a wait is, and whose."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from bench import machine, pinger
from bench.pinger import Ping, lag


class LagTests:
    """From pings to percentiles."""

    def test_percentiles_are_of_the_waits(self) -> None:
        """Of 100 pings that waited 1 to 100 ms, the median is 50, the 99th 99 and the worst 100."""
        found = lag([Ping(float(at), at / 1e3) for at in range(100, 0, -1)])

        assert (found.count, round(found.p50), round(found.p99), round(found.worst)) == (100, 50, 99, 100)

    def test_ping_under_way_when_it_began_counts(self) -> None:
        """A stall is seen by the ping that was sent before it, and not by those that were over before or came after."""
        before, during, after = Ping(1.0, 0.5), Ping(1.9, 0.3), Ping(4.0, 0.9)

        assert lag([before, during, after], 2.0, 3.0) == lag([during])

    def test_no_ping_is_no_lag(self) -> None:
        """Where nothing was on its way there is nothing to tell, and not a lag of nought."""
        with pytest.raises(ValueError, match="no ping"):
            lag([Ping(1.0, 0.1)], 5.0, 6.0)


class Stalling:
    """A server that answers everything, and stands still once, for `stall` seconds, at the `at`-th request."""

    def __init__(self, stall: float, at: int) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.stall, self.at = stall, at
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self.listening.accept()
        count = 0
        with connection:
            while connection.recv(65536):
                count += 1
                if count == self.at:
                    time.sleep(self.stall)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.mark.live
class PingingTests:
    """The pinger's process."""

    def test_stall_is_felt_by_all_who_were_due(self) -> None:
        """A server that stands still for 200 ms has kept all pings of that time waiting, not one."""
        server = Stalling(0.2, 5)
        with pinger.pinging(server.listening.getsockname()[1], machine.processors()[1]) as pinging:
            time.sleep(0.5)
        server.listening.close()

        long = [ping for ping in pinging.pings if ping.took > 0.05]
        assert lag(pinging.pings).worst >= 200
        assert len(long) >= 20

    def test_nobody_there_is_not_an_error(self) -> None:
        """A server that is only about to start, and never does, has been pinged not once."""
        with pinger.pinging(machine.free_port(), machine.processors()[1], there=False) as pinging:
            time.sleep(0.05)

        assert pinging.pings == []
