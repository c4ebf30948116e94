"""What is measured of our own: the gateway as systemd starts it, the gateway without counting, the plain relay.

Each is a function of the ports and a folder for its files; how others are started is in peers.py.
"""

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import field, frozen

ROOT = Path(__file__).resolve().parent.parent
MODEL = "deepseek-ai/DeepSeek-R1"
GATEWAY = (
    f"{Path(sys.executable).parent}/twistd -n --pidfile= --logger=targon_gw.logs.observer targon-gw -c {{settings}}"
)
"""The gateway's own command; `{settings}`, `{port}` and `{upstream}` are filled in."""
COUNTED = (
    "    limits: {requests_per_minute: 1000000000, tokens_per_minute: 1000000000000, concurrent: 100000}\n"
    "    quota: {tokens: 1000000000000, per: month}\n"
)
"""Of the client: every limit that there is, out of the load's reach, so that each is counted and none refuses."""


@frozen
class Setting:
    """Where a system listens, whom it calls, where its files may lie and what clients say."""

    port: int
    upstream: int
    folder: Path
    key: str = "sk-bench"


@frozen
class System:
    """A command that listens on the setting's port, and what the load must say to it beside its key.

    It runs in `folder`, with `surroundings` added to the environment.
    """

    name: str
    command: tuple[str, ...]
    headers: tuple[str, ...] = ()
    start_seconds: float = 20.0
    folder: Path = ROOT
    surroundings: Mapping[str, str] = field(factory=dict)


Maker = Callable[[Setting], System | None]
"""Makes a system for a setting; None where the machine does not have it."""


def write_settings(setting: Setting, counted: bool = True) -> Path:
    """The gateway's four files for a run; the path of gateway.yaml.

    Two keys, one client, one model: nothing refuses, everything is done. A client that is `counted` has limits and a
    quota; its calls are priced and in the ledger's file either way, and metrics are kept.
    """
    files = {
        "gateway.yaml": (
            f"listen: tcp:{setting.port}:interface=127.0.0.1:backlog=4096\n"
            f"state: {setting.folder}/state\n"
            "keys: keys.yaml\nclients: clients.yaml\nmodels: models.yaml\nwatch: false\n"
            "limits: {connections_per_address: 8192}\n"
            f"admin: {{socket: {setting.folder}/admin.sock}}\n"
            "upstreams:\n  bench:\n"
            f"    base_url: http://127.0.0.1:{setting.upstream}/v1\n"
            "    dialect: openai\n    allow_private: true\n    per_key: {concurrent: 4096}\n"
        ),
        "keys.yaml": "bench:\n  - sk-upstream-aaaaaaaaaaaaaaaaaaaaaaaa\n  - sk-upstream-bbbbbbbbbbbbbbbbbbbbbbbb\n",
        "clients.yaml": f"clients:\n  - name: bench\n    key: {setting.key}\n{COUNTED if counted else ''}",
        "models.yaml": (
            f"models:\n  - id: {MODEL}\n    kind: reasoning\n    price: {{prompt: 0.45, completion: 2.15}}\n"
        ),
    }
    setting.folder.mkdir(parents=True, exist_ok=True)
    (setting.folder / "state").mkdir(mode=0o700, exist_ok=True)
    for name, text in files.items():
        path = setting.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
    return setting.folder / "gateway.yaml"


def filled(command: str, setting: Setting, settings: Path) -> tuple[str, ...]:
    """The words of `command` with the setting's ports and the path of its settings."""
    names = {"{settings}": str(settings), "{port}": str(setting.port), "{upstream}": str(setting.upstream)}
    parts = []
    for part in shlex.split(command):
        for name, value in names.items():
            part = part.replace(name, value)
        parts.append(part)
    return tuple(parts)


def gateway(setting: Setting, command: str = GATEWAY) -> System:
    """This project's gateway, by `command`, with everything on."""
    return System("gateway", filled(command, setting, write_settings(setting)))


def bare(setting: Setting, command: str = GATEWAY) -> System:
    """The gateway with a client that has neither limits nor a quota: what these cost is the difference."""
    return System("gateway-bare", filled(command, setting, write_settings(setting, counted=False)))


def gateway_of(tree: Path) -> Maker:
    """The gateway out of another tree of this project, whatever is installed, by the same Python and packages.

    PYTHONPATH stands before everything that site-packages adds, an editable install among it, and `twistd` finds its
    plugins along the same path.
    """

    def maker(setting: Setting) -> System:
        command = filled(GATEWAY, setting, write_settings(setting))
        return System(tree.name, command, folder=tree, surroundings={"PYTHONPATH": str(tree)})

    return maker


def plain(setting: Setting) -> System:
    """Klein and treq as documented."""
    return System("plain", (sys.executable, "-m", "bench.plain_relay", str(setting.port), str(setting.upstream)))
