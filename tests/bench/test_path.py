"""What is made of the counts of a path."""

from __future__ import annotations

from bench.path import Executed, name_of, read, told

COUNTS = "\n".join(
    (
        "300\t10\t30\t/src/targon_gw/web/api.py\tApi.serve",
        "200\t10\t0\t/src/targon_gw/web/api.py\tApi._admit",
        "100\t20\t5\t/venv/lib/python3.11/site-packages/twisted/internet/defer.py\tDeferred.callback",
        "50\t5\t0\t<attrs generated methods targon_gw.x>\t__init__",
    )
)


class NameTests:
    """`name_of`."""

    def test_whose_it_is(self) -> None:
        """Ours, a package's, a made method, the standard library's."""
        assert name_of("/src/targon_gw/web/api.py") == "targon_gw/web/api.py"
        assert name_of("/v/lib/python3.11/site-packages/twisted/python/log.py") == "twisted/python/log.py"
        assert name_of("<attrs generated methods targon_gw.x>") == "attrs: made methods"
        assert name_of("/usr/lib/python3.11/enum.py") == "python: enum.py"


class ReadTests:
    """`read` and `told`."""

    def test_by_call_and_by_file(self) -> None:
        """Sums of functions, divided by the calls."""
        found = read(COUNTS, "unary", 10)

        assert (found.calls, found.instructions, found.frames, found.attributes) == (10, 65.0, 4.5, 3.5)
        assert found.files == {
            "targon_gw/web/api.py": 50.0,
            "twisted/internet/defer.py": 10.0,
            "attrs: made methods": 5.0,
        }

    def test_told_side_by_side(self) -> None:
        """The totals first, then the dearest files of both kinds; what one kind lacks is 0."""
        lines = told([read(COUNTS, "unary", 10), Executed("burst", 1, 9.0, 1.0, 0.0, {"b.py": 9.0})]).splitlines()

        assert lines[2].split() == ["of", "one", "call", "unary", "burst"]
        assert lines[3].split()[0] == "instructions"
        assert lines[5].split()[-2:] == ["3.50", "0.00"]
        assert lines[6].split()[0] == "targon_gw/web/api.py"
