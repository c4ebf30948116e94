"""`targon-gw install-service`: writes the files by which systemd runs this installation, and says what comes next.

It runs nothing and starts nothing. What an operator has edited is never written over without `--force`; to write the
same again is no change.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from .client import INSTALLED
from .telling import fail, print_json
from .units import FD_LISTEN, Installation, address_of, awkward

if TYPE_CHECKING:
    from targon_gw.core.config import Config

USUAL = "127.0.0.1:3811"
"""Where the socket listens, where nothing says otherwise."""


@frozen
class Written:
    """A file to be: its path, its text, and what is there now (`None`: nothing)."""

    path: str
    text: str
    there: str | None

    @property
    def state(self) -> str:
        """`new`, `same` or `differs`."""
        return "new" if self.there is None else "same" if self.there == self.text else "differs"


@click.command("install-service")
@click.option(
    "-c",
    "--config",
    "path",
    default=INSTALLED,
    show_default=True,
    help="The gateway.yaml of the service.",
    metavar="FILE",
)
@click.option("--root", default="/", show_default=True, metavar="DIR", help="Write below DIR: for packages and images.")
@click.option(
    "--bin", "programs", metavar="DIR", help="The folder of twistd and targon-gw.  [default: that of this Python]"
)
@click.option("--socket/--no-socket", default=None, help="Have systemd keep the socket.  [default: as `listen` says]")
@click.option("--listen", metavar="ADDRESS", help="Where that socket listens, such as 127.0.0.1:3811 or [::1]:3811.")
@click.option("--dry-run", is_flag=True, help="Print the files, and write none.")
@click.option("--force", is_flag=True, help="Write over files that have been edited.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def install_service(path: str, root: str, programs: str | None, socket: bool | None, **options: Any) -> None:
    """Write the systemd units for this installation.

    The commands that are to follow are told. Files that have been edited stay as they are without --force.
    """
    gateway = os.path.abspath(path)
    found = os.path.abspath(programs or os.path.dirname(sys.executable))
    for place in (gateway, found):
        if awkward(place):
            fail(f"{place}: units can't have a path with such characters in it", 2)
    config = _settings(root, gateway)
    address = options["listen"] or _address(config)
    if socket is False or (socket is None and options["listen"] is None and not _is_handed(config)):
        address = None
    elif address is None:
        address = USUAL
    files = [_as_is(root, name, text) for name, text in Installation(found, gateway, address).files().items()]
    advice = _advice(config, gateway, address)
    if options["dry_run"]:
        _show(files, options["as_json"])
        return
    _write(files, root, options["force"])
    _tell(files, [*advice, *_next(found, gateway, address, root)], options["as_json"])


def _settings(root: str, gateway: str) -> Config | None:
    """The settings, where they are there and good: what is to listen is taken from them."""
    from targon_gw.settings.loading import load
    from targon_gw.settings.problems import SettingsError

    try:
        return load(_below(root, gateway)).config
    except (SettingsError, OSError):
        return None


def _is_handed(config: Config | None) -> bool:
    from targon_gw.listening import is_handed

    return config is not None and any(map(is_handed, config.listen))


def _address(config: Config | None) -> str | None:
    return None if config is None else next((found for one in config.listen if (found := address_of(one))), None)


def _below(root: str, path: str) -> str:
    return os.path.join(root, path.lstrip("/"))


def _as_is(root: str, name: str, text: str) -> Written:
    path = _below(root, name)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return Written(path, text, file.read())
    except FileNotFoundError:
        return Written(path, text, None)
    except OSError as error:
        fail(f"{path}: {error.strerror}")


def _show(files: list[Written], as_json: bool) -> None:
    if as_json:
        print_json([{"path": file.path, "state": file.state, "text": file.text} for file in files])
        return
    click.echo("\n".join(f"# --- {file.path} ({file.state})\n{file.text}" for file in files), nl=False)


def _write(files: list[Written], root: str, force: bool) -> None:
    """Write what is new; all of it or, where something was edited, nothing."""
    edited = [file.path for file in files if file.state == "differs"]
    if edited and not force:
        fail(f"{', '.join(edited)}: not as this would write it, and left alone, as is the rest; --force writes over it")
    if not os.path.isdir(root):
        fail(f"{root}: there is no such folder")
    for file in files:
        if file.state != "same":
            _put(file)


def _put(file: Written) -> None:
    """Write one file, whole or not at all."""
    temporary = f"{file.path}.targon-gw-new"
    try:
        os.makedirs(os.path.dirname(file.path), 0o755, exist_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644), "w") as out:
            os.fchmod(out.fileno(), 0o644)
            out.write(file.text)
        os.replace(temporary, file.path)
    except OSError as error:
        fail(f"{file.path}: {error.strerror}")


def _advice(config: Config | None, gateway: str, address: str | None) -> list[str]:
    """What of the settings does not fit the units, as comments above the commands."""
    if config is None:
        return [f"# {gateway} is not there yet, or not in order: targon-gw check -c {gateway}"]
    if address is not None and not _is_handed(config):
        return [f"# {gateway} must say: listen: {FD_LISTEN}"]
    if address is None and not _is_handed(config):
        return [
            "# a restart refuses connections unless systemd keeps the socket: for that,",
            f"#   let {gateway} say: listen: {FD_LISTEN}",
            "#   and run this again",
        ]
    return []


def _next(programs: str, gateway: str, address: str | None, root: str) -> list[str]:
    """The commands that make it run; nothing for a tree that is not this machine."""
    if os.path.abspath(root) != "/":
        return []
    socket = " targon-gw.socket" if address is not None else ""
    return [
        "systemd-sysusers targon-gw.conf",
        "systemd-tmpfiles --create targon-gw.conf",
        f"{shlex.quote(programs)}/targon-gw check -c {shlex.quote(gateway)}",
        "systemctl daemon-reload",
        f"systemctl enable --now{socket} targon-gw.service",
        "systemctl status targon-gw",
    ]


def _tell(files: list[Written], commands: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"files": [{"path": file.path, "was": file.state} for file in files], "next": commands})
        return
    for file in files:
        click.echo(f"{'unchanged' if file.state == 'same' else 'written':<10} {file.path}", err=True)
    if commands:
        click.echo("\nas root, next:\n", err=True)
    click.echo("\n".join(commands))
