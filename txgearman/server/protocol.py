"""
A connection of the job server: where its bytes come from, and how it ends.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final, cast

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from txgearman.connection.sockets import setUp, socketOf
from txgearman.server.address import hostOf, isLocal, portOf
from txgearman.server.outgoing import Outgoing
from txgearman.server.session import Session
from txgearman.server.transport import Transport

if TYPE_CHECKING:
    from txgearman.server.factory import GearmanServerFactory

# How long a peer whose bytes made no sense may take to read why, in seconds.
_LINGER: Final = 2.0

# A packet is large when so much of it is still to come, in bytes; and so much of
# one is read before other connections have their turn.
_LARGE: Final = 32 * 1024
_AT_ONCE: Final = 2 * 1024 * 1024


class GearmanServerProtocol(Protocol):
    """
    One connection of a job server, on any stream transport.
    """

    factory: GearmanServerFactory

    _transport: Transport
    _out: Outgoing
    _session: Session
    _linger: IDelayedCall | None = None

    @property
    def owed(self) -> int:
        """
        How much the peer is owed that its transport was not given, in bytes.
        """
        return self._out.size

    def connectionMade(self) -> None:
        """
        Begin a session.
        """
        factory = self.factory
        transport = self._transport = cast(Transport, self.transport)
        self._out = Outgoing(
            transport, factory.turn, factory.clock, factory.settings.stallTimeout
        )
        self._socket = socketOf(transport)
        setUp(transport, factory.settings.keepalive)
        address = transport.getPeer()
        self._session = Session(
            self,
            factory,
            self._out,
            hostOf(address).encode(),
            portOf(address),
            isLocal(address),
        )
        factory.made(self)
        if factory.keeping is not None:
            factory.keeping.welcome(self._session)

    def dataReceived(self, data: bytes) -> None:
        """
        Take a chunk of input.
        """
        self._session.receive(data)
        if self._session.reader.missing > _LARGE and self._socket is not None:
            self._readOn(self._socket)

    def _readOn(self, kernel: socket.socket) -> None:
        """
        A large packet is coming: read more of it than a transport does at once.
        """
        session, left = self._session, _AT_ONCE
        while left > 0 and session.reader.missing > 0 and not session.held:
            try:
                data = kernel.recv(min(session.reader.missing, left))
            except OSError:
                # Nothing there; or no connection, which the transport finds out.
                return
            if not data:
                return
            left -= len(data)
            session.receive(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        End the session.
        """
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        self._session.lost()
        self.factory.lost(self)

    def close(self) -> None:
        """
        Close the connection once the peer has all that it is owed.
        """
        self._out.close()

    def abort(self) -> None:
        """
        Close the connection at once.
        """
        self._transport.abortConnection()

    def pause(self) -> None:
        """
        Read nothing.
        """
        self._transport.pauseProducing()

    def resume(self) -> None:
        """
        Read again.
        """
        self._transport.resumeProducing()

    def hangUp(self, explained: bool) -> None:
        """
        Close the connection of a peer that makes no sense.

        @param explained: whether it is owed a word about it, which it may need
            some time to come to.
        """
        if explained:
            self._out.closeHalf()
        else:
            self._out.close()
        self._linger = self.factory.clock.callLater(_LINGER, self._lingered)

    def _lingered(self) -> None:
        """
        The peer has had its time.
        """
        self._linger = None
        self.abort()
