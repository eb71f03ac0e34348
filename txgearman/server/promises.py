"""
What a peer is told when something is saved, and all that comes behind it: a peer's
packets leave in their order, since a JOB_CREATED does not say what it answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from txgearman.board.saving import Saving
from txgearman.wire import packets as p
from txgearman.wire.codec import Data, encodeInto

_REFUSED: Final = b"QUEUE_ERROR"


class Promise:
    """
    Packets of which the first waits for a L{Saving}, and those behind it.

    @ivar saving: what it waits for; L{None} when that is over.
    @ivar chunks: the bytes.
    @ivar replies: where among them there are those that are taken back if nothing is
        saved.
    """

    __slots__ = ("chunks", "replies", "saving")

    def __init__(self, saving: Saving) -> None:
        self.saving: Saving | None = saving
        self.chunks: list[bytes] = []
        self.replies: list[int] = []


class Promises:
    """
    What one peer is promised.

    @ivar size: how many bytes that is.
    """

    __slots__ = ("_due", "_promises", "size")

    def __init__(self, due: Callable[[list[bytes], int], None]) -> None:
        """
        @param due: called with what may leave, and how many bytes that is.
        """
        self.size = 0
        self._due = due
        self._promises: deque[Promise] = deque()

    def __bool__(self) -> bool:
        return bool(self._promises)

    def promise(self, saving: Saving, number: int, *arguments: Data) -> None:
        """
        Promise a packet for when C{saving} is over. If nothing was saved then, an
        ERROR comes in its place.
        """
        last = self._promises[-1] if self._promises else None
        if last is None or last.saving is not saving:
            last = Promise(saving)
            self._promises.append(last)
            saving.tell(self)
        packet: list[bytes] = []
        self.size += encodeInto(packet, number, arguments)
        last.replies.append(len(last.chunks))
        last.chunks.append(b"".join(packet))

    def packet(self, number: int, arguments: tuple[Data, ...]) -> None:
        """
        Let a packet wait behind what is promised.
        """
        self.size += encodeInto(self._promises[-1].chunks, number, arguments)

    def write(self, data: bytes) -> None:
        """
        Let bytes wait behind what is promised.
        """
        self._promises[-1].chunks.append(data)
        self.size += len(data)

    def settled(self, saving: Saving, refusal: bytes | None) -> None:
        """
        What was waited for is over.
        """
        for promise in self._promises:
            if promise.saving is saving:
                promise.saving = None
                if refusal is not None:
                    self._takeBack(promise, refusal)
        while self._promises and self._promises[0].saving is None:
            chunks = self._promises.popleft().chunks
            size = sum(map(len, chunks))
            self.size -= size
            self._due(chunks, size)

    def _takeBack(self, promise: Promise, refusal: bytes) -> None:
        """
        Tell in the place of each reply that nothing was saved.
        """
        packet: list[bytes] = []
        size = encodeInto(packet, p.ERROR, (_REFUSED, refusal))
        error = b"".join(packet)
        for index in promise.replies:
            self.size += size - len(promise.chunks[index])
            promise.chunks[index] = error

    def forget(self) -> None:
        """
        Promise nothing any more.
        """
        self._promises.clear()
        self.size = 0
