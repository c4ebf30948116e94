"""Who is asking."""

from __future__ import annotations

import datetime
import ipaddress
from hashlib import sha256

import pytest

from targon_gw.core.clients import Keyring, client_key, identify
from targon_gw.core.config import Anonymous, ClientSettings, FormerKey, Secret
from targon_gw.core.errors import Refusal

SECRET = "sk-tg-0123456789abcdef"


def entry(**settings: object) -> ClientSettings:
    """An entry of clients.yaml."""
    return ClientSettings("ann", Secret(SECRET).digest, **settings)  # type: ignore[arg-type]


def ring(*entries: ClientSettings, anonymous: Anonymous | None = None) -> Keyring:
    """The keyring of those entries."""
    return Keyring.of(entries or (entry(),), anonymous or Anonymous())


class KeyringTests:
    """Keys by digest."""

    def test_finds_the_owner(self) -> None:
        """The whole key, byte for byte."""
        found = ring().find(SECRET.encode())

        assert found is not None
        assert found.name == "ann"

    @pytest.mark.parametrize(
        "secret",
        [
            b"",
            b" ",
            SECRET[:-1].encode(),
            (SECRET + "x").encode(),
            SECRET.upper().encode(),
            f" {SECRET} ".encode(),
            b"'\"{{7*7}}!!python/object\x00",
            "ключ".encode(),
            b"\xff\xfe",
            b"x" * 1_000_000,
            Secret(SECRET).digest.encode(),
            bytes.fromhex(Secret(SECRET).digest),
        ],
    )
    def test_near_and_far_misses_are_alike(self, secret: bytes) -> None:
        """Whatever else is sent is nobody's, and is refused in the same words, without it (C-01 to C-05, F-15)."""
        with pytest.raises(Refusal) as refused:
            identify(ring().find(secret), "192.0.2.1", 0.0)

        assert refused.value.code == "invalid_api_key"
        assert refused.value.message == "Invalid API key. Send yours as 'Authorization: Bearer KEY'."
        assert refused.value.wait is None

    def test_without_a_key(self) -> None:
        """Nobody, unless callers without one are let in; then only for their models."""
        assert ring().find(None) is None
        nobody = ring(anonymous=Anonymous(True, ("acme/*",))).find(None)
        assert nobody is not None
        assert (nobody.name, nobody.may_use("acme/m"), nobody.may_use("other/m")) == ("anonymous", True, False)

    def test_by_name(self) -> None:
        """Whoever has a key has a name; callers without one are nobody in particular."""
        mine = ring(anonymous=Anonymous(True))

        assert mine.named("ann") is mine.find(SECRET.encode())
        assert (mine.named("bob"), mine.named("anonymous")) == (None, None)

    def test_secrets_are_not_kept(self) -> None:
        """What the keyring holds does not show a key."""
        assert SECRET not in repr(ring())


class FormerKeyTests:
    """A key that was replaced is taken for a while beside the new one."""

    END = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
    OLD = "sk-tg-the-key-before"
    FORMER = FormerKey(Secret(OLD).digest, END)

    def test_until_its_moment(self) -> None:
        """It is the same client's, with all that it may; from the moment on it is as unknown as any other (C-02)."""
        mine = ring(entry(former=self.FORMER, models=("acme/*",), allow_from=(ipaddress.ip_network("10.0.0.0/8"),)))
        found = mine.find(self.OLD.encode())
        before, after = self.END.timestamp() - 1, self.END.timestamp()

        assert found is not None and (found.name, found.may_use("acme/m"), found.may_use("m")) == ("ann", True, False)
        assert identify(found, "10.1.2.3", before) is found
        with pytest.raises(Refusal, match="address"):
            identify(found, "192.0.2.1", before)
        with pytest.raises(Refusal, match="Invalid API key"):
            identify(found, "10.1.2.3", after)
        new = identify(mine.find(SECRET.encode()), "10.1.2.3", after)
        assert (new.name, new.expires) == ("ann", None)

    @pytest.mark.parametrize(("days", "ends"), [(-1, END - datetime.timedelta(days=1)), (1, END)])
    def test_no_longer_than_the_client(self, days: int, ends: datetime.datetime) -> None:
        """Where the client itself expires earlier, that is the end."""
        mine = ring(entry(former=self.FORMER, expires=self.END + datetime.timedelta(days=days)))
        found = mine.find(self.OLD.encode())

        assert found is not None and found.expires == ends.timestamp()

    @pytest.mark.parametrize("first", [True, False])
    def test_never_before_a_key_in_use(self, first: bool) -> None:
        """Where one's former key is another's present one, it is the other's, whoever stands first in the file."""
        both = [entry(former=self.FORMER), ClientSettings("bob", Secret(self.OLD).digest)]
        found = ring(*(both if first else both[::-1])).find(self.OLD.encode())

        assert found is not None and (found.name, found.expires) == ("bob", None)


class ClientKeyTests:
    """What one client may."""

    @pytest.mark.parametrize(
        ("patterns", "model", "may"),
        [
            (None, "anything", True),
            (("acme/*",), "acme/large", True),
            (("acme/*",), "evil/acme/large", False),
            (("acme/*",), "acme/", True),
            (("acme/*", "small"), "small", True),
            (("small",), "smaller", False),
            (("Small",), "small", False),
            (("a.c",), "abc", False),
            ((), "anything", False),
        ],
    )
    def test_models(self, patterns: tuple[str, ...] | None, model: str, may: bool) -> None:
        """Patterns as of a shell, on the whole name; none at all is every model, an empty list is no model (C-07)."""
        assert client_key(entry(models=patterns)).may_use(model) is may

    @pytest.mark.parametrize(
        ("address", "may"),
        [
            ("10.1.2.3", True),
            ("::ffff:10.1.2.3", True),
            ("11.1.2.3", False),
            ("2001:db8::1", True),
            ("2001:db9::1", False),
            ("fe80::1%eth0", False),
            ("not an address", False),
            ("", False),
        ],
    )
    def test_addresses(self, address: str, may: bool) -> None:
        """Networks of both kinds, and IPv4 that comes as IPv6; what can't be read is not let in."""
        networks = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32"))
        client = client_key(entry(allow_from=networks))

        assert client.may_call_from(address) is may
        if not may:
            with pytest.raises(Refusal) as refused:
                identify(client, address, 0.0)
            assert refused.value.code == "address_not_allowed"

    def test_any_address(self) -> None:
        """Where no network is named, it may call from everywhere, a Unix socket too."""
        assert client_key(entry()).may_call_from("")

    def test_expiry(self) -> None:
        """Valid up to its moment; from then on it is as unknown as any other (C-02)."""
        end = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
        client = client_key(entry(expires=end))

        assert identify(client, "192.0.2.1", end.timestamp() - 1) is client
        with pytest.raises(Refusal) as expired:
            identify(client, "192.0.2.1", end.timestamp())
        with pytest.raises(Refusal) as unknown:
            identify(None, "192.0.2.1", 0.0)
        assert (expired.value.code, expired.value.message) == (unknown.value.code, unknown.value.message)


class IssuedTests:
    """Keys of users, in the same dict."""

    def ring(self, *names: str) -> Keyring:
        """A keyring of those clients, whose keys are their names."""
        settings = [ClientSettings(name, Secret(f"key of {name}").digest) for name in names]
        return Keyring.of(settings, Anonymous())

    def digest(self, secret: bytes) -> bytes:
        """What it is found by."""
        return sha256(secret).digest()

    def test_found(self) -> None:
        """As those of the settings; every model is theirs."""
        ring = self.ring("ann")
        ring.issue("bob", self.digest(b"b1"))
        found = ring.find(b"b1")

        assert found is not None and found is ring.named("bob")
        assert found.name == "bob" and found.may_use("any/model") and found.may_call_from("192.0.2.1")

    def test_replaced_and_withdrawn(self) -> None:
        """One at a time, at once; it is the same client by either."""
        ring = self.ring()
        ring.issue("bob", self.digest(b"b1"))
        first = ring.find(b"b1")
        ring.issue("bob", self.digest(b"b2"))
        assert (ring.find(b"b1"), ring.find(b"b2")) == (None, first)
        ring.withdraw("bob")
        ring.withdraw("bob")

        assert (ring.find(b"b2"), ring.named("bob"), list(ring.issued)) == (None, None, [])

    def test_the_file_wins(self) -> None:
        """Where the settings have the name, or the very key, theirs is good; the user's is again when they have it no
        more."""
        ring = self.ring("bob")
        ring.issue("bob", self.digest(b"b1"))
        ring.issue("cid", self.digest(b"key of bob"))
        assert ring.find(b"b1") is None
        assert ring.find(b"key of bob") is ring.named("bob")
        assert ring.shadowed() == ["bob"]
        after = self.ring("ann")
        after.adopt(ring)

        assert after.find(b"b1") is after.named("bob")
        assert [key.name for key in (after.find(b"key of bob"), after.find(b"key of ann")) if key] == ["cid", "ann"]
        assert after.shadowed() == []

    def test_a_name_in_other_letters(self) -> None:
        """`Ann` in the settings is `ann` to people: the user's key is out, and that is said."""
        issued = self.ring()
        issued.issue("ann", self.digest(b"a1"))
        ring = self.ring("Ann")
        ring.adopt(issued)
        assert (ring.find(b"a1"), ring.shadowed()) == (None, ["ann"])
        ring.issue("ann", self.digest(b"a2"))

        assert ring.find(b"a2") is None
        assert ring.named("Ann") is ring.find(b"key of Ann") is not ring.named("ann")

    def test_withdrawn_while_the_file_has_the_name(self) -> None:
        """The settings' key stays, and the user's does not come back."""
        ring = self.ring("bob")
        ring.issue("bob", self.digest(b"key of bob"))
        ring.withdraw("bob")
        assert ring.find(b"key of bob") is ring.named("bob")
        after = self.ring()
        after.adopt(ring)

        assert after.find(b"key of bob") is None
