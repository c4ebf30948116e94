"""What the interpreter executes for one call, by file: bytecode instructions and calls of Python functions; and how
many attributes it has to look for the long way (see `counted`), each of which takes as long as four instructions.

Four fifths of a call's time are the interpreter's, so this is how a call's time is spent; and the counts hardly depend
on the machine or on what else it does, so a change of a hundredth shows in one run. They are of one version of Python,
and say nothing of the time in C: what they promise is to be measured by `compare`.
"""

import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from attrs import asdict, field, frozen

from bench import stage, systems

KINDS = {"unary": (), "burst": ("-s",)}
SHOWN = 30
"""Files that are told one by one."""
CONNECTIONS = 8


@frozen
class Executed:
    """The path of one kind of call. `files` and `functions` are instructions a call, by name."""

    kind: str
    calls: int
    instructions: float
    frames: float
    attributes: float
    files: dict[str, float] = field(factory=dict)


def name_of(path: str) -> str:
    """A source file as it is told: our own from `targon_gw` on, others from their package on."""
    for mark in ("/targon_gw/", "/site-packages/"):
        if mark in path:
            rest = path.rpartition(mark)[2]
            return rest if mark == "/site-packages/" else f"targon_gw/{rest}"
    if path.startswith("<attrs generated"):
        return "attrs: made methods"
    return f"python: {Path(path).name}"


def read(text: str, kind: str, calls: int) -> Executed:
    """What a count says of `calls` calls."""
    files: Counter[str] = Counter()
    instructions = frames = attributes = 0
    for line in text.splitlines():
        count, entered, general, path, _ = line.split("\t", 4)
        instructions += int(count)
        frames += int(entered)
        attributes += int(general)
        files[name_of(path)] += int(count)
    shares = {name: round(count / calls, 1) for name, count in files.most_common()}
    averages = [round(total / calls, 1) for total in (instructions, frames, attributes)]
    return Executed(kind, calls, averages[0], averages[1], averages[2], shares)


def measured(running: stage.Stage, kind: str, seconds: float) -> Executed:
    """One kind of call, of a gateway of its own."""
    setting = running.setting(running.vendor(), f"path-{kind}")
    plain = systems.gateway(setting)
    out = setting.folder / "counts"
    command = (sys.executable, "-m", "bench.counted", str(out), *plain.command)
    server = running.start(systems.System("gateway", command, start_seconds=60.0), setting, "/health/live")
    options = ("-k", setting.key, "-c", str(CONNECTIONS), *KINDS[kind])
    running.load(setting.port, "-d", "1", *options)
    process = server.running.process
    process.send_signal(signal.SIGUSR1)
    seen = running.load(setting.port, "-d", str(seconds), *options)
    process.send_signal(signal.SIGUSR2)
    end = time.monotonic() + 10
    while not (out.exists() and out.stat().st_size) and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(0.3)
    found = read(out.read_text("utf-8"), kind, int(seen["good"]))
    running.stop(server)
    return found


def told(paths: Sequence[Executed]) -> str:
    """A table for people: a column for each kind of call."""
    totals = [
        ("instructions", *(path.instructions for path in paths)),
        ("functions", *(path.frames for path in paths)),
        ("attributes, the long way", *(path.attributes for path in paths)),
    ]
    most: Counter[str] = Counter()
    for path in paths:
        most.update(path.files)
    rows = [(name, *(path.files.get(name, 0.0) for path in paths)) for name, _ in most.most_common(SHOWN)]
    heads = ["of one call", *(path.kind for path in paths)]
    return stage.table("What the interpreter executes for a call", heads, [*totals, *rows])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; 0."""
    args = stage.arguments("path", __doc__, argv)
    with stage.staged() as running:
        paths = [measured(running, kind, 2.0 if args.quick else 8.0) for kind in KINDS]
    figures = [asdict(path, filter=lambda a, _: a.name != "calls") for path in paths]
    stage.written(args, "path", told(paths), figures, {})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
