"""`/health` in each state that the gateway can be in."""

from __future__ import annotations

import json

from attrs import frozen

from targon_gw.core.keys import Want
from tests import fakes

from .house import House


@frozen
class Settings:
    """How a reading of the settings went."""

    problem: str | None = None
    since: float | None = None


NOTHING_OUT = {"cooling": 0, "exhausted": 0, "barred": 0, "disabled": 0}


class HealthTests:
    """The three addresses, asked without a key."""

    def told(self, house: House, path: str = "/health") -> tuple[int, dict[str, object]]:
        """Status and document."""
        answer = house.get(path, lines="")
        assert answer.headers[b"cache-control"] == b"no-store"
        assert answer.headers[b"content-type"] == b"application/json; charset=utf-8"
        return answer.status, json.loads(answer.body)

    def test_well(self) -> None:
        """All keys usable: ok, with version, uptime and counts; nobody is asked."""
        house = House(fakes.config(fakes.upstream(3)))
        house.talk.pass_seconds(12)

        assert self.told(house) == (
            200,
            {
                "status": "ok",
                "version": "1.2.3",
                "uptime_s": 12,
                "keys": {"total": 3, "usable": 3, **NOTHING_OUT},
                "draining": False,
            },
        )
        assert self.told(house, "/health/ready") == (200, {"status": "ok"})
        assert not house.vendor.asked

    def test_half_out(self) -> None:
        """Half of the keys out: degraded, and still 200."""
        house = House(fakes.config(fakes.upstream([fakes.key(0), fakes.key(1, enabled=False)])))
        status, told = self.told(house)

        assert (status, told["status"]) == (200, "degraded")
        assert told["keys"] == {"total": 2, "usable": 1, **NOTHING_OUT, "disabled": 1}
        assert self.told(house, "/health/ready")[0] == 200

    def test_down(self) -> None:
        """No key usable: 503 of /health and /health/ready; the process lives."""
        house = House(fakes.config(fakes.upstream([fakes.key(0, enabled=False)])))
        status, told = self.told(house)

        assert (status, told["status"]) == (503, "down")
        assert self.told(house, "/health/ready") == (503, {"status": "down", "reason": "no usable key"})
        assert self.told(house, "/health/live") == (200, {"status": "ok"})

    def test_draining(self) -> None:
        """A gateway that drains is not to be sent calls, and says why."""
        house = House()
        house.gateway.draining = True
        status, told = self.told(house)

        assert (status, told["status"], told["draining"]) == (503, "down", True)
        assert self.told(house, "/health/ready") == (503, {"status": "down", "reason": "draining"})
        assert self.told(house, "/health/live")[0] == 200

    def test_busy_is_well(self) -> None:
        """A key with calls under way is as usable as ever."""
        house = House()
        (pool,) = house.gateway.pools.values()
        assert pool.draw(Want(fakes.MODEL), 0.0) is not None

        assert self.told(house)[1]["status"] == "ok"

    def test_settings_not_taken(self) -> None:
        """Settings that were not taken are told with since when, not why; calls may be sent as before."""
        house = House()
        house.health.settings = Settings()
        assert "settings" not in self.told(house)[1]

        house.health.settings = Settings("clients.yaml:3:1: a canary", fakes.WALL)
        status, told = self.told(house)
        assert (status, told["settings"]) == (200, {"taken": False, "since": fakes.WALL})
        assert b"canary" not in house.talk.wire.value()
        assert self.told(house, "/health/ready")[0] == 200

    def test_no_room_for_the_ledger(self) -> None:
        """E-05: where nothing can be recorded no calls are to be sent; the keys are well, and the process lives."""
        house = House()
        house.gateway.shut = "no room"

        status, told = self.told(house)
        assert (status, told["status"], told["recording"]) == (200, "ok", False)
        assert self.told(house, "/health/ready") == (503, {"status": "down", "reason": "no room for the ledger"})
        assert self.told(house, "/health/live")[0] == 200
        house.gateway.shut = None
        assert "recording" not in self.told(house)[1]
