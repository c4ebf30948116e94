"""Tests of targon_gw/settings/vendor_keys.py and entries.py: keys, clients, models."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from targon_gw.settings.problems import SettingsError

from .folder import loaded, refused

SECRET = "Qx7pLm2vTz9wRk4bYc8nHd3s"


class KeysTests:
    """keys.yaml and keys.d."""

    @pytest.mark.parametrize(
        ("entry", "said"),
        [
            ("{weight: 2}", "1:10: expected exactly one of secret, secret_file and secret_env"),
            ("{secret: abcd, secret_env: X}", "1:10: expected exactly one of secret, secret_file and secret_env"),
            ("{secret_env: X}", "1:23: the environment variable X is not set"),
            ("{secret_env: EMPTY}", "1:23: expected a secret of printable ASCII"),
            ("{secret_env: a-b}", "1:23: expected the name of an environment variable"),
            ("{secret_file: gone}", "1:24: the file 'gone' cannot be read: No such file"),
            ("{secret_file: two}", "1:24: expected a secret of printable ASCII"),
            ("{account: a}", "1:10: the setting 'keys' is missing"),
            ("{account: a, keys: [{account: b, keys: []}]}", "1:31: unknown setting 'account'"),
            ("{account: a, keys: }", "expected a list, got nothing"),
            ("0123456789", "1:10: expected a secret, but YAML reads this as another number: quote it"),
            ("12345678", "1:10: expected a secret, but YAML reads this as a number: quote it"),
            ("{Sk1abcdefgh: x}", "1:11: unknown setting '…'"),
        ],
    )
    def test_bad_entries(self, tmp_path: Path, entry: str, said: str) -> None:
        """What is wrong with an entry is told at its place."""
        files = {"keys.yaml": f"targon: [{entry}]\n", "two": "a\nb\n"}

        assert said in refused(tmp_path, files, {"EMPTY": ""})

    @pytest.mark.parametrize(
        "entry",
        [
            "{note: spare secret: Qx7pLm2vTz9wRk4bYc8nHd3s}",
            "account: al\n    weight: 2\n      - Qx7pLm2vTz9wRk4bYc8nHd3s",
            "secret: abcd\n    enabled: false\n      Qx7pLm2vTz9wRk4bYc8nHd3s",
        ],
    )
    def test_no_secret_of_the_line_below(self, tmp_path: Path, entry: str) -> None:
        """A key that YAML takes for the rest of a harmless value, for want of a comma or by its indent, is not told."""
        assert SECRET[:8] not in refused(tmp_path, {"keys.yaml": f"targon:\n  - {entry}\n"})

    def test_disabled_key_may_have_lost_its_secret(self, tmp_path: Path) -> None:
        """A key that is switched off and cannot be found is left out, and stops nothing."""
        found = loaded(tmp_path, {"keys.yaml": "targon: [{secret_file: gone, enabled: false}, abcd]\n"})

        assert [key.secret.reveal for key in found.config.upstreams[0].keys] == ["abcd"]

    def test_same_key_twice(self, tmp_path: Path) -> None:
        """The same secret twice is told with its fingerprint and where it was met, over all files."""
        files = {"keys.yaml": f"targon:\n  - {SECRET}\n", "keys.d/a.yaml": f"targon: [{{secret: {SECRET}}}]\n"}
        said = refused(tmp_path, files)

        assert "keys.d/a.yaml:1:10: the same key (k-" in said
        assert "is already in keys.yaml, line 2" in said
        assert SECRET not in said

    def test_two_of_one_fingerprint(self, tmp_path: Path) -> None:
        """Nobody could tell two keys apart that by chance have one fingerprint: a mistake, but in two pools."""
        one, other = "sn4_ab12cd34ef56gh78011392", "sn4_ab12cd34ef56gh78048093"
        said = refused(tmp_path, {"keys.yaml": f"targon:\n  - {one}\n", "keys.d/a.yaml": f"targon: [{other}]\n"})

        assert (
            "keys.d/a.yaml:1:10: another key with the same fingerprint (k-9c5fd0a7) is already in keys.yaml, line 2"
            in said
        )
        assert one not in said and other not in said
        base = "{base_url: https://api.targon.com/v1}"
        files = {"gateway.yaml": f"upstreams: {{targon: {base}, acme: {base}}}\n", "keys.d/a.yaml": ""}
        assert loaded(tmp_path, {**files, "keys.yaml": f"targon: [{one}]\nacme: [{other}]\n"}).config.upstreams[1].keys

    @pytest.mark.parametrize("text", ["[a]", "abcd", "targon: abcd", "targon: {a: b}"])
    def test_not_a_list_of_keys(self, tmp_path: Path, text: str) -> None:
        """A file of keys is a mapping of upstreams to lists."""
        assert "keys.yaml:1:" in refused(tmp_path, {"keys.yaml": text})

    def test_upstream_without_keys(self, tmp_path: Path) -> None:
        """An upstream whose keys are all commented out has none."""
        assert loaded(tmp_path, {"keys.yaml": "targon:\n  # - x\n"}).config.upstreams[0].keys == ()

    @given(
        st.text(alphabet="ABCDEFghijklmn0123456789", min_size=20, max_size=40),
        st.lists(st.sampled_from(["\n", ": ", "- ", "'", '"', "{", "}", "[", ", ", "#", "secret: ", "&", "x: "])),
        st.lists(st.sampled_from(["\n", ": ", ":", "'", '"', "}", "]", ",", " @", " weight: no"]), min_size=1),
        st.sampled_from(["keys.yaml", "clients.yaml"]),
    )
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
    def test_no_problem_shows_a_secret(
        self, tmp_path: Path, secret: str, before: list[str], after: list[str], name: str
    ) -> None:
        """However broken the file is around a secret, nothing that is said of it holds the secret."""
        text = f"targon:\n  - {''.join(before)}{secret}{''.join(after)}\n  - 5\n"
        try:
            loaded(tmp_path, {name: text})
        except SettingsError as error:
            assert secret not in str(error)
            assert secret not in repr(error.problems)


class ConfirmRemovalTests:
    """How many keys a change takes away, in the operator's word."""

    def test_borne(self, tmp_path: Path) -> None:
        """What the files say is handed on; where they say nothing, nothing is."""
        assert loaded(tmp_path, {"keys.yaml": "confirm_removal: 3\n"}).confirm_removal == 3
        assert loaded(tmp_path, {"keys.yaml": ""}).confirm_removal is None
        assert loaded(tmp_path, {"keys.d/a.yaml": "confirm_removal: 4\n"}).confirm_removal == 4

    def test_two_files(self, tmp_path: Path) -> None:
        """Two files that agree are one word; two that differ are a mistake, shown where the second is."""
        files = {"keys.yaml": "confirm_removal: 3\n", "keys.d/a.yaml": "confirm_removal: 3\n"}
        assert loaded(tmp_path, files).confirm_removal == 3

        said = refused(tmp_path, {**files, "keys.d/b.yaml": "# more\nconfirm_removal: 4\n"})

        assert said.startswith("keys.d/b.yaml:2:")
        assert "another file of keys says 3" in said
