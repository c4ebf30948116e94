"""A folder of settings for tests: the four files, as small as they may be unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from targon_gw.settings.loading import Loaded, load
from targon_gw.settings.problems import SettingsError

SMALL = {
    "gateway.yaml": "upstreams: {targon: {base_url: https://api.targon.com/v1}}\n",
    "keys.yaml": "",
    "clients.yaml": "",
    "models.yaml": "",
}


def written(folder: Path, files: Mapping[str, str]) -> str:
    """Write `files` (`a.yaml`, or `a_yaml` in keyword form) over the small ones; the path of gateway.yaml."""
    for name, text in {**SMALL, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(folder / "gateway.yaml")


def loaded(folder: Path, files: Mapping[str, str], environ: Mapping[str, str] | None = None) -> Loaded:
    """The settings in `files`; raises `SettingsError`."""
    return load(written(folder, files), environ or {})


def refused(folder: Path, files: Mapping[str, str], environ: Mapping[str, str] | None = None) -> str:
    """What is said about `files`, with paths as seen from `folder`; fails if nothing is."""
    try:
        loaded(folder, files, environ)
    except SettingsError as error:
        return str(error).replace(f"{folder}/", "")
    raise AssertionError("these settings were taken")
