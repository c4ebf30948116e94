"""What is new: told once, and not at all where it is as it was."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import pytest

from targon_gw.core.byhand import disable
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ending, Entry
from targon_gw.core.standings import entry_of
from targon_gw.web import news
from targon_gw.web.news import MOST_CALLS, Calls, Keys, Picture, Points, event
from tests import fakes


def events(text: bytes) -> list[tuple[str, Any]]:
    """The events of a stream, by name, with their data."""
    found = []
    for block in text.decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


class EventTests:
    """`event`."""

    def test_one_line(self) -> None:
        """Whatever is told, it is one line: a line feed in a text does not end it."""
        assert event("call", {"note": "a\nb\r\n\nevent: x"}).count(b"\n") == 3


class PictureTests:
    """`Picture`."""

    def picture(self, told: dict[str, Any], every: float = 1.0) -> Picture:
        """One that tells that."""
        return Picture("told", lambda: dict(told), lambda: every, ("at",))

    def test_once(self) -> None:
        """It is told when it has changed, and the time alone is no change."""
        told = {"at": 1, "calls": 1}
        one = self.picture(told)
        assert events(one.fresh(0.0)) == [("told", {"at": 1, "calls": 1})]
        told["at"] = 2
        assert one.fresh(2.0) == b""
        told["calls"] = 2
        assert events(one.fresh(4.0)) == [("told", {"at": 2, "calls": 2})]

    def test_not_too_often(self) -> None:
        """Between two looks it is as it was."""
        told = {"calls": 1}
        one = self.picture(told)
        one.fresh(0.0)
        told["calls"] = 2
        assert one.fresh(0.9) == b"" and one.look(0.9) == b'{"calls":1}'
        assert one.fresh(1.0) != b""

    def test_looked_at_in_between(self) -> None:
        """Somebody who asks for it between two ticks takes nothing away from those who listen."""
        told = {"calls": 1}
        one = self.picture(told, 0.0)
        one.fresh(0.0)
        told["calls"] = 2
        one.look(1.0)
        one.whole(1.0)
        assert events(one.fresh(2.0)) == [("told", {"calls": 2})]


class PointsTests:
    """`Points`."""

    def points(self, *told: tuple[int, int]) -> Any:
        """Charts of two points, by when they begin and what they say."""
        return {"15m": [{"t": t, "calls": calls} for t, calls in told]}

    def test_filling(self) -> None:
        """A point is told each time that it changes; when the next begins, once more what it came to."""
        told = self.points((0, 0), (5, 1))
        one = Points(lambda: told)
        assert events(one.fresh(0.0)) == [("points", {"15m": {"t": 5, "calls": 1}})]
        assert one.fresh(0.5) == b""
        told = self.points((5, 3), (10, 0))
        assert events(one.fresh(1.0)) == [
            ("points", {"15m": {"t": 5, "calls": 3}}),
            ("points", {"15m": {"t": 10, "calls": 0}}),
        ]
        told = self.points((10, 0), (15, 0))
        assert events(one.fresh(1.5)) == [("points", {"15m": {"t": 15, "calls": 0}})]

    def test_whole(self) -> None:
        """Who comes is told the newest."""
        assert events(Points(lambda: self.points((0, 0), (5, 1))).whole(0.0)) == [
            ("points", {"15m": {"t": 5, "calls": 1}})
        ]


class CallsTests:
    """`Calls`."""

    def call(self, gateway: Gateway) -> Entry:
        """One that was served."""
        return fakes.settled(gateway, fakes.serving(gateway), fakes.closing(Ending.SERVED), 1.0)

    def test_each_once(self) -> None:
        """Each is told at the next tick, in their order, and what was before anybody listened is not."""
        gateway = fakes.gateway()
        one = Calls(gateway)
        self.call(gateway)
        assert one.whole(0.0) == b""
        one.fresh(0.0)
        assert one.fresh(0.5) == b""
        entries = [self.call(gateway) for _ in range(3)]
        assert [row["at"] for _, row in events(one.fresh(1.0))] == [entry.at for entry in entries]
        assert one.fresh(1.5) == b""

    def test_many(self) -> None:
        """Of more than anybody reads the newest are told, and none of them later."""
        gateway = fakes.gateway()
        one = Calls(gateway)
        for _ in range(MOST_CALLS + 20):
            self.call(gateway)
        assert len(events(one.fresh(0.0))) == MOST_CALLS and one.fresh(0.5) == b""


class KeysTests:
    """`Keys`."""

    def watched(self, count: int = 6) -> tuple[Gateway, deque[Entry], Keys]:
        """A gateway with so many keys."""
        gateway = fakes.gateway(fakes.config(fakes.upstream(count)))
        moved: deque[Entry] = deque(maxlen=10)
        return gateway, moved, Keys(gateway, moved)

    def disabled(self, gateway: Gateway, moved: deque[Entry], number: int) -> str:
        """That key is taken out by hand; its id."""
        pool = gateway.pools["acme"]
        key = fakes.the(pool, number)
        disable(pool, key.id, None, 1.0)
        moved.extend(entry_of("acme", change, gateway.wall) for change in pool.taken_changes())
        return key.id

    def test_few(self) -> None:
        """Where there are few, all are told whenever one of them has changed."""
        gateway, moved, one = self.watched()
        assert len(events(one.whole(0.0))[0][1]["keys"]) == 6 and one.fresh(0.0) == b""
        id = self.disabled(gateway, moved, 4)
        ((_, told),) = events(one.fresh(1.0))

        assert len(told["keys"]) == 6 and "part" not in told
        assert [row["id"] for row in told["keys"] if row["state"] == "disabled"] == [id]

    def test_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where there are many, each has its turn, but whose health has changed is told of at once."""
        monkeypatch.setattr(news, "LOOKED_AT", 2)
        gateway, moved, one = self.watched(7)
        assert one.whole(0.0) == b""
        seen = [row["id"] for tick in range(4) for _, told in events(one.fresh(float(tick))) for row in told["keys"]]
        assert sorted(seen) == sorted(gateway.pools["acme"].keys)
        id = self.disabled(gateway, moved, 5)
        ((_, told),) = events(one.fresh(5.0))

        assert told["part"] and [row["id"] for row in told["keys"]] == [id] and told["gone"] == []
        assert all(one.fresh(6.0 + tick) == b"" for tick in range(8))

    def test_gone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key that the settings name no longer is told of once."""
        monkeypatch.setattr(news, "LOOKED_AT", 2)
        gateway, _, one = self.watched(7)
        for tick in range(4):
            one.fresh(float(tick))
        gateway.reconfigure(fakes.config(fakes.upstream(6)), 5.0)
        told = [told for tick in range(4) for _, told in events(one.fresh(6.0 + tick))]

        assert [each["gone"] for each in told] == [[{"upstream": "acme", "id": fakes.key(6).secret.fingerprint}]]
