"""
How the socket of a connection is set up, at either end.
"""

from __future__ import annotations

import socket
from typing import TypeGuard, cast

from attrs import frozen
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    ISSLTransport,
    ISystemHandle,
    ITCPTransport,
    IWriteDescriptor,
)


@frozen
class Keepalive:
    """
    TCP keepalive; -1 for what the system does.

    @ivar idle: seconds of silence before the first probe.
    @ivar interval: seconds between probes.
    @ivar count: unanswered probes before the connection is lost.
    """

    idle: int = -1
    interval: int = -1
    count: int = -1


def isPlainTCP(transport: object) -> TypeGuard[ITCPTransport]:
    """
    Is it a TCP connection with nothing in between? Not a local socket, although
    Twisted's says it is TCP, and not TLS.
    """
    if ISSLTransport.providedBy(transport) or not ITCPTransport.providedBy(transport):
        return False
    return isinstance(transport.getPeer(), IPv4Address | IPv6Address)


def socketOf(transport: object) -> socket.socket | None:
    """
    The socket right beneath a transport, to read and to write at once.

    By itself, a transport waits until the reactor says that its socket is
    writable, which costs as much again as the writing, and reads in small pieces.

    @return: L{None} where there is none, as with TLS.
    """
    if ISSLTransport.providedBy(transport):
        return None
    if not IWriteDescriptor.providedBy(transport):
        return None
    return cast(socket.socket, cast(ISystemHandle, transport).getHandle())


def setUp(transport: object, keepalive: Keepalive | None) -> None:
    """
    Set the options of a TCP socket, also of one under TLS: packets leave at
    once, and dead peers are noticed if keepalive is asked for.

    @param transport: any transport; without TCP, nothing is set.
    """
    tcp = transport
    if ISSLTransport.providedBy(transport):
        tcp = getattr(transport, "transport", transport)
    if not isPlainTCP(tcp):
        return
    tcp.setTcpNoDelay(True)
    if keepalive is None:
        return
    tcp.setTcpKeepAlive(True)
    handle = cast(socket.socket, cast(ISystemHandle, tcp).getHandle())
    for name, value in [
        ("TCP_KEEPIDLE", keepalive.idle),
        ("TCP_KEEPINTVL", keepalive.interval),
        ("TCP_KEEPCNT", keepalive.count),
    ]:
        # Not every system has all three.
        if value >= 0 and hasattr(socket, name):
            handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
