"""Events out of bytes, at any split (faults catalogue, D-27 and D-29)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.sse import EventTooLarge, Splitter, payload

END = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}
ALPHABET = [b"\n", b"\r", b"\r\n", b":", b"data: a", b"data:b", b"id: 1", b"\xe4\xbd", b"\xa0", b" ", b"\xef\xbb\xbf"]
soup = st.lists(st.sampled_from(ALPHABET), max_size=30).map(b"".join)


def events_of(*reads: bytes, limit: int = 1 << 20) -> list[bytes]:
    """All events of `reads`, fed one after another."""
    splitter = Splitter(limit)
    return [event for read in reads for event in splitter.feed(read)]


def lines_of(events: list[bytes]) -> list[list[bytes]]:
    """The lines of each event, without their ends."""
    return [[line for line in event.splitlines() if line] for event in events]


def reference(data: bytes) -> list[list[bytes]]:
    """The lines of each whole event, read line by line as WHATWG says, comments and empty events left out."""
    found: list[list[bytes]] = []
    block: list[bytes] = []
    for line in data.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True):
        text = line.rstrip(b"\r\n")
        if line == text:
            break
        if text:
            block.append(text)
        else:
            kept = [each for each in block if not each.startswith(b":")]
            found += [kept] if kept else []
            block = []
    return found


class SplitterTests:
    """What is an event, and what is not."""

    def test_events_of_one_read_come_whole_and_in_order(self) -> None:
        """Each event keeps its bytes and its blank line; an unfinished one stays in `rest`."""
        splitter = Splitter()

        assert splitter.feed(b"data: a\n\ndata: b\n\ndata: c") == [b"data: a\n\n", b"data: b\n\n"]
        assert splitter.rest() == b"data: c"
        assert splitter.feed(b"\n\n") == [b"data: c\n\n"]
        assert splitter.rest() == b""

    @pytest.mark.parametrize("end", END.values(), ids=END.keys())
    @pytest.mark.parametrize("cut", range(47))
    def test_no_split_alters_an_event(self, end: bytes, cut: int) -> None:
        """D-27: CRLF, LF and lone CR, cut at every byte, also inside a character and between CR and LF."""
        first = b"id: 7" + end + b"data: " + "你好".encode() + end + end
        second = b"data:x" + end + b"data: y" + end + end
        data = first + second

        assert events_of(data[:cut], data[cut:]) == [first, second]

    def test_a_mark_of_byte_order_is_dropped_at_the_start_alone(self) -> None:
        """D-27: also where its three bytes come one by one."""
        assert events_of(b"\xef", b"\xbb", b"\xbf", b"data: a\n\n") == [b"data: a\n\n"]
        assert events_of(b"data: a\n\n\xef\xbb\xbfdata: b\n\n")[1] == b"\xef\xbb\xbfdata: b\n\n"

    def test_blank_lines_between_events_are_dropped(self) -> None:
        """Targon sends blank lines too many."""
        assert events_of(b"\n\n\ndata: a\n\n\n\n", b"\n", b"\ndata: b\n\n") == [b"data: a\n\n", b"data: b\n\n"]

    @pytest.mark.parametrize("end", END.values(), ids=END.keys())
    def test_comments_are_taken_out(self, end: bytes) -> None:
        """D-27: a block of comments vanishes; comments before and inside an event go, its own lines stay."""
        data = end.join([b": PROCESSING", b"", b": a", b"data: 1", b":b", b"data: :2", b"", b""])

        assert events_of(data) == [end.join([b"data: 1", b"data: :2", b"", b""])]

    def test_lone_cr_ends_an_event_at_once(self) -> None:
        """An event that ends in two CRs does not wait for the byte behind them; an LF there is a blank line."""
        splitter = Splitter()

        assert splitter.feed(b"data: a\r\r") == [b"data: a\r\r"]
        assert splitter.feed(b"\ndata: b\r\r") == [b"data: b\r\r"]

    def test_an_event_above_the_limit_is_refused(self) -> None:
        """D-29: a line without an end raises at the limit, and nothing of it is kept."""
        splitter = Splitter(limit=100_000)
        with pytest.raises(EventTooLarge):
            for _ in range(200):
                splitter.feed(b"x" * 1000)
        assert splitter.rest() == b""

    def test_a_whole_event_above_the_limit_is_refused(self) -> None:
        """D-29: the limit holds for what comes in one read, too."""
        with pytest.raises(EventTooLarge):
            Splitter(limit=100).feed(b"data: a\n\ndata: " + b"x" * 100 + b"\n\n")

    def test_a_long_event_that_comes_in_pieces_is_whole(self) -> None:
        """An event of several hundred KiB, its end cut in two, is what was sent."""
        event = b"data: " + b"x" * 300_000 + b"\r\n\r\n"
        reads = [event[at : at + 999] for at in range(0, len(event), 999)]
        *reads, last = [*reads[:-1], *(reads[-1][at : at + 1] for at in range(len(reads[-1])))]

        assert events_of(*reads, last) == [event]

    @given(soup, st.lists(st.integers(0, 120), max_size=6))
    def test_any_chunking_gives_the_same_events(self, data: bytes, cuts: list[int]) -> None:
        """However the bytes are cut, the events are the same; the cut never shows."""
        places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
        reads = [data[start:end] for start, end in pairwise(places)]

        assert events_of(*reads) == events_of(data) == events_of(*[data[at : at + 1] for at in range(len(data))])

    @given(soup)
    def test_events_are_those_of_a_plain_reading(self, data: bytes) -> None:
        """A byte more settles what a CR at the end means; the events are then those of a reading line by line."""
        data += b"z"

        assert lines_of(events_of(data)) == reference(data)


class PayloadTests:
    """The data of one event."""

    @pytest.mark.parametrize(
        ("event", "data"),
        [
            (b"data: {}\n\n", b"{}"),
            (b"data:{}\r\n\r\n", b"{}"),
            (b"data:  a\r\r", b" a"),
            (b"data: a\ndata: b\n\n", b"a\nb"),
            (b"event: error\nid: 1\ndata: x\n\n", b"x"),
            (b"data\n\n", b""),
            (b"id: 1\nretry: 5\n\n", b""),
            (b"database: 1\n\n", b""),
            (b"data: cut", b"cut"),
            (b"data: a\rid: 1\n\n", b"a"),
            (b"data: a\n\ndata: b\n\n", b"a\nb"),
        ],
    )
    def test_data_lines_are_joined(self, event: bytes, data: bytes) -> None:
        """D-27: with or without a space, several lines, other fields."""
        assert payload(event) == data
