"""Side by side, in one run: the gateway beside the limit, its peers and the plain approach.

Three kinds of work: unary (JSON answers), burst (32-event streams sent at once), paced (300 open streams, an event each
20 ms: the figure is how many events a system relays for one second of processor time). What a processor second carries
is kept of the other two as well: it tells who was slow from whom the load was too slow for.

The server under test has one processor to itself; the fake upstream and the load share another. Every round measures
all systems in turn, every other round in the opposite order, so that a drift of the machine's speed touches all alike.
Only ratios of one run mean anything: they are printed, of the medians over the rounds.

With --also the gateway is there once more, started otherwise: by another Python, say.
With --against the run is of this tree and another revision of it, and ends in a verdict; see against.py.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import asdict, frozen

from bench import against, machine, peers, record, systems
from bench.summary import BEFORE, OURS, UNITS, Result, Results, summary, table, verdict

HERE = Path(__file__).resolve().parent
SOURCES = ("llmbench.c", "upstream.c", "load.c")
BARE = f"{OURS}-bare"
"""The gateway without limits and quota."""
PAUSE_US = 20_000
"""Between two events of a paced stream: 50 tokens a second, as a good vendor gives."""
BURST_TOKENS = 32
PACED_TOKENS = 100
"""Events of a stream; 32 is also what the load asks for where it is told nothing."""
QUICK_PEERS: tuple[tuple[str, systems.Maker], ...] = (("plain", systems.plain),)
PEERS: tuple[tuple[str, systems.Maker], ...] = (
    ("nginx", peers.nginx),
    ("haproxy", peers.haproxy),
    *QUICK_PEERS,
    ("vllm-router", peers.vllm_router),
    ("sglang-router", peers.sglang_router),
    ("litellm", peers.litellm),
    ("portkey", peers.portkey),
)


@frozen
class Plan:
    """How much is measured."""

    seconds: float = 4.0
    paced_seconds: float = 6.0
    warm_seconds: float = 1.0
    rounds: int = 3
    connections: int = 32
    streams: int = 300
    kinds: tuple[str, ...] = ("unary", "burst", "paced")


QUICK = Plan(seconds=1.0, paced_seconds=2.5, warm_seconds=0.3)
"""Two systems in three rounds, in under a minute."""


@frozen
class Bench:
    """One run: its plan, its working folder, the compiled load and the processors."""

    plan: Plan
    folder: Path
    binary: Path
    server: int
    loader: int

    def upstream(self, pause_us: int) -> tuple[machine.Running, int]:
        """A fake upstream that waits `pause_us` between two events, and its port."""
        port = machine.free_port()
        tokens = PACED_TOKENS if pause_us else BURST_TOKENS  # not every peer passes max_tokens on by that name
        command = (str(self.binary), "serve", "-p", str(port), "-i", str(pause_us), "-n", str(tokens))
        running = machine.Running.start(command, self.loader, self.folder / "upstream.log")
        if not machine.listening(port, 5, running.process):
            running.stop()
            raise SystemExit(f"the fake upstream did not start; see {self.folder}/upstream.log")
        return running, port

    def load(self, system: systems.System, setting: systems.Setting, *options: str) -> Result:
        """What the load saw of `system`."""
        headers = [part for header in system.headers for part in ("-H", header)]
        command = [str(self.binary), "load", "-p", str(setting.port), "-k", setting.key, "-j", *headers, *options]
        done = machine.finished(command, self.loader)
        try:
            result: Result = json.loads(done.stdout)
        except ValueError:
            raise SystemExit(f"the load failed: {done.stderr or done.stdout}") from None
        return result

    def measure(self, maker: systems.Maker, upstream: int, kinds: Sequence[str], name: str) -> dict[str, Result]:
        """One system, started for the purpose, under each of `kinds`; nothing where the machine does not have it."""
        folder = self.folder / f"{name}-{upstream}"
        folder.mkdir(exist_ok=True)
        setting = systems.Setting(machine.free_port(), upstream, folder)
        system = maker(setting)
        if system is None:
            return {}
        log = self.folder / f"{name}.log"
        running = machine.Running.start(system.command, self.server, log, system.folder, system.surroundings)
        try:
            if not machine.listening(setting.port, system.start_seconds, running.process):
                return self.missing(name, log)
            time.sleep(0.3)  # what a start leaves to be done later is not what is measured
            return {kind: self.under(system, setting, kind, running.pid) for kind in kinds}
        finally:
            running.stop()

    def missing(self, name: str, log: Path) -> dict[str, Result]:
        """A system that did not start: said aloud; the run ends where it is the one that the run is for."""
        complaint = f"{name} did not start; the end of its output:\n{log.read_text(errors='replace')[-2000:]}"
        if name.startswith(OURS) or name == BEFORE:
            raise SystemExit(complaint)
        print(complaint, file=sys.stderr)
        return {}

    def under(self, system: systems.System, setting: systems.Setting, kind: str, pid: int) -> Result:
        """One system under one kind of work."""
        plan, stream = self.plan, () if kind == "unary" else ("-s",)
        options = ["-c", str(plan.connections), "-d", str(plan.seconds)]
        if kind == "paced":
            options = ["-c", str(plan.streams), "-d", str(plan.paced_seconds), "-t", str(PACED_TOKENS)]
        else:
            self.load(system, setting, "-c", str(plan.connections), "-d", str(plan.warm_seconds), *stream)
        before = machine.cpu_seconds(pid)
        result = self.load(system, setting, *options, *stream)
        spent = machine.cpu_seconds(pid) - before
        done = result["hop_us"]["n"] if kind == "paced" else result["good"]
        result["cpu_figure"] = done / spent if spent else 0.0
        result["figure"] = result["cpu_figure"] if kind == "paced" else result["per_s"]
        result["mib"] = machine.resident_mib(pid)
        return result

    def run(self, makers: Sequence[tuple[str, systems.Maker]]) -> Results:
        """All rounds: kind → system → a result a round."""
        results: Results = {}
        plan = self.plan
        sharing = [
            (0, [kind for kind in plan.kinds if kind != "paced"]),
            (PAUSE_US, [kind for kind in plan.kinds if kind == "paced"]),
        ]
        for pause_us, kinds in (pair for pair in sharing if pair[1]):
            upstream, port = self.upstream(pause_us)
            try:
                for turn in range(plan.rounds):
                    for name, maker in makers if turn % 2 == 0 else reversed(makers):
                        for kind, result in self.measure(maker, port, kinds, name).items():
                            results.setdefault(kind, {}).setdefault(name, []).append(result)
            finally:
                upstream.stop()
        return results


def build(folder: Path) -> Path:
    """Compile llmbench into `folder`."""
    if not shutil.which("cc"):
        raise SystemExit("the bench needs a C compiler named cc (Debian: apt install gcc libc6-dev)")
    binary = folder / "llmbench"
    sources = [str(HERE / name) for name in SOURCES]
    subprocess.run(["cc", "-O2", "-o", str(binary), *sources], check=True)
    return binary


def started(command: str) -> systems.Maker:
    """The gateway by that command."""
    return lambda setting: systems.gateway(setting, command)


def chosen(
    command: str,
    quick: bool,
    only: frozenset[str],
    variants: bool = False,
    also: Mapping[str, str] | None = None,
) -> list[tuple[str, systems.Maker]]:
    """The makers of a run, the gateway first where it has a command; `only` keeps those it names, if any.

    The gateway without counting is there where `variants` are asked for, or `only` names it; started by each of the
    commands `also`, it is there as `gateway-` and that name.
    """
    makers = QUICK_PEERS if quick else PEERS
    if command:
        ours: tuple[tuple[str, systems.Maker], ...] = (
            (OURS, started(command)),
            (BARE, lambda setting: systems.bare(setting, command)),
        )
        others = tuple((f"{OURS}-{name}", started(other)) for name, other in (also or {}).items())
        makers = (*ours[: 2 if variants or BARE in only else 1], *others, *makers)
    return [(name, maker) for name, maker in makers if not only or name in only]


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.compare", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument(
        "--gateway", default=systems.GATEWAY, metavar="COMMAND", help="'' leaves it out; default: %(default)s"
    )
    parser.add_argument("--against", metavar="REV", help="this tree beside that revision, and nothing else; 1 if worse")
    parser.add_argument("--quick", action="store_true", help="the gateway and the plain relay only, in short rounds")
    parser.add_argument("--seconds", type=float, help="of unary and of burst")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--connections", type=int)
    parser.add_argument("--streams", type=int)
    parser.add_argument("--kinds", help="of unary,burst,paced")
    parser.add_argument("--only", default="", metavar="NAME,...")
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="the gateway started otherwise, too, by another Python say; in the report it is gateway-NAME",
    )
    parser.add_argument("--variants", action="store_true", help="the gateway without limits and quota, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a record of the run there too")
    return parser.parse_args(argv)


def named(commands: Sequence[str]) -> dict[str, str]:
    """The commands of `--also`, by name; SystemExit for one that has no name, or none of its own."""
    found: dict[str, str] = {}
    for each in commands:
        name, _, command = each.partition("=")
        if not name or not command or name in found or f"{OURS}-{name}" == BARE:
            raise SystemExit(f"--also {each}: it takes NAME=COMMAND, each name once, and bare is the gateway's own")
        found[name] = command
    return found


def planned(args: argparse.Namespace) -> Plan:
    """The plan that the command line asks for."""
    plan = QUICK if args.quick else Plan()
    kinds = tuple(args.kinds.split(",")) if args.kinds else plan.kinds
    if unknown := [kind for kind in kinds if kind not in UNITS]:
        raise SystemExit(f"no such kind: {', '.join(unknown)}; there are {', '.join(UNITS)}")
    return Plan(
        seconds=args.seconds or plan.seconds,
        paced_seconds=max(2.5, args.seconds + 2) if args.seconds else plan.paced_seconds,
        warm_seconds=plan.warm_seconds,
        rounds=args.rounds or plan.rounds,
        connections=args.connections or plan.connections,
        streams=args.streams or plan.streams,
        kinds=kinds,
    )


def written(plan: Plan, results: Results) -> record.Record:
    """The record of a run: the plan, every round, what was made of them, and the versions of the others."""
    names = {name: None for by_name in results.values() for name in by_name}
    figures = {"plan": asdict(plan), "versions": record.versions(names), "rounds": results, "medians": summary(results)}
    return record.record("compare", figures)


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, and answer 1 where answers were bad or missing, or this tree is worse than the one beside it."""
    args = arguments(argv)
    plan = planned(args)
    only = frozenset(name for name in args.only.split(",") if name)
    server, loader = machine.processors()
    if server == loader:
        print("one processor only: load and server share it, and the figures say less", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="targon-gw-bench-") as name:
        folder, revision = Path(name), ""
        if args.against:
            tree, revision = against.unpacked(args.against, folder)
            makers = against.before_and_after(tree)
        else:
            makers = chosen(args.gateway, args.quick, only, args.variants, named(args.also))
        results = Bench(plan, folder, build(folder), server, loader).run(makers)
    report = summary(results)
    print(table(report, plan.rounds))
    worse = False
    if revision:
        told, worse = verdict(report, revision)
        print(told)
    if args.json:
        record.save(args.json, written(plan, results))
    return int(worse or any(row["bad"] or not row["figure"] for by_name in report.values() for row in by_name.values()))


if __name__ == "__main__":
    sys.exit(main())
