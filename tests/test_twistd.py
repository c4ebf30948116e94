"""What twistd finds, in a process of its own: which reactor, and when."""

from __future__ import annotations

import subprocess
import sys

import pytest

ASK = """
import sys, time
from targon_gw.twistd import Options, makeService
{before}
assert {already} == ("twisted.internet.reactor" in sys.modules), "too early"
options = Options()
options.parseOptions(["-c", "/nowhere/gateway.yaml"])
try:
    makeService(options)
except SystemExit as end:
    print(end.code)
from twisted.internet import reactor
print(type(reactor).__module__)
print(abs(reactor.seconds() - time.monotonic()) < 60)
"""


@pytest.mark.parametrize(
    ("before", "module"),
    [
        ("", "targon_gw.reactor"),
        ("from twisted.internet import pollreactor; pollreactor.install()", "twisted.internet.pollreactor"),
        ("import select; del select.epoll", "twisted.internet.pollreactor"),
    ],
    ids=["ours", "another was chosen", "no epoll"],
)
def test_reactor(before: str, module: str) -> None:
    """The daemon's own reactor, chosen only when it is run; one that was asked for (`--reactor`) stays, and
    goes by a clock that nobody sets, too (E-16)."""
    words = ASK.format(before=before, already="install" in before)
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["78", module, "True"]
