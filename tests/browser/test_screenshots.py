"""Pictures of every page, as the READMEs and docs/pages.rst show them.

`make screenshots` keeps them in docs/screenshots, where these documents have them from. Any other run makes one of each
page, to see that they can be made: that nothing stands against a page in any look is seen in test_pages.
"""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.rig import ROOT, Rig, Wishes, started

from .browser import Browse, Visit
from .chatting import ask, ready
from .conftest import OPEN
from .test_monitor_admin import PASSWORD, SIGN_IN

KEPT = ROOT / "docs" / "screenshots"
LOOKS = [
    ("light", "en", "light", 1280),
    ("dark", "en", "dark", 1280),
    ("zh", "zh", "light", 1280),
    ("narrow", "zh", "dark", 360),
]
PAGES = ["landing", "guide", "monitor", "chat", "login", "register", "admin"]
MODELS = [
    {"id": "deepseek-ai/DeepSeek-R1", "kind": "reasoning", "features": ["reasoning", "tools"], "context": 163840},
    {"id": "zai-org/GLM-4.5", "kind": "reasoning", "features": ["reasoning", "tools"], "context": 131072},
    {"id": "deepseek-ai/DeepSeek-V3", "kind": "chat", "features": ["tools", "structured"], "context": 163840},
    {"id": "moonshotai/Kimi-K2-Instruct", "kind": "chat", "features": ["tools", "structured"], "context": 63000},
    {"id": "Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8", "kind": "coding", "features": ["tools"], "context": 262144},
]
KEEP = bool(os.environ.get("SCREENSHOTS"))
PICTURES = [
    pytest.param(name, *look, id=f"{name}-{look[0]}")
    for number, name in enumerate(PAGES)
    for look in (LOOKS if KEEP else [LOOKS[number % len(LOOKS)]])
]
LEAST = 8_000
"""Bytes of a picture that shows something."""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway with some traffic behind it: calls that are served, some on a second try, a key that rests."""
    wishes = Wishes(
        accounts={
            name: [f"sn4_picture_key_of_{name}_{at:012}" for at in range(3)] for name in ("alice", "bob", "carol")
        },
        events_per_second=400.0,
        first_token=0.05,
        models=MODELS,
        gateway={**OPEN, "admin": {"socket": "admin.sock"}},
    )
    with started(tmp_path_factory.mktemp("gallery"), wishes) as rig:
        for number in range(40):
            if number == 20:
                rig.misbehave("throttled", times=1)
            model = MODELS[number % len(MODELS)]["id"]
            question = {"role": "user", "content": f"Call {number}"}
            streamed(rig, {"model": model, "messages": [question], "stream": True, "max_tokens": 40})
        yield rig


def streamed(rig: Rig, body: dict[str, Any]) -> None:
    """A call, read to its end."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{rig.base_url}/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert b"data: [DONE]" in answer.read()


def signed_in(visit: Visit, rig: Rig) -> None:
    """As an administrator of the gallery's."""
    page, name = visit.page, "ann"
    visit.expects("401")
    if page.evaluate(SIGN_IN, ["/api/login", name, PASSWORD]) != 200:
        assert page.evaluate(SIGN_IN, ["/api/register", name, PASSWORD]) == 201
        assert rig.verb("clients", "admin", name).returncode == 0
        assert page.evaluate(SIGN_IN, ["/api/login", name, PASSWORD]) == 200


def shown(visit: Visit, rig: Rig, name: str, lang: str) -> None:
    """Have the page show what it is there for."""
    page = visit.page
    if name in ("login", "register"):
        return
    if name != "landing":
        signed_in(visit, rig)
    visit.go({"landing": "/", "monitor": "/monitor?span=15m"}.get(name, f"/{name}"))
    if name == "chat":
        ready(page)
        ask(page, "Show me: markdown")


@pytest.mark.parametrize(("name", "look", "lang", "theme", "width"), PICTURES)
def test_picture(
    browse: Browse, gallery: Rig, tmp_path: Path, name: str, look: str, lang: str, theme: str, width: int
) -> None:
    """The page as a reader sees it, and nothing against it."""
    start = f"/{name}" if name in ("login", "register") else "/login"
    visit = browse(start, lang, theme, width, url=gallery.url)
    shown(visit, gallery, name, lang)
    visit.settled()
    folder = KEPT if KEEP else tmp_path
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{look}.png"
    visit.page.screenshot(path=path, animations="disabled")
    assert path.stat().st_size > LEAST


def test_documents_have_them() -> None:
    """Every picture that a document shows is there, and every one that is there is shown."""
    told = "".join((ROOT / name).read_text("utf-8") for name in ("README.rst", "README.zh.rst", "docs/pages.rst"))
    named = set(re.findall(r"screenshots/([a-z-]+\.png)", told))
    assert (
        named
        == {path.name for path in KEPT.glob("*.png")}
        == {f"{name}-{look[0]}.png" for name in PAGES for look in LOOKS}
    )
