"""The promises: what is promised, in which figure, by which script; nothing else knows them all.

`make promises` runs each script in its long form, docs/promises.rst shows what they came to, and pytest runs their
short forms, a few of which stand beside the code that they are about.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from attrs import frozen

HERE: Final = Path(__file__).parent


@frozen
class Promise:
    """One promise. `module` is its script, beside this file; `long` what that takes for its long form."""

    number: str
    about: str
    promised: str
    module: str
    long: tuple[str, ...] = ()
    short: str = ""
    """Where the short form is, for pytest; empty: in the script itself."""
    concludes: bool = True
    """It ends by `verdict.concluded`, and takes `--json`."""
    shows: tuple[str, ...] = ()
    """Of one that doesn't: the lines of its output that are the figures."""
    minutes: float = 10.0
    """It is ended after so long."""


PROMISES: Final[tuple[Promise, ...]] = (
    Promise("P1", "kill -9", "no call that a client saw whole lost, none counted twice", "kill_nine"),
    Promise("P1", "power loss", "1 s of records lost at most", "power_loss"),
    Promise(
        "P2",
        "any crash point",
        "0 that cannot be gone on from",
        "crash_points",
        short="tests/live/test_crash_points.py",
        minutes=60,
    ),
    Promise("P3", "start", "ready within 2 s: 5,000 clients, 64 MiB of ledger", "starting"),
    Promise("P4", "reload", "0 failed, 0 cut, in force within 1 s", "reload_storm"),
    Promise(
        "P5",
        "restart",
        "0 refused, 0 failed that are shorter than drain",
        "restart",
        ("--rounds", "20"),
        concludes=False,
        shows=("short calls served", "connections refused", "short calls failed"),
    ),
    Promise("P6", "overspend", "0 tokens beyond the quota, 0 admitted behind it", "overspend"),
    Promise(
        "P7",
        "settlement",
        "each hold settled once, whatever happens",
        "settlement",
        short="tests/core/test_bank_model.py",
    ),
    Promise("P8", "a cut is seen", "0 of 2,000 cut points and more taken for whole", "truncation"),
    Promise("P9", "client gone", "1 s at most until the vendor is, p99", "client_gone"),
    Promise("P10", "bounded waits", "over 1 s at most after the deadline", "deadlines"),
    Promise(
        "P12",
        "strict HTTP",
        "0 wrong of 200 raw requests and more",
        "strictness",
        short="tests/web/test_channel_corpus.py",
    ),
    Promise(
        "P13",
        "malformed requests",
        "0 answers of 5xx to 100,000",
        "malformed",
        concludes=False,
        shows=("answers of 5xx but 505", "calls that reached the vendor"),
    ),
    Promise(
        "P14",
        "retries",
        "3 tries a call at most, 1.1 of all calls in an outage",
        "amplification",
    ),
    Promise("P15", "memory", "64 KiB a stream, 2,000 in 200 MiB; 100 that never read: 64 MiB", "memory"),
    Promise("P16", "loop lag", "p99 20 ms, worst 100 ms", "lag"),
    Promise("P17", "overload", "90 % of the peak at three times the load, shed in 50 ms", "overload"),
    Promise("P18", "slow attackers", "p99 of the others at most doubled", "slow_attackers"),
    Promise("P19", "secrets", "0 hits of a canary", "canaries"),
    Promise("P20", "timing", "a wrong key tells nothing: p above 0.01, 20,000 each", "timing"),
    Promise("P21", "no clobber", "files as saved, valid edits in force within 1 s, others never", "clobber"),
    Promise(
        "P22",
        "full or failing disk",
        "refused within 1 s, well again within 5 s; ended by EIO",
        "disk_full",
        short="tests/live/test_disk.py",
    ),
    Promise("P23", "clock", "no wrong reset, no stuck timer by jumps of an hour and a day", "clock_jumps"),
    Promise(
        "P24",
        "soak",
        "5 files, 1 MiB an hour, nothing under way, no error unhandled",
        "soak",
        ("--minutes", "60"),
        minutes=75,
    ),
    Promise(
        "P25",
        "isolation",
        "0 foreign canaries in 100,000 requests",
        "isolation",
        concludes=False,
        minutes=30,
    ),
    Promise("P26", "sandbox", "1.5 of systemd-analyze at most", "sandboxed", short="tests/test_packaging.py"),
)
MODULES: Final = frozenset(f"{promise.module}.py" for promise in PROMISES)


def promise(module: str) -> Promise:
    """The promise of a script."""
    return next(one for one in PROMISES if one.module == module)
