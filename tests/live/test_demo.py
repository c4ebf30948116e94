"""`targon-gw demo`, which is what `make run` runs: it prints a line that works when pasted."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

from tests.live.rig import CLI, ROOT, free_port, wait_until
from tests.needs import need


def test_the_printed_line_works_when_pasted(tmp_path: Path) -> None:
    """With the shipped conf/ and no key configured, the curl line of the greeting streams an answer to its [DONE]."""
    need("curl")
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    settings, port = tmp_path / "conf" / "gateway.yaml", free_port()
    settings.write_text(settings.read_text().replace("tcp:3811:", f"tcp:{port}:"))
    command = [*CLI, "demo", "-c", str(settings)]
    printed = tmp_path / "printed"
    with printed.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as demo:
        try:
            wait_until(lambda: "Make it fail" in printed.read_text(), 20, printed.read_text)
            greeting = printed.read_text()
            line = next(line for line in greeting.splitlines() if line.startswith("curl "))
            answer = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=True).stdout
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(10)

    assert f"listens on http://127.0.0.1:{port}/v1" in greeting
    assert answer.endswith("data: [DONE]\n\n")
    assert answer.count("data: ") > 5
