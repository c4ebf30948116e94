"""The gateway as it is looked at: what a picture holds, and that it is cheap at any size."""

from __future__ import annotations

import pytest
from attrs import evolve

from targon_gw.core.attempts import Throttled
from targon_gw.core.config import Dialect, ModelSettings, RateLimits
from targon_gw.core.errors import Refusal
from targon_gw.core.ledger import Ending
from targon_gw.core.overview import share
from targon_gw.core.pool import KeyPool
from tests import fakes

from .measured import Calls


class PictureTests:
    """`Gateway.snapshot`."""

    def test_what_has_happened(self) -> None:
        """Calls that were settled are in it before anybody has folded them, and those under way are counted."""
        calls = Calls()
        calls.served()
        calls.end(calls.begin(), Ending.FAILED, status=502)
        calls.begin()
        seen = calls.gateway.snapshot(calls.now)

        assert (seen.status, seen.keys["usable"], seen.availability) == ("ok", 3, 0.5)
        assert seen.cells[-1] == (int((calls.now + fakes.WALL) // 60) * 60, 2, 1, {"502": 1})
        assert seen.rates.in_flight == 2 - 1 and seen.rates.calls_per_second > 0
        assert seen.rates.tokens_per_minute == pytest.approx(28, abs=3)

    def test_total_is_the_ledgers(self) -> None:
        """Calls in all are what the ledger knows of, whoever ran before."""
        gateway = fakes.gateway()
        fakes.settled(gateway, fakes.serving(gateway), fakes.closing(Ending.SERVED), 1.0)
        assert gateway.snapshot(2.0).calls == 1

    def test_same_but_for_the_time(self) -> None:
        """Two pictures between which nothing has happened are equal."""
        gateway = fakes.gateway()
        before = gateway.snapshot(1.0)
        assert gateway.snapshot(1.9) == before
        fakes.call(gateway, 2.0)
        assert gateway.snapshot(2.0) != before

    def test_no_key_is_looked_at(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """How the keys are is taken from the pools' census, not asked of each."""
        gateway = fakes.gateway(fakes.config(fakes.upstream(50)))
        gateway.snapshot(1.0)
        asked: list[object] = []
        monkeypatch.setattr(KeyPool, "state_of", lambda *of: asked.append(of))

        assert gateway.snapshot(2.0).keys["usable"] == 50 and not asked

    def test_cooling(self) -> None:
        """A key that was told to wait is out at once."""
        gateway = fakes.gateway(fakes.config(fakes.upstream(2, dialect=Dialect.TARGON)))
        call = fakes.call(gateway)
        call.begin(0.0)
        call.judge(Throttled(wait=30.0), 1.0)

        assert gateway.snapshot(1.0).keys == {
            **dict.fromkeys(("exhausted", "barred", "disabled"), 0),
            "total": 2,
            "usable": 1,
            "cooling": 1,
        }


class TurnedAwayTests:
    """What is refused before it is a call is told, too."""

    def errors(self, calls: Calls) -> dict[str, float | None]:
        """The errors a second of this moment that there are."""
        unix = calls.now + fakes.WALL
        series = calls.gateway.history.series("15m", unix, 1)
        return {kind: figures[0] for kind, figures in series.errors.items() if figures[0]}

    def test_unknown_keys(self) -> None:
        """A key that is none is the caller's error, and no call."""
        calls = Calls()
        with pytest.raises(Refusal):
            calls.gateway.identify(b"sk-none", fakes.ADDRESS, calls.now)

        assert self.errors(calls) == {"caller": 1.0}
        assert calls.gateway.snapshot(calls.now).availability is None

    def test_limits(self) -> None:
        """A client beyond its limits is told so, and so is whoever looks."""
        calls = Calls(fakes.limited(RateLimits(concurrent=1)))
        calls.begin()
        with pytest.raises(Refusal):
            calls.begin()

        assert self.errors(calls) == {"limited": 1.0}

    def test_draining_and_strained(self) -> None:
        """To be turned away because the gateway leaves, or has too much to do, counts against it."""
        calls = Calls()
        calls.gateway.draining = True
        with pytest.raises(Refusal):
            calls.begin()
        calls.gateway.too_much("busy")

        assert self.errors(calls) == {"unavailable": 2.0}
        assert calls.gateway.snapshot(calls.now).availability == 0.0


class ModelTests:
    """`Gateway.models_seen`."""

    def test_models(self) -> None:
        """Each model once, by its own name, with its keys and its last hour; a call by an alias is the model's."""
        models = [ModelSettings(fakes.MODEL), ModelSettings("nick", alias=fakes.MODEL), ModelSettings("quiet")]
        calls = Calls(fakes.config(fakes.upstream(2), models=models))
        calls.served(fakes.ask("nick"))
        busy, quiet = calls.gateway.models_seen(calls.now)

        assert (busy.id, busy.state, busy.usable, busy.total) == (fakes.MODEL, "available", 2, 2)
        assert (busy.hour.calls, busy.hour.failed) == (1, 0) and busy.hour.p95 == pytest.approx(1.0, rel=0.25)
        assert (quiet.id, quiet.hour.calls, quiet.hour.p95, quiet.hour.cells) == ("quiet", 0, None, ())

    def test_model_that_left(self) -> None:
        """What the settings name no longer is neither told nor kept."""
        calls = Calls()
        calls.served()
        calls.gateway.models_seen(calls.now)
        calls.gateway.reconfigure(evolve(calls.config, models=(ModelSettings("another"),)), calls.now)

        assert [(seen.id, seen.hour.calls) for seen in calls.gateway.models_seen(calls.now)] == [("another", 0)]
        assert not calls.gateway.history._models


class RestartTests:
    """Pictures over a restart."""

    def test_state(self) -> None:
        """The next run goes on with what this one has seen; from a state without a history, with nothing."""
        calls = Calls()
        calls.served()
        calls.end(calls.begin(), Ending.FAILED, status=502)
        state = calls.gateway.to_state(calls.now)
        again, bare = fakes.gateway(calls.config), fakes.gateway(calls.config)
        again.restore(state, calls.now)
        bare.restore({name: told for name, told in state.items() if name != "history"}, calls.now)

        assert again.snapshot(calls.now).cells == calls.gateway.snapshot(calls.now).cells
        assert again.snapshot(calls.now).availability == 0.5
        assert bare.snapshot(calls.now).availability is None


class ShareTests:
    """`share`."""

    def test_share(self) -> None:
        """Of nothing there is no share."""
        assert (share(0, 0), share(4, 1), share(3, 3)) == (None, 0.75, 0.0)
