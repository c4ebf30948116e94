"""`targon-gw status`: how the gateway is, on one screen.

It must start within 0.15 s and load no more than a socket needs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click

from .client import Daemon, to_daemon
from .telling import clean, many, moment, print_json, span, styled, tell_facts, tell_table

ORDER = ("usable", "cooling", "exhausted", "barred", "disabled")
EVERY = 1.0
"""Seconds between two looks of `--watch`."""


@click.command()
@click.option("--watch", is_flag=True, help="Look again each second, until Ctrl-C.")
@to_daemon
def status(daemon: Daemon, watch: bool) -> None:
    """How the gateway is: keys, calls, settings, ledger."""
    if watch and daemon.as_json:
        raise click.UsageError("--watch and --json do not go together.")
    while True:
        told = daemon.get("/status")
        if daemon.as_json:
            print_json(told)
            return
        if watch:
            click.clear()
        _tell(told)
        if not watch:
            return
        time.sleep(EVERY)


def _tell(told: dict[str, Any]) -> None:
    tell_facts(_facts(told))
    if len(told["upstreams"]) > 1:
        click.echo()
        rows = [
            (one["name"], one["health"], one["keys"]["total"], *(one["keys"].get(state, 0) for state in ORDER))
            for one in told["upstreams"]
        ]
        tell_table(["upstream", "health", ">keys", *(f">{state}" for state in ORDER)], rows, wide=("upstream",))


def _facts(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    now = told["now"]
    draining = ", draining" if told["draining"] else ""
    yield "targon-gw", f"{clean(told['version'])}, {styled(told['status'])}{draining}, up {span(told['uptime'])}"
    if not told.get("clock_agrees", True):  # a daemon from before an upgrade does not say
        how = f"{span(abs(told['clock_ahead']))} {'ahead of' if told['clock_ahead'] > 0 else 'behind'}"
        text = f"the system's is {how} the one that the daemon goes by since its start: restart it"
        yield "clock", click.style(text, fg="red")
    yield "keys", _keys(told["keys"])
    yield "calls", f"{told['calls_a_second']:g} a second, {told['in_flight']} under way"
    settings = told["settings"]
    text = f"{clean(settings['path'])}, in force since {moment(settings['since'])}"
    if settings["problem"]:
        since = "" if settings["problem_at"] is None else f" {span(now - settings['problem_at'])} ago"
        text += f"\n{click.style('a later save was not taken', fg='red')}{since}:\n"
        text += clean(settings["problem"], lines=True)
    yield "settings", text
    yield "ledger", _ledger(told["state"])


def _keys(keys: dict[str, int]) -> str:
    others = [f"{keys[state]} {styled(state)}" for state in ORDER[1:] if keys.get(state)]
    return ", ".join([f"{keys['usable']} of {many(keys['total'], 'key')} {styled('usable')}", *others])


def _ledger(state: dict[str, Any]) -> str:
    age = state.get("snapshot_age")
    text = f"{many(state['n'], 'line')}, " + ("no snapshot yet" if age is None else f"snapshot {span(age)} old")
    if state.get("full"):
        text += "\n" + click.style("the disk is full: metered calls are refused until there is room", fg="red")
    return text
