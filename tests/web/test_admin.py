"""Tests of targon_gw/web/admin.py: the socket's tree through the real Site, over a real gateway."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.internet.defer import Deferred

from targon_gw.core.config import ClientSettings
from targon_gw.core.health import Barred as Out
from targon_gw.core.health import Disabled, Ready, Trial
from targon_gw.core.ledger import Sums
from targon_gw.web.admin_desk import InForce
from tests import fakes

from .office import TODAY, Office, line

SECRET = "sn4_aaaaaaaaaaaaaaaaaaaaaaaa"


class StatusTests:
    """GET /status, /state, /models."""

    def test_well(self, tmp_path: Path) -> None:
        """It tells version, age, keys by state and upstream, and what is under way."""
        office = Office(tmp_path, fakes.config(fakes.upstream(2), fakes.upstream(1, "other")))
        fakes.lease(office.pool, 0.0)
        fakes.call(office.desk.gateway)
        office.talk.pass_seconds(3)
        told = office.get("/status")

        assert (told["version"], told["status"], told["uptime"], told["in_flight"]) == ("1.2.3", "ok", 3.0, 1)
        assert told["now"] == fakes.WALL + 3
        assert told["keys"]["total"] == 3
        assert [(each["name"], each["keys"]["usable"]) for each in told["upstreams"]] == [("acme", 2), ("other", 1)]
        assert told["state"]["n"] == 7

    def test_settings_that_were_not_taken(self, tmp_path: Path) -> None:
        """E-10: it tells since when which settings are in force, and why a later save is not."""
        office = Office(tmp_path)
        office.desk.force = InForce(1000.0, "keys.yaml:3:1: no", 2000.0)

        assert office.get("/status")["settings"] == {
            "path": str(tmp_path / "gateway.yaml"),
            "since": 1000.0,
            "problem": "keys.yaml:3:1: no",
            "problem_at": 2000.0,
        }

    def test_full_disk(self, tmp_path: Path) -> None:
        """That the journal can't be written is told, in both places."""
        office = Office(tmp_path)
        office.desk.full = True

        assert office.get("/state")["full"] is True
        assert office.get("/status")["state"]["full"] is True

    def test_models(self, tmp_path: Path) -> None:
        """Each name of the catalog with its state and its routes."""
        (model,) = Office(tmp_path).get("/models")["models"]

        assert model == {
            "name": fakes.MODEL,
            "id": fakes.MODEL,
            "kind": "chat",
            "state": "available",
            "routes": [f"acme/{fakes.MODEL}"],
        }


class OrderTests:
    """POST /reload and /drain."""

    def test_reload(self, tmp_path: Path) -> None:
        """What the reload comes to is the answer; one that is not applied is a 409 with its problems."""
        office = Office(tmp_path)
        assert office.post("/reload")["applied"] is True
        office.desk.problems = ["keys.yaml:1:1: no"]

        assert office.post("/reload", status=409) == {"applied": False, "problems": ["keys.yaml:1:1: no"]}

    def test_drain(self, tmp_path: Path) -> None:
        """It is begun once for each asking, and is kept as an act."""
        office = Office(tmp_path)

        assert office.post("/drain", status=202) == {"draining": True, "in_flight": 0}
        assert (office.desk.drains, office.desk.acts) == (1, ["drained the gateway"])


class KeyTests:
    """/keys/{id} and what may be done to it."""

    def test_disable_and_enable(self, tmp_path: Path) -> None:
        """Out for as long as was asked, then back by hand; both are kept with the key."""
        office = Office(tmp_path)
        key = office.key()
        out = office.post(f"/keys/{key.id}/disable", {"for": 60})
        assert (out["state"], out["until"], out["why"]) == ("disabled", fakes.WALL + 60, "by hand")
        assert office.post(f"/keys/{key.id}/enable")["state"] == "usable"

        assert key.standing.health == Ready()
        assert [change["after"] for change in office.get(f"/keys/{key.id}")["changes"]] == ["disabled", "ready"]
        assert office.desk.acts == [f"disabled {key.id}", f"enabled {key.id}"]

    def test_disable_for_good(self, tmp_path: Path) -> None:
        """Without a span, or with null, it is out until it is enabled."""
        for body in (None, {}, {"for": None}):
            office = Office(tmp_path)
            assert office.post(f"/keys/{office.key().id}/disable", body)["until"] is None
            assert office.key().standing.health == Disabled(None)

    def test_odd_span(self, tmp_path: Path) -> None:
        """A span that is none moves nothing."""
        office = Office(tmp_path)
        for odd in ({"for": 0}, {"for": -1}, {"for": 1e300}, {"for": "2h"}, {"four": 1}, [1]):
            office.post(f"/keys/{office.key().id}/disable", odd, 400)

        assert office.key().standing.health == Ready()

    def test_served_test_ends_the_rest(self, tmp_path: Path) -> None:
        """A key that the vendor barred, and takes again, is back after a test: the verdict and the state agree."""
        office = Office(tmp_path)
        office.key().standing.move(Out())
        told = office.post(f"/keys/{office.key().id}/test")

        assert (told["outcome"], told["rest_ended"], told["key"]["state"]) == ("served", True, "usable")
        assert office.key().standing.health == Trial(1, 0)

    def test_failed_test_ends_nothing(self, tmp_path: Path) -> None:
        """What the vendor refuses stays out."""
        office = Office(tmp_path)
        office.key().standing.move(Out())
        office.desk.verdict = {"outcome": "barred", "reason": "401", "status": 401}
        told = office.post(f"/keys/{office.key().id}/test")

        assert (told["outcome"], told["rest_ended"], told["key"]["state"]) == ("barred", False, "barred")

    def test_gone_while_it_is_tested(self, tmp_path: Path) -> None:
        """A key that the settings take away meanwhile is told how it answered; no rest of it ends."""
        office = Office(tmp_path, fakes.config(fakes.upstream(2)))
        key, asked = office.key(), Deferred()  # type: ignore[var-annotated]
        key.standing.move(Out())
        office.desk.testing = asked
        office.ask("POST", f"/keys/{key.id}/test")
        others = fakes.config(fakes.upstream([fakes.key(1)]))
        office.desk.gateway.reconfigure(others, 1.0)
        office.talk.wire.clear()
        asked.callback(office.desk.verdict)
        (answer,) = office.talk.heard()

        assert (answer.status, json.loads(answer.body)["rest_ended"]) == (200, False)
        assert key.standing.health == Out()

    def test_unknown(self, tmp_path: Path) -> None:
        """A key that there is not is a 404 that says where to look, for every verb."""
        office = Office(tmp_path)
        for method, path in (("GET", ""), ("POST", "/test"), ("POST", "/disable"), ("POST", "/enable"), ("DELETE", "")):
            answer = office.ask(method, f"/keys/k-00000000{path}")
            assert answer.status == 404
            assert "keys list" in json.loads(answer.body)["error"]["message"]

    def test_same_key_of_two_upstreams(self, tmp_path: Path) -> None:
        """Which one is meant has to be said."""
        office = Office(tmp_path, fakes.config(fakes.upstream(1), fakes.upstream(1, "other")))
        path = f"/keys/{office.key().id}"

        assert office.ask("GET", path).status == 409
        assert office.get(f"{path}?upstream=other")["upstream"] == "other"


class SavingTests:
    """What is added and taken away: one act with its reload."""

    def test_add_and_remove(self, tmp_path: Path) -> None:
        """The key goes to a file of ours, by its fingerprint in the answer, and is taken out of it again."""
        office = Office(tmp_path)
        told = office.post("/keys", {"upstream": "acme", "secret": SECRET, "note": "spare"}, 201)
        path = tmp_path / "keys.d" / f"added-{TODAY}.yaml"

        assert (told["file"], told["changes"]) == (str(path), ["+1"])
        assert SECRET in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600
        assert not (tmp_path / "keys.yaml").exists()
        assert SECRET not in json.dumps(told)
        assert office.desk.reloads == [f"added {told['id']}"]

    def test_reload_that_is_not_taken(self, tmp_path: Path) -> None:
        """The file is put back as it was, and the answer says why nothing was changed."""
        office = Office(tmp_path)
        office.post("/keys", {"upstream": "acme", "secret": SECRET}, 201)
        path = tmp_path / "keys.d" / f"added-{TODAY}.yaml"
        before = path.read_bytes()
        office.desk.problems = ["models.yaml:1:1: expected a list"]
        told = office.post("/keys", {"upstream": "acme", "secret": SECRET + "b"}, 409)

        assert "models.yaml:1:1" in told["error"]["message"]
        assert path.read_bytes() == before
        assert office.desk.acts == [f"added {office.desk.reloads[0].removeprefix('added ')}"]

    def test_first_one_that_is_not_taken(self, tmp_path: Path) -> None:
        """No file is left behind."""
        office = Office(tmp_path)
        office.desk.problems = ["no"]
        office.post("/clients", {"name": "bea"}, 409)

        assert list((tmp_path / "clients.d").iterdir()) == []

    def test_reload_that_breaks(self, tmp_path: Path) -> None:
        """A bug in the reload is a 500; the file is put back all the same."""
        office = Office(tmp_path)
        office.desk.reloading = Deferred()
        office.ask("POST", "/clients", {"name": "bea"})
        office.desk.reloading.errback(ZeroDivisionError())

        assert office.talk.heard()[-1].status == 500
        assert list((tmp_path / "clients.d").iterdir()) == []

    def test_asker_leaves(self, tmp_path: Path) -> None:
        """Whoever asked leaves during the reload: the change is finished, not left half done, and the next one runs."""
        office = Office(tmp_path)
        reloading = office.desk.reloading = Deferred()
        office.desk.problems = ["no"]
        office.ask("POST", "/keys", {"upstream": "acme", "secret": SECRET})
        assert list((tmp_path / "keys.d").iterdir()) != []
        office.talk.leave()
        assert list((tmp_path / "keys.d").iterdir()) != []
        reloading.callback(None)

        assert list((tmp_path / "keys.d").iterdir()) == []

    def test_one_at_a_time(self, tmp_path: Path) -> None:
        """A change waits for the one before it: neither is undone with the other."""
        office = Office(tmp_path)
        reloading = office.desk.reloading = Deferred()
        first = office.talk
        office.ask("POST", "/keys", {"upstream": "acme", "secret": SECRET})
        other = type(first)(resource=first.site.resource, clock=first.clock)
        office.talk = other
        office.ask("POST", "/keys", {"upstream": "acme", "secret": SECRET + "b"})
        assert office.desk.reloads == [office.desk.reloads[0]]
        office.desk.reloading = None
        reloading.callback(None)

        assert [talk.heard()[-1].status for talk in (first, other)] == [201, 201]
        text = (tmp_path / "keys.d" / f"added-{TODAY}.yaml").read_text()
        assert text.count("secret") == 2


class ClientTests:
    """/clients."""

    def test_add_rotate_revoke(self, tmp_path: Path) -> None:
        """A new key is shown once and kept as its digest only; rotating replaces it, revoking takes the entry out."""
        office = Office(tmp_path, fakes.config(clients=()))
        told = office.post("/clients", {"name": "bea", "models": ["acme/*"]}, 201)
        path = tmp_path / "clients.d" / f"added-{TODAY}.yaml"
        assert told == {"name": "bea", "key": "sk-tg-fresh", "file": str(path)}
        assert "sk-tg" not in path.read_text()
        before = path.read_text()
        office.desk.gateway.config = fakes.config(clients=(_client("bea"),))

        assert office.post("/clients/bea/rotate")["key"] == "sk-tg-fresh"
        assert path.read_text() == before  # the fake draws the same key each time
        assert office.post("/clients/bea/revoke") == {"name": "bea", "revoked": True}
        assert not path.exists()
        assert office.desk.acts == [f"{act} client bea" for act in ("added", "rotated", "revoked")]

    def test_grace(self, tmp_path: Path) -> None:
        """For a while the old key's digest stays beside the new one's, with its end."""
        office = Office(tmp_path, fakes.config(clients=()))
        office.post("/clients", {"name": "bea"}, 201)
        office.desk.gateway.config = fakes.config(clients=(_client("bea"),))
        told = office.post("/clients/bea/rotate", {"grace": 3600})

        assert told["former_until"] == "2023-11-14T23:13:20+00:00"
        assert (
            f'"former": {{"key_sha256": "{"ab" * 32}"' in (tmp_path / "clients.d" / f"added-{TODAY}.yaml").read_text()
        )

    def test_of_the_operators_file(self, tmp_path: Path) -> None:
        """A client of the operator's own file is left alone; file and line are told."""
        office = Office(tmp_path)
        (tmp_path / "clients.yaml").write_text("# mine\nclients:\n  - {name: ann, key: x}\n")
        told = office.post("/clients/ann/revoke", status=409)

        assert f"{tmp_path}/clients.yaml, line 3, which is yours" in told["error"]["message"]
        assert office.desk.reloads == []

    def test_show(self, tmp_path: Path) -> None:
        """Limits, quota and what is used; no digest beyond the fingerprint."""
        office = Office(tmp_path)
        told = office.get("/clients/ann")

        assert (told["name"], told["use"]["quota"]["held"]) == ("ann", 5)
        assert [each["name"] for each in office.get("/clients")["clients"]] == ["ann"]
        assert office.settings.clients[0].digest not in json.dumps(told)
        assert office.ask("GET", "/clients/bob").status == 404


class CountedTests:
    """/usage and /calls."""

    def test_usage(self, tmp_path: Path) -> None:
        """Sums come from the ledger in memory; since a day, from the desk, but for days themselves."""
        office = Office(tmp_path)
        office.desk.ledger.totals["model"] = {"b": Sums(served=1, failed=2, cost=3), "a": Sums(served=4)}
        office.desk.ledger.totals["day"] = {"2023-11-13": Sums(served=1), "2023-11-14": Sums(served=2)}

        assert [(row["name"], row["calls"], row["cost"]) for row in office.get("/usage")["rows"]] == [
            ("a", 4, 0),
            ("b", 3, 3),
        ]
        assert [row["calls"] for row in office.get("/usage?by=day&since=2023-11-14")["rows"]] == [2]
        assert office.get("/usage?by=key&since=2023-11-14")["rows"][0]["name"] == "key since 2023-11-14"
        assert office.get("/usage?by=account")["rows"] == []
        for odd in ("by=colour", "since=yesterday", "since=2023-02-30"):
            assert office.ask("GET", f"/usage?{odd}").status == 400

    def test_calls(self, tmp_path: Path) -> None:
        """The last ones, newest first; limits that are none are refused."""
        office = Office(tmp_path)
        for n in range(60):
            office.desk.ledger.fold(office.desk.ledger.n + 1, line(f"req_{n}"))

        assert [call["id"] for call in office.get("/calls?limit=2")["calls"]] == ["req_59", "req_58"]
        assert len(office.get("/calls")["calls"]) == 50
        assert office.get("/calls/req_3")["failed_attempts"] == []
        assert [office.ask("GET", f"/calls?limit={odd}").status for odd in ("0", "1001", "x", "-1")] == [400] * 4


class AddressTests:
    """What there is not."""

    def test_nothing_of_v1(self, tmp_path: Path) -> None:
        """The socket has no /v1, and tells so in JSON."""
        answer = Office(tmp_path).ask("POST", "/v1/chat/completions", {})

        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (404, "unknown")

    def test_method(self, tmp_path: Path) -> None:
        """Another method is a 405 that says which there are."""
        answer = Office(tmp_path).ask("DELETE", "/status")

        assert (answer.status, answer.headers[b"allow"]) == (405, b"GET, HEAD")

    def test_nothing_left_ticking(self, tmp_path: Path) -> None:
        """After any of it, no deadline is left but the connection's own."""
        office = Office(tmp_path)
        for path in ("/status", "/keys", "/clients", "/usage", "/calls"):
            office.get(path)
        office.talk.leave()
        office.talk.pass_seconds(10)

        assert office.talk.clock.getDelayedCalls() == []


def _client(name: str) -> ClientSettings:
    return ClientSettings(name, "ab" * 32)
