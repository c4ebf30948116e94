"""Verbs that run something, that have a running daemon read its settings or end, and that look at the settings here."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from .client import Daemon, file_option, json_option, to_daemon
from .telling import BAD_SETTINGS, clean, fail, many, print_json

if TYPE_CHECKING:
    from targon_gw.core.config import Config
    from targon_gw.settings.loading import Loaded
    from targon_gw.settings.problems import Problem

OBSERVER: Final = "targon_gw.logs.observer"


@click.command()
@file_option
@click.option("--recover", is_flag=True, help="Set aside what is damaged in the state folder, and go on without it.")
def run(path: str, recover: bool) -> None:
    """Run the gateway in the foreground.

    The same as `twistd -n targon-gw -c FILE`, with the log of one line an event.
    """
    _twistd(["-c", path, *(["--recover"] if recover else [])])


@click.command()
@file_option
def demo(path: str) -> None:
    """Run it with a vendor in a box, a key, and faults to play with."""
    _twistd(["-c", path, "--demo"])


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="any free one")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--pace", type=click.FloatRange(0), default=40.0, show_default=True, help="Events a second; 0: as fast as may be."
)
@click.option("--dialect", type=click.Choice(["openai", "targon", "vllm"]), default="targon", show_default=True)
@click.option(
    "--first-token", type=click.FloatRange(0), default=0.3, show_default=True, help="Seconds until an answer begins."
)
def rehearse(port: int, host: str, pace: float, dialect: str, first_token: float) -> None:
    """Run a vendor in a box: Targon's habits, and every fault by name."""
    from twisted.internet.error import CannotListenError

    from targon_gw.core.config import Dialect
    from targon_gw.rehearsal.command import rehearse as run_vendor

    try:
        run_vendor(port=port, host=host, pace=pace, dialect=Dialect(dialect), first_token=first_token)
    except CannotListenError as error:
        fail(str(error))


@click.command()
@to_daemon
def reload(daemon: Daemon) -> None:
    """Have the daemon read its settings again.

    They are applied whole or not at all: exit 78 where they can't be, and the last good ones stay in force.
    """
    _, told = daemon.answer("POST", "/reload")
    if "applied" not in told:
        daemon.refused(told)
    if daemon.as_json:
        print_json(told)
    elif told["applied"]:
        changes = [clean(change) for change in told.get("changes", ())]
        click.echo("\n".join(changes) or "nothing has changed")
    else:
        click.echo(clean("\n".join(told["problems"]), lines=True), err=True)
        click.echo("the last good settings stay in force", err=True)
    sys.exit(0 if told["applied"] else BAD_SETTINGS)


@click.command()
@to_daemon
def drain(daemon: Daemon) -> None:
    """Have the daemon end, as SIGTERM does: no new calls, the running ones within `drain`."""
    told = daemon.post("/drain")
    if daemon.as_json:
        print_json(told)
    else:
        click.echo(f"draining, {many(told['in_flight'], 'call')} under way")


@click.command()
@file_option
@json_option
def check(path: str, as_json: bool) -> None:
    """Check the settings: every mistake in all four files at once."""
    loaded = loaded_settings(path, as_json)
    found = _counts(loaded.config)
    if as_json:
        print_json({"ok": True, "found": found, "files": loaded.files})
        return
    click.echo(
        f"{many(found['keys'], 'key')} of {many(found['accounts'], 'account')}, "
        f"{many(found['models'], 'model')}, {many(found['clients'], 'client')}"
    )


@click.group()
def config() -> None:
    """The settings in force, and their schema."""


@config.command()
@file_option
@json_option
def show(path: str, as_json: bool) -> None:
    """What is in force, defaults included; secrets as fingerprints."""
    from targon_gw.settings import showing

    loaded = loaded_settings(path, as_json)
    if as_json:
        print_json(showing.show(loaded.config))
    else:
        click.echo(showing.show_yaml(loaded.config), nl=False)


@config.command()
@json_option
def schema(as_json: bool) -> None:
    """A JSON Schema (draft 2020-12) of the four files, each under $defs."""
    from targon_gw.settings.schema import schema as make_schema

    # The schema is JSON either way; the switch is there because every verb has it.
    del as_json
    print_json(make_schema())


def loaded_settings(path: str, as_json: bool) -> Loaded:
    """The settings of `path`; ends the process with 78 and all problems if they cannot be used."""
    from targon_gw.settings.loading import load
    from targon_gw.settings.problems import SettingsError

    try:
        return load(path)
    except SettingsError as error:
        if as_json:
            print_json({"ok": False, "problems": [_as_plain(problem) for problem in error.problems]})
        else:
            _tell(error)
        sys.exit(BAD_SETTINGS)


def _tell(error: Exception) -> None:
    """Problems on standard error; at a terminal, the places and carets stand out."""
    for line in str(error).split("\n"):
        if line.endswith("^") and line.lstrip().startswith("|"):
            click.echo(click.style(line, fg="red"), err=True)
        else:
            click.echo(click.style(line, bold=not line.startswith(" ")), err=True)


def _as_plain(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.path,
        "line": problem.line or None,
        "column": problem.column or None,
        "message": problem.message,
    }


def _counts(settings: Config) -> dict[str, int]:
    """How much of what is in `settings`."""
    keys = [(upstream.name, key.account) for upstream in settings.upstreams for key in upstream.keys]
    return {
        "keys": len(keys),
        "accounts": len(set(keys)),
        "models": len(settings.models),
        "clients": len(settings.clients),
    }


def _twistd(options: list[str]) -> None:
    """Hand the process over to twistd, which runs our service with `options`."""
    from twisted.scripts import twistd

    sys.argv = ["twistd", "-n", "--pidfile=", f"--logger={OBSERVER}", "targon-gw", *options]
    twistd.run()
