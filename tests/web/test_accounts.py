"""Registering, signing in and what is one's own, over the wire; part F of the faults catalogue by number."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, ensureDeferred

from targon_gw.core.config import Anonymous, Per, QuotaPlan, RateLimits, Registration, Unit
from targon_gw.core.errors import Refusal
from tests import fakes
from tests.store.stage import result

from .browser import Browser, at_home, refusal, told
from .registry import PASSWORD

ANN = {"name": "ann", "password": PASSWORD}


class MeTests:
    """`GET /api/me`."""

    def test_a_stranger(self) -> None:
        """It is told what it may do here, and given an id; the next time it is known, and keeps its token."""
        plan, limits = QuotaPlan(Unit.USD, 2_500_000, Per.DAY), RateLimits(requests_per_minute=5)
        settings = evolve(fakes.config(anonymous=Anonymous(True, ("acme/*",), limits, plan)), contact="a@example.org")
        browser = Browser(at_home(Registration.INVITE, settings), "198.51.100.7")
        answer = browser.get("/api/me")
        me = told(answer)

        assert me == {
            "signed_in": False,
            "registration": "invite",
            "contact": "a@example.org",
            "anonymous": {
                "enabled": True,
                "models": ["acme/*"],
                "limits": {"requests_per_minute": 5, "tokens_per_minute": None, "concurrent": None},
                "quota": {"unit": "usd", "amount": 2.5, "per": "day"},
            },
            "csrf": me["csrf"],
        }
        assert set(browser.cookies) == {"tg_visitor"} and len(me["csrf"]) == 64
        again = browser.get("/api/me")
        assert b"set-cookie" not in again.headers and told(again)["csrf"] == me["csrf"]

    def test_headers(self) -> None:
        """F-11, F-12: no cache keeps it, no other origin is let in, whatever it says that it is."""
        browser = at_home().member()
        for origin in ("http://evil.example", "null"):
            answer = browser.get("/api/me/key", f"Origin: {origin}\r\n")
            assert answer.headers[b"cache-control"] == b"no-store"
            assert answer.headers[b"x-content-type-options"] == b"nosniff"
            assert answer.headers[b"cross-origin-resource-policy"] == b"same-origin"
            assert not any(name.startswith(b"access-control") for name in answer.headers)

    def test_leads_nowhere(self) -> None:
        """F-13: whatever `next` says, there is no way on from here."""
        home = at_home()
        for target in ("/api/me", "/api/login"):
            for there in ("//evil.example", "/\\evil.example", "javascript:alert(1)", "https://evil.example"):
                browser = home.browser()
                answer = browser.ask(
                    "POST" if "login" in target else "GET", f"{target}?next={there}", browser.bearing()
                )
                assert answer.status in (200, 400, 415) and b"location" not in answer.headers
                assert b"evil" not in answer.body


class RegisterTests:
    """`POST /api/register`."""

    def test_registered(self) -> None:
        """A key at once, which is good at once; signed in; all of it on file before it is said."""
        home = at_home()
        browser = home.browser()
        answer = browser.post("/api/register", ANN)
        me = told(answer, 201)
        key = me.pop("secret")

        assert (me["signed_in"], me["name"], me["admin"]) == (True, "ann", False)
        assert key.startswith("sk-tg-") and len(key) == 38
        assert me["key"] == {"masked": f"sk-tg-…{key[-3:]}", "issued_at": fakes.WALL}
        assert me["use"]["label"] == "ann" and me["use"]["quota"]["limit"] == 200_000
        assert home.key_is_good(key)
        assert browser.me == {**me, "csrf": browser.token}

    def test_nothing_readable(self) -> None:
        """F-14: neither password, nor key, nor the session's id, nor an address is on file."""
        home = at_home()
        browser = home.member()
        key = told(browser.get("/api/me/key"))["key"]

        for secret in (key, key[6:20], browser.cookies["tg_session"], browser.address, 'correct horse"'):
            assert secret not in home.disk.text.replace("hash of correct horse", "")
        assert "users" in home.disk.text and "sessions" in home.disk.text

    def test_not_before_it_is_on_the_disk(self) -> None:
        """E-01: nobody is told of a key that a crash could take back."""
        home = at_home()
        browser = home.browser()
        home.disk.waiting = Deferred()
        assert browser.post("/api/register", ANN).status == 0
        home.disk.waiting.callback(None)

        assert browser.talk.heard()[-1].status == 201

    def test_no_room(self) -> None:
        """E-06: where it can't be on file nobody is registered, and is told to come again."""
        home = at_home()
        home.disk.full = Refusal("overloaded", "no room", wait=5.0)
        browser = home.browser()
        assert refusal(browser.post("/api/register", ANN)) == (503, "overloaded")
        home.disk.full = None

        assert browser.post("/api/register", ANN).status == 201

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"name": "ann"}, 400, "invalid_value"),
            ({"name": "ann", "password": "short"}, 400, "invalid_value"),
            ({"name": "ann", "password": "c" * 1_000_000}, 400, "invalid_value"),
            ({"name": "ann", "password": PASSWORD, "admin": True}, 400, "invalid_value"),
            ({"name": "\u0430dmin", "password": PASSWORD}, 400, "invalid_value"),
            ({"name": "c" * 1_000_000, "password": PASSWORD}, 400, "invalid_value"),
            ({"name": "admin", "password": PASSWORD}, 409, "name_taken"),
            ({"name": "ANNA", "password": PASSWORD}, 409, "name_taken"),
        ],
    )
    def test_refused(self, body: dict[str, Any], status: int, code: str) -> None:
        """F-10, F-21: too long, too short, not a name, kept back, or that of a client; nobody makes itself admin."""
        settings = fakes.config()
        settings = evolve(settings, clients=(evolve(settings.clients[0], name="Anna"),))
        browser = at_home(settings=settings).browser()
        answer = browser.post("/api/register", body)

        assert refusal(answer) == (status, code)
        assert b"ccc" not in answer.body

    @pytest.mark.parametrize(
        "more", [{"admin": True}, {"role": "admin"}, {"is_admin": 1}, {"quota": None}, {"id": "x"}]
    )
    def test_claims(self, more: dict[str, Any]) -> None:
        """C-17, C-19: nobody makes itself more than it is, be it the first to come; who tries is told."""
        home = at_home()
        assert refusal(home.browser().post("/api/register", {**ANN, **more})) == (400, "invalid_value")
        assert home.disk.kept == []
        first, second = home.member("ann"), home.member("bob")

        assert not first.me["admin"] and not second.me["admin"]

    @pytest.mark.parametrize(
        "name", ["../../etc/passwd", "- a: b", "!!python/object:os.system", "x\ny", "a/b", "..%2f"]
    )
    def test_names_that_are_something_else(self, name: str) -> None:
        """F-22: a path, YAML, a tag or a line break is no name."""
        home = at_home()
        assert refusal(home.browser().post("/api/register", {**ANN, "name": name})) == (400, "invalid_value")
        assert home.disk.kept == []

    @pytest.mark.parametrize("name", ["1e3", "true", "0x1f", "2026-11-21", "nan"])
    def test_names_that_yaml_misreads(self, name: str) -> None:
        """F-22: what looks like something else stays a name, through the file and back."""
        home = at_home()
        browser = home.member(name)
        assert browser.me["name"] == name

    def test_taken(self) -> None:
        """F-21: however it is spelt; and the name of somebody who is gone, whose use it would get."""
        home = at_home()
        home.member("ann")
        for name in ("ann", "ANN", "\uff21nn"):
            assert refusal(home.browser().post("/api/register", {**ANN, "name": name})) == (409, "name_taken")
        home.house.gateway.ledger.totals["client"]["late"] = home.house.gateway.ledger.totals["client"].get("x")  # type: ignore[assignment]
        assert refusal(home.browser().post("/api/register", {**ANN, "name": "late"})) == (409, "name_taken")

    def test_two_at_once(self) -> None:
        """Of two who want a name at the same moment one gets it."""
        home = at_home()
        first, second = home.browser(), home.browser()
        waiting: list[tuple[Deferred[Any], Any, tuple[Any, ...]]] = []

        def later(work: Any, *args: Any) -> Deferred[Any]:
            waiting.append((Deferred(), work, args))
            return waiting[-1][0]

        home.accounts.registrar.passwords.in_thread = later
        assert first.post("/api/register", ANN).status == second.post("/api/register", ANN).status == 0
        for done, _, args in waiting:
            done.callback(f"hash of {args[0]}")

        assert sorted(one.talk.heard()[-1].status for one in (first, second)) == [201, 409]
        assert len([1 for _, change in home.disk.kept if "users" in change]) == 1

    def test_slow(self) -> None:
        """F-08, C-18: one address makes no thousand of them."""
        home, statuses = at_home(), []
        for number in range(15):
            answer = home.browser().post("/api/register", {**ANN, "name": f"user{number}"})
            statuses.append(answer.status)

        assert statuses == [201] * 10 + [429] * 5
        assert home.member("other", "203.0.113.9").me["signed_in"]


class RegistrationTests:
    """`registration` of the settings."""

    def test_closed(self) -> None:
        """Nobody registers, and no password is hashed for it."""
        home = at_home(Registration.CLOSED)
        home.accounts.registrar.passwords.in_thread = None  # type: ignore[assignment]
        assert refusal(home.browser().post("/api/register", ANN)) == (403, "registration_closed")

    def test_invite(self) -> None:
        """With a code, once; without one nobody is told whether a name is taken (F-09)."""
        home = at_home(Registration.INVITE)
        _, code = result(ensureDeferred(home.accounts.registrar.invite(1, None)))
        assert home.browser().post("/api/register", {**ANN, "invite": f" {code} "}).status == 201
        told_all = set()
        for name, invite in (("ann", None), ("bob", None), ("bob", code), ("bob", "x"), ("bob", "\x00"), ("ann", "")):
            answer = home.browser().post("/api/register", {**ANN, "name": name, "invite": invite})
            told_all.add((answer.status, answer.body))

        assert len(told_all) == 1
        assert refusal(answer) == (403, "invite_invalid")
        assert code not in home.disk.text

    def test_after_a_reload(self) -> None:
        """What the settings say now is what holds."""
        home = at_home(Registration.OPEN)
        gateway = home.house.gateway
        home.member("ann")
        gateway.reconfigure(evolve(gateway.config, registration=Registration.CLOSED), 0.0)

        assert refusal(home.browser().post("/api/register", {**ANN, "name": "bob"})) == (403, "registration_closed")
        assert home.browser().post("/api/login", ANN).status == 200

    def test_new_defaults(self) -> None:
        """Who has registered before follows the defaults that a reload brings."""
        home = at_home()
        browser, gateway = home.member("ann"), home.house.gateway
        plan = QuotaPlan(Unit.REQUESTS, 7, Per.DAY)
        gateway.reconfigure(evolve(gateway.config, default_quota=plan), 0.0)

        assert browser.me["use"]["quota"]["limit"] == 7

    def test_the_file_wins(self) -> None:
        """Where clients.yaml takes a user's name the issued key is out, and comes back when it lets go of it."""
        home = at_home()
        gateway, browser = home.house.gateway, home.member("cid")
        key = told(browser.get("/api/me/key"))["key"]
        filed = evolve(gateway.config.clients[0], name="cid")
        before = gateway.config
        gateway.reconfigure(evolve(before, clients=(filed,)), 0.0)
        assert not home.key_is_good(key) and list(gateway.bank.shadowed()) == ["cid"]
        gateway.reconfigure(before, 0.0)

        assert home.key_is_good(key) and browser.me["signed_in"]

    @pytest.mark.parametrize("name", ["cid", "Cid"])
    def test_nothing_of_the_client(self, name: str) -> None:
        """Where the settings have a user's name, however written, the user is not told what that client uses."""
        home = at_home()
        gateway, browser = home.house.gateway, home.member("cid")
        assert browser.me["use"]["requests"] == 0
        plan = QuotaPlan(Unit.TOKENS, 777, Per.DAY)
        filed = evolve(gateway.config.clients[0], name=name, quota=plan)
        gateway.reconfigure(evolve(gateway.config, clients=(filed,)), 0.0)

        assert told(browser.get("/api/me"))["use"] == {}


def test_json_is_what_is_taken() -> None:
    """F-04: a form of another page is none of ours, whatever it bears."""
    home = at_home()
    browser = home.browser()
    browser.wire.clear()
    body = json.dumps(ANN).encode()
    head = f"POST /api/register HTTP/1.1\r\nHost: gw.example\r\n{browser.bearing()}Content-Type: text/plain\r\n"
    head += f"Cookie: tg_visitor={browser.cookies['tg_visitor']}\r\nContent-Length: {len(body)}\r\n\r\n"
    browser.talk.say(head.encode() + body)

    assert refusal(browser.talk.heard()[-1]) == (415, "unsupported_media_type")
