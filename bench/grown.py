"""Gateways that have grown: settings with many keys, clients and models, and the state folder of one that ran for long.

The state and the ledger are made by the gateway's own code, out of calls that never were, so that they are what it
would have written itself. Nothing of it is random: two runs measure the same.
"""

import gzip
import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from attrs import frozen

from bench import systems
from targon_gw.core.config import Config, Secret
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ending, Entry, Kind, figures_of, line_of
from targon_gw.core.meter import Source, Usage
from targon_gw.settings.loading import load
from targon_gw.store.archive import PLAIN_DAYS
from targon_gw.store.snapshot import encoded

CLIENT_KEY = "sk-bench-"
"""What a client's key begins with; its number follows in six digits (llmbench's -K)."""
A_FILE = 10_000
"""Clients in a file."""
PLAIN = 0o600
DAY = 86_400.0


@frozen
class Size:
    """How large. `days` of `calls_a_day` lie in the ledger, as files that are packed after a month.

    They are in the state unless it is `lost`: then all are to be folded in at the start, and none is packed.
    """

    keys: int = 10
    clients: int = 1000
    models: int = 1
    days: int = 0
    calls_a_day: int = 0
    lost: bool = False


def vendor_key(number: int) -> str:
    """The secret of that number."""
    return f"sk-upstream-{number:024d}"


def client_name(number: int) -> str:
    """The name of that client."""
    return f"client-{number:06d}"


def model_name(number: int) -> str:
    """The model of that number; the first is the one that the load asks for."""
    return systems.MODEL if not number else f"bench/model-{number:04d}"


def write(setting: systems.Setting, size: Size, flush: str = "5s") -> Path:
    """The settings of a gateway of that size, and its state folder; the path of gateway.yaml."""
    path = systems.write_settings(setting)
    write_gateway(setting, flush)
    write_keys(setting, size.keys)
    price = "    price: {prompt: 0.45, completion: 2.15}\n"
    models = "".join(f"  - id: {model_name(at)}\n    kind: chat\n{price}" for at in range(size.models))
    (setting.folder / "models.yaml").write_text(f"models:\n{models}")
    write_clients(setting, size.clients)
    write_state(setting, size, load(str(path)).config)
    return path


def write_gateway(setting: systems.Setting, flush: str) -> None:
    """Have gateway.yaml, as `systems.write_settings` leaves it, say how often the state is written."""
    path = setting.folder / "gateway.yaml"
    lines = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith("flush:")]
    path.write_text(f"flush: {flush}\n{''.join(lines)}")


def write_keys(setting: systems.Setting, count: int) -> None:
    """That many keys of the vendor."""
    keys = "".join(f"  - {vendor_key(at)}\n" for at in range(count))
    (setting.folder / "keys.yaml").write_text(f"bench:\n{keys}")


def write_clients(setting: systems.Setting, count: int) -> None:
    """That many clients, in as many files as it takes: one may have 4 MiB."""
    more = setting.folder / "clients.d"
    more.mkdir(exist_ok=True)
    for begin in range(0, count, A_FILE):
        clients = "".join(
            f"  - name: {client_name(at)}\n    key: {CLIENT_KEY}{at:06d}\n{systems.COUNTED}"
            for at in range(begin, min(begin + A_FILE, count))
        )
        path = more / f"{begin:06d}.yaml" if begin else setting.folder / "clients.yaml"
        path.touch(mode=PLAIN)
        path.write_text(f"clients:\n{clients}")


def write_state(setting: systems.Setting, size: Size, config: Config) -> None:
    """What a gateway has written that has served each of its clients, with each of its keys, and for so many days."""
    folder = setting.folder / "state"
    ledger = folder / "ledger"
    ledger.mkdir(mode=0o700, exist_ok=True)
    unix, now = time.time(), time.monotonic()
    number = write_ledger(ledger, size, datetime.fromtimestamp(unix, UTC).date())
    if size.lost:
        return
    gateway = Gateway.of(config, unix - now, lambda: 0.5)
    for at in range(max(size.clients, size.keys)):
        gateway.replay(at + 1, entry_of(size, at, unix - 60.0))
    for at in range(size.days):
        gateway.replay(gateway.ledger.n + 1, entry_of(size, at, unix - at * DAY))
    for pool in gateway.pools.values():
        for key in pool.keys.values():
            key.served, key.served_at = 1, now - 60.0
    number = max(number, gateway.ledger.n if not size.days else 0)
    gateway.ledger.n = number
    with open(os.open(folder / "state.yaml", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PLAIN), "wb") as file:
        for piece in encoded(gateway.to_state(now), number):
            file.write(piece)


def write_ledger(folder: Path, size: Size, today: date) -> int:
    """A file for each of the days before `today`, whose lines are numbered from 1; the last line's number."""
    number = 0
    for back in range(size.days, 0, -1):
        day = today - timedelta(days=back)
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
        content = b"".join(lines(size, number, midnight))
        number += size.calls_a_day
        packed = back > PLAIN_DAYS and not size.lost
        path = folder / f"{day.isoformat()}.yaml{'.gz' if packed else ''}"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PLAIN), "wb") as file:
            file.write(gzip.compress(content, 1) if packed else content)
    return number


def lines(size: Size, behind: int, midnight: float) -> Iterator[bytes]:
    """A day's lines, numbered from `behind` + 1."""
    for at in range(size.calls_a_day):
        yield line_of(entry_of(size, behind + at, midnight + at * DAY / size.calls_a_day), behind + at + 1)


def entry_of(size: Size, number: int, at: float) -> Entry:
    """A call that might have been: each client, key and model in turn."""
    key = Secret(vendor_key(number % size.keys)).fingerprint
    model = model_name(number % size.models)
    usage = Usage(20 + number % 1000, 8 + number % 500, source=Source.UPSTREAM)
    return Entry(
        at,
        f"req-{number:024d}",
        Kind.CALL,
        client_name(number % size.clients),
        model,
        model,
        "bench",
        key,
        key,
        stream=True,
        status=200,
        ending=Ending.SERVED,
        **figures_of(usage),
        cost=usage.prompt + 2 * usage.completion,
        attempts=1,
        first=0.41,
        took=7.25,
    )
