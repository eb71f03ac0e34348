"""
What connections of clients and of workers share: both send requests, and read
what a job server says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from twisted.internet.interfaces import IAddress, IReactorTime, ITransport
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.logger import Logger

from txgearman.connection.sending import Outlet
from txgearman.connection.sockets import Keepalive, setUp, socketOf
from txgearman.errors import ServerError
from txgearman.wire import packets as p
from txgearman.wire.codec import Limits, PacketReader, encode

MAX_PACKET: Final = Limits().packet
"""The largest packet that is taken from a server, in bytes, unless told otherwise."""

KEEPALIVE: Final = Keepalive(idle=60, interval=15, count=4)
"""
How a server that vanished is noticed by who has nothing to say to it: after two
minutes.
"""


class Requester(Protocol):
    """
    One connection to a job server, on any stream transport. Over TCP, packets leave
    at once, and there is L{KEEPALIVE}.

    Where there is a socket right beneath the transport, what is said because of
    something that was read leaves in one piece when all of that is dealt with, and
    everything else in one piece at the end of the reactor's turn.
    """

    factory: RequesterFactory

    _log = Logger()
    _events: dict[int, Callable[..., None]]
    _reader: PacketReader
    _write: Callable[[bytes], object]
    _outlet: Outlet | None = None

    def makeConnection(self, transport: ITransport) -> None:
        """
        Begin to read and to write there.
        """
        self._reader = PacketReader(Limits(self.factory.maxPacket), p.RESPONSE)
        setUp(transport, KEEPALIVE)
        self._write = transport.write
        kernel = socketOf(transport)
        if kernel is not None:
            self._outlet = Outlet(transport, kernel, self.factory.clock)
            self._write = self._outlet.write
        super().makeConnection(transport)

    def dataReceived(self, data: bytes) -> None:
        """
        Take a chunk of input.
        """
        self._reader.feed(data)
        outlet = self._outlet
        if outlet is None:
            self._read()
            return
        outlet.gather()
        try:
            self._read()
        finally:
            outlet.flush()

    def _read(self) -> None:
        """
        Take what has arrived, event after event.
        """
        events, other = self._events, self._other
        for number, arguments in self._reader.events():
            event = events.get(number)
            if event is None:
                other(number, *arguments)
            else:
                event(self, *arguments)

    def giveUp(self) -> None:
        """
        End the connection, without waiting for the server: nothing that it says
        from now on is read, and what it has not taken yet is not sent. A moment
        later the connection is lost.
        """
        self._reader.close()
        if self._outlet is not None:
            self._outlet.forget()
        assert self.transport is not None
        self.transport.abortConnection()  # type: ignore[attr-defined]

    def _introduce(self, clientId: bytes | None) -> None:
        """
        Say who this is.

        @param clientId: L{None} for nobody in particular.
        """
        if clientId is not None:
            self._send(p.SET_CLIENT_ID, clientId)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """
        Hand the transport all that is sent within at once in the end.
        """
        write, packets = self._write, list[bytes]()
        self._write = packets.append
        try:
            yield
        finally:
            self._write = write
            if packets:
                write(b"".join(packets))

    def _send(self, number: int, *arguments: bytes) -> None:
        self._write(encode(p.REQUEST, number, *arguments))

    def _other(self, number: int, *arguments: bytes) -> None:
        """
        The server sent what is no event.
        """
        self._unexpected(number)

    def _unexpected(self, number: int) -> None:
        """
        The server sent a packet, or a line of text, that it was not asked for.
        """
        self._nonsense(b"UNEXPECTED_PACKET", p.PACKETS[number].name.encode())

    def _nonsense(self, code: bytes, text: bytes) -> None:
        """
        The server makes no sense: what follows cannot be trusted.
        """
        self._log.error("a server makes no sense: {e}", e=ServerError(code, text))
        self.giveUp()


class RequesterFactory(ClientFactory):
    """
    Makes such connections.

    @ivar clientId: what they call themselves; L{None} for nothing.
    @ivar maxPacket: the largest packet that is taken from a server, in bytes.
    @ivar clock: the reactor, which says when its turn ends; without, packets leave
        at once that nothing gathers.
    """

    protocol: type[Requester]  # type: ignore[assignment]
    clock: IReactorTime | None = None
    noisy = False

    def __init__(self, clientId: bytes | None, maxPacket: int = MAX_PACKET) -> None:
        self.clientId = clientId
        self.maxPacket = maxPacket

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """
        Make a connection, always.
        """
        connection = self.protocol()
        connection.factory = self
        return connection
