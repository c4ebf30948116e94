"""What a figure means nothing without: the machine, the versions, the day, the revision; and the file that it goes to.

A record is JSON: `measure` names what was measured, the rest of the head is written here, the figures are the
measure's own. docs/performance/ holds one of each measure; draw.py and report.py read them.
"""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench import peers
from bench.systems import ROOT

PARTS = ("twisted", "klein", "treq", "httptools", "msgspec")
"""Packages whose version the gateway's speed depends on."""
Record = dict[str, Any]


def cpu_model(text: str) -> str:
    """The name of the first processor of /proc/cpuinfo; "" where it says none."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return ""


def installed(name: str) -> str | None:
    """The version of a package of this Python."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def machine() -> Record:
    """This machine: processor, how many we may use, MiB of memory, kernel, Python and the packages that matter."""
    return {
        "cpu": cpu_model(Path("/proc/cpuinfo").read_text("utf-8", "replace")) or platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: installed(name) for name in PARTS},
    }


def revision(tree: Path = ROOT) -> str | None:
    """The commit that a tree stands on, `-dirty` behind it where files differ; None outside of a repository."""
    command = ("git", "-C", str(tree), "describe", "--always", "--dirty", "--abbrev=10")
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def versions(names: Iterable[str]) -> dict[str, str | None]:
    """The version of each of the named peers that is known."""
    return {name: peers.VERSIONS[name]() for name in names if name in peers.VERSIONS}


def record(measure: str, figures: Mapping[str, Any]) -> Record:
    """The figures under their head."""
    date = datetime.now(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
    return {"measure": measure, "date": date, "revision": revision(), "machine": machine(), **figures}


def save(path: Path, written: Record) -> None:
    """Write a record; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(written, indent=1) + "\n", "utf-8")


def load(path: Path) -> Record:
    """Read a record; SystemExit where the file is none."""
    try:
        read = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path}: {error}") from None
    if not isinstance(read, dict) or "measure" not in read:
        raise SystemExit(f"{path}: not a record of the bench")
    return read
