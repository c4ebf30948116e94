"""The command line against the admin socket's real tree, in memory: what is typed goes through both ends."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from targon_gw.cli.client import Transport
from targon_gw.cli.main import main
from tests.web.office import Office


def transport(office: Office) -> Transport:
    """The way to an office."""

    def ask(method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        answer = office.ask(method, target, None if body is None else json.loads(body))
        return answer.status, answer.body

    return ask


def typed(office: Office | Transport | None, *words: str, **options: Any) -> Result:
    """What `targon-gw` answers to `words`; `office` None is nobody in between: the real way to a socket."""
    way = transport(office) if isinstance(office, Office) else office
    return CliRunner().invoke(main, words, obj=way, **options)


def told(office: Office, *words: str, **options: Any) -> str:
    """What stands on standard output where all goes well."""
    result = typed(office, *words, **options)
    assert result.exit_code == 0, result.output
    return result.stdout


def as_json(office: Office, *words: str) -> Any:
    """The same with `--json`, read."""
    return json.loads(told(office, *words, "--json"))
