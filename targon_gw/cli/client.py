"""The way from a command to the daemon: HTTP over the admin socket, with nothing but the standard library.

It loads neither the server nor Twisted, nor the settings but for the one name in gateway.yaml that says where the
socket is: what tells how a gateway is must work at once, and also while the settings are being broken.
"""

from __future__ import annotations

import functools
import http.client
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn
from urllib.parse import quote, urlencode

import click

from .telling import BAD_SETTINGS, FAILED, clean, fail, print_json

LOCAL: Final = os.path.join("conf", "gateway.yaml")
INSTALLED: Final = "/etc/targon-gw/gateway.yaml"
USUAL_SOCKET: Final = "/run/targon-gw/admin.sock"
"""As in `core.config.Admin`, which is not loaded for it."""
PATIENCE: Final = 90.0
"""Seconds for an answer: a key's test may take as long as its vendor does."""

Transport = Callable[[str, str, bytes | None], tuple[int, bytes]]
"""Method, target and body to status and body; raises OSError or HTTPException."""


def usual_file() -> str:
    """The settings where `-c` is not given: those of the working directory, else those of the installation."""
    return LOCAL if os.path.exists(LOCAL) else INSTALLED


file_option = click.option(
    "-c",
    "--config",
    "path",
    metavar="FILE",
    default=usual_file,
    help=f"gateway.yaml. Without it: {LOCAL} if it exists, else {INSTALLED}.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
socket_option = click.option("--socket", "socket_path", metavar="PATH", help="The admin socket, whatever -c says.")


class _OverSocket(http.client.HTTPConnection):
    """HTTP over the Unix socket at `path`."""

    def __init__(self, path: str) -> None:
        super().__init__("targon-gw", timeout=PATIENCE)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def over_socket(path: str) -> Transport:
    """Ask whoever listens at `path`; a connection for each request."""

    def ask(method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        line = _OverSocket(path)
        try:
            line.request(method, target, body, {"Content-Type": "application/json"} if body is not None else {})
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()

    return ask


def socket_of(path: str, as_json: bool = False) -> str:
    """Where the gateway of the gateway.yaml at `path` has its admin socket; or the process ends."""
    import yaml

    hint = "say where the socket is: --socket PATH"
    try:
        with open(path, encoding="utf-8") as file:
            plain = yaml.safe_load(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no YAML now"
        fail(f"{path} cannot be read: {why}; {hint}", BAD_SETTINGS, as_json)
    admin = plain.get("admin") if isinstance(plain, dict) else None
    found = admin.get("socket", USUAL_SOCKET) if isinstance(admin, dict) else USUAL_SOCKET
    if not isinstance(found, str):
        fail(f"{path} has the admin socket switched off (admin: socket)", BAD_SETTINGS, as_json)
    return os.path.normpath(os.path.join(os.path.dirname(path), found))


class Daemon:
    """The running daemon, as one command asks it; `as_json` is how the command answers."""

    def __init__(self, transport: Transport, as_json: bool, place: str = "") -> None:
        self.transport, self.as_json, self.place = transport, as_json, place

    def get(self, target: str, **arguments: object) -> Any:
        """What is told at `target`; arguments that are `None` are left out."""
        return self.ask("GET", with_arguments(target, arguments))

    def post(self, target: str, body: Mapping[str, object] | None = None) -> Any:
        """What comes of asking for it."""
        return self.ask("POST", target, body)

    def ask(self, method: str, target: str, body: Mapping[str, object] | None = None) -> Any:
        """The answer's JSON; ends the process, with a sentence, where there is none or it says no."""
        status, told = self.answer(method, target, body)
        if status >= 400:
            self.refused(told)
        return told

    def answer(self, method: str, target: str, body: Mapping[str, object] | None = None) -> tuple[int, Any]:
        """Status and JSON of the answer; ends the process where there is none."""
        sent = None if body is None else json.dumps(body).encode()
        try:
            status, answer = self.transport(method, target, sent)
            return status, json.loads(answer)
        except (FileNotFoundError, ConnectionRefusedError):
            self.absent("no targon-gw runs here: start it with 'targon-gw run' or 'systemctl start targon-gw'")
        except PermissionError:
            self.absent("it is for the user of the daemon alone: try again as that user, or with sudo")
        except TimeoutError:
            self.absent(f"no answer within {PATIENCE:.0f} s")
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.absent(f"no answer that can be used ({type(error).__name__}): is it targon-gw that listens there?")

    def absent(self, why: str) -> NoReturn:
        """End the process: nobody answers."""
        message = f"{self.place}: {why}" if self.place else why
        if self.as_json:
            print_json({"error": {"code": "no_daemon", "message": message}})
        fail(message)

    def refused(self, told: Any) -> NoReturn:
        """End the process: the daemon says no."""
        error = told.get("error") if isinstance(told, dict) else None
        if self.as_json:
            print_json(told)
            sys.exit(FAILED)
        fail(clean(error["message"] if isinstance(error, dict) else "the daemon refused", lines=True))


def with_arguments(target: str, arguments: Mapping[str, object]) -> str:
    """A target with a query."""
    given = {name: str(value) for name, value in arguments.items() if value is not None}
    return f"{target}?{urlencode(given)}" if given else target


def named(kind: str, name: str, act: str = "") -> str:
    """The target of a thing by its name: `/keys/k-1f…/test`."""
    return f"/{kind}/{quote(name, safe='')}" + (f"/{act}" if act else "")


def reach(context: click.Context, path: str, socket_path: str | None, as_json: bool) -> Daemon:
    """The daemon that the options name; `context.obj` is another way to it, where there is one."""
    transport: Transport | None = context.obj
    if transport is not None:
        return Daemon(transport, as_json)
    place = socket_path or socket_of(path, as_json)
    return Daemon(over_socket(place), as_json, place)


def to_daemon(verb: Callable[..., None]) -> Callable[..., None]:
    """Give `verb` the options that say where the daemon is, and hand it the `Daemon` before its other arguments."""

    @file_option
    @socket_option
    @json_option
    @click.pass_context
    @functools.wraps(verb)
    def asking(context: click.Context, /, path: str, socket_path: str | None, as_json: bool, **given: Any) -> None:
        verb(reach(context, path, socket_path, as_json), **given)

    return asking
