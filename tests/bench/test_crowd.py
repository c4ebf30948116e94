"""Crowds: connections that ask once and stay."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from bench.crowd import Crowd, request


class Greeter:
    """A server that says `said` to each connection, and then nothing."""

    def __init__(self, said: bytes) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.said = said
        self.kept: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self.listening.getsockname()[1]
        return port

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            connection.sendall(self.said)
            self.kept.append(connection)

    def close(self) -> None:
        """End."""
        self.listening.close()
        for one in self.kept:
            one.close()


class RequestTests:
    """What a crowd says."""

    def test_body_has_its_length(self) -> None:
        """A request with a body says how long that is; one without says nothing of it."""
        assert request("GET", "/a") == b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        assert request("POST", "/b", ("X: y",), b"123").endswith(b"Content-Length: 3\r\n\r\n123")


@pytest.mark.live
class CrowdTests:
    """Connections that stay."""

    def test_all_get_the_mark(self) -> None:
        """Who waits for a mark goes on when each has it."""
        server = Greeter(b"hello, mark")
        crowd = Crowd(server.port)
        crowd.join(5, b"x")

        crowd.until(b"mark", 10)

        assert len(crowd.sockets) == 5
        crowd.leave()
        server.close()

    def test_mark_that_does_not_come_ends_the_run(self) -> None:
        """How many lack it, and what one of them got instead, is told."""
        server = Greeter(b"HTTP/1.1 503")
        crowd = Crowd(server.port)
        crowd.join(2, b"x")

        with pytest.raises(SystemExit, match=r"2 of 2 did not get b'mark'; one got b'HTTP/1\.1 503'"):
            crowd.until(b"mark", 0.2)
        crowd.leave()
        server.close()

    def test_looking_reads_nothing(self) -> None:
        """What was sent is looked at and stays where it is."""
        server = Greeter(b"HTTP/1.1 200 OK")
        crowd = Crowd(server.port, room=4096)
        crowd.join(1, b"x")
        time.sleep(0.05)

        crowd.are_sent(b"HTTP/1.1 200 ")
        crowd.are_sent(b"HTTP/1.1 200 ")

        with pytest.raises(SystemExit, match="was to come"):
            crowd.are_sent(b"HTTP/1.1 500 ")
        crowd.leave()
        server.close()
