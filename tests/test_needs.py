"""A lack is a skip at a desk and a failure in CI."""

from __future__ import annotations

import pytest

from .needs import lacking, need


class NeedTests:
    """Asking for a program."""

    def test_program_that_is_there(self) -> None:
        """Its path is the answer."""
        assert need("sh").endswith("/sh")

    def test_lack_at_a_desk_is_a_skip(self) -> None:
        """Without CI in the environment the test is skipped, and the reason names the program."""
        with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed"):
            need("no-such-program", {"PATH": "/usr/bin"})

    def test_lack_in_ci_is_a_failure(self) -> None:
        """Under CI=true the same lack fails."""
        with pytest.raises(pytest.fail.Exception, match="no-such-program"):
            need("no-such-program", {"PATH": "/usr/bin", "CI": "true"})
        with pytest.raises(pytest.fail.Exception, match="no Node"):
            lacking("no Node", {"CI": "1"})
