"""A scrape of a real gateway after real calls, read by Prometheus' own parser."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.web.scraping import Figures, figure, figures

from .rig import CLIENT_KEY, V3, Rig, Wishes, started, wait_until

pytestmark = pytest.mark.live

CALL = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "vendor", "gen_ai_request_model": V3}
KEYS = {"alice": ["sn4_live_key_of_alice_000000000001"], "bob": ["sn4_live_key_of_bob_00000000000002"]}


def post(rig: Rig, **fields: object) -> bytes:
    """A call; the body of its answer, whatever its status, as far as it came."""
    body = json.dumps({"model": V3, "messages": [{"role": "user", "content": "hi"}], **fields}).encode()
    headers = {"Authorization": f"Bearer {CLIENT_KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{rig.base_url}/chat/completions", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return bytes(error.read())
    except OSError:
        return b""


def scrape(rig: Rig, accept: str = "*/*") -> tuple[str, bytes]:
    """The content type of `/metrics`, and the page."""
    request = urllib.request.Request(f"{rig.url}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read()


def scraped(rig: Rig) -> Figures:
    """The page's figures."""
    return figures(scrape(rig)[1])


class MetricsTests:
    """`/metrics`."""

    def test_figures(self, tmp_path: Path) -> None:
        """What the page says is what was done: calls, tokens, attempts, a key throttled, streams, the state written."""
        with started(tmp_path, Wishes(KEYS, gateway={"flush": "250ms"})) as rig:
            for _ in range(3):
                assert b"choices" in post(rig)
            assert b"[DONE]" in post(rig, stream=True)
            rig.misbehave("throttled", times=1)
            assert b"choices" in post(rig)
            wait_until(lambda: figure(scraped(rig), "targon_gw_flush_seconds_count", result="written") > 0, 10)
            found = scraped(rig)

            assert figure(found, "gen_ai_server_request_duration_seconds_count", **CALL) == 5
            assert 0 < figure(found, "gen_ai_server_request_duration_seconds_sum", **CALL) < 60
            assert figure(found, "gen_ai_server_time_to_first_token_seconds_count", **CALL) == 1
            assert figure(found, "gen_ai_client_token_usage_count", **CALL, gen_ai_token_type="output") == 5
            assert figure(found, "targon_gw_attempts_total", upstream="vendor", outcome="served") == 5
            assert figure(found, "targon_gw_attempts_total", upstream="vendor", outcome="throttled") == 1
            moved = {"upstream": "vendor", "from_": "ready", "to": "cooling", "reason": "throttled"}
            assert figure(found, "targon_gw_key_transitions_total", **moved) == 1
            assert figure(found, "targon_gw_keys", upstream="vendor", state="cooling") == 1
            assert figure(found, "targon_gw_keys", upstream="vendor", state="usable") == 1
            assert figure(found, "targon_gw_stream_endings_total", ending="served") == 1
            assert figure(found, "targon_gw_overhead_seconds_count") == 5
            assert figure(found, "targon_gw_calls_in_flight") == 0
            assert 0 < figure(found, "targon_gw_overhead_seconds_sum") < 5
            assert 0 <= figure(found, "targon_gw_loop_lag_seconds") < 5

    def test_scraper(self, tmp_path: Path) -> None:
        """Prometheus' own Accept brings OpenMetrics, which its strict parser takes; nothing on the page is a secret."""
        with started(tmp_path, Wishes(KEYS)) as rig:
            post(rig)
            accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
            kind, page = scrape(rig, accept)

            assert kind.startswith("application/openmetrics-text; version=1.0.0")
            assert figure(figures(page, openmetrics=True), "gen_ai_server_request_duration_seconds_count", **CALL) == 1
            for secret in (CLIENT_KEY, *KEYS["alice"], *KEYS["bob"], "alice", "bob", "tester"):
                assert secret.encode() not in page
            assert not re.search(rb"\bk-[0-9a-f]{8}", page)
