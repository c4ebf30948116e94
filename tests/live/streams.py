"""Clients for the tests that pull the ground from under a running gateway: each says how its call ended, byte for byte.

They are sockets in threads, not an SDK: what matters is whether the end was a true one at the level of HTTP.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from attrs import define, field, frozen

from tests.live.rig import CLIENT_KEY, V3, Rig

LAST_CHUNK = b"\r\n0\r\n\r\n"
DONE = b"data: [DONE]\n\n"


@frozen
class Answer:
    """A whole answer: its status, its headers by lower-case name, the JSON of its body, the seconds it took."""

    status: int
    headers: dict[str, str]
    body: Any
    took: float

    @property
    def code(self) -> str:
        """The error's code; empty where there is none."""
        return str(self.body["error"]["code"]) if "error" in self.body else ""


def get(rig: Rig, path: str, key: str = CLIENT_KEY, body: dict[str, Any] | None = None) -> Answer:
    """What the gateway answers; a POST where there is a body."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{rig.url}{path}", data, headers)
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, fields, content = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, fields, content = error.code, error.headers, error.read()
    took = time.monotonic() - began
    return Answer(status, {name.lower(): value for name, value in fields.items()}, json.loads(content), took)


def call(rig: Rig, words: str = "Hello!", key: str = CLIENT_KEY, max_tokens: int = 1) -> Answer:
    """One call that is not streamed."""
    asked = {"model": V3, "messages": [{"role": "user", "content": words}], "max_tokens": max_tokens}
    return get(rig, "/v1/chat/completions", key, asked)


def request(max_tokens: int, words: str = "Hello!", key: str = CLIENT_KEY) -> bytes:
    """A streamed call as bytes."""
    messages = [{"role": "user", "content": words}]
    body = json.dumps({"model": V3, "messages": messages, "max_tokens": max_tokens, "stream": True}).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: gw\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (key.encode(), len(body), body)
    )


@define(eq=False)
class Listener:
    """One streamed call, listened to in a thread until it ends, however it does."""

    rig: Rig
    sent: bytes
    got: bytearray = field(factory=bytearray)
    began: float = field(factory=time.monotonic)
    ended: float | None = None
    broken: OSError | None = None
    _thread: threading.Thread | None = None

    def start(self) -> Listener:
        """Begin."""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def _listen(self) -> None:
        try:
            with self.rig.connect() as client:
                client.settimeout(30)
                client.sendall(self.sent)
                while not self.got.endswith(LAST_CHUNK) and (piece := client.recv(65536)):
                    self.got += piece
        except OSError as error:
            self.broken = error
        self.ended = time.monotonic()

    def wait(self, seconds: float = 30.0) -> Listener:
        """Until it has ended."""
        assert self._thread is not None
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"still open: …{bytes(self.got[-200:])!r}"
        return self

    @property
    def speaking(self) -> bool:
        """An event has come."""
        return b"data: " in self.got

    @property
    def whole(self) -> bool:
        """It came whole: [DONE], then HTTP's own end, and no error event."""
        return (
            self.got.startswith(b"HTTP/1.1 200 ")
            and self.got.endswith(LAST_CHUNK)
            and DONE in self.got
            and b'"error"' not in self.got
        )

    @property
    def cut_visibly(self) -> bool:
        """It ended with an error event, without [DONE], and HTTP's own end is missing."""
        return b'"error"' in self.got and DONE not in self.got and not self.got.endswith(LAST_CHUNK)

    @property
    def took(self) -> float:
        """Seconds from the first byte sent to the last one heard."""
        assert self.ended is not None
        return self.ended - self.began


def listeners(rig: Rig, count: int, max_tokens: int) -> list[Listener]:
    """So many streamed calls at once, each of another conversation."""
    return [Listener(rig, request(max_tokens, f"Tell me of {number}.")).start() for number in range(count)]


def probe_socket(rig: Rig) -> socket.socket:
    """A connection that is known to be accepted: a request has been answered on it."""
    client = rig.connect()
    ask(client, "/health/live")
    return client


def ask(client: socket.socket, path: str) -> bytes:
    """A GET on a connection that stays open; status line, headers and body as they came."""
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: gw\r\n\r\n".encode())
    got = b""
    while b"\r\n\r\n" not in got or not got.endswith(b"}"):
        piece = client.recv(65536)
        if not piece:
            break
        got += piece
    return got
