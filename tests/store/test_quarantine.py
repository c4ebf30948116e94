"""Setting aside: bytes are moved, and every one of them is somewhere."""

from __future__ import annotations

import gzip
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from targon_gw.store.daybook import Daybook, lines
from targon_gw.store.quarantine import clean, keep_bytes, set_aside
from tests.store.stage import TODAY, text_of

LINES = [text_of([number]) for number in range(1, 6)]
JUNK = st.binary(max_size=12).map(lambda junk: junk.replace(b"\n", b"") + b"\n")


class CleanTests:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
    @given(
        st.lists(st.sampled_from(LINES) | JUNK, max_size=8), st.binary(max_size=30).map(lambda b: b.replace(b"\n", b""))
    )
    def test_every_line_is_in_one_of_two_files(self, tmp_path: Path, found: list[bytes], tail: bytes) -> None:
        """What is left reads well, and with what was moved it is what was there."""
        path, aside = tmp_path / f"{TODAY}.yaml", tmp_path / f"{TODAY}.yaml.bad"
        aside.unlink(missing_ok=True)
        path.write_bytes(b"".join(found) + tail)
        book = Daybook(str(path), TODAY, False)

        notes = clean(book)

        left = path.read_bytes().splitlines(keepends=True)
        moved = aside.read_bytes().split(b"\n")[:-1] if aside.exists() else []
        assert [number for number, _ in lines(book)] == sorted({LINES.index(line) + 1 for line in left})
        assert sorted([*left, *(line + b"\n" for line in moved)]) == sorted([*found, *([tail + b"\n"] if tail else [])])
        assert len(notes) == len(moved)
        assert clean(book) == []

    def test_a_packed_file_goes_as_a_whole(self, tmp_path: Path) -> None:
        """It can't be told where it broke; one that reads well stays."""
        path = tmp_path / f"{TODAY}.yaml.gz"
        book = Daybook(str(path), TODAY, True)
        path.write_bytes(gzip.compress(text_of([1])))
        assert clean(book) == []

        path.write_bytes(path.read_bytes()[:-5])
        [note] = clean(book)
        assert not path.exists()
        assert note.rpartition(" ")[2] in {str(kept) for kept in tmp_path.glob("*.bad-*")}


class KeepTests:
    def test_what_is_kept_twice_is_there_twice(self, tmp_path: Path) -> None:
        """The file of bad lines grows; nothing in it is lost to the next."""
        path = str(tmp_path / "file")
        keep_bytes(path, b"one")
        assert Path(keep_bytes(path, b"two\n")).read_bytes() == b"one\ntwo\n"

    def test_two_files_set_aside_have_two_names(self, tmp_path: Path) -> None:
        """The second does not take the first one's place."""
        names = set()
        for content in ("one", "two"):
            (tmp_path / "file").write_text(content)
            names.add(set_aside(str(tmp_path / "file")))

        assert sorted(Path(name).read_text() for name in names) == ["one", "two"]
