"""Behind nginx, HAProxy and Caddy, each the real one with what contrib/ gives for it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator

import pytest

from tests.live.proxies import CONTRIB, KINDS, LIVE, Through, before
from tests.live.rig import CLIENT_KEY, Rig, Wishes, free_port, started, wait_until
from tests.live.streams import DONE, Listener, request
from tests.needs import lacking

pytestmark = pytest.mark.live
PACE = 10.0
EVENTS = 8
OTHERS_KEY = "sk-tg-live-test-of-another-address"
CLIENTS = [
    {"name": "tester", "key": CLIENT_KEY, "allow_from": ["127.0.0.7/32"]},
    {"name": "other", "key": OTHERS_KEY, "allow_from": ["127.0.0.9/32"]},
]
LARGE = 33 << 20


@pytest.fixture(params=KINDS, scope="module")
def through(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Through]:
    """A way through each of the proxies."""
    kind = KINDS[request.param]
    if shutil.which(kind.program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
        lacking(f"{kind.program} is not installed")
    folder, port = tmp_path_factory.mktemp("proxy"), free_port()
    wishes = Wishes(
        events_per_second=PACE,
        gateway={**kind.gateway, "drain": "1s", "admin": {"socket": "admin.sock"}},
        clients=CLIENTS,
        listen_also=(kind.listen.format(port=port),),
    )
    with started(folder, wishes) as rig, before(rig, kind, folder, f"127.0.0.1:{port}") as found:
        yield found


def listened(through: Through, sent: bytes) -> tuple[Listener, list[float]]:
    """One streamed call, and when each of its events came: times since it was sent, in seconds."""
    way: Rig = through  # type: ignore[assignment]  # of a rig it has what a listener asks
    listener, times = Listener(way, sent).start(), []
    began = time.monotonic()
    while listener.ended is None:
        count = listener.got.count(b"data: ")
        times += [time.monotonic() - began] * (count - len(times))
        time.sleep(0.01)
    return listener, times


def head(answer: bytes) -> int:
    """The status."""
    return int(answer.split(b" ", 2)[1])


class ProxyTests:
    """What a client sees through a proxy."""

    def test_event_by_event(self, through: Through) -> None:
        """Events come as the vendor says them, not in a lump; the stream is whole, and nothing may keep it."""
        listener, times = listened(through, request(EVENTS))

        assert listener.whole, bytes(listener.got)
        assert times[-1] - times[0] >= 0.5 * EVENTS / PACE
        assert len({round(moment, 1) for moment in times}) >= EVENTS // 2
        assert b"content-encoding" not in listener.got.lower()

    def test_clients_address_is_seen(self, through: Through) -> None:
        """A key is good from its own address alone, and that is the client's, not the proxy's (A-26)."""
        assert listened(through, request(1))[0].whole
        elsewhere = Through(through.rig, through.kind, through.port, "127.0.0.8")

        assert head(elsewhere.ask(request(1))) in (401, 403)
        assert head(through.ask(request(1, key=OTHERS_KEY))) in (401, 403)

    def test_client_cannot_say_who_it_is(self, through: Through) -> None:
        """What a client writes of its own address counts for nothing (A-26)."""
        elsewhere = Through(through.rig, through.kind, through.port, "127.0.0.8")
        for said in (b"127.0.0.7", b"127.0.0.7, 127.0.0.1", b"127.0.0.1, 127.0.0.7"):
            lied = request(1).replace(b"Host: gw\r\n", b"Host: gw\r\nX-Forwarded-For: " + said + b"\r\n")
            assert head(elsewhere.ask(lied)) in (401, 403), said

    def test_shut(self, through: Through) -> None:
        """The figures and the ways of administration are not to be had through it."""
        for path in (b"/metrics", b"/admin", b"/admin/keys"):
            answer = through.ask(b"GET %b HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n" % path)
            assert head(answer) == 404 and b"targon_gw_" not in answer, path

    def test_too_large(self, through: Through) -> None:
        """A body beyond the gateway's limit is refused long before it has been sent (Caddy reads a little of it)."""
        sent = request(1)
        at = sent.index(b"Content-Length: ")
        huge = sent[:at] + b"Content-Length: %d\r\n\r\n" % LARGE + b'{"model":'

        assert head(through.ask(huge, bytes(1 << 20))) == 413

    def test_restart(self, through: Through) -> None:
        """An error event reaches the client, and no `[DONE]`; once the gateway is back, so is the service.

        The unfinished end reaches it too, but through Caddy 2.6, which ends what was broken off as if it were whole.
        """
        way: Rig = through  # type: ignore[assignment]
        listener = Listener(way, request(400)).start()
        wait_until(lambda: listener.speaking, 5)
        through.rig.signal(signal.SIGTERM)
        listener.wait()
        assert b'"error"' in listener.got and DONE not in listener.got, bytes(listener.got[-300:])
        assert listener.cut_visibly or through.kind.program == "caddy"
        through.rig.ended()
        through.rig.again()
        wait_until(lambda: through.ask(LIVE).endswith(b'{"status":"ok"}'), 10)

        assert listened(through, request(2))[0].whole


@pytest.mark.parametrize("name", ["nginx.conf", "haproxy.cfg", "Caddyfile"])
def test_settings_beside_it_are_what_is_tried(name: str) -> None:
    """What a file says that gateway.yaml should have beside it is what these tests give it."""
    text = (CONTRIB / name).read_text()
    said = re.findall(r"^#   (\w+: \S+)", text, re.MULTILINE)

    assert set(said) <= {
        "listen: tcp:3811:interface=127.0.0.1",
        "listen: haproxy:tcp:3811:interface=127.0.0.1",
        "trusted_proxies: [127.0.0.1/32]",
    }
    assert len(said) >= 2 and KINDS["nginx"].gateway == {"trusted_proxies": ["127.0.0.1/32"]}
