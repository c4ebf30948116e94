"""The rehearsal by hand."""

from __future__ import annotations

import io
from typing import Any
from unittest import TestCase

from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock

from targon_gw.rehearsal.catalogue import named_in
from targon_gw.rehearsal.command import greeting, run
from targon_gw.rehearsal.vendor import Vendor


class TakenReactor(MemoryReactorClock):
    """A reactor none of whose ports is free."""

    def listenTCP(self, port: Any, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Refuse."""
        raise CannotListenError(interface, port, OSError("taken"))


class RunTests(TestCase):
    """Running until stopped."""

    def test_says_where_it_listens(self) -> None:
        """The reactor is run, and the greeting printed once it listens."""
        out, memory = io.StringIO(), MemoryReactorClock()
        run(memory, Vendor(), 8080, "127.0.0.1", out)
        assert memory.hasRun
        assert memory.tcpServers[0][3] == "127.0.0.1"
        assert "listens on http://0.0.0.0:8080/v1" in out.getvalue(), "the address that the port gives, here a fake's"

    def test_taken_port(self) -> None:
        """Where it cannot listen it stops, prints nothing and raises that."""
        out = io.StringIO()
        with self.assertRaises(CannotListenError):
            run(TakenReactor(), Vendor(), 8080, "127.0.0.1", out)
        assert out.getvalue() == ""


class GreetingTests(TestCase):
    """What stands on the terminal."""

    def test_all_keys_and_models(self) -> None:
        """Every key with its account, every model, and faults that there are."""
        usual = Vendor()
        text = greeting(usual, "http://127.0.0.1:1")
        for account in usual.accounts:
            for key in account.keys:
                assert f"{key}  ({account.name})" in text
        assert all(model.id in text for model in usual.models)
        shown = [word for word in text.split() if word.startswith("fault/") or "!" in word]
        assert len(shown) == 3
        assert all(named_in(word)[1] is not None for word in shown)
