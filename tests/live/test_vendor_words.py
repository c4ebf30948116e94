"""What a vendor says and no client may see: its headers, our keys, where it would send us (D-41 to D-43)."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

import pytest

from tests.live.rig import CLIENT_KEY, V3, Rig, Wishes, started, wait_until

pytestmark = pytest.mark.live

OURS = {
    "date", "x-request-id", "content-type", "content-length", "transfer-encoding", "connection", "cache-control",
    "x-accel-buffering", "access-control-allow-origin", "access-control-expose-headers", "openai-processing-ms",
    "server-timing", "x-targon-model", "x-targon-attempts", "x-should-retry", "retry-after",
}  # fmt: skip
"""All that an answer may bear to a client without limits."""
SECRET = "sn4_canary_of_the_vendors_key_00001"


def asked(rig: Rig, stream: bool) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one call."""
    line = http.client.HTTPConnection(rig.url.removeprefix("http://"), timeout=20)
    body = json.dumps({"model": V3, "messages": [{"role": "user", "content": "Hi"}], "stream": stream, "max_tokens": 4})
    line.request(
        "POST",
        "/v1/chat/completions",
        body,
        {"Authorization": f"Bearer {CLIENT_KEY}", "Content-Type": "application/json"},
    )
    answer = line.getresponse()
    try:
        text = answer.read()
    except http.client.IncompleteRead as cut:
        text = cut.partial
    line.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("hostile-headers", 200),
        ("gzip-length", 200),
        ("leaked-key:400", 400),
        ("leaked-key:401", 503),
        ("leaked-key:500", 502),
        ("redirect", 502),
    ],
)
def test_nothing_of_it_passes(tmp_path: Path, fault: str, status: int) -> None:
    """D-41 to D-43: headers are ours alone, a redirect is a failure, and no word bears a key, ours or another."""
    wishes = Wishes({"alice": [SECRET]}, dialect="openai", upstream={"probe": {"daily_tokens": 0}})
    with started(tmp_path, wishes) as rig:
        rig.misbehave(fault)
        for stream in (False, True):
            found, headers, body = asked(rig, stream)
            told = (str(headers) + body.decode()).lower()
            assert set(headers) <= OURS, set(headers) - OURS
            assert "canary" not in told and "169.254" not in told
            assert found == status or (stream and found in (status, 502, 503)), (found, body)
            if found == 200:
                assert "content-length" not in headers or int(headers["content-length"]) == len(body)
        wait_until(lambda: '"event":"call"' in rig.log.read_text(), 5)
        assert SECRET not in rig.log.read_text()
