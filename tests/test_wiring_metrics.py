"""The metrics of a daemon in memory, from the call to the page: what is wired counts, and follows the daemon's life."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests import fakes
from tests.daemon import FILES, GATEWAY, Daemon, Place, begin_call
from tests.daemon import collector as collector
from tests.web.conversation import ask
from tests.web.house import ANSWER
from tests.web.scraping import AWAY, HERE, Figures, figure, figures

TOKEN = "canary-0123456789abcdef"
BODY = json.dumps({**ANSWER, "model": "big"}).encode()
SERVED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


def answer_to(daemon: Daemon, lines: str = "", peer: str = HERE) -> tuple[bytes, bytes]:
    """The head and the body that `/metrics` is answered with."""
    transport = StringTransport(peerAddress=IPv4Address("TCP", peer, 4))
    channel = daemon.wiring.site.buildProtocol(None)
    assert channel is not None
    channel.makeConnection(transport)
    channel.dataReceived(ask(f"{lines}Connection: close\r\n", target="/metrics", method="GET"))
    daemon.reactor.turn(1)
    channel.connectionLost(Failure(ConnectionDone()))
    head, _, body = transport.value().partition(b"\r\n\r\n")
    return head, body


def scraped(daemon: Daemon) -> Figures:
    """The page's figures."""
    return figures(answer_to(daemon)[1])


class MetricsTests:
    """`/metrics` of a daemon."""

    def test_a_call_counts(self, tmp_path: Path) -> None:
        """A call that came and went counts once; before it is settled it is in flight."""
        with Daemon(Place(tmp_path)).running() as daemon:
            channel, client, vendor, _ = begin_call(daemon)
            assert figure(scraped(daemon), "targon_gw_calls_in_flight") == 1
            vendor.dataReceived(SERVED)
            daemon.reactor.turn(1)
            channel.connectionLost(Failure(ConnectionDone()))
            found = scraped(daemon)
            assert client.value().startswith(b"HTTP/1.1 200 ")
            labels = {
                "gen_ai_operation_name": "chat",
                "gen_ai_provider_name": "acme",
                "gen_ai_request_model": fakes.MODEL,
            }
            assert figure(found, "gen_ai_server_request_duration_seconds_count", **labels) == 1
            assert figure(found, "gen_ai_client_token_usage_sum", **labels, gen_ai_token_type="input") == 5
            assert figure(found, "targon_gw_attempts_total", upstream="acme", outcome="served") == 1
            assert figure(found, "targon_gw_calls_in_flight") == 0

    def test_flushes_and_settings(self, tmp_path: Path) -> None:
        """The state's writing counts; settings that are not taken are told, and so are those that are."""
        with Daemon(Place(tmp_path)).running() as daemon:
            channel, _, vendor, _ = begin_call(daemon)
            vendor.dataReceived(SERVED)
            daemon.reactor.turn(6)
            channel.connectionLost(Failure(ConnectionDone()))
            found = scraped(daemon)
            assert figure(found, "targon_gw_flush_seconds_count", result="written") >= 1
            assert figure(found, "targon_gw_reload_successful") == 1
            assert daemon.service.reloading is not None
            daemon.place.write(keys="nonsense: [\n")
            daemon.service.reloading.reload("asked for")
            daemon.reactor.turn(1)
            assert figure(scraped(daemon), "targon_gw_reload_successful") == 0
            daemon.place.write(keys=FILES["keys.yaml"])
            daemon.service.reloading.reload("asked for")
            daemon.reactor.turn(1)
            found = scraped(daemon)
            assert figure(found, "targon_gw_reload_successful") == 1
            assert 0 < figure(found, "targon_gw_reload_success_timestamp_seconds") <= daemon.reactor.unix()

    def test_token(self, tmp_path: Path) -> None:
        """The token of the settings opens the page to those who are elsewhere."""
        (tmp_path / "token").write_text(TOKEN + "\n")
        (tmp_path / "token").chmod(0o600)
        files = {**FILES, "gateway.yaml": GATEWAY + "metrics: {token_file: token}\n"}
        with Daemon(Place(tmp_path, files)).running() as daemon:
            assert answer_to(daemon, f"Authorization: Bearer {TOKEN}\r\n", AWAY)[0].startswith(b"HTTP/1.1 200 ")
            assert answer_to(daemon, peer=AWAY)[0].startswith(b"HTTP/1.1 404 ")

    def test_while_it_drains(self, tmp_path: Path) -> None:
        """While a call is waited for, the page is there, on connections that stand; then nothing is left ticking."""
        daemon = Daemon(Place(tmp_path))
        daemon.service.startService()
        wiring = daemon.wiring
        _, _, vendor, _ = begin_call(daemon)
        transport = StringTransport(peerAddress=IPv4Address("TCP", HERE, 4))
        channel = wiring.site.buildProtocol(None)
        assert channel is not None
        channel.makeConnection(transport)
        stopped: list[object] = []
        daemon.service.stopService().addBoth(stopped.append)
        daemon.reactor.turn(1)
        channel.dataReceived(ask("Connection: close\r\n", target="/metrics", method="GET"))
        daemon.reactor.turn(1)
        found = figures(transport.value().partition(b"\r\n\r\n")[2])
        vendor.dataReceived(SERVED)
        daemon.reactor.turn(2)

        assert figure(found, "targon_gw_draining") == 1 and figure(found, "targon_gw_calls_in_flight") == 1
        assert stopped == [None]
        assert not wiring.lag._timer
