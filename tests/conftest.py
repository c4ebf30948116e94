"""What holds for every test: an error that nobody handled fails the run, and a slow machine fails nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from twisted.logger import LogEvent, globalLogPublisher

UNHANDLED = "Unhandled error in Deferred"

# As hypothesis itself has it under CI: the first test of a new Python waits seconds for its tables of characters.
settings.register_profile("untimed", settings(), deadline=None, suppress_health_check=(HealthCheck.too_slow,))
settings.load_profile("untimed")


class Unhandled:
    """Listens for Deferreds that fail with nobody to hear it."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        """An observer of Twisted's log."""
        failure = event.get("log_failure")
        if failure is not None and UNHANDLED in str(event.get("log_format", "")):
            self.heard.append(failure.getTraceback())


@pytest.fixture(scope="session")
def unhandled() -> Iterator[Unhandled]:
    """One listener for the whole run."""
    listener = Unhandled()
    globalLogPublisher.addObserver(listener)
    yield listener
    gc.collect()  # a Deferred in a ring is heard of only when the collector finds it
    globalLogPublisher.removeObserver(listener)
    assert not listener.heard, "\n".join(listener.heard)


@pytest.fixture(autouse=True)
def _nothing_unhandled(unhandled: Unhandled) -> Iterator[None]:
    """Fails the test during which such an error was heard."""
    yield
    heard, unhandled.heard = unhandled.heard, []
    assert not heard, "\n".join(heard)
