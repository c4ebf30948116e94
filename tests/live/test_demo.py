"""`targon-gw demo`, which is what `make run` runs: it prints a line that works when pasted."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from email import message_from_string
from email.utils import parsedate_to_datetime
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
            asked = line.replace("curl ", "curl -D headers ")
            answer = subprocess.run(
                ["sh", "-c", asked], capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path
            ).stdout
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(10)

    assert f"listens on http://127.0.0.1:{port}/v1" in greeting
    assert answer.endswith("data: [DONE]\n\n")
    assert answer.count("data: ") > 5
    # The daemon's clock is one that nobody sets, and no time of day.
    headers = message_from_string((tmp_path / "headers").read_text().partition("\n")[2])
    assert abs(parsedate_to_datetime(headers["date"]).timestamp() - time.time()) < 60
    assert abs(json.loads(answer.partition("data: ")[2].partition("\n")[0])["created"] - time.time()) < 60
