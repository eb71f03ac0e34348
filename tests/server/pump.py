"""
A job server in memory, and the peers connected to it::

    pump = Pump()
    worker, client = pump.connect(), pump.connect()
    worker.sends("CAN_DO", b"reverse")
    client.sends("SUBMIT_JOB", b"reverse", b"", b"abc")
    assert client.owed() == [("JOB_CREATED", b"H:1")]

Time is a C{Clock}, and moves in turns: everyone's input arrives, the clock does
what is due, everyone's output leaves. Bytes are made and taken apart here, not
by L{txgearman.wire}, so that a wrong packet table shows.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IProtocol,
    IPushProducer,
    ITCPTransport,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from txgearman.board.policy import Policy
from txgearman.server.factory import GearmanServerFactory
from txgearman.server.settings import Settings

Item: TypeAlias = tuple[str | bytes, ...] | bytes
"""What a server sends: a packet's name and arguments, or a line with its end."""

NOON = 1_700_000_000.0
"""When a test begins, in seconds of the epoch."""

SEGMENT = 64 * 1024
"""How many bytes a server reads at once, and how many make a transport full."""

NAMES = (
    "TEXT CAN_DO CANT_DO RESET_ABILITIES PRE_SLEEP UNUSED NOOP SUBMIT_JOB JOB_CREATED"
    " GRAB_JOB NO_JOB JOB_ASSIGN WORK_STATUS WORK_COMPLETE WORK_FAIL GET_STATUS"
    " ECHO_REQ ECHO_RES SUBMIT_JOB_BG ERROR STATUS_RES SUBMIT_JOB_HIGH SET_CLIENT_ID"
    " CAN_DO_TIMEOUT ALL_YOURS WORK_EXCEPTION OPTION_REQ OPTION_RES WORK_DATA"
    " WORK_WARNING GRAB_JOB_UNIQ JOB_ASSIGN_UNIQ SUBMIT_JOB_HIGH_BG SUBMIT_JOB_LOW"
    " SUBMIT_JOB_LOW_BG SUBMIT_JOB_SCHED SUBMIT_JOB_EPOCH SUBMIT_REDUCE_JOB"
    " SUBMIT_REDUCE_JOB_BACKGROUND GRAB_JOB_ALL JOB_ASSIGN_ALL GET_STATUS_UNIQUE"
    " STATUS_RES_UNIQUE"
).split()
"""The protocol's packets; a packet's number is its index."""

REPLIES = {
    "NOOP": 0,
    "NO_JOB": 0,
    "JOB_CREATED": 1,
    "WORK_FAIL": 1,
    "ECHO_RES": 1,
    "OPTION_RES": 1,
    "ERROR": 2,
    "WORK_COMPLETE": 2,
    "WORK_EXCEPTION": 2,
    "WORK_DATA": 2,
    "WORK_WARNING": 2,
    "WORK_STATUS": 3,
    "JOB_ASSIGN": 3,
    "JOB_ASSIGN_UNIQ": 4,
    "STATUS_RES": 5,
    "JOB_ASSIGN_ALL": 5,
    "STATUS_RES_UNIQUE": 6,
}
"""What a server may send, and how many arguments it has."""


def request(name: str, *arguments: bytes) -> bytes:
    """
    Make the bytes of a request.
    """
    body = b"\0".join(arguments)
    return struct.pack(">4sII", b"\0REQ", NAMES.index(name), len(body)) + body


def decode(data: bytes) -> tuple[list[Item], int]:
    """
    Take replies apart.

    @return: the whole ones, and how many bytes they are.
    """
    items: list[Item] = []
    start = 0
    while start < len(data):
        if data[start]:
            end = data.find(b"\n", start) + 1
            if not end:
                break
            items.append(data[start:end])
            start = end
            continue
        if len(data) - start < 12:
            break
        magic, number, size = struct.unpack_from(">4sII", data, start)
        assert magic == b"\0RES", magic
        end = start + 12 + size
        if end > len(data):
            break
        name = NAMES[number]
        body = data[start + 12 : end]
        count = REPLIES[name]
        assert count or not body, f"{name} has a body: {body!r}"
        arguments = body.split(b"\0", count - 1) if count else []
        items.append((name, *arguments))
        start = end
    return items, start


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
    stays with the peer. It does what Twisted's TCP transport does.

    @ivar protocol: the server's side of the connection.
    @ivar segment: how many bytes the server gets at once.
    @ivar appetite: how many bytes the peer takes in a turn; L{None} for all.
    @ivar taken: what the peer took and the test has not looked at.
    @ivar arrived: how many bytes the server got.
    @ivar writes: how often the server wrote.
    @ivar ended: whether the server closed its side.
    @ivar aborted: whether the server closed the connection at once.
    """

    def __init__(self, clock: Clock, address: IAddress) -> None:
        self.protocol: IProtocol | None = None
        self.segment = SEGMENT
        self.appetite: int | None = None
        self.taken = bytearray()
        self.arrived = 0
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
        self._coming: deque[bytes] = deque()
        self._source: Iterator[bytes] = iter(())
        self._left = False
        self._producerPaused = False
        self._halfClosing = False

    # What the peer does

    def carry(self, data: bytes) -> None:
        self._coming.append(data)

    def carryAll(self, chunks: Iterable[bytes]) -> None:
        self._source = iter(chunks)

    def left(self) -> None:
        self._left = True

    def lose(self, reason: Exception) -> None:
        if self.disconnected:
            return
        self.disconnected = True
        self.reading = False
        self.buffer.clear()
        if self.producer is not None:
            self.producer.stopProducing()
            self.producer = None
        if self.protocol is not None:
            self.protocol.connectionLost(Failure(reason))

    # What a turn does

    def receive(self) -> bool:
        """
        Let the server read once.

        @return: whether anything happened.
        """
        if not self.reading:
            return False
        data = self._next()
        if data:
            self.deliver(data)
        elif self._left:
            self.lose(ConnectionDone())
        return bool(data) or self._left

    def deliver(self, data: bytes) -> None:
        assert self.protocol is not None
        self.arrived += len(data)
        self.protocol.dataReceived(data)

    def _next(self) -> bytes:
        found, size = [], 0
        while size < self.segment:
            if not self._coming:
                more = next(self._source, None)
                if more is None:
                    break
                self._coming.append(more)
            found.append(self._coming.popleft())
            size += len(found[-1])
        data = b"".join(found)
        if size > self.segment:
            self._coming.appendleft(data[self.segment :])
        return data[: self.segment]

    def send(self) -> bool:
        """
        Let the peer take what it likes.

        @return: whether anything happened.
        """
        if self.disconnected:
            return False
        count = len(self.buffer) if self.appetite is None else self.appetite
        piece = self.buffer[:count]
        del self.buffer[:count]
        self.taken += piece
        if self.buffer:
            return bool(piece)
        if self.producer is not None and self._producerPaused:
            self._producerPaused = False
            self.producer.resumeProducing()
            return True
        if self.producer is None and self.disconnecting:
            self.lose(ConnectionDone())
            return True
        if self.producer is None and self._halfClosing and not self.ended:
            self.ended = True
            return True
        return bool(piece)

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
        if not self.disconnected and not self.disconnecting:
            self.reading = True

    def stopProducing(self) -> None:
        self.loseConnection()


class Peer:
    """
    A client, a worker, an administrator, or all of it.

    @ivar wire: its connection.
    """

    def __init__(self, pump: Pump, wire: Wire) -> None:
        self.wire = wire
        self._pump = pump

    def sends(self, name: str, *arguments: bytes) -> None:
        """
        Send a packet. What is sent before the next turn arrives together.
        """
        self.says(request(name, *arguments))

    def says(self, data: bytes) -> None:
        """
        Send bytes.
        """
        self.wire.carry(data)

    def streams(self, chunks: Iterable[bytes]) -> None:
        """
        Send chunk after chunk, each when the server has read the one before.
        """
        self.wire.carryAll(chunks)

    def owed(self) -> list[Item]:
        """
        Let turns pass until nothing moves, and take what has come.
        """
        self._pump.settle()
        return self.heard()

    def received(self) -> bytes:
        """
        As L{owed}, in bytes.
        """
        self._pump.settle()
        data = bytes(self.wire.taken)
        self.wire.taken.clear()
        return data

    def heard(self) -> list[Item]:
        """
        Take what has come whole.
        """
        items, size = decode(bytes(self.wire.taken))
        del self.wire.taken[:size]
        return items

    def stalls(self) -> None:
        """
        Read nothing.
        """
        self.wire.appetite = 0

    def reads(self, atOnce: int | None = None) -> None:
        """
        Read again.
        """
        self.wire.appetite = atOnce

    def leaves(self) -> None:
        """
        Close the connection behind what was sent.
        """
        self.wire.left()

    def vanishes(self) -> None:
        """
        Lose the connection at once.
        """
        self.wire.lose(ConnectionLost())

    @property
    def held(self) -> bool:
        """
        Is its connection there, and the server does not read from it?
        """
        return not self.wire.reading and not self.gone

    @property
    def gone(self) -> bool:
        """
        Is the connection lost?
        """
        return self.wire.disconnected

    @property
    def kept(self) -> int:
        """
        How many bytes for it the server's memory holds.
        """
        producer = self.wire.producer
        return len(self.wire.buffer) + (0 if producer is None else producer.size)


class Pump:
    """
    A job server, a clock, and the connections between it and its peers.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        settings: Settings | None = None,
        factory: GearmanServerFactory | None = None,
        clock: Clock | None = None,
    ) -> None:
        """
        @param policy: what jobs may; handles start with C{H} if it is not given.
        @param factory: a factory that goes by C{clock}.
        """
        self.clock = Clock() if clock is None else clock
        if factory is None:
            self.clock.rightNow = NOON
            policy = Policy(handlePrefix=b"H") if policy is None else policy
            factory = GearmanServerFactory(self.clock, policy, settings)
        self.factory = factory
        self._wires: list[Wire] = []
        self._port = 50000

    def connect(self, address: IAddress | None = None) -> Peer:
        """
        Let a peer connect, from the next port of this machine by default.
        """
        if address is None:
            self._port += 1
            address = IPv4Address("TCP", "127.0.0.1", self._port)
        wire = Wire(self.clock, address)
        protocol = self.factory.buildProtocol(address)
        if protocol is None:
            wire.lose(ConnectionDone())
        else:
            wire.protocol = protocol
            self._wires.append(wire)
            protocol.makeConnection(wire)
        return Peer(self, wire)

    def connectSeveral(self, count: int) -> list[Peer]:
        return [self.connect() for _ in range(count)]

    def turn(self) -> bool:
        """
        One turn of a reactor.

        @return: whether any bytes moved.
        """
        wires = self._wires
        moved = [wire.receive() for wire in wires]
        self.clock.advance(0)
        moved += [wire.send() for wire in wires]
        self._wires = [wire for wire in wires if not wire.disconnected]
        return any(moved)

    def settle(self) -> None:
        """
        Let turns pass until nothing moves.
        """
        while self.turn():
            pass

    def passes(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.settle()
        self.clock.advance(seconds)
        self.settle()
