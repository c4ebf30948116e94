"""What a call comes to in the ledger: an Entry for each attempt that failed, in order, and then the call's own."""

from __future__ import annotations

from msgspec import Struct

from .call import Attempt, Call
from .ledger import Ending, Entry, Kind
from .meter import Usage
from .prices import cost_of


class Closing(Struct, frozen=True, gc=False):
    """How a call ended: the HTTP status that the client was sent is `None` where it had left before."""

    ending: Ending
    usage: Usage | None = None
    status: int | None = None


def entries_of(call: Call, closing: Closing, now: float, wall: float) -> list[Entry]:
    """The entries of `call`, which ends now: they are to be on file before anything is settled by them.

    `wall` is what must be added to `now` for Unix seconds.
    """
    unix = now + wall
    attempts, serving, ask, began = call.attempts, call.serving, call.ask, call.admitted
    entries: list[Entry] = []
    if serving is None or len(attempts) > 1:
        entries += [_failed(call, one, unix) for one in attempts if one is not serving and one.outcome is not None]
    usage = closing.usage
    served = upstream = account = key = first = price = None
    if serving is not None:
        settings, lease = serving.model.settings, serving.lease
        served, upstream, account, key = settings.id, serving.upstream.name, lease.account.id, lease.key.id
        price = settings.price
        first = None if serving.ended is None else serving.ended - began
    entries.append(
        Entry(
            Kind.CALL,
            unix,
            call.request_id,
            call.client.name,
            ask.model,
            served,
            upstream,
            account,
            key,
            ask.stream,
            closing.status,
            closing.ending,
            usage,
            0 if usage is None else cost_of(usage, price),
            len(attempts),
            first,
            now - began,
            call.reference,
        )
    )
    return entries


def _failed(call: Call, attempt: Attempt, unix: float) -> Entry:
    """The Entry of an attempt that did not serve; nobody is charged with it."""
    outcome, lease = attempt.outcome, attempt.lease
    ended = attempt.began if attempt.ended is None else attempt.ended
    return Entry(
        Kind.ATTEMPT,
        unix,
        call.request_id,
        client=call.client.name,
        model=call.ask.model,
        served=attempt.model.id,
        upstream=attempt.upstream.name,
        account=lease.account.id,
        key=attempt.key.id,
        stream=call.ask.stream,
        status=None if outcome is None else outcome.status,
        took=ended - attempt.began,
        note=None if outcome is None else outcome.reason,
    )
