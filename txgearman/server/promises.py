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

# What a packet has in front of its arguments, in bytes.
_HEAD: Final = 12


class Promise:
    """
    Packets of which the first waits for a L{Saving}, and those behind it.

    @ivar saving: what it waits for; L{None} when that is over.
    @ivar refusal: why it came to nothing, if it did.
    @ivar refused: the handles of those jobs that did; L{None} for all of them.
    @ivar packets: what has to be encoded, if all goes well: number and arguments; and
        what is encoded already, as bytes. Of a text line there are two: for when all
        goes well, and for when nothing was saved.
    @ivar size: how many bytes that is, about.
    """

    __slots__ = ("packets", "refusal", "refused", "saving", "size")

    def __init__(self, saving: Saving) -> None:
        self.saving: Saving | None = saving
        self.refusal: bytes | None = None
        self.refused: set[bytes] | None = None
        self.packets: list[tuple[int, tuple[Data, ...]] | bytes] = []
        self.size = 0

    def encodeInto(self, chunks: list[bytes]) -> int:
        """
        Append the bytes to C{chunks}; if nothing was saved, an ERROR stands for each
        packet that waited for it.

        @return: how many there are.
        """
        size = 0
        for packet in self.packets:
            if isinstance(packet, bytes):
                chunks.append(packet)
                size += len(packet)
            elif packet[0] == p.TEXT:
                line = bytes(packet[1][0 if self.refusal is None else 1])
                chunks.append(line)
                size += len(line)
            elif self.refusal is None or not self._concerns(packet[1][0]):
                size += encodeInto(chunks, packet[0], packet[1])
            else:
                size += encodeInto(chunks, p.ERROR, (_REFUSED, self.refusal))
        return size

    def _concerns(self, handle: Data) -> bool:
        """
        Is it this job that came to nothing?
        """
        return self.refused is None or bytes(handle) in self.refused


class Promises:
    """
    What one peer is promised.

    @ivar size: how many bytes that is, about.
    """

    __slots__ = ("_due", "_promises", "size")

    def __init__(self, due: Callable[[Promise], None]) -> None:
        """
        @param due: called with what may leave.
        """
        self.size = 0
        self._due = due
        self._promises: deque[Promise] = deque()

    def __bool__(self) -> bool:
        return bool(self._promises)

    def promise(self, saving: Saving, number: int, arguments: tuple[Data, ...]) -> None:
        """
        Promise a packet for when C{saving} is over. If nothing was saved then, an
        ERROR comes in its place.

        @param arguments: the first is the handle of the job; or both lines of text.
        """
        last = self._promises[-1] if self._promises else None
        if last is None or last.saving is not saving:
            last = Promise(saving)
            self._promises.append(last)
            saving.tell(self)
        last.packets.append((number, arguments))
        size = _HEAD + len(arguments[-1])
        last.size += size
        self.size += size

    def packet(self, number: int, arguments: tuple[Data, ...]) -> None:
        """
        Let a packet wait behind what is promised.
        """
        chunks: list[bytes] = []
        size = encodeInto(chunks, number, arguments)
        last = self._promises[-1]
        last.packets.extend(chunks)
        self._grow(last, size)

    def write(self, data: bytes) -> None:
        """
        Let bytes wait behind what is promised.
        """
        last = self._promises[-1]
        last.packets.append(data)
        self._grow(last, len(data))

    def _grow(self, promise: Promise, size: int) -> None:
        promise.size += size
        self.size += size

    def settled(self, saving: Saving, refusal: bytes | None) -> None:
        """
        What was waited for is over.
        """
        for promise in self._promises:
            if promise.saving is saving:
                promise.saving = None
                promise.refusal, promise.refused = refusal, saving.refused
        while self._promises and self._promises[0].saving is None:
            promise = self._promises.popleft()
            self.size -= promise.size
            self._due(promise)

    def forget(self) -> None:
        """
        Promise nothing any more.
        """
        self._promises.clear()
        self.size = 0
