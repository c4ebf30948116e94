"""What people look at, wired: the rooms of pages, accounts, live figures and administration, each made once."""

from __future__ import annotations

import os
from typing import Any

from klein.resource import KleinResource

from targon_gw.core.users import User
from targon_gw.desk import DaemonDesk
from targon_gw.web.accounts import PREFIXES, Accounts
from targon_gw.web.admin import Admin
from targon_gw.web.admin_answers import part_of
from targon_gw.web.admin_desk import Actor
from targon_gw.web.backstage import PREFIX, Backstage
from targon_gw.web.figures import Figures
from targon_gw.web.live import PATHS, Live
from targon_gw.web.openapi import OpenApi
from targon_gw.web.pages import PAGES, PageRoom, Press
from targon_gw.web.request import Request
from targon_gw.web.rooms import Room, room
from targon_gw.web.statics import StaticRoom, fresh_statics, own_statics
from targon_gw.wiring import Wiring

LIVE = "TARGON_GW_STATIC_LIVE"
"""Set to 1 in the environment, the files of the pages are read for each request: for whoever works on them."""


def rooms(wiring: Wiring, desk: DaemonDesk) -> list[Room]:
    """All rooms of the daemon, in the order in which they are asked for an address."""
    return [
        *pages(wiring, os.environ.get(LIVE) == "1"),
        contract(wiring),
        accounts(wiring),
        figures(wiring),
        backstage(wiring, desk),
    ]


def pages(wiring: Wiring, live: bool) -> list[Room]:
    """The pages and their files; addresses that there are not are theirs to tell to people."""
    statics = fresh_statics if live else own_statics
    page_room = PageRoom(Press(statics, lambda: wiring.gateway.config, wiring.health.version))
    static_room = StaticRoom(statics, live)
    root: Any = wiring.site.resource
    root.tree.lost = page_room.lost
    page_app: Any = page_room.app
    static_app: Any = static_room.app
    return [room(page_app, *PAGES), room(static_app, "/static/", "/favicon.svg")]


def accounts(wiring: Wiring) -> Room:
    """Registering, signing in, and what is one's own."""
    app: Any = Accounts(wiring.registrar, wiring.visitors, wiring.audit.note).app
    return room(app, *PREFIXES)


def figures(wiring: Wiring) -> Room:
    """How the gateway is, and streams of what changes, which end as the daemon begins to leave."""

    def identify(request: Request) -> User | None:
        found = wiring.visitors.signed_in(request)
        return None if found is None else found.user

    told = Figures(wiring.gateway, wiring.now, wiring.started, wiring.health.version)
    live = Live(told, wiring.reactor, wiring.books.measures.moved, identify)
    wiring.parting.append(live.close)
    app: Any = live.app
    return room(app, *PATHS)


def contract(wiring: Wiring) -> Room:
    """The contract for machines."""
    app: Any = OpenApi(wiring.gateway, wiring.health.version).app
    return room(app, "/openapi.json")


def backstage(wiring: Wiring, desk: DaemonDesk) -> Room:
    """The admin tree, for an admin's browser and for whoever bears the token."""
    token = wiring.gateway.config.admin.token

    def tree(actor: Actor, request: Request) -> KleinResource:
        return part_of(Admin(desk.acting(actor)), request)

    app: Any = Backstage(wiring.visitors, token, tree).app
    return room(app, PREFIX)
