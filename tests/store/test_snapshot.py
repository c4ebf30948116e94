"""The snapshot: two generations, whole at any instant, read back as it was written."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from targon_gw.core.estate import State
from targon_gw.store import snapshot
from targon_gw.store.folder import StateFolder, seen
from targon_gw.store.snapshot import (
    BadSnapshot,
    NewerSnapshot,
    Snapshot,
    SnapshotFailed,
    Stored,
    encoded,
    migrated,
    read_snapshot,
)
from tests.store.stage import Later, at_once, opened, result

GOLDEN = Path(__file__).parent / "golden"
STATE: dict[str, Any] = {"ledger": {"calls": 3}, "keys": {"k-1f2e3d4c": {"health": "ready"}}, "sessions": []}
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e300, 1e300) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


def many(count: int) -> dict[str, Any]:
    """A state with that many clients."""
    return {
        "bank": {"clients": {f"client-{i}": {"used": i, "held": 0} for i in range(count)}},
        "recent": list(range(count)),
    }


class WriteTests:
    def test_what_was_written_is_read(self, tmp_path: Path) -> None:
        """The state and the number of the last line in it, for our eyes alone."""
        folder = opened(tmp_path)
        result(Snapshot(folder, at_once).write(STATE, 41207))

        assert read_snapshot(folder.state) == Stored(41207, STATE)
        assert os.stat(folder.state).st_mode & 0o777 == 0o600
        assert not os.path.exists(folder.state_next)

    def test_the_one_before_is_kept(self, tmp_path: Path) -> None:
        """There are two generations, and no third."""
        folder = opened(tmp_path)
        snapshots = Snapshot(folder, at_once)
        for n in (1, 2, 3):
            result(snapshots.write({"n": n}, n))

        assert read_snapshot(folder.state).n == 3
        assert read_snapshot(folder.state_before).n == 2
        assert sorted(os.listdir(folder.path)) == ["ledger", "lock", "state.yaml", "state.yaml.1"]

    def test_one_write_follows_another(self, tmp_path: Path) -> None:
        """The last flush waits for the one that runs."""
        folder, threads = opened(tmp_path), Later()
        snapshots = Snapshot(folder, threads)
        snapshots.write({}, 1)
        last = snapshots.write({}, 2)
        assert len(threads.asked) == 1
        threads.go()
        threads.go()

        result(last)
        assert [read_snapshot(path).n for path in (folder.state_before, folder.state)] == [1, 2]

    def test_an_edit_is_kept_aside(self, tmp_path: Path) -> None:
        """What somebody did to state.yaml is neither taken nor lost, and the one before stays ours (E-14)."""
        folder = opened(tmp_path)
        snapshots = Snapshot(folder, at_once)
        result(snapshots.write({"n": 1}, 1))
        result(snapshots.write({"n": 2}, 2))
        edited = Path(folder.state).read_bytes().replace(b'"n":2', b'"n":9')
        Path(folder.state).write_bytes(edited)

        result(snapshots.write({"n": 3}, 3))
        result(snapshots.write({"n": 4}, 4))

        [kept] = Path(folder.path).glob("state.yaml.conflict-*")
        assert kept.read_bytes() == edited
        assert [read_snapshot(path).n for path in (folder.state_before, folder.state)] == [3, 4]

    def test_a_file_found_at_the_start_is_known(self, tmp_path: Path) -> None:
        """What recovery read is the one before; what took its place meanwhile is a stranger's."""
        folder = opened(tmp_path)
        result(Snapshot(folder, at_once).write({}, 1))
        result(Snapshot(folder, at_once, seen(folder.state)).write({}, 2))
        assert read_snapshot(folder.state_before).n == 1

        result(Snapshot(folder, at_once).write({}, 3))
        assert len(list(Path(folder.path).glob("state.yaml.conflict-*"))) == 1
        assert read_snapshot(folder.state_before).n == 1

    def test_no_room_leaves_the_old_one_and_nothing_else(self, tmp_path: Path) -> None:
        """A write that fails is told, tried again by the next flush, and leaves no temporary file (E-06)."""
        folder = opened(tmp_path)
        snapshots = Snapshot(folder, at_once)
        result(snapshots.write({}, 1))
        os.mkdir(folder.state_next)
        with pytest.raises(SnapshotFailed):
            result(snapshots.write({}, 2))
        assert snapshots.failing is not None
        os.rmdir(folder.state_next)
        assert read_snapshot(folder.state).n == 1

        result(snapshots.write({}, 3))
        assert snapshots.failing is None
        assert [read_snapshot(path).n for path in (folder.state_before, folder.state)] == [1, 3]

    def test_a_value_that_is_not_plain_is_a_bug(self, tmp_path: Path) -> None:
        """It is raised as it is, and the old snapshot stands."""
        folder = opened(tmp_path)
        snapshots = Snapshot(folder, at_once)
        result(snapshots.write({}, 1))
        with pytest.raises(TypeError):
            result(snapshots.write({"key": object()}, 2))

        assert read_snapshot(folder.state).n == 1
        assert not os.path.exists(folder.state_next)


class EncodingTests:
    @given(st.dictionaries(TEXT, PLAIN, max_size=5), st.integers(0, 10**15))
    def test_any_plain_state_comes_back(self, state: dict[str, Any], n: int) -> None:
        """Whatever the values, the file is that object."""
        content = b"".join(encoded(state, n))

        assert json.loads(content.split(b"\n", 1)[1])["state"] == state

    @pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 1000])
    def test_slices_join_into_one_object(self, count: int) -> None:
        """Where the slices are cut can't be seen in what is read."""
        content = b"".join(encoded(many(count), 1))

        assert json.loads(content.split(b"\n", 1)[1])["state"] == many(count)

    def test_is_yaml_too(self) -> None:
        """A reader of YAML finds the same, odd characters and all."""
        state = {
            "names": ["\u2028", "\x85", "\x7f", "\ufeff", "ü", "\U0001f600", "\\u0085", "a: b # c", "no"],
            **many(300),
        }

        assert yaml.safe_load(b"".join(encoded(state, 7)))["state"] == state

    def test_a_large_state_is_encoded_piece_by_piece(self) -> None:
        """No piece is more than a small part of the file: between two of them the reactor runs (E-20)."""
        state = many(20_000)
        pieces = [len(piece) for piece in encoded(state, 1)]

        assert sum(pieces) > 800_000
        assert max(pieces) < 100_000

    def test_encoding_holds_no_second_copy(self) -> None:
        """What has been handed on is not held."""
        state = many(20_000)
        tracemalloc.start()
        try:
            for _ in encoded(state, 1):
                pass
            assert tracemalloc.get_traced_memory()[1] < 500_000
        finally:
            tracemalloc.stop()


class ReadTests:
    def stored(self, tmp_path: Path) -> Path:
        """A good snapshot's file."""
        folder: StateFolder = opened(tmp_path)
        result(Snapshot(folder, at_once).write(STATE, 5))
        return Path(folder.state)

    def test_every_flipped_bit_is_found(self, tmp_path: Path) -> None:
        """No byte of the file can change unseen (faults catalogue, E-04)."""
        path = self.stored(tmp_path)
        good = path.read_bytes()
        for at in range(len(good)):
            for bit in (0, 5):
                path.write_bytes(good[:at] + bytes([good[at] ^ (1 << bit)]) + good[at + 1 :])
                with pytest.raises(BadSnapshot):
                    read_snapshot(str(path))

    def test_every_cut_is_found(self, tmp_path: Path) -> None:
        """A file that ends early is none, wherever it ends (faults catalogue, E-09)."""
        path = self.stored(tmp_path)
        good = path.read_bytes()
        for length in range(len(good)):
            path.write_bytes(good[:length])
            with pytest.raises(BadSnapshot):
                read_snapshot(str(path))

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "empty"),
            (bytes(4096), "does not begin"),
            (b"\t\t\n", "does not begin"),
            (b"- a\n- list\n", "does not begin"),
            (b"# targon-gw state\n{}\n", "does not begin"),
        ],
    )
    def test_what_is_no_snapshot_is_refused(self, tmp_path: Path, content: bytes, why: str) -> None:
        """Empty, NULs, tabs, not a map: each is told (faults catalogue, E-09)."""
        path = tmp_path / "state.yaml"
        path.write_bytes(content)
        with pytest.raises(BadSnapshot, match=why):
            read_snapshot(str(path))

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        """A start can't be made to hang."""
        os.mkfifo(tmp_path / "state.yaml")
        with pytest.raises(BadSnapshot):
            read_snapshot(str(tmp_path / "state.yaml"))


class VersionTests:
    def test_the_golden_file_of_version_1(self, tmp_path: Path) -> None:
        """What version 1 wrote is read for ever: there were no users (faults catalogue, E-24)."""
        expected = json.loads((GOLDEN / "state-1.json").read_text())
        stored = read_snapshot(str(GOLDEN / "state-1.yaml"))

        assert stored == Stored(41207, {**expected, "people": {}})

    def test_the_golden_file_of_version_2(self, tmp_path: Path) -> None:
        """What version 2 wrote is read for ever, and version 2 writes those very bytes (faults catalogue, E-24)."""
        golden = GOLDEN / "state-2.yaml"
        expected = json.loads((GOLDEN / "state-2.json").read_text())
        stored = read_snapshot(str(golden))

        assert stored == Stored(41207, expected)
        assert snapshot.VERSION != 2 or b"".join(encoded(expected, 41207)) == golden.read_bytes()

    @pytest.mark.parametrize("version", [1, 2])
    def test_as_the_daemon_reads_it(self, version: int) -> None:
        """The sections that there are, and what is told of each client as it is written: it comes to the same."""
        told = {"people": {}, **json.loads((GOLDEN / f"state-{version}.json").read_text())}
        expected = {section: told[section] for section in ("ledger", "bank", "people")}
        stored = read_snapshot(str(GOLDEN / f"state-{version}.yaml"), State)

        assert isinstance(stored.state["bank"]["clients"]["ann"], msgspec.Raw)
        assert json.loads(msgspec.json.encode(stored.state)) == expected

    @pytest.mark.parametrize("state", [{"bank": []}, {"ledger": {"n": 1}}, {"people": None}])
    def test_another_shape(self, tmp_path: Path, state: dict[str, Any]) -> None:
        """A file that is whole and says what no state says is no snapshot; the message says where."""
        path = tmp_path / "state.yaml"
        path.write_bytes(b"".join(encoded(state, 1)))

        assert read_snapshot(str(path)).state == state
        with pytest.raises(BadSnapshot, match=rf"can't be read.*\$\.state\.{next(iter(state))}"):
            read_snapshot(str(path), State)

    def test_every_older_version_has_a_way_up_and_a_golden_file(self) -> None:
        """No state is left behind by a release that forgot it."""
        older = set(range(1, snapshot.VERSION))

        assert set(snapshot.MIGRATIONS) == older
        assert {f"state-{v}.yaml" for v in {*older, snapshot.VERSION}} == {path.name for path in GOLDEN.glob("*.yaml")}

    def test_a_newer_version_is_left_alone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file of a later gateway is refused by its version, not taken for damage (faults catalogue, E-24)."""
        monkeypatch.setattr(snapshot, "VERSION", 3)
        path = tmp_path / "state.yaml"
        path.write_bytes(b"".join(encoded({}, 1)))
        monkeypatch.undo()

        with pytest.raises(NewerSnapshot, match="its version is 3, and this gateway knows those up to 2"):
            read_snapshot(str(path))

    def test_an_older_version_goes_up_step_by_step(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each step leads to the next version; a missing one is told."""
        monkeypatch.setattr(snapshot, "VERSION", 3)
        monkeypatch.setitem(snapshot.MIGRATIONS, 1, lambda state: {**state, "two": True})
        with pytest.raises(BadSnapshot, match="nothing leads on from its version, 2"):
            migrated({"one": True}, 1)
        monkeypatch.setitem(snapshot.MIGRATIONS, 2, lambda state: {**state, "three": True})

        assert migrated({"one": True}, 1) == {"one": True, "two": True, "three": True}
        assert migrated({"two": True}, 3) == {"two": True}
