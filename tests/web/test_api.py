"""`/v1`: who may ask, what is answered, and what a client may say about its own call."""

from __future__ import annotations

import ipaddress
import json

import pytest
from twisted.internet.defer import execute

from targon_gw.core.attempts import VendorFault
from targon_gw.core.config import Anonymous, ClientSettings, ModelSettings, Secret
from targon_gw.core.ledger import Ending
from targon_gw.web.api import LARGE, ROOM_BODY
from tests import fakes

from .conversation import ask
from .house import ANSWER, BEARER, CHAT, JSON, QUESTION, House, codes


class WholeAnswerTests:
    """Calls that are not streamed."""

    def test_bytes_as_they_came(self) -> None:
        """The body passes byte for byte, settled before it leaves, with our headers beside it."""
        house = House()
        house.call()
        body = json.dumps(ANSWER, indent=3).encode()
        house.vendor.answers(body)
        ((entry, sent_by_then),) = house.entries

        assert (house.heard.status, house.heard.body) == (200, body)
        assert sent_by_then == b""
        assert entry.ending is Ending.SERVED
        assert entry.usage is not None and (entry.usage.prompt, entry.usage.completion) == (5, 1)
        headers = house.heard.headers
        assert headers[b"content-type"] == b"application/json; charset=utf-8"
        assert headers[b"x-targon-model"] == b"acme/large"
        assert headers[b"x-request-id"].decode() == entry.id
        assert headers[b"access-control-expose-headers"] == b"*"
        assert headers[b"openai-processing-ms"] == b"0"
        assert b"x-targon-attempts" not in headers
        assert house.quiet()

    def test_alias(self) -> None:
        """An answer's `model` is the name that the client asked by; nothing else is altered."""
        house = House(fakes.config(models=[ModelSettings(fakes.MODEL), ModelSettings("nick", alias=fakes.MODEL)]))
        house.call(model="nick")
        house.vendor.answers(json.dumps(ANSWER, indent=1).encode())

        assert house.heard.body == json.dumps({**ANSWER, "model": "nick"}, indent=1).encode()
        assert house.entry.model == "nick" and house.entry.served == fakes.MODEL

    def test_embeddings(self) -> None:
        """Embeddings are relayed by the shape of `data`, under the client's name of the model."""
        models = [ModelSettings("acme/embed"), ModelSettings("vectors", alias="acme/embed")]
        house = House(fakes.config(models=models))
        body = json.dumps({"model": "vectors", "input": ["a", "b"]}).encode()
        house.talk.say(ask(BEARER + JSON, body, "/v1/embeddings"))
        vectors = [{"object": "embedding", "index": n, "embedding": [0.5, -0.25]} for n in range(2)]
        document = {"object": "list", "data": vectors, "model": "acme/embed", "usage": {"prompt_tokens": 2}}
        house.vendor.answers(document)

        assert json.loads(house.heard.body) == {**document, "model": "vectors"}
        assert house.entry.usage is not None and house.entry.usage.prompt == 2
        house.talk.say(ask(BEARER + JSON, body[:-1] + b', "stream": true}', "/v1/embeddings"))
        assert (house.heard.status, json.loads(house.heard.body)["error"]["param"]) == (400, "stream")

    def test_failure_tells_attempts_and_time(self) -> None:
        """D-39: an answer that nobody could give is a 502 with the attempts, the time and CORS beside it."""
        house = House(fakes.config(fakes.upstream(3)))
        house.call()
        for _ in range(3):
            house.talk.pass_seconds(1)
            house.vendor.fails(VendorFault("500: sn4_canary_00000000 at vendor.example", 500))
        headers = house.heard.headers

        assert (house.heard.status, codes([house.heard])) == (502, ["upstream_failed"])
        assert headers[b"x-targon-attempts"] == b"3"
        assert int(headers[b"openai-processing-ms"]) == 3000
        assert b"gw;dur=" in headers[b"server-timing"]
        assert headers[b"access-control-allow-origin"] == b"*"
        assert b"canary" not in house.talk.wire.value()
        assert house.quiet()

    def test_pipelined_calls(self) -> None:
        """A-20: two calls at once are answered in order, and settled as two."""
        house = House()
        one = ask(BEARER + JSON, json.dumps(QUESTION).encode(), CHAT)
        house.talk.say(one + one)
        assert len(house.vendor.asked) == 1
        house.vendor.answers({**ANSWER, "id": "first"})
        house.vendor.answers({**ANSWER, "id": "second"})

        assert [json.loads(answer.body)["id"] for answer in house.talk.heard()] == ["first", "second"]
        assert len({entry.id for entry, _ in house.entries}) == 2


class IdentityTests:
    """C-01 to C-04: who is asking."""

    @pytest.mark.parametrize(
        "lines",
        [
            "",
            "Authorization: Basic dXNlcjpwYXNz\r\n",
            "Authorization:\r\n",
            "Authorization: Bearer\r\n",
            "Authorization: Bearer \r\n",
            f"Authorization: Bearer {'x' * 10_000}\r\n",
            "Authorization: Bearer sk-tg-\xe9\xff\r\n",
            "Authorization: Bearer   x  \r\n",
            "Authorization: sk-tg-a-client-of-the-tests\r\n",
            "Authorization: Bearer\tsk-tg-a-client-of-the-tests\r\n",
            "Authorization: Bearer sk-tg-a-client-of-the-test\r\n",
            "Authorization: Bearer '{{7*7}}' !!python/object\r\n",
            "x-api-key:\r\n",
            "x-api-key: unknown\r\n",
        ],
    )
    def test_all_refusals_are_one(self, lines: str) -> None:
        """C-01 to C-03: whatever is wrong with the key, the 401 is the same, before the body is read."""
        house = House()
        head = ask(lines + JSON, b"{}" * 500, CHAT).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        house.talk.say(head)
        plain = House().get("/v1/models", lines="")

        assert (house.heard.status, house.heard.body) == (401, plain.body)
        assert house.heard.headers[b"www-authenticate"] == b"Bearer"
        assert house.heard.headers[b"access-control-allow-origin"] == b"*"
        assert house.heard.headers[b"x-should-retry"] == b"false"
        assert not house.vendor.asked

    @pytest.mark.parametrize(
        "lines",
        [
            BEARER,
            BEARER.replace("Bearer", "bearer"),
            BEARER.replace("Bearer ", "BEARER   "),
            BEARER.replace("Authorization: Bearer", "x-api-key:"),
            BEARER + "x-api-key: another\r\n",
        ],
    )
    def test_ways_to_say_it(self, lines: str) -> None:
        """The scheme's case is free, x-api-key is the same thing, and Authorization goes before it."""
        assert House().get("/v1/models", lines=lines).status == 200

    def test_key_in_the_query(self) -> None:
        """C-04: a key in the query is no key."""
        secret = fakes.CLIENT_SECRET.decode()

        assert House().get(f"/v1/models?key={secret}&api_key={secret}", lines="").status == 401

    def test_two_keys_on_one_connection(self) -> None:
        """A-20: who asked before on the connection has no say in who asks now."""
        house = House()
        assert house.get("/v1/models").status == 200
        assert house.get("/v1/models", lines="").status == 401

    def test_anonymous(self) -> None:
        """Where callers without a key are let in, a wrong key is still refused."""
        house = House(fakes.config(anonymous=Anonymous(enabled=True, models=("acme/*",))))

        assert house.get("/v1/models", lines="").status == 200
        assert house.get("/v1/models", lines="Authorization: Bearer\r\n").status == 401

    def test_model_not_allowed(self) -> None:
        """C-07: a model outside of the key's list is a 403, unasked and unseen in the list."""
        client = ClientSettings("ann", Secret(fakes.CLIENT_SECRET.decode()).digest, ("other/*",))
        house = House(fakes.config(clients=(client,)))
        house.call()

        assert (house.heard.status, codes([house.heard])) == (403, ["model_not_allowed"])
        assert json.loads(house.get("/v1/models").body)["data"] == []
        assert house.get("/v1/models/acme/large").status == 403
        assert not house.vendor.asked

    @pytest.mark.parametrize(("trusted", "status"), [((), 403), (("192.168.0.0/16",), 200)])
    def test_address_behind_a_proxy(self, trusted: tuple[str, ...], status: int) -> None:
        """A-26: X-Forwarded-For counts only from a trusted proxy."""
        ann = ClientSettings(
            "ann", Secret(fakes.CLIENT_SECRET.decode()).digest, allow_from=(ipaddress.ip_network("203.0.113.0/24"),)
        )
        networks = tuple(ipaddress.ip_network(each) for each in trusted)
        house = House(fakes.config(clients=(ann,), trusted_proxies=networks))

        assert house.talk.channel.client_host == "192.168.1.1"
        assert house.get("/v1/models", lines=BEARER + "X-Forwarded-For: 203.0.113.9\r\n").status == status


class RefusedBodyTests:
    """What is wrong with the body, or around it."""

    @pytest.mark.parametrize(
        "kind",
        ["", "Content-Type: text/plain\r\n", "Content-Type: multipart/form-data; boundary=x\r\n"],
    )
    def test_media(self, kind: str) -> None:
        """B-11: what is not said to be JSON is refused before it is read."""
        house = House()
        house.talk.say(ask(BEARER + kind, b"x" * 900, CHAT).partition(b"\r\n\r\n")[0] + b"\r\n\r\n")

        assert (house.heard.status, codes([house.heard])) == (415, ["unsupported_media_type"])
        assert house.heard.headers[b"access-control-allow-origin"] == b"*"

    def test_encoded(self) -> None:
        """A-28: an encoded body is refused; `identity` is none."""
        house = House()
        house.call(lines=BEARER + JSON + "Content-Encoding: gzip\r\n")
        assert house.heard.status == 415

        house = House()
        house.call(lines=BEARER + JSON.replace("json", "json; charset=utf-8") + "Content-Encoding: identity\r\n")
        assert len(house.vendor.asked) == 1
        house.talk.leave()

    @pytest.mark.parametrize(
        ("body", "code", "param"),
        [
            (b"", "invalid_json", None),
            (b"[]", "invalid_json", None),
            (b'{"model": NaN}', "invalid_json", None),
            (b'{"messages":[{"role":"user"}]}', "missing_field", "model"),
            (b'{"model":"acme/large"}', "missing_field", "messages"),
            (b'{"model":"acme/large","messages":[{"role":"user"}],"n":0}', "invalid_value", "n"),
            (b'{"model":"acme/larg","messages":[{"role":"user"}]}', "model_not_found", "model"),
        ],
    )
    def test_bodies(self, body: bytes, code: str, param: str | None) -> None:
        """B-01, B-02, B-05, B-12, B-13: a bad body is told by field; the connection goes on."""
        house = House()
        house.talk.say(ask(BEARER + JSON, body, CHAT))
        error = json.loads(house.heard.body)["error"]

        assert (error["code"], error["param"]) == (code, param)
        assert house.heard.headers[b"access-control-allow-origin"] == b"*"
        assert house.get("/v1/models").status == 200

    def test_what_http_refuses(self) -> None:
        """Refusals of HTTP's own rules under /v1 are JSON that any origin may read; elsewhere without CORS."""
        for target, open_ in ((CHAT, True), ("/health", False)):
            house = House()
            house.talk.say(f"POST {target} HTTP/1.1\r\nHost: gw\r\nContent-Length: +5\r\n\r\n".encode())

            assert (house.heard.status, codes([house.heard])) == (400, ["bad_request"])
            assert (b"access-control-allow-origin" in house.heard.headers) is open_
            assert house.heard.headers[b"x-request-id"].startswith(b"req_")

    def test_draining(self) -> None:
        """A gateway about to restart takes no more calls, and says when to come back."""
        house = House()
        house.gateway.draining = True
        house.call()

        assert (house.heard.status, codes([house.heard])) == (503, ["draining"])
        assert house.heard.headers[b"retry-after"] == b"2"
        assert house.heard.headers[b"x-should-retry"] == b"true"


class RoomTests:
    """Bodies for anything but `/v1`, where nobody has said yet who asks."""

    @pytest.mark.parametrize("path", ["/", "/health", "/nothing/here", "/api/sign-in"])
    @pytest.mark.parametrize("framing", [f"Content-Length: {ROOM_BODY + 1}", "Transfer-Encoding: chunked"])
    def test_large_ones(self, path: str, framing: str) -> None:
        """A-09: what is larger than any of them needs, or does not say how large it is, is not taken in."""
        house = House()
        house.talk.say(f"POST {path} HTTP/1.1\r\nHost: gw\r\n{framing}\r\n\r\n".encode())

        assert (house.heard.status, codes([house.heard])) == (413, ["request_too_large"])

    def test_keys_that_are_pasted(self) -> None:
        """As many as there may be are read to their end."""
        house = House()
        house.talk.say(f"POST /nothing HTTP/1.1\r\nHost: gw\r\nContent-Length: {ROOM_BODY}\r\n\r\n".encode())
        assert not house.talk.wire.value()
        house.talk.say(bytes(ROOM_BODY))

        assert house.heard.status == 404


class WordsAboutACallTests:
    """What a client may say of its call in headers."""

    def test_deadline(self) -> None:
        """x-gw-deadline-ms shortens the call's deadline, never lengthens it; nonsense is ignored."""
        for value, left in (("1500", 1.5), ("99999999", 600.0), ("-5", 600.0), ("1e3", 600.0), ("soon", 600.0)):
            house = House()
            house.call(lines=BEARER + JSON + f"x-gw-deadline-ms: {value}\r\n")
            (call,) = house.gateway.calls

            assert call.deadline == left
            attempt = house.vendor.asked[0].attempt
            assert attempt.first_token <= left and attempt.hurried is (left == 1.5)
            house.talk.leave()

    @pytest.mark.parametrize(
        ("said", "kept"),
        [
            ("trace-1/2:3", "trace-1/2:3"),
            ("two words", None),
            ("x" * 129, None),
            ("caf\xe9", None),
            (fakes.CLIENT_SECRET.decode(), None),
            ("sn4_canary_of_the_vendor", None),
        ],
    )
    def test_reference(self, said: str, kept: str | None) -> None:
        """F-02, F-16: the client's own request id is noted where it is short, plain and no secret."""
        house = House()
        house.call(lines=BEARER + JSON + f"X-Client-Request-Id: {said}\r\n")
        house.vendor.answers(ANSWER)

        assert house.entry.reference == kept


class SecretTests:
    """P19: canaries."""

    def test_no_answer_holds_one(self) -> None:
        """No answer, good or bad, holds a key of ours, of a vendor, or the address of one."""
        house = House(fakes.config(fakes.upstream(2)))
        heard = b""
        for target in ("/v1/models", "/v1/models/acme/large", "/health", "/v1/nothing", f"/v1/{CHAT}", "/"):
            house.get(target)
            heard += house.talk.wire.value()
        house.talk.wire.clear()
        house.call()
        house.vendor.fails(VendorFault("sn4_", 500))
        house.talk.pass_seconds(1)
        house.vendor.answers(ANSWER)
        heard += house.talk.wire.value()

        assert b"sn4_" not in heard
        assert fakes.CLIENT_SECRET not in heard
        assert b"acme.example" not in heard


class UnreadableTests:
    """Bodies that are none."""

    @pytest.mark.parametrize("size", [1, LARGE + 1])
    def test_is_seen_by_the_charts(self, size: int) -> None:
        """It is the caller's fault there, read aside or not, and no call."""
        house = House()
        house.api.aside = execute
        house.gateway.history.begins(house.now() + house.gateway.wall - 60.0)
        house.talk.say(ask(BEARER + JSON, b"{" + b" " * size, CHAT))
        told = house.gateway.history.series("15m", house.now() + house.gateway.wall)

        assert house.heard.status == 400
        assert any(told.errors["caller"]) and not house.entries
