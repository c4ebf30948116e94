"""The addresses of the document are those that there are."""

from __future__ import annotations

import re

from targon_gw.web.openapi import OpenApi
from targon_gw.web.site import Tree

from .contract import told


class PathsTests:
    """`paths`."""

    def test_routes_are_those_of_the_tree(self) -> None:
        """Every route of the Klein tree is in it and the other way round; the preflight is everywhere."""
        rules = [*Tree.app.url_map.iter_rules(), *OpenApi.app.url_map.iter_rules()]
        routed = {
            (re.sub(r"<[^>]*>", "{}", rule.rule), method)
            for rule in rules
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }
        shown = told()["paths"]
        known = {(re.sub(r"\{[^}]*\}", "{}", path), verb.upper()) for path, item in shown.items() for verb in item}

        assert {(path, verb) for path, verb in known if verb != "OPTIONS"} == routed
        assert {path for path, verb in known if verb == "OPTIONS"} == {path for path, _ in routed}
        assert "/<path:anything>" in {rule.rule for rule in rules if "OPTIONS" in (rule.methods or ())}
