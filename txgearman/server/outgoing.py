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

import socket
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from txgearman.board.saving import Saving
from txgearman.connection.sockets import socketOf
from txgearman.server.promises import Promise, Promises
from txgearman.server.settings import CONGESTED
from txgearman.server.transport import Gauge, Transport, plainTCP
from txgearman.server.turn import Sender, Turn
from txgearman.wire.codec import Data, encodeInto

# What is larger than this is not copied behind what stands before it.
_LARGE: Final = 16 * 1024

# How much a transport is given at a time.
_PIECE: Final = 64 * 1024

# How many buffers the kernel is given at once.
_BUFFERS: Final = 64

# What the turn knows of what is owed: nothing; that it may leave a little later; or
# that it is to leave at the end.
_IDLE: Final = 0
_PATIENT: Final = 1
_URGENT: Final = 2

# Compiled, nothing else says whose it is.
_log: Final = Logger(__name__)


class Outgoing:
    """
    The packets and lines for one peer, in order.

    Where there is a socket right beneath the transport, the kernel is given all
    of it at once, and the transport only a piece of what the kernel did not
    take: that it is empty again tells that there is room.

    @ivar size: how many bytes are kept here that may leave.
    """

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
        # What was written since the last flush, and in front of that, what the
        # last flush left, in larger pieces.
        self._fresh: list[bytes] = []
        self._left: deque[bytes | memoryview] = deque()
        self._full = False
        self._urgency: int = _IDLE
        self._flushing = False
        self._closed = False
        # What must not leave yet; there are no such things without a store.
        self._promises: Promises | None = None
        self._afterwards: Callable[[], None] | None = None
        self._held: dict[Sender, None] = {}
        self._stall: IDelayedCall | None = None
        self._socket = socketOf(transport)
        # A transport with a producer that it pulls from tells whenever it is
        # empty; one that is pushed, only if it was full before.
        transport.registerProducer(Gauge(self), self._socket is None)

    def packet(self, number: int, *arguments: Data) -> None:
        """
        Owe the peer a packet.
        """
        self._owe(number, arguments, _URGENT)

    def answer(self, number: int, *arguments: Data) -> None:
        """
        Owe the peer a packet because of what the sender of this turn sent,
        which is held up if that is too much.
        """
        self._owe(number, arguments, _URGENT)
        if self.owed > CONGESTED:
            self.weigh()

    def answerLater(self, number: int, *arguments: Data) -> None:
        """
        Owe the peer a packet, as L{answer} does, that may leave a little later.
        """
        self._owe(number, arguments, _PATIENT)
        if self.owed > CONGESTED:
            self.weigh()

    def _owe(self, number: int, arguments: tuple[Data, ...], urgency: int) -> None:
        if self._closed:
            return
        if self._promises:
            self._promises.packet(number, arguments)
            return
        self._urge(urgency)
        self.size += encodeInto(self._fresh, number, arguments)
        if self.size > _PIECE and self._socket is not None:
            # The peer need not wait for it until the turn ends.
            self._push(self._socket)

    def _urge(self, urgency: int) -> None:
        """
        Have the turn flush this, unless the transport is full.
        """
        if urgency > self._urgency and not self._full:
            self._urgency = urgency
            if urgency == _PATIENT:
                self._turn.owesLater(self)
            else:
                self._turn.owes(self)

    @property
    def owed(self) -> int:
        """
        How many bytes are kept here, and what is promised with them.
        """
        return self.size if self._promises is None else self.size + self._promises.size

    def weigh(self) -> None:
        """
        Hold up the sender of this turn if the peer is owed too much.
        """
        sender = self._turn.sender
        if self.owed > CONGESTED and sender is not None:
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
        if self._promises:
            self._promises.write(data)
            return
        self._urge(_URGENT)
        self._fresh.append(data)
        self.size += len(data)

    def promise(self, saving: Saving, chunk: bytes, otherwise: bytes) -> None:
        """
        Owe the peer a packet or a line, because of what it sent, once C{saving} is
        over. What comes later waits behind it.

        @param otherwise: as for L{Promises.promise}.
        """
        if self._closed:
            return
        if self._promises is None:
            self._promises = Promises(self._due)
        self._promises.promise(saving, chunk, otherwise)
        if self._promises.size > CONGESTED:
            self.weigh()

    def _due(self, promise: Promise) -> None:
        """
        What was promised may leave.
        """
        self._urge(_URGENT)
        self.size += promise.keepInto(self._fresh)
        if self._afterwards is not None and not self._promises:
            self._afterwards()

    def flush(self) -> None:
        """
        Give the transport what it takes.
        """
        # While this loop runs, a transport that is empty again is no reason to
        # start another one.
        self._flushing = True
        self._urgency = _IDLE
        if self._socket is not None:
            self._push(self._socket)
        while self.size and not self._full:
            self._give()
        self._flushing = False
        if self._held and self.owed <= CONGESTED // 2:
            self._release()

    def _push(self, kernel: socket.socket) -> None:
        """
        Give the kernel what it takes.
        """
        while self.size and not self._full:
            self._send(kernel)

    def _send(self, kernel: socket.socket) -> None:
        """
        Give the kernel everything, and the transport a piece of what it did not
        take.
        """
        size = self.size
        if size <= _LARGE and not self._left:
            self._left.append(b"".join(self._fresh))
            self._fresh = []
        else:
            self._gather()
        try:
            if len(self._left) == 1:
                sent = kernel.send(self._left[0])
            else:
                sent = kernel.sendmsg(list(islice(self._left, _BUFFERS)))
        except OSError:
            # There is no room; or no connection, which the transport finds out.
            sent = 0
        if sent == size:
            self._left.clear()
            self.size = 0
            return
        self._drop(sent)
        if sent == 0:
            self._full = True
            self._give()

    def _give(self) -> None:
        """
        Give the transport a piece.
        """
        self._gather()
        taken: list[bytes | memoryview] = []
        lacking = min(_PIECE, self.size)
        while lacking:
            chunk = self._left.popleft()
            if len(chunk) > lacking:
                # A view, so that the rest is not copied again and again.
                view = memoryview(chunk)
                self._left.appendleft(view[lacking:])
                chunk = view[:lacking]
            taken.append(chunk)
            lacking -= len(chunk)
        data = b"".join(taken)
        self.size -= len(data)
        self._transport.write(data)

    def _gather(self) -> None:
        """
        Join what is fresh, except for what is large.
        """
        fresh, self._fresh = self._fresh, []
        small: list[bytes] = []
        size = 0
        for chunk in fresh:
            if len(chunk) > _LARGE:
                self._left += (b"".join(small), chunk)
                small, size = [], 0
                continue
            small.append(chunk)
            size += len(chunk)
            if size > _PIECE:
                self._left.append(b"".join(small))
                small, size = [], 0
        if small:
            self._left.append(b"".join(small))

    def _drop(self, sent: int) -> None:
        """
        Drop from the front what was sent.
        """
        self.size -= sent
        while sent:
            chunk = self._left.popleft()
            if len(chunk) > sent:
                self._left.appendleft(memoryview(chunk)[sent:])
                return
            sent -= len(chunk)

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
        if self._promises:
            self._afterwards = self.close
        elif self._finish():
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
        elif self._promises:
            self._afterwards = self.closeHalf
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
        self._gather()
        self._transport.write(b"".join(self._left))
        self._forget()
        return True

    def lost(self) -> None:
        """
        The connection was lost.
        """
        self._closed = True
        self._forget()

    def _forget(self) -> None:
        """
        Owe nothing any more.
        """
        self._fresh = []
        self._left.clear()
        self.size = 0
        if self._promises is not None:
            self._promises.forget()
            self._promises = None
        self._afterwards = None
        self._release()

    def full(self) -> None:
        """
        The transport is full.
        """
        self._full = True

    def empty(self) -> None:
        """
        The transport is empty.
        """
        self._full = False
        if not self._flushing:
            self.flush()
        if self._held:
            self._startStall()

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
        if not self._full:
            # It waits for what it was promised.
            self._startStall()
            return
        _log.warn(
            "{peer} took nothing for {seconds} s and is owed {size} bytes: closing",
            peer=self._transport.getPeer(),
            seconds=self._stallTimeout,
            size=self.size,
        )
        self._transport.abortConnection()
