"""The vendor: who may ask, what is answered, and which fault is committed instead.

It decides and remembers; given a request and the time it answers with a script of steps, and never touches a socket, a
clock or a reactor. In this order: is the key known, can the body be read, is a fault asked for (by the model's name,
then by the charges in the order in which they were laid), may the account ask, can it pay, is there such a model.
"""

from __future__ import annotations

import random
from collections import Counter, deque

from attrs import define, evolve, field

from targon_gw.core.config import Dialect, Secret

from .accounts import Account, Standing
from .answers import embeddings, events, model_list, unary
from .catalogue import Ordered, UnknownFault, named_in, ordered
from .fault import Moment
from .orders import CHAT, COMPLETIONS, EMBEDDINGS, Inputs, Misread, Order, read_inputs, read_order
from .reading import Request
from .record import Answer, Charge, Ending, Served
from .refusals import (
    Rejection,
    exhausted,
    misread,
    throttled,
    too_large,
    too_many_cancelled,
    unauthorized,
    unknown_model,
    unknown_path,
    window_headers,
    wrong_method,
)
from .scene import Pace, Scene, Setting, Streamed, Unary
from .steps import Script
from .telling import Model, tell

MODELS = "/v1/models"
METHODS = {MODELS: "GET", CHAT: "POST", COMPLETIONS: "POST", EMBEDDINGS: "POST"}
REMEMBERED = 10_000
"""Entries of the log; older ones are forgotten, so that a demo may run for weeks."""
KEPT_WHOLE = 8
"""Requests kept with their bodies, for tests to look at."""
USUAL_MODELS = (
    Model("deepseek-ai/DeepSeek-V3"),
    Model("deepseek-ai/DeepSeek-R1", reasoning=True),
    Model("zai-org/GLM-4.5", reasoning=True),
    Model("Qwen/Qwen2.5-72B-Instruct"),
    Model("BAAI/bge-m3", dimensions=1024),
)
USUAL_ACCOUNTS = (
    Account(
        "first", ("sn4_rehearsal_first_key_one_00001", "sn4_rehearsal_first_key_two_00002"), requests_per_minute=120
    ),
    Account("second", ("sn4_rehearsal_second_key_one_0003",), requests_per_minute=120),
    Account("third", ("sn4_rehearsal_third_key_one_00004",), credits=200_000),
)
NOTHING_TO_SAY = Unary({})


@define(eq=False)
class Vendor:
    """A vendor in a box. Public attributes may be read and changed by tests at any time."""

    accounts: tuple[Account, ...] = USUAL_ACCOUNTS
    dialect: Dialect = Dialect.TARGON
    models: tuple[Model, ...] = USUAL_MODELS
    pace: Pace = Pace()
    luck: random.Random = field(factory=random.Random, repr=False)
    max_body: int = 64 << 20
    wall: float = 0.0
    """What must be added to the seconds of its clock for Unix ones."""
    log: deque[Served] = field(init=False, factory=lambda: deque(maxlen=REMEMBERED), repr=False)
    recent: deque[Request] = field(init=False, factory=lambda: deque(maxlen=KEPT_WHOLE), repr=False)
    charges: list[Charge] = field(init=False, factory=list)
    accepted: int = field(init=False, default=0)
    connections: int = field(init=False, default=0)
    answering: int = field(init=False, default=0)
    _standings: dict[str, Standing] = field(init=False, repr=False)
    _barred: set[str] = field(init=False, factory=set, repr=False)
    _committed: Counter[str] = field(init=False, factory=Counter, repr=False)

    def __attrs_post_init__(self) -> None:
        standings = {account.name: Standing(account) for account in self.accounts}
        self._standings = {key: standings[account.name] for account in self.accounts for key in account.keys}

    # What tests and operators ask of it.

    def bar(self, key: str) -> None:
        """Refuse `key` from now on."""
        self._barred.add(key)

    def unbar(self, key: str) -> None:
        """Take `key` again."""
        self._barred.discard(key)

    def misbehave(
        self,
        fault: str,
        key: str | None = None,
        account: str | None = None,
        model: str | None = None,
        times: int | None = None,
    ) -> Charge:
        """Commit `fault` (`NAME` or `NAME:ARG`) on requests by this key, account or model; `None` is any.

        `key` may be a fingerprint. After `times` the charge is spent; `None` is never. Of several charges that match,
        the one laid first counts. Raises `UnknownFault`.
        """
        if key is not None and not key.startswith("k-"):
            key = Secret(key).fingerprint
        charge = Charge(ordered(fault), key, account, model, times)
        self.charges.append(charge)
        return charge

    def behave(self) -> None:
        """Drop all charges."""
        self.charges.clear()

    def served(self, key: str) -> list[Served]:
        """The log's entries of one key, or of its fingerprint."""
        fingerprint = key if key.startswith("k-") else Secret(key).fingerprint
        return [entry for entry in self.log if entry.key == fingerprint]

    def spent(self, account: str) -> int:
        """Tokens billed to an account so far; raises KeyError where there is no such account."""
        return {standing.account.name: standing.spent for standing in self._standings.values()}[account]

    # What the wire asks of it.

    def accept(self, now: float) -> Answer | None:
        """What to do with a connection that has just been accepted; `None` is to listen."""
        for charge in self.charges:
            if charge.ordered.fault.moment is Moment.ACCEPT and charge.unnamed and charge.left != 0:
                return self._commit(charge.ordered, charge.spend(), NOTHING_TO_SAY, Served("", now), None)
        return None

    def early(self, request: Request, now: float) -> Answer | None:
        """What to answer before the body of `request` has come; `None` is to wait for it."""
        served = self._entry(request, now)
        for charge in self.charges:
            if charge.ordered.fault.moment is Moment.HEAD and charge.matches(served.key, served.account, None):
                return self._commit(charge.ordered, charge.spend(), NOTHING_TO_SAY, served, request.key)
        return None

    def refuse_size(self, request: Request, now: float) -> Answer:
        """What to answer to a body over `max_body`."""
        served = self._entry(request, now)
        scene = Scene(self._setting(served), NOTHING_TO_SAY)
        return self._begin(scene.reject_upload(too_large(self.dialect)), served)

    def refuse_nonsense(self, now: float) -> Answer:
        """What to answer to bytes that are no request; the connection ends with it."""
        served = Served("", now)
        scene = Scene(self._setting(served), NOTHING_TO_SAY)
        return self._begin(scene.reject(Rejection(400, b""), (("Connection", "close"),)), served)

    def answer(self, request: Request, now: float) -> Answer:
        """What to answer to a whole request."""
        served = self._entry(request, now)
        self.recent.append(request)
        allowed = METHODS.get(request.path)
        if allowed is None or (request.path == EMBEDDINGS and self.dialect is Dialect.TARGON):
            return self._reject(unknown_path(self.dialect), served)
        if request.method != allowed:
            return self._reject(wrong_method(self.dialect, allowed), served)
        if request.path == MODELS:
            return self._list(served)
        if served.account is None or request.key in self._barred:
            return self._reject(unauthorized(self.dialect), served)
        try:
            return self._serve(request, served)
        except Misread as error:
            return self._reject(misread(self.dialect, error.message, error.param), served)
        except UnknownFault as error:
            return self._reject(misread(self.dialect, error.message, "model"), served)

    def over(self, served: Served, ending: Ending, now: float) -> None:
        """An answer has ended; called once for each."""
        served.ending, served.ended = ending, now
        standing = self._standing(served)
        if standing is None:
            return
        standing.spent += served.completion_tokens
        if self.dialect is not Dialect.TARGON and served.completion_tokens:
            standing.spent += served.prompt_tokens
        if ending is Ending.CLIENT_LEFT:
            standing.cancel(now)

    # How it decides.

    def _entry(self, request: Request, now: float) -> Served:
        key = request.key
        standing = self._standings.get(key) if key is not None else None
        fingerprint = Secret(key).fingerprint if key is not None else None
        account = standing.account.name if standing else None
        return Served(request.path, now, fingerprint, account, request_id=request.headers.get("x-request-id"))

    def _standing(self, served: Served) -> Standing | None:
        mine = (standing for standing in self._standings.values() if standing.account.name == served.account)
        return next(mine, None)

    def _list(self, served: Served) -> Answer:
        content = Unary(model_list(self.models, self.dialect))
        charge = next((each for each in self.charges if each.unnamed and each.left != 0), None)
        if charge is not None:
            return self._commit(charge.ordered, charge.spend(), content, served, None)
        return self._whole(Scene(self._setting(served), content), served)

    def _serve(self, request: Request, served: Served) -> Answer:
        if request.path == EMBEDDINGS:
            asked: Order | Inputs = read_inputs(request.body)
        else:
            asked = read_order(request.path, request.body, self.dialect)
            served.stream = asked.stream
        served.prompt_tokens = asked.prompt_tokens
        plain, named = named_in(asked.model)
        served.model = plain or self.models[0].id
        model = next((each for each in self.models if each.id == served.model), None)
        if named is not None:
            nth = self._committed[asked.model]
            self._committed[asked.model] += 1
            return self._commit(named, nth, self._content(asked, model, served), served, request.key)
        for charge in self.charges:
            if charge.matches(served.key, served.account, served.model):
                content = self._content(asked, model, served)
                return self._commit(charge.ordered, charge.spend(), content, served, request.key)
        refusal = self._refusal(asked, model, served)
        if refusal is not None:
            return self._reject(refusal, served)
        return self._whole(Scene(self._setting(served), self._content(asked, model, served)), served)

    def _refusal(self, asked: Order | Inputs, model: Model | None, served: Served) -> Rejection | None:
        """Why an honest vendor would not answer; `None` where it would."""
        standing = self._standing(served)
        now = served.began
        if standing is not None:
            if standing.cancels_too_much(now):
                return too_many_cancelled(self.dialect)
            if not standing.ask(now):
                window = standing.window(now)
                assert window is not None, "an account without a limit may always ask"
                return throttled(self.dialect, window)
            dear = asked.max_tokens if self.dialect is Dialect.TARGON else 1
            if not standing.affords(dear):
                return exhausted(self.dialect)
        wrong_kind = model is not None and isinstance(asked, Inputs) is (model.dimensions is None)
        return unknown_model(self.dialect, asked.model) if model is None or wrong_kind else None

    def _content(self, asked: Order | Inputs, model: Model | None, served: Served) -> Streamed | Unary:
        """What would rightly be said; a fault may be asked of a model that nobody has."""
        model = model or self.models[0]
        if isinstance(asked, Inputs):
            sized = model if model.dimensions else evolve(model, dimensions=8)
            return Unary(embeddings(asked.texts, asked.sizes, sized, asked.as_base64))
        if asked.body.get("continue_final_message") is True and self.dialect is Dialect.OPENAI:
            raise Misread("Unrecognized request argument supplied: continue_final_message", "continue_final_message")
        telling = tell(asked, model, self.luck, served.began + self.wall)
        if asked.stream:
            return Streamed(lambda: events(telling, asked, self.dialect))
        return Unary(unary(telling, asked, self.dialect), telling.completion_tokens)

    def _setting(self, served: Served) -> Setting:
        standing = self._standing(served)
        window = standing.window(served.began) if standing and self.dialect is not Dialect.TARGON else None
        return Setting(self.dialect, self.pace, served.began, window_headers(window) if window else ())

    def _commit(self, what: Ordered, nth: int, content: Streamed | Unary, served: Served, key: str | None) -> Answer:
        served.fault = what.fault.name
        scene = Scene(self._setting(served), content, what.arg, nth, key or "")
        return self._begin(what.fault.commit(scene), served)

    def _reject(self, rejection: Rejection, served: Served) -> Answer:
        scene = Scene(self._setting(served), NOTHING_TO_SAY)
        return self._begin(scene.reject(rejection), served)

    def _whole(self, scene: Scene, served: Served) -> Answer:
        return self._begin(scene.whole(), served)

    def _begin(self, script: Script, served: Served) -> Answer:
        self.log.append(served)
        return Answer(script, served)
