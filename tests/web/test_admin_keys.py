"""Tests of targon_gw/web/admin_keys.py: how a key is shown, and which one may be added."""

from __future__ import annotations

import json

import pytest

from targon_gw.core.attempts import Barred, Exhausted, Served, Throttled, VendorFault
from targon_gw.core.config import Dialect, Secret
from targon_gw.core.keys import Want
from targon_gw.core.pool import KeyPool
from targon_gw.web.admin_desk import Objection
from targon_gw.web.admin_keys import Moment, NewKey, all_keys, brief, checked, whole
from tests import fakes

SECRET = "sn4_aaaaaaaaaaaaaaaaaaaaaaaa"


def at(now: float) -> Moment:
    """That many seconds after the start."""
    return Moment(now, fakes.WALL)


def answered(pool: KeyPool, outcome: object, now: float = 0.0) -> None:
    """A call with the pool's first key comes out so."""
    pool.give_back(fakes.lease_of(pool, 0, now), outcome, now)  # type: ignore[arg-type]


class BriefTests:
    """A line of the list."""

    def test_ready(self) -> None:
        """A key that is well has no reason and no end."""
        pool = fakes.pool([fakes.key(0, "alice", 2)])
        answered(pool, Served())
        told = brief(pool, fakes.the(pool, 0), at(1.0))

        assert (told["state"], told["why"], told["until"], told["served"]) == ("usable", None, None, 1)
        assert (told["account"], told["weight"], told["upstream"]) == ("alice", 2, "acme")

    @pytest.mark.parametrize(
        ("outcome", "state", "health"),
        [
            (Throttled(30.0, "429: too many requests"), "cooling", "cooling"),
            (Exhausted(reason="402: no credit left"), "exhausted", "exhausted"),
            (Barred("401: key not accepted"), "cooling", "suspect"),
        ],
    )
    def test_out(self, outcome: Throttled | Exhausted | Barred, state: str, health: str) -> None:
        """What put it out is the reason, be it the key's or its account's."""
        pool = fakes.pool(3, dialect=Dialect.TARGON)
        answered(pool, outcome)
        told = brief(pool, fakes.the(pool, 0), at(1.0))

        assert (told["state"], told["health"], told["why"]) == (state, health, outcome.reason)

    def test_undetermined(self) -> None:
        """Where there is nobody to compare with the reason says so."""
        pool = fakes.pool()
        answered(pool, Barred("401: key not accepted"))
        told = brief(pool, fakes.the(pool, 0), at(1.0))

        assert told["why"] == "401: key not accepted, undetermined: nobody to compare with"

    def test_until(self) -> None:
        """The end of a rest is a time of day; one that is over has none."""
        pool = fakes.pool(dialect=Dialect.TARGON)
        answered(pool, Throttled(30.0))
        key = fakes.the(pool, 0)

        assert brief(pool, key, at(1.0))["until"] == fakes.WALL + 30
        assert brief(pool, key, at(31.0))["until"] is None

    def test_over(self) -> None:
        """The reason of a rest that is over stands beside the key no more; it is kept among its changes."""
        pool = fakes.pool(dialect=Dialect.TARGON)
        answered(pool, Throttled(30.0, "429: too many requests"))
        key = fakes.the(pool, 0)
        told = whole(pool, key, at(31.0))

        assert (told["state"], told["health"], told["why"]) == ("usable", "trial", None)
        assert told["changes"][0]["reason"].startswith("429: too many requests")

    def test_one_model_out(self) -> None:
        """A key whose account is throttled for one model is usable, and the model is named."""
        pool = fakes.pool(3)
        answered(pool, Throttled(30.0, "429: slow down"))
        told = brief(pool, fakes.the(pool, 0), at(1.0))

        assert (told["state"], told["models_out"], told["why"]) == ("usable", [fakes.MODEL], "429: slow down")


class WholeTests:
    """All of a key."""

    def test_verdicts(self) -> None:
        """What was taken back is told, and the breaker that answers for it, in their order."""
        pool = fakes.pool(3)
        for now in (0.0, 0.1, 0.2):
            pool.give_back(fakes.lease(pool, now), Barred("403: key not accepted"), now)
        told = whole(pool, fakes.the(pool, 0), at(1.0))

        assert told["state"] == "usable"
        assert [(one["what"], one["after"], one["reason"][:20]) for one in told["changes"]] == [
            (fakes.the(pool, 0).id, "suspect", "403: key not accepte"),
            (f"model {fakes.MODEL}", "trial", "2 accounts alike and"),
            (fakes.the(pool, 0).id, "ready", "taken back: others f"),
            (f"model {fakes.MODEL}", "cooling", "3 accounts alike and"),
        ]

    def test_changes(self) -> None:
        """The kept changes of the key and its account in order of time, with status, request and end."""
        pool = fakes.pool()
        answered(pool, Barred(), 1.0)
        answered_again = fakes.the(pool, 0)
        pool.give_back(pool.lease_for_probe(answered_again, Want(fakes.MODEL), 2.0), Served(), 2.0)
        answered(pool, Throttled(30.0), 3.0)
        told = whole(pool, answered_again, at(4.0))

        assert [change["after"] for change in told["changes"]] == ["suspect", "ready", "cooling"]
        assert [change["at"] for change in told["changes"]] == [fakes.WALL + n for n in (1, 2, 3)]
        assert told["changes"][-1]["until"] == fakes.WALL + 33

    def test_what_it_depends_on(self) -> None:
        """Its account, its vendor, and the vendor's models that rest, are told with it."""
        pool = fakes.pool(2)
        for number in (0, 1, 0):
            pool.give_back(fakes.lease_of(pool, number, 0.0), VendorFault(), 0.0)
        key = fakes.the(pool, 0)
        told = {each["what"]: each["health"] for each in whole(pool, key, at(0.0))["depends_on"]}

        assert told[f"model {fakes.MODEL}"] == "cooling"
        assert {key.id, f"account {key.account.id}", "upstream acme"} <= set(told)

    def test_shared_account(self) -> None:
        """Keys of the same account are named: one 429 cools them all."""
        pool = fakes.pool([fakes.key(0, "alice"), fakes.key(1, "alice"), fakes.key(2)])

        assert whole(pool, fakes.the(pool, 0), at(0.0))["shares_account_with"] == [fakes.the(pool, 1).id]

    def test_no_secret(self) -> None:
        """Nothing of a secret is in it, though a vendor's words held one."""
        pool = fakes.pool()
        key = fakes.the(pool, 0)
        answered(pool, Barred(f"401: {key.secret.reveal} is no key"))

        assert key.secret.reveal not in json.dumps(whole(pool, key, at(0.0)))


class CheckedTests:
    """What may be added."""

    def test_in_order(self) -> None:
        """The fingerprint is that of the secret."""
        assert checked(NewKey("acme", SECRET, "alice", "spare"), fakes.gateway()) == Secret(SECRET)

    @pytest.mark.parametrize(
        "new",
        [
            NewKey("nobody", SECRET),
            NewKey("acme", "short"),
            NewKey("acme", SECRET + " x"),
            NewKey("acme", SECRET + "\n"),
            NewKey("acme", SECRET, account="../x"),
            NewKey("acme", SECRET, note="two\nlines"),
            NewKey("acme", fakes.key(0).secret.reveal),
        ],
        ids=["upstream", "short", "space", "newline", "account", "note", "known"],
    )
    def test_refused(self, new: NewKey) -> None:
        """F-22: what could not be a key, or is one already, is refused, and the secret is not repeated."""
        with pytest.raises(Objection) as raised:
            checked(new, fakes.gateway())

        assert new.secret not in str(raised.value)
        assert new.secret not in repr(new)

    def test_upstreams(self) -> None:
        """The list is of one upstream where one is named; one that there is not is told from one without keys."""
        gateway = fakes.gateway(fakes.config(fakes.upstream(2), fakes.upstream(0, "empty")))

        assert (len(list(all_keys(gateway, None))), len(list(all_keys(gateway, "empty")))) == (2, 0)
        with pytest.raises(Objection, match="acme, empty"):
            list(all_keys(gateway, "nobody"))
