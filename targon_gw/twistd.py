"""What `twistd -n targon-gw` takes, and what it runs: the daemon, over a reactor of its own.

It loads nothing of ours until the sub-command is run: whoever fetches a reactor chooses it for the whole process.
"""

from __future__ import annotations

from contextlib import suppress

from twisted.application.service import IService
from twisted.python.usage import Options as UsageOptions


class Options(UsageOptions):
    """The words of the sub-command."""

    optParameters = [["config", "c", "/etc/targon-gw/gateway.yaml", "The gateway.yaml to go by."]]
    optFlags = [
        ["demo", None, "Where an upstream has no key, put a vendor in a box in its place."],
        ["recover", None, "Set aside what is damaged in the state folder, and go on without it."],
    ]
    longdesc = "An OpenAI-compatible gateway over many keys of an AI-model vendor."


def makeService(options: Options) -> IService:
    """What twistd runs."""
    with suppress(ImportError):  # of epoll, which only Linux has: elsewhere Twisted's own choice does as well
        from targon_gw.reactor import install

        install()
    from twisted.internet import reactor

    from targon_gw.service import daemon

    return daemon(reactor, options["config"], bool(options["demo"]), bool(options["recover"]))
