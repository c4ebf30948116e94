"""The modules that all pages share, run by Node."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .node import Modules

ORIGIN = "http://gw"


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    """Our modules."""
    return Modules.at(tmp_path_factory.mktemp("modules"))


class OnwardTests:
    """`onward.js`: where one goes after signing in (F-13)."""

    ELSEWHERE = [
        "//evil.example", "\\\\evil.example", "/\\evil.example", "/\\/evil.example", "https://evil.example",
        "javascript:alert(1)", "data:text/html,x", "", " /chat", "/\t/evil.example", "/\n//evil.example",
        "\t//evil.example", "///evil.example", "/a\\..\\b", "@evil.example", "?next=/", "#x", "/login", "/register",
        "/login?next=/chat", "/api/logout", "/v1/models", "/static/x/js/a.js", "/\x7f/evil.example",
    ]  # fmt: skip

    def test_elsewhere(self, modules: Modules) -> None:
        """What is no local path, or makes no sense, leads to the chat."""
        found = modules.run(
            f"import {{ onward }} from './js/onward.js';\n"
            f"for (const one of {json.dumps(self.ELSEWHERE)}) told.push(onward(one, '{ORIGIN}'));\n"
            f"told.push(onward(null, '{ORIGIN}'), onward(undefined, '{ORIGIN}', '/guide'));"
        )
        assert found == [f"{ORIGIN}/chat"] * (len(self.ELSEWHERE) + 1) + [f"{ORIGIN}/guide"]

    @pytest.mark.parametrize(
        "path", ["/", "/guide", "/guide#errors", "/monitor?span=1h", "/chat?q=a%2F%2Fb", "/%2F%2Fx"]
    )
    def test_local(self, modules: Modules, path: str) -> None:
        """A local path is gone to, as it is."""
        assert modules.run(
            f"import {{ onward }} from './js/onward.js'; told.push(onward({json.dumps(path)}, '{ORIGIN}'));"
        ) == [ORIGIN + path]

    @pytest.mark.parametrize("path", ["/.//evil.example", "/..//evil.example", "/./..//evil.example"])
    def test_stays_here(self, modules: Modules, path: str) -> None:
        """A path that would be a host, taken by itself, is told with this host."""
        (found,) = modules.run(
            f"import {{ onward }} from './js/onward.js'; told.push(onward({json.dumps(path)}, '{ORIGIN}'));"
        )
        assert found == f"{ORIGIN}//evil.example"


class FormatTests:
    """`format.js`."""

    def run(self, modules: Modules, lang: str, calls: list[str]) -> list[str]:
        """What each of these calls returns."""
        script = "const f = await import('./js/format.js');\n" + "".join(f"told.push(f.{call});\n" for call in calls)
        found: list[str] = modules.run(script, lang)
        return found

    def test_counts(self, modules: Modules) -> None:
        """In full up to four digits, then as each language counts; never more than it is."""
        calls = [f"count({n})" for n in (0, 9999, 10000, 412345, 999999, 99999999, 100000000, 1.9e12, -41234, "null")]
        assert self.run(modules, "zh", calls) == [
            "0", "9,999", "1万", "41.2万", "99.9万", "9999万", "1亿", "19000亿", "-4.12万", "—",
        ]  # fmt: skip
        assert self.run(modules, "en", calls) == [
            "0", "9,999", "10k", "412k", "999k", "99.9M", "100M", "1900B", "-41.2k", "—",
        ]  # fmt: skip

    def test_shares(self, modules: Modules) -> None:
        """What is not whole is never shown as if it were."""
        calls = ["percent(1)", "percent(0.999999)", "percent(0.9998)", "percent(0)", "percent(null)", "percent(0.5, 0)"]
        assert self.run(modules, "en", calls) == ["100%", "99.99%", "99.98%", "0%", "—", "50%"]

    def test_durations(self, modules: Modules) -> None:
        """Two units at most, three digits at most below a minute."""
        calls = [
            f"duration({n})" for n in (0, 0.0004, 0.0412, 0.38, 12.34, 59.99, 60, 125, 3600, 12000, 180000, "null")
        ]
        assert self.run(modules, "en", calls) == [
            "0 s", "1 ms", "41 ms", "0.38 s", "12.3 s", "59.9 s", "1 min", "2 min 5 s", "1 h", "3 h 20 min",
            "2 d 2 h", "—",
        ]  # fmt: skip
        assert self.run(modules, "zh", ["duration(125)"]) == ["2 分 5 秒"]

    def test_moments(self, modules: Modules) -> None:
        """How long ago, to the next lower unit."""
        calls = [f"ago({at}, 100000)" for at in (100000, 99998, 99880, 100030, 89000)]
        assert self.run(modules, "en", calls) == [
            "now",
            "2 seconds ago",
            "2 minutes ago",
            "in 30 seconds",
            "3 hours ago",
        ]
        assert self.run(modules, "zh", ["clock(null)", "ago(99880, 100000)"]) == ["—", "2分钟前"]

    def test_money(self, modules: Modules) -> None:
        """Micro-dollars: cents from a dollar on, two digits that count below."""
        calls = ["usd(0)", "usd(1234567)", "usd(37)", "usd(450000)", "usd(null)"]
        assert self.run(modules, "en", calls) == ["$0.00", "$1.23", "$0.000037", "$0.45", "—"]


class WordsTests:
    """`words.js`."""

    def test_words(self, modules: Modules) -> None:
        """Places are filled once, a key without words is shown as it is, one of a thing may be said otherwise."""
        found = modules.run(
            """words["n"] = "{n} calls by {who}"; words["n.one"] = "{n} call by {who}";
            const { t, lang } = await import("./js/words.js");
            told.push(lang, t("n", {n: 2, who: "{n}$&"}), t("n", {n: 1, who: "x"}), t("n"));
            told.push(t("nowhere"), t("toString"));"""
        )
        assert found == ["en", "2 calls by {n}$&", "1 call by x", "{n} calls by {who}", "nowhere", "toString"]

    def test_errors(self, modules: Modules) -> None:
        """By code; with the server's message where the code alone says too little; that message for others."""
        script = """const { say } = await import("./js/words.js");
            told.push(say("sign_in_failed", "x"), say("invalid_value", "a $& b"), say("odd", "Odd."), say("odd"));"""
        found = modules.run(script, "zh")
        assert found == ["用户名或密码不对。", "请求参数不符合要求：a $& b", "Odd.", "出错了，请稍后再试。"]


FETCH = """
const answers = %s;
globalThis.fetch = async (path, asked) => {
  told.push([asked.method, path, asked.headers["x-csrf-token"] ?? null, asked.body ?? null, asked.credentials]);
  const one = answers.shift();
  if (one === undefined) throw new TypeError("down");
  const [status, body, headers = {}] = one;
  const lines = new Headers(headers);
  return { status, ok: status < 400, headers: lines, json: async () => JSON.parse(JSON.stringify(body)) };
};
const api = await import("./js/api.js");
"""
ME: dict[str, Any] = {"signed_in": False, "csrf": "t1"}


def refused(status: int, code: str, **headers: str) -> list[Any]:
    """An answer with the envelope."""
    return [status, {"error": {"code": code, "message": f"{code}!", "param": "name"}}, headers]


class ApiTests:
    """`api.js`."""

    def run(self, modules: Modules, answers: list[Any], script: str) -> Any:
        """What was asked, and what `script` tells beside."""
        return modules.run(FETCH % json.dumps(answers) + script)

    def test_change(self, modules: Modules) -> None:
        """A change bears the token, which is asked for once; what has no body is null."""
        found = self.run(
            modules,
            [[200, ME], [201, {"ok": 1}], [204, None]],
            "told.push(await api.post('/api/a', {x: 1}), await api.del('/api/b'));",
        )
        assert found == [
            ["GET", "/api/me", None, None, "same-origin"],
            ["POST", "/api/a", "t1", '{"x":1}', "same-origin"],
            ["DELETE", "/api/b", "t1", "{}", "same-origin"],
            {"ok": 1},
            None,
        ]

    def test_token_of_another_tab(self, modules: Modules) -> None:
        """A token that is out of date is asked for again, and the change tried once more; only once."""
        stale = refused(403, "csrf_failed")
        found = self.run(
            modules,
            [[200, ME], stale, [200, {**ME, "csrf": "t2"}], stale],
            "try { await api.post('/api/a') } catch (error) { told.push(error.code) }",
        )
        assert [one[2] for one in found[:-1]] == [None, "t1", None, "t2"] and found[-1] == "csrf_failed"

    def test_refused(self, modules: Modules) -> None:
        """An envelope becomes an ApiError, with how long to wait; reading is never tried again by itself."""
        found = self.run(
            modules,
            [refused(429, "too_many_sign_ins", **{"retry-after": "23"})],
            "try { await api.get('/api/a') } catch (e) { told.push([e.status, e.code, e.wait, e.param, e.words]) }",
        )
        words = "Too many attempts. Wait a while, then try again."
        assert found[1:] == [[429, "too_many_sign_ins", 23, "name", words]]

    def test_unreachable(self, modules: Modules) -> None:
        """No answer is told as that; who is signed in is asked again, later."""
        found = self.run(
            modules,
            [],
            """for (const one of [1, 2]) try { await api.me() } catch (e) { told.push([e.status, e.code, e.words]) }""",
        )
        assert found[1] == [0, "network", "The server could not be reached. Check the connection, then try again."]
        assert [one[1] for one in (found[0], found[2])] == ["/api/me", "/api/me"]

    def test_who(self, modules: Modules) -> None:
        """Whoever asks who is signed in shares one question, until something has changed."""
        found = self.run(
            modules,
            [[200, ME], [200, {**ME, "signed_in": True}]],
            """await Promise.all([api.me(), api.me()]); await api.me();
            told.push((await api.me({fresh: true})).signed_in); api.meet({signed_in: 7});
            told.push((await api.me()).signed_in);""",
        )
        assert [one[1] for one in found[:2]] == ["/api/me"] * 2 and found[2:] == [True, 7]


LIVE = """
const opened = [], timers = [];
globalThis.EventSource = class {
  constructor(url) { this.url = url; this.on = {}; opened.push(this); }
  addEventListener(name, told) { this.on[name] = told; }
  close() { this.closed = true; }
};
globalThis.setTimeout = (call, ms) => timers.push([call, ms]);
globalThis.clearTimeout = () => {};
Math.random = () => 0.5;
const { live } = await import("./js/live.js");
const states = [];
const end = live("overview", { overview: (one) => told.push(one) }, { onState: (state) => states.push(state) });
"""


class LiveTests:
    """`live.js`."""

    def test_events(self, modules: Modules) -> None:
        """What comes is parsed and told; the end closes it."""
        script = """opened[0].onopen(); opened[0].on.overview({ data: '{"a":1}' }); end();
            told.push(opened[0].url, opened[0].closed, states, Object.keys(listeners).length);"""
        assert modules.run(LIVE + script) == [
            {"a": 1}, "/api/live?view=overview", True, ["connecting", "open", "closed"], 0,
        ]  # fmt: skip

    def test_patience(self, modules: Modules) -> None:
        """Each failure doubles the wait, up to half a minute; an event, not a mere opening, ends that."""
        script = """for (let i = 0; i < 7; i++) { opened.at(-1).onopen(); opened.at(-1).onerror(); timers.at(-1)[0](); }
            told.push(timers.map(([, ms]) => ms)); opened.at(-1).on.overview({ data: "2" }); opened.at(-1).onerror();
            told.push(timers.at(-1)[1], opened.filter((one) => !one.closed).length);"""
        assert modules.run(LIVE + script) == [[1000, 2000, 4000, 8000, 16000, 30000, 30000], 2, 1000, 0]

    def test_hidden(self, modules: Modules) -> None:
        """A tab in the background has none; it is opened once the tab is looked at, and not twice."""
        script = """document.visibilityState = "hidden"; listeners.visibilitychange(); told.push(opened[0].closed);
            document.visibilityState = "visible"; listeners.visibilitychange(); listeners.pageshow();
            told.push(opened.length, [...states]); end(); listeners.visibilitychange?.(); told.push(opened.length);"""
        assert modules.run(LIVE + script) == [True, 2, ["connecting", "hidden", "connecting"], 2]
