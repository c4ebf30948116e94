"""The settings as an admin looks at them: what is in force and since when, and what a reload would change.

Nothing here applies anything, and secrets are fingerprints.
"""

# mypy: disallow-untyped-calls=False
# Klein is not typed throughout.

from __future__ import annotations

from attrs import define
from klein import Klein

from .admin_answers import objecting
from .admin_desk import Desk
from .request import Request
from .rooms import tell


@define(eq=False, slots=False)
class Inspection:
    """The addresses below `/settings`."""

    desk: Desk
    app = objecting(Klein())

    @app.route("/", methods=["GET"])
    async def settings(self, request: Request) -> None:
        """What is in force, and why a later reading of the files is not."""
        force = self.desk.in_force()
        told = await self.desk.settings()
        about = {"path": self.desk.paths.gateway, "since": force.since}
        tell(request, {**about, "problem": force.problem, "problem_at": force.problem_at, "settings": told})

    @app.route("/changes", methods=["GET"])
    async def changes(self, request: Request) -> None:
        """What the files would change if they were read now."""
        tell(request, await self.desk.foreseen())
