"""Users over a restart: whose key is whose, before what they have used is counted."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from msgspec import Raw
from msgspec.structs import replace

from targon_gw.core.bank import MemoryBank
from targon_gw.core.config import ClientSettings, Config, Per, QuotaPlan, RateLimits, Unit
from targon_gw.core.cut import all_of
from targon_gw.core.errors import Refusal
from targon_gw.core.estate import LedgerState, State, slices
from targon_gw.core.gateway import Asking, Gateway
from targon_gw.core.ledger import Ending, Entry, Kind, changed, figures_of, line_of
from targon_gw.core.lines import read_rows
from targon_gw.core.meter import Source, Usage
from targon_gw.core.people import Newcomer
from targon_gw.core.users import IssuedKey, User
from tests.fakes import ADDRESS, MODEL, WALL, ask, config, gateway

SECRET = b"sk-tg-the-key-of-a-user-of-the-tests"
PLAN = QuotaPlan(Unit.TOKENS, 1000, Per.TOTAL)
SETTINGS = config(default_quota=PLAN, default_limits=RateLimits(concurrent=2))
USED = Usage(20, 8, source=Source.UPSTREAM)


def user(**members: Any) -> User:
    """One whose key is `SECRET`."""
    return User("hash", IssuedKey(sha256(SECRET).hexdigest(), "sk-tg-…sts", WALL), WALL, **members)


def with_bob(settings: Config = SETTINGS) -> tuple[Gateway, Entry]:
    """A gateway with one user, and the line that made it."""
    desk = gateway(settings)
    line = changed(Kind.CLIENT, WALL, "bob", desk.people.created(Newcomer("bob", user(), "s1"), WALL))
    assert desk.ledger.fold(desk.ledger.n + 1, line)
    desk.take(line.change or {}, 0.0)
    return desk, line


def quota(desk: Gateway) -> tuple[int, int] | None:
    """Used and left, of whoever has `SECRET`; `None` where nobody has."""
    try:
        found = desk.identify(SECRET, ADDRESS, 0.0)
    except Refusal as refusal:
        assert refusal.code == "invalid_api_key"
        return None
    shown = desk.bank.overview(found, 0.0).quota  # type: ignore[arg-type]
    assert shown is not None
    return shown.used, shown.remaining


CALL = Entry(WALL, "req_1", Kind.CALL, "bob", MODEL, MODEL, ending=Ending.SERVED, **figures_of(USED))


class UserTests:
    """A user's key is good at once, and after a restart."""

    def test_at_once(self) -> None:
        """It may call, by the defaults of the settings."""
        desk, _ = with_bob()
        found = desk.identify(SECRET, ADDRESS, 0.0)
        desk.admit(Asking(found, ADDRESS, "req_1"), ask(max_tokens=10), 0.0)  # type: ignore[arg-type]

        assert found.name == "bob"  # type: ignore[union-attr]
        assert quota(desk) is not None

    def test_disabled_enabled_deleted(self) -> None:
        """As the last change says."""
        desk, _ = with_bob()
        for change, good in (
            (desk.people.disabled("bob", WALL), False),
            ({"users": {"bob": {**desk.people.altered("bob")["users"]["bob"], "enabled": True}}}, True),
            (desk.people.deleted("bob", WALL), False),
        ):
            desk.take(change, 0.0)
            assert (quota(desk) is not None) is good

    @pytest.mark.parametrize("one_by_one", [True, False])
    def test_by_lines(self, one_by_one: bool) -> None:
        """E-01: made and used behind the last state; its use counts against the quota that users have."""
        _, line = with_bob()
        rows = read_rows(line_of(line, 1) + line_of(CALL, 2))
        assert rows is not None
        again = gateway(SETTINGS)
        if one_by_one:
            again.replay(1, line)
            again.replay(2, CALL)
        else:
            again.replay_all([rows])

        assert quota(again) == (28, 972)
        assert again.ledger.n == 2
        again.replay_all([rows])
        assert quota(again) == (28, 972), "what was counted is not counted again"

    def test_an_older_line_does_not_undo(self) -> None:
        """E-02: lines that are in the state are not done again."""
        desk, line = with_bob()
        gone = changed(Kind.CLIENT, WALL, "bob", desk.people.deleted("bob", WALL))
        desk.ledger.fold(2, gone)
        desk.take(gone.change or {}, 0.0)
        state = json.loads(json.dumps(desk.to_state(0.0)))
        again = gateway(SETTINGS)
        again.restore(state, 0.0)
        rows = read_rows(line_of(line, 1) + line_of(gone, 2))
        assert rows is not None
        again.replay_all([rows[:1]])

        assert again.people.users.get("bob") is None
        assert quota(again) is None

    def test_by_state(self) -> None:
        """What it has used is measured by what users may use, and its session lasts."""
        desk, _ = with_bob()
        desk.replay(desk.ledger.n + 1, CALL)
        state = json.loads(json.dumps(desk.to_state(0.0)))
        again = gateway(SETTINGS)
        again.restore(state, 0.0)

        assert quota(again) == (28, 972)
        bob = again.bank.named("bob")
        assert bob is not None and next(iter(again.ledger.totals["client"])) is bob.name
        assert again.people.sessions.find("s1", WALL) is not None
        assert again.people.user("bob") == user()

    def test_as_its_file_is_read(self) -> None:
        """Client by client: it comes to the same, and names are the texts that the settings have."""
        settings = config(clients=[ClientSettings(sys.intern("ann"), "00" * 32)])
        desk = gateway(settings)
        for name in ("ann", "gone"):
            desk.replay(desk.ledger.n + 1, replace(CALL, client=name))
        state = desk.to_state(0.0)
        read = msgspec.json.decode(json.dumps(state).encode(), type=State)
        again = gateway(settings)
        again.restore(read, 0.0)

        assert State.__annotations__.keys() == state.keys(), "what is named nowhere is not read"
        assert LedgerState.__annotations__.keys() == state["ledger"].keys()
        assert isinstance(read["bank"]["clients"]["ann"], Raw)
        assert again.to_state(0.0) == state and "gone" in state["bank"]["clients"]
        assert isinstance(again.bank, MemoryBank)
        for names in (again.ledger.totals["client"], again.bank._clients):
            assert next(name for name in names if name == "ann") is settings.clients[0].name

    def test_states_from_before_there_were_users(self) -> None:
        """They load, and nobody is in them."""
        desk, _ = with_bob()
        state = all_of(slices(desk, 0.0))
        del state["people"]
        again = gateway(SETTINGS)
        again.restore(state, 0.0)

        assert len(again.people.users) == 0 and quota(again) is None
