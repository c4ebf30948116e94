"""Documents: whole, packed, or not again."""

from __future__ import annotations

import gzip

import pytest

from targon_gw.web.documents import GUARDED, Document, has, merged, takes_gzip

from .conversation import Answer, Conversation, Desk, ask

KIND = b"text/css; charset=utf-8"
LONG = b"a { color: var(--ink) }\n" * 40
KEPT = [(b"cache-control", b"no-cache"), (b"vary", b"cookie")]


def told(document: Document, lines: str = "", method: str = "GET", code: int = 200) -> Answer:
    """What a client of these header lines is answered."""
    talk = Conversation(Desk(lambda request: document.tell(request, KEPT, code)))
    talk.say(ask(lines, method=method))
    return talk.heard()[-1]


class DocumentTests:
    """`Document`."""

    def test_whole(self) -> None:
        """Its bytes and kind, its tag, what was to go with it, and what guards every page (F-11)."""
        answer = told(Document(KIND, LONG))
        assert (answer.status, answer.body) == (200, LONG)
        assert answer.headers[b"content-type"] == KIND
        assert answer.headers[b"cache-control"] == b"no-cache"
        assert answer.headers[b"vary"] == b"accept-encoding, cookie"
        assert b"content-encoding" not in answer.headers
        assert [answer.headers[name] for name, _ in GUARDED] == [value for _, value in GUARDED]

    def test_policy(self) -> None:
        """Nothing inline, nothing from elsewhere, in nobody's frame; no type is guessed, no address handed on."""
        policy = dict(GUARDED)
        assert policy[b"content-security-policy"] == (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
            b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
        )
        assert policy[b"x-content-type-options"] == b"nosniff" and policy[b"referrer-policy"] == b"no-referrer"

    def test_packed(self) -> None:
        """Who takes gzip gets it, and it is the same document."""
        answer = told(Document(KIND, LONG), "Accept-Encoding: br, gzip\r\n")
        assert answer.headers[b"content-encoding"] == b"gzip" and len(answer.body) < len(LONG)
        assert gzip.decompress(answer.body) == LONG

    @pytest.mark.parametrize(("kind", "body"), [(KIND, b"a{}"), (b"image/png", LONG)])
    def test_not_worth_packing(self, kind: bytes, body: bytes) -> None:
        """What is small, or packed by its kind, is told as it is."""
        assert Document(kind, body).packed is None
        assert told(Document(kind, body), "Accept-Encoding: gzip\r\n").body == body

    def test_not_again(self) -> None:
        """Who has it is told so, without it, and with what a cache goes by; packed or not makes no difference."""
        document = Document(KIND, LONG)
        answer = told(document, f"Accept-Encoding: gzip\r\nIf-None-Match: {document.tag.decode()}\r\n")
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers[b"etag"] == document.tag and answer.headers[b"cache-control"] == b"no-cache"
        assert told(Document(KIND, LONG + b" "), f"If-None-Match: {document.tag.decode()}\r\n").status == 200

    def test_not_found_is_told_whole(self) -> None:
        """A page that says 404 says it again."""
        document = Document(KIND, LONG)
        assert told(document, f"If-None-Match: {document.tag.decode()}\r\n", code=404).status == 404

    def test_head(self) -> None:
        """HEAD has the same head and no body."""
        answer, whole = told(Document(KIND, LONG), method="HEAD"), told(Document(KIND, LONG))
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers[b"content-length"] == whole.headers[b"content-length"] == b"%d" % len(LONG)


class FieldTests:
    """What is read out of headers."""

    @pytest.mark.parametrize(
        ("sent", "taken"),
        [
            (None, False),
            (b"", False),
            (b"gzip", True),
            (b"br;q=1.0, GZIP;q=0.8", True),
            (b"*", True),
            (b"identity", False),
            (b"gzip;q=0", False),
            (b"gzip; q=0.000", False),
            (b"gzip;q=0.001", True),
            (b"*, gzip;q=0", False),
            (b"*;q=0", False),
            (b"gzipped", False),
        ],
    )
    def test_gzip(self, sent: bytes | None, taken: bool) -> None:
        """Accept-Encoding, with its weights."""
        assert takes_gzip(sent) is taken

    @pytest.mark.parametrize(
        ("sent", "known"),
        [(None, False), (b'W/"a"', True), (b'"a"', True), (b'"b", W/"a"', True), (b"*", True), (b'"ab"', False)],
    )
    def test_tag(self, sent: bytes | None, known: bool) -> None:
        """If-None-Match, weakly."""
        assert has(sent, b'W/"a"') is known

    def test_merged(self) -> None:
        """A header that both have is one line."""
        assert merged([(b"vary", b"a"), (b"x", b"1")], [(b"vary", b"b")]) == [(b"vary", b"a, b"), (b"x", b"1")]
