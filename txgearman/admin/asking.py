"""
Asking one job server: connecting to it, and what answers there are.
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
from txgearman.codecs import Name, asBytes
from txgearman.connection.servers import serversFrom
from txgearman.errors import BadSetting

T = TypeVar("T")


class Asking:
    """
    Asks one job server. It connects at the first question, and again when the
    connection was lost.
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
