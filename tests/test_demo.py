"""A gateway without a vendor: what takes the vendor's place, and what stands on the terminal."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.testing import MemoryReactorClock, StringTransport

from targon_gw import demo
from targon_gw.core.clients import ClientKey
from targon_gw.core.config import SECRET_LIKE, Config, Dialect, Duration, Kind, ModelSettings, Registration
from targon_gw.core.reload import taken_away
from targon_gw.demo import greeting, rehearsal
from targon_gw.rehearsal.catalogue import CATALOGUE
from targon_gw.wiring import Outside, wire
from tests import fakes
from tests.store.stage import at_once
from tests.web.conversation import ask
from tests.web.house import CHAT, JSON

MODELS = (
    ModelSettings("acme/vectors", kind=Kind.EMBEDDING),
    ModelSettings("acme/thinker", kind=Kind.REASONING, upstream_id="thinker-v2"),
    ModelSettings("acme/elsewhere", routes=("keyed",)),
    ModelSettings("nick", alias="acme/thinker"),
)


def settings(**changes: Any) -> Config:
    """A vendor without a key, and one with one."""
    empty, keyed = fakes.upstream(0, "empty", dialect=Dialect.TARGON), fakes.upstream(1, "keyed")
    return fakes.config(empty, keyed, models=MODELS, **changes)


class RehearsalTests:
    """`rehearsal`."""

    def test_only_who_has_no_key_is_replaced(self) -> None:
        """The upstream without a key becomes a box on loopback with four keys of three accounts; the other stays."""
        memory, config = MemoryReactorClock(), settings()
        changed = rehearsal(memory, config)[0](config)
        box, keyed = changed.upstreams
        ((_, factory, _, interface),) = memory.tcpServers

        assert keyed == config.upstreams[1]
        assert interface == "127.0.0.1"
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", box.base_url)
        assert box.allow_private and box.dialect is Dialect.TARGON
        assert sorted(key.account for key in box.keys) == ["alice", "alice", "bob", "carol"]
        assert all(SECRET_LIKE.fullmatch(key.secret.reveal) for key in box.keys)
        assert [model.id for model in factory.vendor.models] == ["acme/vectors", "thinker-v2"]

    def test_anybody_may_come_where_nothing_costs_money(self) -> None:
        """Before boxes alone registration is open, and so is the chat page; not where one vendor's key is real."""
        boxes = fakes.config(fakes.upstream(0, "one"), fakes.upstream(0, "two"))
        for config, opened in ((boxes, True), (settings(), False)):
            changed = rehearsal(MemoryReactorClock(), config)[0](config)
            assert (changed.registration is Registration.OPEN) is opened
            assert changed.anonymous.enabled is opened
        assert changed.anonymous.limits == config.anonymous.limits

    def test_a_disabled_key_is_none(self) -> None:
        """A key that is switched off does not keep the box away."""
        config = fakes.config(fakes.upstream([fakes.key(0, enabled=False)]))
        changed = rehearsal(MemoryReactorClock(), config)[0](config)

        assert changed.upstreams[0].base_url.startswith("http://127.0.0.1:")

    def test_client_key_is_new_each_time(self) -> None:
        """Each start makes up a client key of its own, beside those of the settings, and shows it once."""
        shown = []
        for _ in range(2):
            alter, announce = rehearsal(MemoryReactorClock(), settings())
            changed = alter(settings())
            out = io.StringIO()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(demo.sys, "__stdout__", out)
                announce()
            (secret,) = set(re.findall(r"sk-tg-[\w-]+", out.getvalue()))
            known = fakes.gateway(changed).identify(secret.encode(), "127.0.0.1", 0.0)
            assert isinstance(known, ClientKey) and known.name == "demo"
            assert isinstance(fakes.client(fakes.gateway(changed)), ClientKey)
            assert secret not in repr(changed)
            shown.append(secret)

        assert shown[0] != shown[1]

    def test_box_answers(self, tmp_path: Path) -> None:
        """A call to the gateway is answered by the box, streamed and whole."""
        memory = MemoryReactorClock()
        changed = rehearsal(memory, settings())[0](settings(state=str(tmp_path / "state")))
        secret = "sk-tg-of-this-test"
        client = evolve(changed.clients[0], digest=demo.Secret(secret).digest)
        box = evolve(changed.upstreams[0], base_url="http://127.0.0.1:9/v1")  # in memory nobody gives it a port
        changed = evolve(changed, clients=(client,), upstreams=(box, changed.upstreams[1]))
        wiring = wire(memory, changed, Outside(at_once, pytest.fail, memory.seconds, io.StringIO()))
        wiring.books.open()
        channel, transport = wiring.site.buildProtocol(None), StringTransport()
        assert channel is not None
        channel.makeConnection(transport)
        body = {"model": "nick", "max_tokens": 3, "messages": [{"role": "user", "content": "Hello!"}], "stream": True}
        channel.dataReceived(ask(f"Authorization: Bearer {secret}\r\n{JSON}", json.dumps(body).encode(), CHAT))
        relayed(memory)

        assert transport.value().startswith(b"HTTP/1.1 200 OK")
        assert b'"model":"nick"' in transport.value()
        assert b'"finish_reason":"length"' in transport.value()
        assert transport.value().endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        wiring.books.abandon()

    def test_settings_read_again(self) -> None:
        """What is read later has the same boxes with the same keys, and the same client; no box more is started."""
        memory = MemoryReactorClock()
        alter, _ = rehearsal(memory, settings())
        first, second = alter(settings()), alter(settings(drain=Duration(1.0)))

        assert second.upstreams == first.upstreams
        assert second.clients == first.clients
        assert second.drain == 1.0
        assert len(memory.tcpServers) == 1

    def test_key_that_is_added(self) -> None:
        """An upstream that gets a key of its own leaves its box, and one without a box is left alone."""
        alter, _ = rehearsal(MemoryReactorClock(), settings())
        keyed = fakes.upstream(1, "empty", dialect=Dialect.TARGON)
        later = fakes.upstream(0, "later")

        assert alter(evolve(settings(), upstreams=(keyed, later))).upstreams == (keyed, later)

    def test_first_key_of_ones_own(self) -> None:
        """It may be saved as it is: that the box goes takes no key of anybody's away."""
        alter, _ = rehearsal(MemoryReactorClock(), settings())
        before = alter(fakes.config(fakes.upstream(0, "empty"), models=MODELS))
        after = alter(fakes.config(fakes.upstream(1, "empty"), models=MODELS))

        assert before.upstreams[0].keys and taken_away(before, after) == ()


def relayed(memory: MemoryReactorClock) -> None:
    """Carry bytes between the gateway's connection to the box and the box, until an answer has come."""
    near = memory.tcpClients[-1][2].buildProtocol(None)
    far = memory.tcpServers[-1][1].buildProtocol(None)
    near_wire, far_wire = StringTransport(), StringTransport()
    far.makeConnection(far_wire)
    near.makeConnection(near_wire)
    for _ in range(40):
        for wire_, other in ((near_wire, far), (far_wire, near)):
            said = wire_.value()
            wire_.clear()
            if said:
                other.dataReceived(said)
        memory.advance(0.05)


class GreetingTests:
    """`greeting`."""

    @pytest.mark.parametrize(
        ("listen", "port"),
        [
            (("tcp:3811:interface=127.0.0.1",), "3811"),
            (("tcp:port=9000",), "9000"),
            (("tcp:interface=127.0.0.1:port=9001",), "9001"),
            (("unix:/run/x", "haproxy:tcp:9002:backlog=7"), "9002"),
            (("tcp6:9003:interface=\\:\\:1",), "9003"),
            ((), "3811"),
        ],
    )
    def test_address(self, listen: tuple[str, ...], port: str) -> None:
        """What stands there is the port that is listened on."""
        told = greeting(settings(listen=listen), "sk-tg-x", {})

        assert f"targon-gw listens on http://127.0.0.1:{port}/v1" in told

    def test_line_to_paste(self) -> None:
        """The line to paste asks a model that can chat, streamed, in JSON, with the key; each box is told."""
        told = greeting(settings(), "sk-tg-x", {"empty": "http://127.0.0.1:5"})
        (line,) = [each for each in told.splitlines() if each.startswith("curl -N")]
        body = json.loads(line.split(" -d '")[1].removesuffix("'"))

        assert (body["model"], body["stream"]) == ("acme/thinker", True)
        assert "-H 'Authorization: Bearer sk-tg-x'" in line
        assert "'empty'" in told and "http://127.0.0.1:5/rehearsal/catalogue" in told
        (fault,) = [each for each in told.splitlines() if each.startswith("Make it fail: curl http://127.0.0.1:5/")]
        assert json.loads(fault.split(" -d '")[1].removesuffix("'"))["fault"] in CATALOGUE
