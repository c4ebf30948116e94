"""`targon-gw usage`: what was used, by model, client, key, account, upstream or day."""

from __future__ import annotations

import datetime
import re
from typing import Any, Final

import click

from .client import Daemon, to_daemon
from .telling import Span, print_json, tell_csv, tell_table, usd

BY: Final = ("model", "client", "key", "account", "upstream", "day")
FIGURES: Final = (
    "calls",
    "served",
    "truncated",
    "abandoned",
    "refused",
    "failed",
    "prompt",
    "completion",
    "cached",
    "reasoning",
    "estimated",
    "cost",
    "attempts_failed",
    "attempt_tokens",
    "probe_tokens",
)
"""As in `core.ledger.Sums`; cost is in micro-dollars."""
SHOWN: Final = ("calls", "served", "prompt", "completion", "estimated")


class Day(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions
    """A day on the command line: `2026-11-21`, or how long ago it was: `7d`. Days are those of UTC."""

    name = "DAY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """`2026-11-21`."""
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", str(value)):
            try:
                return datetime.date.fromisoformat(value).isoformat()
            except ValueError:
                self.fail(f"there is no day {value}.", param, ctx)
        seconds = Span().convert(value, param, ctx)
        now = datetime.datetime.now(datetime.UTC)
        try:
            return (now - datetime.timedelta(seconds=seconds)).date().isoformat()
        except OverflowError:
            self.fail(f"{value!r} is too long ago.", param, ctx)


@click.command()
@click.option("--by", type=click.Choice(BY), default="model", show_default=True, help="What to sum by.")
@click.option("--since", type=Day(), help="From this day on: 2026-11-21, or 7d; without it, from the beginning.")
@click.option("--csv", "as_csv", is_flag=True, help="Every figure, as CSV; cost in micro-dollars.")
@to_daemon
def usage(daemon: Daemon, by: str, since: str | None, as_csv: bool) -> None:
    """What was used: calls, tokens, cost."""
    if as_csv and daemon.as_json:
        raise click.UsageError("--csv and --json do not go together.")
    told = daemon.get("/usage", by=by, since=since)
    rows = told["rows"]
    if daemon.as_json:
        print_json(told)
    elif as_csv:
        tell_csv((by, *FIGURES), [{**row, by: row["name"]} for row in rows])
    else:
        shown = [_row(row) for row in rows]
        if len(rows) > 1:
            total = {name: sum(row.get(name, 0) for row in rows) for name in FIGURES}
            shown.append(_row({"name": "in all", **total}))
        tell_table(
            [by, *(f">{name}" for name in SHOWN), ">other tokens", ">USD"],
            shown,
            spare=("completion", "served", "estimated", "other tokens"),
        )


def _row(row: dict[str, Any]) -> list[object]:
    """Other tokens are those of failed attempts and of probes: nobody is charged with them."""
    other = row.get("attempt_tokens", 0) + row.get("probe_tokens", 0)
    figures = [f"{row.get(name, 0):,}" for name in SHOWN]
    return [row["name"], *figures, f"{other:,}", usd(row.get("cost", 0))]
