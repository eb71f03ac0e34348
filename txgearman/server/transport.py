"""
What a connection needs of its transport.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, cast

from twisted.internet.interfaces import (
    IAddress,
    IPushProducer,
    ISSLTransport,
    IWriteDescriptor,
)

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

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> object: ...

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


def writeNow(transport: Transport) -> Callable[[], object] | None:
    """
    How to hand what was written to the kernel now.

    By itself, a transport waits until the reactor says that its socket is
    writable, which costs as much again as the writing. If the socket is not
    writable, or lost, this does nothing, and the reactor finds out.

    @return: L{None} where there is no socket right beneath the transport.
    """
    if ISSLTransport.providedBy(transport):
        return None
    if not IWriteDescriptor.providedBy(transport):
        return None
    return cast(IWriteDescriptor, transport).doWrite
