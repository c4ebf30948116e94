"""Every target holds for its seeds, and for what hypothesis makes of them.

This is not fuzzing: hypothesis does not see which branches an input takes. `make fuzz` does, with atheris; where that
is installed, it runs here for a moment, so that the targets stay fit to be fuzzed.
"""

from __future__ import annotations

import platform
import sys
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import clients, files, vendors
from tests.fuzz.run import NAMES, found, is_here, run_all
from tests.fuzz.target import Target, cut
from tests.needs import lacking

TARGETS = {target.name: target for page in (vendors, clients, files) for target in page.TARGETS}
IDS = list(TARGETS)
SHORTLY = 4
"""Seconds of atheris for a target."""
INPUTS = 3000
"""At most, for a target: the search is the same each time, and what it finds was brought by the change."""
AT_ONCE = 2
"""Targets."""


@cache
def seeds(name: str) -> list[bytes]:
    """The seeds of a target."""
    return list(TARGETS[name].seeds())


@st.composite
def spoilt(draw: st.DrawFn, name: str) -> bytes:
    """A seed with a few bytes lost, doubled or put in, or noise."""
    data = draw(st.sampled_from(seeds(name)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        to = min(len(data), at + draw(st.integers(0, 9)))
        between = draw(
            st.sampled_from((b"", data[at:to] * 2, b"\r\n", b"\n", b'"', b",", b"}", b"\x00", b"\xff"))
            | st.binary(max_size=4)
        )
        data = data[:at] + between + data[to:]
    return data


class TargetTests:
    """What each target says of its parser."""

    @pytest.mark.parametrize("target", TARGETS.values(), ids=IDS)
    def test_seeds(self, target: Target) -> None:
        """It holds for every input that the search begins with, of which there are some."""
        assert len(seeds(target.name)) > 5
        for seed in seeds(target.name):
            target.check(seed)

    @pytest.mark.parametrize("target", TARGETS.values(), ids=IDS)
    def test_spoilt_seeds(self, target: Target) -> None:
        """It holds for what becomes of them in bad hands, and for noise."""

        @settings(max_examples=60, deadline=None, database=None)
        @given(spoilt(target.name) | st.binary(max_size=80))
        def holds(data: bytes) -> None:
            target.check(data)

        holds()

    @given(st.binary(max_size=300))
    def test_cut_loses_nothing(self, data: bytes) -> None:
        """The pieces are the input again, and none is empty."""
        assert b"".join(cut(data)) == data and all(cut(data))


class RunTests:
    """The runner."""

    def test_every_target_is_known(self) -> None:
        """The runner's list is that of the pages; nothing is left out unseen."""
        assert tuple(IDS) == NAMES
        assert [found(name) for name in NAMES] == list(TARGETS.values())

    def test_shortly(self) -> None:
        """Each runs under atheris for a moment, takes many inputs, sees branches of the parser, and finds nothing."""
        if not is_here():
            if (sys.platform, platform.machine()) != ("linux", "x86_64"):
                pytest.skip("atheris has no wheel for this machine: no target was fuzzed")
            lacking("atheris is not installed: no target was fuzzed")
        for ran in run_all(NAMES, SHORTLY, AT_ONCE, 1, INPUTS):
            assert not ran.fault, ran.fault
            assert ran.runs > 50 and ran.branches > 10, ran
