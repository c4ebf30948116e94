"""A change of files of ours and the reload that follows it, as one act: done whole, or undone whole.

It goes on where whoever asked for it has left, and one is done at a time, whoever asks and by which door.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from .admin_desk import Desk, Objection
from .admin_files import Undo

log = Logger()
T = TypeVar("T")


async def saved(desk: Desk, work: Callable[[], Undo], why: str) -> dict[str, Any]:
    """Have `work` change a file, then reload. What is not taken is undone, and Objection raised."""
    writing = desk.workshop.writing
    await writing.acquire()
    try:
        undo = await desk.outside(work)
        try:
            told = await desk.reload(why)
        except BaseException:
            await desk.outside(undo)
            raise
        if not told["applied"]:
            await desk.outside(undo)
            await desk.reload(f"{why}, undone")  # the problem told in /status and /health is gone with the change
            problems = "\n".join(told.get("problems", ())) or "the settings were not taken"
            code = "confirm_removal" if "'confirm_removal: " in problems else "not_applied"
            raise Objection(409, code, f"Nothing was changed, because the settings can't be used:\n{problems}")
        return told
    finally:
        writing.release()


def kept(work: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
    """What `work` comes to. It goes on where whoever waits for this has left: half of it must not be done."""
    waited: Deferred[T] = Deferred()

    def ended(result: Any) -> None:
        if not waited.called:
            waited.callback(result)
        elif isinstance(result, Failure):
            log.failure("a change that nobody waits for any more failed", failure=result)

    ensureDeferred(work).addBoth(ended)
    return waited
