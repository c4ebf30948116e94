"""Tests of targon_gw/cli/clients.py."""

from __future__ import annotations

from pathlib import Path

from targon_gw.core.config import ClientSettings, QuotaPlan, RateLimits, Unit
from targon_gw.settings.loading import load
from tests import fakes
from tests.settings.folder import written
from tests.web.office import TODAY, Office

from .desk import as_json, told, typed

ANN = ClientSettings("ann", "ab" * 32, ("acme/*",), RateLimits(60, None, 8), QuotaPlan(Unit.TOKENS, 100_000))


class LookingTests:
    """`clients list` and `show`."""

    def test_list(self, tmp_path: Path) -> None:
        """A line a client, with what it has left."""
        head, row = told(Office(tmp_path, fakes.config(clients=(ANN,))), "clients", "list").splitlines()

        assert head.split()[:2] == ["client", "key"]
        assert row.split()[:2] == ["ann", "k-abababab"]
        assert "100,000 tokens per day" in row

    def test_show(self, tmp_path: Path) -> None:
        """Limits, quota and use."""
        office = Office(tmp_path, fakes.config(clients=(ANN,)))
        out = told(office, "clients", "show", "ann")

        assert "60 requests per minute, 8 concurrent" in out
        assert "100,000 tokens per day: 10 used, 5 held, 85 left" in out
        assert "3 calls" in out
        assert as_json(office, "clients", "show", "ann")["priority"] == 1
        assert typed(office, "clients", "show", "bob").exit_code == 1


class IssuingTests:
    """`clients add`, `rotate` and `revoke`."""

    def test_add(self, tmp_path: Path) -> None:
        """The key stands alone on standard output; the entry is one that the settings read."""
        gateway_yaml = written(tmp_path, {})
        words = ["--model", "a/*", "--model", "b", "--concurrent", "3", "--quota", "2.5", "--unit", "usd"]
        words += ["--per", "month", "--expires", "2027-01-31", "--allow-from", "10.0.0.0/8"]
        result = typed(Office(tmp_path), "clients", "add", "bea", *words)
        (bea,) = load(gateway_yaml).config.clients

        assert (result.exit_code, result.stdout) == (0, "sk-tg-fresh\n")
        assert "not shown again" in result.stderr
        assert (bea.name, bea.models, bea.limits) == ("bea", ("a/*", "b"), RateLimits(None, None, 3))
        assert bea.quota is not None
        assert (bea.quota.amount, bea.quota.per.value) == (2_500_000, "month")

    def test_whole_quota(self, tmp_path: Path) -> None:
        """Tokens are a whole number in the file, whatever was typed."""
        gateway_yaml = written(tmp_path, {})
        told(Office(tmp_path), "clients", "add", "bea", "--quota", "100000")

        assert load(gateway_yaml).config.clients[0].quota == QuotaPlan(Unit.TOKENS, 100_000)

    def test_taken_name(self, tmp_path: Path) -> None:
        """A name that there is already is refused, and nothing is written."""
        result = typed(Office(tmp_path), "clients", "add", "Ann")

        assert (result.exit_code, result.stdout) == (1, "")
        assert not (tmp_path / "clients.d").exists()

    def test_rotate_and_revoke(self, tmp_path: Path) -> None:
        """The new key is shown once; with --grace it is told until when the old one is good."""
        office = Office(tmp_path, fakes.config(clients=()))
        told(office, "clients", "add", "bea")
        office.desk.gateway.config = fakes.config(clients=(ClientSettings("bea", "ab" * 32),))
        now, later = (
            typed(office, "clients", "rotate", "bea"),
            typed(office, "clients", "rotate", "bea", "--grace", "1d"),
        )

        assert (now.stdout, later.stdout) == ("sk-tg-fresh\n", "sk-tg-fresh\n")
        assert "the old key has ended" in now.stderr
        assert "good until 2023-11-15T" in later.stderr
        assert told(office, "clients", "revoke", "bea") == "bea may call no more\n"
        assert not (tmp_path / "clients.d" / f"added-{TODAY}.yaml").exists()
