"""Grown gateways: what is prepared is what a gateway takes, and of the size that was asked for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench import grown, systems
from targon_gw.core.gateway import Gateway
from targon_gw.settings.loading import load
from targon_gw.store.daybook import daybooks
from targon_gw.store.folder import StateFolder
from targon_gw.store.recovery import recover, verify


def prepared(folder: Path, size: grown.Size) -> tuple[Gateway, StateFolder]:
    """A gateway on prepared settings, started as the daemon starts."""
    config = load(str(grown.write(systems.Setting(4001, 4002, folder), size))).config
    gateway = Gateway.of(config, time.time(), lambda: 0.5)
    state = StateFolder(config.state)
    found = recover(state, touch=False)
    if found.state is not None:
        gateway.restore(found.state, 0.0)
    gateway.ledger.n = found.n
    for n, entry in found.lines:
        gateway.replay(n, entry)
    return gateway, state


class WriteTests:
    """Settings and state of a size."""

    def test_size_is_what_was_asked_for(self, tmp_path: Path) -> None:
        """So many keys, clients and models, each known by its own name, each with what it has used."""
        gateway, state = prepared(tmp_path, grown.Size(keys=30, clients=50, models=7))

        totals = gateway.ledger.totals
        assert len(gateway.pools["bench"].keys) == 30
        assert len(gateway.config.clients) == len(totals["client"]) == 50
        assert len(list(gateway.catalog)) == len(totals["model"]) == 7
        assert {key.served for key in gateway.pools["bench"].keys.values()} == {1}
        assert verify(state) == []

    def test_clients_key_is_the_loads(self, tmp_path: Path) -> None:
        """The key that llmbench makes of the prefix and a number (-K) is that of the client of that number."""
        gateway, _ = prepared(tmp_path, grown.Size(clients=20))

        found = gateway.bank.find(b"sk-bench-000019")

        assert getattr(found, "name", None) == "client-000019"

    def test_many_clients_take_several_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """More than fit in a file are in clients.d/, none lost and none twice."""
        monkeypatch.setattr(grown, "A_FILE", 8)

        gateway, _ = prepared(tmp_path, grown.Size(clients=20))

        assert len(list((tmp_path / "clients.d").iterdir())) == 2
        assert sorted(client.name for client in gateway.config.clients) == [grown.client_name(at) for at in range(20)]

    def test_year_is_packed_but_for_a_month(self, tmp_path: Path) -> None:
        """Days older than a month are packed, all are in the state, and a start has no line to fold in."""
        gateway, state = prepared(tmp_path, grown.Size(days=40, calls_a_day=3))

        books = daybooks(state)
        assert [book.packed for book in books] == [True] * 9 + [False] * 31
        assert gateway.ledger.n == 120
        assert len(gateway.ledger.totals["day"]) >= 40
        assert verify(state) == []

    def test_lost_state_is_folded_again(self, tmp_path: Path) -> None:
        """Without a state each line of the ledger is counted at the start."""
        gateway, _ = prepared(tmp_path, grown.Size(clients=5, days=4, calls_a_day=10, lost=True))

        assert gateway.ledger.n == 40
        assert sum(sums.calls for sums in gateway.ledger.totals["client"].values()) == 40

    def test_flush_is_said_once(self, tmp_path: Path) -> None:
        """How often the state is written can be changed again and again; the last word holds."""
        setting = systems.Setting(4001, 4002, tmp_path)
        path = grown.write(setting, grown.Size(clients=1), "2h")

        grown.write_gateway(setting, "1s")

        assert load(str(path)).config.flush == 1.0
