"""Pages: who gets which, what is in them, and that whatever is put in is escaped."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from targon_gw.core.config import Anonymous, Config, Kind, ModelSettings, Registration, Stat
from targon_gw.web.pages import LOST, MOST_KEPT, PAGES, PageRoom, Press, Reader, embedded, filled, laid_out, preferred
from targon_gw.web.rooms import room
from targon_gw.web.statics import Statics, own_statics, read_statics
from tests import fakes

from .conversation import Answer, ask
from .house import House

HTML = "Accept: text/html\r\n"
HOSTILE = """"><script>alert(1)</script><img src=x onerror='alert(1)'> {{title}} {{@head}} &amp; \u2028"""
FILES = {
    "pages/layout.html": "<html lang={{@lang}} class={{@theme}}><head>{{@head}}<title>{{title}}</title>"
    '<script type="application/json" id="words">{{@words}}</script></head>{{@body}}</html>',
    "pages/landing.html": '<p title="{{@contact}}">{{hello}} {{brand}} {{@base_url}} {{nowhere}}</p>',
    "pages/lost.html": "<p>lost</p>",
    "words/shell.json": json.dumps({"brand": {"zh": "牌", "en": "Brand"}, "title": {"zh": "壳", "en": "Shell"}}),
    "words/landing.json": json.dumps({"title": {"zh": "页", "en": "Page"}, "hello": {"zh": "你<好>", "en": "Hi & lo"}}),
    "js/shell.js": 'import { t } from "./words.js";\n',
    "js/words.js": "export const t = 1;",
    "js/landing.js": 'import { a } from "./deep/a.js";\nimport "./shell.js";\n',
    "js/deep/a.js": 'export { t } from "../words.js";\nimport {\n  b,\n} from "../../vendor/b.js";\n',
    "vendor/b.js": "export const b = 1;",
    "css/landing.css": "p{}",
    "css/shell.css": "p{}",
}


@pytest.fixture
def statics(tmp_path: Path) -> Statics:
    """A small set of files."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_statics(tmp_path)


def house(statics: Statics, **settings: Any) -> House:
    """One with pages of these files."""
    one = House(evolve(fakes.config(), **settings))
    page_room = PageRoom(Press(lambda: statics, lambda: one.gateway.config, "1.2.3"))
    root: Any = one.talk.site.resource
    root.tree.lost = page_room.lost
    app: Any = page_room.app
    one.rooms.append(room(app, *PAGES))
    return one


def text(answer: Answer) -> str:
    """A page's HTML."""
    assert answer.headers[b"content-type"] == b"text/html; charset=utf-8"
    return answer.body.decode()


class AddressTests:
    """Which page is where."""

    def test_page(self, statics: Statics) -> None:
        """It is put together of the frame, its own part and the words of one language, and is not kept unasked."""
        answer = house(statics).get("/", "")
        assert answer.status == 200 and answer.headers[b"cache-control"] == b"no-cache"
        assert text(answer).startswith("<html lang=zh-CN class=system>")
        assert "<title>页</title>" in text(answer) and "你&lt;好&gt; 牌 http://gw/v1 nowhere</p>" in text(answer)
        assert b"default-src 'none'" in answer.headers[b"content-security-policy"]
        assert b"strict-transport-security" not in answer.headers and b"set-cookie" not in answer.headers

    def test_head(self, statics: Statics) -> None:
        """HEAD has the head of GET."""
        answer = house(statics).get("/", "", "HEAD")
        assert (answer.status, answer.body) == (200, b"") and int(answer.headers[b"content-length"]) > 100

    def test_again(self, statics: Statics) -> None:
        """Who has it gets 304; who reads in another language has another."""
        one = house(statics)
        tag = one.get("/", "").headers[b"etag"].decode()
        assert one.get("/", f"If-None-Match: {tag}\r\n").status == 304
        assert one.get("/", f"If-None-Match: {tag}\r\nAccept-Language: en\r\n").status == 200

    def test_varies(self, statics: Statics) -> None:
        """Caches are told what a page is made for."""
        assert house(statics).get("/", "").headers[b"vary"] == b"accept-encoding, cookie, accept-language"

    def test_packed(self, statics: Statics) -> None:
        """For those who take it."""
        answer = house(own_statics()).get("/", "Accept-Encoding: gzip\r\n")
        assert answer.headers[b"content-encoding"] == b"gzip" and len(answer.body) < 8000

    def test_no_file_yet(self, statics: Statics) -> None:
        """A page that has no file is not found."""
        assert house(statics).get("/chat", "").status == 404

    @pytest.mark.parametrize("path", ["/nowhere", "/chat/", "//", "/%2e%2e/keys.yaml", "/LANDING", "/layout", "/lost"])
    def test_lost(self, statics: Statics, path: str) -> None:
        """A person is told with a page that there is no such address, a program in JSON."""
        answer = house(statics).get(path, HTML)
        assert answer.status == 404 and "<p>lost</p>" in text(answer)
        assert json.loads(house(statics).get(path, "Accept: */*\r\n").body)["error"]["code"] == "unknown_url"

    @pytest.mark.parametrize("path", ["/v1/nowhere", "/v1", "/api/nowhere", "/static/x", "/health/x", "/metrics/x"])
    def test_for_programs(self, statics: Statics, path: str) -> None:
        """Where programs ask, it is JSON, whatever they say that they take."""
        assert json.loads(house(statics).get(path, HTML).body)["error"]["code"] == "unknown_url"

    def test_lost_is_for_reading(self, statics: Statics) -> None:
        """What is no GET is told in JSON."""
        one = house(statics)
        one.talk.say(ask(HTML, b"{}", "/nowhere"))
        assert json.loads(one.heard.body)["error"]["code"] == "unknown_url"
        assert json.loads(one.get("/", HTML, "DELETE").body)["error"]["code"] == "method_not_allowed"


class ReaderTests:
    """Whom a page is made for."""

    @pytest.mark.parametrize(
        ("accept", "lang"),
        [
            (b"", "zh"), (b"en", "en"), (b"en-GB,en;q=0.9", "en"), (b"zh-TW,zh;q=0.9,en;q=0.8", "zh"),
            (b"en;q=0.5, zh;q=0.8", "zh"), (b"zh;q=0.1, en-US;q=0.2", "en"), (b"fr, en;q=0.3", "en"), (b"fr", "zh"),
            (b"*", "zh"), (b"en;q=0", "zh"), (b"en;q=x", "zh"), (b"en;q=nan", "zh"), (b"ZH-cn", "zh"), (b"EN", "en"),
            (b"\xff\xfe;q=9", "zh"), (b"," * 9000, "zh"),
        ],
    )  # fmt: skip
    def test_language(self, accept: bytes, lang: str) -> None:
        """Of the two that there are, the one that the browser weighs more; Chinese where it names neither."""
        assert preferred(accept) == lang

    @pytest.mark.parametrize(
        ("cookie", "lang", "theme"),
        [
            ("tg_lang=en", "en", "system"),
            ("tg_theme=dark; tg_lang=zh", "zh-CN", "dark"),
            ("tg_theme=light", "en", "light"),
            ('tg_lang=fr; tg_theme="><b', "en", "system"),
            ("tg_lang=<b>", "en", "system"),
        ],
    )
    def test_choices(self, statics: Statics, cookie: str, lang: str, theme: str) -> None:
        """What somebody chose goes before what the browser prefers; what is no choice is none."""
        page = text(house(statics).get("/", f"Accept-Language: en\r\nCookie: {cookie}\r\n"))
        assert page.startswith(f"<html lang={lang} class={theme}>")

    def test_session(self) -> None:
        """Whether a session may stand behind it is told by the cookie alone: a script asks whose."""
        one = house(own_statics())
        assert 'data-session="no"' in text(one.get("/", ""))
        assert 'data-session="yes"' in text(one.get("/", f"Cookie: tg_session={'a' * 43}\r\n"))
        assert 'data-session="no"' in text(one.get("/", f"Cookie: __Host-tg_session={'a' * 43}\r\n"))

    @pytest.mark.parametrize(
        "host", ["evil.example/<script>", "a b", 'gw"onload=', "user@gw", "[::1", "gw:123456", "ü.example", "'", ""]
    )
    def test_odd_host(self, statics: Statics, host: str) -> None:
        """A Host that is none is not repeated (F-06)."""
        one = house(statics)
        one.talk.say(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        if one.heard.status == 200:
            assert " http://192.168.1.1:54321/v1 " in one.heard.body.decode()
        else:
            assert one.heard.status == 400

    @pytest.mark.parametrize("host", ["gw.example.org:8443", "127.0.0.1:3811", "[::1]:3811", "GW.example"])
    def test_host(self, statics: Statics, host: str) -> None:
        """The address to call is the one that the reader came by."""
        one = house(statics)
        one.talk.say(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert f" http://{host.lower()}/v1 " in text(one.heard)

    def test_proxies(self, statics: Statics) -> None:
        """Behind a proxy that is trusted it is the proxy's, over TLS, and stays so; of others nothing is believed."""
        lines = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: gw.example.org\r\n"
        answer = house(statics, trusted_proxies=(ip_network("192.168.0.0/16"),)).get("/", lines)
        assert " https://gw.example.org/v1 " in text(answer)
        assert answer.headers[b"strict-transport-security"] == b"max-age=31536000"
        assert answer.headers[b"cross-origin-opener-policy"] == b"same-origin"
        answer = house(statics).get("/", lines)
        assert " http://gw/v1 " in text(answer) and b"strict-transport-security" not in answer.headers
        assert b"cross-origin-opener-policy" not in answer.headers, "browsers complain of it there"


class Scripts(HTMLParser):
    """Takes down the elements of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.found.append((tag, dict(attrs)))


class EscapingTests:
    """Whatever is put in is text (F-05, F-06)."""

    def test_contact(self) -> None:
        """A contact full of markup makes no element and no hole that is filled again."""
        for path in PAGES:
            answer = house(own_statics(), contact=HOSTILE, registration=Registration.CLOSED).get(path, "")
            if answer.status == 404:
                continue
            plain = house(own_statics(), contact="x", registration=Registration.CLOSED).get(path, "")
            assert Scripts(text(answer)).found.__len__() == Scripts(text(plain)).found.__len__()
            assert "<script>alert" not in text(answer) and "onerror='" not in text(answer)

    def test_model(self) -> None:
        """A model's name does not, either."""
        models = (ModelSettings("e", kind=Kind.EMBEDDING), ModelSettings(HOSTILE))
        page = text(house(own_statics(), models=models).get("/", ""))
        assert "<script>alert" not in page and "{{title}}" in page

    def test_embedded(self) -> None:
        """Words in a script element end neither that nor a line."""
        told = embedded({"a": "</script><!-- & \u2028\u2029"})
        assert not set("<>&\u2028\u2029") & set(told)
        assert json.loads(told) == {"a": "</script><!-- & \u2028\u2029"}

    def test_filled(self) -> None:
        """Words and values are escaped, parts are not, and nothing is looked through twice."""
        parts = {"c": laid_out("<i>{{@b}}</i>", {}, {})}
        sheet = laid_out("{{a}}{{@b}}{{@c}}{{d}}{{ a }}{a}", {"a": '<{{@b}}"'}, parts)
        told = filled(sheet, {"b": "{{a}}'"})
        assert told == "&lt;{{@b}}&quot;{{a}}&#x27;<i>{{a}}&#x27;</i>d{{ a }}{a}"
        assert filled(sheet, {"b": ""}) == "&lt;{{@b}}&quot;<i></i>d{{ a }}{a}"

    def test_unknown_value(self) -> None:
        """A value that there is not is a mistake of ours."""
        with pytest.raises(KeyError):
            filled(laid_out("{{@nope}}", {}, {}), {})


class PressTests:
    """`Press`."""

    READER = Reader("en", "dark", False, "http://gw")

    def press(self, statics: Callable[[], Statics], config: Callable[[], Config]) -> Press:
        """One of these."""
        return Press(statics, config, "1")

    def test_made_once(self, statics: Statics) -> None:
        """The same page for the same reader is the same document."""
        config = Config()
        press = self.press(lambda: statics, lambda: config)
        assert press.page("landing", self.READER) is press.page("landing", self.READER)

    def test_settings(self, statics: Statics) -> None:
        """Settings that change are in the next answer."""
        config = [Config(contact="old")]
        press = self.press(lambda: statics, lambda: config[0])
        assert b"old" in press.page("landing", self.READER).body  # type: ignore[union-attr]
        config[0] = Config(contact="new")
        assert b"new" in press.page("landing", self.READER).body  # type: ignore[union-attr]

    def test_bounded(self, statics: Statics) -> None:
        """Hosts that nobody has do not fill the memory; who is read most stays."""
        config = Config()
        press = self.press(lambda: statics, lambda: config)
        first = press.page("landing", self.READER)
        for number in range(2 * MOST_KEPT):
            press.page("landing", evolve(self.READER, origin=f"http://h{number}"))
            assert press.page("landing", self.READER) is first
        assert len(press._made) == MOST_KEPT

    def test_scripts(self, statics: Statics) -> None:
        """A page asks at once for all modules that its own import, each once, and for its style."""
        page = self.press(lambda: statics, Config).page("landing", self.READER)
        assert page is not None
        found = Scripts(page.body.decode()).found
        prefix = statics.prefix
        assert [one["href"] for tag, one in found if tag == "link" and one["rel"] == "modulepreload"] == [
            f"{prefix}/js/words.js", f"{prefix}/js/deep/a.js", f"{prefix}/vendor/b.js",
        ]  # fmt: skip
        assert [one["src"] for tag, one in found if tag == "script" and "src" in one] == [
            f"{prefix}/js/shell.js", f"{prefix}/js/landing.js",
        ]  # fmt: skip
        assert [one["href"] for tag, one in found if one.get("rel") == "stylesheet"] == [f"{prefix}/css/landing.css"]

    def test_what_pages_are_told(self) -> None:
        """The settings that a page shows, and no secret of any kind."""
        config = Config(
            contact="ann@example.org",
            registration=Registration.INVITE,
            anonymous=Anonymous(enabled=True),
            public_stats=(Stat.KEYS, Stat.AVAILABILITY),
        )
        page = self.press(own_statics, lambda: config).page("landing", self.READER)
        assert page is not None
        (told,) = [one for tag, one in Scripts(page.body.decode()).found if tag == "html"]
        assert told == {
            "lang": "en", "data-page": "landing", "data-theme": "dark", "data-session": "no",
            "data-registration": "invite", "data-contact": "yes", "data-anonymous": "yes",
        }  # fmt: skip
        assert b'data-stats="keys availability"' in page.body and b"ann@example.org" in page.body

    def test_where_one_is(self) -> None:
        """The frame marks the page that one is on, and no other."""
        page = self.press(own_statics, Config).page("login", self.READER)
        assert page is not None
        current = [one["href"] for tag, one in Scripts(page.body.decode()).found if one.get("aria-current") == "page"]
        assert current == ["/login"]

    def test_every_page_is_whole(self) -> None:
        """Each page that there is has nothing left to fill in, in both languages; so has the one for none."""
        for name in [*PAGES.values(), LOST]:
            for lang in ("zh", "en"):
                page = self.press(own_statics, Config).page(name, evolve(self.READER, lang=lang))
                if page is not None:
                    assert b"{{" not in page.body, name
                    assert page.body.count(b"<h1") >= 1, name
