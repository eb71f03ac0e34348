"""
A Gearman connection that knows nothing but bytes.

It shares no code with txgearman, so that a test which compares txgearman with
gearmand does not compare a mistake with itself.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from attrs import define, field, frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from tests.functional.processes import PATIENCE, pause

# In the order of their numbers.
NAMES = """
TEXT CAN_DO CANT_DO RESET_ABILITIES PRE_SLEEP UNUSED NOOP SUBMIT_JOB JOB_CREATED
GRAB_JOB NO_JOB JOB_ASSIGN WORK_STATUS WORK_COMPLETE WORK_FAIL GET_STATUS
ECHO_REQ ECHO_RES SUBMIT_JOB_BG ERROR STATUS_RES SUBMIT_JOB_HIGH SET_CLIENT_ID
CAN_DO_TIMEOUT ALL_YOURS WORK_EXCEPTION OPTION_REQ OPTION_RES WORK_DATA
WORK_WARNING GRAB_JOB_UNIQ JOB_ASSIGN_UNIQ SUBMIT_JOB_HIGH_BG SUBMIT_JOB_LOW
SUBMIT_JOB_LOW_BG SUBMIT_JOB_SCHED SUBMIT_JOB_EPOCH SUBMIT_REDUCE_JOB
SUBMIT_REDUCE_JOB_BACKGROUND GRAB_JOB_ALL JOB_ASSIGN_ALL GET_STATUS_UNIQUE
STATUS_RES_UNIQUE
""".split()  # noqa: SIM905, one a line would fill a page
NUMBERS = {name: number for number, name in enumerate(NAMES)}


def packet(name: str | int, *arguments: bytes, magic: bytes = b"\0REQ") -> bytes:
    """
    Encode a packet; C{name} may be a number, and nothing is checked.
    """
    number = NUMBERS[name] if isinstance(name, str) else name
    body = b"\0".join(arguments)
    return magic + struct.pack(">II", number, len(body)) + body


@frozen
class Received:
    """
    A packet as it came: its name and its undivided body.
    """

    name: str
    body: bytes

    @property
    def arguments(self) -> list[bytes]:
        """
        The body cut at every NUL.
        """
        return self.body.split(b"\0")


# The connections of the running test.
_open: set[RawPeer] = set()


@define(eq=False)
class RawPeer(Protocol):
    """
    A connection to a job server.

    @ivar received: every byte that came and was not taken yet.
    @ivar closed: whether the server closed the connection.
    """

    received: bytes = b""
    closed: bool = False
    _waiting: list[Deferred[None]] = field(factory=list)

    def connectionMade(self) -> None:
        _open.add(self)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._wake()

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.closed = True
        _open.discard(self)
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    def write(self, data: bytes) -> None:
        """
        Send bytes as they are.
        """
        assert self.transport is not None
        self.transport.write(data)

    def send(self, name: str | int, *arguments: bytes) -> None:
        """
        Send one packet.
        """
        self.write(packet(name, *arguments))

    def close(self) -> None:
        """
        Close the connection from this side.
        """
        assert self.transport is not None
        self.transport.loseConnection()

    def pause(self) -> None:
        """
        Read nothing more.
        """
        assert self.transport is not None
        self.transport.pauseProducing()  # type: ignore[attr-defined]

    async def _until(self, ready: Callable[[], bool], what: str) -> None:
        while not ready():
            if self.closed:
                raise AssertionError(f"closed before {what}: {self.received!r}")
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            waiter.addTimeout(PATIENCE, reactor)
            await waiter

    async def arrives(self, ready: Callable[[], bool]) -> None:
        """
        Wait until C{ready()}, or until the server closes the connection.
        """
        while not ready() and not self.closed:
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            waiter.addTimeout(PATIENCE, reactor)
            await waiter

    async def next(self) -> Received:
        """
        Wait for the next packet and take it.
        """
        await self._until(lambda: len(self.received) >= 12, "a packet's head")
        magic, number, size = struct.unpack(">4sII", self.received[:12])
        assert magic == b"\0RES", self.received[:80]
        await self._until(lambda: len(self.received) >= 12 + size, "its body")
        body = self.received[12 : 12 + size]
        self.received = self.received[12 + size :]
        return Received(NAMES[number], body)

    async def expect(self, name: str) -> Received:
        """
        Wait for the next packet, which must be of this name.
        """
        got = await self.next()
        assert got.name == name, got
        return got

    async def line(self) -> bytes:
        """
        Wait for the next text line and take it with its line end.
        """
        await self._until(lambda: b"\n" in self.received, "a line")
        line, self.received = self.received.split(b"\n", 1)
        return line + b"\n"

    async def table(self) -> list[bytes]:
        """
        Take lines up to the C{.} that ends a table.

        @return: the lines before it, without line ends.
        """
        lines = []
        while (line := await self.line()) != b".\n":
            lines.append(line[:-1])
        return lines

    async def settle(self) -> bytes:
        """
        Send ECHO_REQ and take everything up to its answer.

        @return: the bytes before the answer: all that the server owed.
        """
        mark = packet("ECHO_RES", b"settle", magic=b"\0RES")
        self.send("ECHO_REQ", b"settle")
        await self._until(lambda: mark in self.received, "the echo")
        before, self.received = self.received.split(mark, 1)
        return before

    async def lost(self) -> bytes:
        """
        Wait until the server closes the connection.

        @return: what it sent before that and nobody took.
        """
        while not self.closed:
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            waiter.addTimeout(PATIENCE, reactor)
            await waiter
        rest, self.received = self.received, b""
        return rest

    async def quiet(self, seconds: float = 0.3) -> bytes:
        """
        Take whatever comes within some seconds, closed or not.
        """
        await pause(seconds)
        rest, self.received = self.received, b""
        return rest


async def connect(port: int) -> RawPeer:
    """
    Connect to a job server on loopback.
    """
    tcp: IReactorTCP = reactor
    endpoint = TCP4ClientEndpoint(tcp, "127.0.0.1", port)
    peer = await endpoint.connect(Factory.forProtocol(RawPeer))
    assert isinstance(peer, RawPeer)
    return peer


async def closeAll() -> None:
    """
    Close every connection that is still open, at the end of a test.
    """
    for peer in list(_open):
        assert peer.transport is not None
        peer.transport.abortConnection()  # type: ignore[attr-defined]
        await peer.lost()
