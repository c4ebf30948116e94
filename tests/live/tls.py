"""TLS on both sides of a gateway: an authority, a client, and a front that speaks TLS for the rehearsal vendor.

All of it is the standard library's TLS over sockets in threads, so that the gateway's meets another than itself.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import struct
import threading
from pathlib import Path

import trustme
from attrs import define, field

PIECE = 65536
_ENDS = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection."""


@define(eq=False)
class Authority:
    """Certificates for 127.0.0.1, in `folder`."""

    folder: Path
    ca: trustme.CA = field(factory=trustme.CA)

    @property
    def bundle(self) -> str:
        """The file that a client trusts."""
        path = self.folder / "ca.pem"
        self.ca.cert_pem.write_to_path(path)
        return str(path)

    def endpoint(self, port: int) -> str:
        """A listener of the gateway."""
        leaf = self.ca.issue_cert("127.0.0.1")
        key, chain = self.folder / "gateway.key", self.folder / "gateway.pem"
        leaf.private_key_pem.write_to_path(key)
        leaf.cert_chain_pems[0].write_to_path(chain)
        return f"ssl:{port}:interface=127.0.0.1:privateKey={key}:certKey={chain}"

    def serving(self) -> ssl.SSLContext:
        """The side of a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert("127.0.0.1").configure_cert(context)
        return context

    def asking(self) -> ssl.SSLContext:
        """The side of a client."""
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        return context


@define(eq=False)
class Front:
    """Speaks TLS on `port`, and passes each connection's bytes on to `target`, once that is known."""

    context: ssl.SSLContext
    target: tuple[str, int] | None = None
    accepted: int = 0
    _known: threading.Event = field(factory=threading.Event)
    _listening: socket.socket = field(factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listening.getsockname()[1]
        return port

    def start(self) -> Front:
        """Begin to accept."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def lead_to(self, url: str) -> None:
        """Now it is known."""
        host, _, port = url.removeprefix("http://").partition(":")
        self.target = (host, int(port))
        self._known.set()

    def close(self) -> None:
        """Accept no more."""
        self._known.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self.accepted += 1
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        self._known.wait(20)
        if self.target is None:
            client.close()
            return
        with (
            contextlib.suppress(OSError),
            client,
            socket.create_connection(self.target) as vendor,
            self.context.wrap_socket(client, server_side=True) as secure,
        ):
            _carry_both(secure, vendor)


def _carry_both(secure: ssl.SSLSocket, vendor: socket.socket) -> None:
    """Bytes both ways, until one side ends: the vendor's end is told with TLS's farewell, its reset by a reset."""
    while True:
        ready = [secure] if secure.pending() else select.select([secure, vendor], [], [])[0]
        if secure in ready:
            piece = secure.recv(PIECE)
            if not piece:
                return
            vendor.sendall(piece)
        if vendor in ready:
            try:
                piece = vendor.recv(PIECE)
            except ConnectionResetError:
                secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ENDS)
                return
            if not piece:
                secure.settimeout(1)
                secure.unwrap()
                return
            secure.sendall(piece)


@define(eq=False)
class Client:
    """A client's connection to the gateway's port of TLS."""

    secure: ssl.SSLSocket
    got: bytes = b""

    @classmethod
    def connect(cls, authority: Authority, port: int, buffer: int = 0) -> Client:
        """A connection; `buffer` is what the kernel keeps unread, in bytes."""
        plain = socket.socket()
        if buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        plain.settimeout(20)
        plain.connect(("127.0.0.1", port))
        return cls(authority.asking().wrap_socket(plain, server_hostname="127.0.0.1"))

    def say(self, data: bytes) -> None:
        """Send."""
        self.secure.sendall(data)

    def hear(self, until: bytes) -> bytes:
        """Read until `until` has come, or the end; what came, with it."""
        while until not in self.got:
            try:
                piece = self.secure.recv(PIECE)
            except (ssl.SSLEOFError, ConnectionResetError):
                piece = b""
            if not piece:
                break
            self.got += piece
        at = self.got.find(until)
        size = len(self.got) if at < 0 else at + len(until)
        heard, self.got = self.got[:size], self.got[size:]
        return heard

    def answer(self) -> tuple[bytes, bytes]:
        """The next whole answer: its head, and its body of known length."""
        head = self.hear(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None, head
        size = int(length[1])
        while len(self.got) < size and (piece := self.secure.recv(PIECE)):
            self.got += piece
        body, self.got = self.got[:size], self.got[size:]
        return head, body

    def end(self) -> bytes:
        """All that still comes, until the gateway closes."""
        return self.hear(b"\x00never\x00")

    def leave(self, how: str) -> None:
        """Go: with TLS's farewell, without it (`fin`), or by a reset (`reset`)."""
        if how == "farewell":
            self.secure.settimeout(0.2)
            with contextlib.suppress(OSError):
                self.secure.unwrap()
        elif how == "reset":
            self.secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ENDS)
        self.secure.close()
