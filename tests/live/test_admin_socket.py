"""The command line's own HTTP over a real Unix socket."""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from click.testing import CliRunner

from targon_gw.cli.client import over_socket
from targon_gw.cli.main import main

pytestmark = pytest.mark.live


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked; `/models` with a catalog of none."""

    def do_GET(self) -> None:
        """Any method."""
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        told = {"models": []} if self.path == "/models" else {"method": self.command, "path": self.path, "body": body}
        answer = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def address_string(self) -> str:
        """A Unix socket's peer has no address."""
        return "unix"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """The path of a socket at which somebody answers."""
    path = tmp_path / "admin.sock"
    with socketserver.UnixStreamServer(str(path), Echo) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield path
        finally:
            server.shutdown()
            serving.join(5)


class SocketTests:
    """`over_socket`, and a verb that goes by it."""

    @pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", b'{"for": 5}'), ("DELETE", None)])
    def test_asks(self, place: Path, method: str, body: bytes | None) -> None:
        """Method, target and body arrive as they were given."""
        status, answer = over_socket(str(place))(method, "/keys/k-1?upstream=a%20b", body)

        assert status == 200
        assert json.loads(answer) == {
            "method": method,
            "path": "/keys/k-1?upstream=a%20b",
            "body": "" if body is None else body.decode(),
        }

    def test_verb(self, place: Path) -> None:
        """A verb finds the socket by the settings alone."""
        settings = place.parent / "gateway.yaml"
        settings.write_text("admin: {socket: admin.sock}\n")
        result = CliRunner().invoke(main, ["models", "--json", "-c", str(settings)])

        assert (result.exit_code, json.loads(result.stdout)) == (0, {"models": []})

    def test_socket_of_one_who_died(self, tmp_path: Path) -> None:
        """A socket that a killed daemon left behind is told from one that answers."""
        path = tmp_path / "admin.sock"
        socketserver.UnixStreamServer(str(path), Echo).server_close()
        assert path.exists()
        result = CliRunner().invoke(main, ["status", "--socket", str(path)])

        assert result.exit_code == 1
        assert "no targon-gw runs here" in result.stderr
        os.unlink(path)
