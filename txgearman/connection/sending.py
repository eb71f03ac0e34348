"""
How what a client or a worker says gets to its socket: all of one turn of the
reactor at once, and without waiting until the reactor finds the socket writable.

System calls are most of what a job costs, so few of them are what makes it cheap.
"""

from __future__ import annotations

import socket
from typing import Any, Final

from twisted.internet.interfaces import IPullProducer, IReactorTime
from zope.interface import implementer

from txgearman.connection.turns import turnEndOf

# So much is sent before the turn ends, that the server can begin with it.
_ENOUGH: Final = 32 * 1024


@implementer(IPullProducer)
class Outlet:
    """
    Writes to a socket on its own, and leaves to the transport above it what the
    kernel does not take; until the transport is empty again, everything.
    """

    def __init__(
        self, transport: Any, kernel: socket.socket, clock: IReactorTime | None
    ) -> None:
        """
        @param kernel: the socket right beneath the transport.
        @param clock: the reactor, which says when its turn ends; without, all that
            is not gathered is written at once.
        """
        self._transport = transport
        self._kernel = kernel
        self._atEnd = None if clock is None else turnEndOf(clock)
        self._fresh: list[bytes] = []
        self._size = 0
        self._waiting = False
        self._gathering = False
        self._full = False

    def write(self, data: bytes) -> None:
        """
        Send something, at the end of the turn at the latest.
        """
        if self._full:
            self._transport.write(data)
            return
        self._fresh.append(data)
        self._size += len(data)
        if self._size > _ENOUGH:
            self._send()
        elif not (self._gathering or self._waiting):
            self._wait()

    def _wait(self) -> None:
        """
        Send what there is when the turn ends.
        """
        if self._atEnd is None:
            self._send()
        else:
            self._hold()
            self._waiting = True
            self._atEnd(self._ended)

    def _ended(self) -> None:
        """
        The turn ends, or the transport is about to close before that.
        """
        if self._waiting:
            if self._fresh:
                self._send()
            self._waiting = False
            self._letGo()

    def gather(self) -> None:
        """
        Send nothing, but when it is much, before L{flush}.
        """
        self._gathering = True

    def flush(self) -> None:
        """
        Send what was gathered.
        """
        self._gathering = False
        if self._fresh:
            self._send()

    def forget(self) -> None:
        """
        Do not send what is not sent yet.
        """
        self._fresh = []
        self._size = 0

    def _send(self) -> None:
        """
        Give the kernel everything, and the transport what it does not take.
        """
        data = self._fresh[0] if len(self._fresh) == 1 else b"".join(self._fresh)
        self.forget()
        try:
            sent = self._kernel.send(data)
        except OSError:
            # There is no room; or no connection, which the transport finds out.
            sent = 0
        if sent < len(data):
            self._hold()
            self._full = True
            self._transport.write(data[sent:])

    def _hold(self) -> None:
        """
        Keep the transport from closing, and hear when it is empty: so it treats
        a producer, which it pulls from at once.
        """
        if not (self._waiting or self._full):
            self._transport.registerProducer(self, False)

    def _letGo(self) -> None:
        """
        Let the transport close, if that is all.
        """
        if not (self._waiting or self._full):
            self._transport.unregisterProducer()

    def resumeProducing(self) -> None:
        """
        The transport is empty, and would close if it is to.
        """
        if self._full:
            self._full = False
            self._letGo()
        else:
            self._ended()

    def stopProducing(self) -> None:
        """
        The connection is lost.
        """
