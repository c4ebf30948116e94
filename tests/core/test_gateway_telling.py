"""What is told about the whole: how it is, what has changed, and which calls are one conversation."""

from __future__ import annotations

from typing import Any

import pytest

from targon_gw.core.attempts import Barred, Exhausted, ModelFault, Throttled, VendorFault
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import ModelSettings
from targon_gw.core.gateway import thread_of
from targon_gw.core.keys import Want
from targon_gw.core.openai import Endpoint
from tests.fakes import MODEL, ask, call, config, gateway, key, upstream

FAULT = VendorFault("500", 500)


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
            ([Throttled(9.0)] * 3, "unavailable"),
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

    def test_a_call_knows_its_own(self) -> None:
        """Where there is a key to choose; otherwise nobody looks for it."""
        assert call(gateway(config(upstream(2)))).thread == thread_of(ClientKey("ann"), ask())
        assert call(gateway(config(upstream(1)))).thread is None

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
