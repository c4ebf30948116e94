"""TLS on both sides, with what leaves together or at once over plain TCP: all of it arrives, whole and in order."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator

import pytest
from attrs import define

from tests.live.rig import CLIENT_KEY, V3, Rig, Wishes, free_port, started, wait_until
from tests.live.streams import DONE, LAST_CHUNK
from tests.live.tls import Authority, Client, Front

MIB = 1 << 20
QUESTION = {"role": "user", "content": "Hi"}


@define(eq=False)
class Setting:
    """A gateway between TLS and TLS."""

    rig: Rig
    authority: Authority
    front: Front
    port: int

    def connect(self, buffer: int = 0) -> Client:
        """A client's connection."""
        return Client.connect(self.authority, self.port, buffer)

    def answering(self) -> int:
        """Answers that the vendor has under way."""
        return int(self.rig.admin("connections")["answering"])


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    """A rig whose vendor is reached over TLS, and whose gateway is too, beside its plain port."""
    folder = tmp_path_factory.mktemp("tls")
    authority, port = Authority(folder), free_port()
    front = Front(authority.serving()).start()
    wishes = Wishes(
        dialect="openai",
        events_per_second=100.0,
        upstream={"base_url": f"https://127.0.0.1:{front.port}/v1", "timeouts": {"idle": "5s"}},
        listen_also=(authority.endpoint(port),),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", authority.bundle)
        with started(folder, wishes) as rig:
            front.lead_to(rig.vendor_url)
            wait_until(lambda: rig.admin("connections")["answering"] == 0 and front.accepted, 10)
            yield Setting(rig, authority, front, port)
    front.close()


@pytest.fixture(autouse=True)
def _well_behaved(setting: Setting) -> Iterator[None]:
    yield
    setting.rig.behave()


def call(streamed: bool = False, words: str = "Hi", **more: object) -> bytes:
    """A call as bytes."""
    question = {**QUESTION, "content": words}
    body = json.dumps({"model": V3, "messages": [question], "stream": streamed, **more}).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (CLIENT_KEY.encode(), len(body), body)
    )


def events(body: bytes) -> list[bytes]:
    """The chunks of a chunked body, each of which must be one event."""
    found, at = [], 0
    while (size := int(body[at : body.index(b"\r\n", at)], 16)) > 0:
        at = body.index(b"\r\n", at) + 2
        found.append(body[at : at + size])
        assert body[at + size : at + size + 2] == b"\r\n"
        at += size + 2
    assert body[at:] == b"0\r\n\r\n"
    assert all(event.startswith(b"data: ") and event.endswith(b"\n\n") for event in found)
    return found


def test_stream(setting: Setting) -> None:
    """Events arrive as they are told, not at the end, each as a chunk of its own; then the connection serves on."""
    client = setting.connect()
    began = time.monotonic()
    client.say(call(True, max_tokens=40))
    head = client.hear(b"\r\n\r\n")
    first = client.hear(b"\n\n\r\n")
    early = time.monotonic() - began
    rest = client.hear(LAST_CHUNK)
    late = time.monotonic() - began

    assert head.startswith(b"HTTP/1.1 200 ")
    told = events(first + rest)
    assert told[-1] == DONE and len(told) > 20
    assert early < late / 2, (early, late)
    client.say(call(max_tokens=1))
    assert client.answer()[0].startswith(b"HTTP/1.1 200 ")
    client.leave("farewell")


def test_kept_connections(setting: Setting) -> None:
    """Twenty calls on one connection; towards the vendor they need no new one each."""
    client = setting.connect()
    before = setting.front.accepted
    for number in range(20):
        client.say(call(words=f"Number {number}", max_tokens=1))
        head, body = client.answer()
        assert head.startswith(b"HTTP/1.1 200 ") and json.loads(body)["choices"]
    assert setting.front.accepted - before <= 1
    client.leave("farewell")


def test_pipelined(setting: Setting) -> None:
    """Requests in one record, the last cut in two: each has its own answer, in order."""
    client = setting.connect()
    models = b"GET /v1/models HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer %s\r\n\r\n" % CLIENT_KEY.encode()
    wrong = models.replace(b"Bearer ", b"Bearer x")
    last = call(max_tokens=1)
    client.say(last + models + wrong + last[:50])
    answers = [client.answer() for _ in range(3)]
    client.say(last[50:])
    answers.append(client.answer())

    assert [head.split()[1] for head, _ in answers] == [b"200", b"200", b"401", b"200"]
    assert ["choices" in json.loads(body) for _, body in answers] == [True, False, False, True]
    assert json.loads(answers[1][1])["object"] == "list"
    ids = {re.search(rb"req_[0-9a-f]{32}", head)[0] for head, _ in answers}  # type: ignore[index]
    assert len(ids) == 4
    client.leave("farewell")


@pytest.mark.parametrize("size", [70_000, 5 * MIB])
def test_large_body(setting: Setting, size: int) -> None:
    """A body of many records reaches the vendor whole: it counts the same tokens as over plain TCP."""
    words = "word " * (size // 5)
    client = setting.connect()
    client.say(call(words=words, max_tokens=1))
    head, body = client.answer()
    with setting.rig.connect() as plain:
        plain.sendall(call(words=words, max_tokens=1))
        told = b""
        while not told.endswith(b"}") and (piece := plain.recv(65536)):
            told += piece

    assert head.startswith(b"HTTP/1.1 200 "), (head, body)
    expected = json.loads(told.partition(b"\r\n\r\n")[2])["usage"]["prompt_tokens"]
    assert json.loads(body)["usage"]["prompt_tokens"] == expected > size // 10
    client.leave("farewell")


def test_large_answer_read_slowly(setting: Setting) -> None:
    """32 MiB to a client that reads little at first: the vendor is held back, and all arrives in the end (A-15)."""
    warm = setting.connect()
    warm.say(call(True, max_tokens=2))
    assert warm.hear(LAST_CHUNK).endswith(LAST_CHUNK)
    setting.rig.misbehave("flood:32")
    before = setting.rig.memory()
    client = setting.connect(buffer=65536)
    client.say(call(True))
    got, most, tail = 0, 0, b""
    for turn in range(100_000):
        piece = client.secure.recv(65536)
        got, tail = got + len(piece), (tail + piece)[-64:]
        if turn < 40:
            time.sleep(0.02)
            most = max(most, setting.rig.memory() - before)
        if not piece or tail.endswith(LAST_CHUNK):
            break
    most = max(most, setting.rig.memory() - before)

    assert tail.endswith(LAST_CHUNK) and got > 32 * MIB
    assert most < 8 * MIB, f"{most / MIB:.1f} MiB"
    client.leave("farewell")
    warm.leave("farewell")


@pytest.mark.parametrize("how", ["farewell", "fin", "reset"])
@pytest.mark.parametrize("phase", ["before the head", "mid-stream"])
def test_a_client_that_leaves_frees_the_vendor(setting: Setting, how: str, phase: str) -> None:
    """However it goes, the vendor's connection is dropped within a second (A-17; P9)."""
    wait_until(lambda: setting.answering() == 0, 5)
    if phase == "before the head":
        setting.rig.misbehave("silent")
    client = setting.connect()
    client.say(call(True, max_tokens=400))
    if phase == "mid-stream":
        client.hear(b"\n\n\r\n")
    wait_until(lambda: setting.answering() == 1, 5)
    client.leave(how)

    assert wait_until(lambda: setting.answering() == 0, 5) <= 1.0


@pytest.mark.parametrize("cut", ["fin-midway:5", "reset-midway:5"])
def test_a_vendor_that_leaves_is_not_taken_for_whole(setting: Setting, cut: str) -> None:
    """With TLS's farewell or without: an error event, no [DONE], and the client's connection ends (D-10, D-11)."""
    setting.rig.misbehave(cut)
    client = setting.connect()
    client.say(call(True, max_tokens=40))
    told = client.end()

    assert told.startswith(b"HTTP/1.1 200 ") and told.count(b"data: ") > 3
    assert b'"error"' in told and DONE not in told and not told.endswith(LAST_CHUNK)


@pytest.mark.parametrize("raw", [b"GET /x HTTP/1.1\r\n\r\n", b"GET /v1/models HTTP/1.0\r\n\r\n"])
def test_the_end_of_a_connection(setting: Setting, raw: bytes) -> None:
    """An answer that ends the connection arrives whole; a client that says no farewell does not hold it."""
    client = setting.connect()
    client.say(raw)
    head, body = client.answer()
    began = time.monotonic()

    assert b"connection: close" in head and "error" in json.loads(body)
    assert client.end() == b""
    assert time.monotonic() - began < 3
    client.leave("fin")


def test_no_tls_at_all(setting: Setting) -> None:
    """Plain HTTP on the port of TLS gets no answer of HTTP, and harms nobody (A-22)."""
    with socket.create_connection(("127.0.0.1", setting.port), 5) as plain:
        plain.sendall(call())
        assert b"HTTP" not in plain.recv(4096)
    client = setting.connect()
    client.say(call(max_tokens=1))
    assert client.answer()[0].startswith(b"HTTP/1.1 200 ")
    client.leave("farewell")
