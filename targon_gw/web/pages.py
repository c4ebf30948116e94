"""The pages: a frame, a page's own part and the words of one language, put together to bytes once for each.

What differs between readers and is in the bytes: language, theme, whether a session may stand behind it, the address
that they came by. Nothing else does: who is signed in, and every figure, a page's script asks for. So no page holds a
secret, and each may be kept and asked for again with its ETag.

Whatever is put into a page is escaped where it is put, whoever wrote it; the few parts that are not are made here.
"""

# mypy: disallow-untyped-calls=False
# Twisted's web is not typed throughout, nor is Klein.

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final

from attrs import define, field, frozen
from klein import Klein

from targon_gw.core.config import Config, Kind
from targon_gw.core.errors import Refusal

from .cookies import SESSION, cookie, is_secure
from .csrf import own_origin
from .documents import ONLY_TLS, Document, Lines
from .request import Request
from .rooms import refusing
from .statics import CHECKED, Statics

PAGES: Final = {
    "/": "landing",
    "/guide": "guide",
    "/monitor": "monitor",
    "/chat": "chat",
    "/login": "login",
    "/register": "register",
    "/admin": "admin",
}
"""Address → name; the name finds `pages/NAME.html`, `words/NAME.json`, `css/NAME.css` and `js/NAME.js`."""
KIN: Final = {"login": ("entry",), "register": ("entry",)}
"""Pages that share a style and words of those names."""
LOST: Final = "lost"
"""The page for an address that there is not."""
LANGUAGES: Final = {"zh": "zh-CN", "en": "en"}
FRAME: Final = "layout"
SHARED: Final = "shell"
HTML: Final = b"text/html; charset=utf-8"
VARIES: Final[Lines] = ((b"vary", b"cookie, accept-language"),)
LEVEL: Final = 4
"""Of gzip: with a Host that nobody has sent before, a page is packed while others wait; 9 would save a thirtieth."""
MOST_KEPT: Final = 256
"""Documents: 8 pages in 2 languages and 3 themes, signed in or not, for a few names of one host; some 10 KiB each."""
NOT_FOR_PEOPLE: Final = (b"/v1", b"/api/", b"/static/", b"/health", b"/metrics", b"/openapi")
"""Where programs ask: what is not there is told in JSON, whatever they say that they take."""
_HOLE: Final = re.compile(r"\{\{(@?[A-Za-z0-9][A-Za-z0-9_.-]*)\}\}")
_IMPORT: Final = re.compile(r"""^(?:import|export)\b(?:[^"';=()]*\bfrom)?\s*["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)
_HOST: Final = re.compile(rb"https?://[A-Za-z0-9.\-_]+(?::\d{1,5})?|https?://\[[0-9A-Fa-f:.]+\](?::\d{1,5})?")


@frozen
class Reader:
    """Whoever a page is made for: `lang` is a key of LANGUAGES, `theme` is light, dark or system."""

    lang: str
    theme: str
    session: bool
    origin: str
    """Scheme and host that they came by."""


def reader_of(request: Request, config: Config) -> Reader:
    """What a request says of whoever reads."""
    cookies = request.received_cookies
    kept = cookies.get(b"tg_lang", b"").decode("latin-1")
    theme = cookies.get(b"tg_theme", b"").decode("latin-1")
    lang = kept if kept in LANGUAGES else preferred(request.header(b"accept-language") or b"")
    secure = is_secure(request, config.trusted_proxies)
    session = cookie(request, SESSION, secure) is not None
    return Reader(lang, theme if theme in ("light", "dark") else "system", session, origin_of(request, config))


def origin_of(request: Request, config: Config) -> str:
    """The origin that the reader came by; where the Host is missing or odd, the address that we listen on."""
    own = own_origin(request, config.trusted_proxies)
    if _HOST.fullmatch(own):
        return own.decode("ascii")
    host = getattr(request.host, "host", None) or "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{getattr(request.host, 'port', 80)}"


def preferred(accept: bytes) -> str:
    """The language of LANGUAGES that Accept-Language weighs most, the first of equals; `zh` where it names neither."""
    best, most = "zh", 0.0
    for one in accept.decode("latin-1").lower().split(",")[:32]:
        tag, _, rest = one.partition(";")
        lang = tag.strip().partition("-")[0]
        written = rest.partition("q=")[2].strip()
        try:
            weight = float(written) if written else 1.0
        except ValueError:
            continue
        if lang in LANGUAGES and weight > most:
            best, most = lang, weight
    return best


@define(eq=False)
class Press:
    """Makes pages of files and settings, and keeps those made."""

    statics: Callable[[], Statics]
    config: Callable[[], Config]
    version: str
    _made: OrderedDict[tuple[str, Reader], Document] = field(factory=OrderedDict)
    _sheets: dict[tuple[str, str], list[str]] = field(factory=dict)
    _made_of: tuple[Statics, Config] | None = None

    def page(self, name: str, reader: Reader) -> Document | None:
        """The page for that reader; `None` where there is none of that name."""
        made_of = self.statics(), self.config()
        if self._made_of is None or made_of[0] is not self._made_of[0] or made_of[1] is not self._made_of[1]:
            self._made.clear()
            self._sheets.clear()
            self._made_of = made_of
        known = self._made.get((name, reader))
        if known is not None:
            self._made.move_to_end((name, reader))
            return known
        if f"pages/{name}.html" not in made_of[0].sources:
            return None
        text = filled(self._sheet(name, reader.lang, made_of[0]), self._values(name, reader, *made_of))
        document = Document(HTML, text.encode("utf-8"), LEVEL)
        self._made[name, reader] = document
        if len(self._made) > MOST_KEPT:
            self._made.popitem(last=False)
        return document

    def _sheet(self, name: str, lang: str, statics: Statics) -> list[str]:
        sheet = self._sheets.get((name, lang))
        if sheet is None:
            words = words_of(statics, name, lang)
            parts = {"head": [head_of(statics, name)], "words": [embedded(words)]}
            parts["body"] = laid_out(statics.sources[f"pages/{name}.html"], words, parts)
            sheet = self._sheets[name, lang] = laid_out(statics.sources[f"pages/{FRAME}.html"], words, parts)
        return sheet

    def _values(self, name: str, reader: Reader, statics: Statics, config: Config) -> dict[str, str]:
        return {
            "lang": LANGUAGES[reader.lang],
            "theme": reader.theme,
            "page": name,
            "session": "yes" if reader.session else "no",
            "base_url": f"{reader.origin}/v1",
            "origin": reader.origin,
            "contact": config.contact or "",
            "has_contact": "yes" if config.contact else "no",
            "registration": config.registration.value,
            "anonymous": "yes" if config.anonymous.enabled else "no",
            "model": sample_of(config),
            "stats": " ".join(stat.value for stat in config.public_stats),
            "version": self.version,
            "static": statics.prefix,
            **{f"at_{page}": "page" if page == name else "false" for page in PAGES.values()},
        }


def sample_of(config: Config) -> str:
    """The model that a page's sample asks for: the first of the catalog that one can talk to."""
    return next((model.id for model in config.models if model.kind is not Kind.EMBEDDING), "MODEL")


def laid_out(text: str, words: Mapping[str, str], parts: Mapping[str, list[str]]) -> list[str]:
    """`text` as a sheet: what stands, and at odd places the names of values that are still to be filled in.

    Each `{{key}}` is a word, escaped; a word that there is not stands as its key, so that it is seen. Each `{{@name}}`
    is a part, a sheet that goes in as it is, or else a value. What is put in is not looked through again.
    """
    sheet = [""]
    for place, piece in enumerate(_HOLE.split(text)):
        if place % 2 == 0:
            sheet[-1] += piece
        elif not piece.startswith("@"):
            sheet[-1] += escape(words.get(piece, piece))
        elif piece[1:] in parts:
            first, *rest = parts[piece[1:]]
            sheet[-1] += first
            sheet += rest
        else:
            sheet += [piece[1:], ""]
    return sheet


def filled(sheet: Sequence[str], values: Mapping[str, str]) -> str:
    """The sheet with its values in it, escaped; raises KeyError for one that there is not."""
    pieces = list(sheet)
    pieces[1::2] = [escape(values[name]) for name in sheet[1::2]]
    return "".join(pieces)


def words_of(statics: Statics, name: str, lang: str) -> dict[str, str]:
    """The shell's words and the page's, which go before them, in that language."""
    found: dict[str, str] = {}
    for file in (SHARED, *KIN.get(name, ()), name):
        for key, told in json.loads(statics.sources.get(f"words/{file}.json", "{}")).items():
            found[key] = told[lang]
    return found


def embedded(words: Mapping[str, str]) -> str:
    """`words` as JSON that may stand in a script element of HTML: nothing in it ends that, or opens a comment."""
    text = json.dumps(words, ensure_ascii=False, separators=(",", ":"))
    for one in "<>&\u2028\u2029":
        text = text.replace(one, f"\\u{ord(one):04x}")
    return text


def head_of(statics: Statics, name: str) -> str:
    """The elements that load the page's own style and scripts; all that those import is asked for at once."""
    styles = [statics.address(f"css/{one}.css") for one in (*KIN.get(name, ()), name)]
    lines = [f'<link rel="stylesheet" href="{escape(style)}">' for style in styles if style is not None]
    wanted = [one for one in ("js/shell.js", f"js/{name}.js") if statics.address(one) is not None]
    later = [one for one in imported(statics, wanted) if one not in wanted]
    lines += [f'<link rel="modulepreload" href="{escape(statics.prefix)}/{escape(one)}">' for one in later]
    lines += [f'<script type="module" src="{escape(statics.prefix)}/{escape(one)}"></script>' for one in wanted]
    return "\n".join(lines)


def imported(statics: Statics, names: list[str]) -> list[str]:
    """The names of the modules that `names` import, directly or through others, with themselves."""
    found: dict[str, None] = {}
    open_ = list(names)
    while open_:
        name = open_.pop(0)
        document = statics.documents.get(f"{statics.prefix}/{name}".encode())
        if name in found or document is None:
            continue
        found[name] = None
        for one in _IMPORT.findall(document.body.decode("utf-8")):
            parts = name.split("/")[:-1]
            for step in one.split("/"):
                parts = parts[:-1] if step == ".." else parts if step == "." else [*parts, step]
            open_.append("/".join(parts))
    return list(found)


@define(eq=False, slots=False)
class PageRoom:
    """The addresses of PAGES, and the page for all others."""

    press: Press
    app = refusing(Klein())

    @app.route("/", methods=["GET"])
    @app.route("/<name>", methods=["GET"])
    def page(self, request: Request, name: str = "") -> None:
        """A page by its address as it was sent."""
        if not self._tell(request, PAGES.get(request.path.decode("ascii", "replace"), ""), 200):
            raise Refusal("unknown_url", "There is no such page.")

    def lost(self, request: Request) -> bool:
        """Answer that there is no such address with a page, where a person is asking; whether it has."""
        if request.method not in (b"GET", b"HEAD") or request.path.startswith(NOT_FOR_PEOPLE):
            return False
        if b"text/html" not in (request.header(b"accept") or b"").lower():
            return False
        return self._tell(request, LOST, 404)

    def _tell(self, request: Request, name: str, code: int) -> bool:
        config = self.press.config()
        document = self.press.page(name, reader_of(request, config))
        if document is None:
            return False
        lines = [*CHECKED, *VARIES]
        if is_secure(request, config.trusted_proxies):
            lines += ONLY_TLS
        document.tell(request, lines, code)
        return True
