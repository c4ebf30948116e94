"""The house keeps its own rules: imports go down, the core is pure, each module has its test, nothing grows too long.

Each rule is first shown a small bad example, so that a rule which finds nothing is known to look.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from . import floors
from .floors import Rule, Source

ROOT = Path(__file__).resolve().parent.parent
OURS = floors.sources(ROOT, "targon_gw")
EVERYTHING = floors.sources(ROOT, "targon_gw", "tests", "bench", "twisted")
WITHOUT_TESTS: dict[str, str] = {}
"""Modules that need no test of their own, each with the reason."""

BAD: list[tuple[Rule, str, str]] = [
    (floors.imports_go_down, "targon_gw/web/api.py", "from targon_gw.outbound.carrier import Carrier"),
    (floors.imports_go_down, "targon_gw/web/api.py", "from targon_gw import outbound"),
    (floors.imports_go_down, "targon_gw/web/api.py", "def late():\n    import targon_gw.store.journal"),
    (floors.imports_go_down, "targon_gw/store/journal.py", "from ..settings import load"),
    (floors.imports_go_down, "targon_gw/logs.py", "from targon_gw.service import Options"),
    (floors.imports_go_down, "targon_gw/outbound/agent.py", "import targon_gw.cli"),
    (floors.imports_go_down, "targon_gw/core/call.py", "from targon_gw.web import relay"),
    (floors.imports_go_down, "targon_gw/attic/old.py", "import json"),
    (floors.core_stands_alone, "targon_gw/core/call.py", "from twisted.internet import defer"),
    (floors.core_stands_alone, "targon_gw/core/call.py", "import yaml"),
    (floors.core_is_pure, "targon_gw/core/call.py", "import random"),
    (floors.core_is_pure, "targon_gw/core/call.py", "from random import choice"),
    (floors.core_is_pure, "targon_gw/core/call.py", "import logging.config"),
    (floors.core_is_pure, "targon_gw/core/call.py", "from io import FileIO"),
    (floors.core_is_pure, "targon_gw/core/call.py", "from time import monotonic"),
    (floors.core_is_pure, "targon_gw/core/call.py", "import time\nsince = time.time()"),
    (floors.core_is_pure, "targon_gw/core/call.py", "import datetime\nat = datetime.datetime.now(datetime.UTC)"),
    (floors.core_is_pure, "targon_gw/core/call.py", "def read(path):\n    return open(path).read()"),
    (floors.no_reactor_at_import, "targon_gw/web/api.py", "from twisted.internet import defer, reactor"),
    (floors.no_reactor_at_import, "targon_gw/web/api.py", "import twisted.internet.reactor"),
    (
        floors.no_reactor_at_import,
        "targon_gw/web/api.py",
        "try:\n    from twisted.internet import reactor\nfinally:\n    pass",
    ),
    (floors.no_reactor_at_import, "targon_gw/web/api.py", "class A:\n    from twisted.internet import reactor"),
    (floors.relative_inside_a_room, "targon_gw/core/call.py", "from targon_gw.core.pool import KeyPool"),
    (floors.relative_inside_a_room, "targon_gw/web/api.py", "from ..core.errors import Refusal"),
    (floors.files_are_short, "targon_gw/core/call.py", "x = 1\n" * 401),
    (floors.functions_are_short, "targon_gw/core/call.py", "def long():\n" + "    x = 1\n" * 60),
    (floors.functions_are_short, "targon_gw/core/call.py", "class A:\n async def long(self):\n" + "  x = 1\n" * 60),
    (floors.names_are_house_words, "targon_gw/core/call.py", "class CallManager: ..."),
    (floors.names_are_house_words, "targon_gw/core/call.py", "class _HTTPHandler: ..."),
    (floors.names_are_house_words, "targon_gw/core/call.py", "class EventChannel: ..."),
    (floors.names_are_house_words, "targon_gw/core/key_utils.py", ""),
    (floors.modules_say_what_they_are, "targon_gw/core/call.py", "x = 1"),
    (floors.modules_say_what_they_are, "targon_gw/core/__init__.py", '"""The core."""\nfrom .call import Call'),
]
GOOD: list[tuple[Rule, str, str]] = [
    (
        floors.imports_go_down,
        "targon_gw/web/api.py",
        "from targon_gw.core.errors import Refusal\nfrom .relay import Relay",
    ),
    (
        floors.imports_go_down,
        "targon_gw/service.py",
        "from targon_gw.web import api\nfrom targon_gw.outbound import agent",
    ),
    (
        floors.core_stands_alone,
        "targon_gw/core/call.py",
        "import json\nfrom attrs import frozen\nfrom .pool import Lease",
    ),
    (floors.core_is_pure, "targon_gw/core/sse.py", "from io import BytesIO"),
    (floors.core_is_pure, "targon_gw/core/call.py", "def pool(pool):\n    pool.open(now=1.0)\n    return pool.time"),
    (floors.no_reactor_at_import, "targon_gw/service.py", "def make():\n    from twisted.internet import reactor"),
    (floors.relative_inside_a_room, "targon_gw/web/api.py", "from targon_gw.core import errors\nfrom . import relay"),
    (floors.files_are_short, "targon_gw/core/call.py", "x = 1\n" * 400),
    (floors.functions_are_short, "targon_gw/core/call.py", "def long():\n" + "    x = 1\n" * 59),
    (floors.names_are_house_words, "targon_gw/core/call.py", "class Database: ...\nclass Grouping: ..."),
    (floors.names_are_house_words, "targon_gw/web/channel.py", "class GatewayChannel: ..."),
    (floors.modules_say_what_they_are, "targon_gw/core/__init__.py", '"""The core."""'),
]


def heading(case: tuple[Rule, str, str]) -> str:
    """A parameter's name in pytest's report."""
    return f"{case[0].__name__}: {case[2].splitlines()[-1].strip() if case[2] else case[1]}"


class RuleTests:
    """The rules find what they are for."""

    @pytest.mark.parametrize("case", BAD, ids=heading)
    def test_bad_example_is_found(self, case: tuple[Rule, str, str]) -> None:
        """Each bad example brings one complaint that names its file."""
        rule, path, text = case

        complaints = rule(Source(path, text))

        assert len(complaints) == 1
        assert complaints[0].startswith(path)

    @pytest.mark.parametrize("case", GOOD, ids=heading)
    def test_good_example_passes(self, case: tuple[Rule, str, str]) -> None:
        """What the rule allows brings no complaint."""
        rule, path, text = case

        assert rule(Source(path, text)) == []

    def test_module_without_test_is_found(self) -> None:
        """A test of another room or of a longer name does not stand for a module's own."""
        modules = ["targon_gw/core/sse.py", "targon_gw/cli.py", "targon_gw/core/__init__.py"]

        assert floors.untested(modules, ["tests/web/test_sse.py", "tests/core/test_sser.py", "tests/test_cli.py"]) == [
            "targon_gw/core/sse.py: no tests/core/test_sse.py"
        ]
        assert floors.untested(modules, ["tests/core/test_sse_ends.py", "tests/test_cli.py"]) == []


class HouseTests:
    """The tree keeps the rules."""

    def test_there_is_a_house(self) -> None:
        """The rules are turned on files that exist: the core is among them."""
        assert any(source.room == "core" for source in OURS)
        assert {"targon_gw", "tests", "bench", "twisted"} == {source.path.split("/")[0] for source in EVERYTHING}

    @pytest.mark.parametrize(
        "rule",
        [
            floors.imports_go_down,
            floors.core_stands_alone,
            floors.core_is_pure,
            floors.relative_inside_a_room,
            floors.names_are_house_words,
            floors.modules_say_what_they_are,
        ],
        ids=lambda rule: rule.__name__,
    )
    def test_rule_of_the_house(self, rule: Rule) -> None:
        """No file of targon_gw breaks the rule."""
        assert [complaint for source in OURS for complaint in rule(source)] == []

    @pytest.mark.parametrize(
        "rule",
        [floors.no_reactor_at_import, floors.files_are_short, floors.functions_are_short],
        ids=lambda rule: rule.__name__,
    )
    def test_rule_of_the_whole_project(self, rule: Rule) -> None:
        """No Python file of the project breaks the rule."""
        assert [complaint for source in EVERYTHING for complaint in rule(source)] == []

    def test_each_module_has_its_test(self) -> None:
        """Each module of targon_gw is mirrored in tests/, but for those that say why not."""
        modules = [source.path for source in OURS]
        tests = [source.path for source in EVERYTHING if source.path.startswith("tests/")]

        missing = floors.untested([path for path in modules if path not in WITHOUT_TESTS], tests)

        assert missing == []
        assert all(path in modules and reason for path, reason in WITHOUT_TESTS.items())
