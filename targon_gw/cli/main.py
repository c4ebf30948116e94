"""`targon-gw`: what an operator types.

Each verb lives in the module of its family, which is loaded only when it is asked for, and imports what is heavy only
when it runs: `status` and `--help` answer at once and load neither a reactor nor the server. Problems go to standard
error, results to standard output. Exit codes: 0; 1 failed; 2 usage; 75 another daemon has the state; 78 settings.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from .telling import no_colour

FAMILIES: Final = {
    "run": "running",
    "demo": "running",
    "rehearse": "running",
    "check": "running",
    "config": "running",
    "status": "status",
    "reload": "running",
    "drain": "running",
    "keys": "keys",
    "clients": "clients",
    "models": "models",
    "usage": "usage",
    "calls": "calls",
    "state": "state",
    "backup": "state",
    "restore": "state",
    "install-service": "installing",
}
"""Verbs by the module that has them, in the order of `--help`."""


class Verbs(click.Group):
    """The verbs, each loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order that an operator needs them in."""
        return list(FAMILIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, or None where there is none of that name."""
        family = FAMILIES.get(cmd_name)
        if family is None:
            return None
        command: click.Command = getattr(import_module(f"targon_gw.cli.{family}"), cmd_name.replace("-", "_"))
        return command


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


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit."
)
@click.pass_context
def main(context: click.Context) -> None:
    """An OpenAI-compatible gateway over many keys of an AI-model vendor."""
    no_colour(context)
