"""The whole as one object: who is let in, how a call is settled, and what is told about it all."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from attrs import define, field

from targon_gw.core.attempts import Barred, Exhausted, ModelFault, Served, Throttled, VendorFault
from targon_gw.core.bank import Bank, Hold, MemoryBank, Tally
from targon_gw.core.call import Call, Pass, State
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import Anonymous, ClientSettings, ModelSettings, Secret
from targon_gw.core.errors import Refusal
from targon_gw.core.gateway import Gateway, thread_of
from targon_gw.core.keys import Want
from targon_gw.core.ledger import Ending
from targon_gw.core.meter import Usage
from targon_gw.core.openai import Endpoint
from tests.fakes import CLIENT_SECRET, MODEL, WALL, ask, attempt_of, call, client, config, gateway, key, upstream

FAULT = VendorFault("500", 500)
USAGE = Usage(20, 8)


def memory(desk: Gateway) -> MemoryBank:
    """Its bank, which is that of a gateway alone."""
    assert isinstance(desk.bank, MemoryBank)
    return desk.bank


def serving(desk: Gateway, now: float = 0.0, **fields: Any) -> Call:
    """A call whose answer is being passed on."""
    one = call(desk, now, ask(**fields))
    attempt_of(one.begin(now))
    assert isinstance(one.judge(Served(), now + 0.5), Pass)
    return one


class AdmitTests:
    """Who is let in."""

    def test_a_call(self) -> None:
        """A hold is set aside, and the call is under way until it is settled."""
        desk = gateway()
        one = call(desk, 5.0)

        assert desk.calls == {one}
        assert (one.state, one.admitted, one.deadline) == (State.ADMITTED, 5.0, 605.0)
        assert memory(desk).tally("ann") == Tally(in_flight=1)

    @pytest.mark.parametrize(
        ("model", "code"), [("acme/lrage", "model_not_found"), ("secret/model", "model_not_allowed")]
    )
    def test_refused(self, model: str, code: str) -> None:
        """A model that there is not, or not for this client: nothing is held, nobody is asked (C-07)."""
        clients = (ClientSettings("ann", Secret(CLIENT_SECRET.decode()).digest, models=("acme/*",)),)
        desk = gateway(config(models=[ModelSettings(MODEL), ModelSettings("secret/model")], clients=clients))
        with pytest.raises(Refusal) as refused:
            call(desk, asked=ask(model))

        assert (refused.value.code, refused.value.param) == (code, "model")
        assert not desk.calls
        assert memory(desk).tally("ann") == Tally()
        assert [name for name, _ in desk.offered_to(client(desk))] == [MODEL]

    def test_draining(self) -> None:
        """Nobody new; what is under way goes on and is settled."""
        desk = gateway()
        one = serving(desk)
        desk.draining = True
        with pytest.raises(Refusal) as refused:
            call(desk)

        assert (refused.value.code, refused.value.wait) == ("draining", 2.0)
        assert desk.settle(one, Ending.SERVED, USAGE, 1.0).ending is Ending.SERVED

    def test_identify(self) -> None:
        """By the key, at the time of day; without one only where that is allowed."""
        desk = gateway()
        with pytest.raises(Refusal, match="Invalid API key"):
            desk.identify(None, "192.0.2.1", 0.0)
        anonymous = gateway(config(anonymous=Anonymous(True, ("*",))))
        assert isinstance(anonymous.identify(None, "192.0.2.1", 0.0), ClientKey)
        assert desk.wall == WALL


@define(eq=False)
class FarBank:
    """A bank that answers a moment later."""

    near: MemoryBank = field(factory=lambda: MemoryBank.of(config().clients, Anonymous()))

    async def find(self, secret: bytes | None) -> ClientKey | None:
        await asyncio.sleep(0)
        return self.near.find(secret)

    async def hold(self, client: ClientKey) -> Hold:
        await asyncio.sleep(0)
        return self.near.hold(client)

    def settle(self, hold: Hold, usage: Usage | None) -> None:
        self.near.settle(hold, usage)


class FarBankTests:
    """A bank that lives elsewhere is awaited, and nothing else is different."""

    def run(self, awaited: Any) -> Any:
        """What comes of it."""
        assert isinstance(awaited, Coroutine)
        return asyncio.run(awaited)

    def test_a_call(self) -> None:
        """Identified, admitted and settled."""
        desk = gateway()
        far = FarBank()
        bank: Bank = far
        desk.bank = bank
        ann = self.run(desk.identify(CLIENT_SECRET, "192.0.2.1", 0.0))
        one = self.run(desk.admit(ann, ask(), "req_1", 0.0))
        one.begin(0.0)
        desk.settle(one, Ending.ABANDONED, None, 1.0)

        assert far.near.tally("ann") == Tally(calls=1)
        with pytest.raises(Refusal):
            self.run(desk.identify(b"wrong", "192.0.2.1", 0.0))


class SettleTests:
    """The end of a call, once."""

    def test_entry(self) -> None:
        """Who asked for what, who served it, how long it took, what was used."""
        desk = gateway(config(upstream([key(0, "alice")]), models=[ModelSettings("m"), ModelSettings("a", alias="m")]))
        one = serving(desk, 10.0, model="a", stream=True)
        one.reference = "mine-1"
        entry = desk.settle(one, Ending.SERVED, USAGE, 14.0)

        assert (entry.request_id, entry.client, entry.model, entry.served) == ("req_1", "ann", "a", "m")
        assert (entry.upstream, entry.account, entry.key) == ("acme", "alice", key(0).secret.fingerprint)
        assert (entry.stream, entry.ending, entry.attempts) == (True, Ending.SERVED, 1)
        assert (entry.first, entry.took, entry.usage, entry.reference) == (0.5, 4.0, USAGE, "mine-1")
        assert desk.settled == {Ending.SERVED: 1}

    def test_only_the_attempt_that_served_is_charged(self) -> None:
        """Two failed before it: they are counted, and no usage is theirs (D-51)."""
        desk = gateway(config(upstream(3)))
        one = call(desk)
        one.begin(0.0)
        one.judge(FAULT, 0.1)
        one.judge(FAULT, 0.2)
        one.judge(Served(), 0.3)
        entry = desk.settle(one, Ending.SERVED, USAGE, 1.0)

        assert entry.attempts == 3
        assert entry.key == one.attempts[2].key.id
        assert memory(desk).tally("ann") == Tally(1, 0, 20, 8)

    def test_nobody_served(self) -> None:
        """A refused call has no key and no first token, and uses nothing."""
        desk = gateway()
        one = call(desk)
        one.begin(0.0)
        one.judge(Barred(), 0.1)
        entry = desk.settle(one, Ending.FAILED, None, 1.0)

        assert (entry.served, entry.upstream, entry.account, entry.key, entry.first) == (None,) * 5
        assert entry.attempts == 1
        assert memory(desk).tally("ann") == Tally(calls=1)

    def test_once(self) -> None:
        """A second time raises, and charges nothing more."""
        desk = gateway()
        one = serving(desk)
        desk.settle(one, Ending.SERVED, USAGE, 1.0)
        with pytest.raises(RuntimeError):
            desk.settle(one, Ending.SERVED, USAGE, 1.0)

        assert memory(desk).tally("ann") == Tally(1, 0, 20, 8)
        assert not desk.calls

    @pytest.mark.parametrize("ending", list(Ending))
    @pytest.mark.parametrize("state", [state for state in State if state is not State.SETTLED])
    def test_from_every_state(self, state: State, ending: Ending) -> None:
        """Wherever a call is when its client leaves or its body ends, its lease is back and its hold released."""
        desk = gateway()
        one = call(desk)
        if state is not State.ADMITTED:
            one.begin(0.0)
        if state is State.WAITING:
            one.judge(FAULT, 0.0)
        if state is State.PASSING:
            one.judge(Served(), 0.0)
        if state is State.REFUSED:
            one.judge(Exhausted(), 0.0)
        assert one.state is state
        desk.settle(one, ending, None, 1.0)

        assert all(k.in_flight == 0 for k in desk.pools["acme"].keys.values())
        assert memory(desk).tally("ann").in_flight == 0

    @pytest.mark.parametrize(
        ("ending", "faults"), [(Ending.SERVED, 0), (Ending.ABANDONED, 0), (Ending.FAILED, 0), (Ending.TRUNCATED, 1)]
    )
    def test_a_cut_stream_is_the_vendors_fault(self, ending: Ending, faults: int) -> None:
        """A client that leaves, or a fault of ours while passing on, is not."""
        desk = gateway()
        desk.settle(serving(desk), ending, None, 1.0)

        assert desk.pools["acme"].route(MODEL).faults == faults

    def test_client_that_leaves_while_trying_charges_nobody(self) -> None:
        """Neither key nor vendor is any worse for it."""
        desk = gateway()
        one = call(desk)
        one.begin(0.0)
        desk.settle(one, Ending.ABANDONED, None, 1.0)

        assert desk.report(1.0).keys["usable"] == 1
        assert desk.pools["acme"].route(MODEL).faults == 0
        assert list(desk.changes()) == []


class TellTests:
    """What is told."""

    def test_report(self) -> None:
        """Keys by state; degraded where half of them are out, down where all are or the daemon drains."""
        desk = gateway(config(upstream(2), upstream([key(7)], "other")))
        assert desk.report(0.0).status == "ok"
        pool = desk.pools["acme"]
        statuses = []
        for one in pool.keys.values():
            pool.give_back(pool.lease_for_probe(one, Want(MODEL), 0.0), Exhausted(), 0.0)
            statuses.append(desk.report(1.0).status)

        report = desk.report(1.0)
        assert statuses == ["ok", "degraded"]
        assert report.keys == {"total": 3, "usable": 1, "cooling": 0, "exhausted": 2, "barred": 0, "disabled": 0}
        desk.draining = True
        assert (desk.report(1.0).status, desk.report(1.0).draining) == ("down", True)

    def test_without_keys_it_is_down(self) -> None:
        """None is usable where there are none."""
        assert gateway(config(upstream(0))).report(0.0).status == "down"

    @pytest.mark.parametrize(
        ("outcomes", "state"),
        [
            ([], "available"),
            ([Throttled(9.0)], "available"),
            ([Throttled(9.0)] * 2, "degraded"),
            ([Throttled(9.0)] * 3, "degraded"),
            ([Throttled(9.0)] * 4, "unavailable"),
            ([ModelFault()], "unavailable"),
            ([FAULT] * 3, "unavailable"),
        ],
    )
    def test_state_of_a_model(self, outcomes: list[Any], state: str) -> None:
        """By how many of four keys can serve it now, and whether the vendor does; another model is not concerned."""
        desk = gateway(config(upstream(4), models=[ModelSettings(MODEL), ModelSettings("other")]))
        pool, now = desk.pools["acme"], 0.0
        for outcome in outcomes:
            held = pool.draw(Want(MODEL), now)
            assert held is not None
            pool.give_back(held, outcome, now)

        assert desk.state_of(desk.catalog.resolve(MODEL), 0.5) == state
        assert desk.state_of(desk.catalog.resolve("other"), 0.5) == "available"

    def test_changes_are_told_once(self) -> None:
        """Each with its vendor's name."""
        desk = gateway(config(upstream(2), upstream([key(7)], "other")))
        one = call(desk)
        one.begin(0.0)
        one.judge(Barred(), 0.0)

        assert [(name, change.after) for name, change in desk.changes()] == [("acme", "suspect")]
        assert list(desk.changes()) == []


class ThreadTests:
    """Which calls are one conversation."""

    def thread(self, *messages: tuple[str, object], name: str = "ann") -> int | None:
        """The number of a conversation of those messages."""
        return thread_of(ClientKey(name), ask(messages=[{"role": r, "content": c} for r, c in messages]))

    def test_grows_and_stays_the_same(self) -> None:
        """What is said later does not make it another conversation."""
        begin = [("system", "be brief"), ("user", "hello")]

        assert self.thread(*begin) == self.thread(*begin, ("assistant", "hi"), ("user", "and now?"))

    def test_what_makes_it_another(self) -> None:
        """Another beginning, another client, another instruction."""
        threads = [
            self.thread(("system", "be brief"), ("user", "hello")),
            self.thread(("system", "be brief"), ("user", "goodbye")),
            self.thread(("system", "be long"), ("user", "hello")),
            self.thread(("system", "be brief"), ("user", "hello"), name="bob"),
            self.thread(("system", 'the "user" says'), ("user", "hello")),
            self.thread(("system", 'the "user" says'), ("user", "goodbye")),
        ]

        assert len(set(threads)) == len(threads)

    def test_nothing_to_go_by(self) -> None:
        """Completions and embeddings are no conversations."""
        assert thread_of(ClientKey("ann"), ask(endpoint=Endpoint.COMPLETIONS)) is None
        assert thread_of(ClientKey("ann"), ask(endpoint=Endpoint.EMBEDDINGS)) is None

    @pytest.mark.parametrize("content", [None, "", [], [{"type": "text", "text": "x"}], {"a": 1}, 7, "\x00 🜁"])
    def test_whatever_a_message_holds(self, content: object) -> None:
        """What was read as a request has a number, whatever its messages hold."""
        assert isinstance(thread_of(ClientKey("ann"), ask(messages=[{"role": "user", "content": content}])), int)
