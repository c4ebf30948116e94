"""`targon-gw`: what an operator types.

Each verb imports what it needs when it runs, so that `--help` and `check` answer at once and load neither a reactor
nor the server. Problems go to standard error, results to standard output. Exit codes: 0; 1 failed; 2 usage; 78 settings
(EX_CONFIG of sysexits.h, which systemd is told not to restart on).
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from targon_gw.core.config import Config
    from targon_gw.settings.loading import Loaded
    from targon_gw.settings.problems import Problem

FAILED: Final = 1
BAD_SETTINGS: Final = 78
LOCAL: Final = os.path.join("conf", "gateway.yaml")
INSTALLED: Final = "/etc/targon-gw/gateway.yaml"
OBSERVER: Final = "targon_gw.logs.observer"


def _usual_file() -> str:
    """The settings where `-c` is not given: those of the working directory, else those of the installation."""
    return LOCAL if os.path.exists(LOCAL) else INSTALLED


_file_option = click.option(
    "-c",
    "--config",
    "path",
    metavar="FILE",
    default=_usual_file,
    help=f"gateway.yaml. Without it: {LOCAL} if it exists, else {INSTALLED}.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda *given: _version(*given),
    help="Show the version and exit.",
)
@click.pass_context
def main(context: click.Context) -> None:
    """An OpenAI-compatible gateway over many keys of an AI-model vendor."""
    if "NO_COLOR" in os.environ:
        context.color = False


@main.command()
@_file_option
def run(path: str) -> None:
    """Run the gateway in the foreground.

    The same as `twistd -n targon-gw -c FILE`, with the log of one line an event.
    """
    _twistd(["-c", path])


@main.command()
@_file_option
def demo(path: str) -> None:
    """Run it with a vendor in a box, a key, and faults to play with."""
    _twistd(["-c", path, "--demo"])


@main.command()
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
        _fail(str(error))


@main.command()
@_file_option
@_json_option
def check(path: str, as_json: bool) -> None:
    """Check the settings: every mistake in all four files at once."""
    loaded = _loaded(path, as_json)
    found = _counts(loaded.config)
    if as_json:
        _print_json({"ok": True, "found": found, "without_effect": loaded.ignored, "files": loaded.files})
        return
    click.echo(
        f"{_many(found['keys'], 'key')} of {_many(found['accounts'], 'account')}, "
        f"{_many(found['models'], 'model')}, {_many(found['clients'], 'client')}"
    )
    if loaded.ignored:
        click.echo(f"set, but without effect yet: {', '.join(loaded.ignored)}", err=True)


@main.group()
def config() -> None:
    """The settings in force, and their schema."""


@config.command()
@_file_option
@_json_option
def show(path: str, as_json: bool) -> None:
    """What is in force, defaults included; secrets as fingerprints."""
    from targon_gw.settings import showing

    loaded = _loaded(path, as_json)
    if as_json:
        _print_json(showing.show(loaded.config))
    else:
        click.echo(showing.show_yaml(loaded.config), nl=False)


@config.command()
@_json_option
def schema(as_json: bool) -> None:
    """A JSON Schema (draft 2020-12) of the four files, each under $defs."""
    from targon_gw.settings.schema import schema as make_schema

    # The schema is JSON either way; the switch is there because every verb has it.
    del as_json
    _print_json(make_schema())


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """`--version`: what is installed; a source tree that is not has none."""
    if not wanted:
        return
    from importlib import metadata

    try:
        version = metadata.version("targon-gw")
    except metadata.PackageNotFoundError:
        version = "(not installed)"
    click.echo(f"targon-gw {version}")
    context.exit()


def _loaded(path: str, as_json: bool) -> Loaded:
    """The settings of `path`; ends the process with 78 and all problems if they cannot be used."""
    from targon_gw.settings.loading import load
    from targon_gw.settings.problems import SettingsError

    try:
        return load(path)
    except SettingsError as error:
        if as_json:
            _print_json({"ok": False, "problems": [_as_plain(problem) for problem in error.problems]})
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


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _fail(message: str) -> None:
    """Ends the process: what was asked for could not be done."""
    click.echo(f"targon-gw: {message}", err=True)
    sys.exit(FAILED)


def _twistd(options: list[str]) -> None:
    """Hand the process over to twistd, which runs our service with `options`."""
    from twisted.scripts import twistd

    sys.argv = ["twistd", "-n", "--pidfile=", f"--logger={OBSERVER}", "targon-gw", *options]
    twistd.run()
