"""What the vendor remembers."""

from __future__ import annotations

from unittest import TestCase

from targon_gw.rehearsal.catalogue import ordered
from targon_gw.rehearsal.record import Charge, Served
from targon_gw.rehearsal.steps import Send


class ServedTests(TestCase):
    """An entry."""

    def test_status_and_tokens(self) -> None:
        """The first final status counts, interim ones don't; tokens add up."""
        entry = Served("/", 0.0)
        for data, tokens in ((b"HTTP/1.1 103 Early Hints\r\n\r\n", 0), (b"HTTP/1.0 429 No\r\n\r\n", 0), (b"x", 2)):
            entry.note(Send(data, tokens))
        entry.note(Send(b"HTTP/1.1 200 OK\r\n\r\n", 3))
        assert (entry.status, entry.completion_tokens) == (429, 5)

    def test_no_status_in_garbage(self) -> None:
        """What is no head has no status."""
        entry = Served("/", 0.0)
        entry.note(Send(b"SSH-2.0-OpenSSH"))
        assert entry.status is None
        assert entry.shown()["status"] is None

    def test_whose_request(self) -> None:
        """The admin route tells by what id the caller knows the request; none where it gave none."""
        assert Served("/", 0.0, request_id="req_1").shown()["request_id"] == "req_1"
        assert Served("/", 0.0).shown()["request_id"] is None


class ChargeTests(TestCase):
    """A charge."""

    def test_matches_what_it_names(self) -> None:
        """All that is named must fit; what is not named may be anything."""
        charge = Charge(ordered("silent"), key="k-1", model="m")
        assert charge.matches("k-1", "a", "m")
        assert not charge.matches("k-1", "a", "n")
        assert not charge.matches("k-2", "a", "m")
        assert not charge.unnamed
        assert Charge(ordered("silent")).matches(None, None, None)

    def test_runs_out(self) -> None:
        """After its times it matches nothing; it counts what it did."""
        charge = Charge(ordered("silent"), left=2)
        assert [charge.spend(), charge.spend()] == [0, 1]
        assert not charge.matches("k", "a", "m")
        assert (charge.committed, charge.left) == (2, 0)
        assert Charge(ordered("silent")).spend() == 0
