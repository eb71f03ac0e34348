"""
What a connection needs of its transport, and how its socket is set up.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Protocol, cast

from twisted.internet.interfaces import (
    IAddress,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
    IWriteDescriptor,
)

from txgearman.server.address import isInternet
from txgearman.server.settings import Keepalive


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

    def setTcpNoDelay(self, enabled: bool) -> object: ...

    def setTcpKeepAlive(self, enabled: bool) -> object: ...

    def getHandle(self) -> socket.socket: ...


def plainTCP(transport: Transport) -> TCPTransport | None:
    """
    The transport, if it is a TCP connection and nothing is in between.
    """
    if ISSLTransport.providedBy(transport):
        return None
    tcp = ITCPTransport.providedBy(transport) and isInternet(transport.getPeer())
    return cast(TCPTransport, transport) if tcp else None


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


def setUp(transport: Transport, keepalive: Keepalive | None) -> None:
    """
    Set the options of a TCP socket, also of one under TLS: packets leave at
    once, and dead peers are noticed if keepalive is asked for.
    """
    beneath = transport
    if ISSLTransport.providedBy(transport):
        beneath = getattr(transport, "transport", transport)
    tcp = plainTCP(beneath)
    if tcp is None:
        return
    tcp.setTcpNoDelay(True)
    if keepalive is None:
        return
    tcp.setTcpKeepAlive(True)
    for name, value in [
        ("TCP_KEEPIDLE", keepalive.idle),
        ("TCP_KEEPINTVL", keepalive.interval),
        ("TCP_KEEPCNT", keepalive.count),
    ]:
        # Not every system has all three.
        if value >= 0 and hasattr(socket, name):
            tcp.getHandle().setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
