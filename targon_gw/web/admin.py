"""The admin socket: JSON over HTTP for the command line, on a Unix socket of mode 0600 and never on a public port.

Whoever can open the socket may do everything: the file's mode is the door, and no key is asked for. What is done here
is asked of the Desk; a change of files and the reload that follows it are one act, which is undone whole where the
reload does not take it, and goes on where whoever asked has left.
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout, nor is Klein.

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import define
from klein import Klein
from klein.resource import KleinResource

from targon_gw.core.byhand import disable, enable, served_a_test
from targon_gw.core.health import name_of
from targon_gw.core.ledger import Sums

from . import admin_clients, admin_keys, admin_usage, admin_users
from .admin_answers import objecting, part_of
from .admin_clients import Grace, NewClient
from .admin_desk import Desk, Objection, argument, body_of, whole_number
from .admin_files import Undo, added_file
from .admin_import import Imports
from .admin_keys import Moment, NewKey, Span
from .admin_saving import kept, saved
from .admin_settings import Inspection
from .request import Request
from .rooms import tell

LONGEST = 3650 * 86400.0
"""Seconds of any span that is asked for: ten years."""


def admin_resource(desk: Desk) -> KleinResource:
    """The root of what the admin socket's Site serves."""
    tree: Any = Admin(desk).app  # Klein binds itself to the object that it is reached through
    return KleinResource(tree)


@define(eq=False, slots=False)
class Admin:
    """The addresses of the socket. Times in answers are Unix seconds, spans are seconds."""

    desk: Desk
    fresh_key: Callable[[], str] = admin_clients.fresh_key
    app = objecting(Klein())

    # the gateway

    @app.route("/status", methods=["GET"])
    def status(self, request: Request) -> None:
        """How it is."""
        desk, gateway = self.desk, self.desk.gateway
        moment = self._moment()
        report = gateway.report(moment.now)
        force = desk.in_force()
        tell(
            request,
            {
                "version": desk.version,
                "status": report.status,
                "draining": report.draining,
                "now": moment.unix(moment.now),
                "uptime": round(moment.now - desk.started, 3),
                "clock_ahead": round(desk.clock_ahead(), 1),
                "clock_agrees": desk.clock_agrees(),
                "keys": report.keys,
                "upstreams": [
                    {
                        "name": name,
                        "health": name_of(pool.standing.health, moment.now),
                        "keys": dict(Counter({"total": len(pool.keys)}) + pool.census(moment.now)),
                    }
                    for name, pool in gateway.pools.items()
                ],
                "in_flight": len(gateway.calls),
                "calls_a_second": admin_usage.rate(desk.ledger.recent, moment.now + moment.wall),
                "settings": {
                    "path": desk.paths.gateway,
                    "since": force.since,
                    "problem": force.problem,
                    "problem_at": force.problem_at,
                },
                "state": desk.state(),
            },
        )

    @app.route("/state", methods=["GET"])
    def state(self, request: Request) -> None:
        """How what is on disk stands."""
        tell(request, self.desk.state())

    @app.route("/reload", methods=["POST"])
    async def reload(self, request: Request) -> None:
        """Read the settings again."""
        told = await self.desk.reload("asked for by an operator")
        if told["applied"]:
            self.desk.acted("reloaded", "the settings")
        tell(request, told, 200 if told["applied"] else 409)

    @app.route("/drain", methods=["POST"])
    def drain(self, request: Request) -> None:
        """Begin to end."""
        self.desk.acted("drained", "the gateway")
        self.desk.drain()
        tell(request, {"draining": True, "in_flight": len(self.desk.gateway.calls)}, 202)

    @app.route("/models", methods=["GET"])
    def models(self, request: Request) -> None:
        """The catalog, with how each model is."""
        gateway, now = self.desk.gateway, self.desk.now()
        models = []
        for name, model in gateway.catalog:
            legs = [f"{leg.pool.name}/{leg.upstream_id}" for leg in model.legs]
            shown = {"name": name, "id": model.id, "kind": model.settings.kind.value}
            models.append({**shown, "state": gateway.state_of(model, now), "routes": legs})
        tell(request, {"models": models})

    # the vendors' keys

    @app.route("/keys", methods=["GET"])
    def keys(self, request: Request) -> None:
        """All keys, or those of one upstream."""
        moment = self._moment()
        found = admin_keys.all_keys(self.desk.gateway, argument(request, "upstream"))
        keys = [admin_keys.brief(pool, key, moment) for pool, key in found]
        tell(request, {"now": moment.unix(moment.now), "keys": keys})

    @app.route("/keys/<key_id>", methods=["GET"])
    def key(self, request: Request, key_id: str) -> None:
        """One key, and why it is as it is."""
        pool, key = self._found(request, key_id)
        moment = self._moment()
        tell(request, {"now": moment.unix(moment.now), **admin_keys.whole(pool, key, moment)})

    @app.route("/keys/<key_id>/test", methods=["POST"])
    async def test_key(self, request: Request, key_id: str) -> None:
        """Ask the vendor now; what is served ends the key's rest."""
        pool, key = self._found(request, key_id)
        verdict = await self.desk.test_key(pool.name, key.id)
        stays = pool.keys.get(key.id) is key  # a save may have taken it away meanwhile
        ended = stays and verdict["outcome"] == "served" and served_a_test(pool, key.id, self.desk.now())
        self.desk.acted("tested", key.id)
        tell(request, {**verdict, "rest_ended": ended, "key": admin_keys.brief(pool, key, self._moment())})

    @app.route("/keys/<key_id>/disable", methods=["POST"])
    def disable_key(self, request: Request, key_id: str) -> None:
        """Take it out of the draw; calls that run go on."""
        seconds = body_of(request, Span).seconds
        if seconds is not None and not 0 < seconds <= LONGEST:
            raise Objection(400, "invalid_value", "for is a number of seconds, more than 0 and at most ten years.")
        pool, key = self._found(request, key_id)
        now = self.desk.now()
        disable(pool, key.id, None if seconds is None else now + seconds, now)
        self.desk.acted("disabled", key.id)
        tell(request, admin_keys.brief(pool, key, self._moment()))

    @app.route("/keys/<key_id>/enable", methods=["POST"])
    def enable_key(self, request: Request, key_id: str) -> None:
        """End what the key itself is out by."""
        pool, key = self._found(request, key_id)
        enable(pool, key.id, self.desk.now())
        self.desk.acted("enabled", key.id)
        tell(request, admin_keys.brief(pool, key, self._moment()))

    @app.route("/keys", methods=["POST"])
    async def add_key(self, request: Request) -> None:
        """Write it into a file of ours, and use it."""
        new = body_of(request, NewKey)
        secret = admin_keys.checked(new, self.desk.gateway)
        path = added_file(self.desk.paths.keys, self._day())
        told = await kept(self._saved(lambda: admin_keys.added(path, new), f"added {secret.fingerprint}"))
        self.desk.acted("added", secret.fingerprint)
        tell(request, {"id": secret.fingerprint, "file": path, "changes": told.get("changes", [])}, 201)

    @app.route("/keys/<key_id>", methods=["DELETE"])
    async def remove_key(self, request: Request, key_id: str) -> None:
        """Take it out of the file of ours that it stands in."""
        pool, key = self._found(request, key_id)
        keys, files = self.desk.paths.keys, []

        def work() -> Undo:
            path, undo = admin_keys.removed(keys, pool.name, key.id)
            files.append(path)
            return undo

        told = await kept(self._saved(work, f"removed {key.id}"))
        self.desk.acted("removed", key.id)
        tell(request, {"id": key.id, "file": files[0], "changes": told.get("changes", [])})

    # the clients

    @app.route("/clients", methods=["GET"])
    def clients(self, request: Request) -> None:
        """All clients."""
        use = self.desk.use_of
        tell(request, {"clients": [admin_clients.shown(c, use(c.name)) for c in self.desk.gateway.config.clients]})

    @app.route("/clients/<name>", methods=["GET"])
    def client(self, request: Request, name: str) -> None:
        """One client: limits, quota, totals; a user is one, too."""
        user = admin_users.found(self.desk, name)
        if user is not None:
            tell(request, admin_users.as_client(name, user, self.desk))
            return
        client = admin_clients.find(self.desk.gateway, name)
        tell(request, admin_clients.shown(client, self.desk.use_of(client.name)))

    @app.route("/clients", methods=["POST"])
    async def add_client(self, request: Request) -> None:
        """Issue a key; it is shown this once."""
        new = body_of(request, NewClient)
        admin_clients.check_new(self.desk.gateway, new)
        path, key = added_file(self.desk.paths.clients, self._day()), self.fresh_key()
        await kept(self._saved(lambda: admin_clients.added(path, new, key), f"added client {new.name}"))
        self.desk.acted("added", f"client {new.name}")
        tell(request, {"name": new.name, "key": key, "file": path}, 201)

    @app.route("/clients/<name>/rotate", methods=["POST"])
    async def rotate_client(self, request: Request, name: str) -> None:
        """Issue another key in the place of the old one, which ends now or after a while."""
        grace = body_of(request, Grace).grace
        if admin_users.found(self.desk, name) is not None:
            tell(request, await admin_users.rotated(self.desk, name, grace))
            return
        client = admin_clients.find(self.desk.gateway, name)
        if not 0 <= grace <= LONGEST:
            raise Objection(400, "invalid_value", "grace is a number of seconds, at most ten years.")
        key, former, until = self.fresh_key(), None, None
        if grace:
            until = datetime.fromtimestamp(round(self._unix() + grace), UTC).isoformat()
            former = {"key_sha256": client.digest, "until": until}
        clients = self.desk.paths.clients
        await kept(self._saved(lambda: admin_clients.rotated(clients, name, key, former), f"rotated {name}"))
        self.desk.acted("rotated", f"client {name}")
        tell(request, {"name": name, "key": key, "former_until": until})

    @app.route("/clients/<name>/revoke", methods=["POST"])
    async def revoke_client(self, request: Request, name: str) -> None:
        """End its key now; a user may sign in no more, either."""
        if admin_users.found(self.desk, name) is not None:
            await admin_users.disabled(self.desk, name)
            tell(request, {"name": name, "revoked": True})
            return
        admin_clients.find(self.desk.gateway, name)
        clients = self.desk.paths.clients
        await kept(self._saved(lambda: admin_clients.revoked(clients, name), f"revoked {name}"))
        self.desk.acted("revoked", f"client {name}")
        tell(request, {"name": name, "revoked": True})

    # what was counted

    @app.route("/usage", methods=["GET"])
    async def usage(self, request: Request) -> None:
        """Sums by one thing, since the beginning or a day."""
        by = admin_usage.checked_by(argument(request, "by"))
        since = admin_usage.checked_day(argument(request, "since"))
        sums: Mapping[str, Sums] = self.desk.ledger.totals[by]
        if since is not None and by == "day":
            sums = {day: each for day, each in sums.items() if day >= since}
        elif since is not None:
            sums = await self.desk.usage_since(by, since)
        tell(request, {"by": by, "since": since, "rows": admin_usage.rows(sums)})

    @app.route("/calls", methods=["GET"])
    def calls(self, request: Request) -> None:
        """The last calls, newest first."""
        limit = whole_number(request, "limit", 50, 1000)
        recent = self.desk.ledger.recent
        found = admin_usage.calls(recent, limit, argument(request, "status"), argument(request, "key"))
        tell(request, {"calls": found})

    @app.route("/calls/<call_id>", methods=["GET"])
    def call(self, request: Request, call_id: str) -> None:
        """One call and its attempts."""
        tell(request, admin_usage.call(self.desk.ledger.recent, call_id))

    # parts with addresses of their own

    @app.route("/keys/import", branch=True)
    def imports(self, request: Request) -> KleinResource:
        """Many keys at once."""
        return part_of(Imports(self.desk), request)

    @app.route("/settings", branch=True)
    def settings(self, request: Request) -> KleinResource:
        """What is in force, and what a reload would change."""
        return part_of(Inspection(self.desk), request)

    @app.route("/audit", methods=["GET"])
    def audit(self, request: Request) -> None:
        """What was done here and what was noted of security, newest first."""
        tell(request, {"events": self.desk.events(whole_number(request, "limit", 100, 1000))})

    # how

    def _moment(self) -> Moment:
        return Moment(self.desk.now(), self.desk.gateway.wall)

    def _unix(self) -> float:
        return self.desk.now() + self.desk.gateway.wall

    def _day(self) -> str:
        return datetime.fromtimestamp(self._unix(), UTC).strftime("%Y-%m-%d")

    def _found(self, request: Request, key_id: str) -> Any:
        return admin_keys.find(self.desk.gateway, key_id, argument(request, "upstream"))

    async def _saved(self, work: Callable[[], Undo], why: str) -> dict[str, Any]:
        return await saved(self.desk, work, why)


admin_users.add_routes(Admin.app)
