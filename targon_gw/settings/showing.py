"""Settings in force, as plain values that read like the files: defaults included, secrets as fingerprints.

Never a secret, and no digest of a client's key either: of both only the fingerprint is shown.
"""

from __future__ import annotations

import datetime
import enum
import ipaddress
import types
from typing import Annotated, Any, Union, get_args, get_origin

import attrs
import yaml

from targon_gw.core.config import (
    Admin,
    ClientSettings,
    Config,
    Duration,
    KeySettings,
    Metrics,
    QuotaPlan,
    Secret,
    Share,
    Size,
    Unit,
    UpstreamSettings,
)

from .scalars import BYTES, SECONDS
from .shapes import MICRO


def show(config: Config) -> dict[str, Any]:
    """`config` as dicts, lists, texts and numbers, named as in the files."""
    shown = _of_class(config)
    shown["upstreams"] = {upstream.name: _without_name(upstream) for upstream in config.upstreams}
    return shown


def show_yaml(config: Config) -> str:
    """`config` as one YAML document."""
    return yaml.safe_dump(show(config), sort_keys=False, allow_unicode=True, width=120)


def _without_name(upstream: UpstreamSettings) -> dict[str, Any]:
    shown = _of_class(upstream)
    del shown["name"]
    return shown


def _of_class(value: attrs.AttrsInstance) -> dict[str, Any]:
    """The attributes of `value`, each as its type wants to be written."""
    attrs.resolve_types(type(value))
    shown = {each.name: _shown(getattr(value, each.name), each.type) for each in attrs.fields(type(value))}
    match value:
        case QuotaPlan(unit=unit, amount=amount):
            return {unit.value: amount / MICRO if unit is Unit.USD else amount, "per": value.per.value}
        case ClientSettings():
            del shown["digest"]
            return {"name": value.name, "key": f"k-{value.digest[:8]}"} | shown
        case KeySettings():
            del shown["boxed"]  # nothing that a file could say
            return shown
        case Metrics():
            return {"token_file": value.token_file}
        case Admin():
            return {"socket": value.socket, "token_file": value.token_file}
        case _:
            return shown


def _shown(value: Any, shape: Any) -> Any:
    """`value`, of the type `shape`."""
    shape = _bare(shape)
    if value is None or shape is bool:
        return value
    if shape is Duration:
        return duration_text(value)
    if shape is Size:
        return size_text(value)
    if shape is Share:
        return f"{round(value * 100, 3):g}%"
    match value:
        case Secret():
            return value.fingerprint
        case enum.Enum():
            return value.value
        case tuple():
            return [_shown(each, get_args(shape)[0]) for each in value]
        case dict():
            return dict(value)
        case datetime.datetime():
            return value.isoformat()
        case ipaddress.IPv4Network() | ipaddress.IPv6Network():
            return str(value)
        case _ if attrs.has(type(value)):
            return _of_class(value)
        case _:
            return value


def _bare(shape: Any) -> Any:
    """`shape` without the rules beside it and without `None`."""
    if get_origin(shape) is Annotated:
        return _bare(get_args(shape)[0])
    if get_origin(shape) in (Union, types.UnionType):
        others = [each for each in get_args(shape) if each is not types.NoneType]
        return _bare(others[0]) if len(others) == 1 else shape
    return shape


def duration_text(seconds: float) -> str:
    """`seconds` as the files write it, in the largest unit that leaves a whole number: `90s`, `5m`, `400d`."""
    for unit, length in sorted(SECONDS.items(), key=lambda each: -each[1]):
        count = round(seconds / length, 6)
        if seconds and count.is_integer():
            return f"{count:.0f}{unit}"
    return f"{seconds:g}s"


def size_text(size: int) -> str:
    """`size` as the files write it, in the largest unit that leaves a whole number: `512KiB`, `32MiB`."""
    unit, length = max((each for each in BYTES.items() if size % each[1] == 0), key=lambda each: each[1])
    return f"{size // length}{unit}"
