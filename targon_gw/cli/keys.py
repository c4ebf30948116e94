"""`targon-gw keys`: the vendors' keys, by fingerprint. A secret is never an argument: `ps` shows those to everybody."""

from __future__ import annotations

import sys
from typing import Any, TextIO

import click

from .client import Daemon, named, to_daemon, with_arguments
from .importing import import_keys, undo_import
from .telling import FAILED, Span, clean, moment, print_json, span, styled, tell_facts, tell_table, until

upstream_option = click.option("--upstream", metavar="NAME", help="Of this upstream.")


@click.group()
def keys() -> None:
    """The vendors' keys: how they are, and what is to become of them."""


keys.add_command(import_keys)
keys.add_command(undo_import)


@keys.command("list")
@upstream_option
@to_daemon
def list_keys(daemon: Daemon, upstream: str | None) -> None:
    """All keys, with their state, and why."""
    told = daemon.get("/keys", upstream=upstream)
    if daemon.as_json:
        print_json(told)
        return
    columns = ["key", "state", "back", ">busy", ">served", "account", "upstream", "why", "note"]
    tell_table(
        columns,
        [_row(key, told["now"]) for key in told["keys"]],
        wide=("account", "why", "note"),
        spare=("account", "upstream", "served", "note"),
    )


def _row(key: dict[str, Any], now: float) -> list[object]:
    why = key["why"] or ""
    if key["state"] == "usable" and key["models_out"]:
        why = f"not {', '.join(key['models_out'])}: {why}"
    account = "" if key["account"] == key["id"] else key["account"]
    back = until(key["until"], now)
    return [key["id"], key["state"], back, key["in_flight"], key["served"], account, key["upstream"], why, key["note"]]


@keys.command()
@click.argument("key_id", metavar="KEY")
@upstream_option
@to_daemon
def why(daemon: Daemon, key_id: str, upstream: str | None) -> None:
    """Why a key is as it is: its last changes, and what it depends on."""
    told = daemon.get(named("keys", key_id), upstream=upstream)
    if daemon.as_json:
        print_json(told)
        return
    now = told["now"]
    rest = "" if told["until"] is None else f" for {span(told['until'] - now)} more"
    facts = [(told["id"], f"{styled(told['state'])}{rest}")]
    facts += [(name, clean(told[name])) for name in ("upstream", "account", "note") if told[name]]
    if told["shares_account_with"]:
        facts.append(("shared with", ", ".join(told["shares_account_with"])))
    facts.append(("calls", f"{told['served']} served, {told['in_flight']} under way, weight {told['weight']}"))
    if told["first_token"] is not None:
        facts.append(("first token", span(told["first_token"])))
    tell_facts(facts)
    click.echo()
    rows = [(one["what"], one["health"], until(one["until"], now)) for one in told["depends_on"]]
    tell_table(["depends on", "health", "back"], rows, wide=("depends on",))
    click.echo()
    tell_table(
        ["at", "what", "from", "to", "reason", "request"],
        map(_change, told["changes"]),
        wide=("what", "reason"),
        spare=("from", "request"),
    )


def _change(change: dict[str, Any]) -> list[object]:
    reason, request = change["reason"], change["request_id"]
    return [moment(change["at"]), change["what"], change["before"], change["after"], reason, request]


@keys.command()
@click.argument("key_id", metavar="KEY")
@upstream_option
@to_daemon
def test(daemon: Daemon, key_id: str, upstream: str | None) -> None:
    """Ask the vendor now, with one small call; exit 1 unless it is served."""
    told = daemon.post(with_arguments(named("keys", key_id, "test"), {"upstream": upstream}))
    if daemon.as_json:
        print_json(told)
    else:
        took = "" if told.get("took") is None else f" in {span(told['took'])}"
        click.echo(f"{clean(key_id)} {styled(told['outcome'])}{took}: {clean(told['reason'])}")
        ended = "its rest is over; " if told["rest_ended"] else ""
        click.echo(f"{ended}it is {styled(told['key']['state'])} now")
    sys.exit(0 if told["outcome"] == "served" else FAILED)


@keys.command()
@click.argument("key_id", metavar="KEY")
@click.option("--for", "seconds", type=Span(), help="For how long, such as 2h; without it, until it is enabled.")
@upstream_option
@to_daemon
def disable(daemon: Daemon, key_id: str, seconds: float | None, upstream: str | None) -> None:
    """Take a key out of the draw; its running calls go on."""
    target = with_arguments(named("keys", key_id, "disable"), {"upstream": upstream})
    _tell_key(daemon, daemon.post(target, {"for": seconds}))


@keys.command()
@click.argument("key_id", metavar="KEY")
@upstream_option
@to_daemon
def enable(daemon: Daemon, key_id: str, upstream: str | None) -> None:
    """Put a key back that is disabled, barred or resting."""
    _tell_key(daemon, daemon.post(with_arguments(named("keys", key_id, "enable"), {"upstream": upstream})))


def _tell_key(daemon: Daemon, key: dict[str, Any]) -> None:
    if daemon.as_json:
        print_json(key)
        return
    end = "" if key["until"] is None else f" until {moment(key['until'])}"
    why = f" ({clean(key['why'])})" if key["why"] and key["state"] != "usable" else ""
    click.echo(f"{key['id']} is {styled(key['state'])}{end}{why}")


@keys.command()
@click.argument("upstream")
@click.option("--account", metavar="NAME", help="The account that the key belongs to; without it, one of its own.")
@click.option("--note", default="", help="A line for people.")
@click.option("--from", "file", type=click.File("r"), help="Read the key from this file (- is standard input).")
@to_daemon
def add(daemon: Daemon, upstream: str, account: str | None, note: str, file: TextIO | None) -> None:
    """Add a key of UPSTREAM, in use at once.

    It is asked for at the terminal, or read from standard input. It goes to a file of its own in keys.d, never to
    yours.
    """
    body = {"upstream": upstream, "secret": _secret(file), "account": account, "note": note}
    told = daemon.post("/keys", body)
    if daemon.as_json:
        print_json(told)
    else:
        click.echo(f"{told['id']} is in use; it stands in {clean(told['file'])}")


def _secret(file: TextIO | None) -> str:
    if file is None and sys.stdin.isatty():
        return str(click.prompt("Key", hide_input=True, err=True)).strip()
    return (file or sys.stdin).readline().strip()


@keys.command()
@click.argument("key_id", metavar="KEY")
@upstream_option
@to_daemon
def rm(daemon: Daemon, key_id: str, upstream: str | None) -> None:
    """Take a key out for good, where it was added by `keys add` or `keys import`."""
    told = daemon.ask("DELETE", with_arguments(named("keys", key_id), {"upstream": upstream}))
    if daemon.as_json:
        print_json(told)
    else:
        click.echo(f"{told['id']} is gone from {clean(told['file'])}; its running calls go on")
