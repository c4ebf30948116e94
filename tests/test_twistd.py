"""What twistd finds, in a process of its own: which reactor, and when."""

from __future__ import annotations

import subprocess
import sys

import pytest

ASK = """
import sys
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
"""


@pytest.mark.parametrize(
    ("before", "module"),
    [
        ("", "targon_gw.reactor"),
        ("from twisted.internet import pollreactor; pollreactor.install()", "twisted.internet.pollreactor"),
    ],
    ids=["ours", "another was chosen"],
)
def test_reactor(before: str, module: str) -> None:
    """The daemon's own reactor, chosen only when it is run; one that was asked for (`--reactor`) stays."""
    words = ASK.format(before=before, already=bool(before))
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["78", module]
