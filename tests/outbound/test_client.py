"""treq's face, and what is not behind it."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from treq.client import HTTPClient
from twisted.web.http_headers import Headers

from targon_gw.outbound.client import Client
from targon_gw.outbound.requests import Body

from .wire import HERE, Bench, failure, key, result

JSON = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: a=b\r\nContent-Length: 9\r\n\r\n" + b'{"a": 12}'
)


class RequestTests:
    """Asking."""

    @pytest.mark.parametrize("url", [HERE, HERE.decode()])
    @pytest.mark.parametrize("data", [b"{}", Body(b"{}")])
    def test_sent_as_it_stands(self, url: Any, data: Any) -> None:
        """Address, head and body go out as given."""
        bench = Bench()
        Client(bench.agent).request("post", url, headers=key(b"k"), data=data)
        heard = bench.vendor.lines[0].heard()
        assert heard.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert b"\r\nauthorization: Bearer k\r\n" in heard
        assert heard.endswith(b"\r\n\r\n{}")

    @pytest.mark.parametrize("headers", [None, {"X-A": "1"}, {b"X-A": [b"1"]}, Headers({"X-A": ["1"]})])
    def test_headers_as_treq_takes_them(self, headers: Any) -> None:
        """Headers and dicts of text or bytes work as with treq."""
        bench = Bench()
        Client(bench.agent).get(HERE, headers=headers)
        heard = bench.vendor.lines[0].heard()
        assert heard.startswith(b"GET ")
        assert (b"\r\nX-A: 1\r\n" in heard) is (headers is not None)

    def test_options_that_say_what_is_done(self) -> None:
        """`allow_redirects=False` and `unbuffered=True` are how it is."""
        bench = Bench()
        Client(bench.agent).post(HERE, data=b"{}", allow_redirects=False, unbuffered=True, browser_like_redirects=False)
        assert bench.vendor.lines[0].heard()

    @pytest.mark.parametrize(
        "option",
        [
            {"cookies": {}},
            {"allow_redirects": True},
            {"browser_like_redirects": True},
            {"unbuffered": False},
            {"files": {}},
            {"json": {}},
            {"params": {}},
            {"auth": ("user", "sesame")},
            {"timeout": 1},
            {"reactor": None},
            {"surprise": 1},
        ],
    )
    def test_options_left_out(self, option: dict[str, Any]) -> None:
        """D-41, D-42: what would be ignored raises instead, and shows no value."""
        bench = Bench()
        with pytest.raises(TypeError) as caught:
            Client(bench.agent).request("POST", HERE, data=b"", **option)
        assert "sesame" not in str(caught.value)
        assert bench.vendor.lines == []

    def test_every_option_of_treqs_is_judged(self) -> None:
        """No keyword that treq has, or may get, passes unseen."""
        bench = Bench()
        known = set(inspect.signature(HTTPClient.request).parameters) - {"self", "method", "url", "headers", "data"}
        for name in known - {"_stacklevel"}:
            with pytest.raises(TypeError):
                Client(bench.agent).request("POST", HERE, **{name: object()})

    @pytest.mark.parametrize(("url", "data"), [(None, b""), (HERE, {"a": "b"}), (HERE, "text")])
    def test_types(self, url: Any, data: Any) -> None:
        """An address that is no text, a body that is no bytes: a TypeError."""
        with pytest.raises(TypeError):
            Client(Bench().agent).request("POST", url, data=data)


class AnswerTests:
    """What comes back."""

    def test_treqs_face(self) -> None:
        """json, text, content, collect, history and cookies are there; a vendor's cookie is not kept."""
        bench = Bench()
        client = Client(bench.agent)
        answers = []
        for _ in range(4):
            asked = client.post(HERE, data=b"{}")
            assert b"ookie" not in bench.vendor.lines[0].heard()
            bench.vendor.lines[0].say(JSON)
            answers.append(result(asked))
        collected: list[bytes] = []
        assert result(answers[0].json()) == {"a": 12}
        assert result(answers[1].text()) == '{"a": 12}'
        assert result(answers[2].content()) == b'{"a": 12}'
        answers[3].collect(collected.append)
        assert collected == [b'{"a": 12}']
        assert answers[0].history() == []
        assert list(answers[0].cookies()) == []
        assert (answers[0].code, answers[0].length) == (200, 9)
        assert answers[0].headers.getRawHeaders("content-type") == ["application/json"]

    def test_our_doors(self) -> None:
        """`get` reads a field, `stopProducing` lets go of the connection."""
        bench = Bench()
        asked = Client(bench.agent).post(HERE, data=b"{}")
        bench.vendor.lines[0].say(b"HTTP/1.1 200 OK\r\nRetry-After: 7\r\n\r\n")
        answer = result(asked)
        assert answer.get(b"retry-after") == b"7"
        answer.stopProducing()
        assert bench.vendor.lines[0].aborted

    def test_redirect(self) -> None:
        """D-41: a redirect is an answer."""
        bench = Bench()
        asked = Client(bench.agent).get(HERE)
        bench.vendor.lines[0].say(
            b"HTTP/1.1 307 Over There\r\nLocation: http://a.example/\r\nContent-Length: 0\r\n\r\n"
        )
        assert result(asked).code == 307
        assert len(bench.vendor.asked) == 1

    def test_failures_pass(self) -> None:
        """What the agent fails with is what the caller sees."""
        bench = Bench()
        asked = Client(bench.agent).get(HERE)
        bench.vendor.lines[0].hang_up()
        assert failure(asked).fault == "closed"
