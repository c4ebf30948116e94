"""Changes of health, as figures."""

from __future__ import annotations

import pytest

from targon_gw.core.attempts import (
    Barred,
    Exhausted,
    ModelFault,
    Outcome,
    Throttled,
)
from targon_gw.core.ledger import Ending, Entry, Kind
from targon_gw.core.measures import (
    Measures,
    reason_of,
)
from tests import fakes

from .measured import Calls


class TransitionTests:
    """Changes of health."""

    def changed(self, *outcomes: Outcome, keys: int = 3) -> Measures:
        """What is counted after calls whose first attempts came out like that, in turn, at one gateway."""
        calls = Calls(fakes.config(fakes.upstream(keys)))
        for outcome in outcomes:
            call = calls.begin()
            call.begin(calls.now)
            call.judge(outcome, calls.now)
            calls.end(call, Ending.FAILED, status=502)
        for upstream, change in calls.gateway.changes():
            note = f"{change.before} -> {change.after}, {change.reason}"
            calls.measures.changed(Entry(change.at, change.what, Kind.KEY, upstream=upstream, note=note))
        return calls.measures

    def test_throttled(self) -> None:
        """A key's account that goes to rest counts."""
        assert self.changed(Throttled(reason="429: too many requests")).transitions == {
            ("acme", "ready", "cooling", "throttled"): 1
        }

    def test_key_and_account(self) -> None:
        """Changes of keys and of accounts count alike."""
        assert self.changed(Barred(), Exhausted()).transitions == {
            ("acme", "ready", "suspect", "barred"): 1,
            ("acme", "ready", "exhausted", "exhausted"): 1,
        }

    def test_models_are_no_keys(self) -> None:
        """A model's breaker is none of the keys' changes."""
        assert self.changed(ModelFault()).transitions == {}

    def test_words_of_no_list(self) -> None:
        """F-17: a word that is not ours becomes no label."""
        measures = Calls().measures
        measures.changed(Entry(1.0, "k-12345678", Kind.KEY, upstream="acme", note="happy -> sad, for\nno reason"))

        assert measures.transitions == {("acme", "other", "other", "other"): 1}

    @pytest.mark.parametrize(
        ("reason", "after", "label"),
        [
            ("429: too many requests", "cooling", "throttled"),
            ("400 (meaning 402): no credit left", "exhausted", "exhausted"),
            ("401: key not accepted", "barred", "barred"),
            ("404: model not served", "cooling", "model_fault"),
            ("a call was served", "trial", "served"),
            ("a test by hand was served", "ready", "by_hand"),
            ("by hand", "disabled", "by_hand"),
            ("switched off in the settings", "disabled", "settings"),
            ("500, where another key served", "cooling", "vendor_fault"),
            ("taken back: others fail alike (429: too many requests)", "ready", "witness"),
            ("taken back: it was the request's own fault", "trial", "witness"),
            ("charged after all: others were served meanwhile", "suspect", "witness"),
            ("401: key not accepted, undetermined: nobody to compare with", "cooling", "barred"),
            ("the connection was refused", "cooling", "vendor_fault"),
            ("the connection was refused", "ready", "other"),
        ],
    )
    def test_reasons(self, reason: str, after: str, label: str) -> None:
        """Each reason that the core gives comes to one of a few words."""
        assert reason_of(reason, after) == label
