"""`targon-gw clients`, as far as it is about users: people with a password, a key of their own, and maybe the right to
administer. The first administrator is made here, never by being the first to come.

A password is asked for without being shown, read from standard input, or made up and shown once; it is no argument,
since arguments are for every process to see.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from typing import Any, Final

import click

from .client import Daemon, named, to_daemon
from .telling import Span, clean, fail, many, moment, print_json, span, tell_table

PAGE: Final = 500
"""Users that are asked for at a time."""
GENERATED: Final = 15
"""Random bytes of a password that is made up: 20 characters."""
password_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input, one line.")
generate = click.option("--generate", is_flag=True, help="Make up a password, and show it this once.")


def all_users(daemon: Daemon) -> Iterator[dict[str, Any]]:
    """All users, the newest first."""
    offset, total = 0, 1
    while offset < total:
        told = daemon.get("/users", limit=PAGE, offset=offset)
        yield from told["users"]
        offset, total = offset + PAGE, told["total"]


def row(user: dict[str, Any]) -> list[object]:
    """A user in the table of clients."""
    use = user["use"]
    quota = use.get("quota") or {}
    figures = [None if quota.get(name) is None else f"{quota[name]:,}" for name in ("used", "remaining")]
    words = [
        word for word, holds in (("user", True), ("admin", user["admin"]), ("disabled", not user["enabled"])) if holds
    ]
    plan = f"{quota['limit']:,} {quota['unit']} per {quota['per']}" if "per" in quota else ""
    key = "out: in clients.yaml, too" if user["shadowed"] else user["key"]["masked"]
    return [user["name"], key, use.get("in_flight"), use.get("requests"), *figures, plan, ", ".join(words)]


def facts_of(user: dict[str, Any]) -> list[tuple[str, str]]:
    """What is told of a user beside what is told of every client."""
    words = ["admin" if user["admin"] else "user", *([] if user["enabled"] else ["disabled"])]
    seen = "" if user["seen"] is None else f", last seen {moment(user['seen'])}"
    facts = [("user", f"{', '.join(words)} since {moment(user['since'])}")]
    facts.append(("signed in", f"{many(user['sessions'], 'session')}{seen}"))
    return facts


def wanted_password(from_stdin: bool, made_up: bool) -> str:
    """The password that the options say; ends the process where there is none."""
    if from_stdin and made_up:
        raise click.UsageError("--password-stdin and --generate do not go together.")
    if made_up:
        return secrets.token_urlsafe(GENERATED)
    if from_stdin:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            fail("there is no password on standard input")
        return line
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


def add_user(daemon: Daemon, name: str, admin: bool, password: str, made_up: bool) -> None:
    """Make a user; the key, and a password that was made up, stand alone on lines of standard output."""
    told = daemon.post("/users", {"name": name, "password": password, "admin": admin})
    if daemon.as_json:
        print_json({**told, **({"password": password} if made_up else {})})
        return
    click.echo(told["secret"])
    if made_up:
        click.echo(password)
        click.echo("The second line is the password, which is not shown again.", err=True)
    who = "an administrator" if admin else "a user"
    click.echo(f"{clean(told['name'])} is {who} now, and may call with this key.", err=True)


@click.command()
@click.argument("name")
@to_daemon
def enable(daemon: Daemon, name: str) -> None:
    """Let a user whose key was revoked call and sign in again."""
    _told(daemon, daemon.post(named("users", name, "enable")), f"{clean(name)} may call and sign in again")


@click.command()
@click.argument("name")
@password_stdin
@generate
@to_daemon
def password(daemon: Daemon, name: str, password_stdin: bool, generate: bool) -> None:
    """Give a user another password; it is signed out everywhere. Its key stays."""
    new = wanted_password(password_stdin, generate)
    told = daemon.post(named("users", name, "password"), {"password": new})
    if daemon.as_json:
        print_json({**told, **({"password": new} if generate else {})})
        return
    if generate:
        click.echo(new)
    click.echo(f"{clean(name)} has another password, and is signed out everywhere.", err=True)


@click.command()
@click.argument("name")
@click.option("--off", is_flag=True, help="Take it back.")
@to_daemon
def admin(daemon: Daemon, name: str, off: bool) -> None:
    """Let a user administer the gateway on its pages. It has to sign in anew."""
    told = daemon.post(named("users", name, "admin"), {"admin": not off})
    _told(daemon, told, f"{clean(name)} {'administers no more' if off else 'may administer'}")


@click.command()
@click.argument("name")
@to_daemon
def rm(daemon: Daemon, name: str) -> None:
    """Remove a user; what it has used stays in the books, and nobody can register under its name any more."""
    _told(daemon, daemon.ask("DELETE", named("users", name)), f"{clean(name)} is gone")


@click.command()
@click.option("--uses", type=click.IntRange(1, 100_000), default=1, show_default=True, help="How many may register.")
@click.option("--for", "lasting", type=Span(), help="Until when; without it, until it is used up.")
@click.option("--note", default="", help="What it is for, for yourself.")
@to_daemon
def invite(daemon: Daemon, uses: int, lasting: float | None, note: str) -> None:
    """Make a code that lets people register where 'registration: invite' is set. It is shown this once."""
    told = daemon.post("/invites", {"uses": uses, "seconds": lasting, "note": note})
    if daemon.as_json:
        print_json(told)
        return
    click.echo(told["code"])
    until = "" if lasting is None else f" within {span(lasting)}"
    click.echo(f"Invite {told['id']} lets {many(uses, 'person')} register{until}. It is not shown again.", err=True)


@click.command()
@click.option("--rm", "gone", metavar="ID", help="End this one.")
@to_daemon
def invites(daemon: Daemon, gone: str | None) -> None:
    """The invites that can still be used; the codes themselves nobody knows."""
    if gone is not None:
        _told(daemon, daemon.ask("DELETE", named("invites", gone)), f"invite {clean(gone)} is over")
        return
    told = daemon.get("/invites")
    if daemon.as_json:
        print_json(told)
        return
    rows = [[i["id"], i["uses"], moment(i["since"]), moment(i["expires"]), i["note"]] for i in told["invites"]]
    tell_table(["invite", ">uses left", "made", "until", "note"], rows, wide=("note",))


def _told(daemon: Daemon, told: dict[str, Any], sentence: str) -> None:
    if daemon.as_json:
        print_json(told)
    else:
        click.echo(sentence)


VERBS: Final = (enable, password, admin, rm, invite, invites)
"""What `targon-gw clients` has beside its own."""
