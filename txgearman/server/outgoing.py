"""
What one peer is owed and its transport has not been given.

The rules, which bound the memory that a peer costs that does not read:

  - The transport is given little at a time, and no more while it is full.
  - Once a peer is owed more than L{CONGESTED}, whoever sends something that
    makes it more is held up: its input is not read until half of that is gone.
    That may be the peer itself, which asks without taking the answers.
  - A peer that takes nothing for too long meanwhile is lost.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from twisted.internet.interfaces import (
    IDelayedCall,
    IPushProducer,
    IReactorTime,
)
from twisted.logger import Logger
from zope.interface import implementer

from txgearman.server.settings import CONGESTED
from txgearman.server.transport import Transport, plainTCP, writeNow
from txgearman.server.turn import Sender, Turn
from txgearman.wire.codec import encode, encodeHead
from txgearman.wire.packets import RESPONSE

# An argument larger than this is not copied behind its head, but kept as it is.
_LARGE: Final = 16 * 1024

# How much a transport is given at a time; Twisted hands the kernel as much.
_PIECE: Final = 128 * 1024


@implementer(IPushProducer)
class Outgoing:
    """
    The packets and lines for one peer, in order.

    To its transport it is a producer, which is how it learns that the transport
    is full or empty.

    @ivar size: how many bytes are kept here.
    """

    _log = Logger()

    def __init__(
        self,
        transport: Transport,
        turn: Turn,
        clock: IReactorTime,
        stallTimeout: float,
    ) -> None:
        self.size = 0
        self._transport = transport
        self._turn = turn
        self._clock = clock
        self._stallTimeout = stallTimeout
        self._chunks: deque[bytes | memoryview] = deque()
        self._full = False
        self._flushing = False
        self._closed = False
        self._now = writeNow(transport)
        self._held: dict[Sender, None] = {}
        self._stall: IDelayedCall | None = None
        transport.registerProducer(self, True)

    def packet(self, number: int, *arguments: bytes) -> None:
        """
        Owe the peer a packet.
        """
        if arguments and len(arguments[-1]) > _LARGE:
            *before, last = arguments
            self.write(encodeHead(RESPONSE, number, before, len(last)))
            self.write(last)
        else:
            self.write(encode(RESPONSE, number, *arguments))

    def answer(self, number: int, *arguments: bytes) -> None:
        """
        Owe the peer a packet because of what the sender of this turn sent,
        which is held up if that is too much.
        """
        self.packet(number, *arguments)
        if self.size > CONGESTED:
            self.weigh()

    def weigh(self) -> None:
        """
        Hold up the sender of this turn if the peer is owed too much.
        """
        sender = self._turn.sender
        if self.size > CONGESTED and sender is not None:
            if not self._held:
                self._startStall()
            self._held[sender] = None
            sender.hold(self)

    def letGo(self, sender: Sender) -> None:
        """
        The sender that is held up is lost.
        """
        self._held.pop(sender, None)
        if not self._held:
            self._stopStall()

    def write(self, data: bytes) -> None:
        """
        Owe the peer bytes.
        """
        if self._closed:
            return
        if not self._chunks and not self._full:
            self._turn.owes(self)
        self._chunks.append(data)
        self.size += len(data)

    def flush(self) -> None:
        """
        Give the transport what it takes.
        """
        # While this loop runs, a transport that is empty again is no reason to
        # start another one.
        self._flushing = True
        while self._chunks and not self._full:
            self._transport.write(self._next())
            if self._now is not None:
                self._now()
        self._flushing = False
        if self._held and self.size <= CONGESTED // 2:
            self._release()

    def _next(self) -> bytes:
        """
        Take what is to be written next: everything, unless that is much.
        """
        if self.size > _PIECE:
            data = b"".join(self._piece())
        else:
            data = b"".join(self._chunks)
            self._chunks.clear()
        self.size -= len(data)
        return data

    def _piece(self) -> list[bytes | memoryview]:
        """
        Take as much from the front as the transport is given at a time.
        """
        taken: list[bytes | memoryview] = []
        lacking = _PIECE
        while lacking:
            chunk = self._chunks.popleft()
            if len(chunk) > lacking:
                # A view, so that the rest is not copied again and again.
                view = memoryview(chunk)
                self._chunks.appendleft(view[lacking:])
                chunk = view[:lacking]
            taken.append(chunk)
            lacking -= len(chunk)
        return taken

    def _release(self) -> None:
        """
        Let those go on that were held up.
        """
        self._stopStall()
        held, self._held = self._held, {}
        for sender in held:
            sender.release(self)

    def close(self) -> None:
        """
        Close the connection when all that is owed has been taken.
        """
        if self._finish():
            self._transport.loseConnection()

    def closeHalf(self) -> None:
        """
        Close this side of the connection when all that is owed has been taken,
        and leave the other to the peer: what it is still sending would otherwise
        destroy what it has not read.
        Only plain TCP has sides; other connections are closed.
        """
        tcp = plainTCP(self._transport)
        if tcp is None:
            self.close()
        elif self._finish():
            tcp.loseWriteConnection()

    def _finish(self) -> bool:
        """
        Leave all that is owed to the transport, and take no more.

        @return: whether that had not happened before.
        """
        if self._closed:
            return False
        self._closed = True
        # The producer goes first: with one registered, a TLS transport would
        # wait for it forever.
        self._transport.unregisterProducer()
        self._transport.write(b"".join(self._chunks))
        self._chunks.clear()
        self.size = 0
        self._release()
        return True

    def lost(self) -> None:
        """
        The connection was lost.
        """
        self._closed = True
        self._chunks.clear()
        self.size = 0
        self._release()

    def pauseProducing(self) -> None:
        """
        The transport is full.
        """
        self._full = True

    def resumeProducing(self) -> None:
        """
        The transport is empty.
        """
        self._full = False
        if not self._flushing:
            self.flush()
        if self._held:
            self._startStall()

    def stopProducing(self) -> None:
        """
        The transport takes no more; that the connection is lost, the protocol
        is told too.
        """

    def _startStall(self) -> None:
        """
        The peer has so much time to take something.
        """
        self._stopStall()
        self._stall = self._clock.callLater(self._stallTimeout, self._stalled)

    def _stopStall(self) -> None:
        """
        The peer took something.
        """
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _stalled(self) -> None:
        """
        The peer's time is over.
        """
        self._stall = None
        self._log.warn(
            "{peer} took nothing for {seconds} s and is owed {size} bytes: closing",
            peer=self._transport.getPeer(),
            seconds=self._stallTimeout,
            size=self.size,
        )
        self._transport.abortConnection()
