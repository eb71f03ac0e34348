"""
A job server in memory, and the peers connected to it::

    pump = Pump()
    worker, client = pump.connect(), pump.connect()
    worker.sends("CAN_DO", b"reverse")
    client.sends("SUBMIT_JOB", b"reverse", b"", b"abc")
    assert client.owed() == [("JOB_CREATED", b"H:1")]

Time and turns are those of L{txgearman.testing}, and so is the server's end of a
connection; the other end is a test's own. Bytes are made and taken apart here,
not by L{txgearman.wire}, so that a wrong packet table shows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.policy import Policy
from txgearman.server.factory import GearmanServerFactory
from txgearman.server.protocol import GearmanServerProtocol
from txgearman.server.settings import Settings
from txgearman.testing.clock import START as NOON
from txgearman.testing.clock import TurningClock
from txgearman.testing.network import Network
from txgearman.testing.wire import SocketWire, Wire

__all__ = [
    "NAMES",
    "NOON",
    "Item",
    "Peer",
    "Pump",
    "PumpTests",
    "decode",
    "logged",
    "numbered",
    "request",
    "temporaryFolder",
]

Item: TypeAlias = tuple[str | bytes, ...] | bytes
"""What a server sends: a packet's name and arguments, or a line with its end."""

_NAMES = (
    "TEXT CAN_DO CANT_DO RESET_ABILITIES PRE_SLEEP UNUSED NOOP SUBMIT_JOB JOB_CREATED"
    " GRAB_JOB NO_JOB JOB_ASSIGN WORK_STATUS WORK_COMPLETE WORK_FAIL GET_STATUS"
    " ECHO_REQ ECHO_RES SUBMIT_JOB_BG ERROR STATUS_RES SUBMIT_JOB_HIGH SET_CLIENT_ID"
    " CAN_DO_TIMEOUT ALL_YOURS WORK_EXCEPTION OPTION_REQ OPTION_RES WORK_DATA"
    " WORK_WARNING GRAB_JOB_UNIQ JOB_ASSIGN_UNIQ SUBMIT_JOB_HIGH_BG SUBMIT_JOB_LOW"
    " SUBMIT_JOB_LOW_BG SUBMIT_JOB_SCHED SUBMIT_JOB_EPOCH SUBMIT_REDUCE_JOB"
    " SUBMIT_REDUCE_JOB_BACKGROUND GRAB_JOB_ALL JOB_ASSIGN_ALL GET_STATUS_UNIQUE"
    " STATUS_RES_UNIQUE"
)

NAMES = _NAMES.split()
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


def numbered(handle: bytes, count: int, size: int) -> Iterator[bytes]:
    """
    Make packets of WORK_DATA that tell their number, and the job's end.
    """
    filler = bytes(size - 8)
    for number in range(count):
        yield request("WORK_DATA", handle, b"%08d" % number + filler)
    yield request("WORK_COMPLETE", handle, b"")


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


@contextmanager
def logged() -> Iterator[list[str]]:
    """
    Gather what is logged meanwhile, each as a line behind its level.
    """
    lines: list[str] = []
    with capturedLogs() as events:
        yield lines
    lines += [f"{event['log_level'].name}: {formatEvent(event)}" for event in events]


def temporaryFolder(test: SynchronousTestCase) -> Path:
    """
    Make a folder that is gone when the test is over.
    """
    folder = TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    return Path(folder.name)


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
        protocol = self.wire.protocol
        assert isinstance(protocol, GearmanServerProtocol)
        return len(self.wire.buffer) + protocol.owed


class Pump(Network):
    """
    A job server, a clock, and the connections between it and its peers.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        settings: Settings | None = None,
        factory: GearmanServerFactory | None = None,
        clock: Clock | None = None,
        wire: type[Wire] = SocketWire,
    ) -> None:
        """
        @param policy: what jobs may; handles start with C{H} if it is not given.
        @param factory: a factory that goes by C{clock}.
        @param wire: what connections are made of.
        """
        super().__init__(TurningClock() if clock is None else clock)
        if factory is None:
            policy = Policy(handlePrefix=b"H") if policy is None else policy
            factory = GearmanServerFactory(self.clock, policy, settings)
        self.factory = factory
        self._wire = wire

    def connect(self, address: IAddress | None = None) -> Peer:
        """
        Let a peer connect, from the next port of this machine by default.
        """
        if address is None:
            address = self.address()
        wire = self._wire(self.clock, address)
        protocol = self.factory.buildProtocol(address)
        if protocol is None:
            wire.lose(ConnectionDone())
        else:
            wire.protocol = protocol
            self.add(wire)
            protocol.makeConnection(wire)
        return Peer(self, wire)

    def connectSeveral(self, count: int) -> list[Peer]:
        return [self.connect() for _ in range(count)]

    passes = Network.advance


class PumpTests(SynchronousTestCase):
    """
    A server, a worker that can do C{f}, and a client.
    """

    wire: type[Wire] = SocketWire

    def setUp(self) -> None:
        self.pump = Pump(wire=self.wire)
        self.worker, self.client = self.pump.connectSeveral(2)
        self.worker.sends("CAN_DO", b"f")

    def asks(self, peer: Peer, name: str, *arguments: bytes) -> list[Item]:
        peer.sends(name, *arguments)
        return peer.owed()

    def submits(self, name: str = "SUBMIT_JOB", *arguments: bytes) -> bytes:
        """
        Let the client submit a job.

        @return: its handle.
        """
        [reply] = self.asks(self.client, name, *(arguments or (b"f", b"", b"data")))
        self.assertEqual(reply[0], "JOB_CREATED")
        handle = reply[1]
        assert isinstance(handle, bytes)
        return handle

    def runs(self, name: str = "SUBMIT_JOB", *arguments: bytes) -> bytes:
        """
        Let the client submit a job and the worker grab it.

        @return: its handle.
        """
        handle = self.submits(name, *arguments)
        [reply] = self.asks(self.worker, "GRAB_JOB")
        self.assertEqual(reply[:2], ("JOB_ASSIGN", handle))
        return handle
