"""Invites: used so often, for so long, and told to nobody."""

from __future__ import annotations

import json
import re

import pytest

from targon_gw.core import invites as module
from targon_gw.core.errors import Refusal
from targon_gw.core.invites import Invite, Invites, invite_id

NOW = 1000.0
CODE = "ab" * 32


def made(uses: int = 1, expires: float | None = None) -> Invites:
    """One invite."""
    invites = Invites()
    invites.put(json.loads(json.dumps(invites.making(CODE, Invite(uses, NOW, expires, "for friends"), NOW))))
    return invites


class UseTests:
    """`using`."""

    def test_so_often(self) -> None:
        """A code of two uses is good twice, and then is no code."""
        invites = made(2)
        for left in (1, 0):
            invites.put(invites.using(CODE, NOW))
            assert [invite.uses for _, invite in invites] == [left][:left]

        with pytest.raises(Refusal) as told:
            invites.using(CODE, NOW)
        assert (told.value.code, told.value.param) == ("invite_invalid", "invite")

    def test_all_are_refused_alike(self) -> None:
        """F-09: over, used up, unknown and none: in the same words."""
        over, used = made(5, NOW), made()
        used.put(used.using(CODE, NOW))
        told = set()
        for invites, code in ((over, CODE), (used, CODE), (made(), "cd" * 32), (made(), None)):
            with pytest.raises(Refusal) as refused:
                invites.using(code, NOW)
            told.add((refused.value.code, refused.value.message, refused.value.wait))

        assert len(told) == 1

    def test_nothing_is_altered(self) -> None:
        """What would be put is said, and not done."""
        invites = made()
        assert invites.using(CODE, NOW) == {CODE: None}
        assert len(invites) == 1

    def test_until(self) -> None:
        """It is good until it ends, not at its end."""
        assert made(1, NOW + 10).using(CODE, NOW + 9.9) == {CODE: None}
        with pytest.raises(Refusal):
            made(1, NOW + 10).using(CODE, NOW + 10)


class MakingTests:
    """`making` and `deleting`."""

    def test_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """So many at most; those that are over make room."""
        monkeypatch.setattr(module, "MOST", 2)
        invites = made(1, NOW + 5)
        invites.put(invites.making("b", Invite(1, NOW), NOW))
        with pytest.raises(Refusal, match="already"):
            invites.making("c", Invite(1, NOW), NOW)
        invites.put(invites.making("c", Invite(1, NOW), NOW + 5))

        assert {digest for digest, _ in invites} == {"b", "c"}

    def test_deleted(self) -> None:
        """By what people call it; one that there is not is told."""
        invites = made()
        assert re.fullmatch("[0-9a-f]{12}", invite_id(CODE))
        invites.put(invites.deleting(invite_id(CODE)))

        assert len(invites) == 0
        with pytest.raises(Refusal) as told:
            invites.deleting(invite_id(CODE))
        assert told.value.code == "not_found"
