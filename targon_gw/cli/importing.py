"""`targon-gw keys import`: many keys at once, shown and tested before any of them is used; `keys undo` takes them back.

What reads the keys is the daemon, so that the page and the terminal find the same in the same text. A key is never an
argument, and none is printed.
"""

from __future__ import annotations

import re
import sys
import time
from typing import Any, Final, TextIO

import click

from .client import Daemon, named, to_daemon
from .telling import FAILED, clean, fail, many, moment, print_json, styled, tell_table

POLL: Final = 0.4
"""Seconds between two looks at tests under way."""
MOST_SHOWN: Final = 20
"""Rows of one kind in a preview."""
WHICH: Final = ("ok", "ok_and_throttled", "all")
_MOST = re.compile(r"'confirm_removal: ([0-9]+)'")
_UNSAID = "with --yes it is done without asking"


@click.command("import")
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"), required=False)
@click.option("--upstream", metavar="NAME", help="Whose keys they are; needed where there are several upstreams.")
@click.option("--note", default="", help="A line for people, for keys that have none of their own.")
@click.option("--test", "tests", is_flag=True, help="Ask the vendor with each new key first.")
@click.option(
    "--which", type=click.Choice(WHICH), help="Which keys to take: ok_and_throttled after a test, else all of them."
)
@click.option("--yes", is_flag=True, help="Take them without asking.")
@to_daemon
def import_keys(
    daemon: Daemon, file: TextIO | None, upstream: str | None, note: str, tests: bool, which: str | None, yes: bool
) -> None:
    """Add all keys that stand in FILE, or in what is pasted (-, or no file: standard input).

    It takes lines, commas, JSON, .env, YAML lists and the like, with accounts and notes. The keys become one batch, in
    a file of its own in keys.d, which 'keys undo' takes away again.
    """
    text = _text(file)
    asked = {"text": text, "upstream": upstream}
    preview = daemon.post("/keys/import/preview", asked)
    if not daemon.as_json:
        _tell_preview(preview)
    if not preview["counts"]["new"]:
        if daemon.as_json:
            print_json({"preview": preview, "batch": None})
        return
    if not tests and not _agreed(daemon, yes, f"Add {many(preview['counts']['new'], 'key')} untested?"):
        _left(daemon, preview, None)
    batch = daemon.post("/keys/import", {**asked, "note": note})
    if tests:
        batch = _tested(daemon, batch)
    chosen = which or ("ok_and_throttled" if tests else "all")
    taken = _count(batch, chosen)
    if not taken or (tests and not _agreed(daemon, yes, f"Add {many(taken, 'key')}?")):
        daemon.ask("DELETE", named("keys/import", batch["batch"]))
        none = "none of them was tested: add --test" if not tests else "none of them passed its test"
        _left(daemon, preview, batch, _UNSAID if taken else none)
    applied = daemon.post(named("keys/import", batch["batch"], "apply"), {"which": chosen})
    if daemon.as_json:
        print_json({"preview": preview, "batch": applied})
        return
    click.echo(f"{many(applied['written'], 'key')} in use; to take them back: targon-gw keys undo {applied['batch']}")


def _text(file: TextIO | None) -> str:
    if file is None and sys.stdin.isatty():
        click.echo("Paste the keys, then press Ctrl-D on a line of its own:", err=True)
    return (file or sys.stdin).read()


def _agreed(daemon: Daemon, yes: bool, question: str) -> bool:
    """Whether to go on: it was said, or is said now, at a terminal."""
    if yes:
        return True
    if daemon.as_json or not sys.stdin.isatty():
        return False
    return bool(click.confirm(question, err=True))


def _left(daemon: Daemon, preview: Any, batch: Any, why: str = _UNSAID) -> None:
    """End: nothing is taken."""
    if daemon.as_json:
        print_json({"preview": preview, "batch": batch and {**batch, "state": "forgotten"}})
        sys.exit(FAILED)
    fail(f"nothing was added; {why}")


def _tell_preview(preview: Any) -> None:
    click.echo(f"{preview['upstream']}: {preview['summary']}")
    rows = []
    for verdict in ("known", "twice", "malformed"):
        found = [row for row in preview["rows"] if row["verdict"] == verdict]
        rows += [(row["line"], verdict, row["id"], row["masked"], row["why"]) for row in found[:MOST_SHOWN]]
        if len(found) > MOST_SHOWN:
            rows.append(("", verdict, "", "", f"and {len(found) - MOST_SHOWN} more"))
    if rows:
        tell_table([">line", "verdict", "id", "key", "why"], rows, wide=("why",))


def _tested(daemon: Daemon, batch: Any) -> Any:
    """The batch when its tests have ended; how far they are goes to a terminal alone."""
    target, shows = named("keys/import", batch["batch"]), sys.stderr.isatty() and not daemon.as_json
    told = daemon.post(f"{target}/test")
    while told["state"] == "testing":
        if shows:
            click.echo(f"\r\x1b[K{_progress(told)}", nl=False, err=True)
        time.sleep(POLL)
        told = daemon.get(target, since=1 << 29)  # the counts alone
    if shows:
        click.echo("\r\x1b[K", nl=False, err=True)
    told = daemon.get(target)
    if not daemon.as_json:
        click.echo(clean(told["summary"]))
        if told["problem"]:
            click.echo(f"targon-gw: {clean(told['problem'])}", err=True)
        bad = [row for row in told["rows"] if row["result"] not in ("ok", "untried")]
        rows = [(row["line"], row["result"], row["id"], row["masked"], row["reason"]) for row in bad[:MOST_SHOWN]]
        if rows:
            tell_table([">line", "result", "id", "key", "why"], rows, wide=("why",))
    return told


def _progress(told: Any) -> str:
    new, left = told["counts"]["new"], told["counts"]["untried"]
    return f"testing {new - left} of {new}: {clean(told['summary'])}"


def _count(batch: Any, which: str) -> int:
    """How many keys `which` takes."""
    counts = batch["counts"]
    taken = {"ok": ("ok",), "ok_and_throttled": ("ok", "throttled")}
    return sum(counts[name] for name in taken[which]) if which in taken else int(counts["new"])


@click.command("undo")
@click.argument("batch", metavar="[BATCH]", required=False)
@click.option(
    "--confirm-removal", type=click.IntRange(1), help="How many keys that takes away, where it is most of them."
)
@to_daemon
def undo_import(daemon: Daemon, batch: str | None, confirm_removal: int | None) -> None:
    """Take an import back, whole; without BATCH, list the imports."""
    if batch is None:
        told = daemon.get("/keys/import")
        if daemon.as_json:
            print_json(told)
            return
        rows = [
            (one["batch"], one["state"], one["keys"], one["upstream"], moment(one.get("at"))) for one in told["batches"]
        ]
        tell_table(["batch", "state", ">keys", "upstream", "at"], rows)
        return
    target = named("keys/import", batch, "undo")
    status, told = daemon.answer("POST", target, {"confirm_removal": confirm_removal})
    if status >= 400 and told["error"]["code"] == "confirm_removal" and not daemon.as_json:
        most = _MOST.search(told["error"]["message"])
        fail(f"this takes most usable keys away; if that is meant: --confirm-removal {most[1] if most else 'N'}")
    if status >= 400:
        daemon.refused(told)
    if daemon.as_json:
        print_json(told)
    else:
        click.echo(f"{clean(told['batch'])} is {styled('undone')}: its keys are gone, their running calls go on")
