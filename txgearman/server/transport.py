"""
What a connection needs of its transport.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast

from twisted.internet.interfaces import (
    IAddress,
    IPullProducer,
    IPushProducer,
)
from zope.interface import implementer

from txgearman.connection.sockets import isPlainTCP


class Transport(Protocol):
    """
    Any stream transport of Twisted: it is a consumer and a producer too, which
    its interface does not say.
    """

    def write(self, data: bytes) -> object: ...

    def writeSequence(self, data: Iterable[bytes]) -> object: ...

    def loseConnection(self) -> object: ...

    def abortConnection(self) -> object: ...

    def getPeer(self) -> IAddress: ...

    def registerProducer(self, producer: object, streaming: bool) -> object: ...

    def unregisterProducer(self) -> object: ...

    def pauseProducing(self) -> object: ...

    def resumeProducing(self) -> object: ...


class TCPTransport(Transport, Protocol):
    """
    A TCP connection.
    """

    def loseWriteConnection(self) -> object: ...


def plainTCP(transport: Transport) -> TCPTransport | None:
    """
    The transport, if it is a TCP connection and nothing is in between.
    """
    return cast(TCPTransport, transport) if isPlainTCP(transport) else None


class Emptiable(Protocol):
    """
    Whoever writes to a transport, and wants to know when to stop and to go on.
    """

    def full(self) -> None:
        """
        The transport has more than it likes.
        """

    def empty(self) -> None:
        """
        The transport has nothing.
        """


@implementer(IPullProducer, IPushProducer)
class Gauge:
    """
    How a transport tells its writer that it is full or empty: by treating it as
    the producer that it writes for.
    """

    def __init__(self, writer: Emptiable) -> None:
        self._writer = writer

    def pauseProducing(self) -> None:
        """
        The transport is full.
        """
        self._writer.full()

    def resumeProducing(self) -> None:
        """
        The transport is empty.
        """
        self._writer.empty()

    def stopProducing(self) -> None:
        """
        The transport takes no more; that the connection is lost, its protocol
        is told too.
        """
