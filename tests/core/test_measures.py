"""What calls come to in figures: once each, under closed labels, with the gateway's own time told from the vendor's."""

from __future__ import annotations

import pytest
from attrs import evolve

from targon_gw.core.attempts import (
    Abandoned,
    Barred,
    CallerFault,
    Exhausted,
    ModelFault,
    Outcome,
    Served,
    Throttled,
    VendorFault,
)
from targon_gw.core.config import ModelSettings
from targon_gw.core.errors import Refusal
from targon_gw.core.ledger import Ending, Entry, Kind
from targon_gw.core.measures import (
    AT_ONCE,
    OUTCOMES,
    Histogram,
    error_of,
)
from targon_gw.core.meter import Usage
from targon_gw.core.openai import Endpoint
from tests import fakes

from .measured import Calls


class HistogramTests:
    """`Histogram`."""

    def test_bounds_belong_to_what_is_below(self) -> None:
        """What equals a bound counts below it, as Prometheus' `le` says; what is beyond all of them counts, too."""
        sizes = Histogram((1.0, 2.0))
        for value in (0.0, 1.0, 1.5, 2.0, 2.1, 1e9):
            sizes.observe(value)

        assert sizes.counts == [2, 2, 2]
        assert sizes.total == pytest.approx(6.6 + 1e9)


class CallTests:
    """What a call counts as."""

    def test_whole_answer(self) -> None:
        """A served call counts its duration and its tokens, without an error, and no time to a first token."""
        calls = Calls()
        calls.served()
        row = calls.row()

        assert (row.operation, row.upstream, row.model) == ("chat", "acme", fakes.MODEL)
        assert (sum(row.served.counts), row.served.total) == (1, 1.0)
        assert (row.input.total, row.output.total) == (20, 8)
        assert row.failed == {} and sum(row.first.counts) == 0
        assert calls.measures.attempts == {("acme", "served"): 1}
        assert sum(calls.measures.endings.values()) == 0

    def test_stream(self) -> None:
        """A stream counts the time to its first event, and how it ended."""
        calls = Calls()
        call = calls.begin(fakes.ask(stream=True))
        call.begin(calls.now)
        calls.now += 0.3
        call.judge(Served(), calls.now)
        calls.now += 5.0
        calls.end(call, Ending.TRUNCATED, Usage(20, 3))
        row = calls.row()

        assert row.first.total == pytest.approx(0.3)
        assert row.failed["truncated"].total == pytest.approx(5.3)
        assert sum(row.served.counts) == 0
        assert calls.measures.endings == {Ending.TRUNCATED: 1}
        assert calls.measures.attempts == {("acme", "vendor_fault"): 1}

    @pytest.mark.parametrize(
        ("endpoint", "operation", "outputs"),
        [
            (Endpoint.CHAT, "chat", 1),
            (Endpoint.COMPLETIONS, "text_completion", 1),
            (Endpoint.EMBEDDINGS, "embeddings", 0),
        ],
    )
    def test_operations(self, endpoint: Endpoint, operation: str, outputs: int) -> None:
        """Endpoints have the names that OpenTelemetry gives them; an embedding has no output to count."""
        calls = Calls()
        calls.served(fakes.ask(endpoint=endpoint))

        assert calls.row().operation == operation
        assert sum(calls.row().output.counts) == outputs

    def test_alias_is_known(self) -> None:
        """A model counts under the name that it was asked by, which the catalog has."""
        models = [ModelSettings(fakes.MODEL), ModelSettings("nick", alias=fakes.MODEL)]
        calls = Calls(fakes.config(models=models))
        calls.served(fakes.ask("nick"))

        assert calls.row().model == "nick"

    def test_names_out_of_the_settings_alone(self) -> None:
        """F-17: a model that has left the catalog by the time that the call is counted is no label."""
        calls = Calls()
        calls.served()
        calls.gateway.reconfigure(evolve(calls.config, models=(ModelSettings("another"),)), calls.now)

        assert calls.row().model == "other"

    def test_nobody_asked(self) -> None:
        """A call that no vendor was asked for counts under none, with the status that the client was sent."""
        calls = Calls(fakes.config(fakes.upstream([fakes.key(0, enabled=False)])))
        call = calls.begin()
        call.begin(calls.now)
        calls.end(call, Ending.REFUSED, status=503)

        assert calls.row().upstream == "none"
        assert list(calls.row().failed) == ["503"]
        assert calls.measures.attempts == {}

    def test_failed_everywhere(self) -> None:
        """A call that nobody served counts under the vendor that was asked last."""
        calls = Calls(fakes.config(fakes.upstream(1)))
        call = calls.begin()
        call.begin(calls.now)
        call.judge(Barred(), calls.now)
        calls.end(call, Ending.FAILED, status=503)

        assert calls.row().upstream == "acme"
        assert calls.measures.attempts == {("acme", "barred"): 1}

    def test_folded_when_many(self) -> None:
        """What is settled is not kept beyond `AT_ONCE` calls, whether anybody asks or not."""
        calls = Calls()
        for _ in range(AT_ONCE + 1):
            calls.served()

        (row,) = calls.measures.rows.values()
        assert sum(row.served.counts) == AT_ONCE
        assert sum(calls.row().served.counts) == AT_ONCE + 1


class OutcomeTests:
    """How attempts come out."""

    @pytest.mark.parametrize(
        ("outcome", "label"),
        [
            (CallerFault(Refusal("invalid_value", "no")), "caller_fault"),
            (Throttled(), "throttled"),
            (Exhausted(), "exhausted"),
            (Barred(), "barred"),
            (ModelFault(), "model_fault"),
            (VendorFault(), "vendor_fault"),
            (Abandoned(), "abandoned"),
        ],
    )
    def test_failed(self, outcome: Outcome, label: str) -> None:
        """Each kind of failure has its word; the attempt that served in its place counts beside it."""
        calls = Calls()
        call = calls.begin()
        call.begin(calls.now)
        call.judge(outcome, calls.now)
        if call.attempts[-1].outcome is None:
            call.judge(Served(), calls.now)
            calls.end(call, Ending.SERVED)
        else:
            calls.end(call, Ending.REFUSED, status=400)
        calls.measures.fold()

        assert calls.measures.attempts["acme", label] == 1
        assert label in OUTCOMES.values()
        assert sum(calls.measures.attempts.values()) == len(call.attempts)

    @pytest.mark.parametrize(
        ("served", "ending", "label"),
        [
            (True, Ending.ABANDONED, "abandoned"),
            (True, Ending.FAILED, "abandoned"),
            (True, Ending.TRUNCATED, "vendor_fault"),
            (False, Ending.ABANDONED, "abandoned"),
            (False, Ending.FAILED, "vendor_fault"),
        ],
    )
    def test_broken_off(self, served: bool, ending: Ending, label: str) -> None:
        """An attempt that was under way is what the call's ending makes of it, as its key is told."""
        calls = Calls()
        call = calls.begin()
        call.begin(calls.now)
        if served:
            call.judge(Served(), calls.now)
        calls.end(call, ending)
        calls.measures.fold()

        assert calls.measures.attempts == {("acme", label): 1}


class ErrorTests:
    """`error_of`."""

    @pytest.mark.parametrize(
        ("ending", "status", "error"),
        [
            (Ending.ABANDONED, None, "abandoned"),
            (Ending.ABANDONED, 200, "abandoned"),
            (Ending.TRUNCATED, 200, "truncated"),
            (Ending.REFUSED, 400, "400"),
            (Ending.FAILED, 502, "502"),
            (Ending.FAILED, 200, "failed"),
            (Ending.FAILED, None, "failed"),
            (Ending.REFUSED, 200, "refused"),
        ],
    )
    def test_words(self, ending: Ending, status: int | None, error: str) -> None:
        """A status says more than a word, where the client was sent one that is an error."""
        assert error_of(Entry(1.0, "req_1", Kind.CALL, ending=ending, status=status)) == error


class BesideTests:
    """What is counted beside calls."""

    def test_flushes(self) -> None:
        """Flushes count by whether they were written."""
        measures = Calls().measures
        measures.flushed(0.002, written=True)
        measures.flushed(1.0, written=False)

        assert {ok: sum(each.counts) for ok, each in measures.flushes.items()} == {True: 1, False: 1}

    def test_rescues(self) -> None:
        """A rescue counts by what and with what result, and by no other words."""
        measures = Calls().measures
        measures.rescued("replay", "served")

        assert measures.rescues == {("replay", "served"): 1}
        for by, result in (("prayer", "served"), ("replay", "perhaps")):
            with pytest.raises(ValueError, match="no such rescue"):
                measures.rescued(by, result)
