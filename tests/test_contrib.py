"""contrib/ speaks of what `/metrics` tells: each name and label that the board and the alerts use exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import frozen

from targon_gw.core.census import DRAINING, STATES
from targon_gw.core.measures import HEALTHS
from tests.web.scraping import scraped
from tests.web.test_exposition import busy

CONTRIB = Path(__file__).resolve().parent.parent / "contrib"
OF_PROMETHEUS = {"job", "instance"}
WORDS = {
    "state": {*STATES, DRAINING},
    "to": set(HEALTHS),
    "result": {"written", "failed"},
    "error_type": {""},
}
"""What a label may be said to equal."""
KEYWORDS = {"and", "or", "unless", "by", "on", "without", "bool"}


@frozen
class Use:
    """A metric as an expression selects it: its name, and the labels with what they are compared to."""

    name: str
    matchers: tuple[tuple[str, str, str], ...] = ()


def uses(expression: str) -> tuple[list[Use], set[str]]:
    """The metrics that an expression of PromQL selects, and the labels that it groups by."""
    grouping = {label.strip() for inside in re.findall(r"\bby \(([^)]*)\)", expression) for label in inside.split(",")}
    rest = re.sub(r"\bby \([^)]*\)", " ", expression)
    found = []
    for name, inside in re.findall(r"([a-zA-Z_]\w*)\{([^}]*)\}", rest):
        found.append(Use(name, tuple(re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', inside))))
    rest = re.sub(r"[a-zA-Z_]\w*\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", " ", rest)
    names = re.findall(r"(?<![\w.$])([a-zA-Z_]\w*)\b(?!\s*\()", rest)
    return [*found, *(Use(name) for name in names if name not in KEYWORDS)], grouping


def alerts() -> list[dict[str, Any]]:
    """The rules of alerts.yaml."""
    document = yaml.safe_load((CONTRIB / "alerts.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def board() -> dict[str, Any]:
    """The board."""
    found: dict[str, Any] = json.loads((CONTRIB / "grafana.json").read_text())
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression of both files, by whose it is."""
    for rule in alerts():
        yield rule["alert"], rule["expr"]
    shown = board()
    for panel in shown["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for annotation in shown["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
    for variable in shown["templating"]["list"]:
        if variable["type"] == "query":
            selected, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()  # type: ignore[union-attr]
            yield variable["name"], f"sum by ({label}) ({selected})"


@pytest.fixture(scope="module")
def told() -> dict[str, set[str]]:
    """Every name on the page of a gateway that has seen something, and the labels that go with it."""
    found: dict[str, set[str]] = {"up": set()}
    for name, labels in scraped(busy()):
        found.setdefault(name, set()).update(label for label, _ in labels)
    return found


class UsesTests:
    """The reader of expressions."""

    def test_reads(self) -> None:
        """Names bare and with matchers are found, functions, keywords, ranges and numbers are not."""
        found, grouping = uses('sum by (a, le) (rate(x_count{b=~"5..|y",c!=""}[5m])) > 0.05 * time() and z == 1e3')

        assert found == [Use("x_count", (("b", "=~", "5..|y"), ("c", "!=", ""))), Use("z")]
        assert grouping == {"a", "le"}


class ContribTests:
    """The files."""

    @pytest.mark.parametrize(("whose", "expression"), list(expressions()), ids=lambda each: each[:40])
    def test_names_exist(self, whose: str, expression: str, told: dict[str, set[str]]) -> None:
        """Each metric is on the page, with each label that it is selected or grouped by."""
        found, grouping = uses(expression)

        assert found, whose
        assert {use.name for use in found} <= told.keys()
        for use in found:
            assert {label for label, _, _ in use.matchers} <= told[use.name] | OF_PROMETHEUS
        assert grouping <= set().union(*(told[use.name] for use in found)) | OF_PROMETHEUS
        for label, how, value in [each for use in found for each in use.matchers]:
            if how in ("=", "!=") and label not in OF_PROMETHEUS:
                assert value in WORDS[label], label

    def test_what_is_shown_of_labels(self, told: dict[str, set[str]]) -> None:
        """Legends and messages name labels that their expression leaves."""
        for rule in alerts():
            shown = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
            _, grouping = uses(rule["expr"])
            assert shown <= grouping | OF_PROMETHEUS, rule["alert"]
        for panel in board()["panels"]:
            for target in panel["targets"]:
                found, grouping = uses(target["expr"])
                kept = grouping or set().union(*(told[use.name] for use in found)) | OF_PROMETHEUS
                assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept, panel["title"]

    def test_every_metric_is_shown(self, told: dict[str, set[str]]) -> None:
        """The board or an alert uses each family of ours."""
        used = {re.sub(r"_(bucket|count|sum)$", "", use.name) for _, each in expressions() for use in uses(each)[0]}
        ours = {
            re.sub(r"_(bucket|count|sum)$", "", name) for name in told if name.startswith(("gen_ai_", "targon_gw_"))
        }

        assert ours - used == {"targon_gw_draining"}

    def test_alerts_say_what_to_do(self) -> None:
        """Each alert has a name of its own, a severity, a summary and a description."""
        rules = alerts()

        assert len({rule["alert"] for rule in rules}) == len(rules)
        for rule in rules:
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["annotations"].keys() == {"summary", "description"}

    def test_board_is_laid_out(self) -> None:
        """Panels have numbers of their own and lie side by side, not one over another."""
        panels = board()["panels"]
        cells = [
            (x, y)
            for panel in panels
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]

        assert len({panel["id"] for panel in panels}) == len(panels)
        assert len(set(cells)) == len(cells) and max(x for x, _ in cells) < 24
