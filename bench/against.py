"""Another revision of this project beside the tree at hand, by the same Python and the same packages.

The revision is unpacked into a folder of the run, which goes with it; the repository is not touched, not even by a
run that is killed. Which tree a process takes is PYTHONPATH's word, and is looked at before anything is measured.
"""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from bench.systems import ROOT, Maker, gateway_of

ASK = (
    "import importlib, targon_gw; from twisted import plugin; from twisted.application.service import IServiceMaker;"
    "made = [one for one in plugin.getPlugins(IServiceMaker) if one.tapname == 'targon-gw'];"
    "print(targon_gw.__file__); print(importlib.import_module(made[0].module).__file__);"
    "print(importlib.import_module('twisted.plugins.targon_gw_plugin').__file__); print(len(made))"
)
"""Asked of the Python that is about to be measured: where the package, the service and twistd's plugin come from."""


def git(*words: str) -> bytes:
    """What git answers about this project's repository; SystemExit with its complaint."""
    try:
        done = subprocess.run(("git", "-C", str(ROOT), *words), capture_output=True, check=False)
    except FileNotFoundError:
        raise SystemExit("--against needs git") from None
    if done.returncode:
        raise SystemExit(f"git {' '.join(words)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def unpacked(revision: str, folder: Path) -> tuple[Path, str]:
    """`revision` as files in a folder below `folder`, and its short name; SystemExit where there is none."""
    commit = git("rev-parse", "--verify", "--short=10", f"{revision}^{{commit}}").decode().strip()
    tree = folder / "before"
    with tarfile.open(fileobj=io.BytesIO(git("archive", "--format=tar", commit))) as files:
        files.extractall(tree, filter="data")
    return tree, commit


def sources_of(tree: Path) -> list[str]:
    """What a gateway started from `tree` imports: package, service, plugin, and how many plugins claim the name.

    With -P, as twistd does not look into its folder either: PYTHONPATH alone decides.
    """
    done = subprocess.run(
        (sys.executable, "-P", "-c", ASK),
        capture_output=True,
        text=True,
        check=False,
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
    )
    if done.returncode:
        raise SystemExit(f"{tree}: the gateway cannot be imported:\n{done.stderr[-2000:]}")
    return done.stdout.split("\n")[:4]


def strayed(tree: Path, sources: Sequence[str]) -> list[str]:
    """Of what `sources_of` answered, all that is not `tree`'s own."""
    *files, claimed = sources
    strange = [file for file in files if not Path(file).resolve().is_relative_to(tree.resolve())]
    return strange if claimed == "1" else [*strange, f"{claimed} plugins named targon-gw"]


def before_and_after(tree: Path) -> list[tuple[str, Maker]]:
    """Both gateways, each sure to be its own tree's."""
    for one in (ROOT, tree):
        if strange := strayed(one, sources_of(one)):
            raise SystemExit(f"{one} would be measured with {', '.join(strange)}")
    return [("gateway", gateway_of(ROOT)), ("before", gateway_of(tree))]
