"""The pages' modules without a browser: run by Node, with as much of a document as they need."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from shutil import copytree
from typing import Any

from attrs import frozen

from targon_gw.web.pages import words_of
from targon_gw.web.statics import own_statics
from tests.needs import need

from .markup import ROOT

STAGE = """
const words = %(words)s;
const listeners = {};
globalThis.document = {
  documentElement: { lang: "%(lang)s", dataset: {} },
  visibilityState: "visible",
  getElementById: (id) => (id === "words" ? { textContent: JSON.stringify(words) } : null),
  addEventListener: (name, told) => (listeners[name] = told),
  removeEventListener: (name) => delete listeners[name],
};
globalThis.window = globalThis;
globalThis.addEventListener = document.addEventListener;
globalThis.removeEventListener = document.removeEventListener;
globalThis.location = new URL("http://gw/login");
const told = [];
"""


@frozen
class Modules:
    """A folder with our modules, as Node takes them."""

    folder: Path

    @staticmethod
    def at(folder: Path) -> Modules:
        """A copy of them in `folder`."""
        copytree(ROOT / "js", folder / "js")
        (folder / "package.json").write_text('{"type": "module"}')
        return Modules(folder)

    def run(self, script: str, lang: str = "en", page: str = "login") -> Any:
        """What `script` put into `told`; it imports modules by `./js/NAME.js`."""
        words = json.dumps(words_of(own_statics(), page, lang), ensure_ascii=True)
        opening = STAGE % {"words": words, "lang": "zh-CN" if lang == "zh" else lang}
        path = self.folder / "play.js"
        path.write_text(f"{opening}\n{script}\nconsole.log(JSON.stringify(told));\n", "utf-8")
        ran = subprocess.run([need("node"), str(path)], capture_output=True, text=True, check=False, timeout=30)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout.splitlines()[-1])
