"""`targon-gw models`: the catalog as it stands, with how many of each model's keys are well, in a word."""

from __future__ import annotations

import click

from .client import Daemon, to_daemon
from .telling import print_json, tell_table


@click.command()
@to_daemon
def models(daemon: Daemon) -> None:
    """The models that are offered, how they are, and who serves them."""
    told = daemon.get("/models")
    if daemon.as_json:
        print_json(told)
        return
    rows = []
    for model in told["models"]:
        alias = "" if model["name"] == model["id"] else model["id"]
        rows.append((model["name"], model["state"], model["kind"], alias, ", ".join(model["routes"])))
    tell_table(
        ["model", "state", "kind", "alias of", "routes"], rows, wide=("alias of", "routes"), spare=("kind", "routes")
    )
