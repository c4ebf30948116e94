"""Tests of targon_gw/settings/scalars.py: what a value may look like."""

from __future__ import annotations

import datetime
import ipaddress
import time
from collections.abc import Callable

import pytest

from targon_gw.core.config import Secret
from targon_gw.settings import scalars
from targon_gw.settings.marks import resolved
from targon_gw.settings.scalars import Misfit


class ScalarTests:
    """One value."""

    @pytest.mark.parametrize(
        ("read", "text", "value"),
        [
            (scalars.duration, "250ms", 0.25),
            (scalars.duration, "1.5s", 1.5),
            (scalars.duration, "5m", 300.0),
            (scalars.duration, "2h", 7200.0),
            (scalars.duration, "400d", 400 * 86400.0),
            (scalars.size, "512KiB", 512 << 10),
            (scalars.size, "32MiB", 32 << 20),
            (scalars.size, "1B", 1),
            (scalars.share, "20%", 0.2),
            (scalars.share, "0%", 0.0),
            (scalars.share, "100%", 1.0),
            (scalars.number, "3", 3.0),
            (scalars.whole, "-3", -3),
            (scalars.url, "https://h/v1/", "https://h/v1"),
            (scalars.url, "http://[::1]:8000", "http://[::1]:8000"),
            (scalars.network, "10.0.0.0/8", ipaddress.ip_network("10.0.0.0/8")),
            (scalars.network, "::1", ipaddress.ip_network("::1/128")),
            (scalars.moment, "2027-01-31", datetime.datetime(2027, 1, 31, tzinfo=datetime.UTC)),
            (scalars.moment, "2027-01-31T12:00:00Z", datetime.datetime(2027, 1, 31, 12, tzinfo=datetime.UTC)),
            (scalars.secret, "sn4_a-b.c~d", Secret("sn4_a-b.c~d")),
            (scalars.endpoint, "tcp:3811:interface=127.0.0.1", "tcp:3811:interface=127.0.0.1"),
            (scalars.endpoint, "haproxy:tcp:80", "haproxy:tcp:80"),
            (scalars.endpoint, "systemd:domain=INET:name=http", "systemd:domain=INET:name=http"),
        ],
    )
    def test_taken(self, read: Callable[[object], object], text: str, value: object) -> None:
        """What the manual shows is read in seconds, bytes, shares and the like."""
        assert read(resolved(text)) == value

    @pytest.mark.parametrize(
        ("read", "texts"),
        [
            (scalars.duration, ("soon", "30", "5 m", "-5s", "12:30", "1e9d", "3651d", "0s", "٣s", "")),
            (scalars.size, ("32", "32MB", "010", "0B", "9999999GiB", "1.5MiB")),
            (scalars.share, ("0.2", "101%", "-1%", "20 %")),
            (scalars.whole, ("010", "1_000", "1.0", "true", "0x10", "'5'", "")),
            (scalars.number, ("true", ".5", "1_0.0", ".inf", "no")),
            (scalars.switch, ("yes", "no", "1", "True", "")),
            (scalars.text, ("no", "12:30", "010", "2027-01-01", "5", "true", "")),
            (scalars.secret, ("12345678", "0123", "no", "a b", "ключ", "2027-01-01", "x" * 4097, "")),
            (
                scalars.url,
                ("h/v1", "ftp://h", "https://", "https://u:p@h", "https://h?a", "https://h#a", "https://h:0"),
            ),
            (
                scalars.url,
                ("https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://h\\@x", "https://h:x"),
            ),
            (scalars.network, ("10.0.0.1/8", "10/8", "host", "10.0.0.0/33")),
            (scalars.moment, ("tomorrow", "2027-02-30", "2027-01-31T12:00:00", "20270131", "5")),
            (scalars.endpoint, ("3811", "tcp", "tcp:x", "tcp:99999", "foo:1", "tcp:80:bogus=1", "ssl:")),
        ],
    )
    def test_refused(self, read: Callable[[object], object], texts: tuple[str, ...]) -> None:
        """What is something else, or only looks like it, is refused (faults catalogue, E-12 and F-18)."""
        for text in texts:
            with pytest.raises(Misfit):
                print(text, read(resolved(text)))

    @pytest.mark.parametrize("read", [scalars.duration, scalars.size, scalars.url, scalars.network, scalars.moment])
    def test_hostile_lengths(self, read: Callable[[object], object]) -> None:
        """100 kB of anything is refused in no time (faults catalogue, F-20)."""
        start = time.process_time()
        for text in ("9" * 100_000, "https://" + "a." * 50_000, "1." * 50_000, ":" * 100_000, "2027-" * 20_000):
            with pytest.raises(Misfit):
                read(text)

        assert time.process_time() - start < 0.5

    def test_own_text(self) -> None:
        """What is kept is not the parser's own text, which would keep the memory of the whole file from going."""
        given = "".join(("a", "bc-1"))
        assert given == scalars.text(given) == scalars.secret(given).reveal
        assert scalars.text(given) is not given
        assert scalars.secret(given).reveal is not given

    def test_secret_is_never_repeated(self) -> None:
        """A message about a secret says nothing of it."""
        with pytest.raises(Misfit) as caught:
            scalars.secret("two words 81724")

        assert "81724" not in caught.value.message(sensitive=False)
