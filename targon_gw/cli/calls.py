"""`targon-gw calls`: the last calls, as they end, and one of them with its attempts."""

from __future__ import annotations

import json
import time
from itertools import takewhile
from typing import Any

import click

from .client import Daemon, file_option, json_option, named, reach, socket_option, to_daemon
from .telling import clean, moment, print_json, span, styled, tell_facts, tell_table, usd

EVERY = 1.0
"""Seconds between two looks of `-f`."""


@click.group(invoke_without_command=True)
@click.option("-f", "--follow", is_flag=True, help="Go on, as calls end, until Ctrl-C.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@click.option("--status", metavar="STATUS", help="That ended so: 429, 5xx, or served, truncated, abandoned …")
@click.option("--key", "key_id", metavar="KEY", help="In which this key had a part.")
@file_option
@socket_option
@json_option
@click.pass_context
def calls(context: click.Context, /, path: str, socket_path: str | None, as_json: bool, **given: Any) -> None:
    """The last calls, the latest last; `calls show ID` has all of one."""
    if context.invoked_subcommand is None:
        _list(reach(context, path, socket_path, as_json), **given)


def _list(daemon: Daemon, follow: bool, limit: int, status: str | None, key_id: str | None) -> None:
    seen: set[str] = set()
    asked = {"limit": limit, "status": status, "key": key_id}
    while True:
        found = daemon.get("/calls", **asked)["calls"]
        new = _new(found, seen)
        if daemon.as_json and not follow:
            print_json({"calls": found})
        elif daemon.as_json:
            for call in new:
                click.echo(json.dumps(call, ensure_ascii=False))
        else:
            _tell(new)
        if not follow:
            return
        seen = {call["id"] for call in found}
        asked["limit"] = 1000
        time.sleep(EVERY)


def _new(found: list[dict[str, Any]], seen: set[str]) -> list[dict[str, Any]]:
    """Those before the first that was told already, the latest last: what follows it is older, told or not."""
    return [*takewhile(lambda call: call["id"] not in seen, found)][::-1]


def _tell(calls: list[dict[str, Any]]) -> None:
    columns = ["at", "call", "status", "ending", "client", "model", "key", ">tries", ">first", ">took", ">tokens"]
    tell_table(
        columns,
        map(_row, calls),
        wide=("client", "model"),
        spare=("tokens", "client", "first", "key", "took", "model", "tries"),
    )


def _row(call: dict[str, Any]) -> list[object]:
    first = call.get("first")
    tokens = call.get("prompt", 0) + call.get("completion", 0)
    return [
        moment(call["at"])[11:],
        call["id"],
        call.get("status"),
        call.get("ending"),
        call.get("client"),
        call.get("model"),
        call.get("key"),
        call.get("attempts"),
        None if first is None else span(first),
        span(call.get("took", 0.0)),
        f"{tokens:,}" if tokens else None,
    ]


@calls.command()
@click.argument("call_id", metavar="ID")
@to_daemon
def show(daemon: Daemon, call_id: str) -> None:
    """One call: what came of it, and the attempts that failed."""
    told = daemon.get(named("calls", call_id))
    if daemon.as_json:
        print_json(told)
        return
    facts = [(told["id"], f"{styled(told['ending'])} {told.get('status') or ''}".rstrip())]
    facts.append(("at", f"{moment(told['at'])}, took {span(told.get('took', 0.0))}"))
    for name, label in (
        ("client", "client"),
        ("reference", "client's id"),
        ("model", "model"),
        ("served", "served by"),
    ):
        if told.get(name):
            facts.append((label, clean(told[name])))
    if told.get("key"):
        facts.append(("key", clean(f"{told['key']} of {told.get('account')} at {told.get('upstream')}")))
    if told.get("first") is not None:
        facts.append(("first token", span(told["first"])))
    facts.append(("tokens", _tokens(told)))
    facts += [("note", clean(told["note"]))] if told.get("note") else []
    tell_facts(facts)
    if told["failed_attempts"]:
        click.echo()
        rows = [
            (
                moment(one["at"])[11:],
                *(one.get(name) for name in ("key", "upstream", "status")),
                span(one.get("took", 0.0)),
                one.get("note"),
            )
            for one in told["failed_attempts"]
        ]
        tell_table(["at", "key", "upstream", "status", ">took", "why it failed"], rows, wide=("why it failed",))


def _tokens(told: dict[str, Any]) -> str:
    if "source" not in told:
        return "none"
    text = f"{told.get('prompt', 0):,} + {told.get('completion', 0):,} (by: {clean(told['source'])})"
    return f"{text}, {usd(told['cost'])} USD" if told.get("cost") else text
