"""The others: how each is found, configured and started before the fake upstream, and which version it is.

`make bench-peers` installs those of PyPI and npm into a place of their own; nginx and HAProxy are the
machine's. What is not here is left out of a run.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path

from bench.machine import free_port
from bench.systems import MODEL, ROOT, Setting, System

INSTALLED = ROOT / ".peers"
ELSEWHERE = ("/usr/sbin",)
"""Where Debian keeps nginx and HAProxy, out of the path of those who are not root."""
PORTKEY = INSTALLED / "node_modules" / "@portkey-ai" / "gateway"


def found(name: str) -> str | None:
    """The path of a program: the one installed for the bench, or else the machine's."""
    folders = (str(INSTALLED / "bin"), os.environ.get("PATH", os.defpath), *ELSEWHERE)
    return shutil.which(name, path=os.pathsep.join(folders))


def nginx(setting: Setting) -> System | None:
    """A bare proxy in C: the limit."""
    binary = found("nginx")
    if not binary:
        return None
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
    return System("nginx", (binary, "-c", str(conf)))


def haproxy(setting: Setting) -> System | None:
    """Another bare proxy in C."""
    binary = found("haproxy")
    if not binary:
        return None
    conf = setting.folder / "haproxy.cfg"
    conf.write_text(
        "global\n  nbthread 1\n  maxconn 4000\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  http-reuse always\n"
        f"frontend f\n  bind 127.0.0.1:{setting.port}\n  default_backend b\n"
        f"backend b\n  server s 127.0.0.1:{setting.upstream}\n"
    )
    return System("haproxy", (binary, "-db", "-f", str(conf)))


def vllm_router(setting: Setting) -> System | None:
    """A gateway in Rust."""
    return rust_router("vllm-router", (), setting)


def sglang_router(setting: Setting) -> System | None:
    """A gateway in Rust, the one that the other grew from."""
    return rust_router("sglang-router", ("launch", "--disable-health-check"), setting)


def rust_router(name: str, verb: tuple[str, ...], setting: Setting) -> System | None:
    """Both routers take the same options."""
    binary = found(name)
    if not binary:
        return None
    ports = ("--host", "127.0.0.1", "--port", str(setting.port))
    metrics = ("--prometheus-host", "127.0.0.1", "--prometheus-port", str(free_port()))
    worker = ("--worker-urls", f"http://127.0.0.1:{setting.upstream}", "--policy", "round_robin")
    return System(name, (binary, *verb, *ports, *metrics, *worker, "--log-level", "error"), start_seconds=40)


def litellm(setting: Setting) -> System | None:
    """A gateway in Python."""
    binary = found("litellm")
    if not binary:
        return None
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
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # else each start waits for a list of prices from the network
    return System("litellm", (binary, *options), start_seconds=90, surroundings=offline)


def portkey(setting: Setting) -> System | None:
    """A gateway for Node. It can be told a port, not an address: while it is measured it listens on every one."""
    script, node = PORTKEY / "build" / "start-server.js", found("node")
    if not script.exists() or not node:
        return None
    headers = ("x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{setting.upstream}/v1")
    return System("portkey", (node, str(script), f"--port={setting.port}", "--headless"), headers, start_seconds=40)


def said(*command: str) -> str | None:
    """The version in what a program says of itself, on whichever stream."""
    binary = found(command[0])
    if not binary:
        return None
    done = subprocess.run([binary, *command[1:]], capture_output=True, text=True, check=False)
    match = re.search(r"\d+\.\d+[\w.]*", done.stdout + done.stderr)
    return match.group() if match else None


def of_pypi(name: str) -> str | None:
    """The version of a package installed for the bench."""
    folders = [str(folder) for folder in INSTALLED.glob("lib/python3*/site-packages")]
    return next((one.version for one in distributions(name=name, path=folders)), None) if folders else None


def of_npm(package: Path) -> str | None:
    """The version of an npm package that lies in a folder."""
    path = package / "package.json"
    return str(json.loads(path.read_text("utf-8"))["version"]) if path.exists() else None


VERSIONS: dict[str, Callable[[], str | None]] = {
    "nginx": lambda: said("nginx", "-v"),
    "haproxy": lambda: said("haproxy", "-v"),
    "vllm-router": lambda: of_pypi("vllm-router"),
    "sglang-router": lambda: of_pypi("sglang-router"),
    "litellm": lambda: of_pypi("litellm"),
    "portkey": lambda: of_npm(PORTKEY),
}
"""How the version of each is learnt; None where it cannot be."""
