"""
The admin protocol from Python: what C{gearadmin} asks, as values.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import unquote_plus

from attrs import define, frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import (
    IProtocol,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from txgearman.codecs import Name, asBytes
from txgearman.connection.servers import serversFrom
from txgearman.errors import BadSetting, ServerError
from txgearman.wire import packets as p
from txgearman.wire.codec import PacketReader

T = TypeVar("T")

Lines = list[bytes]


@frozen
class FunctionStatus:
    """
    A row of C{status}.

    @ivar total: how many jobs there are, running ones included.
    @ivar running: how many of them run.
    @ivar workers: how many workers can do the function.
    """

    function: bytes
    total: int
    running: int
    workers: int


@frozen
class PriorityStatus:
    """
    A row of C{prioritystatus}: how many jobs wait, by priority, and how many
    workers can do the function.
    """

    function: bytes
    high: int
    normal: int
    low: int
    workers: int


@frozen
class Connected:
    """
    A row of C{workers}: one connection, of a worker or of anybody else.

    @ivar number: its file descriptor, or whatever tells it apart.
    @ivar address: where it comes from.
    @ivar clientId: what it calls itself.
    @ivar functions: what it can do.
    """

    number: int
    address: bytes
    clientId: bytes
    functions: tuple[bytes, ...]


@frozen
class JobRow:
    """
    A row of C{show jobs}.

    @ivar retries: how often workers gave the job up.
    @ivar ignored: whether it is only waiting to be forgotten.
    @ivar queued: whether it is kept for background.
    """

    handle: bytes
    retries: int
    ignored: bool
    queued: bool


@frozen
class Waiting:
    """
    A row of C{jobs}, which Perl's server and txgearman know.

    @ivar worker: where the job runs; C{-} when it does not.
    @ivar listeners: how many clients wait for it.
    """

    function: bytes
    unique: bytes
    worker: bytes
    listeners: int


@define(eq=False)
class _Command:
    """
    A command that waits for its answer.

    @ivar table: whether the answer is lines up to a dot.
    """

    table: bool
    answer: Deferred[Lines]


class _AdminProtocol(Protocol):
    """
    A connection on which nothing but text is spoken.
    """

    def __init__(self) -> None:
        self._reader = PacketReader(magic=p.RESPONSE)
        self._commands: deque[_Command] = deque()
        self._lines: Lines = []
        self._lost: Failure | None = None
        self._closing: list[Deferred[None]] = []

    @property
    def usable(self) -> bool:
        """
        Is the connection there?
        """
        return self._lost is None

    def ask(self, line: bytes, table: bool) -> Deferred[Lines]:
        """
        Send a command. Several may be under way.

        @return: fires with the lines of the answer, without ends and dot; fails
            with L{ServerError} for one that says C{ERR}, and with
            L{ConnectionLost}.
        """
        answer: Deferred[Lines] = Deferred()
        self._commands.append(_Command(table, answer))
        assert self.transport is not None
        self.transport.write(line + b"\r\n")
        return answer

    def dataReceived(self, data: bytes) -> None:
        """
        Take a chunk of input.
        """
        self._reader.feed(data)
        for number, arguments in self._reader.events():
            if number == p.TEXT and self._commands:
                self._line(arguments[0])
        if self._reader.closed:
            assert self.transport is not None
            self.transport.loseConnection()

    def _line(self, line: bytes) -> None:
        """
        Take one line of an answer.
        """
        command = self._commands[0]
        if line.startswith(b"ERR ") and not self._lines:
            self._commands.popleft()
            command.answer.errback(_refusal(line.removeprefix(b"ERR ")))
        elif command.table and line != b".":
            self._lines.append(line)
        else:
            self._commands.popleft()
            lines, self._lines = self._lines, []
            command.answer.callback(lines if command.table else [line])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        No answer comes any more.
        """
        self._lost = Failure(ConnectionLost(reason.getErrorMessage()))
        commands, self._commands = self._commands, deque()
        for command in commands:
            command.answer.errback(self._lost)
        closing, self._closing = self._closing, []
        for done in closing:
            done.callback(None)

    def close(self) -> Deferred[None]:
        """
        Disconnect.

        @return: fires when that is done.
        """
        if self._lost is not None:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._closing.append(done)
        assert self.transport is not None
        self.transport.loseConnection()
        return done


class AdminClient:
    """
    Asks one job server, and tells it::

        admin = AdminClient(reactor, "jobs.example.net")
        for row in await admin.status():
            print(row.function, row.total)
        await admin.close()

    It connects at the first question, and again when the connection was lost.
    Questions may be asked without waiting for the answers of others. An answer
    that says C{ERR} is a L{ServerError}.
    """

    def __init__(
        self, reactor: IReactorTime, server: str | IStreamClientEndpoint | None = None
    ) -> None:
        """
        @param server: an endpoint string, C{host}, C{host:port} or an endpoint;
            by default the one in C{GEARMAN_SERVERS} or C{GEARMAN_SERVER}, or the
            local one.
        @raise BadSetting: for one that cannot be understood, or several.
        """
        servers = serversFrom(reactor, server)
        if len(servers) > 1:
            raise BadSetting("an admin client is for one server")
        self._endpoint = servers[0].endpoint
        self._waiting: list[Deferred[_AdminProtocol]] = []
        self._protocol: _AdminProtocol | None = None

    # Asking

    def status(self) -> Deferred[list[FunctionStatus]]:
        """
        What functions there are, and how they fare.
        """
        return self._table(b"status", _functionRow)

    def priorityStatus(self) -> Deferred[list[PriorityStatus]]:
        """
        How many jobs of each priority wait.
        """
        return self._table(b"prioritystatus", _priorityRow)

    def workers(self) -> Deferred[list[Connected]]:
        """
        Who is connected.
        """
        return self._table(b"workers", _connectedRow)

    def jobs(self) -> Deferred[list[JobRow]]:
        """
        What jobs there are (C{show jobs}).
        """
        return self._table(b"show jobs", _jobRow)

    def uniques(self) -> Deferred[list[bytes]]:
        """
        The uniques of the jobs (C{show unique jobs}).
        """
        return self._table(b"show unique jobs", bytes)

    def waiting(self) -> Deferred[list[Waiting]]:
        """
        Who runs which job, and how many wait for it (C{jobs}).
        """
        return self._table(b"jobs", _waitingRow)

    def version(self) -> Deferred[str]:
        """
        The server's version.
        """
        return self._value(b"version").addCallback(bytes.decode)

    def processId(self) -> Deferred[int]:
        """
        The server's process id (C{getpid}).
        """
        return self._value(b"getpid").addCallback(int)

    def verbosity(self) -> Deferred[str]:
        """
        How much the server logs (C{verbose}).
        """
        return self._value(b"verbose").addCallback(bytes.decode)

    # Telling

    def cancel(self, handle: Name) -> Deferred[None]:
        """
        End a job (C{cancel job}). One that the server does not have is
        C{UNKNOWN_JOB}.
        """
        return self._order(b"cancel job", handle)

    def createFunction(self, function: Name) -> Deferred[None]:
        """
        Make a function known.
        """
        return self._order(b"create function", function)

    def dropFunction(self, function: Name) -> Deferred[None]:
        """
        Forget a function.
        """
        return self._order(b"drop function", function)

    def maxQueue(self, function: Name, *limits: int) -> Deferred[None]:
        """
        Limit a function's queue.

        @param limits: how many jobs it may have: one number, or three for high,
            normal and low priority. None for any number.
        """
        words = [function, *(b"%d" % limit for limit in limits)]
        return self._order(b"maxqueue", *words)

    def shutDown(self, graceful: bool = False) -> Deferred[None]:
        """
        Stop the server, which may be one that does not know of it.

        @param graceful: whether it is to let running jobs end.
        """
        return self._order(b"shutdown graceful" if graceful else b"shutdown")

    def close(self) -> Deferred[None]:
        """
        Disconnect.

        @return: fires when the connection is closed; what is under way fails
            with L{ConnectionLost}.
        """
        protocol, self._protocol = self._protocol, None
        return succeed(None) if protocol is None else protocol.close()

    def _table(self, command: bytes, row: Callable[[bytes], T]) -> Deferred[list[T]]:
        """
        Ask for a table.

        @param row: makes a value of a line.
        """
        asked = self._ask(command, True)
        return asked.addCallback(lambda lines: [row(line) for line in lines])

    def _value(self, command: bytes) -> Deferred[bytes]:
        """
        Ask for a value. Perl's server gives it without C{OK}.
        """
        asked = self._ask(command, False)
        return asked.addCallback(lambda lines: lines[0].removeprefix(b"OK "))

    def _order(self, command: bytes, *words: Name) -> Deferred[None]:
        """
        Give an order.

        @return: fails with L{ValueError} for a word that would be several.
        """
        encoded = [asBytes(word) for word in words]
        for word in encoded:
            if word.split() != [word]:
                return fail(ValueError(f"not one word: {word!r}"))
        line = b" ".join([command, *encoded])
        return self._ask(line, False).addCallback(lambda _: None)

    def _ask(self, line: bytes, table: bool) -> Deferred[Lines]:
        return Deferred.fromCoroutine(self._answer(line, table))

    async def _answer(self, line: bytes, table: bool) -> Lines:
        protocol = self._protocol
        if protocol is None or not protocol.usable:
            protocol = await self._connect()
        return await protocol.ask(line, table)

    async def _connect(self) -> _AdminProtocol:
        """
        Connect, once for all who want to.
        """
        waiter: Deferred[_AdminProtocol] = Deferred()
        self._waiting.append(waiter)
        if len(self._waiting) == 1:
            connecting = self._endpoint.connect(Factory.forProtocol(_AdminProtocol))
            connecting.addCallbacks(self._made, self._failed)
        return await waiter

    def _made(self, protocol: IProtocol) -> None:
        """
        The connection was made.
        """
        assert isinstance(protocol, _AdminProtocol)
        self._protocol = protocol
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(protocol)

    def _failed(self, failure: Failure) -> None:
        """
        It could not be made.
        """
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.errback(failure)


def _refusal(said: bytes) -> ServerError:
    """
    Read what stands behind ERR: a code and words with plus signs between them,
    or, of some of gearmand's commands, a sentence.
    """
    code, _, text = said.partition(b" ")
    if not code.isupper():
        return ServerError(b"SERVER_ERROR", said)
    words = unquote_plus(text.decode("utf-8", "surrogateescape"))
    return ServerError(code, words.encode("utf-8", "surrogateescape"))


def _functionRow(line: bytes) -> FunctionStatus:
    function, *numbers = line.rsplit(b"\t", 3)
    return FunctionStatus(function, *map(int, numbers))


def _priorityRow(line: bytes) -> PriorityStatus:
    function, *numbers = line.rsplit(b"\t", 4)
    return PriorityStatus(function, *map(int, numbers))


def _connectedRow(line: bytes) -> Connected:
    number, address, rest = line.split(b" ", 2)
    clientId, _, functions = rest.partition(b" :")
    return Connected(int(number), address, clientId, tuple(functions.split()))


def _jobRow(line: bytes) -> JobRow:
    handle, retries, ignored, queued = line.rsplit(b"\t", 3)
    return JobRow(handle, int(retries), ignored == b"1", queued == b"1")


def _waitingRow(line: bytes) -> Waiting:
    function, unique, worker, listeners = line.rsplit(b"\t", 3)
    return Waiting(function, unique, worker, int(listeners))
