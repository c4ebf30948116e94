"""The guide's code, as its readers will run it: every snippet in every language, and what the page itself asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.live.rig import CLIENT_KEY, R1, ROOT, V3, Rig, Wishes, started, wait_until
from tests.live.test_clients import NODE
from tests.needs import lacking, need

SNIPPETS = ROOT / "targon_gw" / "web" / "static" / "js" / "guide" / "snippets.js"
WORDS = ROOT / "targon_gw" / "web" / "static" / "words" / "guide.json"
IDS = ["chat", "stream", "models", "completion", "retry", "own"]
LANGUAGES = ["httpx", "openai", "node", "curl"]
WRITE = """
const [file, base, key, model, words] = process.argv.slice(1);
const { SNIPPETS, ENGLISH } = await import(file);
const said = words ? JSON.parse(words) : ENGLISH;
const written = {};
for (const [language, some] of Object.entries(SNIPPETS)) {
  written[language] = Object.fromEntries(Object.entries(some).map(([id, one]) => [id, one(base, key, model, said)]));
}
console.log(JSON.stringify(written));
"""
PERFORM = """
const [file, base, key, model, id] = process.argv.slice(1);
const { perform } = await import(new URL("run.js", `file://${file}`));
const { ENGLISH } = await import(file);
const { sent, ...told } = await perform(id, { base, key, model, words: ENGLISH });
console.log(JSON.stringify(told));
"""


def chinese() -> dict[str, str]:
    """What the Chinese page says to the model."""
    words = json.loads(WORDS.read_text("utf-8"))
    return {key.removeprefix("said."): told["zh"] for key, told in words.items() if key.startswith("said.")}


def node(program: str, *arguments: str) -> Any:
    """What a module prints, which is JSON."""
    command = [need("node"), "--input-type=module", "-e", program, "--", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def written(rig: Rig) -> Any:
    """All snippets for this gateway: language, then name. English ones ask one model, Chinese ones the other."""
    arguments = [str(SNIPPETS), rig.base_url, CLIENT_KEY]
    return {
        "en": node(WRITE, *arguments, V3, ""),
        "zh": node(WRITE, *arguments, R1, json.dumps(chinese())),
    }


def run(language: str, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `code` as a reader would."""
    name, command = {
        "httpx": ("guide.py", [sys.executable]),
        "openai": ("guide.py", [sys.executable]),
        "node": ("guide.mjs", [need("node")] if language == "node" else []),
        "curl": ("guide.sh", [need("sh")]),
    }[language]
    if language == "node":
        if not (NODE / "node_modules" / "openai").exists():
            lacking("the Node SDK is not installed; `make test` does it")
        (folder / "node_modules").symlink_to(NODE / "node_modules")
    if language == "curl":
        need("curl")
        need("jq")
    program = folder / name
    program.write_text(code, encoding="utf-8")
    environ = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [*command, str(program)], capture_output=True, text=True, timeout=60, env=environ, check=False
    )


def said(language: str, id: str, out: str) -> str:
    """The text that a snippet printed: what curl shows is JSON or events, what the others show is text."""
    if language != "curl" or id in ("models", "own"):
        return out.strip()
    if id != "stream":
        choice = json.loads(out)["choices"][0]
        return str(choice.get("text") or choice["message"]["content"])
    assert out.endswith("data: [DONE]\n\n")
    events = [json.loads(line[6:]) for line in out.splitlines() if line.startswith("data: {")]
    return "".join(each["choices"][0]["delta"].get("content") or "" for each in events)


class SnippetTests:
    """Each piece of code on the page."""

    def test_all_are_here(self, written: Any) -> None:
        """What is run below is all that there is."""
        assert list(written["en"]) == LANGUAGES
        assert all(set(some) == set(IDS) for some in written["en"].values())

    @pytest.mark.parametrize(("lang", "id"), [*(("en", id) for id in IDS), ("zh", "chat"), ("zh", "stream")])
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_runs(self, written: Any, tmp_path: Path, language: str, id: str, lang: str) -> None:
        """It ends well, and prints what the page says that it prints."""
        done = run(language, written[lang][language][id], tmp_path)

        assert done.returncode == 0, done.stderr or done.stdout
        text = said(language, id, done.stdout)
        if id == "models":
            assert V3 in text and R1 in text
        elif id == "own":
            assert "tester" in text and "in_flight" in text
        else:
            assert len(text) > 20

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_what_a_wrong_key_looks_like(self, rig: Rig, tmp_path: Path, language: str) -> None:
        """A reader who has not put in a key is told so by the code."""
        code = node(WRITE, str(SNIPPETS), rig.base_url, "YOUR_API_KEY", V3, "")[language]["chat"]
        done = run(language, code, tmp_path)

        assert "Invalid API key" in done.stdout + done.stderr

    def test_retries(self, tmp_path: Path) -> None:
        """A gateway whose vendor fails for a moment is asked again, in each language, and answers."""
        (tmp_path / "gw").mkdir()
        with started(tmp_path / "gw", Wishes(gateway={"retries": {"attempts": 1}})) as rig:
            code = node(WRITE, str(SNIPPETS), rig.base_url, CLIENT_KEY, V3, "")
            for language in LANGUAGES:
                rig.misbehave("status:500", times=1)
                folder = tmp_path / language
                folder.mkdir()
                done = run(language, code[language]["retry"], folder)

                assert done.returncode == 0, done.stderr or done.stdout
                assert len(said(language, "retry", done.stdout)) > 20

            def statuses() -> list[int]:
                return [event["status"] for event in rig.events() if event.get("event") == "call"]

            wait_until(lambda: len(statuses()) >= 2 * len(LANGUAGES), 5)  # the log is written a moment later
            assert statuses() == [502, 200] * len(LANGUAGES)


class PerformTests:
    """What "Run" does, against a gateway."""

    @pytest.mark.parametrize("id", IDS)
    def test_run(self, rig: Rig, id: str) -> None:
        """The same request as the code's, whole, with its id, its time and what it used."""
        told = node(PERFORM, str(SNIPPETS), rig.base_url, CLIENT_KEY, R1, id)

        assert (told["ending"], told["status"], told["error"]) == ("served", 200, None)
        assert told["request"].startswith("req_") and told["took"] > 0 and len(told["text"]) > 20
        if id not in ("models", "own"):
            assert told["usage"]["total_tokens"] > 0
        if id == "stream":
            assert told["first"] <= told["took"] and told["thoughts"]

    def test_refused(self, rig: Rig) -> None:
        """A wrong key is told by its code."""
        told = node(PERFORM, str(SNIPPETS), rig.base_url, "sk-tg-nobody", R1, "chat")
        assert (told["ending"], told["status"], told["error"]["code"]) == ("refused", 401, "invalid_api_key")
