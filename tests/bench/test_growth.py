"""What growth costs: what is told and drawn of it, and how far it is taken."""

from __future__ import annotations

from pathlib import Path

from bench import growth


class GrowthTests:
    """What growth costs."""

    report: dict[str, dict[int, dict[str, float]]] = {
        "vendor keys": {
            10: {"call_us": 100.0, "start_s": 0.5, "mib": 50.0},
            1000: {"call_us": 105.0, "start_s": 0.6, "mib": 75.0},
        }
    }

    def test_last_line_says_how_much_it_grew(self) -> None:
        """From the smallest to the largest; what was not measured has no column."""
        lines = growth.tables(self.report).splitlines()

        assert lines[-1].split() == ["grew", "x", "1.05", "x", "1.20", "x", "1.50"]
        assert "flush_ms" not in lines[2]

    def test_what_was_measured_is_drawn(self) -> None:
        """A chart for each kind of figure that there is, by the name of what grew."""
        drawn = growth.charts(self.report)

        assert set(drawn) == {
            "growth-vendor-keys-call.svg",
            "growth-vendor-keys-long.svg",
            "growth-vendor-keys-memory.svg",
        }

    def test_full_plan_is_the_issues(self) -> None:
        """10 to 10,000 keys, 10 to 100,000 clients, 1 to 1,000 models, a year."""
        ends = {axis.name: (min(axis.sizes), max(axis.sizes)) for axis in growth.FULL.axes}

        assert ends["vendor keys"] == (10, 10_000)
        assert ends["clients"] == (10, 100_000)
        assert ends["models"] == (1, 1000)
        assert ends["days of ledger"] == (1, 365)

    def test_writing_is_seen(self, tmp_path: Path) -> None:
        """A state that has taken the name of the one before is another file, whatever is in it."""
        state, following = tmp_path / "state.yaml", tmp_path / "state.yaml.next"
        assert growth.inode(state) is None
        state.write_text("a")
        before = growth.inode(state)
        following.write_text("a")
        following.rename(state)

        assert growth.inode(state) not in (None, before)
