"""The open streams of pages, and what is sent to all of them at a tick: made once, one write for each.

It ticks only while somebody listens. Who does not read is dropped, for it would be told ever later what was long ago;
what is written to many is written a portion a turn of the reactor, so that no call waits for all of them. A stream that
was told nothing for a while is sent a comment: so a way that is dead is found out, and one through a proxy stays open.
Streams end when the daemon begins to leave, and are no calls: no restart waits for them.
"""

# mypy: disallow-untyped-calls=False
# Twisted is not typed throughout.

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from targon_gw.core.bank import caller
from targon_gw.core.errors import Refusal

from .news import News
from .peers import LOCAL
from .request import Request
from .rooms import PRIVATE

log = Logger()

TICK: Final = 0.5
"""Seconds: what has happened is told within a second, with time to come through."""
COMMENT_EVERY: Final = 15.0
"""Seconds without anything new: proxies close ways that are silent for 30 to 60."""
COMMENT: Final = b": still here\n\n"
RETRY: Final = b"retry: 3000\n\n"
"""Milliseconds after which a browser tries again by itself."""
MOST: Final = 2000
"""Streams in all: some 20 KiB each."""
MOST_UNREAD: Final = 1 << 18
"""Bytes that a stream may leave unread at a tick, beside what the system keeps for it."""
PORTION: Final = 50
"""Streams that are written to in one turn of the reactor: under a millisecond."""
_HEAD: Final = ((b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no"), *PRIVATE)


@define(eq=False)
class Listener:
    """One open stream. `may_go_on` is asked each time before anything is told: a right that was taken away is gone."""

    request: Request
    view: str
    place: str
    """Whom it is counted for."""
    may_go_on: Callable[[], bool]


@define(eq=False)
class Fanout:
    """`news` by name; `views` say which of them whoever looks that way is told. `now` is monotonic seconds."""

    clock: IReactorTime
    now: Callable[[], float]
    news: Mapping[str, News]
    views: Mapping[str, tuple[str, ...]]
    most_of_one: Callable[[], int]
    """Streams that one address may have open."""
    closed: bool = False
    _listeners: dict[Listener, None] = field(factory=dict)
    """In the order in which they came."""
    _of: Counter[str] = field(factory=Counter)
    _loop: LoopingCall | None = None
    _rest: list[tuple[Listener, bytes]] = field(factory=list)
    """What is still to be written of this tick."""
    _writing: IDelayedCall | None = None
    _spoke: dict[str, float] = field(factory=dict)
    """When a view was last told anything."""

    @property
    def listening(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    def _place_for(self, address: str) -> str:
        """Where one more stream of `address` is counted; raises `Refusal` where it may have none."""
        if self.closed:
            raise Refusal("draining", "This gateway is about to restart; try again in a moment.", wait=2.0)
        if len(self._listeners) >= MOST:
            raise Refusal("overloaded", "As many pages are open as may be. Try again later.", wait=30.0)
        place, bound = caller(address), self.most_of_one()
        if self._of[place] >= bound and place != LOCAL:  # behind that stands a proxy, for everybody
            told = f"This address has as many live pages open as it may: {bound}. Close some."
            raise Refusal("rate_limit_exceeded", told, wait=30.0)
        return place

    def join(self, request: Request, view: str, address: str, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Open a stream of that view, which is one of `views`; raises `Refusal` where there is no room for it."""
        now = self.now()
        listener = Listener(request, view, self._place_for(address), may_go_on)
        if request.ended:
            return
        listened = self._listened()
        first = [RETRY]
        for name in self.views[view]:
            first.append(self.news[name].whole(now))
            if name not in listened:  # nobody else is owed what has come until now
                self.news[name].fresh(now)
        self._listeners[listener] = None
        self._of[listener.place] += 1
        request.on_gone = lambda: self._leave(listener)
        request.open_stream(200, _HEAD)
        request.send_parts([b"".join(first)])
        if self._loop is None:
            self._begin()

    def close(self) -> None:
        """End all streams, and open none any more."""
        self.closed = True
        for listener in list(self._listeners):
            self._end(listener)

    def _listened(self) -> set[str]:
        views = {listener.view for listener in self._listeners}
        return {name for view in views for name in self.views[view]}

    def _begin(self) -> None:
        self._spoke.clear()
        loop = self._loop = LoopingCall(self._beat)
        loop.clock = self.clock
        loop.start(TICK, now=False)

    def _leave(self, listener: Listener) -> None:
        """It is gone, or about to be."""
        if listener not in self._listeners:
            return
        del self._listeners[listener]
        self._of[listener.place] -= 1
        if not self._of[listener.place]:
            del self._of[listener.place]
        if not self._listeners:
            self._rest.clear()
            loop, self._loop = self._loop, None
            if loop is not None and loop.running:
                loop.stop()
            writing, self._writing = self._writing, None
            if writing is not None and writing.active():
                writing.cancel()

    def _end(self, listener: Listener) -> None:
        """Close a stream from our side; one that leaves things unread at once, or it would be waited for."""
        self._leave(listener)
        request = listener.request
        request.on_gone = None
        if request.unread:
            request.transport.abortConnection()
        else:
            request.end_stream()

    # the tick

    def _beat(self) -> None:
        try:
            self._tick()
        except Exception:  # the edge: a bug in a figure must not end all streams for good
            log.failure("the pages could not be told what is new")

    def _tick(self) -> None:
        now = self.now()
        found = {name: self.news[name].fresh(now) for name in self._listened()}
        messages = {view: b"".join([found.get(name, b"") for name in names]) for view, names in self.views.items()}
        for view, message in messages.items():
            if message:
                self._spoke[view] = now
            elif now - self._spoke.setdefault(view, now) >= COMMENT_EVERY:
                self._spoke[view] = now
                messages[view] = COMMENT
        self._rest += [(each, messages[each.view]) for each in self._listeners if messages[each.view]]
        if self._writing is None:
            self._write()

    def _write(self) -> None:
        """Write to a portion; the rest has its turn when others have had theirs."""
        self._writing = None
        portion, self._rest = self._rest[:PORTION], self._rest[PORTION:]
        for listener, message in portion:
            if listener in self._listeners:
                if listener.request.unread > MOST_UNREAD or not listener.may_go_on():
                    self._end(listener)
                else:
                    listener.request.send_parts([message])
        if self._rest:
            self._writing = self.clock.callLater(0, self._write)
