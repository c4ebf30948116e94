"""What has been of late: against a plain list of all calls, over restarts, and whatever the clock does."""

from __future__ import annotations

import math
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from targon_gw.core.attempts import CallerFault, Served, VendorFault
from targon_gw.core.errors import Refusal
from targon_gw.core.history import HOUR, HOURS, LATE, MINUTES, SPANS, STEP, TURNED_AWAY, History
from targon_gw.core.ledger import Ending

from .remembered import CATALOG, NOON, anew, entry, history, kept, settled

CALLER = CallerFault(Refusal("invalid_value", "no"), 400)
FAILED = settled(entry(NOON, Ending.FAILED, status=502), VendorFault("500", 500))
HOURS_BACK = st.floats(min_value=0.0, max_value=30.0 * 24)
CALLS = st.lists(
    st.tuples(HOURS_BACK, st.sampled_from((Ending.SERVED, Ending.FAILED)), st.integers(0, 99)), max_size=40
)
BY_TIME = CALLS.map(lambda calls: sorted(calls, key=lambda call: -call[0]))
SLOWLY = settings(deadline=None)
"""In the first example code is compiled that others have ready."""


class CountingTests:
    """`History.take`, and what is told of it."""

    @SLOWLY
    @given(BY_TIME, st.sampled_from(tuple(SPANS)))
    def test_series_against_all_calls(self, calls: list[tuple[float, Ending, int]], span: str) -> None:
        """Each point of a chart has the calls, the tokens and the errors of its time, as all calls tell."""
        step, size = SPANS[span]
        ended = [(NOON - back * HOUR, ending, tokens) for back, ending, tokens in calls]
        entries = [entry(at, ending, prompt=tokens, completion=1, status=502) for at, ending, tokens in ended]
        told = history(calls=[settled(one) for one in entries]).series(span, NOON + step - 0.001)

        assert told.t == [int(NOON) - step * back for back in range(size - 1, -1, -1)]
        columns = zip(told.t, told.calls, told.tokens, told.errors["upstream"], strict=True)
        for at, calls_a_second, tokens, failed in columns:
            here = [one for one in entries if at <= one.at < at + step]
            assert calls_a_second == pytest.approx(len(here) / step, abs=1e-3)
            assert tokens == pytest.approx(sum(one.prompt + 1 for one in here) * 60 / step, abs=0.1)
            assert failed == pytest.approx(sum(one.ending is Ending.FAILED for one in here) / step, abs=1e-3)

    @SLOWLY
    @given(BY_TIME)
    def test_cells_and_availability_against_all_calls(self, calls: list[tuple[float, Ending, int]]) -> None:
        """The last 90 minutes and the share of the last 30 days that did not fail, by the hour."""
        ended = [(NOON - back * HOUR, ending) for back, ending, _ in calls]
        one = history(calls=[settled(entry(at, ending, status=502)) for at, ending in ended])
        days = [ending for at, ending in ended if at >= NOON - (HOURS - 1) * HOUR]
        minutes = Counter((int(at // 60) * 60, ending) for at, ending in ended)

        bad = days.count(Ending.FAILED)
        assert one.availability(NOON) == (None if not days else pytest.approx(1 - bad / len(days), abs=1e-6))
        cells = one.cells(NOON)
        assert len(cells) == MINUTES and cells[-1][0] == NOON
        for at, seen, failed, why in cells:
            assert failed == minutes[at, Ending.FAILED] == why.get("502", 0)
            assert seen == failed + minutes[at, Ending.SERVED]

    @given(st.lists(st.tuples(st.integers(0, 3500), st.floats(0.001, 600.0)), min_size=1, max_size=60))
    def test_model_against_all_calls(self, calls: list[tuple[int, float]]) -> None:
        """The last hour of a model: its minutes, and how long the slowest twentieth took."""
        ended = sorted((NOON - back, took) for back, took in calls)
        one = history(calls=[settled(entry(at, took=took)) for at, took in ended])
        one.look(NOON)
        told = one.hour("acme/large", NOON)

        shown = [(at, took) for at, took in ended if at >= NOON - 59 * 60]
        assert told.calls == len(shown) and told.failed == 0
        assert {at: seen for at, seen, _ in told.cells} == Counter(int(at // 60) * 60 for at, _ in shown)
        took = sorted(took for _, took in ended)
        exact = took[math.ceil(0.95 * len(took)) - 1]
        assert told.p95 is not None and exact / 1.25 - 0.01 <= told.p95 <= exact * 1.25 + 0.01

    def test_models_by_the_catalogs_name(self) -> None:
        """F-17: an alias counts with its model; what the catalog has not is one model, whatever it is called."""
        one = history(calls=[settled(entry(NOON, model=name)) for name in ("acme/large", "big", "gone-1", "gone-2")])
        one.look(NOON)

        assert [one.hour(name, NOON).calls for name in ("acme/large", "big", "small", "other")] == [2, 0, 0, 2]

    def test_models_that_left(self) -> None:
        """What is known of a model that the catalog has no longer is forgotten; an alias may be another's by now."""
        one = history(calls=[settled(entry(NOON, model="big")), settled(entry(NOON, model="small"))])
        one.follow(["small"])
        one.take([settled(entry(NOON, model="big"))], lambda name: CATALOG.find("small"))
        one.look(NOON)

        assert [one.hour(name, NOON).calls for name in ("acme/large", "small")] == [0, 2]

    def test_first_tokens_are_of_streams(self) -> None:
        """An answer that is not streamed says nothing about its first token."""
        whole, stream = entry(NOON, stream=False, first=9.0), entry(NOON, first=0.4)
        told = history(calls=[settled(whole), settled(stream)]).series("15m", NOON, 1)

        assert told.first_p50[0] == pytest.approx(0.4, rel=0.25) and told.first_p95[0] == pytest.approx(0.4, rel=0.25)

    def test_retried_and_callers_faults(self) -> None:
        """An attempt that was made good elsewhere is an error of its own; a caller's fault is in no cell."""
        refused = settled(entry(NOON, Ending.REFUSED, status=400, first=None), CALLER)
        served = settled(entry(NOON), VendorFault("500", 500), Served())
        one = history(calls=[refused, served])
        told = one.series("15m", NOON + STEP - 0.01, 1)

        assert told.calls == [2 / STEP]
        assert {kind: figures[0] for kind, figures in told.errors.items() if figures[0]} == {
            "caller": 1 / STEP,
            "retried": 1 / STEP,
        }
        assert one.cells(NOON)[-1] == (int(NOON), 1, 0, {}) and one.availability(NOON) == 1.0

    def test_gathered_before_anything_is_told(self) -> None:
        """What waits elsewhere to be counted is asked for first."""
        one = history()
        one.gather = lambda: one.take([FAILED], CATALOG.find)

        assert one.availability(NOON) == 0.0


class TurnedAwayTests:
    """`History.turned_away`."""

    def test_callers_affair(self) -> None:
        """A key that is none and a limit that is reached are errors, and no calls."""
        one = history()
        for code in ("invalid_api_key", "rate_limit_exceeded", "insufficient_quota"):
            one.turned_away(code, NOON)
        told = one.series("15m", NOON + STEP - 0.01, 1)

        assert (told.errors["caller"], told.errors["limited"], told.calls) == ([0.2], [0.4], [0.0])
        assert one.availability(NOON) is None

    def test_our_own(self) -> None:
        """Who is turned away because we are too busy has made a call that failed; so has whoever was not noted when."""
        one = history()
        one.turned_away("overloaded", NOON)
        one.turned_away("overloaded")
        told = one.series("15m", NOON + STEP - 0.01, 1)

        assert (told.errors["unavailable"], told.calls) == ([0.4], [0.4])
        assert one.cells(NOON)[-1] == (int(NOON), 2, 2, {"503": 2})
        assert one.availability(NOON) == 0.0

    def test_bounded(self) -> None:
        """However many are turned away while nobody looks, few kinds of them wait to be counted."""
        one = history()
        for second in range(10 * TURNED_AWAY * STEP):
            one.turned_away("invalid_api_key", NOON + second)
            assert len(one._turned) <= TURNED_AWAY


class TellingTests:
    """Rates, points that fill, and times in which nothing was counted."""

    def test_nothing_was_counted_yet(self) -> None:
        """Before the first start there is nothing, rather than no calls; a point that it lies in is told."""
        told = history(since=NOON - 7.0).series("15m", NOON, 4)
        assert told.calls == [None, 0.0, 0.0, 0.0] and told.errors["cut"] == [None, 0.0, 0.0, 0.0]
        assert told.first_p50 == [None] * 4

    def test_filling_point(self) -> None:
        """The point of now is told as what it would be if it went on so; a second is the least that it is taken for."""
        one = history(calls=[settled(entry(NOON + 0.1))] * 4)
        assert one.series("15m", NOON + 0.1, 1).calls == [4.0]
        assert one.series("15m", NOON + 2.4, 1).calls == [1.6]
        assert one.series("15m", NOON + 9.0, 2).calls == [0.8, 0.0]

    def test_rates(self) -> None:
        """Calls a second and tokens a minute of late; a minute later there is none."""
        one = history(calls=[settled(entry(NOON + second, prompt=8, completion=2)) for second in range(60)])

        assert one.rates(NOON + 59.9) == (pytest.approx(1.0, abs=0.1), pytest.approx(600.0, rel=0.1))
        assert one.rates(NOON + 200.0) == (0.0, 0.0)

    def test_same_where_nothing_happens(self) -> None:
        """Within a second the rates are the same, so that nobody is told of what has not changed."""
        one = history(calls=[FAILED])
        assert one.rates(NOON + 7.1) == one.rates(NOON + 7.9)

    def test_unknown_span(self) -> None:
        """There are three charts."""
        with pytest.raises(KeyError):
            history().series("2h", NOON)


class RestartTests:
    """`History.slices` and `History.restore`."""

    @SLOWLY
    @given(BY_TIME)
    def test_round_trip(self, calls: list[tuple[float, Ending, int]]) -> None:
        """A run that goes on from the state tells all that the one before told."""
        ended = [(NOON - back * HOUR, ending) for back, ending, _ in calls]
        one = history(calls=[settled(entry(at, ending, status=502), VendorFault("", 1)) for at, ending in ended])
        again = anew(one, NOON)

        assert [again.series(span, NOON) for span in SPANS] == [one.series(span, NOON) for span in SPANS]
        assert (again.cells(NOON), again.availability(NOON)) == (one.cells(NOON), one.availability(NOON))
        assert again.hour("acme/large", NOON) == one.hour("acme/large", NOON)
        assert (again.since, kept(again, NOON)) == (one.since, kept(one, NOON))

    def test_without_a_state(self) -> None:
        """A state of a version that kept no history is taken for one without any."""
        one = History()
        one.restore(None, NOON)
        one.begins(NOON)
        assert one.availability(NOON) is None and one.since == NOON

    def test_ages(self) -> None:
        """What has become too old while nobody ran is not told."""
        again = anew(history(calls=[FAILED]), NOON, NOON + 2 * HOUR)
        assert not any(cell[1] for cell in again.cells(NOON + 2 * HOUR))
        assert sum(again.series("24h", NOON + 2 * HOUR).calls) > 0  # type: ignore[arg-type]
        assert again.availability(NOON + 2 * HOUR) == 0.0

    def test_clock_set_back(self) -> None:
        """E-16: what an earlier run has counted in what is the future now is dropped, and calls count as ever."""
        again = anew(history(calls=[FAILED]), NOON, NOON - 5 * HOUR)
        assert again.availability(NOON - 5 * HOUR) is None
        again.take([settled(entry(NOON - 5 * HOUR))], CATALOG.find)

        assert again.availability(NOON - 5 * HOUR) == 1.0
        assert again.cells(NOON - 5 * HOUR)[-1][1:3] == (1, 0)
        assert again.availability(NOON) == 1.0

    @pytest.mark.parametrize("leap", [5 * HOUR, -5 * HOUR, 400 * 24 * HOUR, -LATE - STEP])
    def test_clock_leaps_while_it_runs(self, leap: float) -> None:
        """E-16: what comes behind a leap is told right, once somebody has looked."""
        one = history(calls=[FAILED])
        one.look(NOON + leap)
        one.take([settled(entry(NOON + leap))], CATALOG.find)

        assert one.cells(NOON + leap)[-1][1] == 1
        assert one.series("15m", NOON + leap, 1).calls == [1.0]

    def test_other_charts(self) -> None:
        """Points of a version whose charts have other steps are left."""
        state = kept(history(calls=[FAILED]), NOON)
        state["charts"]["15m"][0] = 7
        one = History()
        one.restore(state, NOON)

        assert not any(one.series("15m", NOON).calls) and any(one.series("1h", NOON).calls)

    def test_size(self) -> None:
        """A state of 20 models that have been busy throughout takes less than 200 KiB."""
        one = history()
        for back in range(24 * 60 - 1, -1, -1):
            at = NOON - 60.0 * back
            spread = [0.02 * 1.25**power for power in range(20)]
            one.take(
                [settled(entry(at + 5 * part, first=first, took=first)) for part in range(12) for first in spread],
                CATALOG.find,
            )
        for _ in range(19):
            one._models[str(len(one._models))] = one._models["acme/large"]
        told = len(msgspec.json.encode(kept(one, NOON + 59)))
        assert 50_000 < told < 200 * 1024
