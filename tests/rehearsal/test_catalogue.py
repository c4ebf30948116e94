"""The catalogue: every fault is there, has its test, and does no harm to the vendor itself."""

from __future__ import annotations

from unittest import TestCase

from targon_gw.core.config import Dialect
from targon_gw.rehearsal.catalogue import CATALOGUE, UnknownFault, named_in, ordered
from targon_gw.rehearsal.fault import Moment
from targon_gw.rehearsal.steps import Bytes, Events

from . import (
    test_faults_connection,
    test_faults_events,
    test_faults_framing,
    test_faults_refusals,
    test_faults_spelling,
)
from .stage import MODEL, response, stage

PAGES = (
    test_faults_connection,
    test_faults_events,
    test_faults_framing,
    test_faults_refusals,
    test_faults_spelling,
)
PLAYED_ELSEWHERE = {1, 3, 4, 47, 48, 51}
"""Faults of addresses (D-01, D-03, D-04), of all vendors at once, and of the gateway's own conduct."""


class CatalogueTests(TestCase):
    """The catalogue as a whole."""

    def test_every_fault_has_its_test(self) -> None:
        """For each fault some test bears its name."""
        tests = {
            name for page in PAGES for case in vars(page).values() if isinstance(case, type) for name in vars(case)
        }
        for name in CATALOGUE:
            assert "test_" + name.replace("-", "_").replace(".", "_") in tests, name

    def test_every_number_is_played(self) -> None:
        """Faults D-01 to D-51 that a vendor can commit are all there."""
        played = {int(number.removeprefix("D-")) for fault in CATALOGUE.values() for number in fault.numbers}
        assert played == set(range(1, 51 + 1)) - PLAYED_ELSEWHERE

    def test_every_fault_says_what_it_does(self) -> None:
        """The summary is a sentence, and numbers are numbers of the catalogue."""
        for fault in CATALOGUE.values():
            assert fault.summary.endswith("."), fault.name
            assert fault.numbers, fault.name

    def test_every_fault_in_every_setting(self) -> None:
        """Whatever the dialect and the form, a fault is committed, noted, and gone with its connection."""
        for dialect in Dialect:
            for stream in (True, False):
                for name in CATALOGUE:
                    with self.subTest(name=name, dialect=dialect, stream=stream):
                        self.commit(name, dialect, stream)

    def commit(self, name: str, dialect: Dialect, stream: bool) -> None:
        """Commit a fault by its name, let ten seconds pass, and hang up."""
        scene = stage(dialect)
        scene.connect(room=64 << 10)
        scene.vendor.misbehave(name, model=MODEL, times=1)
        scene.ask(stream=stream)
        for _ in range(10):
            scene.wait(1)
            scene.line.take()
        (entry,) = scene.vendor.log
        assert entry.fault == name
        if scene.line.ended is None:
            scene.leave()
        assert not scene.clock.getDelayedCalls()
        assert scene.vendor.answering == 0
        assert entry.ended is not None


class OrderedTests(TestCase):
    """Faults by name and argument."""

    def test_unknown(self) -> None:
        """What there is none of is refused with a way on."""
        with self.assertRaises(UnknownFault) as caught:
            ordered("no-such-fault")
        assert "/rehearsal/catalogue" in caught.exception.message

    def test_wrong_arguments(self) -> None:
        """Arguments are read when the fault is ordered."""
        wrong = ("stall:x", "stall:-1", "silent:3", "status:99", "drip:0", "drip:nan", "drip:1e9", "usage-absurd:odd",
                 "error-midway:openai@3b", "error-midway:nobody", "throttled:\r\nX: y", "throttled:七")  # fmt: skip
        for wish in wrong:
            with self.subTest(wish=wish), self.assertRaises(UnknownFault):
                ordered(wish)

    def test_measures(self) -> None:
        """Events are plain numbers, bytes bear a b."""
        assert ordered("stall").arg == Events(3)
        assert ordered("stall:7").arg == Events(7)
        assert ordered("stall:120b").arg == Bytes(120)

    def test_named_in_a_model(self) -> None:
        """`fault/NAME` is anybody's, `MODEL!NAME` that model's; slashes and colons elsewhere mean nothing."""
        assert named_in("org/model:free") == ("org/model:free", None)
        plain, fault = named_in("org/model!stall:9")
        assert (plain, fault and fault.arg) == ("org/model", Events(9))
        plain, fault = named_in("fault/silent")
        assert (plain, fault and fault.fault.name) == (None, "silent")

    def test_a_fault_that_there_is_none_of_is_the_callers(self) -> None:
        """A model's name that asks for nonsense is answered 400."""
        assert response(stage().ask("fault/nonsense")).status == 400

    def test_moments(self) -> None:
        """Only what must be done early is."""
        early = {fault.name: fault.moment for fault in CATALOGUE.values() if fault.moment is not Moment.ANSWER}
        assert early == {"refuse-connection": Moment.ACCEPT, "early-413": Moment.HEAD}
