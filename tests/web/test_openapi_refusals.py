"""The errors of the document are those of the tables."""

from __future__ import annotations

from typing import get_args

from targon_gw.core.errors import Code
from targon_gw.web.openapi_refusals import CONTRACT, MEANINGS
from targon_gw.web.refusals import RANKS

from .contract import told


class RefusalsTests:
    """`refusals` and `envelope_schemas`."""

    def test_every_code_has_its_status(self) -> None:
        """Each code of the contract is told with the status and the type of the table; the pages' are not told."""
        responses = told()["components"]["responses"]
        found = {
            code: (int(name.removeprefix("Error")), set(error["type"]["enum"]))
            for name, response in responses.items()
            for error in [
                response["content"]["application/json"]["schema"]["allOf"][1]["properties"]["error"]["properties"]
            ]
            for code in error["code"]["enum"]
        }

        assert set(found) == CONTRACT
        assert all(
            RANKS[code].status == status and RANKS[code].type in types for code, (status, types) in found.items()
        )
        assert set(MEANINGS) == set(RANKS) == set(get_args(Code))
