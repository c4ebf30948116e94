"""Who may read `/metrics`, and how it is answered."""

from __future__ import annotations

import json
from ipaddress import ip_network
from itertools import count
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from targon_gw.core.config import Config, Metrics, Secret
from tests import fakes

from .house import BEARER, House, codes
from .scraping import AWAY, HERE, figures, scrape, visit

TOKEN = "canary-0123456789abcdef"
WITH_TOKEN: Config = evolve(fakes.config(), metrics=Metrics("/etc/token", Secret(TOKEN)))
RIGHT = f"Authorization: Bearer {TOKEN}\r\n"


class AdmissionTests:
    """Who is let in."""

    @pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
    def test_this_machine(self, peer: str) -> None:
        """Whoever asks from this machine may read it, with a token in force or without."""
        assert scrape(House(), peer=peer).status == 200
        assert scrape(House(WITH_TOKEN), peer=peer).status == 200
        assert scrape(House(WITH_TOKEN), BEARER, peer).status == 200

    @pytest.mark.parametrize("peer", [AWAY, "10.0.0.1", "::ffff:192.0.2.7", "fe80::1%eth0", "/run/proxy.sock"])
    def test_strangers(self, peer: str) -> None:
        """F-26: to anybody else there is no such page, as there is none at any other address."""
        answer = scrape(House(), peer=peer)
        other = House().get("/nonsense", "")

        assert (answer.status, answer.headers[b"content-type"]) == (404, other.headers[b"content-type"])
        expected = other.body.replace(b"/nonsense", b"/metrics")
        assert json.loads(answer.body) == json.loads(expected)
        assert answer.headers.keys() == other.headers.keys()

    @pytest.mark.parametrize(
        "line",
        [
            "X-Forwarded-For: 192.0.2.7",
            "X-Forwarded-For: 127.0.0.1",
            "Forwarded: for=192.0.2.7",
            "X-Real-IP: 127.0.0.1",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: gw.example",
            "Via: 1.1 proxy",
        ],
    )
    def test_behind_a_proxy(self, line: str) -> None:
        """F-26: what a proxy beside us passes on is not from this machine, whatever it says of whom it is for."""
        assert codes([scrape(House(), f"{line}\r\n", HERE)]) == ["unknown_url"]
        assert scrape(House(WITH_TOKEN), f"{line}\r\n{RIGHT}", HERE).status == 200

    def test_trusted_proxy(self) -> None:
        """F-26: that a proxy is trusted with clients' addresses does not make those whom it names this machine."""
        trusting = evolve(fakes.config(), trusted_proxies=(ip_network("192.0.2.0/24"),))

        assert scrape(House(trusting), "X-Forwarded-For: 127.0.0.1\r\n", AWAY).status == 404

    @pytest.mark.parametrize("line", [RIGHT, RIGHT.replace("Bearer ", "bearer  ")])
    def test_token(self, line: str) -> None:
        """Whoever bears the token may read it from anywhere."""
        assert scrape(House(WITH_TOKEN), line, AWAY).status == 200

    @pytest.mark.parametrize(
        "sent", ["Bearer canary", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer", f"Bearer {TOKEN[:-1]}é"]
    )
    def test_wrong_token(self, sent: str) -> None:
        """A wrong token is a 401 that says so, and repeats nothing."""
        house = House(WITH_TOKEN)
        answer = scrape(house, f"Authorization: {sent}\r\n", AWAY)

        assert (answer.status, codes([answer])) == (401, ["invalid_api_key"])
        assert answer.headers[b"www-authenticate"] == b"Bearer"
        assert b"canary" not in answer.body

    def test_no_token_sent(self) -> None:
        """Whoever sends no token is told of no page, also where there is a token."""
        assert scrape(House(WITH_TOKEN), peer=AWAY).status == 404
        assert scrape(House(WITH_TOKEN), f"X-Api-Key: {TOKEN}\r\n", AWAY).status == 404

    def test_clients_keys_open_nothing(self) -> None:
        """A client's key is no token."""
        assert scrape(House(), BEARER, AWAY).status == 404
        assert scrape(House(WITH_TOKEN), BEARER, AWAY).status == 401


class AnswerTests:
    """How it is told."""

    @pytest.mark.parametrize("accept", ["", "*/*", "text/html", "text/plain;version=zzz", "text/plain;version=0.0.4"])
    def test_plain(self, accept: str) -> None:
        """The text format is what everybody gets who asks for nothing else that there is."""
        answer = scrape(House(), f"Accept: {accept}\r\n" if accept else "")

        assert (answer.status, answer.headers[b"content-type"]) == (200, b"text/plain; version=0.0.4; charset=utf-8")
        assert answer.headers[b"cache-control"] == b"no-store"
        assert figures(answer.body)

    @pytest.mark.parametrize("version", ["99.0.0", "x", "1.0.0.é", "1..0", "0", ";;", "1.0.0;escaping=x"])
    def test_strange_versions(self, version: str) -> None:
        """A version that there is not is no error and is not said back; the page is what it is said to be."""
        answer = scrape(House(), f"Accept: application/openmetrics-text;version={version}\r\n")
        kind = answer.headers[b"content-type"]

        assert answer.status == 200
        assert kind.startswith((b"text/plain; version=0.0.4;", b"application/openmetrics-text; version=1.0.0;"))
        assert figures(answer.body, openmetrics=b"openmetrics" in kind)

    def test_openmetrics(self) -> None:
        """Prometheus' own Accept is answered in OpenMetrics, with its end mark."""
        wanted = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
        answer = scrape(House(), f"Accept: {wanted}\r\n")

        assert answer.headers[b"content-type"].startswith(b"application/openmetrics-text; version=1.0.0; charset=utf-8")
        assert answer.body.endswith(b"\n# EOF\n") and answer.body.count(b"# EOF") == 1
        assert figures(answer.body, openmetrics=True)

    def test_head(self) -> None:
        """HEAD is answered as GET is, without the page, and with the same refusals."""
        house = House()
        head, _, body = visit(house, method="HEAD")[1].value().partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 200 ") and body == b""
        assert b"content-type: text/plain; version=0.0.4" in head
        assert visit(house, peer=AWAY, method="HEAD")[1].value().startswith(b"HTTP/1.1 404 ")

    def test_methods(self) -> None:
        """Anything else than to read it is a 405, for everybody."""
        answer = House().get("/metrics", method="DELETE")

        assert (answer.status, codes([answer])) == (405, ["method_not_allowed"])

    def test_while_draining(self) -> None:
        """A gateway that drains, can't record, or goes by a wrong clock, still tells how it is."""
        house = House()
        house.gateway.draining, house.gateway.shut, house.seconds = True, "no room", -90.0
        found = figures(scrape(house).body)

        assert found["targon_gw_draining", frozenset()] == 1
        assert found["targon_gw_recording", frozenset()] == 0
        assert found["targon_gw_clock_ahead_seconds", frozenset()] == -90.0

    def test_in_slices(self) -> None:
        """Where the page takes long the reactor turns while it is made, and the page is whole all the same."""
        house = House()
        seconds = count()
        turns: list[Any] = []
        house.page.now = lambda: next(seconds) * 0.0015
        house.talk.clock.callLater(0, turns.append, None)
        answer = scrape(house)

        assert turns
        assert figures(answer.body)["targon_gw_calls_in_flight", frozenset()] == 0

    def test_who_asks_and_leaves(self) -> None:
        """Whoever leaves before the page is made harms nobody."""
        house = House()
        seconds = count()
        house.page.now = lambda: float(next(seconds))
        channel, wire = visit(house)
        channel.connectionLost(Failure(ConnectionDone()))
        house.talk.clock.advance(1)

        assert wire.value() == b""
        assert house.quiet()
