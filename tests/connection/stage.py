"""
Job servers that say what a test has them say, to clients and workers alike.

Nothing is sent and nothing waits: a L{ScriptedServer} is an endpoint whose
connections are L{ScriptedLine}s, on which one reads what the other side said, and
answers.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.task import Clock
from zope.interface import implementer

from txgearman.testing.wire import SERVER, Wire
from txgearman.wire.codec import PacketReader, encode
from txgearman.wire.packets import PACKETS, RESPONSE

NUMBERS: Final = {packet.name: packet.number for packet in PACKETS}

Packet = tuple[str | bytes, ...]
"""A packet's name and its arguments."""


class PromptWire(Wire):
    """
    A transport without turns: what is written can be read at once, and it closes
    a moment after it is told to.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, SERVER)
        self.clock = clock

    def takes(self) -> bytes:
        """
        Take what was written since the last time.
        """
        data = bytes(self.taken + self.buffer)
        self.taken.clear()
        self.buffer.clear()
        return data

    def lose(self, reason: Exception) -> None:
        self.taken += self.buffer
        super().lose(reason)

    def loseConnection(self) -> None:
        if not self.disconnecting:
            super().loseConnection()
            self.clock.callLater(0, self.lose, ConnectionDone())

    def abortConnection(self) -> None:
        self.disconnecting = True
        super().abortConnection()


class ScriptedLine:
    """
    One connection, as its server sees it.

    @ivar transport: the other side's end of it.
    """

    def __init__(self, clock: Clock, protocol: IProtocol) -> None:
        self.transport = PromptWire(clock)
        self.transport.protocol = protocol
        self._protocol = protocol
        self._reader = PacketReader()

    @property
    def open(self) -> bool:
        """
        Is it connected?
        """
        return not self.transport.disconnected

    def opens(self) -> None:
        """
        Connect.
        """
        self._protocol.makeConnection(self.transport)

    def takes(self) -> list[Packet]:
        """
        Read what the other side sent since the last time.
        """
        self._reader.feed(self.transport.takes())
        return [
            (PACKETS[number].name, *arguments)
            for number, arguments in self._reader.events()
        ]

    def sends(self, name: str, *arguments: bytes) -> None:
        """
        Send a packet.
        """
        self.sendsBytes(encode(RESPONSE, NUMBERS[name], *arguments))

    def sendsBytes(self, data: bytes) -> None:
        """
        Send anything, even too late.
        """
        self.transport.deliver(data)

    def breaks(self) -> None:
        """
        Lose the connection.
        """
        self.transport.lose(ConnectionLost("it broke"))


L = TypeVar("L", bound=ScriptedLine)


@implementer(IStreamClientEndpoint)
class ScriptedServer(Generic[L]):
    """
    A job server, and the endpoint to reach it.

    @ivar up: whether it can be reached; L{None} when nobody knows, since it does
        not say anything.
    @ivar lines: the connections that it had and has.
    """

    def __init__(self, clock: Clock, name: str, kind: type[L]) -> None:
        """
        @param kind: what its connections are.
        """
        self.clock = clock
        self.name = name
        self.up: bool | None = True
        self.lines: list[L] = []
        self._kind = kind

    def __repr__(self) -> str:
        return self.name

    @property
    def line(self) -> L:
        """
        The latest connection.
        """
        return self.lines[-1]

    @property
    def open(self) -> list[L]:
        """
        The connections that it has.
        """
        return [line for line in self.lines if line.open]

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect to it, which takes a moment.
        """
        attempt = self.clock.callLater(0, lambda: self._answer(protocolFactory, made))

        def stop(made: Deferred[IProtocol]) -> None:
            if attempt.active():
                attempt.cancel()

        made: Deferred[IProtocol] = Deferred(stop)
        return made

    def _answer(self, factory: IProtocolFactory, made: Deferred[IProtocol]) -> None:
        if self.up is None:
            return
        if not self.up:
            made.errback(ConnectionRefusedError("nobody there"))
            return
        protocol = factory.buildProtocol(SERVER)
        assert protocol is not None
        line = self._kind(self.clock, protocol)
        self.lines.append(line)
        line.opens()
        self.accepted(line)
        made.callback(protocol)

    def accepted(self, line: L) -> None:
        """
        Answer the first words on a new connection.
        """
