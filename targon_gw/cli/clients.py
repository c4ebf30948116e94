"""`targon-gw clients`: the keys that we issue. A new key is shown once, on standard output, and kept by nobody."""

from __future__ import annotations

from typing import Any

import click

from .client import Daemon, named, to_daemon
from .telling import Span, clean, many, moment, print_json, tell_facts, tell_table


@click.group()
def clients() -> None:
    """Who may call: keys, limits, quotas."""


@clients.command("list")
@to_daemon
def list_clients(daemon: Daemon) -> None:
    """All clients, with what they have left."""
    told = daemon.get("/clients")
    if daemon.as_json:
        print_json(told)
        return
    columns = ["client", "key", ">busy", ">calls", ">used", ">left", "quota", "models"]
    tell_table(columns, map(_row, told["clients"]), wide=("quota", "models"), spare=("key", "models"))


def _row(client: dict[str, Any]) -> list[object]:
    use = client["use"]
    quota = use.get("quota") or {}
    models = "all" if client["models"] is None else ", ".join(client["models"])
    used, left = _amount(quota, "used"), _amount(quota, "remaining")
    return [client["name"], client["key"], use.get("in_flight"), use.get("requests"), used, left, _plan(client), models]


def _amount(quota: dict[str, Any], name: str) -> str | None:
    value = quota.get(name)
    return None if value is None else f"{value:,}"


def _plan(client: dict[str, Any]) -> str:
    plan = client["plan"]
    return "" if plan is None else f"{plan['amount']:,} {plan['unit']} per {plan['per']}"


@clients.command()
@click.argument("name")
@to_daemon
def show(daemon: Daemon, name: str) -> None:
    """One client: limits, quota, what it has used."""
    told = daemon.get(named("clients", name))
    if daemon.as_json:
        print_json(told)
        return
    use = told["use"]
    facts = [(told["name"], f"key {told['key']}")]
    limits = [f"{value:,} {limit.replace('_', ' ')}" for limit, value in told["limits"].items() if value is not None]
    facts.append(("limits", ", ".join(limits) or "none"))
    facts.append(("models", "all" if told["models"] is None else ", ".join(map(clean, told["models"]))))
    facts += [("from", ", ".join(told["allow_from"]))] if told["allow_from"] else []
    facts += [("expires", clean(told["expires"]))] if told["expires"] else []
    facts.append(("quota", _quota(use.get("quota"), _plan(told))))
    tokens = use.get("tokens")
    counted = [many(use["requests"], "call")] if "requests" in use else []
    if tokens:
        counted.append(
            f"{tokens['prompt']:,} + {tokens['completion']:,} tokens, {tokens['estimated']:,} of them estimated"
        )
    facts.append(("used in all", ", ".join(counted) or "nothing is known"))
    tell_facts(facts)


def _quota(quota: dict[str, Any] | None, plan: str) -> str:
    if not quota:
        return plan or "none"
    text = f"{plan or 'so far'}: {quota['used']:,} used, {quota['held']:,} held, {quota['remaining']:,} left"
    resets = quota.get("resets_at")
    if resets is None:
        return text
    return f"{text} until {moment(resets) if isinstance(resets, int | float) else clean(resets)}"


@clients.command()
@click.argument("name")
@click.option("--model", "models", multiple=True, metavar="PATTERN", help="A model that it may use; again for more.")
@click.option("--requests-per-minute", type=click.IntRange(1))
@click.option("--tokens-per-minute", type=click.IntRange(1))
@click.option("--concurrent", type=click.IntRange(1))
@click.option("--quota", type=click.FloatRange(0), help="How much it may use in a window.")
@click.option("--unit", type=click.Choice(["tokens", "requests", "usd"]), default="tokens", show_default=True)
@click.option("--per", type=click.Choice(["hour", "day", "month", "total"]), default="day", show_default=True)
@click.option("--allow-from", multiple=True, metavar="NETWORK", help="Where it may call from; again for more.")
@click.option("--expires", metavar="DATE", help="From when on it is refused, such as 2027-01-31.")
@to_daemon
def add(daemon: Daemon, name: str, **given: Any) -> None:
    """Issue a key for a client called NAME. The key is shown this once."""
    limits = {limit: given[limit] for limit in ("requests_per_minute", "tokens_per_minute", "concurrent")}
    quota = given["quota"]
    if quota is not None:
        amount = quota if given["unit"] == "usd" or not quota.is_integer() else int(quota)
        quota = {given["unit"]: amount, "per": given["per"]}
    body: dict[str, object] = {
        "name": name,
        "models": list(given["models"]) or None,
        "limits": {limit: value for limit, value in limits.items() if value is not None},
        "quota": quota,
        "allow_from": list(given["allow_from"]),
        "expires": given["expires"],
    }
    told = daemon.post("/clients", body)
    _tell_key(daemon, told, f"{clean(name)} may call now; the entry stands in {clean(told['file'])}")


@clients.command()
@click.argument("name")
@click.option("--grace", type=Span(), help="For how long the old key is still good; without it, it ends at once.")
@to_daemon
def rotate(daemon: Daemon, name: str, grace: float | None) -> None:
    """Issue another key in the place of the old one. The key is shown this once."""
    told = daemon.post(named("clients", name, "rotate"), {"grace": grace or 0.0})
    until = told["former_until"]
    _tell_key(daemon, told, "the old key has ended" if until is None else f"the old key is good until {clean(until)}")


def _tell_key(daemon: Daemon, told: dict[str, Any], sentence: str) -> None:
    """The key alone on standard output, so that it can be piped into where it belongs."""
    if daemon.as_json:
        print_json(told)
        return
    click.echo(told["key"])
    click.echo(f"{sentence}. The key is not shown again.", err=True)


@clients.command()
@click.argument("name")
@to_daemon
def revoke(daemon: Daemon, name: str) -> None:
    """End a client's key now."""
    told = daemon.post(named("clients", name, "revoke"))
    if daemon.as_json:
        print_json(told)
    else:
        click.echo(f"{clean(name)} may call no more")
