"""What an operator writes into keys.yaml and clients.yaml: valid drafts and invalid ones, with comments and oddities.

Each book remembers what its last valid draft says, which is what must be in force.
"""

from __future__ import annotations

import json
import random
from typing import Final

from attrs import define, field, frozen

from targon_gw.core.config import Secret
from tests.live.rig import CLIENT_KEY

KEYS, CLIENTS = "keys.yaml", "clients.yaml"
KEPT: Final = ("sn4_clobber_kept_key_one_000000001", "sn4_clobber_kept_key_two_000000002")
SPARE: Final = ("sn4_clobber_spare_key_one_00000003", "sn4_clobber_spare_key_two_00000004")
GUEST: Final = "sk-tg-a-guest-of-the-first-hour"
REMARKS: Final = ("", "# 保留这一行", "#   spaces  and\ttabs  ", "\n\n", "# — don't touch —", "# " + "x" * 300)


@frozen
class Draft:
    """What is to be saved in the file of that name."""

    name: str
    content: bytes


def _written(name: str, lines: list[str], luck: random.Random) -> Draft:
    """The lines with remarks between them, with either kind of line's end, with or without one at the last."""
    feed = luck.choice(("\n", "\r\n"))
    remarked = [line for each in lines for line in (luck.choice(REMARKS).replace("\n", feed), each)]
    return Draft(name, (feed.join(remarked) + luck.choice(("", feed))).encode())


@define(eq=False)
class Clients:
    """clients.yaml: one who stays, and a guest whose key changes with each valid draft."""

    guest: str = GUEST
    told: dict[str, bool] = field(factory=lambda: {GUEST: True})
    """Keys, and whether they are good."""

    def valid(self, luck: random.Random) -> Draft:
        """Another guest, or the same with another key."""
        fresh = self._fresh(luck)
        self.told = {self.guest: False, fresh: True, CLIENT_KEY: True}
        self.guest = fresh
        name = luck.choice(("guest", f"guest-{luck.randrange(1000)}"))
        return _written(CLIENTS, ["clients:", *_client(name, fresh, luck), *_client("tester", CLIENT_KEY, luck)], luck)

    def invalid(self, luck: random.Random) -> Draft:
        """Yet another guest, whose key must never be good, in a file that is wrong somewhere."""
        fresh = self._fresh(luck)
        self.told = {self.guest: True, fresh: False, CLIENT_KEY: True}
        guest, tester = _client("guest", fresh, luck), _client("tester", CLIENT_KEY, luck)
        wrong = luck.choice(
            (
                ["clients:", *guest, *tester, "clients: []"],
                ["clients:", *guest, *guest],
                ["clients:", *guest, *tester, "  - {name: broken, key: sk-tg-broken"],
                ["clients:", *guest, *tester, "  - {nmae: misspelt, key: sk-tg-misspelt-0123456789}"],
                ["clients:", *guest, *tester, "  - {name: soon, key: sk-tg-soon-0123456789, expires: soon}"],
                ["clients:", *guest, "\t- not YAML"],
            )
        )
        return _written(CLIENTS, wrong, luck)

    def _fresh(self, luck: random.Random) -> str:
        return f"sk-tg-a-guest-of-{luck.getrandbits(64):016x}"


def _client(name: str, key: str, luck: random.Random) -> list[str]:
    if luck.random() < 0.5:
        return [f"  - {{name: {name}, key: {key}}}   # as it should be"]
    return [f"  - name: {json.dumps(name)}", f"    key: '{key}'"]


@define(eq=False)
class Keys:
    """keys.yaml: two keys that stay, and two that come and go."""

    spare: frozenset[str] = frozenset()

    @property
    def ids(self) -> set[str]:
        """The fingerprints of those that are in force."""
        return {Secret(key).fingerprint for key in (*KEPT, *self.spare)}

    def valid(self, luck: random.Random) -> Draft:
        """One of the spare keys more, or less: never more than half of all at once."""
        self.spare = self.spare ^ {luck.choice(SPARE)}
        return _written(KEYS, self._lines(), luck)

    def _lines(self) -> list[str]:
        bob = [f"  - {{account: bob, keys: [{', '.join(sorted(self.spare))}]}}"] if self.spare else []
        return ["vendor:", "  - account: alice", "    keys:", *(f"      - {key}" for key in KEPT), *bob]

    def invalid(self, luck: random.Random) -> Draft:
        """One that takes all keys away but for a new one, or is wrong somewhere."""
        other = next(key for key in SPARE if key not in self.spare) if len(self.spare) < 2 else KEPT[0]
        wrong = luck.choice(
            (
                ["vendor:", "  - sn4_clobber_nobody_knows_this_key_5"],
                ["vendor: []"],
                [*self._lines(), "  - {acount: eve, keys: [sn4_clobber_eves_key_0000000000006]}"],
                [*self._lines(), f"  - {other}", "somebody: []"],
                [*self._lines(), f"  - {other}", "  - [" + other],
                [*self._lines(), "  - {secret_file: /nowhere/at/all}", "  - sn4_clobber_eves_key_0000000000006"],
            )
        )
        return _written(KEYS, wrong, luck)
