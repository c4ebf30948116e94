"""Spellings of a stream, as they stand on the wire."""

from __future__ import annotations

import json
from unittest import TestCase

from targon_gw.core.config import Dialect

from .stage import Response, Stage, chat, response, stage


class SpellingFaultTests(TestCase):
    """D-27: spellings that say what a plain stream says."""

    def setUp(self) -> None:
        self.stage: Stage = stage()
        self.right = response(self.stage.ask(messages=[{"role": "user", "content": "你好"}]))

    def body(self, name: str) -> bytes:
        """The body as it came."""
        got = response(self.stage.ask(f"fault/{name}", messages=[{"role": "user", "content": "你好"}]))
        assert got.whole
        return got.body

    def plain(self, body: bytes) -> str:
        """The text of a body that has been put right."""
        return Response(200, [], body, b"", True).text

    def test_crlf(self) -> None:
        """Every line ends with CR LF."""
        body = self.body("crlf")
        assert body.count(b"\r\n") == body.count(b"\n") > 0
        assert self.plain(body.replace(b"\r\n", b"\n")) == self.right.text

    def test_lone_cr(self) -> None:
        """Every line ends with CR, and there is no LF."""
        body = self.body("lone-cr")
        assert b"\n" not in body
        assert self.plain(body.replace(b"\r", b"\n")) == self.right.text

    def test_bom(self) -> None:
        """The mark stands at the beginning and nowhere else."""
        body = self.body("bom")
        assert body.startswith(b"\xef\xbb\xbfdata: ")
        assert self.plain(body[3:]) == self.right.text
        assert body.count(b"\xef\xbb\xbf") == 1

    def test_no_space(self) -> None:
        """No space follows the colon."""
        body = self.body("no-space")
        assert b"data: " not in body
        assert self.plain(body.replace(b"data:", b"data: ")) == self.right.text

    def test_many_lines(self) -> None:
        """The lines of an event, joined, are its JSON."""
        events = [event for event in self.body("many-lines").split(b"\n\n") if event]
        joined = [event.replace(b"\ndata: ", b" ").removeprefix(b"data: ") for event in events]
        assert all(event.count(b"data: ") > 5 for event in events[:-1])
        assert [json.loads(each)["choices"] for each in joined[:-1]] == [each["choices"] for each in self.right.chunks]

    def test_other_fields(self) -> None:
        """Comments and other fields stand among the events."""
        body = self.body("other-fields")
        for field in (b": OPENROUTER PROCESSING\n\n", b"id: ", b"retry: ", b"event: message\n"):
            assert body.count(field) >= len(self.right.payloads)
        assert self.plain(body) == self.right.text

    def test_byte_by_byte(self) -> None:
        """Every chunk is one byte, also in the middle of a character."""
        self.stage.say(chat("fault/byte-by-byte", messages=[{"role": "user", "content": "你好"}]))
        data = self.stage.line.take()
        assert data.count(b"1\r\n") >= len(response(data).body)
        assert response(data).text == self.right.text
        assert len(self.right.text.encode()) > len(self.right.text)

    def test_unary_answers_are_left_alone(self) -> None:
        """Where no stream was asked for there is nothing to misspell; Targon's or not."""
        for dialect in (Dialect.OPENAI, Dialect.TARGON):
            other = stage(dialect)
            right = response(other.ask(stream=False)).text
            for name in ("crlf", "lone-cr", "bom", "no-space", "many-lines", "other-fields", "byte-by-byte"):
                assert response(other.ask(f"fault/{name}", stream=False)).text == right
