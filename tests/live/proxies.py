"""The real proxies, each with the snippet of contrib/ as it stands, but for ports, names and certificates."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import define, frozen

from tests.live.rig import ROOT, Rig, free_port, wait_until

CONTRIB = ROOT / "contrib"
GATEWAY = "127.0.0.1:3811"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n"


def snippet(name: str, changes: Mapping[str, str]) -> str:
    """A file of contrib/ with `changes`, each of which must be there to be made."""
    text = (CONTRIB / name).read_text("utf-8")
    for old, new in changes.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    return text


def nginx(folder: Path, port: int, gateway: str) -> list[str]:
    """nginx, without TLS; its own workers are the user's who runs it."""
    site = snippet(
        "nginx.conf",
        {
            GATEWAY: gateway,
            "listen 443 ssl http2;": f"listen 127.0.0.1:{port};",
            "    ssl_certificate /etc/ssl/gateway.pem;\n": "",
            "    ssl_certificate_key /etc/ssl/gateway.key;\n": "",
        },
    )
    (folder / "site.conf").write_text(site)
    user = "user root;" if os.geteuid() == 0 else ""
    folders = "".join(
        f"{what}_temp_path {folder}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n"
        f"events {{ worker_connections 512; }}\nhttp {{ access_log off; {folders}\ninclude {folder}/site.conf; }}\n"
    )
    return ["nginx", "-p", str(folder), "-e", f"{folder}/nginx.log", "-c", f"{folder}/nginx.conf"]


def haproxy(folder: Path, port: int, gateway: str, backend: str = "targon_gw") -> list[str]:
    """HAProxy, without TLS."""
    text = snippet(
        "haproxy.cfg",
        {
            GATEWAY: gateway,
            "bind :443 ssl crt /etc/ssl/gateway.pem alpn h2,http/1.1": f"bind 127.0.0.1:{port}",
            "default_backend targon_gw\n": f"default_backend {backend}\n",
        },
    )
    (folder / "haproxy.cfg").write_text(f"global\n    maxconn 512\n\n{text}")
    return ["haproxy", "-db", "-f", f"{folder}/haproxy.cfg"]


def haproxy_by_proxy_protocol(folder: Path, port: int, gateway: str) -> list[str]:
    """The other backend of the same file."""
    return haproxy(folder, port, gateway, "targon_gw_by_proxy_protocol")


def caddy(folder: Path, port: int, gateway: str) -> list[str]:
    """Caddy, without TLS and without its own admin port."""
    changes = {GATEWAY: gateway, "gateway.example.org {": f"http://:{port} {{\n\tbind 127.0.0.1"}
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + snippet("Caddyfile", changes))
    return ["caddy", "run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"]


@frozen
class Kind:
    """One proxy: its program, how it is run, what gateway.yaml says beside it."""

    program: str
    command: Callable[[Path, int, str], list[str]]
    gateway: dict[str, Any]
    listen: str = "tcp:{port}:interface=127.0.0.1"


TRUSTING = {"trusted_proxies": ["127.0.0.1/32"]}
KINDS = {
    "nginx": Kind("nginx", nginx, TRUSTING),
    "haproxy": Kind("haproxy", haproxy, TRUSTING),
    "haproxy, PROXY protocol": Kind("haproxy", haproxy_by_proxy_protocol, {}, "haproxy:tcp:{port}:interface=127.0.0.1"),
    "caddy": Kind("caddy", caddy, TRUSTING),
}


@define(eq=False)
class Through:
    """A way to a gateway through a proxy, for those that ask a Rig; `source` is the address that clients come from."""

    rig: Rig
    kind: Kind
    port: int
    source: str = "127.0.0.7"

    @property
    def url(self) -> str:
        """The proxy's."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        """A connection of a client."""
        return socket.create_connection(("127.0.0.1", self.port), 10, (self.source, 0))

    def ask(self, *sent: bytes) -> bytes:
        """All that is answered, until the proxy closes or says nothing for a second; what is sent is sent in parts, the
        next where the one before has brought nothing in that time."""
        got = b""
        with self.connect() as client:
            client.settimeout(1.0)
            for part in sent:
                client.sendall(part)
                with suppress(TimeoutError, ConnectionResetError):
                    while not _is_whole(got) and (piece := client.recv(65536)):
                        got += piece
                if got:
                    break
        return got


def _is_whole(answer: bytes) -> bool:
    """Whether an answer whose length is told has come."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return bool(end) and length is not None and len(body) >= int(length[1])


@contextmanager
def before(rig: Rig, kind: Kind, folder: Path, gateway: str) -> Iterator[Through]:
    """The proxy, running before `gateway`; ended afterwards."""
    port = free_port()
    log = folder / "proxy.log"
    environ = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    environ["PATH"] += ":/usr/sbin:/sbin"
    with log.open("wb") as out:
        process = subprocess.Popen(kind.command(folder, port, gateway), stdout=out, stderr=out, env=environ)
    try:
        through = Through(rig, kind, port)
        wait_until(lambda: _answers(process, through, log), 15, lambda: log.read_text())
        yield through
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()


def _answers(process: subprocess.Popen[bytes], through: Through, log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return through.ask(LIVE).endswith(b'{"status":"ok"}')
    except OSError:
        time.sleep(0.05)
        return False
