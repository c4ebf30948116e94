"""Tests of targon_gw/settings/entries.py: clients, and models by themselves."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from targon_gw.core.config import FormerKey

from .folder import loaded, refused


class ClientsTests:
    """clients.yaml."""

    @pytest.mark.parametrize(
        ("second", "said"),
        [
            ("{name: Ann, key: other-key-1}", "the name 'Ann' is already in clients.yaml, line 2"),
            ("{name: bob, key: some-key-1}", "the same key is already in clients.yaml, line 2"),
            (
                "{name: bob, key_sha256: 0C2D0C8A03EF0EFBF7ADE7B1B8B2C5E70B3D4F4C8A1FC1B5A8BC3F7C2F8A0D1}",
                "expected the 64 hex digits of a SHA-256",
            ),
            ("{name: bob}", "expected exactly one of key and key_sha256"),
            ("{key: other-key-1}", "the setting 'name' is missing"),
            ("{name: 'a b', key: other-key-1}", "expected a name of letters, digits"),
            ("{name: bob, key: other-key-1, allow_from: }", "expected a list, got nothing"),
            ("other-key-1", "expected a mapping of settings"),
        ],
    )
    def test_bad_entries(self, tmp_path: Path, second: str, said: str) -> None:
        """Names and keys are each of one client; what is wrong is told at the second."""
        text = f"clients:\n  - {{name: ann, key: some-key-1}}\n  - {second}\n"
        found = refused(tmp_path, {"clients.yaml": text})

        assert found.startswith("clients.yaml:3:")
        assert said in found
        assert "some-key-1" not in found
        assert "other-key-1" not in found

    def test_digest_of_a_key(self, tmp_path: Path) -> None:
        """A client's digest may be given in the key's place, in capitals too; both are then the same key."""
        digest = "5E884898DA28047151D0E56F8DC6292773603D0D6AABBDD62A11EF721D1542D8"
        (client,) = loaded(tmp_path, {"clients.yaml": f"clients: [{{name: a, key_sha256: {digest}}}]"}).config.clients

        assert client.digest == digest.lower()
        text = f"clients: [{{name: a, key_sha256: {digest}}}, {{name: b, key: password}}]"
        assert "the same key is already in" in refused(tmp_path, {"clients.yaml": text})

    def test_what_clients_have_in_common(self, tmp_path: Path) -> None:
        """The same limits and the same quota are one object, over all files: of many clients they are few."""
        rest = "limits: {requests_per_minute: 5000}, quota: {tokens: 90000}"
        files = {
            "clients.yaml": f"clients: [{{name: a, key: some-key-1, {rest}}}, {{name: b, key: some-key-2}}]",
            "clients.d/more.yaml": f"clients: [{{name: c, key: some-key-3, {rest}}}]",
        }
        a, b, c = loaded(tmp_path, files).config.clients

        assert a.limits is c.limits and a.quota is c.quota
        assert (a.limits.requests_per_minute, b.limits.requests_per_minute, b.quota) == (5000, None, None)

    def test_past_date(self, tmp_path: Path) -> None:
        """A client whose date is past is no mistake."""
        text = "clients: [{name: a, key: some-key-1, expires: 2001-01-01}]"

        assert loaded(tmp_path, {"clients.yaml": text}).config.clients[0].expires is not None

    def test_former_key(self, tmp_path: Path) -> None:
        """The key before may be named by its digest, with its end: a bare date is its midnight, UTC."""
        text = f"clients: [{{name: a, key: some-key-1, former: {{key_sha256: {'AB' * 32}, until: 2027-01-01}}}}]"
        (client,) = loaded(tmp_path, {"clients.yaml": text}).config.clients

        assert client.former == FormerKey("ab" * 32, datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC))

    @pytest.mark.parametrize(
        ("former", "said"),
        [
            ("{until: 2027-01-01}", "the setting 'key_sha256' is missing"),
            (f"{{key_sha256: {'ab' * 32}}}", "the setting 'until' is missing"),
            ("{key_sha256: abc, until: 2027-01-01}", "expected the 64 hex digits of a SHA-256"),
            (f"{{key_sha256: {'ab' * 32}, until: soon}}", "expected a date"),
            ("{key: some-key-0, until: 2027-01-01}", "unknown setting 'key'"),
        ],
    )
    def test_bad_former_key(self, tmp_path: Path, former: str, said: str) -> None:
        """Both are needed, and the key itself is not to stand there; it is not shown."""
        found = refused(tmp_path, {"clients.yaml": f"clients: [{{name: a, key: some-key-1, former: {former}}}]"})

        assert said in found
        assert "some-key" not in found


class ModelsTests:
    """models.yaml."""

    def test_little_is_needed(self, tmp_path: Path) -> None:
        """A model needs its id alone; what is left out has the defaults."""
        (model,) = loaded(tmp_path, {"models.yaml": "models: [{id: a/b}]"}).config.models

        assert (model.id, model.kind.value, model.routes, model.price) == ("a/b", "chat", None, None)

    def test_good_entries_do_not_hide_bad_ones(self, tmp_path: Path) -> None:
        """Each bad entry is told, whatever stands before it; also what is no setting of the file."""
        text = "models: [{id: a, kind: chatty}, {id: b}, {context: 0}]\nmodel: []\n"
        said = refused(tmp_path, {"models.yaml": text})

        assert "got 'chatty'; did you mean 'chat'?" in said
        assert "models.yaml:1:42: the setting 'id' is missing" in said
        assert "models.yaml:1:52: expected 1 or more, got 0" in said
        assert "models.yaml:2:1: unknown setting 'model'; did you mean 'models'?" in said

    def test_not_a_list(self, tmp_path: Path) -> None:
        """The models are a list."""
        assert "models.yaml:1:9: expected a list" in refused(tmp_path, {"models.yaml": "models: {id: a}"})
