"""Pages that are only read: what they say when they are let in, and when they are not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from bench import watchers

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@contextmanager
def answering(*pieces: bytes) -> Iterator[int]:
    """A server for one connection, which says that and then nothing more until the block ends; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                for piece in pieces:
                    connection.sendall(piece)
                if pieces:
                    connection.recv(1)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            thread.join()


@pytest.mark.live
class OpenedTests:
    """`opened`."""

    def test_waits_for_the_first_event(self) -> None:
        """A page is open once it has been told something, however that is split."""
        with answering(HEAD[:9], HEAD[9:] + b"eve", b"nt: overview\ndata: {}\n\n") as port:
            watchers.opened(port, "overview").close()

    @pytest.mark.parametrize("pieces", [(b"HTTP/1.1 429 Too Many Requests\r\n\r\n",), ()])
    def test_not_let_in(self, pieces: tuple[bytes, ...]) -> None:
        """A refusal and a connection that closes are no page."""
        with answering(*pieces) as port, pytest.raises(ConnectionError):
            watchers.opened(port, "overview")
