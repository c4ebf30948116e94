"""Probes that are recorded, asked for by hand, and gone on with under other settings."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import CancelledError, ensureDeferred

from targon_gw.core.attempts import Served
from targon_gw.core.config import Kind as ModelKind
from targon_gw.core.config import ModelSettings
from targon_gw.core.health import Disabled, Suspect
from targon_gw.core.ledger import Kind
from targon_gw.core.probes import COST
from targon_gw.outbound.errors import ConnectFailed
from targon_gw.outbound.probe import TICK
from tests import fakes

from .stage import WHOLE
from .test_probe import Watch, watch


class RecordTests:
    """What the ledger tells of a probe."""

    def test_served(self) -> None:
        """A probe is an entry of its own kind: which key, what it used, how long it took; nobody is charged."""
        on = watch(served=False)
        on.prober.start()
        on.clock.advance(2)
        on.sent[0].whole(WHOLE)
        (entry,) = on.stage.others

        assert (entry.kind, entry.upstream, entry.key) == (Kind.PROBE, "acme", on.key().id)
        assert (entry.at, entry.took) == (fakes.WALL + 2, 2.0)
        assert entry.usage is not None and (entry.usage.prompt, entry.usage.completion) == (3, 4)
        assert (entry.client, entry.cost) == (None, 0)
        assert "sn4_" not in repr(entry)
        on.stop()

    def test_failed(self) -> None:
        """One that fails is, too, with why; the change of health that it brings follows it."""
        on = watch(served=False)
        on.prober.start()
        on.sent[0].whole(b"no", 401)
        (entry,) = on.stage.others

        assert (entry.status, entry.usage) == (401, None)
        assert entry.note
        assert on.told == 1
        on.stop()

    def test_no_room(self) -> None:
        """E-05: without room for its entry a probe counts for the key all the same, and its lease comes back."""
        on = watch(served=False)
        on.stage.full = {Kind.PROBE}
        on.prober.start()
        on.sent[0].whole(WHOLE)

        assert on.key().served == 1
        assert on.told == 1
        on.stop()


class ByHandTests:
    """`test`: an operator asks."""

    def begun(self, on: Watch) -> list[Any]:
        """Ask the only key; what came of it, once something has."""
        found: list[Any] = []
        ensureDeferred(on.prober.test(on.pool, on.key())).addBoth(found.append)
        return found

    def test_any_health(self) -> None:
        """The very key is asked, switched off or not, and how that came out is told with the seconds it took."""
        on = watch()
        on.key().standing.move(Disabled())
        on.prober.start()
        found = self.begun(on)
        on.clock.advance(3)
        on.sent[0].whole(WHOLE)
        outcome, took = found[0]

        assert isinstance(outcome, Served) and took == 3.0
        assert on.sent[0].head.authorization == b"Bearer " + on.key().secret.reveal.encode()
        on.stop()

    def test_beyond_the_allowance(self) -> None:
        """It is sent though the day's tokens are used up, counts for them, and makes no room for others."""
        on = watch(keys=3, served=False, daily_tokens=COST)
        on.prober.start()
        assert len(on.sent) == 1
        found = self.begun(on)
        for request in on.sent:
            request.fail(ConnectFailed("refused"))
        on.clock.pump([TICK] * 3)

        assert len(found) == 1
        assert len(on.sent) == 2
        assert on.prober.allowances["acme"].spent == 2 * COST
        on.stop()

    def test_makes_no_room(self) -> None:
        """One that cost nothing leaves room for as many others as there was before it."""
        on = watch(keys=3, served=False, daily_tokens=COST)
        on.prober.start()
        self.begun(on)
        for request in on.sent:
            request.whole(b"", 401)
        before = len(on.sent)
        on.clock.advance(TICK)

        assert len(on.sent) == before + 1
        on.stop()

    def test_stopped(self) -> None:
        """Its end with the daemon's is no verdict on the key; nothing of it is left."""
        on = watch()
        on.prober.start()
        found = self.begun(on)
        on.stop()

        assert found[0].check(CancelledError)
        assert on.sent[0].cancelled
        assert on.pool.census(on.clock.seconds())["usable"] == 1

    def test_nothing_to_ask_for(self) -> None:
        """Where the vendor serves no model that can chat, that is said."""
        on = watch(models=[ModelSettings("acme/vectors", kind=ModelKind.EMBEDDING)])
        on.prober.start()
        found = self.begun(on)

        assert found[0].check(LookupError)
        on.stop()


class OtherSettingsTests:
    """Settings that change while it runs: it is stopped and started."""

    def again(self, on: Watch, **plan: Any) -> None:
        """Go on under this plan."""
        upstream = on.stage.config.upstreams[0]
        changed = evolve(on.stage.config, upstreams=(evolve(upstream, probe=evolve(upstream.probe, **plan)),))
        on.stage.gateway.reconfigure(changed, on.clock.seconds())
        on.prober.stop()
        on.prober.start()

    def served(self, on: Watch) -> None:
        """Let the newest probe be served; nobody says what it cost."""
        on.sent[-1].whole({**WHOLE, "usage": None})

    def test_what_is_spent_stays_spent(self) -> None:
        """Starting anew gives no new day's tokens."""
        on = watch(keys=2, served=False, daily_tokens=COST)
        on.prober.start()
        self.served(on)
        self.again(on, every=7.0)
        on.clock.pump([TICK] * 3)

        assert len(on.sent) == 1
        on.stop()

    @pytest.mark.parametrize(("tokens", "asked"), [(2 * COST, 2), (COST, 1)])
    def test_allowance(self, tokens: int, asked: int) -> None:
        """A day's tokens are those that the settings say now."""
        on = watch(keys=2, served=False, daily_tokens=COST)
        on.prober.start()
        self.served(on)
        self.again(on, daily_tokens=tokens)

        assert len(on.sent) == asked
        on.stop()

    def test_day(self) -> None:
        """After a day the tokens are new, though it was started anew in between."""
        on = watch(served=False, daily_tokens=COST)
        on.prober.start()
        self.served(on)
        self.again(on, every=3600.0)
        on.key().standing.move(Suspect())
        on.clock.advance(TICK)
        assert len(on.sent) == 1
        on.clock.pump([TICK] * int(86400 / TICK))

        assert len(on.sent) == 2
        on.stop()
