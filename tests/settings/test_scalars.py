"""Tests of targon_gw/settings/scalars.py and structure.py: what a value may look like."""

from __future__ import annotations

import datetime
import ipaddress
import time
from collections.abc import Callable

import pytest

from targon_gw.core.config import Bounds, QuotaPlan, RateLimits, Secret, Unit
from targon_gw.settings import scalars
from targon_gw.settings.marks import parse, resolved
from targon_gw.settings.problems import Source
from targon_gw.settings.scalars import Misfit
from targon_gw.settings.structure import structured


def structure(text: str, shape: type) -> object:
    """`text`, as YAML, as a `shape`; the messages where it is none."""
    document = parse(Source("a.yaml", text=text))
    value, problems = structured(document, document.plain, shape, ())
    return value if not problems else [problem.message for problem in problems]


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
            (scalars.endpoint, ("3811", "tcp", "tcp:x", "tcp:99999", "foo:1", "tcp:80:bogus=1", "ssl:", "tcp:80:")),
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

    def test_secret_is_never_repeated(self) -> None:
        """A message about a secret says nothing of it."""
        with pytest.raises(Misfit) as caught:
            scalars.secret("two words 81724")

        assert "81724" not in caught.value.message(sensitive=False)


class StructuredTests:
    """Values made of values."""

    def test_rate_limits(self) -> None:
        """A mapping becomes its class; an empty one means the defaults."""
        assert structure("{requests_per_minute: 5}", RateLimits) == RateLimits(requests_per_minute=5)
        assert structure("", RateLimits) == RateLimits()

    def test_zero(self) -> None:
        """Counts begin at 1; pauses may be nothing at all."""
        assert structure("{concurrent: 0}", RateLimits) == ["expected 1 or more, got 0"]
        assert structure("{waiting: 0, waiting_time: 0s}", Bounds) == Bounds(waiting=0, waiting_time=0.0)

    @pytest.mark.parametrize(
        ("text", "unit", "amount"),
        [("{tokens: 7}", Unit.TOKENS, 7), ("{requests: 7}", Unit.REQUESTS, 7), ("{usd: 0.25}", Unit.USD, 250_000)],
    )
    def test_quota(self, text: str, unit: Unit, amount: int) -> None:
        """A quota is of one unit; dollars are counted in millionths."""
        assert structure(text, QuotaPlan) == QuotaPlan(unit, amount)

    @pytest.mark.parametrize("text", ["{}", "{per: day}", "{tokens: 1, usd: 1}"])
    def test_quota_of_one_unit(self, text: str) -> None:
        """A quota of none or two units is refused."""
        assert structure(text, QuotaPlan) == ["expected one of tokens, requests and usd in a quota"]

    def test_everything_at_once(self) -> None:
        """All that is wrong in a mapping is told, each about its own value."""
        assert structure("{requests_per_minute: no, concurent: 1, tokens_per_minute: 1.5}", RateLimits) == [
            "expected a whole number, got 'no', which YAML reads as true or false",
            "expected a whole number, got 1.5",
            "unknown setting 'concurent'; did you mean 'concurrent'?",
        ]

    @pytest.mark.parametrize("text", ["5", "[a]", "text"])
    def test_not_a_mapping(self, text: str) -> None:
        """What should be a mapping and is not is told, with the names that it may have."""
        (message,) = structure(text, RateLimits)  # type: ignore[misc]

        assert message.startswith("expected a mapping of settings, got ")
        assert "known here: requests_per_minute, tokens_per_minute, concurrent" in message
