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
from txgearman.wire.packets import RESPONSE

_REFUSED: Final = b"QUEUE_ERROR"


class Promise:
    """
    Bytes of which the first wait for a L{Saving}, and those behind them.

    @ivar saving: what they wait for; L{None} when that is over.
    @ivar refusal: why it came to nothing, if it did.
    @ivar refused: the handles of those jobs that did; L{None} for all of them.
    @ivar chunks: what leaves if all goes well.
    @ivar otherwise: for each chunk that waits, by its place, what an ERROR is about
        that takes its place: the handle of a job; or, of a line, another line.
    @ivar size: how many bytes leave if all goes well.
    """

    __slots__ = ("chunks", "otherwise", "refusal", "refused", "saving", "size")

    def __init__(self, saving: Saving) -> None:
        self.saving: Saving | None = saving
        self.refusal: bytes | None = None
        self.refused: set[bytes] | None = None
        self.chunks: list[bytes] = []
        self.otherwise: dict[int, bytes] = {}
        self.size = 0

    def keepInto(self, chunks: list[bytes]) -> int:
        """
        Append what leaves to C{chunks}.

        @return: how many bytes that is.
        """
        if self.refusal is None:
            chunks += self.chunks
            return self.size
        size = 0
        for place, chunk in enumerate(self.chunks):
            otherwise = self.otherwise.get(place)
            if otherwise is None:
                chunks.append(chunk)
                size += len(chunk)
            elif not chunk.startswith(RESPONSE):
                chunks.append(otherwise)
                size += len(otherwise)
            elif self.refused is None or otherwise in self.refused:
                size += encodeInto(chunks, p.ERROR, (_REFUSED, self.refusal))
            else:
                chunks.append(chunk)
                size += len(chunk)
        return size


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

    def promise(self, saving: Saving, chunk: bytes, otherwise: bytes) -> None:
        """
        Promise a packet or a line for when C{saving} is over.

        @param otherwise: if it came to nothing: the handle of the job of which an
            ERROR tells then; or the line in place of the line.
        """
        promises = self._promises
        last = promises[-1] if promises else None
        if last is None or last.saving is not saving:
            last = Promise(saving)
            promises.append(last)
            saving.tell(self)
        chunks = last.chunks
        last.otherwise[len(chunks)] = otherwise
        chunks.append(chunk)
        self._grow(last, len(chunk))

    def packet(self, number: int, arguments: tuple[Data, ...]) -> None:
        """
        Let a packet wait behind what is promised.
        """
        chunks: list[bytes] = []
        size = encodeInto(chunks, number, arguments)
        last = self._promises[-1]
        last.chunks += chunks
        self._grow(last, size)

    def write(self, data: bytes) -> None:
        """
        Let bytes wait behind what is promised.
        """
        last = self._promises[-1]
        last.chunks.append(data)
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
