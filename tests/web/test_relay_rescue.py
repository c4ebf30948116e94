"""A stream that is cut and gone on with, from the client's side: one answer, or visibly none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from targon_gw.core.attempts import CallerFault, Throttled, VendorFault
from targon_gw.core.config import Duration, ModelSettings, Prefill, Price, Replay, RescuePlan, Timeouts
from targon_gw.core.errors import Refusal
from targon_gw.core.ledger import Ending
from targon_gw.core.meter import Source
from targon_gw.web.relay import COMMENT, KEEP_ALIVE, STALL
from tests import fakes

from .house import DONE, House, error_in, event, finish, says, usage

DETERMINISTIC = RescuePlan()
ABLE = RescuePlan(Replay.NEVER, Prefill.VLLM)
BAD = CallerFault(Refusal("invalid_value", "continue_final_message: extra inputs are not permitted"), status=400)


def cut(*events: bytes, keys: int = 2, plan: RescuePlan = DETERMINISTIC, **fields: Any) -> House:
    """A house whose one stream has been cut behind these events."""
    house = begun(*events, keys=keys, plan=plan, **fields)
    house.vendor.ends(cleanly=False)
    return house


def begun(*events: bytes, keys: int = 2, plan: RescuePlan = DETERMINISTIC, **fields: Any) -> House:
    """A house with a stream under way."""
    house = House(
        fakes.config(fakes.upstream(keys, rescue=plan), models=[ModelSettings(fakes.MODEL, price=Price(1.0, 1.0))])
    )
    house.call(stream=True, **{"seed": 1, **fields})
    house.vendor.begins(*events)
    return house


def told(house: House) -> list[Any]:
    """What the client was sent, read."""
    return [json.loads(chunk[6:]) for chunk in house.heard.chunks if chunk not in (DONE, COMMENT)]


def text(house: House) -> str:
    """The text that the client has."""
    return "".join(choice["delta"].get("content") or "" for chunk in told(house) for choice in chunk["choices"])


class ReplayTests:
    """Asked for again, elsewhere."""

    def test_goes_on(self) -> None:
        """D-10, D-48: another key's answer passes from where the first was cut; the client has one answer, whole."""
        house = cut(says("Hel"))
        (route,) = house.gateway.pools["acme"].routes.values()
        assert len({asked.attempt.lease.key.id for asked in house.vendor.asked}) == 2
        assert not house.heard.ended
        assert route.cuts == 1
        house.vendor.begins(says("He", id="c2", created=9), says("llo", id="c2", created=9))
        house.vendor.says(finish(), usage(7, 3), DONE)

        assert text(house) == "Hello"
        assert {chunk["id"] for chunk in told(house)} == {"c1"}
        assert house.heard.chunks[-1] == DONE
        assert house.heard.ended
        assert route.cuts == 0
        assert house.quiet()

    def test_ledger(self) -> None:
        """D-51: the client pays for the whole answer once, by the vendor's own figures; the cut attempt is on file with
        what it took, and nobody pays for it."""
        house = cut(says("Hel"))
        house.vendor.begins(says("Hello"), finish(), usage(7, 3), DONE)
        (failed,) = [entry for entry in house.others if entry.kind.value == "attempt"]
        first, second = (asked.attempt.lease.key.id for asked in house.vendor.asked)

        assert (house.entry.ending, house.entry.attempts, house.entry.key) == (Ending.SERVED, 2, second)
        assert house.entry.usage is not None
        assert (house.entry.usage.completion, house.entry.usage.source) == (3, Source.UPSTREAM)
        assert (house.entry.cost, house.entry.note) == (10, "rescued: replay")
        assert (failed.key, failed.note, failed.cost) == (first, "the stream was cut: broken", 0)
        assert failed.usage is not None and failed.usage.completion == 1
        assert house.gateway.ledger.totals["client"]["ann"].attempt_tokens > 0
        assert house.measures.rescues == {("replay", "served"): 1}

    def test_first_token_is_the_first_ones(self) -> None:
        """The time to the first token is what the client saw, not that of the stream that went on."""
        house = begun(says("Hel"))
        house.talk.pass_seconds(5)
        house.vendor.ends(cleanly=False)
        house.vendor.begins(says("Hello"), finish(), usage(), DONE)

        assert house.entry.first == 0.0

    @pytest.mark.parametrize("how", ["stall", "clean", "done", "error"])
    def test_every_kind_of_cut(self, how: str) -> None:
        """D-09, D-11, D-21, D-23: silence, a clean end too early, a bare [DONE], an error event: all are cuts."""
        house = begun(says("Hel"))
        if how == "stall":
            house.talk.pass_seconds(61)
        elif how == "clean":
            house.vendor.ends()
        else:
            house.vendor.says(DONE if how == "done" else event(error={"message": "boom", "code": 500}))
        house.vendor.begins(says("Hello"), finish(), usage(), DONE)

        assert text(house) == "Hello"
        assert house.entry.ending is Ending.SERVED
        assert house.quiet()

    def test_in_one_read(self) -> None:
        """D-21: a stream that begins, says a little and fails in one read is gone on with as any other."""
        house = begun(says("Hel"), event(error={"message": "boom"}))
        house.vendor.begins(says("Hello"), finish(), usage(), DONE)

        assert text(house) == "Hello"
        assert house.quiet()

    def test_nothing_said_yet(self) -> None:
        """Where only a role has come, any other answer is the answer: no seed is needed."""
        opening = event(choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
        house = cut(opening, seed=None)
        house.vendor.begins(opening, says("Hi"), finish(), usage(), DONE)

        assert [chunk["choices"][0]["delta"] for chunk in told(house)] == [
            {"role": "assistant", "content": ""},
            {"content": "Hi"},
            {},
        ]
        assert house.entry.note == "rescued: replay"

    def test_only_key(self) -> None:
        """Where there is one key, it is asked once more after a pause."""
        house = cut(says("Hel"), keys=1)
        house.talk.pass_seconds(0.25)
        house.vendor.begins(says("Hello"), finish(), usage(), DONE)

        assert text(house) == "Hello"

    def test_cut_twice(self) -> None:
        """What goes on may be cut as well: a third goes on, as far as tries are left."""
        house = cut(says("Hel"), keys=3)
        house.vendor.begins(says("Hello"))
        house.vendor.ends(cleanly=False)
        house.vendor.begins(says("He"), says("llo world"), finish(), usage(7, 4), DONE)

        assert text(house) == "Hello world"
        assert house.entry.note == "rescued: replay, replay"
        assert house.measures.rescues == {("replay", "failed"): 1, ("replay", "served"): 1}

    def test_alias_throughout(self) -> None:
        """D-49: the second vendor's own name of the model never shows."""
        models = [ModelSettings(fakes.MODEL), ModelSettings("nick", alias=fakes.MODEL)]
        house = House(fakes.config(fakes.upstream(2), models=models))
        house.call(stream=True, seed=1, model="nick")
        house.vendor.begins(says("Hel"))
        house.vendor.ends(cleanly=False)
        house.vendor.begins(says("Hello", model="another"), finish(), usage(), DONE)

        assert {chunk["model"] for chunk in told(house)} == {"nick"}


class UnfinishedTests:
    """Nobody goes on with it."""

    def closing(self, house: House) -> tuple[str, str]:
        """The code and message of the closing event; all must be over, and visibly so."""
        error = error_in(house.heard.chunks[-1])
        assert DONE not in house.heard.chunks
        assert not house.heard.ended
        assert house.quiet()
        return error["code"], error["message"]

    def test_another_answer(self) -> None:
        """D-48: a replay that says something else passes not at all; the client is told, and pays for what it has."""
        house = cut(says("Hel"))
        house.vendor.begins(says("Good day"), finish(), usage(7, 9), DONE)
        (replay,) = [entry for entry in house.others if entry.kind.value == "attempt"]

        assert text(house) == "Hel"
        assert self.closing(house)[0] == "upstream_truncated"
        assert house.vendor.body.stopped
        assert house.entry.ending is Ending.TRUNCATED
        assert house.entry.usage is not None and house.entry.usage.completion == 1
        assert house.entry.key == house.vendor.asked[0].attempt.lease.key.id
        assert (replay.note, replay.key) == ("a replay differed", house.vendor.asked[1].attempt.lease.key.id)
        assert house.measures.rescues == {("replay", "failed"): 1}
        assert house.entry.note is None

    def test_shorter_answer(self) -> None:
        """A replay that ends before it has said what the client has is another answer."""
        for end in ([finish()], [usage(), DONE]):
            house = cut(says("Hello"))
            house.vendor.begins(says("Hel"), *end, DONE)

            assert text(house) == "Hello"
            assert self.closing(house)[0] == "upstream_truncated"

    def test_not_deterministic(self) -> None:
        """A call that would be answered otherwise is not asked again, nor any where the operator does not wish it."""
        for house in (cut(says("Hel"), seed=None), cut(says("Hel"), plan=RescuePlan(Replay.NEVER))):
            assert len(house.vendor.asked) == 1
            assert self.closing(house)[0] == "upstream_truncated"

    @pytest.mark.parametrize(("how", "code"), [("stall", "upstream_timeout"), ("clean", "upstream_truncated")])
    def test_nobody_left(self, how: str, code: str) -> None:
        """D-09, D-23: where every further try fails, the client is told how the one that it heard broke off."""
        house = begun(says("Hel"))
        house.talk.pass_seconds(61) if how == "stall" else house.vendor.ends()
        house.vendor.fails()
        house.talk.pass_seconds(1)
        house.vendor.fails()

        assert self.closing(house)[0] == code
        assert house.entry.attempts == 3
        assert house.measures.rescues == {("replay", "failed"): 2}

    def test_vendors_words(self) -> None:
        """D-21, D-43: an error's words pass where they hold no secret, under our code."""
        house = begun(says("Hel"), seed=None)
        house.vendor.says(event(error={"message": "The engine has died."}))
        assert self.closing(house) == ("upstream_truncated", "The engine has died.")

        house = begun(says("Hel"), seed=None)
        house.vendor.says(event(error={"message": "key sn4_0000000000000000000000000001 is over its limit"}))
        assert "sn4" not in self.closing(house)[1]

    def test_callers_fault_midway(self) -> None:
        """D-37: what the vendor finds wrong with the request is as wrong elsewhere: nobody else is asked."""
        house = begun(says("Hel"))
        house.vendor.says(
            event(error={"message": "content filter", "code": "content_filter", "type": "invalid_request"})
        )

        assert self.closing(house)[0] == "upstream_truncated"
        assert len(house.vendor.asked) == 1

    def test_no_fallback(self) -> None:
        """Another model never goes on with what one has begun."""
        models = [ModelSettings(fakes.MODEL, fallback="acme/small"), ModelSettings("acme/small")]
        house = House(fakes.config(models=models, retries=fakes.patient(attempts=9)))
        house.call(stream=True, seed=1)
        house.vendor.begins(says("Hel"))
        house.vendor.ends(cleanly=False)
        house.talk.pass_seconds(1)
        house.vendor.fails()

        assert {asked.attempt.model.id for asked in house.vendor.asked} == {fakes.MODEL}
        assert self.closing(house)[0] == "upstream_truncated"

    def test_throttled_elsewhere(self) -> None:
        """A 429 of the only other account is waited for, where that fits."""
        house = cut(says("Hel"), keys=1)
        house.talk.pass_seconds(0.25)
        house.vendor.fails(Throttled(5.0))
        house.talk.pass_seconds(6)
        house.vendor.begins(says("Hello"), finish(), usage(), DONE)

        assert text(house) == "Hello"


class PrefillTests:
    """Gone on with."""

    def test_goes_on(self) -> None:
        """The vendor is given what was said and says the rest; what is charged is the first part and the second."""
        house = cut(
            says("Hel"), says("lo"), plan=ABLE, seed=None, stream_options={"include_usage": True}, max_tokens=50
        )
        sent = json.loads(house.vendor.asked[-1].attempt.body(house.vendor.asked[-1].ask))
        house.vendor.begins(says(" world", id="c2"), finish(), usage(9, 1), DONE)

        assert sent["messages"][-1] == {"role": "assistant", "content": "Hello"}
        assert (sent["continue_final_message"], sent["max_tokens"]) == (True, 48)
        assert text(house) == "Hello world"
        assert told(house)[-1]["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        assert house.entry.usage is not None
        assert (house.entry.usage.prompt, house.entry.usage.completion) == (7, 3)
        assert house.entry.usage.source is Source.COUNTED
        assert house.entry.note == "rescued: prefill"
        assert house.measures.rescues == {("prefill", "served"): 1}
        assert house.quiet()

    def test_turned_down(self) -> None:
        """A vendor that does not take it is remembered, and its words never reach the client; others serve on."""
        house = cut(says("Hel"), plan=ABLE, seed=None)
        house.vendor.fails(BAD)
        assert error_in(house.heard.chunks[-1])["message"].startswith("The vendor's answer broke off")
        (route,) = house.gateway.pools["acme"].routes.values()
        assert route.turned_down is Prefill.VLLM
        assert len(house.vendor.asked) == 2
        assert house.measures.rescues == {("prefill", "failed"): 1}

    def test_another_way_after_that(self) -> None:
        """Where it is wished, a replay is tried behind a prefill that was turned down, with the same key if need be."""
        house = cut(says("Hel"), plan=RescuePlan(Replay.ALWAYS, Prefill.VLLM), seed=None)
        house.vendor.fails(BAD)
        house.vendor.begins(says("Hello"), finish(), usage(), DONE)

        assert text(house) == "Hello"
        assert house.entry.note == "rescued: replay"

    def test_after_a_replay_that_differed(self) -> None:
        """A replay that was another answer is followed by a prefill: what differs once would again."""
        house = cut(says("Hel"), plan=RescuePlan(prefill=Prefill.VLLM))
        house.vendor.begins(says("Good day"))
        house.vendor.begins(says("lo"), finish(), usage(), DONE)

        assert text(house) == "Hello"
        assert house.entry.note == "rescued: prefill"


class MeanwhileTests:
    """What the client sees, and may do, while somebody is sought."""

    def test_company(self) -> None:
        """The way is kept open with comments while nothing new comes, also while a replay catches up."""
        house = cut(says("Hello world"))
        house.talk.pass_seconds(KEEP_ALIVE + 1)
        house.vendor.begins(says("Hello"))
        house.talk.pass_seconds(KEEP_ALIVE)
        house.vendor.says(says(" world!"), finish(), usage(), DONE)

        assert house.heard.chunks.count(COMMENT) == 2
        assert text(house) == "Hello world!"

    @pytest.mark.parametrize("phase", ["pause", "sent", "catching up", "level"])
    def test_client_leaves(self, phase: str) -> None:
        """A-17: in every phase of a rescue the vendor is left at once, and what was delivered is charged, once."""
        house = cut(says("Hel"), keys=1 if phase == "pause" else 2)
        if phase in ("catching up", "level"):
            house.vendor.begins(says("He" if phase == "catching up" else "Hello"))
        house.talk.leave()

        assert house.entry.ending is Ending.ABANDONED
        assert house.entry.usage is not None and house.entry.usage.completion == 1
        assert house.vendor.cancelled == (1 if phase == "sent" else 0)
        if phase in ("catching up", "level"):
            assert house.vendor.body.stopped
        assert house.quiet()
        assert not any(key.in_flight for key in house.gateway.pools["acme"].keys.values())

    def test_gateway_ends(self) -> None:
        """E-22: a gateway that ends in the middle of a rescue ends the stream visibly, and leaves nothing behind."""
        house = cut(says("Hel"))
        house.api.break_off()

        assert error_in(house.heard.chunks[-1])["code"] == "draining"
        assert house.entry.ending is Ending.TRUNCATED
        assert house.vendor.cancelled == 1
        assert house.quiet()

    def test_slow_client(self) -> None:
        """A-15: a client that took nothing when the stream was cut is not sent more by the next one; one that takes
        nothing for too long is left."""
        house = cut(says("Hel"))
        producer: Any = house.talk.wire.producer
        producer.pauseProducing()
        house.vendor.begins(says("Hello"))
        assert house.vendor.body.paused
        producer.resumeProducing()
        assert not house.vendor.body.paused
        producer.pauseProducing()
        house.talk.pass_seconds(STALL + 1)

        assert house.entry.ending is Ending.ABANDONED
        assert house.quiet()

    def test_limits_of_time(self) -> None:
        """The call's deadline holds for its rescue: what is cut behind it is not asked for again."""
        times = Timeouts(idle=Duration(900.0), total=Duration(2000.0))
        house = House(fakes.config(fakes.upstream(2, timeouts=times)))
        house.call(stream=True, seed=1)
        house.vendor.begins(says("Hel"), idle=900.0)
        house.talk.pass_seconds(601)
        house.vendor.ends(cleanly=False)

        assert len(house.vendor.asked) == 1
        assert house.entry.ending is Ending.TRUNCATED

    def test_a_bug_shows(self) -> None:
        """A bug of ours in a rescue ends the call, once, visibly unfinished."""
        house = cut(says("Hel"))
        house.vendor.asked[-1].answer.callback((VendorFault("x"),))

        assert house.entry.ending is Ending.FAILED
        assert DONE not in house.heard.chunks
        assert house.quiet()
