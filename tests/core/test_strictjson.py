"""Bodies that two parsers might read otherwise (faults catalogue, B-01 to B-10)."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core import strictjson
from targon_gw.core.errors import Refusal
from targon_gw.core.strictjson import COMMAS, CONTAINERS, COPIED, DEPTH, NAMES, echo, find, members, skeleton

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
jsonish = st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"a", b"1", b"1e999", b"\\u12", b"\xff", b" ", b"null"]
    )
).map(b"".join)


def refused(body: bytes) -> str:
    """The code that `body` is refused with."""
    with pytest.raises(Refusal) as caught:
        members(body)
    assert len(caught.value.message) < 300
    return caught.value.code


def outcome(body: bytes | bytearray) -> dict[str, bytes] | str:
    """The members of `body`, or what it is refused with."""
    try:
        return {name: bytes(raw) for name, raw in members(body).items()}
    except Refusal as refusal:
        return refusal.message


class MembersTests:
    """What is taken, and what is refused."""

    def test_values_are_their_own_bytes(self) -> None:
        """B-20: spaces, numbers and escapes stay as they were written."""
        found = members(b' {"a" : [1 ,2e+05] , "b":"\\u00e9\\/", "c":1.0}\r\n')

        assert {name: bytes(raw) for name, raw in found.items()} == {
            "a": b"[1 ,2e+05]",
            "b": b'"\\u00e9\\/"',
            "c": b"1.0",
        }

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" \n",
            b'{"a":1',
            b'{"a":1} x',
            b'{"a":1}{}',
            b"{'a':1}",
            b'{"a":1,}',
            b'{"a":01}',
            b'{"a":"\n"}',
            b"{a:1}",
        ],
    )
    def test_what_is_not_json_is_refused(self, body: bytes) -> None:
        """B-01: empty, blank, cut, followed by something, or JSON5."""
        assert refused(body) == "invalid_json"

    @pytest.mark.parametrize("body", [b"[]", b'"x"', b"null", b"1", b"true"])
    def test_what_is_no_object_is_refused(self, body: bytes) -> None:
        """B-02: other JSON than an object."""
        assert refused(body) == "invalid_json"

    @pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
    def test_nesting_ends_at_its_limit(self, opening: bytes) -> None:
        """B-03: as deep as the limit passes, one deeper does not, and 100,000 levels are no other error."""

        def nested(levels: int) -> bytes:
            inner = (opening * levels)[: len(opening) * levels]
            depth = inner.count(b"[") + inner.count(b"{")
            closing = inner.replace(b'"a":', b"").translate(bytes.maketrans(b"[{", b"]}"))[::-1]
            assert depth == len(closing)
            return b'{"x":' + inner + b"1" + closing + b"}"

        width = opening.count(b"[") + opening.count(b"{")
        members(nested((DEPTH - 1) // width))
        assert refused(nested((DEPTH - 1) // width + 1)) == "invalid_json"
        assert refused(nested(100_000)) == "invalid_json"

    def test_brackets_in_texts_are_not_nesting(self) -> None:
        """B-03: a prompt may hold any number of brackets, behind any number of backslashes."""
        text = '[{"\\' * 500 + "\\\\[[[["

        assert set(members(json.dumps({"a": text, "b\\": ["[" * 100]}).encode())) == {"a", "b\\"}

    def test_long_integers_pass(self) -> None:
        """B-04: an integer of 5,000 digits in a field that nobody reads is passed on."""
        digits = b"9" * 5000

        assert bytes(members(b'{"a":' + digits + b"}")["a"]) == digits

    @pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity"])
    def test_numbers_that_json_lacks_are_refused(self, value: bytes) -> None:
        """B-05: at the top and inside."""
        assert refused(b'{"a":' + value + b"}") == "invalid_json"
        assert refused(b'{"a":[{"b":' + value + b"}]}") == "invalid_json"

    def test_half_surrogates_are_refused(self) -> None:
        """B-06: they would raise where a text is encoded."""
        assert refused(b'{"a":"\\ud800"}') == "invalid_json"
        assert refused(b'{"\\udc00":1}') == "invalid_json"

    @pytest.mark.parametrize(
        "body",
        [
            b'{"a":1,"a":2}',
            b'{"a":1,"a":1}',
            b'{"a": 1, "b": 2, "a": 1}',
            b'{"\\u0061":1,"a":1}',
            b'{"a":1,"b":22,"a" : 1 }',
            b'{ "a":"x","a":"xx"}',
        ],
    )
    def test_a_name_given_twice_is_refused_by_name(self, body: bytes) -> None:
        """B-07: whatever the spaces, the values and the escapes."""
        with pytest.raises(Refusal, match="gives `a` more than once"):
            members(body)

    @given(
        st.dictionaries(st.text(max_size=5), values, min_size=1, max_size=4),
        st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :")]),
        values,
    )
    def test_a_name_given_twice_is_found_however_it_is_spaced(
        self, fields: dict[str, Any], spaces: tuple[str, str], value: object
    ) -> None:
        """B-07: compact, as Python's json.dumps has it, and as nobody has it."""
        name = next(iter(fields))
        once = json.dumps(fields, separators=spaces)
        again = f"{once[:-1]}{spaces[0]}{json.dumps(name)}{spaces[1]}{json.dumps(value, separators=spaces)}}}"

        assert members(once.encode()).keys() == fields.keys()
        assert refused(again.encode()) == "invalid_json"

    @pytest.mark.parametrize("spaces", [(",", ":"), (", ", ": ")], ids=["compact", "as Python has it"])
    def test_usual_spaces_are_no_reason_to_look_twice(self, spaces: tuple[str, str]) -> None:
        """To look at each name again takes as long as all else together."""
        body = json.dumps({"a": [1, {"b": 2}], "c": "x, y: z"}, separators=spaces).encode()

        with mock.patch.object(strictjson, "_all_members", None):
            assert members(body).keys() == {"a", "c"}

    def test_a_name_given_twice_further_in_passes(self) -> None:
        """B-07 is about what we and the vendor both read: the top."""
        assert bytes(members(b'{"a":{"b":1,"b":2}}')["a"]) == b'{"b":1,"b":2}'

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
    def test_utf8_alone_is_taken(self, encoding: str) -> None:
        """B-08: no byte order mark, no other encoding."""
        assert refused('{"a":"é"}'.encode(encoding)) == "invalid_json"

    @pytest.mark.parametrize("wrong", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe4\xbd"])
    def test_invalid_utf8_is_refused(self, wrong: bytes) -> None:
        """B-09: in a value, in a name, and at the edge of the slices that are checked."""
        assert refused(b'{"a":"' + wrong + b'"}') == "invalid_json"
        assert refused(b'{"' + wrong + b'":1}') == "invalid_json"
        assert refused(b'{"a":"' + b"x" * ((1 << 20) - 7) + wrong + b'"}') == "invalid_json"

    def test_a_character_over_the_edge_of_a_slice_is_whole(self) -> None:
        """B-09: what is checked in slices is not cut by them."""
        members(b'{"a":"' + b"x" * ((1 << 20) - 7) + "你".encode() + b'"}')

    @pytest.mark.parametrize(
        "body",
        [
            b'{"a":[' + b",".join([b"1"] * (COMMAS + 2)) + b"]}",
            b"{" + b",".join(b'"%d":1' % at for at in range(NAMES + 1)) + b"}",
            b'{"a":[' + b",".join([b'","'] * (COMMAS + 2)) + b"]}",
            b'{"a":[' + b",".join([b"{}"] * (CONTAINERS + 1)) + b"]}",
        ],
        ids=["elements", "names", "texts of commas", "objects"],
    )
    def test_too_many_parts_are_refused(self, body: bytes) -> None:
        """B-10, F-19: what would take long to read is not read, nor as many names as a flood of equal hashes needs."""
        assert refused(body) == "request_too_large"

    def test_commas_in_texts_are_not_parts(self) -> None:
        """B-10: a long prompt may hold any number of commas."""
        text = b'\\"c\\", d: ' * (COMMAS + 1)

        members(b'{"a":"' + text + b'"}')

    def test_too_many_members_are_refused(self) -> None:
        """No request has a thousand fields."""
        assert refused(b"{" + b",".join(b'"%d":1' % at for at in range(1001)) + b"}") == "invalid_json"

    @given(st.dictionaries(st.text(max_size=8), values, max_size=6), st.sampled_from([None, 1]))
    def test_every_object_is_taken_as_it_is(self, document: dict[str, Any], indent: int | None) -> None:
        """B-20: what is JSON passes, its values unaltered."""
        body = json.dumps(document, ensure_ascii=False, indent=indent).encode("utf-8", "replace")

        assert {name: json.loads(bytes(raw)) for name, raw in members(body).items()} == json.loads(body)

    @given(st.binary(max_size=60) | jsonish | jsonish.map(lambda inner: b'{"a":' + inner + b"}"))
    def test_nothing_else_is_ever_raised(self, body: bytes) -> None:
        """B-01 to B-09: whatever the bytes, a Refusal or an object that a plain parser takes, too."""
        try:
            found = members(body)
        except Refusal:
            return
        assert json.loads(body, parse_int=str).keys() == found.keys()


class SkeletonTests:
    """What stands outside texts."""

    @given(values)
    def test_it_is_what_is_left_without_texts(self, value: Any) -> None:
        """The brackets, commas and colons of a document whose texts are all empty."""

        def hollow(inner: Any) -> Any:
            match inner:
                case dict():
                    return [["", hollow(each)] for each in inner.values()]
                case list():
                    return [hollow(each) for each in inner]
            return 0

        def pairs(inner: Any) -> int:
            return str(hollow(inner)).count("['', ")

        found = skeleton(json.dumps(value).encode())
        assert found.count(b":") == pairs(value)
        assert found.count(b"[") + found.count(b"{") == str(hollow(value)).count("[") - pairs(value)

    @given(st.text('\\\\"[]{},:a') | values.map(json.dumps), st.integers(2, 9))
    def test_slices(self, text: str, size: int) -> None:
        """Where a large text is cut, in the midst of an escape for instance, makes no difference."""
        whole = skeleton(text.encode())

        with mock.patch.object(strictjson, "_SLICE", size):
            assert skeleton(text.encode()) == whole == skeleton(bytearray(text.encode()))


class FindTests:
    """Looking for something in slices."""

    @given(st.text("ab", max_size=20), st.text("ab", min_size=1, max_size=4), st.integers(0, 20), st.integers(1, 7))
    def test_as_bytes_do(self, text: str, what: str, start: int, size: int) -> None:
        """The same place, also where it lies across a cut."""
        with mock.patch.object(strictjson, "_SLICE", size):
            assert find(memoryview(text.encode()), what.encode(), start) == text.encode().find(what.encode(), start)


class EchoTests:
    """A client's value in a message."""

    @pytest.mark.parametrize(
        "raw", [b'"' + b"x" * 1000 + b'"', "你".encode() * 1000, b"\x1b[31m" * 20, b"\xe4\xbd" * 50]
    )
    def test_it_is_short_and_printable(self, raw: bytes) -> None:
        """B-12: at most 64 characters, without controls and without anything but ASCII."""
        shown = echo(raw)

        assert len(shown) <= 64
        assert shown.removesuffix("…").isascii()
        assert shown.isprintable()


class LargeTests:
    """Bodies that are not made anew to find doubles."""

    def test_doubles(self) -> None:
        """A field that is given twice is found in them, too (faults catalogue, B-07)."""
        long = b"x" * COPIED
        assert members(b'{"a":"%b"}' % long).keys() == {"a"}
        with pytest.raises(Refusal, match="more than once"):
            members(b'{"a":"%b","a":1}' % long)

    @given(
        jsonish.map(lambda inner: b'{"a":' + inner + b"}") | values.map(lambda value: json.dumps({"a": value}).encode())
    )
    def test_as_small_ones(self, body: bytes) -> None:
        """What is taken, and why the rest is not, has nothing to do with how a body is gone through (B-01 to B-09)."""
        small = outcome(body)

        with mock.patch.multiple(strictjson, _SLICE=3, COPIED=2):
            assert outcome(body) == small
            assert outcome(bytearray(body)) == small
