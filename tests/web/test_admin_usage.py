"""Tests of targon_gw/web/admin_usage.py."""

from __future__ import annotations

import pytest

from targon_gw.core.ledger import Ending, Kind, Sums
from targon_gw.web.admin_desk import Objection
from targon_gw.web.admin_usage import call, calls, checked_by, checked_day, plain, rate, rows
from tests import fakes

from .office import line, used

RECENT = [
    line("req_1", key="k-a", usage=used(5)),
    line("req_2", kind=Kind.ATTEMPT, key="k-b", status=429, ending=None, note="429: too many requests"),
    line("req_2", key="k-a"),
    line("req_3", status=503, ending=Ending.REFUSED),
    line("req_4", status=200, ending=Ending.TRUNCATED, key="k-b"),
]


class CallsTests:
    """The last calls."""

    @pytest.mark.parametrize(
        ("status", "key", "found"),
        [
            (None, None, ["req_4", "req_3", "req_2", "req_1"]),
            ("5xx", None, ["req_3"]),
            ("503", None, ["req_3"]),
            ("502", None, []),
            ("truncated", None, ["req_4"]),
            ("2xx", "k-a", ["req_2", "req_1"]),
            (None, "k-b", ["req_4", "req_2"]),
            (None, "k-c", []),
        ],
    )
    def test_filters(self, status: str | None, key: str | None, found: list[str]) -> None:
        """By status, class of status, ending, and by a key that took part, be it only in an attempt that failed."""
        assert [entry["id"] for entry in calls(RECENT, 50, status, key)] == found

    def test_odd_status(self) -> None:
        """What is no status is refused, not taken for one that nothing has."""
        for odd in ("", "x", "6xx", "2000", "5XX"):
            with pytest.raises(Objection):
                calls(RECENT, 50, odd, None)

    def test_one(self) -> None:
        """A call comes with the attempts that failed; an attempt alone, or another id, is none."""
        found = call(RECENT, "req_2")

        assert [attempt["note"] for attempt in found["failed_attempts"]] == ["429: too many requests"]
        assert found["key"] == "k-a"
        with pytest.raises(Objection):
            call(RECENT[:2], "req_2")

    def test_when_attempts_began(self) -> None:
        """Where the ledger has when each was over, it is told when it began, behind the call's own beginning."""
        recent = [
            line("req_5", kind=Kind.ATTEMPT, at=fakes.WALL - 3.5, took=0.5, ending=None),
            line("req_5", kind=Kind.ATTEMPT, at=fakes.WALL - 2.0, took=1.25, ending=None),
            line("req_5", took=4.0),
        ]

        assert [one["from"] for one in call(recent, "req_5")["failed_attempts"]] == [0.0, 0.75]

    def test_when_is_not_known(self) -> None:
        """Lines that all bear the moment of settlement tell how long each took, and no more: nothing is made up."""
        recent = [
            line("req_6", kind=Kind.ATTEMPT, took=0.5, ending=None),
            line("req_6", kind=Kind.ATTEMPT, took=1.25, ending=None),
            line("req_6", took=4.0),
        ]

        assert not any("from" in one for one in call(recent, "req_6")["failed_attempts"])


class PlainTests:
    """Entries and sums as JSON."""

    def test_entry(self) -> None:
        """Figures stand beside the rest, with their source; what is not set is left out."""
        told = plain(RECENT[0])

        assert (told["prompt"], told["source"], told["ending"], told["kind"]) == (5, "upstream", "served", "call")
        assert not {"usage", "note", "client"} & set(told)

    def test_sums(self) -> None:
        """Every figure is there, in order of name, and nothing that is the core's own."""
        (first, second) = rows({"b": Sums(served=1), "a": Sums(refused=2, cost=7)})

        assert (first["name"], first["calls"], first["cost"], second["name"]) == ("a", 2, 7, "b")
        assert set(first) >= {"prompt", "completion", "estimated", "probe_tokens"}
        assert not any(name.startswith("_") for name in first)


class RateTests:
    """Calls a second."""

    def test_of_late(self) -> None:
        """Calls that ended in the last ten seconds count, older ones and attempts do not."""
        recent = [line(at=fakes.WALL + second) for second in range(30)]
        recent.append(line(kind=Kind.ATTEMPT, at=fakes.WALL + 30))

        assert rate(recent, fakes.WALL + 30) == 0.9

    def test_more_than_are_kept(self) -> None:
        """Where what is kept reaches back one second only, the rate is over that second."""
        recent = [line(at=fakes.WALL + n / 1000) for n in range(1000)]

        assert rate(recent, fakes.WALL + 1) == 1000.0


class ArgumentTests:
    """What may be asked for."""

    def test_by(self) -> None:
        """Models unless another is said; what the ledger does not sum by is refused."""
        assert (checked_by(None), checked_by("day")) == ("model", "day")
        with pytest.raises(Objection, match="account"):
            checked_by("colour")

    def test_day(self) -> None:
        """A day that there is, written whole."""
        assert checked_day("2026-11-21") == "2026-11-21"
        for odd in ("20261121", "2026-13-01", "2026-02-30", "today", "2026-1-1"):
            with pytest.raises(Objection):
                checked_day(odd)
