"""The wiring: settings to objects, objects to each other; what follows where settings change."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field

from targon_gw import logs
from targon_gw.core.config import Config, Duration, KeySettings, ModelSettings, Secret, Size, UpstreamSettings
from targon_gw.core.reload import Refused
from targon_gw.settings.loading import Loaded
from targon_gw.wiring import Ways, Wiring, conceal_keys
from tests import fakes
from tests.daemon import VENDOR_KEY, Reactor, connected, settings, vendor_of, wired
from tests.web.conversation import ask
from tests.web.house import ANSWER, BEARER, CHAT, JSON, QUESTION


def with_state(folder: Path, **changes: Any) -> Config:
    """One vendor on loopback, and a state folder of the test's own."""
    return evolve(settings(**changes), state=str(folder / "state"))


class WireTests:
    """`wire`."""

    @pytest.mark.parametrize(
        ("base_url", "line", "host"),
        [
            ("http://127.0.0.1:9/v1", b"POST /v1/chat/completions HTTP/1.1", b"127.0.0.1:9"),
            ("http://127.0.0.1:9/api/openai/v2", b"POST /api/openai/v2/chat/completions HTTP/1.1", b"127.0.0.1:9"),
            ("http://127.0.0.1", b"POST /chat/completions HTTP/1.1", b"127.0.0.1"),
        ],
    )
    def test_a_call_goes_all_the_way(self, base_url: str, line: bytes, host: bytes, tmp_path: Path) -> None:
        """A client's call reaches the vendor at its base URL with its key and name of the model, and comes back."""
        reactor, out, wiring = wired(with_state(tmp_path, base_url=base_url))
        channel, client = connected(wiring)
        channel.dataReceived(ask(BEARER + JSON, json.dumps(QUESTION).encode(), CHAT))
        vendor, wire_ = vendor_of(reactor)
        head, _, body = wire_.value().partition(b"\r\n\r\n")
        answer = json.dumps({**ANSWER, "model": "big"}).encode()
        vendor.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
        reactor.advance(1)

        assert head.splitlines()[0] == line
        assert b"Host: " + host in head.splitlines()
        assert b"Authorization: Bearer " + VENDOR_KEY.encode() in head.splitlines()
        assert b"sk-tg-" not in head + body
        assert json.loads(body) == {**QUESTION, "model": "big", "stream": False, "max_tokens": 4096}
        assert json.loads(client.value().partition(b"\r\n\r\n")[2]) == ANSWER
        assert json.loads(out.getvalue())["ending"] == "served"
        assert VENDOR_KEY not in out.getvalue()
        assert b"canary" not in client.value()

    def test_public_vendor(self, tmp_path: Path) -> None:
        """`https://api.targon.com/v1` is asked for by name at port 443."""
        reactor, _, wiring = wired(with_state(tmp_path, base_url="https://api.targon.com/v1", allow_private=False))
        asked: list[tuple[str, int]] = []
        reactor.nameResolver = _Names(asked)  # type: ignore[assignment]
        channel, _ = connected(wiring)
        channel.dataReceived(ask(BEARER + JSON, json.dumps(QUESTION).encode(), CHAT))
        reactor.advance(1)

        assert asked == [("api.targon.com", 443)]

    def test_private_addresses_are_forbidden(self, tmp_path: Path) -> None:
        """F-18: an upstream that is not allowed a private address is never connected to one."""
        reactor, _, wiring = wired(with_state(tmp_path, allow_private=False))
        channel, client = connected(wiring)
        channel.dataReceived(ask(BEARER + JSON, json.dumps(QUESTION).encode(), CHAT))
        reactor.pump([0.25] * 8)

        assert reactor.tcpClients == []
        assert client.value().startswith(b"HTTP/1.1 502 ")

    def test_connect_deadline(self, tmp_path: Path) -> None:
        """D-03: the upstream's own `connect` is how long a connection may take."""
        timeouts = evolve(fakes.upstream().timeouts, connect=Duration(7.0))
        reactor, _, wiring = wired(with_state(tmp_path, timeouts=timeouts))
        channel, _ = connected(wiring)
        channel.dataReceived(ask(BEARER + JSON, json.dumps(QUESTION).encode(), CHAT))

        assert [client[3] for client in reactor.tcpClients] == [7.0]

    def test_limits(self, tmp_path: Path) -> None:
        """`limits.body` of the settings is the site's; refusals under /v1 bear CORS."""
        config = with_state(tmp_path)
        _, _, wiring = wired(evolve(config, limits=evolve(config.limits, body=Size(100))))
        channel, client = connected(wiring)
        channel.dataReceived(ask(BEARER + JSON, b"x" * 101, CHAT))

        assert client.value().startswith(b"HTTP/1.1 413 ")
        assert b"access-control-allow-origin: *" in client.value()


class _Names:
    """A resolver that notes and never answers."""

    def __init__(self, asked: list[tuple[str, int]]) -> None:
        self.asked = asked

    def resolveHostName(self, receiver: Any, name: str, port: int = 0, *_: Any, **__: Any) -> Any:
        """Note."""
        self.asked.append((name, port))
        return receiver


class ConcealTests:
    """`conceal_keys`."""

    def test_only_what_does_not_show_itself(self) -> None:
        """A vendor's key of no known look is blotted out; one that the log knows by its look costs no line anything."""
        plain, known, half = "0f9a77-plain-looking-key", VENDOR_KEY, "sn4_abcdefgh+rest/of=it"
        keys = tuple(KeySettings(Secret(text), text[:4]) for text in (plain, known, half))
        before = set(logs._PROCESS.secrets)
        conceal_keys(fakes.upstream(keys).keys)
        new = logs._PROCESS.secrets - before
        observer = logs.LineObserver(io.StringIO(), False, new)
        line = observer.line({"log_format": "{a} {b} {c}", "a": plain, "b": known, "c": half, "log_time": 0.0})
        logs._PROCESS.secrets.difference_update(new)

        assert known not in new
        for text in (plain, known, half, "rest/of"):
            assert text not in line


def upstream(name: str = "acme", **changes: Any) -> UpstreamSettings:
    """A vendor on loopback with two keys."""
    port = 9 + len(name)
    made = fakes.upstream(2, name, allow_private=True, **changes)
    return evolve(made, base_url=f"http://127.0.0.1:{port}/v1")


class WaysTests:
    """`Ways`: an agent for each vendor, made anew only where what it was made of has changed."""

    def ways(self, *upstreams: UpstreamSettings) -> Ways:
        """The ways to these."""
        made = Ways(Reactor())
        made.follow(upstreams, set())
        return made

    def test_new(self) -> None:
        """A vendor that comes gets a way; the others keep theirs."""
        ways = self.ways(upstream())
        before = ways.to("acme")
        ways.follow((upstream(), upstream("other")), set())

        assert ways.to("acme") is before
        assert ways.to("other") is not before

    def test_gone(self) -> None:
        """The way to a vendor that has left is closed, once its last call is over."""
        ways = self.ways(upstream(), upstream("other"))
        other = ways.to("other")
        ways.follow((upstream(),), {"other"})
        assert ways.to("other") is other
        ways.follow((upstream(),), set())

        with pytest.raises(KeyError):
            ways.to("other")

    @pytest.mark.parametrize("what", ["connect", "allow_private"])
    def test_made_anew(self, what: str) -> None:
        """What a way is made of makes it anew; other settings do not."""
        ways = self.ways(upstream())
        before = ways.to("acme")
        times = upstream().timeouts
        ways.follow((upstream(timeouts=evolve(times, idle=Duration(7.0)), draw="weighted"),), set())
        assert ways.to("acme") is before

        if what == "connect":
            changed = upstream(timeouts=evolve(times, connect=Duration(1.0)))
        else:
            changed = evolve(upstream(), allow_private=False)
        ways.follow((changed,), set())
        assert ways.to("acme") is not before


@define(eq=False)
class Applied:
    """A gateway that runs, and settings that are put in force."""

    config: Config
    reactor: Reactor = field(factory=Reactor)
    wiring: Wiring = field(init=False)

    def __attrs_post_init__(self) -> None:
        _, _, self.wiring = wired(self.config, self.reactor)
        for pool in self.wiring.gateway.pools.values():
            for key in pool.keys.values():
                key.served_at = 0.0  # well, so that nobody asks
        self.wiring.books.start()
        self.wiring.prober.start()

    def apply(self, config: Config) -> None:
        """Put it in force."""
        self.config = config
        self.wiring.apply(Loaded(config, ()))

    def call(self) -> tuple[Any, Any]:
        """A call that has reached its vendor: the client's transport, and the vendor's."""
        channel, client = connected(self.wiring)
        channel.dataReceived(ask(BEARER + JSON, json.dumps(QUESTION).encode(), CHAT))
        return client, vendor_of(self.reactor)


@pytest.fixture
def applied(tmp_path: Path) -> Iterator[Applied]:
    """A gateway of one vendor with two keys."""
    config = fakes.config(upstream(), state=str(tmp_path / "state"))
    made = Applied(config)
    yield made
    made.wiring.prober.stop()
    made.wiring.books.folder.close()


class ApplyTests:
    """`Wiring.apply`."""

    def test_another_vendor(self, applied: Applied) -> None:
        """A vendor that comes is asked, over a way of its own; the one that left is not asked any more."""
        applied.call()
        both = evolve(applied.config, upstreams=(upstream(), upstream("other")))
        applied.apply(both)
        applied.apply(evolve(both, upstreams=(upstream("other"),), models=(ModelSettings(fakes.MODEL),)))
        before = len(applied.reactor.tcpClients)
        applied.call()

        assert applied.reactor.tcpClients[0][1] == 13
        assert [client[1] for client in applied.reactor.tcpClients[before:]] == [14]

    def test_secrets_of_those_that_left(self, applied: Applied) -> None:
        """A key that has left the settings is not kept for sending any more; one that stays needs no word."""
        both = evolve(upstream(), keys=(fakes.key(0), fakes.key(7)))
        applied.apply(evolve(applied.config, upstreams=(both,)))
        applied.call()
        known = applied.wiring.carrier.sending._known
        assert known
        applied.apply(evolve(applied.config, upstreams=(evolve(both, keys=(fakes.key(0),)),)))
        assert not known

    def test_calls_go_on(self, applied: Applied) -> None:
        """A call on its way is answered by the vendor that has left meanwhile."""
        client, (vendor, _) = applied.call()
        both = evolve(applied.config, upstreams=(upstream(), upstream("other")))
        applied.apply(both)
        applied.apply(evolve(both, upstreams=(upstream("other"),)))
        body = json.dumps(ANSWER).encode()
        vendor.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

        assert client.value().startswith(b"HTTP/1.1 200 OK")

    def test_address(self, applied: Applied) -> None:
        """Another base URL is where the next call goes."""
        moved = evolve(upstream(), base_url="http://127.0.0.1:99/v2")
        applied.apply(evolve(applied.config, upstreams=(moved,)))
        _, (_, wire_) = applied.call()

        assert applied.reactor.tcpClients[-1][1] == 99
        assert wire_.value().startswith(b"POST /v2/chat/completions ")

    def test_probes(self, applied: Applied) -> None:
        """Probes follow their plan and the vendors; what changes nothing about them leaves them alone."""
        prober, acme = applied.wiring.prober, upstream()
        loops = list(prober._loops)
        applied.apply(evolve(applied.config, drain=Duration(1.0)))
        assert prober._loops == loops

        plan = evolve(acme.probe, daily_tokens=77)
        applied.apply(evolve(applied.config, upstreams=(evolve(acme, probe=plan),)))
        assert prober._loops != loops and not loops[0].running
        assert prober.allowances["acme"].plan == plan
        applied.apply(evolve(applied.config, upstreams=(acme, upstream("other"))))
        assert len(prober._loops) == 2

    def test_flush(self, applied: Applied) -> None:
        """The books follow `flush`."""
        applied.apply(evolve(applied.config, flush=Duration(2.0)))
        applied.reactor.turn(2)

        assert applied.wiring.books.written_at == 2.0

    def test_refused(self, applied: Applied) -> None:
        """Settings that would take too many keys away change nothing."""
        before = applied.wiring.gateway.config
        none = evolve(upstream(), keys=())
        with pytest.raises(Refused):
            applied.apply(evolve(applied.config, upstreams=(none,), flush=Duration(2.0)))

        assert applied.wiring.gateway.config is before
        assert len(applied.wiring.gateway.pools["acme"].keys) == 2

    def test_new_keys_are_concealed(self, applied: Applied) -> None:
        """A key that comes while it runs is blotted out of the log as one that was there at the start."""
        plain = "0f9a77-another-plain-key"
        keys = (*upstream().keys, KeySettings(Secret(plain), "new"))
        before = set(logs._PROCESS.secrets)
        try:
            applied.apply(evolve(applied.config, upstreams=(evolve(upstream(), keys=keys),)))
            assert plain in logs._PROCESS.secrets
        finally:
            logs._PROCESS.secrets.intersection_update(before)
