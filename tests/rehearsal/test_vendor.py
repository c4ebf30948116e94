"""The vendor's decisions: who may ask, how often, for how much; and its memory."""

from __future__ import annotations

from unittest import TestCase

from targon_gw.core.config import Dialect, Secret
from targon_gw.rehearsal.accounts import Account
from targon_gw.rehearsal.record import Ending
from targon_gw.rehearsal.scene import Pace
from targon_gw.rehearsal.vendor import Vendor

from .stage import KEY, MODEL, OTHER_KEY, THIRD_KEY, Response, Stage, chat, get, post, response, stage


def answer(scene: Stage, key: str | None = KEY, model: str = MODEL, **more: object) -> Response:
    """What a key is answered."""
    scene.say(chat(model, key, **more))
    return response(scene.line.take())


class KeyTests(TestCase):
    """Who is known."""

    def test_unknown_barred_and_missing_keys(self) -> None:
        """All are answered 401; a barred one is taken again when unbarred."""
        for dialect in Dialect:
            scene = stage(dialect)
            assert answer(scene, "sk-nobody").status == 401
            assert answer(scene, None).status == 401
            scene.vendor.bar(KEY)
            assert answer(scene).status == 401
            assert answer(scene, OTHER_KEY).status == 200
            scene.vendor.unbar(KEY)
            assert answer(scene).status == 200

    def test_models_need_no_key(self) -> None:
        """`GET /v1/models` is anybody's, and says nothing of prices."""
        scene = stage(Dialect.TARGON)
        scene.say(get("/v1/models"))
        listed = response(scene.line.take()).json["data"]
        assert [each["id"] for each in listed] == ["plain", "thinker", "embedder"]
        assert set(listed[0]) == {"id", "object", "created", "owned_by"}

    def test_no_secret_is_remembered(self) -> None:
        """Log, repr and accounts show fingerprints, never keys."""
        scene = stage()
        answer(scene)
        shown = repr([scene.vendor, *scene.vendor.accounts, *scene.vendor.log, *scene.vendor.recent])
        assert KEY not in shown
        assert scene.vendor.log[-1].key == Secret(KEY).fingerprint


class PathTests(TestCase):
    """Where is what."""

    def test_unknown_paths_and_methods(self) -> None:
        """What is not there is 404, what is there for another method 405 with Allow."""
        for dialect in Dialect:
            scene = stage(dialect)
            scene.say(get("/v1/nothing"))
            assert response(scene.line.take()).status == 404
            scene.say(get("/v1/chat/completions"))
            got = response(scene.line.take())
            assert (got.status, got.headers["allow"]) == (405, "POST")

    def test_unknown_model(self) -> None:
        """OpenAI says 404 model_not_found, Targon 503 with code 400."""
        assert answer(stage(), model="nope").json["error"]["code"] == "model_not_found"
        got = answer(stage(Dialect.TARGON), model="nope")
        assert (got.status, got.json["code"], got.json["object"]) == (503, 400, "error")

    def test_misread_body(self) -> None:
        """A body that makes no sense is 400, with the field at fault."""
        scene = stage()
        scene.say(post("/v1/chat/completions", {"model": MODEL, "messages": []}))
        assert response(scene.line.take()).json["error"]["param"] == "messages"
        scene.say(post("/v1/chat/completions", b"{"))
        assert response(scene.line.take()).status == 400

    def test_targon_calls_everything_an_event_stream(self) -> None:
        """JSON answers, errors and plain text all bear the type of a stream."""
        scene = stage(Dialect.TARGON)
        for got in (answer(scene, stream=False), answer(scene, model="nope"), answer(scene, None), answer(scene)):
            assert got.headers["content-type"] == "text/event-stream"


class LimitTests(TestCase):
    """How often, and for how much."""

    def scene(self, dialect: Dialect, **limits: int) -> Stage:
        """A stage whose first account has two keys and limits."""
        return stage(dialect, accounts=(Account("a", (KEY, OTHER_KEY), **limits), Account("b", (THIRD_KEY,))))

    def test_targon_throttles_the_account(self) -> None:
        """Two keys of one account share its minute; the third, of another, is free; Retry-After is always 5."""
        scene = self.scene(Dialect.TARGON, requests_per_minute=2)
        assert [answer(scene, key).status for key in (KEY, OTHER_KEY, KEY, THIRD_KEY)] == [200, 200, 429, 200]
        headers = answer(scene, OTHER_KEY).headers
        assert (headers["retry-after"], headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == (
            "5",
            "2",
            "0",
        )
        scene.wait(60)
        assert answer(scene).status == 200

    def test_openai_tells_the_true_wait(self) -> None:
        """Retry-After is when the oldest request leaves the minute; good answers bear the window too."""
        scene = self.scene(Dialect.OPENAI, requests_per_minute=1)
        assert answer(scene).headers["x-ratelimit-remaining-requests"] == "0"
        scene.wait(20)
        refused = answer(scene)
        assert (refused.status, refused.headers["retry-after"]) == (429, "41")
        scene.wait(41)
        assert answer(scene).status == 200

    def test_targon_credits_depend_on_max_tokens(self) -> None:
        """What may be spent must be there: a smaller max_tokens may still pass."""
        scene = self.scene(Dialect.TARGON, credits=100)
        refused = answer(scene)
        assert (refused.status, refused.json["message"]) == (400, "not enough credits")
        assert answer(scene, max_tokens=60).status == 200
        assert answer(scene, max_tokens=60).status == 400
        assert answer(scene, max_tokens=10).status == 200

    def test_openai_credits(self) -> None:
        """Prompt and answer are billed, until nothing is left."""
        scene = self.scene(Dialect.OPENAI, credits=21)
        assert answer(scene, max_tokens=15).status == 200
        assert scene.vendor.spent("a") == 15 + scene.vendor.log[-1].prompt_tokens
        assert answer(scene, max_tokens=15).status == 200
        assert answer(scene).json["error"]["code"] == "insufficient_quota"

    def test_too_many_cancellations(self) -> None:
        """An account that leaves its answers too often is told so, for six hours."""
        scene = self.scene(Dialect.TARGON, cancellations=2)
        for _ in range(2):
            scene.connect()
            scene.ask("fault/stall")
            scene.leave()
        scene.connect()
        assert answer(scene).body == b"Too many canceled requests"
        scene.wait(6 * 3600)
        assert answer(scene).status == 200


class ChargeTests(TestCase):
    """Faults laid on keys, accounts and models."""

    def test_whom_it_meets(self) -> None:
        """A charge meets what it names and nothing else, so many times."""
        scene = stage()
        scene.vendor.misbehave("status:502", key=KEY, times=2)
        scene.vendor.misbehave("status:503", account="b")
        scene.vendor.misbehave("status:504", model="thinker")
        statuses = [answer(scene, key).status for key in (KEY, OTHER_KEY, THIRD_KEY, KEY, KEY)]
        assert statuses == [502, 200, 503, 502, 200]
        assert answer(scene, OTHER_KEY, "thinker").status == 504
        scene.vendor.behave()
        assert answer(scene, THIRD_KEY).status == 200

    def test_the_name_comes_before_the_charge(self) -> None:
        """A fault in the model's name is committed, whatever is charged; the charge is not spent by it."""
        scene = stage()
        charge = scene.vendor.misbehave("status:502", times=1)
        assert answer(scene, model="plain!status:504").status == 504
        assert charge.left == 1

    def test_a_charge_for_everybody_meets_the_list_too(self) -> None:
        """A vendor that is down does not list its models either."""
        scene = stage()
        scene.vendor.misbehave("status:503")
        scene.say(get("/v1/models"))
        assert response(scene.line.take()).status == 503

    def test_a_fingerprint_will_do(self) -> None:
        """A key may be named by its fingerprint, as the gateway's own pages name it."""
        scene = stage()
        scene.vendor.misbehave("status:502", key=Secret(KEY).fingerprint)
        assert answer(scene).status == 502


class MemoryTests(TestCase):
    """The log."""

    def test_whole_and_left(self) -> None:
        """An entry says what went out and whether the client stayed."""
        scene = stage(pace=Pace(1.0, 10.0))
        scene.say(chat(max_tokens=8))
        scene.wait(1.35)
        scene.leave()
        scene.connect()
        scene.say(chat(max_tokens=8))
        for _ in range(30):
            scene.wait(0.1)
        left, whole = scene.vendor.served(KEY)
        assert (left.ending, left.completion_tokens, left.status) == (Ending.CLIENT_LEFT, 3, 200)
        assert (whole.ending, whole.completion_tokens, whole.model) == (Ending.WHOLE, 8, MODEL)
        assert whole.ended is not None and whole.ended > whole.began
        assert scene.vendor.spent("a") == 3 + 8 + 2 * whole.prompt_tokens

    def test_requests_are_kept_for_a_look(self) -> None:
        """The latest requests are there with their bodies."""
        scene = stage()
        scene.ask(max_tokens=7)
        assert b'"max_tokens": 7' in scene.vendor.recent[-1].body

    def test_usual_vendor(self) -> None:
        """The vendor that the demo runs has several accounts, one with several keys, and reasoning models."""
        usual = Vendor()
        assert len(usual.accounts) > 1
        assert max(len(account.keys) for account in usual.accounts) > 1
        assert all(len(key) >= 32 for account in usual.accounts for key in account.keys)
        assert any(model.reasoning for model in usual.models)
