"""Users: what a name and a password may be, and what is kept of them."""

from __future__ import annotations

import json
import unicodedata

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.errors import Refusal
from targon_gw.core.users import (
    LONGEST_PASSWORD,
    IssuedKey,
    User,
    Users,
    checked_password,
    folded,
    is_too_long,
    name_of,
    plain_of,
    user_of,
)

ALLOWED = set("abcdefghijklmnopqrstuvwxyz0123456789._-")
KEY = IssuedKey("ab" * 32, "sk-tg-…9f2", 5.0, "sealed canary")
USER = User("hash canary", KEY, 4.0)


class NameTests:
    """`folded` and `name_of`; faults catalogue, F-21 and F-22."""

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("ann", "ann"),
            ("ANN", "ann"),
            ("Ann.B_c-1", "ann.b_c-1"),
            ("\uff21\uff4e\uff4e", "ann"),
            ("\u2170\u2170\u2170", "iii"),
            ("\u212aelvin", "kelvin"),
            ("null", "null"),
            ("1e3", "1e3"),
            ("a" * 32, "a" * 32),
        ],
    )
    def test_taken(self, text: str, name: str) -> None:
        """F-21: what looks alike by NFKC and case is one name."""
        assert name_of(text) == name

    @pytest.mark.parametrize(
        "text",
        [
            "", "an", "a" * 33, "\u0430dmin", "ann\u200b", "\u202enna", "a nn", " ann", "ann\n", "../x", "a/b", "a\\b",
            "- a: b", "!!python/object", "ann\x00", "a" * 1_000_000, "\ufdfa" * 128, "\ud800nn", "zoë",
        ],
    )  # fmt: skip
    def test_refused(self, text: str) -> None:
        """F-21, F-22: other scripts, zero widths, directions, paths, YAML, a megabyte; none of it is repeated."""
        with pytest.raises(Refusal) as told:
            name_of(text)

        assert (told.value.code, told.value.param) == ("invalid_value", "name")
        assert len(text) < 3 or text[:20] not in told.value.message

    @given(st.text(max_size=40))
    def test_any_text(self, text: str) -> None:
        """Whatever is typed, a name is of the few characters, folds to itself, and is the same however it was cased."""
        name = folded(text)

        if name is not None:
            assert set(name) <= ALLOWED and 3 <= len(name) <= 32
            assert folded(name) == name
            for other in (text.upper(), text.lower(), unicodedata.normalize("NFD", text)):
                assert folded(other) in (name, None)

    @given(st.text(alphabet=sorted(ALLOWED), min_size=3, max_size=32))
    def test_what_is_one_already(self, text: str) -> None:
        """Every text of those characters is a name and is kept as it is; YAML brings it back as it went in (F-22)."""
        assert folded(text) == text
        assert yaml.safe_load(yaml.safe_dump({text: [text]})) == {text: [text]}


class PasswordTests:
    """`checked_password`; faults catalogue, F-10."""

    @pytest.mark.parametrize("text", ["x" * 8, "x" * 1024, "密码密码密码密码", " " * 8])
    def test_taken(self, text: str) -> None:
        """Any eight characters, up to 1 KiB, and not altered."""
        assert checked_password(text) == text
        assert not is_too_long(text)

    @pytest.mark.parametrize("text", ["", "canaryy", "c" * 1025, "密" * 342, "x" * 1_000_000, "\ud800" * 400])
    def test_refused(self, text: str) -> None:
        """F-10: too short, or more than 1 KiB of UTF-8; what it was is not told."""
        with pytest.raises(Refusal) as told:
            checked_password(text)

        assert (told.value.code, told.value.param) == ("invalid_value", "password")
        assert "canary" not in told.value.message
        assert is_too_long(text) is (len(text.encode("utf-8", "surrogatepass")) > LONGEST_PASSWORD)


class UserTests:
    """One of them."""

    def test_says_nothing(self) -> None:
        """F-14: neither the hash nor the key, sealed or digested, is in a repr."""
        shown = repr(USER)

        assert "canary" not in shown and "abab" not in shown
        assert "sk-tg-…9f2" in shown

    @pytest.mark.parametrize("user", [USER, User("h", IssuedKey("cd" * 32, "m", 1.0), 0.0, True, False)])
    def test_round_trip(self, user: User) -> None:
        """Through JSON and back it is the same."""
        assert user_of(json.loads(json.dumps(plain_of(user)))) == user


class UsersTests:
    """All of them."""

    def test_put(self) -> None:
        """The last to be put under a name is who has it; a change keeps its place in the order."""
        users = Users()
        users.put("ann", USER)
        users.put("bob", USER)
        other = User("h", KEY, 9.0)
        users.put("ann", other)

        assert users.get("ann") == other
        assert users.names() == ["ann", "bob"] and users.names("o") == ["bob"] and "ann" in users
        assert [name for name, _ in users] == ["ann", "bob"]
        users.put("ann", None)
        users.put("nobody", None)
        assert (users.get("ann"), len(users), "ann" in users) == (None, 1, False)
        assert "canary" not in repr(users)
