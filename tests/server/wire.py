"""
The transports of the in-memory server: see L{tests.server.pump}.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IProtocol,
    IPushProducer,
    ITCPTransport,
    IWriteDescriptor,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

SEGMENT = 64 * 1024
"""How many bytes a server reads at once, and how many make a transport full."""


class RecordingSocket:
    """
    A socket that remembers which options were set.
    """

    def __init__(self) -> None:
        self.options: dict[tuple[int, int], int] = {}

    def setsockopt(self, level: int, option: int, value: int) -> None:
        self.options[level, option] = value


@implementer(ITCPTransport, IPushProducer, IConsumer)
class Wire:
    """
    The server's transport, and the network behind it, which holds nothing: what
    the peer does not read stays in the transport, what the server does not read
    stays with the peer. It does what Twisted's TCP transport does, except that
    it leaves only when a turn lets it.

    @ivar protocol: the server's side of the connection.
    @ivar segment: how many bytes the server gets at once.
    @ivar appetite: how many bytes the peer takes in a turn; L{None} for all.
    @ivar taken: what the peer took and the test has not looked at.
    @ivar arrived: how many bytes the server got.
    @ivar moves: how often anything happened.
    @ivar writes: how often the server wrote.
    @ivar ended: whether the server closed its side.
    @ivar aborted: whether the server closed the connection at once.
    """

    def __init__(self, clock: Clock, address: IAddress) -> None:
        self.protocol: IProtocol | None = None
        self.segment = SEGMENT
        self.taken = bytearray()
        self.arrived = 0
        self.moves = 0
        self.writes = 0
        self.ended = False
        self.aborted = False
        self.disconnecting = False
        self.disconnected = False
        self.reading = True
        self.noDelay = False
        self.keepAlive = False
        self.socket = RecordingSocket()
        self.producer: Any = None
        self.buffer = bytearray()
        self._clock = clock
        self._address = address
        self._coming: deque[memoryview] = deque()
        self._source: Iterator[bytes] = iter(())
        self._left = False
        self._producerPaused = False
        self._halfClosing = False
        self.appetite = None

    @property
    def appetite(self) -> int | None:
        return self._appetite

    @appetite.setter
    def appetite(self, appetite: int | None) -> None:
        self._appetite = appetite
        self.hungers()

    # What the peer does

    def hungers(self) -> None:
        """
        Let the peer take something again, as with each turn.
        """
        self._hunger = float("inf") if self._appetite is None else self._appetite

    def carry(self, data: bytes) -> None:
        self._coming.append(memoryview(data))

    def carryAll(self, chunks: Iterable[bytes]) -> None:
        self._source = iter(chunks)

    def left(self) -> None:
        self._left = True

    def lose(self, reason: Exception) -> None:
        if self.disconnected:
            return
        self.moves += 1
        self.disconnected = True
        self.reading = False
        self.buffer.clear()
        if self.producer is not None:
            self.producer.stopProducing()
            self.producer = None
        if self.protocol is not None:
            self.protocol.connectionLost(Failure(reason))

    # What a turn does

    def receive(self) -> None:
        """
        Let the server read once.
        """
        if not self.reading:
            return
        data = self._next()
        if data:
            self.deliver(data)
        elif self._left:
            self.lose(ConnectionDone())

    def deliver(self, data: bytes) -> None:
        assert self.protocol is not None
        self.moves += 1
        self.arrived += len(data)
        self.protocol.dataReceived(data)

    def _next(self) -> bytes:
        found: list[memoryview] = []
        room = self.segment
        while room and (self._coming or self._more()):
            chunk = self._coming.popleft()
            if len(chunk) > room:
                self._coming.appendleft(chunk[room:])
                chunk = chunk[:room]
            found.append(chunk)
            room -= len(chunk)
        return b"".join(found)

    def _more(self) -> bool:
        more = next(self._source, None)
        if more is not None:
            self.carry(more)
        return more is not None

    def send(self) -> None:
        """
        Let the peer take what it likes.
        """
        if self.disconnected:
            return
        piece = self.buffer[: int(min(self._hunger, len(self.buffer)))]
        del self.buffer[: len(piece)]
        self._hunger -= len(piece)
        self.taken += piece
        self.moves += bool(piece)
        if self.buffer:
            return
        if self.producer is not None and self._producerPaused:
            self.moves += 1
            self._producerPaused = False
            self.producer.resumeProducing()
        elif self.producer is None and self.disconnecting:
            self.lose(ConnectionDone())
        elif self.producer is None and self._halfClosing and not self.ended:
            self.moves += 1
            self.ended = True

    # ITCPTransport

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes), "Twisted's transports take nothing else"
        if self.disconnected or self.ended or not data:
            return
        self.writes += 1
        self.buffer += data
        if self.producer is not None and len(self.buffer) > SEGMENT:
            self._producerPaused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        if self.ended:
            self.lose(ConnectionDone())
        self.reading = False
        self.disconnecting = True

    def loseWriteConnection(self) -> None:
        self._halfClosing = True

    def abortConnection(self) -> None:
        self.reading = False
        self.aborted = True
        self._clock.callLater(0, self.lose, ConnectionAborted())

    def getTcpNoDelay(self) -> bool:
        return self.noDelay

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.noDelay = enabled

    def getTcpKeepAlive(self) -> bool:
        return self.keepAlive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.keepAlive = enabled

    def getHandle(self) -> RecordingSocket:
        return self.socket

    def getHost(self) -> Any:
        return IPv4Address("TCP", "127.0.0.1", 4730)

    def getPeer(self) -> Any:
        return self._address

    # IConsumer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert self.producer is None, "a producer is registered already"
        assert streaming, "a transport pulls from nobody here"
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    # IPushProducer

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        if not (self.disconnected or self.disconnecting or self.aborted):
            self.reading = True

    def stopProducing(self) -> None:
        self.loseConnection()


@implementer(IWriteDescriptor)
class SocketWire(Wire):
    """
    A L{Wire} that leaves also when its owner asks it to, like Twisted's own on
    most systems.

    @ivar broken: whether the network is broken, which shows when one writes.
    """

    broken = False

    def send(self) -> None:
        if self.broken and self.buffer:
            self.lose(ConnectionLost())
        super().send()

    def doWrite(self) -> Failure | None:
        if self.broken:
            return Failure(ConnectionLost())
        self.send()
        return None

    def fileno(self) -> int:
        return -1

    def logPrefix(self) -> str:
        return "wire"

    def connectionLost(self, reason: Failure) -> None:
        self.lose(ConnectionLost())
