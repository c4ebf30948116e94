"""What a call comes to in the ledger: an Entry for each attempt that failed, in order, and then the call's own."""

from __future__ import annotations

from msgspec import Struct

from .attempts import Served
from .call import Attempt, Call, State
from .ledger import Ending, Entry, Kind, figures_of, rounded
from .meter import Usage
from .prices import price_of

_NOTHING = Usage(0, 0)
_CALL = Kind.CALL
LEFT = "the client left before it had caught up"


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
    rescue = call.rescue
    if rescue is not None and not rescue.level:
        serving = rescue.server
    entries = [] if serving is not None and len(attempts) == 1 else _failures(call, serving, now, wall)
    usage = closing.usage or _NOTHING
    served = upstream = account = key = first = price = None
    if serving is not None:
        settings, lease = serving.model.settings, serving.lease
        served, upstream, account, key = settings.id, serving.upstream.name, lease.account.id, lease.key.id
        price = settings.price
        since = serving.ended if rescue is None else rescue.first
        first = None if since is None else int((since - began) * 1e5 + 0.5) / 1e5
    entries.append(
        Entry(
            int(unix * 1e5 + 0.5) / 1e5,  # `rounded`, three times, without a frame for each
            call.request_id,
            _CALL,
            call.client.name,
            ask.model,
            served,
            upstream,
            account,
            key,
            ask.stream,
            closing.status,
            closing.ending,
            usage.prompt,
            usage.completion,
            usage.cached,
            usage.reasoning,
            price_of(usage.prompt, usage.completion, price),
            None if usage is _NOTHING else usage.source,
            len(attempts),
            first,
            int((now - began) * 1e5 + 0.5) / 1e5,
            call.reference,
            None if rescue is None and call.queued_at is None else _notes(call, now),
        )
    )
    return entries


def _notes(call: Call, now: float) -> str | None:
    """What was out of the ordinary, for people."""
    waited = None if call.queued_at is None else _waited(call, call.queued_at, now)
    rescued = None if call.rescue is None else call.rescue.note
    return "; ".join(note for note in (waited, rescued) if note) or None


def _waited(call: Call, since: float, now: float) -> str:
    """How long it waited for its turn; a call that ends as it waits was still at it."""
    seconds = call.waited + (now - since if call.state is State.QUEUED else 0.0)
    return f"waited {seconds:.1f} s for a key"


def _failures(call: Call, serving: Attempt | None, now: float, wall: float) -> list[Entry]:
    """Of all attempts but the one that serves."""
    return [_failed(call, one, now, wall) for one in call.attempts if one is not serving and one.outcome is not None]


def _failed(call: Call, attempt: Attempt, now: float, wall: float) -> Entry:
    """The Entry of an attempt that did not serve, or was cut and left to another; nobody is charged with it."""
    outcome, lease = attempt.outcome, attempt.lease
    ended = now if attempt.ended is None else attempt.ended
    return Entry(
        rounded(ended + wall),
        call.request_id,
        Kind.ATTEMPT,
        client=call.client.name,
        model=call.ask.model,
        served=attempt.model.id,
        upstream=attempt.upstream.name,
        account=lease.account.id,
        key=lease.key.id,
        stream=call.ask.stream,
        status=None if outcome is None else outcome.status,
        **figures_of(attempt.usage),
        took=rounded(ended - attempt.began),
        note=None if outcome is None else LEFT if type(outcome) is Served else outcome.reason,
    )
