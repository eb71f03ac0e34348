"""
The admin protocol from Python: what C{gearadmin} asks, as values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import (
    IProtocol,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from txgearman.admin.protocol import AdminProtocol, Lines
from txgearman.admin.rows import (
    ClientRow,
    Connected,
    FunctionStatus,
    JobRow,
    PriorityStatus,
    Waiting,
    clientRows,
    connectedRow,
    functionRow,
    jobRow,
    priorityRow,
    waitingRow,
)
from txgearman.codecs import Name, asBytes, oneWord
from txgearman.connection.servers import serversFrom
from txgearman.errors import BadSetting

T = TypeVar("T")


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
        self._waiting: list[Deferred[AdminProtocol]] = []
        self._protocol: AdminProtocol | None = None

    # Asking

    def status(self) -> Deferred[list[FunctionStatus]]:
        """
        What functions there are, and how they fare.
        """
        return self._table(b"status", functionRow)

    def priorityStatus(self) -> Deferred[list[PriorityStatus]]:
        """
        How many jobs of each priority wait.
        """
        return self._table(b"prioritystatus", priorityRow)

    def workers(self) -> Deferred[list[Connected]]:
        """
        Who is connected.
        """
        return self._table(b"workers", connectedRow)

    def jobs(self) -> Deferred[list[JobRow]]:
        """
        What jobs there are (C{show jobs}).
        """
        return self._table(b"show jobs", jobRow)

    def uniques(self) -> Deferred[list[bytes]]:
        """
        The uniques of the jobs (C{show unique jobs}).
        """
        return self._table(b"show unique jobs", bytes)

    def waiting(self) -> Deferred[list[Waiting]]:
        """
        Who runs which job, and how many wait for it (C{jobs}).
        """
        return self._table(b"jobs", waitingRow)

    def clients(self) -> Deferred[list[ClientRow]]:
        """
        Who waits for which jobs (C{clients}).
        """
        return self._ask(b"clients", True).addCallback(clientRows)

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

    def command(self, line: Name, *, table: bool = False) -> Deferred[Lines]:
        """
        Give a command that is not among these, such as one that only another kind
        of server knows.

        @param table: whether the answer is lines up to a dot, and not one line.
        @return: fires with the lines, in bytes, without their ends; fails with
            L{ValueError} for what is not one line.
        """
        encoded = asBytes(line)
        if not encoded.strip() or b"\n" in encoded:
            return fail(ValueError(f"not one line: {line!r}"))
        return self._ask(encoded, table)

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
        try:
            line = b" ".join([command, *map(oneWord, encoded)])
        except ValueError:
            return fail()
        return self._ask(line, False).addCallback(lambda _: None)

    def _ask(self, line: bytes, table: bool) -> Deferred[Lines]:
        return Deferred.fromCoroutine(self._answer(line, table))

    async def _answer(self, line: bytes, table: bool) -> Lines:
        protocol = self._protocol
        if protocol is None or not protocol.usable:
            protocol = await self._connect()
        return await protocol.ask(line, table)

    async def _connect(self) -> AdminProtocol:
        """
        Connect, once for all who want to.
        """
        waiter: Deferred[AdminProtocol] = Deferred()
        self._waiting.append(waiter)
        if len(self._waiting) == 1:
            connecting = self._endpoint.connect(Factory.forProtocol(AdminProtocol))
            connecting.addCallbacks(self._made, self._failed)
        return await waiter

    def _made(self, protocol: IProtocol) -> None:
        """
        The connection was made.
        """
        assert isinstance(protocol, AdminProtocol)
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
