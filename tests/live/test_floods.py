"""Too many of one client or one address: they are told, and nobody else notices."""

from __future__ import annotations

import json
import resource
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.live.rig import CLIENT_KEY, V3, Rig, Wishes, started, wait_until

pytestmark = pytest.mark.live

OTHER_KEY = "sk-tg-live-test-another-client"
HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"


def request(key: str) -> bytes:
    """A call."""
    body = json.dumps({"model": V3, "messages": [{"role": "user", "content": "Hi"}], "stream": False}).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (key.encode(), len(body), body)
    )


def posted(rig: Rig, key: str = CLIENT_KEY, source: str = HERE) -> socket.socket:
    """A call under way, from that address of loopback."""
    connection = connected(rig, source)
    connection.sendall(request(key))
    return connection


def connected(rig: Rig, source: str = HERE) -> socket.socket:
    """A connection from that address."""
    host, _, port = rig.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), 15, (source, 0))


def heard(connection: socket.socket) -> bytes:
    """All that comes, to the end."""
    with connection:
        parts = []
        try:
            while part := connection.recv(65536):
                parts.append(part)
        except ConnectionResetError:
            pass
        return b"".join(parts)


def status(answer: bytes) -> int:
    """Its status; 0 where there is none."""
    return int(answer[9:12]) if answer else 0


class WaitingTests:
    """One key, one call at a time, a quarter of a second each."""

    WISHES = Wishes(
        first_token=0.25,
        upstream={"per_key": {"concurrent": 1}},
        gateway={"limits": {"waiting_time": "10s"}},
        clients=[{"name": "tester", "key": CLIENT_KEY}, {"name": "other", "key": OTHER_KEY}],
    )

    def test_in_turn(self, tmp_path: Path) -> None:
        """Twelve calls of one client and then one of another's: all are served, the other's as third at the latest."""
        with started(tmp_path, self.WISHES) as rig:
            order: list[str] = []

            def take(connection: socket.socket, name: str) -> None:
                answer = heard(connection)
                order.append(name if status(answer) == 200 else f"{name}: {answer[:200]!r}")

            threads = []
            for name, key in [*[("tester", CLIENT_KEY)] * 12, ("other", OTHER_KEY)]:
                threads.append(threading.Thread(target=take, args=(posted(rig, key), name)))
                threads[-1].start()
                time.sleep(0.005)
            for thread in threads:
                thread.join(15)

            assert sorted(order) == ["other"] + ["tester"] * 12
            assert "other" in order[:3]
            notes = [event.get("note", "") for event in rig.events() if event.get("event") == "call"]
            wait_until(lambda: sum("for a key" in line for line in rig.log.read_text().splitlines()) >= 12, 5)
            assert all("waited" in note for note in notes if note)

    def test_the_client_leaves(self, tmp_path: Path) -> None:
        """A-17: who leaves as its call waits costs the vendor nothing."""
        with started(tmp_path, self.WISHES) as rig, posted(rig):
            time.sleep(0.05)
            for _ in range(5):
                posted(rig).close()
            last = posted(rig)
            began = time.monotonic()
            assert status(heard(last)) == 200
            assert time.monotonic() - began < 1.0


class AddressTests:
    """`limits.connections_per_address`."""

    def test_too_many_connections(self, tmp_path: Path) -> None:
        """A-31: the address that has as many as it may gets no more, and says so; others are served; in the end it is
        served again, and nothing has leaked."""
        with started(tmp_path, Wishes(gateway={"limits": {"connections_per_address": 20}})) as rig:
            assert status(heard(posted(rig))) == 200  # and what was open before is seen to be gone
            for _ in range(3):
                with ExitStack() as held:
                    for _ in range(20):
                        held.enter_context(connected(rig))
                    refused = [status(heard(posted(rig))) for _ in range(5)]
                    assert set(refused) <= {429, 0} and 429 in refused
                    assert status(heard(posted(rig, source=ELSEWHERE))) == 200
                wait_until(lambda: status(heard(posted(rig))) == 200, 5)

    def test_no_descriptors(self, tmp_path: Path) -> None:
        """E-17: where descriptors are few, who is let in is served, and who is not is told 503, at once."""
        with started(tmp_path, Wishes(gateway={"limits": {"connections_per_address": 1000}})) as rig:
            assert status(heard(posted(rig))) == 200
            _, hard = resource.prlimit(rig.gateway.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(rig.gateway.pid, resource.RLIMIT_NOFILE, (96, hard))
            with ExitStack() as held:
                inside = [held.enter_context(connected(rig)) for _ in range(16)]
                began = time.monotonic()
                answers = [heard(posted(rig)) for _ in range(20)]
                assert time.monotonic() - began < 2.0
                assert {status(answer) for answer in answers} <= {503, 0}
                assert any(b'"code":"overloaded"' in answer for answer in answers)
                inside[0].sendall(b"GET /health HTTP/1.1\r\nHost: gw\r\n\r\n")
                assert status(inside[0].recv(65536)) == 200
            wait_until(lambda: status(heard(posted(rig))) == 200, 5)

    def test_no_connection_to_the_vendor(self, tmp_path: Path) -> None:
        """E-17: a call for which no descriptor is left is told so, and no key suffers; the next one is served."""
        with started(tmp_path, Wishes(first_token=0.3)) as rig:
            inside = [connected(rig) for _ in range(4)]
            for each in inside:
                each.sendall(b"GET /health HTTP/1.1\r\nHost: gw\r\n\r\n")
                assert status(each.recv(65536)) == 200
            limits = resource.prlimit(rig.gateway.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(rig.gateway.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
            for each in inside:  # one of them may find a connection that was kept
                each.sendall(request(CLIENT_KEY))
            answers = [heard(each) for each in inside]
            assert {status(answer) for answer in answers} <= {200, 503}
            assert sum(b'"code":"overloaded"' in answer for answer in answers) >= 3
            resource.prlimit(rig.gateway.pid, resource.RLIMIT_NOFILE, limits)
            wait_until(lambda: status(heard(posted(rig))) == 200, 5)  # the ledger has to open its file, too
            assert "-> cooling" not in rig.log.read_text(), "somebody was blamed"

    def test_wrong_keys(self, tmp_path: Path) -> None:
        """C-06: after twenty wrong keys an address is told to slow down; a right one from there is served."""
        with started(tmp_path, Wishes()) as rig:
            told: list[Any] = [status(heard(posted(rig, key=f"sk-wrong-{number}"))) for number in range(40)]
            assert told == [401] * 20 + [429] * 20
            assert status(heard(posted(rig))) == 200
            assert status(heard(posted(rig, "sk-wrong", ELSEWHERE))) == 401
