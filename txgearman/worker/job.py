"""
A job that a worker runs, as the function sees it that does it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.logger import Logger

from txgearman.codecs import Codec
from txgearman.worker.protocol import Assignment
from txgearman.worker.protocol import GearmanWorkerProtocol as _Connection

T = TypeVar("T")


class RunningJob(Generic[T]):
    """
    What a worker's function is given.

    @ivar data: the workload.
    @ivar function: the function's name, without the worker's namespace.
    @ivar handle: the server's name for the job.
    @ivar unique: what its client called it; may be empty.
    @ivar reducer: the name of the function that joins its partial results, without
        the worker's namespace; may be empty.
    @ivar lost: whether the server has taken the job back, or is lost itself: it
        gives the job to another worker, and wants to hear nothing more of it.
    @ivar over: whether the end of the job is reported.
    """

    _log = Logger()

    def __init__(
        self,
        assignment: Assignment,
        function: str,
        reducer: str,
        data: T,
        codec: Codec[T],
        connection: _Connection,
    ) -> None:
        self.function = function
        self.handle = assignment.handle
        self.unique = assignment.unique
        self.reducer = reducer
        self.data = data
        self.lost = False
        self.over = False
        self._codec = codec
        self._connection = connection

    def __repr__(self) -> str:
        handle = self.handle.decode("utf-8", "backslashreplace")
        return f"<RunningJob {self.function} {handle}>"

    def sendData(self, data: T) -> None:
        """
        Send a part of the result.

        @raise ValueError: when it is larger than the worker's C{maxPacket}.
        @raise Exception: what the codec raises.
        """
        self._report(_Connection.workData, self._encoded(data))

    def sendWarning(self, data: T) -> None:
        """
        Send a warning.

        @raise ValueError: when it is larger than the worker's C{maxPacket}.
        @raise Exception: what the codec raises.
        """
        self._report(_Connection.workWarning, self._encoded(data))

    def sendStatus(self, numerator: int, denominator: int) -> None:
        """
        Report progress: C{numerator} of C{denominator}.
        """
        self._report(_Connection.workStatus, numerator, denominator)

    def complete(self, result: T | None) -> None:
        """
        Report the end of the job. A function need not: what it returns does.

        @param result: L{None} is an empty result.
        @raise ValueError: when it is larger than the worker's C{maxPacket}; the
            job is not over then.
        @raise Exception: what the codec raises; the same holds.
        """
        encoded = b"" if result is None else self._encoded(result)
        self._end(_Connection.workComplete, encoded)

    def fail(self) -> None:
        """
        Report that the job failed, without a word why. What the function returns
        or raises after that is not reported.
        """
        self._end(_Connection.workFail)

    def exception(self, text: str | bytes) -> None:
        """
        Report that the job failed, and why. What the function returns or raises
        after that is not reported. What is larger than the worker's C{maxPacket}
        is cut.
        """
        if isinstance(text, str):
            text = text.encode("utf-8", "backslashreplace")
        self._end(_Connection.workException, text[: self._room])

    @property
    def _room(self) -> int:
        """
        How many bytes a packet has for data, beside the handle and a NUL.
        """
        return max(0, self._connection.factory.maxPacket - len(self.handle) - 1)

    def _encoded(self, data: T) -> bytes:
        """
        Encode a value.

        @raise ValueError: when it is too large.
        """
        encoded = self._codec.encode(data)
        if len(encoded) > self._room:
            raise ValueError(
                f"{len(encoded)} bytes are more than a packet may have: {self._room}"
            )
        return encoded

    def _report(self, say: Callable[..., None], *arguments: Any) -> None:
        """
        Say something about the job, if the server wants to hear of it.

        @param say: the connection's method.
        """
        if not (self.lost or self.over):
            say(self._connection, self.handle, *arguments)

    def _end(self, say: Callable[..., None], *arguments: bytes) -> None:
        """
        Say how the job ended, unless that is said.
        """
        if self.over:
            return
        self.over = True
        if not self.lost:
            say(self._connection, self.handle, *arguments)
            return
        self._log.warn(
            "{job!r} ended, but its server is lost: another worker will do it again",
            job=self,
        )
