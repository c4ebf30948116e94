"""Tests of targon_gw/web/admin_clients.py: entries of clients, as the settings read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from targon_gw.core.config import ClientSettings, Per, QuotaPlan, RateLimits, Secret, Unit
from targon_gw.core.users import IssuedKey, User
from targon_gw.settings.loading import load
from targon_gw.web.admin_clients import NewClient, added, check_new, find, fresh_key, revoked, rotated, shown
from targon_gw.web.admin_desk import Objection
from tests import fakes
from tests.settings.folder import written


class FreshKeyTests:
    """`fresh_key`."""

    def test_none_like_another(self) -> None:
        """Each is new, and is one that the log would hide."""
        keys = {fresh_key() for _ in range(100)}

        assert len(keys) == 100
        assert all(key.startswith("sk-tg-") and len(key) == 38 for key in keys)


class ShownTests:
    """A client as it is shown."""

    def test_plan(self) -> None:
        """Money is shown in dollars; the digest only as a fingerprint."""
        client = ClientSettings("ann", "ab" * 32, ("a/*",), RateLimits(60), QuotaPlan(Unit.USD, 2_500_000))
        told = shown(client, {"requests": 1})

        assert (told["plan"], told["limits"]["requests_per_minute"]) == (
            {"unit": "usd", "amount": 2.5, "per": "day"},
            60,
        )
        assert (told["key"], told["models"], told["use"]) == ("k-abababab", ["a/*"], {"requests": 1})
        assert "ab" * 32 not in str(told)

    def test_unknown(self) -> None:
        """A name that there is not says where to look."""
        with pytest.raises(Objection, match="clients list"):
            find(fakes.gateway(), "nobody")


class FileTests:
    """What is written is what the settings read."""

    def test_added(self, tmp_path: Path) -> None:
        """All that a client may have comes through, with the key's digest and without the key."""
        gateway_yaml = written(tmp_path, {})
        path = tmp_path / "clients.d" / "added-2026-11-21.yaml"
        new = NewClient(
            "bea", ["acme/*"], {"concurrent": 3}, {"usd": 2.5, "per": "month"}, ["10.0.0.0/8"], "2027-01-01", 2
        )
        added(str(path), new, "sk-tg-1")
        added(str(path), NewClient("1e3"), "sk-tg-2")
        bea, number = load(gateway_yaml).config.clients

        assert (bea.digest, bea.models, bea.limits.concurrent) == (Secret("sk-tg-1").digest, ("acme/*",), 3)
        assert (bea.quota, bea.priority) == (QuotaPlan(Unit.USD, 2_500_000, Per.MONTH), 2)
        assert bea.expires is not None and bea.expires.year == 2027
        assert number.name == "1e3"
        assert "sk-tg" not in path.read_text()

    def test_rotated(self, tmp_path: Path) -> None:
        """Only the digest of that client changes."""
        gateway_yaml = written(tmp_path, {})
        path = str(tmp_path / "clients.d" / "added-2026-11-21.yaml")
        clients = str(tmp_path / "clients.yaml")
        added(path, NewClient("bea", priority=2), "sk-tg-1")
        added(path, NewClient("cid"), "sk-tg-2")
        before = Path(path).read_text()
        undo = rotated(clients, "bea", "sk-tg-3", None)
        bea, cid = load(gateway_yaml).config.clients

        assert [bea.digest, cid.digest] == [Secret("sk-tg-3").digest, Secret("sk-tg-2").digest]
        assert bea.priority == 2
        undo()
        assert Path(path).read_text() == before

    def test_revoked(self, tmp_path: Path) -> None:
        """The entry goes; the last one takes the file with it, and undoing brings it back."""
        gateway_yaml = written(tmp_path, {})
        path = tmp_path / "clients.d" / "added-2026-11-21.yaml"
        added(str(path), NewClient("bea"), "sk-tg-1")
        undo = revoked(str(tmp_path / "clients.yaml"), "bea")
        assert not path.exists()
        undo()

        assert [client.name for client in load(gateway_yaml).config.clients] == ["bea"]

    def test_in_no_file(self, tmp_path: Path) -> None:
        """A client of no file (the demo's) is told from one of the operator's."""
        written(tmp_path, {"clients.yaml": f"clients:\n  - name: ann\n    key_sha256: {'ab' * 32}\n"})
        clients = str(tmp_path / "clients.yaml")

        with pytest.raises(Objection, match="none of the files"):
            revoked(clients, "demo")
        with pytest.raises(Objection, match=r"clients\.yaml, line 2, which is yours"):
            revoked(clients, "ann")

    def test_name_taken(self) -> None:
        """Names are compared as people read them."""
        with pytest.raises(Objection, match="already"):
            check_new(fakes.gateway(), NewClient("ANN"))

    def test_name_of_a_user(self) -> None:
        """A client of a user's name would put that user's key out, and inherit its use: it is not made here."""
        gateway = fakes.gateway()
        gateway.people.users.put("eve", User("hash", IssuedKey("ab" * 32, "sk-tg-…abc", 1.0), 1.0))

        with pytest.raises(Objection, match="user 'eve'"):
            check_new(gateway, NewClient("Eve"))
