"""The rehearsal by hand: `rehearse` runs a vendor until it is interrupted, and says how to make it misbehave."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.python.failure import Failure

from targon_gw.core.config import Dialect

from .listening import start
from .scene import Pace
from .vendor import Vendor

USUAL_PACE = 40.0
"""Events a second: about what a large model on good hardware streams to one reader."""


def rehearse(
    port: int = 0,
    host: str = "127.0.0.1",
    pace: float = USUAL_PACE,
    dialect: Dialect = Dialect.TARGON,
    first_token: float = 0.3,
) -> None:
    """Run a vendor on `host`:`port` (0: any free one) until SIGINT or SIGTERM.

    `pace` is in events a second (0: as fast as may be), `first_token` in seconds. Prints the address, the keys (made
    up: they open nothing but this) and a few ways to misbehave. Raises `twisted.internet.error.CannotListenError`.
    """
    from twisted.internet import reactor  # not before: whoever imports this module may still choose one

    run(reactor, Vendor(dialect=dialect, pace=Pace(first_token, pace)), port, host)


def run(reactor: Any, vendor: Vendor, port: int, host: str, out: TextIO | None = None) -> None:
    """Put `vendor` on a port of `reactor`, and turn that until it is stopped; raises what kept it from listening."""
    failures: list[Failure] = []
    listening: Deferred[IListeningPort] = start(reactor, vendor, port, host)

    def listens(listening_port: IListeningPort) -> None:
        address: Any = listening_port.getHost()
        print(greeting(vendor, f"http://{address.host}:{address.port}"), file=out or sys.stdout, flush=True)

    def fails(failure: Failure) -> None:
        failures.append(failure)
        reactor.callWhenRunning(reactor.stop)

    listening.addCallbacks(listens, fails)
    reactor.run()
    if failures:
        failures[0].raiseException()


def greeting(vendor: Vendor, address: str) -> str:
    """What stands on the terminal: where it listens, who may ask, how it is made to fail."""
    key = vendor.accounts[0].keys[0]
    keys = [f"  {key}  ({account.name})" for account in vendor.accounts for key in account.keys]
    models = [f"  {model.id}" for model in vendor.models]
    return "\n".join(
        [
            f"A rehearsed vendor ({vendor.dialect.value}) listens on {address}/v1",
            "keys:",
            *keys,
            "models:",
            *models,
            "try:",
            f"  curl -N {address}/v1/chat/completions -H 'Authorization: Bearer {key}' \\",
            f"""    -d '{{"model":"{vendor.models[0].id}","messages":[{{"role":"user","content":"hello"}}]}}'""",
            "misbehave, by the model's name:",
            f"  fault/reset-midway    fault/stall:5    {vendor.models[0].id}!throttled:30",
            "or by key, account or model, for so many requests:",
            f"""  curl {address}/rehearsal/faults -d '{{"fault":"reset-before-head","key":"{key}","times":3}}'""",
            f"  curl -X DELETE {address}/rehearsal/faults",
            f"see {address}/rehearsal/catalogue, /rehearsal/log, /rehearsal/connections",
        ]
    )
