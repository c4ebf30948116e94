"""Keys by the hundred: what was pasted is shown before anything happens, tested, and then taken as one batch.

Nothing is live until `apply`, which writes one file of ours beside keys.yaml and reloads as one act; `undo` takes that
file away again, by the same rules that hold for any other removal of keys. A batch is known by its file's name, so that
it can be undone after a restart too. No secret comes back from here, not even to whoever has pasted it.
"""

# mypy: disallow-untyped-calls=False
# Klein is not typed throughout.

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from attrs import define
from klein import Klein
from twisted.internet.defer import DeferredList, ensureDeferred
from twisted.logger import Logger

from targon_gw.core.batches import KEPT, Batch, Trial
from targon_gw.core.intake import LARGEST, Intake, TooMuch, take_in

from . import admin_batches
from .admin_answers import objecting
from .admin_desk import Desk, Objection, argument, body_of, unknown, whole_number
from .admin_saving import kept, saved
from .request import Request
from .rooms import tell

log = Logger()

AT_ONCE: Final = 10
"""Keys that are tested at a time."""


class Pasted(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be imported; `upstream` may be left out where there is one."""

    text: str
    upstream: str | None = None
    note: str = ""

    def __repr__(self) -> str:
        return "<something pasted>"


class Which(msgspec.Struct, forbid_unknown_fields=True):
    """Which keys are to be written: one of `core.batches.KEPT`."""

    which: str = "ok"


class Undoing(msgspec.Struct, forbid_unknown_fields=True):
    """How many keys the undoing takes away, said where that is more than half of those that are well."""

    confirm_removal: int | None = None


@define(eq=False, slots=False)
class Imports:
    """The addresses below `/keys/import`."""

    desk: Desk
    app = objecting(Klein())

    @app.route("/preview", methods=["POST"])
    async def preview(self, request: Request) -> None:
        """What there is in it; nothing is kept."""
        pasted = body_of(request, Pasted)
        upstream, intake = await self._read(pasted)
        rows = [row.to_plain() for row in intake.rows]
        tell(request, {"upstream": upstream, "summary": intake.summary(), "counts": intake.counts(), "rows": rows})

    @app.route("/", methods=["POST"])
    async def begin(self, request: Request) -> None:
        """Keep it as a batch, of which nothing is live."""
        pasted = body_of(request, Pasted)
        if len(pasted.note) > 200 or not pasted.note.isprintable():
            raise Objection(400, "invalid_value", "A note is one line of at most 200 characters.")
        upstream, intake = await self._read(pasted)
        if not intake.counts()["new"]:
            raise Objection(409, "nothing_new", f"There is no new key in it: {intake.summary()}.")
        desk = self.desk
        day = datetime.fromtimestamp(desk.now() + desk.gateway.wall, UTC).strftime("%Y%m%d")
        on_file = await desk.outside(lambda: admin_batches.on_file(desk.paths.keys))
        taken = {batch.id for batch in desk.workshop.batches} | {found.id for found in on_file}
        id = next(id for id in _ids(day) if id not in taken)
        batch = Batch(id, upstream, pasted.note.strip(), intake, desk.now())
        desk.workshop.batches.add(batch, desk.now())
        tell(request, {**batch.progress(), "preview": intake.summary()}, 201)

    @app.route("/", methods=["GET"])
    async def batches(self, request: Request) -> None:
        """All batches: those of this run, and those whose file is still there."""
        desk = self.desk
        on_file = {found.id: found for found in await desk.outside(lambda: admin_batches.on_file(desk.paths.keys))}
        desk.workshop.batches.tidy(desk.now())
        here = {batch.id: batch for batch in desk.workshop.batches}
        told = [{**_brief(batch), "keys": len(batch.trials)} for id, batch in here.items() if id not in on_file]
        told += [found.to_plain() for found in on_file.values()]
        tell(request, {"batches": sorted(told, key=lambda each: str(each["batch"]), reverse=True)})

    @app.route("/<batch_id>", methods=["GET"])
    def progress(self, request: Request, batch_id: str) -> None:
        """How far it is; with `since`, only the rows that have changed after that turn."""
        batch = self._found(batch_id)
        since = whole_number(request, "since", 1, 1 << 30) if argument(request, "since") not in (None, "0") else 0
        tell(request, batch.progress(since))

    @app.route("/<batch_id>", methods=["DELETE"])
    def forget(self, request: Request, batch_id: str) -> None:
        """End its tests and forget it; what has been applied stays."""
        self._found(batch_id)
        self.desk.workshop.batches.drop(batch_id)
        tell(request, {"batch": batch_id, "forgotten": True})

    @app.route("/<batch_id>/test", methods=["POST"])
    def test(self, request: Request, batch_id: str) -> None:
        """Begin to ask the vendor, with each new key once; what failed is asked again."""
        batch = self._open(batch_id)
        if not batch.testing:
            batch.stopped, batch.problem, batch.testing = False, None, True
            trials = batch.left()
            workers = [ensureDeferred(self._tests(batch, trials)) for _ in range(AT_ONCE)]
            DeferredList(workers, consumeErrors=True).addCallback(self._tested, batch)
            self.desk.acted("tested", f"{len(batch.trials)} keys to be imported ({batch.id})")
        tell(request, batch.progress(), 202)

    @app.route("/<batch_id>/stop", methods=["POST"])
    def stop(self, request: Request, batch_id: str) -> None:
        """Begin no more tests; those under way end."""
        batch = self._found(batch_id)
        batch.stop()
        tell(request, batch.progress(), 202)

    @app.route("/<batch_id>/apply", methods=["POST"])
    async def apply(self, request: Request, batch_id: str) -> None:
        """Write the chosen keys into a file of their own, and use them."""
        which = body_of(request, Which).which
        if which not in KEPT:
            raise Objection(400, "invalid_value", f"which is one of: {', '.join(KEPT)}.")
        batch = self._open(batch_id)
        if batch.testing:
            raise Objection(409, "testing", "Its keys are being tested: wait for that, or stop it.")
        chosen = batch.chosen(which)
        if not chosen:
            raise Objection(409, "nothing_to_apply", f"None of its keys is such ({batch.progress(1)['summary']}).")
        told = await kept(self._applied(batch, chosen))
        tell(request, {**batch.progress(), "changes": told.get("changes", [])})

    async def _applied(self, batch: Batch, chosen: list[Trial]) -> dict[str, Any]:
        desk = self.desk
        path = admin_batches.file_of(desk.paths.keys, batch.id)
        batch.testing = True  # nobody else applies or tests it meanwhile
        try:
            told = await saved(
                desk, lambda: admin_batches.written(path, batch, chosen), f"imported {len(chosen)} keys ({batch.id})"
            )
        finally:
            batch.testing = False
        batch.file, batch.written = path, len(chosen)
        for key_id, outcome in admin_batches.evidence(chosen, desk.now()):
            desk.take_evidence(batch.upstream, key_id, outcome)
        desk.acted("imported", f"{len(chosen)} keys of {batch.upstream} ({batch.id})")
        return told

    @app.route("/<batch_id>/undo", methods=["POST"])
    async def undo(self, request: Request, batch_id: str) -> None:
        """Take its file away, and with it its keys."""
        confirmed = body_of(request, Undoing).confirm_removal
        if confirmed is not None and confirmed < 1:
            raise Objection(400, "invalid_value", "confirm_removal is a number of keys.")
        path = admin_batches.file_of(self.desk.paths.keys, batch_id)
        told = await kept(self._undone(batch_id, path, confirmed))
        tell(request, {"batch": batch_id, "undone": True, "file": path, "changes": told.get("changes", [])})

    async def _undone(self, batch_id: str, path: str, confirmed: int | None) -> dict[str, Any]:
        desk = self.desk
        told = await saved(desk, lambda: admin_batches.taken_away(path, confirmed), f"undone {batch_id}")
        if confirmed is not None:  # what is left of the file says only that
            await desk.outside(lambda: admin_batches.cleared(path))
        batch = desk.workshop.batches.find(batch_id, desk.now())
        if batch is not None:
            batch.undone = True
        desk.acted("undone", f"the import {batch_id}")
        return told

    # how

    async def _read(self, pasted: Pasted) -> tuple[str, Intake]:
        """The upstream that is meant, and what there is in it; raises Objection."""
        pools = self.desk.gateway.pools
        upstream = pasted.upstream or (next(iter(pools)) if len(pools) == 1 else "")
        if upstream not in pools:
            names = ", ".join(pools) or "none"
            raise unknown(
                f"There is no upstream '{upstream}'; there are: {names}." if upstream else f"Say which: {names}."
            )
        if len(pasted.text) > 2 * LARGEST:
            raise Objection(413, "too_much", f"It is longer than {LARGEST} characters: import it in parts.")
        known = {id: key.secret for id, key in pools[upstream].keys.items()}
        try:
            return upstream, await self.desk.outside(lambda: take_in(pasted.text, known))
        except TooMuch as error:
            raise Objection(413, "too_much", str(error)) from None

    def _found(self, batch_id: str) -> Batch:
        batch = self.desk.workshop.batches.find(batch_id, self.desk.now())
        if batch is None:
            raise unknown(
                f"There is no import {batch_id!r} under way; one that was applied can be undone all the same."
            )
        return batch

    def _open(self, batch_id: str) -> Batch:
        """The batch, of which nothing has been written yet; raises Objection."""
        batch = self._found(batch_id)
        if batch.file is not None:
            raise Objection(409, "applied", f"{batch_id} has been {batch.state} already.")
        return batch

    async def _tests(self, batch: Batch, trials: Iterator[Trial]) -> None:
        """One of those who test: one key after another, as long as there are some."""
        for trial in trials:
            outcome, took = await self.desk.try_key(batch.upstream, trial.secret)
            batch.came_out(trial, outcome, took, self.desk.now())

    def _tested(self, ended: list[tuple[bool, Any]], batch: Batch) -> None:
        batch.testing = False
        for fine, failure in ended:
            if not fine and failure.check(Objection):
                batch.stop(failure.value.message)
            elif not fine:
                batch.stop("The tests failed; the log says why.")
                log.failure("a test of a key to be imported failed", failure=failure)


def _brief(batch: Batch) -> dict[str, Any]:
    told = batch.progress(1 << 30)
    return {name: told[name] for name in ("batch", "upstream", "state", "note", "file", "summary")}


def _ids(day: str) -> Iterator[str]:
    number = 1
    while True:
        yield f"imp-{day}-{number}"
        number += 1
