"""The vendor's end of a connection: reads requests, performs scripts, and knows nothing of what they mean.

It writes exactly the bytes that a script says, in order, one request after another. It stops drawing steps while the
transport says that it has enough, so that nothing piles up here. A connection that goes, goes at once: the script is
dropped, the timer stopped, and the answer's entry says how it ended.
"""

from __future__ import annotations

from collections import deque

from attrs import define, field
from twisted.internet.interfaces import IAddress, IConsumer, IDelayedCall, IPushProducer, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from .admin import administer, is_administration
from .framing import head
from .reading import Arrival, HeadCame, Request, RequestReader, TooLarge, Unreadable, WholeCame
from .record import Answer, Ending
from .steps import Ambush, Close, Hang, Reset, Send, Wait
from .vendor import Vendor

BURST = 64
"""Steps performed in one turn of the reactor: other connections want their turn too."""
FLUSH = 0.02
"""Seconds between the last bytes and an RST: an abort throws away what the kernel has not been given yet."""
LATENESS = 1.0
"""Seconds of delay that are made up for; a reader who was away for longer does not get a flood instead."""
WAITING = 100
"""Pipelined requests that may wait; a client that sends more is not one."""


class ILine(ITCPTransport, IConsumer):
    """What a Conversation needs of its transport: TCP's two ways to end, and pressure back."""


@implementer(IPushProducer)
@define(eq=False, slots=False)
class Conversation(Protocol):
    """One connection to the vendor."""

    vendor: Vendor
    clock: IReactorTime
    transport: ILine = field(init=False, repr=False)
    _reader: RequestReader = field(init=False, repr=False)
    _waiting: deque[Request | Answer] = field(init=False, factory=deque, repr=False)
    _current: Answer | None = field(init=False, default=None, repr=False)
    _request: Request | None = field(init=False, default=None, repr=False)
    _ambush: tuple[Send | Close | Reset, ...] = field(init=False, default=())
    _timer: IDelayedCall | None = field(init=False, default=None, repr=False)
    _due: float = field(init=False, default=0.0)
    _wrote: bool = field(init=False, default=False)
    _paused: bool = field(init=False, default=False)
    _deaf: bool = field(init=False, default=False)
    _counted: bool = field(init=False, default=False)
    _gone: bool = field(init=False, default=False)
    _beginning: bool = field(init=False, default=False)

    # What Twisted calls.

    def connectionMade(self) -> None:
        """Somebody has connected."""
        self._reader = RequestReader(self.vendor.max_body)
        self.vendor.accepted += 1
        self.vendor.connections += 1
        self._counted = True
        self.transport.registerProducer(self, True)
        answer = self.vendor.accept(self.clock.seconds())
        if answer is not None:
            self._deaf = True
            self._begin(answer, None)

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come."""
        if self._ambush:
            self._spring()
        if self._deaf or self._gone:
            return
        for each in self._reader.feed(data):
            self._take(each)
        self._next()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is no more."""
        self._gone = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._uncount()
        self._waiting.clear()
        self._end(Ending.CLIENT_LEFT)

    def pauseProducing(self) -> None:
        """The reader has fallen behind."""
        self._paused = True

    def resumeProducing(self) -> None:
        """The reader has caught up."""
        self._paused = False
        if self._timer is None and self._current is not None and not self._gone:
            self._due = max(self._due, self.clock.seconds())
            self._timer = self.clock.callLater(0, self._turn)

    def stopProducing(self) -> None:
        """The connection is going; `connectionLost` follows."""
        self._paused = True

    # Requests in.

    def _take(self, arrival: Arrival) -> None:
        if self._deaf:
            return
        now = self.clock.seconds()
        match arrival:
            case HeadCame(request):
                early = None if is_administration(request) else self.vendor.early(request, now)
                if early is not None:
                    self._deaf = True
                    self._waiting.append(early)
                elif request.headers.get("expect", "").lower() == "100-continue":
                    self.transport.write(head(100, ()))
            case TooLarge(request):
                self._deaf = True
                self._waiting.append(self.vendor.refuse_size(request, now))
            case Unreadable():
                self._deaf = True
                self._waiting.append(self.vendor.refuse_nonsense(now))
            case WholeCame(request) if len(self._waiting) < WAITING:
                self._waiting.append(request)
            case WholeCame():
                self._deaf = True
                self.transport.abortConnection()

    def _next(self) -> None:
        """Begin the next answers, until one is under way; not from within itself, or a long pipeline would nest."""
        if self._beginning:
            return
        self._beginning = True
        while self._waiting and self._current is None and not self._gone:
            match self._waiting.popleft():
                case Answer() as answer:
                    self._begin(answer, None)
                case Request() as request if is_administration(request):
                    self._never_counted()
                    self.transport.write(administer(self.vendor, request))
                    if not request.keep_alive:
                        self._leave()
                case Request() as request:
                    self._begin(self.vendor.answer(request, self.clock.seconds()), request)
        self._beginning = False

    # Answers out.

    def _begin(self, answer: Answer, request: Request | None) -> None:
        self._current, self._request = answer, request
        self._due, self._wrote = self.clock.seconds(), False
        self.vendor.answering += 1
        self._turn()

    def _turn(self) -> None:
        """Perform steps until one of them, the transport or fairness asks for a pause."""
        self._timer = None
        for _ in range(BURST):
            if self._paused or self._current is None:
                return
            match next(self._current.script, None):
                case Send() as step:
                    self._current.served.note(step)
                    self.transport.write(step.data)
                    self._wrote = True
                case Wait(seconds):
                    if self._sleeps(seconds):
                        return
                case Hang():
                    return
                case Ambush(steps):
                    self._ambush = steps
                case Close():
                    self._end(Ending.CUT)
                    self._leave()
                case Reset():
                    self._reset()
                    return
                case None:
                    self._finish()
                    return
        self._timer = self.clock.callLater(0, self._turn)

    def _sleeps(self, seconds: float) -> bool:
        """Whether a wait of `seconds` after the last one is still to come; if so it has begun."""
        now = self.clock.seconds()
        self._due = max(self._due, now - LATENESS) + seconds
        if self._due <= now:
            return False
        self._timer = self.clock.callLater(self._due - now, self._turn)
        return True

    def _reset(self) -> None:
        self._deaf = True
        self._waiting.clear()
        self._end(Ending.CUT)
        if self._wrote:
            self._timer = self.clock.callLater(FLUSH, self._abort)
        else:
            self._abort()

    def _abort(self) -> None:
        self._timer = None
        self.transport.abortConnection()

    def _finish(self) -> None:
        """The script is over: the connection goes on, unless the client asked otherwise or was refused unheard."""
        request = self._request
        self._end(Ending.WHOLE)
        if request is None or not request.keep_alive:
            self._leave()
        else:
            self._next()

    def _end(self, ending: Ending) -> None:
        """No answer is under way any more."""
        if self._current is None:
            return
        served, self._current, self._request = self._current.served, None, None
        self.vendor.answering -= 1
        self.vendor.over(served, ending, self.clock.seconds())

    def _leave(self) -> None:
        self._deaf = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _spring(self) -> None:
        steps, self._ambush = self._ambush, ()
        for step in steps:
            match step:
                case Send(data):
                    self.transport.write(data)
                case Close():
                    self._leave()
                case Reset():
                    self._reset()

    def _never_counted(self) -> None:
        """A connection of the admin route is none of the vendor's, and never was."""
        if self._counted:
            self.vendor.accepted -= 1
            self._uncount()

    def _uncount(self) -> None:
        """Not one of the vendor's connections any more."""
        if self._counted:
            self._counted = False
            self.vendor.connections -= 1


@define(eq=False, slots=False)
class VendorFactory(Factory):
    """Makes a Conversation of each connection."""

    vendor: Vendor
    clock: IReactorTime
    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Conversation:
        """A new connection's protocol."""
        return Conversation(self.vendor, self.clock)
