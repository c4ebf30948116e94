"""What is said about two sets of settings, for people and for programs."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve

from targon_gw.core.config import (
    Anonymous,
    ClientSettings,
    Config,
    Draw,
    ModelSettings,
    QuotaPlan,
    Secret,
    Timeouts,
    Unit,
    UpstreamSettings,
)
from targon_gw.core.diff import MOST_NAMED, Diff, difference, pool_diff
from tests.fakes import config, key, upstream

ID = [key(n).secret.fingerprint for n in range(4)]


def vendors(before: UpstreamSettings, after: UpstreamSettings, **in_flight: int) -> Diff:
    """The diff of two Configs with one vendor each."""
    calls = {ID[int(name[1:])]: count for name, count in in_flight.items()}
    return difference(config(before), config(after), [pool_diff(before, after, calls)])


def settings(before: dict[str, Any], after: dict[str, Any]) -> Diff:
    """The diff of two Configs that differ in these fields."""
    return difference(config(**before), config(**after), [])


class TextTests:
    """A line for a log."""

    def test_keys(self) -> None:
        """Keys that come, go and change are told by fingerprint, those that go with the calls they have to finish."""
        before = upstream([key(0), key(1), key(2)])
        after = upstream([key(0, weight=2), key(2), key(3)])

        assert str(vendors(before, after, _1=2)) == (
            f"+1 key {ID[3]}, −1 key {ID[1]} (2 calls to finish), weight of {ID[0]} 1→2"
        )

    def test_one_call(self) -> None:
        """One call is one call."""
        assert str(vendors(upstream(1), upstream([]), _0=1)) == f"−1 key {ID[0]} (1 call to finish)"

    def test_account_and_switch(self) -> None:
        """A key that is moved to another account, or switched off, is told with both sides."""
        assert str(vendors(upstream([key(0, "a")]), upstream([key(0, "b", enabled=False)]))) == (
            f"account of {ID[0]} a→b, enabled of {ID[0]} yes→no"
        )

    def test_settings_of_a_vendor(self) -> None:
        """A vendor's own settings are told one by one, deep ones too."""
        after = upstream(1, draw=Draw.WEIGHTED, timeouts=Timeouts(idle=30.0))

        assert str(vendors(upstream(1), after)) == "draw least_busy→weighted, timeouts.idle 60→30"

    def test_nothing(self) -> None:
        """The same settings are no diff, and say so."""
        diff = vendors(upstream(2), upstream(2))

        assert not diff
        assert str(diff) == "nothing changed"

    def test_vendors_are_told_apart(self) -> None:
        """Where two vendors change, each part says whose it is; one that goes is named."""
        pools = [pool_diff(upstream([], n), upstream([key(i)], n), {}) for i, n in enumerate("ab")]

        diff = difference(config(upstream(1, "c")), config(upstream(1, "a"), upstream(1, "b")), pools)

        assert str(diff) == f"+2 upstreams a, b; −1 upstream c; a: +1 key {ID[0]}; b: +1 key {ID[1]}"

    def test_models_and_clients(self) -> None:
        """Models and clients are told by name; of a client's key, only that it is another."""
        ann, bob = (ClientSettings(name, Secret(f"sk-{name}-0123456789").digest) for name in ("ann", "bob"))
        limited = evolve(ann, digest=bob.digest, quota=QuotaPlan(Unit.TOKENS, 5), priority=2)
        diff = settings(
            {"clients": (ann, bob), "models": (ModelSettings("m"), ModelSettings("n"))},
            {"clients": (limited,), "models": (ModelSettings("m", context=100), ModelSettings("o"))},
        )

        assert str(diff) == (
            "+1 model o, −1 model n, context of m none→100, "
            "−1 client bob, key of ann, quota of ann, priority of ann 1→2"
        )

    def test_at_the_next_start(self) -> None:
        """What is read once is told with when it takes effect; what is not, with its values."""
        diff = settings({"listen": ("tcp:1",), "head_after": 20.0}, {"listen": ("tcp:2",), "head_after": 10.0})

        assert str(diff) == "head_after 20→10, listen changed: takes effect at the next start"

    def test_deep_settings(self) -> None:
        """A setting with parts is told by its parts."""
        assert str(settings({}, {"anonymous": Anonymous(enabled=True)})) == "anonymous.enabled no→yes"

    def test_long_lists(self) -> None:
        """Ten thousand keys are a line of ten."""
        text = str(vendors(upstream(0), upstream(10_000)))

        assert text.startswith("+10000 keys k-")
        assert text.count("k-") == MOST_NAMED
        assert text.endswith("and 9990 more")


class PlainTests:
    """The same for programs."""

    def test_json(self) -> None:
        """All of it goes through JSON, by name."""
        plain = vendors(upstream([key(0), key(1)]), upstream([key(0, weight=3)]), _1=2).to_plain()

        assert json.loads(json.dumps(plain)) == {
            "keys": [
                {
                    "upstream": "acme",
                    "added": [],
                    "removed": [{"key": ID[1], "calls": 2}],
                    "changed": [{"name": ID[0], "what": "weight", "before": "1", "after": "3"}],
                    "settings": [],
                }
            ],
            "upstreams": {"added": [], "removed": [], "changed": []},
            "models": {"added": [], "removed": [], "changed": []},
            "clients": {"added": [], "removed": [], "changed": []},
            "settings": [],
            "at_next_start": [],
        }

    def test_no_secret(self) -> None:
        """Neither a key, a digest nor a note is in any form of a diff."""
        before = upstream([key(0), key(1)])
        after = upstream([evolve(key(0), note="the note of it", account="sn4_0123456789abcdef"), key(2)])
        digest = Secret("sk-tg-something").digest
        ann = ClientSettings("ann", digest)
        two = (
            Config(upstreams=(before,), clients=(ann,)),
            Config(
                upstreams=(after,),
                clients=(evolve(ann, digest=Secret("sk-tg-another").digest),),
                contact="sk-0123456789",
            ),
        )
        diff = difference(*two, [pool_diff(before, after, {})])
        told = str(diff) + json.dumps(diff.to_plain()) + repr(diff)

        assert "note of" in told and "account of" in told and "key of ann" in told and "contact" in told
        for secret in ("sn4_", "the note", digest, "sk-"):
            assert secret not in told
