"""Lines of the ledger, and the totals that they come to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from zlib import crc32

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from targon_gw.core.ledger import (
    AT_ONCE,
    BY,
    KEPT_ENTRIES,
    BadLine,
    Ending,
    Entry,
    Kind,
    Ledger,
    Sums,
    figures_of,
    line_of,
    read_line,
    rounded,
)
from targon_gw.core.meter import Source, Usage

USED = Usage(20, 8, 3, 2, Source.UPSTREAM)
CALL = Entry(
    1763766000.123,
    "req_1",
    Kind.CALL,
    client="ann",
    model="deepshield-chat",
    served="deepseek-ai/DeepSeek-V3",
    upstream="targon",
    account="alice",
    key="k-1f2e3d4c",
    stream=True,
    status=200,
    ending=Ending.SERVED,
    **figures_of(USED),
    cost=37,
    attempts=2,
    first=0.41,
    took=4.2,
)

texts = st.text(st.characters(codec="utf-8"), max_size=40)
counts = st.integers(0, 10**15)
seconds = (st.integers(0, 10**14) | st.integers(0, 100)).map(lambda ten_micro: ten_micro / 1e5)
maybe = texts | st.none()
entries = st.builds(
    Entry,
    seconds,
    texts,
    st.sampled_from(Kind),
    *[maybe] * 6,
    st.booleans(),
    st.integers(100, 599) | st.none(),
    st.sampled_from(Ending) | st.none(),
    counts,
    counts,
    counts,
    counts,
    counts,
    st.sampled_from(Source) | st.none(),
    st.integers(0, 9),
    seconds | st.none(),
    seconds,
    maybe,
    maybe,
)


class EntryTests:
    """One line's worth."""

    def test_words_are_the_files(self) -> None:
        """What stands in the ledger's lines is fixed: a journal of last year is read by them."""
        assert {ending.value for ending in Ending} == {"served", "truncated", "abandoned", "refused", "failed"}
        assert {kind.value for kind in Kind} == {"call", "attempt", "probe", "key", "account", "client"}
        assert {source.value for source in Source} == {"upstream", "counted", "estimated", "unknown"}

    def test_is_frozen(self) -> None:
        """A settled call does not change."""
        with pytest.raises(AttributeError):
            CALL.took = 0.2  # type: ignore[misc]

    def test_when_it_began(self) -> None:
        """As long before its end as it took."""
        assert CALL.admitted == pytest.approx(1763765995.923)


class LineTests:
    """As they are written."""

    def test_as_documented(self) -> None:
        """Golden: the order of the members, their names, and the checksum of the rest."""
        text = (
            '{"n":41207,"at":1763766000.123,"id":"req_1","kind":"call","client":"ann","model":"deepshield-chat",'
            '"served":"deepseek-ai/DeepSeek-V3","upstream":"targon","account":"alice","key":"k-1f2e3d4c",'
            '"stream":true,"status":200,"ending":"served","prompt":20,"completion":8,"cached":3,"reasoning":2,'
            '"cost":37,"source":"upstream","attempts":2,"first":0.41,"took":4.2}'
        )

        assert line_of(CALL, 41207).decode() == f'- {text[:-1]},"crc":"{crc32(text.encode()):08x}"}}\n'
        assert line_of(CALL, 41207).endswith(b',"crc":"0a9b4f6d"}\n')

    def test_what_is_not_known_is_left_out(self) -> None:
        """A change has a number, a time, a name and a kind, and what it says."""
        line = json.loads(line_of(Entry(5.0, "k-1f2e3d4c", Kind.KEY, note="usable → barred"), 7)[2:])

        assert line.pop("crc")
        assert line == {"n": 7, "at": 5.0, "id": "k-1f2e3d4c", "kind": "key", "note": "usable → barred"}

    def test_a_usage_of_nothing_is_no_missing_usage(self) -> None:
        """Where the figures come from says that there are any."""
        for usage in (Usage(0, 0), None):
            assert read_line(line_of(replace(CALL, **figures_of(usage)), 1))[1].usage == usage

    @given(entries, st.integers(1, 10**15))
    def test_reads_as_it_was_written(self, entry: Entry, n: int) -> None:
        """Whatever stands in it; it is one line, and the same to YAML as to JSON."""
        line = line_of(entry, n)

        assert read_line(line) == (n, entry) == read_line(line[:-1])
        assert line.count(b"\n") == 1
        assert yaml.safe_load(line.decode()) == [json.loads(line[2:])]

    @given(st.text(max_size=20))
    def test_no_text_keeps_a_line_from_being_written(self, text: str) -> None:
        """Half of a surrogate pair has no UTF-8: it is written as a question mark."""
        line = line_of(replace(CALL, reference=text + "\ud800"), 1)

        assert (read_line(line)[1].reference or "").endswith("?")

    def test_times_to_ten_microseconds(self) -> None:
        """No float's tail gets into the file, and no exponent, where whoever makes an Entry rounds."""
        at, took, first = map(rounded, (1763766000.1234567, 0.1 + 0.2, 1 / 3))
        line = line_of(replace(CALL, at=at, took=took, first=first), 1)

        assert b'"at":1763766000.12346,' in line
        assert b'"first":0.33333,"took":0.3,' in line
        assert rounded(0.000012) == 0.00001

    @given(st.integers(0, 400), st.integers(0, 7))
    def test_one_bit(self, at: int, bit: int) -> None:
        """A line of which any bit is another is bad (faults catalogue, E-04)."""
        line = bytearray(line_of(CALL, 41207)[:-1])
        line[at % len(line)] ^= 1 << bit

        with pytest.raises(BadLine):
            read_line(bytes(line))

    def test_torn(self) -> None:
        """No beginning of a line is a line (faults catalogue, E-03)."""
        line = line_of(CALL, 41207)
        for length in range(len(line) - 1):
            with pytest.raises(BadLine):
                read_line(line[:length])

    @pytest.mark.parametrize(
        "text",
        [
            '{"n":0,"at":1.0,"id":"r","kind":"call"}',
            '{"n":1,"at":1.0,"id":"r","kind":"other"}',
            '{"n":1,"at":1.0,"kind":"call"}',
            '{"n":1,"at":"1","id":"r","kind":"call"}',
            '{"n":1,"at":1.0,"id":"r","kind":"call","prompt":-1,"source":"upstream"}',
            '{"n":1,"at":1.0,"id":"r","kind":"call","novel":1}',
            '{"n":1,"at":1.0,"id":"\udcff","kind":"call"}',
            "{}",
        ],
    )
    def test_whole_but_not_ours(self, text: str) -> None:
        """A checksum does not make a line of what a newer or a broken writer wrote (faults catalogue, E-24)."""
        raw = text.encode("utf-8", "surrogateescape")

        with pytest.raises(BadLine):
            read_line(b'- %b,"crc":"%08x"}\n' % (raw[:-1], crc32(raw)))

    @given(st.binary(max_size=80))
    def test_anything_else(self, line: bytes) -> None:
        """Whatever stands in a file, it is a line or it is bad."""
        with pytest.raises(BadLine):
            read_line(b"- {" + line + b'"}')


def figures(sums: Sums) -> dict[str, int]:
    """What is not 0."""
    return dict(sums.to_state())


class LedgerTests:
    """Totals."""

    def test_a_call(self) -> None:
        """It counts under each of its names; the model is the one that served."""
        ledger = Ledger()
        assert ledger.fold(1, CALL)

        names = {by: list(sums) for by, sums in ledger.totals.items()}
        assert names == {
            "client": ["ann"], "model": ["deepseek-ai/DeepSeek-V3"], "key": ["k-1f2e3d4c"],
            "account": ["alice"], "upstream": ["targon"], "day": ["2025-11-21"],
        }  # fmt: skip
        for sums in ledger.totals.values():
            for one in sums.values():
                assert one.calls == 1
                assert figures(one) == {
                    "served": 1, "prompt": 20, "completion": 8, "cached": 3, "reasoning": 2, "cost": 37,
                }  # fmt: skip

    def test_several_clients_together(self) -> None:
        """Each has its own; what they have in common is the sum of all, whoever called."""
        ledger = Ledger()
        for number, client in enumerate(["ann", "bob", None, "ann"], 1):
            ledger.fold(number, replace(CALL, client=client))
        totals = ledger.totals

        assert {name: (one.served, one.prompt) for name, one in totals["client"].items()} == {
            "ann": (2, 40), "bob": (1, 20),
        }  # fmt: skip
        for by in ("model", "key", "account", "upstream", "day"):
            assert [(one.served, one.prompt, one.cost) for one in totals[by].values()] == [(4, 80, 148)]

    @pytest.mark.parametrize("ending", Ending)
    def test_endings(self, ending: Ending) -> None:
        """Each has its column; all are calls, and estimates are told apart."""
        ledger = Ledger()
        ledger.fold(1, replace(CALL, ending=ending, **figures_of(Usage(5, 1, source=Source.COUNTED))))
        ledger.fold(2, replace(CALL, ending=ending, **figures_of(None), cost=0, key=None))
        sums = ledger.totals["client"]["ann"]

        assert sums.calls == 2
        assert figures(sums) == {ending.value: 2, "prompt": 5, "completion": 1, "estimated": 6, "cost": 37}
        assert ledger.totals["key"]["k-1f2e3d4c"].calls == 1

    def test_attempts_and_probes_have_columns_of_their_own(self) -> None:
        """They are no calls, and nobody is charged with them."""
        ledger = Ledger()
        ledger.fold(1, replace(CALL, kind=Kind.ATTEMPT, ending=None, note="the stream was cut"))
        ledger.fold(2, Entry(CALL.at, "probe", Kind.PROBE, key=CALL.key, **figures_of(Usage(3, 1))))
        ledger.fold(3, Entry(CALL.at, "k-1f2e3d4c", Kind.KEY, key=CALL.key, note="barred"))

        assert figures(ledger.totals["client"]["ann"]) == {"attempts_failed": 1, "attempt_tokens": 28}
        assert figures(ledger.totals["key"]["k-1f2e3d4c"]) == {
            "attempts_failed": 1, "attempt_tokens": 28, "probe_tokens": 4,
        }  # fmt: skip
        assert ledger.n == 3

    def test_a_line_is_folded_once(self) -> None:
        """By its number, so that a replay may begin too early (faults catalogue, E-02)."""
        ledger = Ledger()

        assert [ledger.fold(n, CALL) for n in (1, 2, 2, 1, 3)] == [True, True, False, False, True]
        assert (ledger.n, ledger.totals["client"]["ann"].calls) == (3, 3)

    def test_recent(self) -> None:
        """The last thousand calls and attempts are at hand."""
        ledger = Ledger()
        for n in range(1, KEPT_ENTRIES + 4):
            ledger.fold(n, replace(CALL, id=f"req_{n}", kind=Kind.ATTEMPT if n % 2 else Kind.CALL))
        ledger.fold(KEPT_ENTRIES + 4, replace(CALL, kind=Kind.PROBE))

        assert len(ledger.recent) == KEPT_ENTRIES
        assert (ledger.recent[0].id, ledger.recent[-1].id) == ("req_4", f"req_{KEPT_ENTRIES + 3}")

    def test_days_are_utc(self) -> None:
        """Of the end of a call; one that ends a moment after midnight is the new day's."""
        ledger = Ledger()
        for n, at in enumerate((1763769599.9, 1763769600.0, 1763769599.9), 1):
            ledger.fold(n, replace(CALL, at=at))

        assert {day: sums.calls for day, sums in ledger.totals["day"].items()} == {"2025-11-21": 2, "2025-11-22": 1}

    @pytest.mark.parametrize("count", [AT_ONCE - 1, AT_ONCE, AT_ONCE + 1])
    def test_whoever_looks_sees_all(self, count: int) -> None:
        """Entries are added up many at once; what is asked for is up to date all the same."""
        looks: list[Callable[[Ledger], int]] = [
            lambda one: one.totals["client"]["ann"].served,
            lambda one: one.to_state()["totals"]["client"]["ann"]["served"],
            lambda one: len(one.recent),
            lambda one: one.n,
        ]
        for look in looks:
            ledger = Ledger()
            for n in range(1, count + 1):
                ledger.fold(n, CALL)
            assert look(ledger) == count
            ledger.restore(Ledger().to_state())
            assert ledger.totals["client"] == {}

    @settings(max_examples=60)
    @given(st.lists(entries, max_size=20), st.integers(0, 20))
    def test_totals_are_sums_of_lines(self, lines: list[Entry], cut: int) -> None:
        """A state in the middle and the lines behind it come to the same as all lines, and that is their sum."""
        whole, first, second = Ledger(), Ledger(), Ledger()
        for n, entry in enumerate(lines, 1):
            whole.fold(n, entry)
            if n <= cut:
                first.fold(n, entry)
        second.restore(json.loads(json.dumps(first.to_state())))
        for n, entry in enumerate(lines, 1):
            assert second.fold(n, entry) is (n > cut)

        assert second.to_state() == whole.to_state()
        calls = [entry for entry in lines if entry.kind is Kind.CALL]
        for by in BY:
            named: list[Any] = [
                entry
                for entry in calls
                if by == "day"
                or (getattr(entry, "served" if by == "model" and entry.served is not None else by)) is not None
            ]
            sums = whole.totals[by].values()
            assert sum(one.cost for one in sums) == sum(entry.cost for entry in named if entry.usage)
            assert sum(one.prompt for one in sums) == sum(entry.prompt for entry in named if entry.usage)
            assert sum(one.calls for one in sums) == sum(entry.ending is not None for entry in named)

    def test_a_state_is_not_written_anew(self) -> None:
        """Rows that have not changed since are handed out again, after a restart too."""
        ledger, again = Ledger(), Ledger()
        ledger.fold(1, CALL)
        ledger.fold(2, replace(CALL, client="bob"))
        state = ledger.to_state()
        again.restore(state)
        again.fold(3, CALL)
        rows, after = again.to_state()["totals"]["client"], state["totals"]["client"]

        assert rows["bob"] == after["bob"]
        assert (rows["ann"]["served"], after["ann"]["served"]) == (2, 1)
