"""What a gateway leaves to the next run, and takes up from the one before: its state, and the lines behind it.

A state is as of one line of the ledger. What a line tells that is newer is done again, once, by its number: calls are
counted, health moves on, users and invites are put where they were. Nothing here knows a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from msgspec import Raw

from . import standings
from .cut import Slices
from .folding import Folding
from .ledger import Ending, Entry, Kind, rounded
from .lines import Row

if TYPE_CHECKING:
    from .gateway import Gateway


class LedgerState(TypedDict):
    """What `Ledger.restore` takes."""

    n: int
    totals: dict[str, dict[str, Raw]]


class State(TypedDict, total=False):
    """A state as it is read from its file.

    What is told of each client is left as it is written, and read when its turn comes: all at once, that of 100,000
    takes 350 MB, and what stays of it would lie scattered among what goes.
    """

    ledger: LedgerState
    bank: dict[str, dict[str, Raw]]
    health: dict[str, Any]
    open: list[Any]
    people: dict[str, Any]
    history: Any


def slices(gateway: Gateway, now: float) -> Slices:
    """All that must outlive this process, as of the line that is the last at the first step, a slice at a time."""
    ledger, bank, people = gateway.ledger.slices(), gateway.bank.slices(), gateway.people.slices(now + gateway.wall)
    try:
        next(ledger)
        next(bank)
        next(people)
        under_way = [
            [c.request_id, c.client.name, c.ask.model, c.ask.stream, c.admitted + gateway.wall] for c in gateway.calls
        ]
        health = standings.slices(gateway.pools.values(), now, gateway.wall)
        return {
            "ledger": (yield from ledger),
            "bank": (yield from bank),
            "health": (yield from health),
            "open": under_way,
            "people": (yield from people),
            "history": (yield from gateway.history.slices(now + gateway.wall)),
        }
    finally:
        ledger.close()
        bank.close()
        people.close()


def restore(gateway: Gateway, state: Mapping[str, Any], now: float) -> None:
    """Take up what `slices` came to in an earlier run, before anything is admitted."""
    gateway.ledger.restore(state["ledger"])
    # Whose key is whose comes before what they have used: of that, the settings say what it is measured by.
    gateway.people.restore(state.get("people", {}))
    issue(gateway, gateway.people.users.names(), now)
    gateway.bank.restore(state["bank"], now)
    standings.restore(gateway.pools.values(), state["health"], now, gateway.wall)
    gateway.orphaned = {told[0]: told for told in state.get("open", ())}
    gateway.history.restore(state.get("history"), now + gateway.wall)


def orphans(gateway: Gateway, now: float) -> list[Entry]:
    """The calls that were open in the state and that no line has settled since: each comes to nothing, said once.

    Nobody can tell what their vendors made of them, and nobody is charged with it (faults catalogue, D-50, E-25).
    """
    left, gateway.orphaned = gateway.orphaned, {}
    unix = now + gateway.wall
    return [
        Entry(
            rounded(unix),
            id,
            Kind.CALL,
            client,
            model,
            stream=stream,
            ending=Ending.FAILED,
            took=rounded(max(0.0, unix - admitted)),
            note="the gateway ended before the call did",
        )
        for id, client, model, stream, admitted in left.values()
    ]


def replay(gateway: Gateway, n: int, entry: Entry, now: float) -> None:
    """Count a line of the ledger that no state knows of; one that was counted before is passed over."""
    if entry.kind is Kind.CALL:
        gateway.orphaned.pop(entry.id, None)
    if not gateway.ledger.fold(n, entry):
        return
    if entry.kind is Kind.CALL and entry.client is not None:
        gateway.bank.replay(entry.client, entry.usage, entry.cost, entry.admitted)
    elif entry.change is not None:
        take(gateway, entry.change, now)


def replay_all(gateway: Gateway, runs: Iterable[Sequence[Row]], now: float) -> None:
    """As `replay` of each of these lines, in the order of their numbers; and the health that they tell of."""
    folding = Folding(gateway.ledger, gateway.bank)
    for rows in runs:
        if gateway.orphaned:
            for row in rows:
                if row.kind is Kind.CALL:
                    gateway.orphaned.pop(row.id, None)
        folding.take(rows)
    for change in folding.changes:
        take(gateway, change, now)
    folding.done()
    standings.retrace(gateway.pools, folding.moved.values(), now, gateway.wall)


def take(gateway: Gateway, change: Mapping[str, Any], now: float) -> None:
    """Do a change that is on file: to users, sessions and invites, and to whose key is whose."""
    issue(gateway, gateway.people.take(change), now)


def issue(gateway: Gateway, names: Iterable[str], now: float) -> None:
    """Have the keys of these users be good, or not, as their users stand."""
    users, bank = gateway.people.users, gateway.bank
    for name in names:
        user = users.get(name)
        if user is None or not user.enabled:
            bank.withdraw(name, now)
        else:
            bank.issue(name, bytes.fromhex(user.key.digest), now)
