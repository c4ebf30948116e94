"""Tests of targon_gw/settings/schema.py and showing.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from targon_gw.settings.schema import schema
from targon_gw.settings.shapes import ClientShape, GatewayFile, KeyShape, ModelShape


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a schema."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(child)


class SchemaTests:
    """The JSON Schema."""

    def test_is_json_with_the_four_files(self) -> None:
        """It is JSON, of draft 2020-12, with an object of the four files at its top and no oneOf."""
        found = json.loads(json.dumps(schema()))

        assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert list(found["properties"]) == ["gateway", "keys", "clients", "models"]
        assert not any("oneOf" in part for part in parts(found))

    def test_references_lead_somewhere(self) -> None:
        """Every $ref names a definition that is not empty."""
        found = schema()
        references = {part["$ref"] for part in parts(found) if "$ref" in part}

        assert len(references) > 15
        assert all(found["$defs"][reference.removeprefix("#/$defs/")] for reference in references)

    @pytest.mark.parametrize(
        ("name", "shape"),
        [("gateway", GatewayFile), ("Client", ClientShape), ("Key", KeyShape), ("ModelShape", ModelShape)],
    )
    def test_same_names_as_the_classes(self, name: str, shape: type) -> None:
        """It knows the settings that the converter knows, no more and no fewer."""
        definition = schema()["$defs"][name.removesuffix("Shape")]

        assert list(definition["properties"]) == [each.name for each in attrs.fields(shape)]
        assert definition["additionalProperties"] is False

    def test_descriptions_enums_patterns(self) -> None:
        """Attributes are described, choices listed, and the patterns take what the manual shows."""
        definitions = schema()["$defs"]

        assert definitions["gateway"]["properties"]["flush"]["description"] == "How often the snapshot is written."
        assert definitions["Upstream"]["properties"]["dialect"]["enum"] == ["openai", "targon", "vllm"]
        assert definitions["Upstream"]["required"] == ["base_url"]
        for pattern in {part["pattern"] for part in parts(definitions) if isinstance(part.get("pattern"), str)}:
            re.compile(pattern)
        assert re.search(definitions["gateway"]["properties"]["flush"]["pattern"], "5s")
        assert not re.search(definitions["gateway"]["properties"]["flush"]["pattern"], "soon")
