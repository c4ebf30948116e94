"""Settings as objects: whole by default, frozen, and silent about secrets."""

from __future__ import annotations

from hashlib import sha256

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core import config
from targon_gw.core.config import SECRET_LIKE, Config, KeySettings, Secret, UpstreamSettings
from tests.fakes import upstream


class SecretTests:
    """What must not be shown."""

    @given(st.text(min_size=9))
    def test_shows_itself_nowhere(self, text: str) -> None:
        """Not in its own repr or str, nor in those of what holds it (P19)."""
        secret = Secret(text)
        shown = f"{secret!r} {secret} {KeySettings(secret, 'a')!r} {[secret]} {vars_of(secret)}"

        assert text not in shown.replace(secret.fingerprint, "")

    def test_fingerprint(self) -> None:
        """`k-` and the first eight hex digits of the SHA-256; the same text has the same one."""
        secret = Secret("sn4_abc")

        assert secret.digest == sha256(b"sn4_abc").hexdigest()
        assert secret.fingerprint == "k-" + secret.digest[:8]
        assert Secret("sn4_abc") == secret != Secret("sn4_abd")

    def test_half_surrogates(self) -> None:
        """Bytes of a file that are no UTF-8 still have a fingerprint."""
        assert Secret("\udcff").fingerprint.startswith("k-")

    @pytest.mark.parametrize(
        "text",
        ["Authorization: Bearer abcdefgh1", "bearer 0123456789", "sk-tg-0123456789", "x=sn4_0123456789abcdef;"],
    )
    def test_what_looks_like_one(self, text: str) -> None:
        """Is found wherever it stands."""
        assert SECRET_LIKE.search(text)

    @pytest.mark.parametrize("text", ["task-0123456789", "risk-taking-behaviour", "bearer of news", "sn4_x", "sk-1"])
    def test_what_does_not(self, text: str) -> None:
        """Words of a text are left alone."""
        assert not SECRET_LIKE.search(text)


def vars_of(secret: Secret) -> str:
    """What an over-eager log would write of it."""
    return str([str(secret), format(secret)])


class ConfigTests:
    """All four files, as one."""

    def test_defaults_are_the_pages(self) -> None:
        """What the operator does not write is the documented default."""
        plain = Config()

        assert plain.listen == ("tcp:3811:interface=127.0.0.1",)
        assert (plain.retries.attempts, plain.retries.deadline, plain.retries.budget) == (3, 600.0, 0.2)
        assert (plain.limits.body, plain.limits.answer) == (32 * 1024**2, 32 * 1024**2)
        times = UpstreamSettings("u", "https://u.example").timeouts
        assert (times.connect, times.first_token, times.idle, times.total) == (5.0, 60.0, 60.0, 900.0)
        assert upstream().per_key.concurrent == 32

    def test_everything_is_frozen(self) -> None:
        """No setting changes while a call goes by it."""
        classes = [one for one in vars(config).values() if isinstance(one, type) and attrs.has(one)]

        assert len(classes) > 15
        assert all(one.__setattr__ is not object.__setattr__ and one.__hash__ is not None for one in classes)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            Config().watch = False  # type: ignore[misc]
