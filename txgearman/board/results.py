"""
The results of background jobs, for whoever asks later.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import define

from txgearman.board.archive import Archive
from txgearman.board.function import BY_DATA
from txgearman.board.job import Job, JobState
from txgearman.board.records import pack, unpack
from txgearman.wire.codec import Data

KIND: Final = "result"


@define
class Result:
    """
    How a background job ended.

    @ivar state: C{completed}, C{failed}, C{cancelled}, C{expired} or C{dead}.
    @ivar started: when its last attempt began, in seconds of the epoch, like the
        others; 0 when there was none.
    @ivar data: what the worker sent with its last word; empty when that is too large.
    @ivar size: how many bytes that had.
    @ivar error: why its last attempt failed, if one did.
    @ivar until: how long this is kept.
    """

    handle: bytes
    function: bytes
    unique: bytes
    state: str
    submitted: float
    started: float
    ended: float
    attempts: int
    data: bytes
    size: int
    error: bytes
    until: float

    @property
    def moment(self) -> float:
        """
        When its job ended.
        """
        return self.ended

    def pack(self) -> bytes:
        """
        As it is kept.
        """
        return pack(self, "data")


class Results(Archive[Result]):
    """
    The results that a board has.
    """

    def __init__(self, *arguments: Any, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self._byUnique: dict[tuple[bytes, bytes], bytes] = {}

    def note(self, job: Job, state: JobState, data: Data) -> None:
        """
        A background job ends.

        @param data: what the worker sent with its last word.
        """
        policy, now = job.function.policy, self._seconds()
        fits = len(data) <= min(policy.resultLimit, self._largest)
        result = Result(
            job.handle,
            job.function.name,
            job.unique,
            state.name.lower(),
            job.submitted,
            job.started,
            now,
            job.attempts,
            bytes(data) if fits else b"",
            len(data),
            b"" if state is JobState.COMPLETED else job.error,
            now + policy.results,
        )
        self.add(result, result.until)

    def byUnique(self, function: bytes, unique: bytes) -> Result | None:
        """
        How the last job of a function ended that had a unique.
        """
        handle = self._byUnique.get((function, unique))
        return None if handle is None else self.get(handle)

    def _put(self, thing: Result, until: float) -> None:
        super()._put(thing, until)
        self._index(thing)

    def _index(self, thing: Result) -> None:
        if thing.unique and thing.unique != BY_DATA:
            self._byUnique[thing.function, thing.unique] = thing.handle

    def arrange(self) -> None:
        """
        Put results in their order.
        """
        super().arrange()
        for result in self:
            self._index(result)

    def _forget(self, handle: bytes) -> Result:
        result = super()._forget(handle)
        name = result.function, result.unique
        if self._byUnique.get(name) == handle:
            del self._byUnique[name]
        return result

    def restore(self, value: bytes) -> None:
        """
        Have one back that was kept.

        @raise BadRow: when it cannot be read.
        """
        result = unpack(Result, value, "data")
        self._put(result, result.until)
