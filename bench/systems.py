"""The systems that are measured: how each is configured and started before a fake upstream.

Each is a function of the ports and a folder for its files, and answers None where the machine does not have it.
"""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import frozen

MODEL = "deepseek-ai/DeepSeek-R1"
GATEWAY = (
    f"{Path(sys.executable).parent}/twistd -n --pidfile= --logger=targon_gw.logs.observer targon-gw -c {{settings}}"
)
"""The gateway's own command; `{settings}`, `{port}` and `{upstream}` are filled in."""


@frozen
class Setting:
    """Where a system listens, whom it calls, where its files may lie and what clients say."""

    port: int
    upstream: int
    folder: Path
    key: str = "sk-bench"


@frozen
class System:
    """A command that listens on the setting's port, and what the load must say to it beside its key."""

    name: str
    command: tuple[str, ...]
    headers: tuple[str, ...] = ()
    start_seconds: float = 20.0


def write_settings(setting: Setting) -> Path:
    """The gateway's four files for a run; the path of gateway.yaml.

    Two keys without a limit in reach, one client, one model: nothing refuses, everything is done.
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
        "clients.yaml": f"clients:\n  - name: bench\n    key: {setting.key}\n",
        "models.yaml": f"models:\n  - id: {MODEL}\n    kind: reasoning\n",
    }
    setting.folder.mkdir(parents=True, exist_ok=True)
    (setting.folder / "state").mkdir(mode=0o700, exist_ok=True)
    for name, text in files.items():
        path = setting.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
    return setting.folder / "gateway.yaml"


def gateway(setting: Setting, command: str = GATEWAY) -> System:
    """This project's gateway, by `command`."""
    names = {
        "{settings}": str(write_settings(setting)),
        "{port}": str(setting.port),
        "{upstream}": str(setting.upstream),
    }
    parts = []
    for part in shlex.split(command):
        for name, value in names.items():
            part = part.replace(name, value)
        parts.append(part)
    return System("gateway", tuple(parts))


def plain(setting: Setting) -> System:
    """Klein and treq as documented."""
    return System("plain", (sys.executable, "-m", "bench.plain_relay", str(setting.port), str(setting.upstream)))


def nginx(setting: Setting) -> System | None:
    """A bare proxy in C: the limit."""
    if not shutil.which("nginx"):
        return None
    setting.folder.mkdir(parents=True, exist_ok=True)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temps = "".join(f"{kind}_temp_path {setting.folder}/{kind};" for kind in kinds)
    conf = setting.folder / "nginx.conf"
    conf.write_text(
        f"daemon off; worker_processes 1; pid {setting.folder}/nginx.pid; error_log {setting.folder}/nginx.err;"
        f"events {{ worker_connections 8000; }} http {{ access_log off; {temps}"
        f"upstream u {{ server 127.0.0.1:{setting.upstream}; keepalive 512; }}"
        f"server {{ listen 127.0.0.1:{setting.port} backlog=4096; keepalive_requests 100000000; location / {{"
        'proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }'
    )
    return System("nginx", ("nginx", "-c", str(conf)))


def haproxy(setting: Setting) -> System | None:
    """Another bare proxy in C."""
    if not shutil.which("haproxy"):
        return None
    setting.folder.mkdir(parents=True, exist_ok=True)
    conf = setting.folder / "haproxy.cfg"
    conf.write_text(
        "global\n  nbthread 1\n  maxconn 4000\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  http-reuse always\n"
        f"frontend f\n  bind 127.0.0.1:{setting.port}\n  default_backend b\n"
        f"backend b\n  server s 127.0.0.1:{setting.upstream}\n"
    )
    return System("haproxy", ("haproxy", "-db", "-f", str(conf)))


def vllm_router(setting: Setting) -> System | None:
    """A gateway in Rust."""
    return rust_router("vllm-router", (), setting)


def sglang_router(setting: Setting) -> System | None:
    """A gateway in Rust, the one that the other grew from."""
    return rust_router("sglang-router", ("launch", "--disable-health-check"), setting)


def rust_router(name: str, verb: tuple[str, ...], setting: Setting) -> System | None:
    """Both routers take the same options."""
    binary = shutil.which(name)
    if not binary:
        return None
    metrics = str(setting.port + 1)
    ports = ("--host", "127.0.0.1", "--port", str(setting.port), "--prometheus-port", metrics)
    worker = (
        "--worker-urls",
        f"http://127.0.0.1:{setting.upstream}",
        "--policy",
        "round_robin",
        "--log-level",
        "error",
    )
    return System(name, (binary, *verb, *ports, *worker), start_seconds=40)


def litellm(setting: Setting) -> System | None:
    """A gateway in Python."""
    binary = shutil.which("litellm")
    if not binary:
        return None
    setting.folder.mkdir(parents=True, exist_ok=True)
    conf = setting.folder / "litellm.yaml"
    entries = "".join(
        f"  - model_name: {MODEL}\n    litellm_params: {{model: openai/{MODEL}, "
        f'api_base: "http://127.0.0.1:{setting.upstream}/v1", api_key: sk-{letter}}}\n'
        for letter in "ab"
    )
    conf.write_text(
        f"model_list:\n{entries}general_settings: {{master_key: {setting.key}}}\n"
        "litellm_settings: {telemetry: false}\n"
    )
    options = ("--config", str(conf), "--port", str(setting.port), "--host", "127.0.0.1", "--num_workers", "1")
    return System("litellm", (binary, *options), start_seconds=90)


def portkey(setting: Setting) -> System | None:
    """A gateway for Node: the environment's PORTKEY is the path of its start-server.js."""
    script = os.environ.get("PORTKEY")
    if not script or not shutil.which("node"):
        return None
    headers = ("x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{setting.upstream}/v1")
    return System("portkey", ("node", script, f"--port={setting.port}"), headers, start_seconds=40)


Maker = Callable[[Setting], System | None]
QUICK: tuple[tuple[str, Maker], ...] = (("plain", plain),)
PEERS: tuple[tuple[str, Maker], ...] = (
    ("nginx", nginx),
    ("haproxy", haproxy),
    *QUICK,
    ("vllm-router", vllm_router),
    ("sglang-router", sglang_router),
    ("litellm", litellm),
    ("portkey", portkey),
)


def chosen(command: str | None, quick: bool, only: frozenset[str]) -> Iterator[tuple[str, Maker]]:
    """The makers of a run, the gateway first where it has a command; `only` keeps those it names, if any."""
    makers = QUICK if quick else PEERS
    if command:
        makers = (("gateway", lambda setting: gateway(setting, command)), *makers)
    return ((name, maker) for name, maker in makers if not only or name in only)
