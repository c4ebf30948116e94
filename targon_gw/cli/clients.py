"""`targon-gw clients`: the keys that we issue. A new key is shown once, on standard output, and kept by nobody."""

from __future__ import annotations

from typing import Any

import click

from . import users
from .client import Daemon, named, to_daemon
from .telling import Span, clean, many, moment, print_json, tell_facts, tell_table

LIMITS = ("requests_per_minute", "tokens_per_minute", "concurrent")


@click.group()
def clients() -> None:
    """Who may call: keys, limits, quotas; and users, who have a password as well."""


for verb in users.VERBS:
    clients.add_command(verb)


@clients.command("list")
@to_daemon
def list_clients(daemon: Daemon) -> None:
    """All clients and users, with what they have left."""
    told = daemon.get("/clients")
    issued = list(users.all_users(daemon))
    if daemon.as_json:
        print_json({**told, "users": issued})
        return
    columns = ["client", "key", ">busy", ">calls", ">used", ">left", "quota", "models"]
    tell_table(
        columns,
        [*map(_row, told["clients"]), *map(users.row, issued)],
        wide=("quota", "models"),
        spare=("key", "models"),
    )


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
    facts = [(told["name"], f"key {told['key']}"), *(users.facts_of(told["user"]) if "user" in told else ())]
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
@click.option("--user", is_flag=True, help="Make a user, who can sign in; it has the settings' default limits.")
@click.option("--admin", is_flag=True, help="Make a user who may administer the gateway on its pages.")
@users.password_stdin
@users.generate
@to_daemon
def add(daemon: Daemon, name: str, **given: Any) -> None:
    """Issue a key for a client called NAME, or make a user of that name. The key is shown this once."""
    if given["user"] or given["admin"]:
        _add_user(daemon, name, given)
        return
    if given["password_stdin"] or given["generate"]:
        raise click.UsageError("Only users have a password: add --user, or --admin.")
    limits = {limit: given[limit] for limit in LIMITS}
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


def _add_user(daemon: Daemon, name: str, given: dict[str, Any]) -> None:
    if any(given[option] for option in ("models", "quota", "allow_from", "expires", *LIMITS)):
        raise click.UsageError("A user has default_limits and default_quota of gateway.yaml: it takes no other limits.")
    password = users.wanted_password(given["password_stdin"], given["generate"])
    users.add_user(daemon, name, given["admin"], password, given["generate"])


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
    """End a client's key now; a user may sign in no more either, until it is enabled."""
    told = daemon.post(named("clients", name, "revoke"))
    if daemon.as_json:
        print_json(told)
    else:
        click.echo(f"{clean(name)} may call no more")
