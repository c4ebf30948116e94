"""Tests of targon_gw/cli/client.py."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

import pytest

from targon_gw.cli.client import USUAL_SOCKET, named, socket_of, with_arguments
from targon_gw.core.config import Admin

from .desk import typed


def raises(error: Exception) -> object:
    """A way to a daemon on which that happens."""

    def ask(method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        raise error

    return ask


class SocketTests:
    """Where the socket is."""

    def test_same_as_the_settings(self) -> None:
        """Where gateway.yaml says nothing, both ends mean the same place."""
        assert Admin().socket == USUAL_SOCKET

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("", USUAL_SOCKET),
            ("admin: {token_file: x}", USUAL_SOCKET),
            ("admin: {socket: /run/x.sock}", "/run/x.sock"),
            ("admin: {socket: ../run/x.sock}", "{}/run/x.sock"),
            ("listen: soon\nadmin: {socket: x}", "{}/conf/x"),
        ],
    )
    def test_of_the_settings(self, tmp_path: Path, text: str, place: str) -> None:
        """A path is relative to its file; settings that are wrong elsewhere are no hindrance."""
        path = tmp_path / "conf" / "gateway.yaml"
        path.parent.mkdir()
        path.write_text(text)

        assert socket_of(str(path)) == place.format(tmp_path)

    @pytest.mark.parametrize("text", ["admin: {socket: null}", "admin: [", "\xff", None])
    def test_cannot_be_said(self, tmp_path: Path, text: str | None) -> None:
        """E-10: settings that don't tell exit 78, with the way around them where there is one."""
        path = tmp_path / "gateway.yaml"
        if text is not None:
            path.write_bytes(text.encode("latin-1"))
        result = typed(None, "status", "-c", str(path))

        assert (result.exit_code, result.stdout) == (78, "")
        assert "--socket" in result.stderr or "switched off" in result.stderr
        in_json = typed(None, "status", "-c", str(path), "--json")
        error = json.loads(in_json.stdout)["error"]
        assert (in_json.exit_code, error["code"]) == (78, "unusable") and str(path) in error["message"]


class AbsentTests:
    """A daemon that does not answer."""

    def test_no_socket(self, tmp_path: Path) -> None:
        """No daemon: exit 1, the place, and how to start it; with --json the same in JSON."""
        place = str(tmp_path / "admin.sock")
        result = typed(None, "status", "--socket", place)
        in_json = typed(None, "keys", "list", "--json", "--socket", place)

        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"targon-gw: {place}: no targon-gw runs here: start it with 'targon-gw run'")
        assert json.loads(in_json.stdout)["error"]["code"] == "no_daemon"

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (ConnectionRefusedError(), "start it"),
            (PermissionError(), "sudo"),
            (TimeoutError(), "within 90 s"),
            (ConnectionResetError(), "is it targon-gw"),
            (http.client.BadStatusLine("x"), "is it targon-gw"),
        ],
    )
    def test_other_ends(self, error: Exception, words: str) -> None:
        """Whatever happens on the way is a sentence and exit 1, never a traceback."""
        result = typed(raises(error), "status")  # type: ignore[arg-type]

        assert (result.exit_code, result.stdout) == (1, "")
        assert words in result.stderr

    def test_no_json(self) -> None:
        """Something else listens there."""
        result = typed(lambda method, target, body: (200, b"<html>"), "status")

        assert result.exit_code == 1
        assert "is it targon-gw" in result.stderr

    def test_no(self) -> None:
        """What the daemon says no to is told in its words, cleaned; with --json as it came."""
        answer = json.dumps({"error": {"code": "x", "message": "no\x1b[31m\nnever"}}).encode()
        result = typed(lambda method, target, body: (409, answer), "keys", "list")
        in_json = typed(lambda method, target, body: (409, answer), "keys", "list", "--json")

        assert (result.exit_code, result.stderr) == (1, "targon-gw: no�[31m\nnever\n")
        assert (in_json.exit_code, json.loads(in_json.stdout)) == (1, json.loads(answer))


class TargetTests:
    """Addresses."""

    def test_names_are_quoted(self) -> None:
        """F-22: a name can't lead to another address."""
        assert named("clients", "../x?y", "revoke") == "/clients/..%2Fx%3Fy/revoke"
        assert with_arguments("/calls", {"limit": 3, "status": None, "key": "k&x"}) == "/calls?limit=3&key=k%26x"
        assert with_arguments("/calls", {"status": None}) == "/calls"
