"""
A client's connection to one job server.

The rules of the wire that everything here follows:

  - Replies carry no number. They come in the order of the requests, so each
    request waits in line for its reply, and an ERROR is the reply to whoever is
    first in line.
  - What concerns a job comes whenever it comes, and names the job's handle.
  - A client that submits a job which joins one of its own is told everything
    about it once for each submission.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txgearman.client.silence import Silence
from txgearman.client.submission import Submission
from txgearman.connection.requesting import Requester
from txgearman.errors import ServerError, serverError
from txgearman.wire import packets as p
from txgearman.wire.codec import MALFORMED
from txgearman.wire.numbers import atoi

if TYPE_CHECKING:
    from txgearman.client.factory import GearmanClientFactory

# gearmand does not answer questions about longer handles.
_HANDLE_LIMIT = 63


class Watcher(Protocol):
    """
    Who is told about a submitted job: first that the server has it, or not;
    then what happens; at last, once, how it ended.
    """

    def created(self, handle: bytes) -> None:
        """
        The server has the job.
        """

    def refused(self, reason: Failure) -> None:
        """
        The server does not take it (L{ServerError}), or the connection is lost
        and nobody knows (L{ConnectionLost}). Nothing more comes.
        """

    def data(self, data: bytes) -> None:
        """
        The worker sent a part of the result.
        """

    def warning(self, data: bytes) -> None:
        """
        The worker sent a warning.
        """

    def progress(self, numerator: int, denominator: int) -> None:
        """
        The worker reported how far it is.
        """

    def complete(self, data: bytes) -> None:
        """
        The job is completed.
        """

    def fail(self) -> None:
        """
        The job failed.
        """

    def exception(self, data: bytes) -> None:
        """
        The job failed with an exception.
        """

    def lost(self, reason: Failure) -> None:
        """
        The connection is lost, and nothing more is heard of the job.
        """


@frozen
class JobStatus:
    """
    What a server knows of a job.

    @ivar known: whether it has the job at all.
    @ivar running: whether a worker runs it.
    @ivar numerator: the progress last reported, of C{denominator}.
    @ivar clients: how many clients wait for it; L{None} when the question was
        not one that is answered with it.
    """

    known: bool
    running: bool
    numerator: int
    denominator: int
    clients: int | None = None


class _Request(Protocol):
    """
    A request that waits for its reply.

    @ivar reply: the number of the packet that is the reply.
    @ivar since: when it was sent, where that matters.
    """

    reply: int
    since: float

    @property
    def answered(self) -> Callable[..., None]:
        """
        Takes the reply's arguments.
        """

    def failed(self, reason: Failure) -> None:
        """
        There is no reply: this came instead.
        """


@define(eq=False)
class _Question:
    """
    A request for something that is told to a Deferred.

    @ivar asked: fires with a tuple of the reply's arguments.
    """

    reply: int
    asked: Deferred[Any]
    since: float = 0.0

    def answered(self, *arguments: bytes) -> None:
        self.asked.callback(arguments)

    def failed(self, reason: Failure) -> None:
        self.asked.errback(reason)


@define(eq=False)
class _Submit:
    """
    A job that is submitted. There are many of these, so they make nothing else.

    @ivar watched: the connection's jobs that somebody watches; L{None} for a job
        that nobody is told about.
    """

    watcher: Watcher
    watched: dict[bytes, _Watched] | None
    reply: int = p.JOB_CREATED
    since: float = 0.0

    def answered(self, handle: bytes) -> None:
        if self.watched is not None:
            same = self.watched.get(handle)
            if same is None:
                self.watched[handle] = _Watched([self.watcher])
            else:
                same.watchers.append(self.watcher)
        self.watcher.created(handle)

    def failed(self, reason: Failure) -> None:
        self.watcher.refused(reason)


@define(eq=False)
class _Watched:
    """
    The watchers of one job: as many as the server sends copies of an event.
    """

    watchers: list[Watcher | None]
    turn: int = 0

    def next(self) -> Watcher | None:
        """
        Whose copy of an event this is; L{None} for one who was detached.
        """
        watcher = self.watchers[self.turn]
        self.turn = (self.turn + 1) % len(self.watchers)
        return watcher

    def all(self) -> list[Watcher]:
        """
        Those who want to know.
        """
        return [watcher for watcher in self.watchers if watcher is not None]


class GearmanClientProtocol(Requester):
    """
    One connection, on any stream transport.

    A request on a connection that is lost, or gets lost before the reply, fails
    with L{ConnectionLost}. Cancelling a request's Deferred takes nothing back
    that was sent.
    """

    factory: GearmanClientFactory

    def __init__(self) -> None:
        self._requests: deque[_Request] = deque()
        self._watched: dict[bytes, _Watched] = {}
        self._gone = False
        self._silence: Silence | None = None
        self._complaint = ""

    def connectionMade(self) -> None:
        """
        Introduce this client.
        """
        factory = self.factory
        if factory.answerTimeout is not None:
            self._silence = self._silenceOf(factory.answerTimeout)
        self._introduce(factory.clientId)
        if factory.exceptions:
            # A server that knows no such option says so; it may send
            # exceptions anyway.
            option = self._ask(p.OPTION_RES, p.OPTION_REQ, b"exceptions")
            option.addErrback(lambda failure: failure.trap(ServerError, ConnectionLost))
        factory.made(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Take a chunk of input.
        """
        if self._silence is not None:
            self._silence.heard()
        super().dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Nothing that is waited for will come.
        """
        self._gone = True
        if self._silence is not None:
            self._silence.end()
        requests, self._requests = self._requests, deque()
        watched, self._watched = self._watched, {}
        self.factory.lost(self, reason)
        complaint = self._complaint or reason.getErrorMessage()
        lost = Failure(ConnectionLost(complaint))
        for request in requests:
            request.failed(lost)
        for one in watched.values():
            for watcher in one.all():
                watcher.lost(lost)

    def _silenceOf(self, limit: float) -> Silence:
        """
        Find out when the server is silent for longer than it may be.
        """
        clock = self.factory.clock
        if clock is None:
            from twisted.internet import reactor

            clock = reactor

        def since() -> float | None:
            return self._requests[0].since if self._requests else None

        return Silence(clock, limit, since, self._stuck)

    def _stuck(self) -> None:
        """
        The server is silent: others may do better.
        """
        assert self._silence is not None
        self._complaint = f"no answer within {self._silence.limit:g} s"
        self._log.warn("a server is given up: {why}", why=self._complaint)
        self.factory.silent(self)
        self.giveUp()

    def _ask(self, reply: int, number: int, *arguments: bytes) -> Deferred[Any]:
        """
        Send a request and wait for its reply.

        @return: fires with a tuple of the reply's arguments.
        """
        asked: Deferred[Any] = Deferred()
        if self._expect(_Question(reply, asked)):
            self._send(number, *arguments)
        return asked

    def _expect(self, request: _Request) -> bool:
        """
        Wait in line for a reply.

        @return: whether to send the request: the connection is not lost.
        """
        if self._gone:
            request.failed(Failure(ConnectionLost("the connection is lost")))
            return False
        if self._silence is not None:
            request.since = self._silence.asked()
        self._requests.append(request)
        return True

    # Requests

    def submit(self, submission: Submission, watcher: Watcher) -> None:
        """
        Submit a job.

        @param watcher: who is told about it: of a job in the background, only
            that the server has it, or not.
        """
        watched = None if submission.inBackground else self._watched
        if self._expect(_Submit(watcher, watched)):
            number, arguments = submission.packet()
            self._send(number, *arguments)

    def detach(self, handle: bytes, watcher: Watcher) -> None:
        """
        Tell a watcher nothing more about a job. The job goes on, and so do the
        copies of its events that are the watcher's.
        """
        watched = self._watched.get(handle)
        if watched is not None and watcher in watched.watchers:
            watched.watchers[watched.watchers.index(watcher)] = None

    def status(self, handle: bytes) -> Deferred[JobStatus]:
        """
        Ask about a job.

        @raise ValueError: for what is no handle.
        """
        asked = self._ask(p.STATUS_RES, p.GET_STATUS, checked("handle", handle))
        return asked.addCallback(lambda reply: _jobStatus(*reply[1:]))

    def statusByUnique(self, unique: bytes) -> Deferred[JobStatus]:
        """
        Ask about the job with a unique.

        @raise ValueError: for what is no unique.
        """
        unique = checked("unique", unique)
        asked = self._ask(p.STATUS_RES_UNIQUE, p.GET_STATUS_UNIQUE, unique)
        return asked.addCallback(lambda reply: _jobStatus(*reply[1:]))

    def echo(self, data: bytes) -> Deferred[bytes]:
        """
        Have the server send something back.
        """
        return self._ask(p.ECHO_RES, p.ECHO_REQ, data).addCallback(_only)

    def command(self, line: bytes) -> Deferred[bytes]:
        """
        Send a text command that is answered with one line.

        @return: fires with the line, without its end.
        """
        asked: Deferred[Any] = Deferred()
        if self._expect(_Question(p.TEXT, asked)):
            self._write(line + b"\r\n")
        return asked.addCallback(_only)

    # Replies

    def _other(self, number: int, *arguments: bytes) -> None:
        """
        Hand a reply to the first in line.
        """
        if not self._requests or self._requests[0].reply != number:
            self._unexpected(number)
        else:
            self._requests.popleft().answered(*arguments)

    def _refused(self, code: bytes, text: bytes = b"") -> None:
        error = serverError(code, text)
        if self._requests:
            self._requests.popleft().failed(Failure(error))
        else:
            self._log.warn("unasked for: {error}", error=error)

    # Events

    def _noop(self) -> None:
        # For workers; a client that is none cannot be woken.
        return

    def _data(self, handle: bytes, data: bytes) -> None:
        if (watcher := self._next(handle)) is not None:
            watcher.data(data)

    def _warning(self, handle: bytes, data: bytes) -> None:
        if (watcher := self._next(handle)) is not None:
            watcher.warning(data)

    def _status(self, handle: bytes, numerator: bytes, denominator: bytes) -> None:
        if (watcher := self._next(handle)) is not None:
            watcher.progress(atoi(numerator), atoi(denominator))

    def _next(self, handle: bytes) -> Watcher | None:
        """
        Find whose copy of an event this is. Those of others, which come when
        the job is over, are nobody's.
        """
        watched = self._watched.get(handle)
        return None if watched is None else watched.next()

    def _complete(self, handle: bytes, data: bytes) -> None:
        for watcher in self._over(handle):
            watcher.complete(data)

    def _fail(self, handle: bytes) -> None:
        # gearmand may send a NUL along.
        handle = handle.rstrip(b"\0")
        for watcher in self._over(handle):
            watcher.fail()

    def _exception(self, handle: bytes, data: bytes) -> None:
        for watcher in self._over(handle):
            watcher.exception(data)

    def _over(self, handle: bytes) -> list[Watcher]:
        """
        A job is over for all of its watchers at the first copy of its end.
        """
        watched = self._watched.pop(handle, None)
        return [] if watched is None else watched.all()


def checked(what: str, name: bytes) -> bytes:
    """
    Make sure that something is a handle or a unique that can be asked about.

    @param what: which of them.
    @raise ValueError: when it is not.
    """
    if not 0 < len(name) <= _HANDLE_LIMIT:
        raise ValueError(f"a {what} has 1 to {_HANDLE_LIMIT} bytes: {name!r}")
    return name


def _jobStatus(
    known: bytes,
    running: bytes,
    numerator: bytes,
    denominator: bytes,
    clients: bytes | None = None,
) -> JobStatus:
    """
    Read a STATUS_RES or STATUS_RES_UNIQUE. Some servers leave numbers empty.
    """
    return JobStatus(
        known=known == b"1",
        running=running == b"1",
        numerator=atoi(numerator),
        denominator=atoi(denominator),
        clients=None if clients is None else atoi(clients),
    )


def _only(reply: tuple[bytes]) -> bytes:
    """
    The only argument of a reply.
    """
    return reply[0]


GearmanClientProtocol._events = {
    MALFORMED: GearmanClientProtocol._nonsense,
    p.ERROR: GearmanClientProtocol._refused,
    p.NOOP: GearmanClientProtocol._noop,
    p.WORK_DATA: GearmanClientProtocol._data,
    p.WORK_WARNING: GearmanClientProtocol._warning,
    p.WORK_STATUS: GearmanClientProtocol._status,
    p.WORK_COMPLETE: GearmanClientProtocol._complete,
    p.WORK_FAIL: GearmanClientProtocol._fail,
    p.WORK_EXCEPTION: GearmanClientProtocol._exception,
}
