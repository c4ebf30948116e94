"""What `/metrics` says, read by Prometheus' own parsers: the right figures, closed labels, nothing that is a secret."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace

import pytest
from attrs import evolve, frozen

from targon_gw.core.attempts import Throttled
from targon_gw.core.byhand import disable
from targon_gw.core.census import STATES
from targon_gw.core.config import ModelSettings
from targon_gw.core.keys import Want
from targon_gw.core.measures import Row
from targon_gw.core.openai import Endpoint
from targon_gw.web.exposition import encoding
from tests import fakes

from .house import ANSWER, DONE, House, finish, says, usage
from .scraping import figure, figures, scrape, scraped

GEN_AI = {"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"}
LABELS = {
    "gen_ai_server_request_duration_seconds": GEN_AI | {"error_type", "le"},
    "gen_ai_server_time_to_first_token_seconds": GEN_AI | {"le"},
    "gen_ai_client_token_usage": GEN_AI | {"gen_ai_token_type", "le"},
    "targon_gw_keys": {"upstream", "state"},
    "targon_gw_key_transitions": {"upstream", "from", "to", "reason"},
    "targon_gw_attempts": {"upstream", "outcome"},
    "targon_gw_calls_in_flight": set(),
    "targon_gw_calls_waiting": set(),
    "targon_gw_wait_seconds": {"result", "le"},
    "targon_gw_overhead_seconds": {"le"},
    "targon_gw_stream_endings": {"ending"},
    "targon_gw_rescues": {"by", "result"},
    "targon_gw_flush_seconds": {"result", "le"},
    "targon_gw_reload_success_timestamp_seconds": set(),
    "targon_gw_reload_successful": set(),
    "targon_gw_clock_ahead_seconds": set(),
    "targon_gw_recording": set(),
    "targon_gw_draining": set(),
    "targon_gw_loop_lag_seconds": set(),
    "targon_gw_build": {"version", "python", "twisted", "jit"},
}
"""Every family of ours, with all labels that it may have."""


@frozen
class Settings:
    """How readings of the settings went."""

    problem: str | None = None
    succeeded_at: float | None = None


def busy() -> House:
    """A house that has carried some calls: served, streamed, cut, refused, with a key throttled on the way."""
    house = House(fakes.config(fakes.upstream(2)))
    house.call()
    house.vendor.fails(Throttled(wait=60.0, reason="429: too many requests"))
    house.talk.pass_seconds(2)
    house.vendor.answers(ANSWER)
    house.call(stream=True)
    house.talk.pass_seconds(1)
    house.vendor.begins(says("a"))
    house.vendor.says(finish(), usage(7, 2), DONE)
    house.call(stream=True)
    house.vendor.begins(says("a"))
    house.vendor.ends()
    return house


CALL = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "acme", "gen_ai_request_model": fakes.MODEL}
DURATION = "gen_ai_server_request_duration_seconds"
FIRST = "gen_ai_server_time_to_first_token_seconds"
TOKENS = "gen_ai_client_token_usage"


class CallTests:
    """OpenTelemetry's families."""

    def test_durations(self) -> None:
        """Calls count once each, in buckets that add up, with an error where they had one."""
        found = scraped(busy())

        assert figure(found, f"{DURATION}_count", **CALL) == 2
        assert figure(found, f"{DURATION}_sum", **CALL) == 3
        below = [figure(found, f"{DURATION}_bucket", le=le, **CALL) for le in ("0.64", "1.28", "2.56", "+Inf")]
        assert below == [0, 1, 2, 2]
        assert figure(found, f"{DURATION}_count", **CALL, error_type="truncated") == 1

    def test_first_tokens(self) -> None:
        """Streams count the time to their first event; whole answers don't."""
        found = scraped(busy())

        assert figure(found, f"{FIRST}_count", **CALL) == 2
        assert figure(found, f"{FIRST}_sum", **CALL) == 1
        assert figure(found, f"{FIRST}_bucket", le="0.001", **CALL) == 1

    def test_tokens(self) -> None:
        """Tokens count in and out; those of the cut stream are estimates."""
        found = scraped(busy())

        assert figure(found, f"{TOKENS}_count", **CALL, gen_ai_token_type="input") == 3
        assert figure(found, f"{TOKENS}_sum", **CALL, gen_ai_token_type="output") == 1 + 2 + 1

    def test_no_calls_yet(self) -> None:
        """Before the first call the families are there, without a sample."""
        body = scrape(House()).body.decode()

        for name in (DURATION, FIRST, TOKENS):
            assert f"# TYPE {name} histogram\n" in body
            assert f"{name}_count" not in body

    def test_names_that_need_escaping(self) -> None:
        """A model of the settings may be called anything; the page is read back as it was written, in both formats."""
        name = 'a"b\\c\nd模型'
        house = House()
        row = house.measures.rows[Endpoint.CHAT, "acme", name] = Row("chat", "acme", name)
        row.served.observe(1.0)
        labels = {**CALL, "gen_ai_request_model": name}

        assert figure(scraped(house), f"{DURATION}_count", **labels) == 1
        answer = scrape(house, "Accept: application/openmetrics-text;version=1.0.0\r\n")
        assert figure(figures(answer.body, openmetrics=True), f"{DURATION}_count", **labels) == 1

    def test_many_models(self) -> None:
        """A family that comes in pieces has one head, and every sample once."""
        models = [ModelSettings(f"acme/m{number}") for number in range(200)]
        house = House(fakes.config(models=models))
        for model in models:
            house.call(model=model.id)
            house.vendor.answers(ANSWER)
        answer = scrape(house)
        found = figures(answer.body)

        assert answer.body.count(b"# TYPE gen_ai_server_request_duration_seconds ") == 1
        assert sum(value for (name, _), value in found.items() if name == f"{DURATION}_count") == 200


class OwnTests:
    """The gateway's own families."""

    def test_attempts_and_transitions(self) -> None:
        """Each attempt counts by its outcome, those that did not happen as 0; a rest counts as a transition."""
        found = scraped(busy())

        assert figure(found, "targon_gw_attempts_total", upstream="acme", outcome="throttled") == 1
        assert figure(found, "targon_gw_attempts_total", upstream="acme", outcome="served") == 2
        assert figure(found, "targon_gw_attempts_total", upstream="acme", outcome="vendor_fault") == 1
        assert figure(found, "targon_gw_attempts_total", upstream="acme", outcome="barred") == 0
        moved = {"upstream": "acme", "from_": "ready", "to": "cooling", "reason": "throttled"}
        assert figure(found, "targon_gw_key_transitions_total", **moved) == 1

    def test_keys(self) -> None:
        """Keys are counted by state, never one by one; one that has left and finishes its calls is draining."""
        house = House(fakes.config(fakes.upstream(5)))
        (pool,) = house.gateway.pools.values()
        disable(pool, fakes.the(pool, 4).id, None, 0.0)
        assert fakes.lease_of(pool, 3, 0.0, Want(fakes.MODEL))
        left = evolve(house.settings, upstreams=(fakes.upstream([*pool.settings.keys[:3], fakes.key(4)]),))
        house.gateway.reconfigure(left, 0.0)
        found = scraped(house)
        counted = {
            state: figure(found, "targon_gw_keys", upstream="acme", state=state) for state in (*STATES, "draining")
        }

        assert counted == {"usable": 3, "disabled": 1, "draining": 1, "cooling": 0, "exhausted": 0, "barred": 0}

    def test_upstream_that_leaves(self) -> None:
        """A vendor that has left the settings is told of while a key of its has calls to finish; its counters stay."""
        house = House(fakes.config(fakes.upstream(1), fakes.upstream([fakes.key(7)], name="other")))
        house.call()
        other = evolve(house.settings, upstreams=(fakes.upstream([fakes.key(7)], name="other"),))
        house.gateway.reconfigure(other, 0.0)
        assert figure(scraped(house), "targon_gw_keys", upstream="acme", state="draining") == 1
        house.vendor.answers(ANSWER)
        found = scraped(house)

        assert figure(found, "targon_gw_attempts_total", upstream="acme", outcome="served") == 1
        assert figure(found, "targon_gw_keys", upstream="other", state="usable") == 1

    def test_in_flight_and_lag(self) -> None:
        """What is under way, and how late the reactor is, are told as they are now."""
        house = House()
        house.call()
        house.worst = 0.25
        found = scraped(house)

        assert figure(found, "targon_gw_calls_in_flight") == 1
        assert figure(found, "targon_gw_loop_lag_seconds") == 0.25

    def test_overhead(self) -> None:
        """The gateway's own time is no vendor's."""
        house = busy()
        found = scraped(house)

        assert figure(found, "targon_gw_overhead_seconds_count") == 3
        assert figure(found, "targon_gw_overhead_seconds_sum") == pytest.approx(0.0)

    def test_streams_and_rescues(self) -> None:
        """Streams count by their ending; rescues are there, and none has happened."""
        found = scraped(busy())

        assert figure(found, "targon_gw_stream_endings_total", ending="served") == 1
        assert figure(found, "targon_gw_stream_endings_total", ending="truncated") == 1
        assert {value for (name, _), value in found.items() if name == "targon_gw_rescues_total"} == {0}

    def test_flushes(self) -> None:
        """Flushes count by their result."""
        house = House()
        house.measures.flushed(0.02, written=True)
        house.measures.flushed(3.0, written=False)
        found = scraped(house)

        assert figure(found, "targon_gw_flush_seconds_sum", result="written") == 0.02
        assert figure(found, "targon_gw_flush_seconds_bucket", result="failed", le="2.5") == 0
        assert figure(found, "targon_gw_flush_seconds_bucket", result="failed", le="5.0") == 1

    def test_settings(self) -> None:
        """When settings were last taken: at the start, then at each reading that was; and whether the last one was."""
        house = House()
        seen = []
        for settings in (None, Settings(), Settings(None, fakes.WALL + 5), Settings("bad", fakes.WALL + 5)):
            house.page.settings = settings
            found = scraped(house)
            at = figure(found, "targon_gw_reload_success_timestamp_seconds") - fakes.WALL
            seen.append((at, figure(found, "targon_gw_reload_successful")))

        assert seen == [(0, 1), (0, 1), (5, 1), (5, 0)]

    @pytest.mark.parametrize(
        ("jit", "told"),
        [
            (None, "none"),
            (SimpleNamespace(is_available=lambda: False, is_enabled=lambda: False), "none"),
            (SimpleNamespace(is_available=lambda: True, is_enabled=lambda: False), "off"),
            (SimpleNamespace(is_available=lambda: True, is_enabled=lambda: True), "on"),
        ],
    )
    def test_whether_python_compiles(self, monkeypatch: pytest.MonkeyPatch, jit: object, told: str) -> None:
        """None can before 3.14, and not every later one is built so; where it can, an operator has to say so."""
        monkeypatch.setattr(sys, "_jit", jit, raising=False)

        assert f'jit="{told}"' in scrape(House()).body.decode()

    def test_program_and_process(self) -> None:
        """The program's version, and what any process tells."""
        body = scrape(House()).body.decode()
        found = figures(body.encode())

        assert re.search(r'^targon_gw_build_info\{[^}]*version="1\.2\.3"\} 1\.0$', body, re.M)
        assert figure(found, "process_start_time_seconds") == fakes.WALL
        assert figure(found, "process_resident_memory_bytes") > 1 << 20
        assert 0 < figure(found, "process_open_fds") < figure(found, "process_max_fds")
        assert figure(found, "process_cpu_seconds_total") > 0
        assert figure(found, "python_gc_collections_total", generation="0") >= 0


class WholeTests:
    """The page as a whole."""

    def test_closed_labels(self) -> None:
        """F-17: every family of ours is one of the list, with labels of the list; none is missing."""
        seen: dict[str, set[str]] = {}
        for name, labels in scraped(busy()):
            family = re.sub(r"_(bucket|count|sum|total|info)$", "", name)
            if not name.startswith(("process_", "python_")):
                seen.setdefault(family, set()).update(label for label, _ in labels)

        assert seen == LABELS

    def test_nothing_that_is_a_secret(self) -> None:
        """F-14, F-17: no key, no fingerprint, no client and no account is on the page."""
        house = busy()
        body = scrape(house).body.decode()
        (pool,) = house.gateway.pools.values()

        for key in pool.keys.values():
            assert key.secret.reveal not in body
            assert key.id not in body
            assert key.account.id not in body
        assert "ann" not in re.sub(r"[a-z_]*ann[a-z_]+", "", body)
        assert fakes.CLIENT_SECRET.decode() not in body

    @pytest.mark.parametrize("accept", ["", "application/openmetrics-text;version=1.0.0"])
    def test_same_figures_in_both_formats(self, accept: str) -> None:
        """Both formats are read by their own parsers, and tell the same of calls."""
        house = busy()
        answer = scrape(house, f"Accept: {accept}\r\n")
        found = figures(answer.body, openmetrics=bool(accept))

        assert figure(found, f"{DURATION}_count", **CALL) == 2
        assert figure(found, "targon_gw_attempts_total", upstream="acme", outcome="served") == 2

    def test_encoding(self) -> None:
        """A version that is asked for and that there is not is not said back."""
        for accept in ("text/plain;version=7.7.7", "application/openmetrics-text;version=1.0.0;escaping=dots"):
            assert "7" not in encoding(accept)[1]
