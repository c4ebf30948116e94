"""Tests of targon_gw/settings/problems.py, and of the words of all problems together."""

from __future__ import annotations

from pathlib import Path

from targon_gw.settings.problems import MOST_SHOWN, Place, Problem, SettingsError, Source, did_you_mean

from .folder import refused

BAD = {
    "gateway.yaml": """\
listen: tcp:3811
flsh: 5s
upstreams:
  targon:
    base_url: http://api.targon.com/v1
    draw: fastes
    timeouts:
      first_token: soon
    probe: {model: deepsek}
drain: 12:30
""",
    "keys.yaml": """\
targon:
  - Qx7pLm2vTz9wRk4bYc8nHd3s
  - account: alice
    keys:
    - {secret_fil: /run/k3, weight: 0}
    - Qx7pLm2vTz9wRk4bYc8nHd3s
tragon: [Qx7pLm2vTz9wRk4bYc8nHd3t]
""",
    "clients.yaml": """\
clients:
  - {name: no, key: Zz-very-secret-client-key-1}
  - {name: ann, key: Zz-very-secret-client-key-2, models: ~}
""",
    "models.yaml": """\
models:
  - id: deepseek
    routes: [targon, targn]
    fallback: deepseek
  - {id: chat, alias: deepsek, kind: chat}
""",
}
SAID = """\
gateway.yaml:2:1: unknown setting 'flsh'; did you mean 'flush'?
     2 | flsh: 5s
       | ^
gateway.yaml:5:15: http:// sends keys unencrypted: it needs 'allow_private: true' in this upstream
     5 |     base_url: http://api.targon.com/v1
       |               ^
gateway.yaml:6:11: expected one of round_robin, weighted, least_busy, fastest, got 'fastes'; did you mean 'fastest'?
     6 |     draw: fastes
       |           ^
gateway.yaml:8:20: expected a duration such as 30s or 5m, got 'soon'
     8 |       first_token: soon
       |                    ^
gateway.yaml:9:20: there is no model 'deepsek'; did you mean 'deepseek'?
     9 |     probe: {model: deepsek}
       |                    ^
gateway.yaml:10:8: expected a duration such as 30s or 5m, got '12:30'
    10 | drain: 12:30
       |        ^
keys.yaml:5:8: unknown setting 'secret_fil'; did you mean 'secret_file'?
     5 |     - {secret_fil: …………………, weight: 0}
       |        ^
keys.yaml:5:37: expected 1 or more, got 0
     5 |     - {secret_fil: …………………, weight: 0}
       |                                     ^
keys.yaml:7:1: gateway.yaml has no upstream 'tragon'; did you mean 'targon'?
     7 | tragon: [………………………………………………………………]
       | ^
clients.yaml:2:12: expected text, got 'no', which YAML reads as true or false: quote it
     2 |   - {name: no, key: ………………………………………………………………………}
       |            ^
clients.yaml:3:59: expected a list, got nothing: write [] for an empty one
     3 |   - {name: ann, key: ………………………………………………………………………, models: ~}
       |                                                           ^
models.yaml:3:22: gateway.yaml has no upstream 'targn'; did you mean 'targon'?
     3 |     routes: [targon, targn]
       |                      ^
models.yaml:4:15: this goes round in a circle: deepseek → deepseek
     4 |     fallback: deepseek
       |               ^
models.yaml:5:23: there is no model 'deepsek'; did you mean 'deepseek'?
     5 |   - {id: chat, alias: deepsek, kind: chat}
       |                       ^
models.yaml:5:32: 'kind' means nothing beside alias: it is the other model's
     5 |   - {id: chat, alias: deepsek, kind: chat}
       |                                ^"""


class SettingsErrorTests:
    """All mistakes of all files at once."""

    def test_told_as_a_compiler_tells_them(self, tmp_path: Path) -> None:
        """Each has its file, line, column, source line and caret, in the order of files and lines; and no secret."""
        said = refused(tmp_path, BAD)

        assert said == SAID

    def test_very_many(self) -> None:
        """A flood is cut, and says how much was left out."""
        problems = [Problem(0, "a.yaml", line, 1, "wrong", "x") for line in range(1, MOST_SHOWN + 6)]

        assert str(SettingsError(problems)).endswith("\nand 5 more")


class SourceTests:
    """One problem on paper."""

    def test_caret_below_wide_and_tabbed_text(self) -> None:
        """Characters that are two columns wide, and tabs, keep the caret under its place."""
        problem = Source("a.yaml", text="\tab: {中文: x}").problem(Place(0, 10), "wrong")

        assert str(problem).splitlines()[1:] == ["     1 | \tab: {中文: x}", "       | \t" + " " * 11 + "^"]

    def test_long_line(self) -> None:
        """Of a long line, the part around the caret is shown."""
        problem = Source("a.yaml", text="a" * 500 + "!" + "b" * 500).problem(Place(0, 500), "wrong")
        _, shown, caret = str(problem).splitlines()

        assert len(shown) < 140
        assert shown[caret.index("^")] == "!"

    def test_whole_file(self) -> None:
        """A problem of the file as a whole has no line to show."""
        assert str(Source("a.yaml").problem(None, "cannot be read")) == "a.yaml: cannot be read"

    def test_did_you_mean(self) -> None:
        """A close word is offered, a far one is not, and a megabyte is not compared."""
        assert did_you_mean("secret_fil", ["secret", "secret_file"]) == "; did you mean 'secret_file'?"
        assert did_you_mean("colour", ["secret"]) == ""
        assert did_you_mean("secret" * 200_000, ["secret"]) == ""
