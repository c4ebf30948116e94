"""`/api/overview`, `/api/models`, `/api/monitor` and `/api/live`: what is told to whom, and what is not."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from targon_gw.core.attempts import Throttled
from targon_gw.core.config import Anonymous, ClientSettings, Dialect, ModelSettings, Price, Secret, Stat
from tests import fakes

from .house import ANSWER, House
from .watching import Somebody, Watched

MODELS = [
    ModelSettings(fakes.MODEL, price=Price(0.5, 2.0), context=4096, summary={"zh": "大", "en": "Large"}),
    ModelSettings("nick", alias=fakes.MODEL),
]


def watched(**settings: object) -> Watched:
    """One with two keys and two names of a model."""
    return Watched(House(fakes.config(fakes.upstream(2, dialect=Dialect.TARGON), models=MODELS, **settings)))


def throttled(one: Watched) -> None:
    """A call whose first attempt a vendor answers with 429, and whose second one serves."""
    one.house.call()
    one.house.vendor.fails(Throttled(wait=30.0))
    one.house.vendor.answers(ANSWER)


class OverviewTests:
    """`GET /api/overview`."""

    def test_shape(self) -> None:
        """All that the landing page shows, of a gateway that nobody has called."""
        told = watched().told("/api/overview")
        assert told.keys() == {"at", "status", "uptime_s", "version", "counters", "cells", "rates", "out"}
        assert told["counters"] == {"keys": 2, "usable": 2, "calls": 0, "availability": None}
        assert told["out"] == {"cooling": 0, "exhausted": 0, "barred": 0, "disabled": 0}
        assert told["rates"] == {"calls_per_second": 0.0, "tokens_per_minute": 0.0, "in_flight": 0}
        assert (told["status"], told["version"], len(told["cells"])) == ("ok", "1.2.3", 90)

    def test_call(self) -> None:
        """A call that was served after a 429 elsewhere is no failure; a key is cooling."""
        one = watched()
        throttled(one)
        one.tick()
        told = one.told("/api/overview")

        assert told["counters"] == {"keys": 2, "usable": 1, "calls": 1, "availability": 1.0}
        assert told["out"]["cooling"] == 1 and told["cells"][-1][1:] == [1, 0, {}]

    @pytest.mark.parametrize(
        ("shown", "counters", "out"),
        [
            ((), set(), set()),
            ((Stat.KEYS,), {"keys", "usable"}, {"cooling", "exhausted", "barred", "disabled"}),
            ((Stat.REQUESTS, Stat.AVAILABILITY), {"calls", "availability"}, set()),
        ],
    )
    def test_hidden(self, shown: tuple[Stat, ...], counters: set[str], out: set[str]) -> None:
        """What `public_stats` leaves out is not there: neither here, nor in a stream, nor beside a model."""
        one = watched(public_stats=shown)
        page = one.page("monitor")
        for told in (one.told("/api/overview"), page.named("overview")[0]):
            assert (told["counters"].keys(), told["out"].keys()) == (counters, out)
        for model in (one.told("/api/monitor")["models"][0], page.named("models")[0]["models"][0]):
            assert ("keys" in model) is (Stat.KEYS in shown)

    def test_made_once_for_many(self) -> None:
        """Whoever asks again within the same moment is told the same."""
        one = watched()
        assert one.told("/api/overview") == one.told("/api/overview")
        assert one.figures.made == ["overview"]
        one.tick()
        one.told("/api/overview")
        assert one.figures.made == ["overview"] * 2


class CatalogueTests:
    """`GET /api/models`."""

    def test_all_of_it(self) -> None:
        """Every name, with what the model is and how it stands; who has no key is told what may be had without."""
        one = watched(anonymous=Anonymous(enabled=True, models=("nick",)))
        large, nick = one.told("/api/models")["models"]

        assert large == {
            "id": fakes.MODEL,
            "alias_of": None,
            "kind": "chat",
            "features": [],
            "context": 4096,
            "max_tokens": None,
            "price": {"prompt": 0.5, "completion": 2.0},
            "summary": {"zh": "大", "en": "Large"},
            "state": "available",
            "anonymous": False,
        }
        assert nick == {**large, "id": "nick", "alias_of": fakes.MODEL, "anonymous": True}

    def test_nobody_without_a_key(self) -> None:
        """Where callers need a key, no model may be had without."""
        assert not any(model["anonymous"] for model in watched().told("/api/models")["models"])


class MonitorTests:
    """`GET /api/monitor`."""

    @pytest.mark.parametrize(("span", "step", "size"), [("15m", 5, 180), ("1h", 20, 180), ("24h", 300, 288)])
    def test_spans(self, span: str, step: int, size: int) -> None:
        """Each chart has its points, all columns as many, and the models beside."""
        told = watched().told(f"/api/monitor?span={span}")
        assert (told["span"], told["step"], len(told["t"])) == (span, step, size)
        columns = [*(told[name] for name in ("calls", "tokens", "first_p50", "first_p95")), *told["errors"].values()]
        assert {len(column) for column in columns} == {size}
        assert told["errors"].keys() == {"caller", "limited", "upstream", "unavailable", "cut", "retried"}
        assert [model["id"] for model in told["models"]] == [fakes.MODEL]

    def test_other_span(self) -> None:
        """There are three, and the answer says which."""
        answer = watched().house.get("/api/monitor?span=2h", "")
        assert answer.status == 400 and "15m, 1h, 24h" in json.loads(answer.body)["error"]["message"]

    def test_model(self) -> None:
        """Its last hour, and how many of its keys may serve."""
        one = watched()
        throttled(one)
        one.tick(2)
        (model,) = one.told("/api/monitor")["models"]

        assert (model["calls"], model["success"], model["keys"]) == (1, 1.0, {"usable": 1, "total": 2})
        assert model["state"] == "degraded" and model["cells"][0][1:] == [1, 0]


class StreamTests:
    """`GET /api/live`."""

    def test_vendors_429_within_a_second(self) -> None:
        """A 429 of a vendor's is on the monitor within a second of when the call has ended: as an attempt that was made
        good, and as a key that is cooling."""
        one = watched()
        page = one.page("monitor")
        one.tick(3)
        page.forget()
        throttled(one)
        one.tick(2)

        assert page.named("points")[-1]["15m"]["errors"]["retried"] > 0
        assert page.named("overview")[-1]["out"]["cooling"] == 1
        assert page.named("models")[-1]["models"][0]["keys"] == {"usable": 1, "total": 2}
        assert one.is_quiet()

    def test_first_words(self) -> None:
        """A page is told at once how things stand, when to try again, and that nothing may keep or rewrite it."""
        one = watched()
        page = one.page("monitor")

        assert page.answer.body.startswith(b"retry: 3000\n\n")
        assert [name for name, _ in page.events] == ["overview", "points", "models"]
        assert page.answer.headers[b"content-type"] == b"text/event-stream"
        assert page.answer.headers[b"cache-control"] == b"no-store"
        assert page.answer.headers[b"x-accel-buffering"] == b"no"
        assert one.is_quiet()

    def test_head(self) -> None:
        """HEAD opens no stream."""
        one = watched()
        assert one.house.get("/api/live", "", "HEAD").status == 200
        assert one.live.fanout.listening == 0 and one.is_quiet()

    def test_other_view(self) -> None:
        """There are three, and the answer says which."""
        answer = watched().house.get("/api/live?view=keys", "")
        assert answer.status == 400 and "overview, monitor, admin" in json.loads(answer.body)["error"]["message"]

    def test_no_names_in_public(self) -> None:
        """F-14: no client, account, key or address is in what everybody may see."""
        key, client = fakes.key(0), ClientSettings("canary-client", Secret(fakes.CLIENT_SECRET.decode()).digest)
        one = watched(clients=(client,))
        page = one.page("monitor")
        throttled(one)
        one.tick(4)
        seen = page.wire.value() + b"".join(
            json.dumps(one.told(path)).encode() for path in ("/api/overview", "/api/monitor", "/api/models")
        )

        for name in ("canary-client", key.secret.fingerprint, key.secret.reveal, "192.168.1.1", "req_"):
            assert name.encode() not in seen.split(b"\r\n\r\n", 1)[1]
        assert not page.named("keys") and not page.named("call")
        assert one.is_quiet()


class AdminTests:
    """`GET /api/live?view=admin`."""

    @pytest.mark.parametrize("who", [None, Somebody(admin=False)])
    def test_for_administrators_alone(self, who: Somebody | None) -> None:
        """F-26: nobody else may look that way."""
        answer = Watched(who=who).house.get("/api/live?view=admin", "")
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (403, "admin_only")

    def test_keys_and_calls(self) -> None:
        """The keys as they are at first; each call with its failed attempts, and each change of a key."""
        settings = fakes.config(fakes.upstream(2, dialect=Dialect.TARGON))
        one = Watched(House(settings), Somebody(admin=True))
        page = one.page("admin")
        assert [row["state"] for row in page.named("keys")[0]["keys"]] == ["usable", "usable"]
        throttled(one)
        one.tick()

        attempt, call = page.named("call")
        assert (attempt["kind"], attempt["status"], call["kind"], call["ending"]) == ("attempt", 429, "call", "served")
        assert (call["client"], attempt["id"]) == ("ann", call["id"])
        assert sorted(row["state"] for row in page.named("keys")[-1]["keys"]) == ["cooling", "usable"]
        page.forget()
        one.tick()
        assert not page.named("call") and not page.named("keys")
        assert one.is_quiet()

    def test_ends_with_the_session(self) -> None:
        """F-07: who is no administrator any more is told nothing more, not even once; others are not disturbed."""
        who = Somebody(admin=True)
        one = Watched(who=who)
        page, other = one.page("admin"), one.page("monitor")
        page.forget()
        who.admin = False
        throttled(one)
        one.tick()

        assert page.answer.ended and not page.named("call") and not page.named("keys")
        assert not other.answer.ended
        assert one.live.fanout.listening == 1 and one.is_quiet()


class SettingsTests:
    """What a reload changes."""

    def test_hidden_by_a_reload(self) -> None:
        """What the settings hide from now on is gone at the next tick, though no figure has changed."""
        one = watched()
        page = one.page()
        page.forget()
        one.house.gateway.reconfigure(evolve(one.house.gateway.config, public_stats=()), one.house.now())
        one.tick()

        assert [told["counters"] for told in page.named("overview")] == [{}]
        assert one.is_quiet()
