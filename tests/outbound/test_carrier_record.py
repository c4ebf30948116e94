"""What a call comes to, on file: before the answer, once, and at nothing where it can't be."""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs

from targon_gw.core.config import Retries
from targon_gw.core.entries import Closing
from targon_gw.core.errors import Refusal
from targon_gw.core.ledger import Ending, Entry, Kind
from targon_gw.core.meter import Source, Usage
from tests import fakes

from .stage import WHOLE, Sink
from .test_carrier import settled, stage

USED = Usage(3, 4, source=Source.UPSTREAM)


class RecordTests:
    """What is on file, and what becomes of a call that can't be."""

    def test_order(self) -> None:
        """Failed attempts are on file before the call, and the call before its answer."""
        on = stage(keys=2)
        seen: list[tuple[Kind, int]] = []
        sink = Sink(used=USED)
        keep = on.carrier.record

        def record(entry: Entry) -> None:
            if entry.kind is not Kind.KEY:
                seen.append((entry.kind, len(sink.whole)))
            keep(entry)

        on.carrier.record = record
        on.carry(sink)
        on.vendor.last.whole(b"", 500)
        on.vendor.last.whole(WHOLE)

        assert seen == [(Kind.ATTEMPT, 0), (Kind.CALL, 0)]
        (attempt,) = [entry for entry in on.others if entry.kind is Kind.ATTEMPT]
        assert (attempt.id, attempt.status, attempt.usage) == ("req_1", 500, None)
        assert on.entries[0].usage == USED
        assert on.gateway.ledger.n == len(on.others) + 1
        assert settled(on) is Ending.SERVED

    def test_changes_are_on_file(self) -> None:
        """A change in a key's health is an entry of its own, with its reason and no secret."""
        on = stage(keys=2, retries=Retries(attempts=1))
        on.carry()
        on.vendor.last.whole(b"Unauthorized", 401)
        (change,) = [entry for entry in on.others if entry.kind is Kind.KEY]

        assert change.id in on.gateway.pools["acme"].keys
        assert (change.upstream, change.status, change.reference) == ("acme", 401, "req_1")
        assert change.at == fakes.WALL + on.clock.seconds()
        assert change.note is not None and change.note.startswith("ready -> suspect, ")
        assert "sn4_" not in repr(change)
        on.rest()

    def test_changes_do_not_wait_for_the_end_of_the_call(self) -> None:
        """That goes on with another key, and may take a quarter of an hour."""
        on = stage(keys=2)
        on.carry()
        on.vendor.last.whole(b"Unauthorized", 401)
        assert [entry.kind for entry in on.others] == [Kind.KEY]
        assert on.entries == []

        on.vendor.last.whole(WHOLE)
        assert settled(on) is Ending.SERVED

    @pytest.mark.parametrize("kind", [Kind.CALL, Kind.ATTEMPT])
    def test_full(self, kind: Kind) -> None:
        """E-05: where any entry of a call can't be on file the sink hears of it; the call is settled at nothing."""
        on = stage(keys=2)
        on.full = {kind}
        carried = on.carry(Sink(used=USED))
        on.vendor.last.whole(b"", 500)
        on.vendor.last.whole(WHOLE)

        assert carried.failed_with is Refusal
        assert not carried.sink.whole and not on.entries
        assert on.gateway.bank.tally("ann").prompt == 0
        with pytest.raises(RuntimeError):
            on.carrier.settle(carried.call, Closing(Ending.SERVED))
        on.rest()

    def test_full_at_a_refusal(self) -> None:
        """The lack of room takes the place of the refusal that can't be on file."""
        on = stage(keys=0)
        on.full = {Kind.CALL}
        carried = on.carry()
        assert [refusal.code for refusal in carried.sink.refusals] == ["overloaded"]
        assert carried.results == [None]
        on.rest()

    def test_full_blames_nobody(self) -> None:
        """A client that leaves while there is no room leaves the key as well as it was."""
        on = stage()
        on.full = {Kind.CALL}
        carried = on.carry()
        carried.running.cancel()
        (route,) = on.gateway.pools["acme"].routes.values()
        assert route.faults == 0
        on.rest()

    def test_full_for_changes(self) -> None:
        """A change that can't be on file is logged all the same, and stops no call."""
        on = stage(keys=2)
        on.full = {Kind.KEY}
        with capturedLogs() as logs:
            carried = on.carry()
            on.vendor.last.whole(b"", 401)
            on.vendor.last.whole(WHOLE)
        assert len([log for log in logs if log.get("what") in on.gateway.pools["acme"].keys]) == 1
        assert carried.sink.whole
        assert settled(on) is Ending.SERVED

    def test_refused_status(self) -> None:
        """The entry of a refusal has the status that the client's side says it is answered with."""
        on = stage(keys=0)
        on.carry()
        assert (on.entries[0].status, on.entries[0].usage) == (599, None)
        on.rest()

    @pytest.mark.parametrize(("status", "ending"), [(503, Ending.FAILED), (None, Ending.ABANDONED)])
    def test_broken_off(self, status: int | None, ending: Ending) -> None:
        """E-22: a call that we broke off is on file with what the client was told, one that it left as abandoned."""
        on = stage()
        carried = on.carry()
        on.gateway.draining = True
        carried.sink.broken_off = status
        carried.running.cancel()
        assert on.entries[0].status == status
        assert on.gateway.pools["acme"].routes[fakes.MODEL].faults == 0
        assert settled(on) is ending
