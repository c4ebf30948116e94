"""Signing in and out, one's key and one's sessions, over the wire; part F of the faults catalogue by number."""

from __future__ import annotations

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred

from targon_gw.core.sessions import IDLE
from targon_gw.core.signins import FREE, FREE_CHANGES
from targon_gw.web.passwords import WAITING
from tests import fakes

from .browser import Browser, Home, at_home, refusal, told
from .registry import PASSWORD

ANN = {"name": "ann", "password": PASSWORD}
CHANGES = (
    ("POST", "/api/register"),
    ("POST", "/api/login"),
    ("POST", "/api/logout"),
    ("POST", "/api/me/key/rotate"),
    ("POST", "/api/me/password"),
    ("DELETE", "/api/me/sessions/0123456789abcdef"),
)


def signed_in(home: Home, address: str = "198.51.100.7") -> Browser:
    """Ann, at another browser."""
    browser = home.browser(address)
    assert browser.post("/api/login", ANN).status == 200
    return browser


class LoginTests:
    """`POST /api/login`."""

    @pytest.mark.parametrize("name", ["ann", "ANN", "\uff41nn"])
    def test_signed_in(self, name: str) -> None:
        """As `/api/me` tells it; a name is folded as it was when it was given."""
        home = at_home()
        home.member()
        browser = home.browser()
        me = told(browser.post("/api/login", {**ANN, "name": name}))

        assert me["name"] == "ann" and "secret" not in me
        assert browser.me == me

    def test_nobody_and_a_wrong_password(self) -> None:
        """F-09: the same to the last byte; the same work is done, once, for each."""
        home = at_home()
        home.member()
        home.member("bob", "203.0.113.5")
        disabled = home.house.gateway.people.disabled("bob", fakes.WALL)
        home.house.gateway.take(disabled, 0.0)
        passwords, work, answers = home.accounts.registrar.passwords, [], set()
        quickly = passwords.in_thread
        passwords.in_thread = lambda *args: (work.append(args[0]), quickly(*args))[1]  # type: ignore[func-returns-value]
        for name, password in (("ann", "wrong horse"), ("nobody", PASSWORD), ("bob", PASSWORD), ("\u0430nn", PASSWORD)):
            answer = home.browser().post("/api/login", {"name": name, "password": password})
            kept = {line: value for line, value in answer.headers.items() if line not in (b"x-request-id", b"date")}
            answers.add((answer.status, answer.body, tuple(sorted(kept.items()))))

        assert len(answers) == 1 and len(work) == 4 and len(set(work)) == 1
        assert refusal(answer) == (401, "sign_in_failed")

    def test_slow(self) -> None:
        """F-08: five wrong ones, then it takes longer and longer, and says how long; then the right one is let in."""
        home = at_home()
        home.member()
        other = home.browser("203.0.113.5")
        statuses = [other.post("/api/login", {**ANN, "password": f"wrong {n}"}).status for n in range(7)]
        answer = other.post("/api/login", ANN)
        assert statuses == [401] * 5 + [429] * 2
        assert refusal(answer) == (429, "too_many_sign_ins") and answer.headers[b"retry-after"] == b"1"
        home.house.talk.pass_seconds(1)

        assert other.post("/api/login", ANN).status == 200

    @pytest.mark.parametrize("what", ["disabled", "deleted"])
    def test_ended_as_it_began(self, what: str) -> None:
        """Who is put out while its sign-in goes to the disk is not signed in, and gets no cookie."""
        home = at_home()
        home.member()
        browser, gateway = home.browser("198.51.100.9"), home.house.gateway
        waiting: Deferred[None] = Deferred()
        home.disk.waiting = waiting
        browser.post("/api/login", ANN)
        put_out = getattr(gateway.people, what)
        gateway.take(put_out("ann", home.house.now() + fakes.WALL), home.house.now())
        browser.wire.clear()
        waiting.callback(None)
        (answer,) = browser.talk.heard()

        assert refusal(answer) == (401, "not_signed_in")
        assert b"set-cookie" not in answer.headers

    def test_turned_away(self) -> None:
        """F-10: whoever comes while many wait is told so, and has not failed by that."""
        home = at_home()
        home.member()
        browser, passwords = home.browser(), home.accounts.registrar.passwords
        passwords.waiting = WAITING
        for _ in range(FREE + 3):
            assert refusal(browser.post("/api/login", ANN)) == (429, "too_many_sign_ins")
        passwords.waiting = 0

        assert browser.post("/api/login", {**ANN, "password": "wrong password"}).status == 401
        assert browser.post("/api/login", ANN).status == 200

    def test_owner_is_not_locked_out(self) -> None:
        """F-08: while others fail at a name from everywhere, whoever is signed in from its place signs in at once."""
        home = at_home()
        home.member(address="198.51.100.7")
        for number in range(60):
            home.browser(f"203.0.113.{number}").post("/api/login", {**ANN, "password": "wrong horse"})
        assert home.browser("192.0.2.250").post("/api/login", ANN).status == 429

        assert signed_in(home, "198.51.100.7").me["signed_in"]

    def test_long_password(self) -> None:
        """F-10: a megabyte is refused before anything is hashed."""
        home = at_home()
        home.member()
        home.accounts.registrar.passwords.in_thread = None  # type: ignore[assignment]
        answer = home.browser().post("/api/login", {"name": "ann", "password": "x" * 1_000_000})

        assert refusal(answer) == (400, "invalid_value")

    def test_behind_a_proxy(self) -> None:
        """F-08: the address is the client's where the proxy is trusted, and the cookie is for TLS alone where that
        says so."""
        import ipaddress

        settings = fakes.config(trusted_proxies=(ipaddress.ip_network("198.51.100.0/24"),))
        home = at_home(settings=settings)
        home.member()
        browser = home.browser()
        lines = browser.bearing() + "X-Forwarded-For: 203.0.113.77\r\nX-Forwarded-Proto: https\r\n"
        lines = lines.replace("http://gw", "https://gw")
        first = browser.get("/api/me", "X-Forwarded-Proto: https\r\n")
        assert b"__Host-tg_visitor=" in first.headers[b"set-cookie"] and b"; Secure" in first.headers[b"set-cookie"]
        lines = lines.replace(lines.split("X-Csrf-Token: ")[1].split("\r\n")[0], browser.token or "")
        answer = browser.post("/api/login", ANN, lines)

        assert answer.status == 200 and answer.headers[b"set-cookie"].startswith(b"__Host-tg_session=")
        told_all = told(
            browser.get("/api/me/sessions", "X-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.77\r\n")
        )
        assert [row["address"] for row in told_all["sessions"] if row["current"]] == ["203.0.113.77"]


class FixationTests:
    """Sessions; faults catalogue, F-07."""

    def test_new_at_sign_in(self) -> None:
        """An id that somebody has planted, or that was good before, is not the one after; the token changes as well."""
        home = at_home()
        browser = home.member()
        before, token = browser.cookies["tg_session"], browser.token
        assert browser.post("/api/login", ANN).status == 200

        assert browser.cookies["tg_session"] != before and browser.token != token
        assert not Browser(home, "198.51.100.7", {"tg_session": before}).me["signed_in"]
        planted = Browser(home, "198.51.100.7", {"tg_session": "p" * 43})
        planted.get("/api/me")
        assert planted.post("/api/login", ANN).status == 200
        assert planted.cookies["tg_session"] != "p" * 43
        assert not Browser(home, "198.51.100.7", {"tg_session": "p" * 43}).me["signed_in"]

    def test_ids(self) -> None:
        """256 random bits, of which the state has the digest alone."""
        home = at_home()
        ids = {home.member(f"user{number}", f"203.0.113.{number}").cookies["tg_session"] for number in range(20)}

        assert len(ids) == 20 and all(len(one) == 43 for one in ids)
        state = str(home.house.gateway.to_state(home.house.now()))
        assert not any(one in state for one in ids)

    def test_ends(self) -> None:
        """A week without a use is its end, for the next run as well."""
        home = at_home()
        browser = home.member()
        home.house.talk.clock.advance(IDLE - 1)
        assert Browser(home, "198.51.100.7", browser.cookies).me["signed_in"]
        home.house.talk.clock.advance(IDLE)

        later = Browser(home, "198.51.100.7", browser.cookies)
        assert refusal(later.get("/api/me/key")) == (401, "not_signed_in")
        assert not later.me["signed_in"]

    def test_logout(self) -> None:
        """It is over here, and whoever kept the cookie has nothing."""
        home = at_home()
        browser = home.member()
        kept = dict(browser.cookies)
        answer = browser.post("/api/logout")

        assert (answer.status, answer.body) == (204, b"") and "tg_session" not in browser.cookies
        assert answer.headers[b"cache-control"] == b"no-store"
        assert not Browser(home, "198.51.100.7", kept).me["signed_in"]

    def test_password(self) -> None:
        """Another password ends all other sessions; this one goes on by another id, and with another token."""
        home = at_home()
        here = home.member()
        there, before = signed_in(home, "203.0.113.5"), here.cookies["tg_session"]
        assert refusal(here.post("/api/me/password", {"old": "wrong horse", "new": "battery staple"})) == (
            401,
            "sign_in_failed",
        )
        assert refusal(here.post("/api/me/password", {"old": PASSWORD, "new": "short"})) == (400, "invalid_value")
        assert there.me["signed_in"]
        assert here.post("/api/me/password", {"old": PASSWORD, "new": "battery staple"}).status == 204

        assert here.cookies["tg_session"] != before
        assert here.me["signed_in"] and not there.me["signed_in"]
        assert not Browser(home, "198.51.100.7", {"tg_session": before}).me["signed_in"]
        assert home.browser().post("/api/login", ANN).status == 401
        assert home.browser().post("/api/login", {**ANN, "password": "battery staple"}).status == 200

    def test_listed_and_ended(self) -> None:
        """Where one is signed in; any of these can be ended, and nobody else's."""
        home = at_home()
        here = home.member()
        there = home.browser("203.0.113.5", agent="Phone <script>alert(1)</script>\t\u202e".encode().decode("latin-1"))
        there.post("/api/login", ANN)
        home.house.talk.clock.advance(70)
        rows = told(here.get("/api/me/sessions"))["sessions"]
        phone = next(row for row in rows if not row["current"])

        assert {(row["address"], row["current"]) for row in rows} == {("198.51.100.7", True), ("203.0.113.5", False)}
        assert phone["agent"].startswith("Phone <script>") and "\t" not in phone["agent"]
        assert (phone["began"], phone["seen"]) == (fakes.WALL, fakes.WALL) and len(phone["id"]) == 16
        bob = home.member("bob", "192.0.2.99")
        assert refusal(bob.delete(f"/api/me/sessions/{phone['id']}")) == (404, "not_found")
        assert here.delete(f"/api/me/sessions/{phone['id']}").status == 204
        assert not there.me["signed_in"] and here.me["signed_in"]
        mine = told(here.get("/api/me/sessions"))["sessions"][0]["id"]
        assert here.delete(f"/api/me/sessions/{mine}").status == 204
        assert "tg_session" not in here.cookies and not here.me["signed_in"]


class CsrfTests:
    """Whatever changes something; faults catalogue, F-04."""

    @pytest.mark.parametrize(("method", "target"), CHANGES)
    def test_from_elsewhere(self, method: str, target: str) -> None:
        """Another origin, none, no token, another's token: refused, and nothing has come of it."""
        home = at_home()
        browser, other = home.member(), home.browser("203.0.113.5")
        kept = len(home.disk.kept)
        body = None if method == "DELETE" else ANN
        for lines in (
            f"Origin: http://evil.example\r\nX-Csrf-Token: {browser.token}\r\n",
            f"Origin: null\r\nX-Csrf-Token: {browser.token}\r\n",
            f"X-Csrf-Token: {browser.token}\r\n",
            "Origin: http://gw.example\r\n",
            f"Origin: http://gw.example\r\nX-Csrf-Token: {other.token}\r\n",
        ):
            assert refusal(browser.ask(method, target, lines, body)) == (403, "csrf_failed")

        assert len(home.disk.kept) == kept and browser.me["signed_in"]

    @pytest.mark.parametrize(("method", "target"), CHANGES)
    def test_get_changes_nothing(self, method: str, target: str) -> None:
        """F-04: what changes something has no GET."""
        home = at_home()
        browser = home.member()
        kept = len(home.disk.kept)
        assert browser.get(target).status == 405
        assert len(home.disk.kept) == kept

    def test_the_tokens_of_before(self) -> None:
        """A token is good as long as its session, and no longer."""
        home = at_home()
        browser = home.member()
        old = browser.bearing()
        browser.post("/api/login", ANN)

        assert refusal(browser.post("/api/logout", {}, old)) == (403, "csrf_failed")


class KeyTests:
    """One's own key."""

    def test_shown_and_rotated(self) -> None:
        """The owner sees it, as often as it likes; a new one is good and the old one is not when that is said."""
        home = at_home()
        browser = home.member()
        first = told(browser.get("/api/me/key"))["key"]
        turned = told(browser.post("/api/me/key/rotate"))

        assert turned["masked"] == f"sk-tg-…{turned['key'][-3:]}" == browser.me["key"]["masked"]
        assert told(browser.get("/api/me/key"))["key"] == turned["key"] != first
        assert home.key_is_good(turned["key"]) and not home.key_is_good(first)

    def test_many(self) -> None:
        """E-05: a program that has its key replaced over and over fills no disk; another's is replaced all the same."""
        home = at_home()
        ann, bob = home.member(), home.member("bob", "203.0.113.5")
        lines = len(home.disk.kept)
        answers = [ann.post("/api/me/key/rotate") for _ in range(FREE_CHANGES + 5)]

        assert [answer.status for answer in answers] == [200] * FREE_CHANGES + [429] * 5
        assert refusal(answers[-1]) == (429, "too_many_sign_ins")
        assert len(home.disk.kept) == lines + FREE_CHANGES
        assert bob.post("/api/me/key/rotate").status == 200

    def test_of_nobody(self) -> None:
        """Whoever is not signed in is shown nothing."""
        browser = at_home().browser()
        for target in ("/api/me/key", "/api/me/sessions"):
            assert refusal(browser.get(target)) == (401, "not_signed_in")
        assert refusal(browser.post("/api/me/key/rotate")) == (401, "not_signed_in")

    def test_with_another_key_file(self) -> None:
        """A key that can't be shown any more is said to be so, works, and can be replaced by one that can."""
        home = at_home()
        browser = home.member()
        key, people = told(browser.get("/api/me/key"))["key"], home.house.gateway.people
        user = people.user("ann")
        people.users.put("ann", evolve(user, key=evolve(user.key, sealed="AAAA")))
        assert refusal(browser.get("/api/me/key")) == (409, "conflict")

        assert home.key_is_good(key)
        assert browser.post("/api/me/key/rotate").status == 200
        assert browser.get("/api/me/key").status == 200

    def test_no_cookie_is_a_key(self) -> None:
        """F-12: below /v1 a session is nothing."""
        home = at_home()
        browser = home.member()
        assert refusal(browser.get("/v1/key")) == (401, "invalid_api_key")
        assert refusal(
            browser.get("/v1/models", f"Origin: http://gw.example\r\nX-Csrf-Token: {browser.token}\r\n")
        ) == (
            401,
            "invalid_api_key",
        )

    def test_disabled(self) -> None:
        """Neither key nor session nor password is good any more, at once."""
        home = at_home()
        browser = home.member()
        key, gateway = told(browser.get("/api/me/key"))["key"], home.house.gateway
        gateway.take(gateway.people.disabled("ann", fakes.WALL), home.house.now())

        assert not home.key_is_good(key)
        assert refusal(browser.get("/api/me/key")) == (401, "not_signed_in")
        assert home.browser().post("/api/login", ANN).status == 401


class NoteTests:
    """What the operator can read of it later."""

    def test_noted(self) -> None:
        """Who came, failed, and changed what, from where; nothing that a stranger typed, and no secret."""
        home = at_home()
        here = home.member()
        there = home.browser("203.0.113.5")
        there.post("/api/login", {"name": "ann", "password": "wrong horse"})
        there.post("/api/login", {"name": "canary", "password": "canary"})
        signed_in(home, "203.0.113.6")
        here.post("/api/me/key/rotate")
        here.post("/api/me/password", {"old": PASSWORD, "new": "battery staple"})

        assert home.noted == [
            ("ann", "registered", "", "198.51.100.7"),
            ("", "failed to sign in", "as ann", "203.0.113.5"),
            ("ann", "signed in", "", "203.0.113.6"),
            ("ann", "rotated", "the own key", "198.51.100.7"),
            ("ann", "changed", "the own password", "198.51.100.7"),
        ]
