"""Values of YAML become settings: one converter, whose every refusal says what was expected.

cattrs walks the classes; the hooks here decide what a value may look like. They raise `Misfit` only, so that
`misfits` can turn whatever comes out into a message and the path it is about. A text is never split into characters,
a number never taken for text, a text never for a number.
"""

from __future__ import annotations

import datetime
import enum
import re
import types
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

import attrs
import cattrs
from attrs import frozen
from cattrs.errors import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn

from targon_gw.core.config import AtLeast, Duration, Network, QuotaPlan, Secret, Share, Size

from . import scalars
from .marks import Document, Path
from .masking import is_open, shown_name
from .problems import Problem, did_you_mean
from .scalars import Misfit
from .shapes import AccountKey, AccountShape, Endpoint, Endpoints, KeyEntry, KeyShape, Matching, OneOf, QuotaShape, Url

T = TypeVar("T")


def structured(document: Document, value: object, shape: type[T], path: Path) -> tuple[T | None, list[Problem]]:
    """`value`, which stands at `path` of `document`, as a `shape`; or `None` and why not."""
    try:
        return _CONVERTER.structure(value, shape), []
    except (Misfit, cattrs.BaseValidationError) as error:
        return None, [_problem(document, *found) for found in _misfits(error, path)]


def _problem(document: Document, path: Path, message: str | Misfit, at_name: bool) -> Problem:
    if isinstance(message, Misfit):
        setting = next((step for step in reversed(path) if isinstance(step, str)), "")
        # What is indented below a value by mistake is more words of it to YAML: a key, as like as not.
        several = isinstance(message.got, str) and len(message.got.split()) > 1
        hidden = document.source.sensitive and (at_name or several or not is_open(setting))
        message = message.message(hidden)
    return document.problem(path, message, at_name)


def _misfits(error: BaseException, path: Path) -> Iterator[tuple[Path, str | Misfit, bool]]:
    """What `error` holds: the path, the message, and whether it is about the name rather than the value."""
    match error:
        case ClassValidationError() | IterableValidationError():
            for each in error.exceptions:
                yield from _misfits(each, path + _step(each))
        case ForbiddenExtraKeysError():
            known = _names(error.cl)
            for name in error.extra_fields:
                yield (*path, name), _Unknown(str(name), known), True
        case Misfit():
            yield path, error, False
        case KeyError():
            yield path[:-1], f"the setting '{error.args[0]}' is missing", True
        case _:
            raise error


def _step(error: BaseException) -> Path:
    """The step of the path that cattrs noted on `error`."""
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return (note.name,)
        if isinstance(note, IterableValidationNote):
            return (note.index,)
    return ()


class _Unknown(Misfit):
    """A name that is no setting."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__("", name)
        self.name, self.known = name, known

    def message(self, sensitive: bool) -> str:
        hint = did_you_mean(self.name, self.known) or f"; known here: {', '.join(self.known)}"
        return f"unknown setting {shown_name(self.name, sensitive)}{hint}"


def unknown(name: str, known: list[str], sensitive: bool) -> str:
    """The message about a name that is no setting."""
    return _Unknown(name, known).message(sensitive)


def _names(shape: type) -> list[str]:
    return [attribute.name for attribute in attrs.fields(shape)]


def _key_entry(value: object, _: object = None) -> KeyShape | AccountShape:
    """An item of a list of keys: a secret alone, the mapping of a key, or that of an account."""
    match value:
        case {"account": _} | {"keys": _}:
            return _CONVERTER.structure(value, AccountShape)
        case _:
            return _account_key(value)


def _account_key(value: object, _: object = None) -> KeyShape:
    """A key: a secret alone, or a mapping."""
    return _CONVERTER.structure(value, KeyShape) if isinstance(value, dict) else KeyShape(scalars.secret(value))


def _quota(value: object, _: object = None) -> QuotaPlan:
    shape = _CONVERTER.structure(value, QuotaShape)
    plan = shape.plan()
    if plan is None:
        raise Misfit("one of tokens, requests and usd in a quota")
    return plan


def _endpoints(value: object, _: object = None) -> tuple[str, ...]:
    if not isinstance(value, list):
        return (scalars.endpoint(value),)
    if not value:
        raise Misfit("one endpoint at least")
    return _each(value, Endpoint)


def _each(value: list[Any], shape: Any) -> tuple[Any, ...]:
    """Each item of `value` as a `shape`, with all that is wrong about them at once."""
    made, errors = [], []
    for index, item in enumerate(value):
        try:
            made.append(_CONVERTER.structure(item, shape))
        except (Misfit, cattrs.BaseValidationError) as error:
            error.add_note(IterableValidationNote(f"item {index}", index, shape))
            errors.append(error)
    if errors:
        raise IterableValidationError("items", errors, tuple)
    return tuple(made)


def _tuple_hook(shape: Any) -> Callable[[object, object], tuple[Any, ...]]:
    (item, _) = get_args(shape)

    def structure(value: object, _: object) -> tuple[Any, ...]:
        # `models:` with nothing behind it is not the same as every model: nothing is guessed.
        if not isinstance(value, list):
            raise Misfit("a list", value, ": write [] for an empty one" if value is None else "")
        return _each(value, item)

    return structure


def _dict_hook(shape: Any) -> Callable[[object, object], dict[str, Any]]:
    (key_shape, item_shape) = get_args(shape)

    def structure(value: object, _: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Misfit("a mapping of names to values", value)
        made, errors = {}, []
        for name, item in value.items():
            try:
                made[_CONVERTER.structure(name, key_shape)] = _CONVERTER.structure(item, item_shape)
            except (Misfit, cattrs.BaseValidationError) as error:
                error.add_note(IterableValidationNote(f"name {name}", name, shape))
                errors.append(error)
        if errors:
            raise IterableValidationError("names", errors, dict)
        return made

    return structure


def _class_hook(shape: Any) -> Callable[[object, object], Any]:
    inner = make_dict_structure_fn(shape, _CONVERTER, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True)

    def structure(value: object, _: object) -> Any:
        # `limits:` with every line below it commented out means the defaults.
        value = {} if value is None else value
        if not isinstance(value, dict):
            raise Misfit("a mapping of settings", value, f" (known here: {', '.join(_names(shape))})")
        return inner(value, shape)

    return structure


def _enum_hook(shape: type[enum.Enum]) -> Callable[[object, object], enum.Enum]:
    words = [str(member.value) for member in shape]

    def structure(value: object, _: object) -> enum.Enum:
        return shape(_one_of(value, words))

    return structure


def _one_of(value: object, words: list[str]) -> str:
    if not isinstance(value, str) or value not in words:
        hint = did_you_mean(value, words) if isinstance(value, str) else ""
        raise Misfit(f"one of {', '.join(words)}" if len(words) > 1 else words[0], value, hint)
    return str(value)


def _annotated_hook(shape: Any) -> Callable[[object, object], Any]:
    inner, rule = get_args(shape)[:2]

    def structure(value: object, _: object) -> Any:
        match rule:
            case AtLeast(least) if inner is Duration:
                return scalars.duration(value, least=least)
            case AtLeast(least):
                number = scalars.whole(value) if inner is int else scalars.number(value)
                if number < least:
                    raise Misfit(f"{least} or more", value)
                return number
            case OneOf(words):
                return _one_of(value, list(words))
            case Matching(pattern, wanted):
                text = scalars.text(value)
                if not re.fullmatch(pattern, text):
                    raise Misfit(wanted, text)
                return text
        raise TypeError(f"no rule for {shape!r}")

    return structure


def _option_hook(shape: Any) -> Callable[[object, object], Any]:
    (inner,) = (each for each in get_args(shape) if each is not types.NoneType)

    def structure(value: object, _: object) -> Any:
        # A list that is left empty by accident must not come to mean "no restriction".
        if value is None and get_origin(inner) is not tuple:
            return None
        return _CONVERTER.structure(value, inner)

    return structure


@frozen
class _Is:
    """A predicate of cattrs: whether a type's origin is one of `origins`."""

    origins: tuple[object, ...]

    def __call__(self, shape: object) -> bool:
        return get_origin(shape) in self.origins


def _is_option(shape: object) -> bool:
    return get_origin(shape) in (types.UnionType, Union) and types.NoneType in get_args(shape)


def _is_enum(shape: object) -> bool:
    return isinstance(shape, type) and issubclass(shape, enum.Enum)


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    converter.register_structure_hook_factory(attrs.has, _class_hook)
    converter.register_structure_hook_factory(_Is((tuple,)), _tuple_hook)
    converter.register_structure_hook_factory(_Is((dict,)), _dict_hook)
    converter.register_structure_hook_factory(_is_enum, _enum_hook)
    converter.register_structure_hook_factory(_is_option, _option_hook)
    converter.register_structure_hook_factory(_Is((Annotated,)), _annotated_hook)
    hooks: dict[Any, Callable[[Any, Any], Any]] = {
        str: scalars.text,
        int: scalars.whole,
        float: scalars.number,
        bool: scalars.switch,
        Duration: scalars.duration,
        Size: scalars.size,
        Share: scalars.share,
        Url: scalars.url,
        Secret: scalars.secret,
        datetime.datetime: scalars.moment,
        Endpoint: scalars.endpoint,
        Endpoints: _endpoints,
        QuotaPlan: _quota,
        KeyEntry: _key_entry,
        AccountKey: _account_key,
    }
    for shape, hook in hooks.items():
        converter.register_structure_hook(shape, hook)
    converter.register_structure_hook_func(lambda shape: shape == Network, scalars.network)
    return converter


_CONVERTER: Final = _converter()
