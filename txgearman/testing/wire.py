"""
Transports in memory: one end of a connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IProtocol,
    IPushProducer,
    IReactorTime,
    ISystemHandle,
    ITCPTransport,
    IWriteDescriptor,
)
from twisted.python.failure import Failure
from zope.interface import implementer

SEGMENT: Final = 64 * 1024
"""How many bytes an end reads at once, and how many make a transport full."""

SERVER: Final = IPv4Address("TCP", "127.0.0.1", 4730)
"""Where a job server is, as far as addresses tell."""


class RecordingSocket:
    """
    A socket that remembers which options were set.
    """

    def __init__(self) -> None:
        self.options: dict[tuple[int, int], int] = {}

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """
        Remember it.
        """
        self.options[level, option] = value


@implementer(ITCPTransport, IPushProducer, IConsumer)
class Wire:
    """
    One end of a connection: a transport, and the peer behind it, which a test
    plays, or a L{Joint}. The network between them holds nothing: what the peer
    does not take stays in the transport, what the protocol does not read stays
    with the peer. The transport does what Twisted's TCP transport does, except
    that bytes leave it only when a turn lets them.

    @ivar protocol: what is connected here.
    @ivar segment: how many bytes the protocol gets at once.
    @ivar appetite: how many bytes the peer takes in a turn; L{None} for all.
    @ivar taken: what the peer took and nobody has looked at.
    @ivar arrived: how many bytes the protocol got.
    @ivar moves: how often anything happened.
    @ivar writes: how often the protocol wrote.
    @ivar ended: whether the protocol closed its side.
    @ivar aborted: whether the protocol closed the connection at once.
    @ivar broken: whether the network is broken, which shows when one writes.
    @ivar lost: why the connection is gone; L{None} while it is there.
    """

    broken = False

    def __init__(
        self, clock: IReactorTime, peer: IAddress, host: IAddress = SERVER
    ) -> None:
        """
        @param peer: the address of the other end.
        @param host: the address of this end.
        """
        self.protocol: IProtocol | None = None
        self.segment = SEGMENT
        self.taken = bytearray()
        self.arrived = 0
        self.moves = 0
        self.writes = 0
        self.ended = False
        self.aborted = False
        self.disconnecting = False
        self.lost: Exception | None = None
        self.reading = True
        self.noDelay = False
        self.keepAlive = False
        self.socket: RecordingSocket = RecordingSocket()
        self.producer: Any = None
        self.buffer = bytearray()
        self._clock = clock
        self._peer = peer
        self._host = host
        self._coming: deque[memoryview] = deque()
        self._source: Iterator[bytes] = iter(())
        self._left = False
        self._producerPaused = False
        self._pulling = False
        self._halfClosing = False
        self.appetite = None

    @property
    def appetite(self) -> int | None:
        """
        How many bytes the peer takes in a turn.
        """
        return self._appetite

    @appetite.setter
    def appetite(self, appetite: int | None) -> None:
        self._appetite = appetite
        self.hungers()

    @property
    def disconnected(self) -> bool:
        """
        Is the connection gone?
        """
        return self.lost is not None

    @property
    def waiting(self) -> int:
        """
        How many bytes the peer has sent that were not read.
        """
        return sum(map(len, self._coming))

    # What the peer does

    def hungers(self) -> None:
        """
        Let the peer take something again, as with each turn.
        """
        self._hunger = float("inf") if self._appetite is None else self._appetite

    def carry(self, data: bytes) -> None:
        """
        Send bytes, which arrive when a turn lets them.
        """
        self._coming.append(memoryview(data))

    def carryAll(self, chunks: Iterable[bytes]) -> None:
        """
        Send chunk after chunk, each when the one before was read.
        """
        self._source = iter(chunks)

    def left(self) -> None:
        """
        Close the connection behind what was sent.
        """
        self.moves += not self._left
        self._left = True

    def lose(self, reason: Exception) -> None:
        """
        Lose the connection at once.
        """
        if self.disconnected:
            return
        self.moves += 1
        self.lost = reason
        self.reading = False
        self.buffer.clear()
        self._coming.clear()
        if self.producer is not None:
            self.producer.stopProducing()
            self.producer = None
        if self.protocol is not None:
            self.protocol.connectionLost(Failure(reason))

    # What a turn does

    def receive(self) -> None:
        """
        Let the protocol read once.
        """
        if not self.reading:
            return
        data = self.receivable(self.segment)
        if data:
            self.deliver(data)
        elif self._left:
            self.lose(ConnectionDone())

    def deliver(self, data: bytes) -> None:
        """
        Give the protocol bytes.
        """
        assert self.protocol is not None
        self.moves += 1
        self.arrived += len(data)
        self.protocol.dataReceived(data)

    def receivable(self, room: int) -> bytes:
        """
        Take from the peer what it has sent, as much as there is room for.
        """
        found: list[memoryview] = []
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
        if self.broken and self.buffer:
            self.lose(ConnectionLost())
        if self.disconnected:
            return
        before = len(self.buffer)
        del self.buffer[: self.take(self.buffer)]
        if not self.buffer:
            self._emptied(before > 0)

    def take(self, data: bytes | bytearray | memoryview) -> int:
        """
        Let the peer take as much of it as it likes.

        @return: how much that is.
        """
        piece = data[: int(min(self._hunger, len(data)))]
        self._hunger -= len(piece)
        self.taken += piece
        self.moves += bool(piece)
        return len(piece)

    def _emptied(self, now: bool) -> None:
        """
        The peer took everything.

        @param now: whether there had been anything.
        """
        if self.producer and (self._producerPaused or (self._pulling and now)):
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
        """
        Keep bytes for the peer.
        """
        assert isinstance(data, bytes), "Twisted's transports take nothing else"
        if self.disconnected or self.ended or not data:
            return
        self.writes += 1
        self.buffer += data
        if self.producer and not self._pulling and len(self.buffer) > SEGMENT:
            self._producerPaused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Keep bytes for the peer.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """
        Close the connection behind what was written.
        """
        if self.ended:
            self.lose(ConnectionDone())
        self.reading = False
        self.disconnecting = True

    def loseWriteConnection(self) -> None:
        """
        Close this side behind what was written.
        """
        self._halfClosing = True

    def abortConnection(self) -> None:
        """
        Close the connection, whatever was written.
        """
        if self.disconnected or self.aborted:
            return
        self.reading = False
        self.aborted = True
        self._clock.callLater(0, self.lose, ConnectionAborted())

    def getTcpNoDelay(self) -> bool:
        """
        Do packets leave at once?
        """
        return self.noDelay

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Have packets leave at once.
        """
        self.noDelay = enabled

    def getTcpKeepAlive(self) -> bool:
        """
        Is there keepalive?
        """
        return self.keepAlive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        Have keepalive.
        """
        self.keepAlive = enabled

    def getHandle(self) -> RecordingSocket:
        """
        What stands for the socket.
        """
        return self.socket

    def getHost(self) -> Any:
        """
        The address of this end.
        """
        return self._host

    def getPeer(self) -> Any:
        """
        The address of the other end.
        """
        return self._peer

    # IConsumer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Pause and resume a producer from now on.
        """
        assert self.producer is None, "a producer is registered already"
        self.producer = producer
        self._pulling = not streaming
        if self._pulling:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """
        Leave the producer alone.
        """
        self.producer = None

    # IPushProducer

    def pauseProducing(self) -> None:
        """
        Read nothing.
        """
        self.reading = False

    def resumeProducing(self) -> None:
        """
        Read again.
        """
        if not (self.disconnected or self.disconnecting or self.aborted):
            self.reading = True

    def stopProducing(self) -> None:
        """
        Close the connection.
        """
        self.loseConnection()


@implementer(IWriteDescriptor, ISystemHandle)
class SocketWire(Wire):
    """
    A L{Wire} above a socket, like Twisted's own on most systems: bytes come and
    go also through the socket, at once.
    """

    def __init__(
        self, clock: IReactorTime, peer: IAddress, host: IAddress = SERVER
    ) -> None:
        super().__init__(clock, peer, host)
        self.socket: WireSocket = WireSocket(self)

    def doWrite(self) -> Failure | None:
        """
        Let the peer take what it likes, now.
        """
        if self.broken:
            return Failure(ConnectionLost())
        self.send()
        return None

    def fileno(self) -> int:
        """
        There is no such number.
        """
        return -1

    def logPrefix(self) -> str:
        """
        What it is called in logs.
        """
        return "wire"

    def connectionLost(self, reason: Failure) -> None:
        """
        Lose the connection at once.
        """
        self.lose(ConnectionLost())


class WireSocket(RecordingSocket):
    """
    What bytes come and go through beneath a transport. It never blocks.
    """

    def __init__(self, wire: SocketWire) -> None:
        super().__init__()
        self._wire = wire

    def send(self, data: bytes | memoryview) -> int:
        """
        Let the peer take what it likes.
        """
        wire = self._wire
        if wire.broken or wire.disconnected or wire.ended:
            raise BrokenPipeError
        assert not wire.buffer, "what was written before has not left"
        wire.writes += 1
        taken = wire.take(data)
        if not taken:
            raise BlockingIOError
        return taken

    def sendmsg(self, buffers: Iterable[bytes | memoryview]) -> int:
        """
        Let the peer take what it likes of several.
        """
        return self.send(b"".join(buffers))

    def recv(self, size: int) -> bytes:
        """
        Take what the peer has sent.
        """
        wire = self._wire
        data = wire.receivable(size)
        if not data and not wire.disconnected:
            raise BlockingIOError
        wire.arrived += len(data)
        return data
