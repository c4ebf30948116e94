"""The JSON Schema of the four files, for editors that complete and check as one types.

It is made of the classes that the converter uses and of the patterns that the hooks use, so it cannot know other
settings than they do. It says less than `check`: no schema can tell that a route leads nowhere.
"""

from __future__ import annotations

import ast
import datetime
import enum
import inspect
import textwrap
import types
from itertools import pairwise
from typing import Annotated, Any, Final, Union, get_args, get_origin

import attrs
import cattrs
from attrs import define, field

from targon_gw.core.config import AtLeast, Duration, Network, QuotaPlan, Secret, Share, Size

from .scalars import DURATION, SHARE, SIZE
from .shapes import (
    AccountKey,
    AccountShape,
    ClientsFile,
    Endpoint,
    Endpoints,
    GatewayFile,
    KeyEntry,
    KeysFile,
    KeyShape,
    Matching,
    ModelsFile,
    OneOf,
    QuotaShape,
    Url,
)

Schema = dict[str, Any]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_FILES: Final = {"gateway": GatewayFile, "keys": KeysFile, "clients": ClientsFile, "models": ModelsFile}
_TEXT: Final[Schema] = {"type": "string"}
_SECRET: Final[Schema] = {"type": "string", "pattern": "^[!-~]+$", "description": "A secret."}
_WORDS: Final[dict[Any, Schema]] = {
    str: _TEXT,
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Duration: {"type": "string", "pattern": f"^{DURATION}$", "examples": ["30s", "5m"]},
    Size: {"type": "string", "pattern": f"^{SIZE}$", "examples": ["512KiB", "32MiB"]},
    Share: {"type": "string", "pattern": f"^{SHARE}$", "examples": ["20%"]},
    Url: {"type": "string", "pattern": "^https?://[^/@?#]+(/[^?#]*)?$"},
    Secret: _SECRET,
    datetime.datetime: {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]},
    Endpoint: _TEXT,
    Endpoints: {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]},
}


def schema() -> Schema:
    """A schema (draft 2020-12) with each file under `$defs`, and an object of the four at its top."""
    maker = _Maker()
    for file, shape in _FILES.items():
        maker.definitions[file] = maker.of_class(shape)
    maker.definitions["keys"]["additionalProperties"] = {
        "description": "The keys of the upstream of this name.",
        "anyOf": [{"type": "array", "items": maker.of(KeyEntry)}, {"type": "null"}],
    }
    return {
        "$schema": DIALECT,
        "title": "targon-gw settings",
        "type": "object",
        "properties": {file: {"$ref": f"#/$defs/{file}"} for file in _FILES},
        "additionalProperties": False,
        "$defs": maker.definitions,
    }


@define(eq=False)
class _Maker:
    """Turns types into schemas; classes become definitions, once each."""

    definitions: dict[str, Schema] = field(factory=dict)

    def of(self, shape: Any) -> Schema:
        """The schema of a value of type `shape`."""
        if shape in _WORDS:
            return dict(_WORDS[shape])
        if shape is QuotaPlan:
            return {**self.of(QuotaShape), "minProperties": 1}
        if shape in (KeyEntry, AccountKey):
            shapes = (KeyShape, AccountShape) if shape is KeyEntry else (KeyShape,)
            return {"anyOf": [dict(_SECRET), *map(self.of, shapes)]}
        if shape == Network:
            return {"type": "string", "examples": ["10.0.0.0/8"]}
        if attrs.has(shape):
            return self._reference(shape)
        if isinstance(shape, type) and issubclass(shape, enum.Enum):
            return {"type": "string", "enum": [member.value for member in shape]}
        return self._of_compound(shape)

    def of_class(self, shape: type) -> Schema:
        """The schema of a mapping of the settings that the class `shape` has."""
        attrs.resolve_types(shape)
        texts = _attribute_texts(shape)
        properties = {}
        for attribute in attrs.fields(shape):
            properties[attribute.name] = self.of(attribute.type) | _described(texts.get(attribute.name))
        required = [each.name for each in attrs.fields(shape) if each.default is attrs.NOTHING]
        made: Schema = {"type": ["object", "null"] if not required else "object"}
        made |= _described(inspect.getdoc(shape))
        made |= {"properties": properties, "additionalProperties": False}
        return made | ({"required": required} if required else {})

    def _reference(self, shape: type) -> Schema:
        name = shape.__name__.removesuffix("Shape")
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self.of_class(shape)
        return {"$ref": f"#/$defs/{name}"}

    def _of_compound(self, shape: Any) -> Schema:
        origin, arguments = get_origin(shape), get_args(shape)
        if origin is Annotated:
            return self.of(arguments[0]) | _ruled(arguments[1], arguments[0])
        if origin is tuple:
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            names = self.of(arguments[0])
            return {"type": "object", "propertyNames": names, "additionalProperties": self.of(arguments[1])}
        if origin in (Union, types.UnionType):
            (inner,) = (each for each in arguments if each is not types.NoneType)
            made = self.of(inner)
            return made if get_origin(inner) is tuple else {"anyOf": [made, {"type": "null"}]}
        raise cattrs.errors.StructureHandlerNotFoundError(f"no schema for {shape!r}", shape)


def _ruled(rule: object, inner: object) -> Schema:
    """What a rule beside a type adds to its schema."""
    match rule:
        case AtLeast(least):
            return {} if inner is Duration else {"minimum": least}
        case OneOf(words):
            return {"enum": list(words)}
        case Matching(pattern, wanted):
            return {"pattern": f"^{pattern}$", "description": f"{wanted[0].upper()}{wanted[1:]}."}
        case _:
            return {}


def _described(text: str | None) -> Schema:
    return {"description": " ".join(text.split())} if text else {}


def _attribute_texts(shape: type) -> dict[str, str]:
    """The texts below the attributes of a class, which Python itself throws away; none where there is no source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(shape)))
    except (OSError, SyntaxError):
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    texts = {}
    for before, after in pairwise(body):
        if (
            isinstance(before, ast.AnnAssign)
            and isinstance(before.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            texts[before.target.id] = str(after.value.value)
    return texts
