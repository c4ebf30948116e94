"""A browser at a house in memory: it keeps cookies, reads its CSRF token, and says where it comes from."""

from __future__ import annotations

import json
from typing import Any

from attrs import define, evolve, field

from targon_gw.core.config import Config, Registration
from targon_gw.web.accounts import PREFIXES, Accounts
from targon_gw.web.rooms import room
from targon_gw.web.visitors import Visitors
from tests import fakes

from .conversation import Answer, Conversation, Wire
from .house import House
from .registry import PASSWORD, Disk, registrar_of

HOST = "gw.example"


def at_home(registration: Registration = Registration.OPEN, settings: Config | None = None) -> Home:
    """A house where people can register; the one client of its settings leaves them the name `ann`."""
    found = settings or fakes.config()
    clients = [evolve(client, name="an-app") if client.name == "ann" else client for client in found.clients]
    return Home(House(evolve(found, registration=registration, clients=tuple(clients))))


@define(eq=False)
class Home:
    """A house with the room of accounts."""

    house: House
    disk: Disk = field(init=False)
    accounts: Accounts = field(init=False)
    noted: list[tuple[str, ...]] = field(factory=list)
    """Who did what, on what, from where."""

    def __attrs_post_init__(self) -> None:
        house = self.house
        registrar, self.disk = registrar_of(house.gateway, house.now)
        visitors = Visitors(house.gateway, house.now, registrar.seals.csrf)
        self.accounts = Accounts(registrar, visitors, lambda *event: self.noted.append(event))
        app: Any = self.accounts.app
        house.rooms.append(room(app, *PREFIXES))

    def browser(self, address: str = "198.51.100.7", **more: Any) -> Browser:
        """One at that address, which has been here."""
        found = Browser(self, address, **more)
        found.get("/api/me")
        return found

    def member(self, name: str = "ann", address: str = "198.51.100.7") -> Browser:
        """One that has registered, and is signed in."""
        found = self.browser(address)
        told = found.post("/api/register", {"name": name, "password": PASSWORD})
        assert told.status == 201, told.body
        return found

    def key_is_good(self, key: str) -> bool:
        """Whether one may call with it."""
        self.house.talk.wire.clear()
        return self.house.get("/v1/key", f"Authorization: Bearer {key}\r\n").status == 200


@define(eq=False)
class Browser:
    """`cookies` by name; `token` is what it was told last."""

    home: Home
    address: str
    cookies: dict[str, str] = field(factory=dict)
    token: str | None = None
    agent: str = "Browser/1.0"
    wire: Wire = field(factory=Wire)
    talk: Conversation = field(init=False)

    def __attrs_post_init__(self) -> None:
        house = self.home.house
        self.talk = Conversation(resource=house.talk.site.resource, clock=house.talk.clock, wire=self.wire)
        self.talk.channel.client_host = self.address

    def get(self, target: str, lines: str = "") -> Answer:
        """Ask."""
        return self.ask("GET", target, lines)

    def post(self, target: str, body: object = None, lines: str | None = None) -> Answer:
        """Send JSON as a page of ours would, or with other lines than it would."""
        return self.ask("POST", target, self.bearing() if lines is None else lines, body if body is not None else {})

    def delete(self, target: str) -> Answer:
        """Have it gone, as a page of ours would."""
        return self.ask("DELETE", target, self.bearing())

    def bearing(self) -> str:
        """What a page of ours sends along."""
        return f"Origin: http://{HOST}\r\nX-Csrf-Token: {self.token}\r\n"

    def ask(self, method: str, target: str, lines: str, body: object = None) -> Answer:
        """The answer, whose cookies and token are kept; it must have come."""
        sent = b"" if body is None else json.dumps(body).encode()
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        head = f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: {self.agent}\r\n{lines}"
        head += f"Cookie: {cookies}\r\n" if cookies else ""
        head += f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n" if sent else ""
        self.wire.clear()
        self.talk.say(head.encode("latin-1") + b"\r\n" + sent)
        heard = self.talk.heard()
        answer = heard[-1] if heard else Answer()
        self._keep(answer)
        return answer

    def _keep(self, answer: Answer) -> None:
        name, _, rest = answer.headers.get(b"set-cookie", b"").decode().partition("=")
        if name and "Max-Age=0" in rest:
            self.cookies.pop(name, None)
        elif name:
            self.cookies[name] = rest.partition(";")[0]
        if answer.body.startswith(b"{"):
            self.token = json.loads(answer.body).get("csrf", self.token)

    @property
    def me(self) -> Any:
        """What `/api/me` tells it."""
        return told(self.get("/api/me"))

    def leave(self) -> None:
        """Close the connection."""
        self.talk.leave()


def told(answer: Answer, status: int = 200) -> Any:
    """The JSON of an answer, which has that status."""
    assert answer.status == status, answer.body
    return json.loads(answer.body)


def refusal(answer: Answer) -> tuple[int, str]:
    """Status and code of an answer that says no."""
    return answer.status, json.loads(answer.body)["error"]["code"]
