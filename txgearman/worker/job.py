"""
A job that a worker runs, as the function sees it that does it.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.logger import Logger

from txgearman.codecs import Codec
from txgearman.worker.protocol import Assignment, GearmanWorkerProtocol

T = TypeVar("T")


class RunningJob(Generic[T]):
    """
    What a worker's function is given.

    @ivar data: the workload.
    @ivar function: the function's name, without the worker's namespace.
    @ivar handle: the server's name for the job.
    @ivar unique: what its client called it; may be empty.
    @ivar reducer: the function that joins its partial results; may be empty.
    @ivar lost: whether the server has taken the job back, or is lost itself: it
        gives the job to another worker, and wants to hear nothing more of it.
    @ivar over: whether the end of the job is reported.
    """

    _log = Logger()

    def __init__(
        self,
        assignment: Assignment,
        function: str,
        data: T,
        codec: Codec[T],
        connection: GearmanWorkerProtocol,
    ) -> None:
        self.function = function
        self.handle = assignment.handle
        self.unique = assignment.unique
        self.reducer = assignment.reducer
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
        """
        encoded = self._codec.encode(data)
        if self._wanted():
            self._connection.workData(self.handle, encoded)

    def sendWarning(self, data: T) -> None:
        """
        Send a warning.
        """
        encoded = self._codec.encode(data)
        if self._wanted():
            self._connection.workWarning(self.handle, encoded)

    def sendStatus(self, numerator: int, denominator: int) -> None:
        """
        Report progress: C{numerator} of C{denominator}.
        """
        if self._wanted():
            self._connection.workStatus(self.handle, numerator, denominator)

    def complete(self, result: T | None) -> None:
        """
        Report the end of the job. A function need not: what it returns does.

        @param result: L{None} is an empty result.
        """
        encoded = b"" if result is None else self._codec.encode(result)
        if self._ends():
            self._connection.workComplete(self.handle, encoded)

    def fail(self) -> None:
        """
        Report that the job failed, without a word why. What the function returns
        or raises after that is not reported.
        """
        if self._ends():
            self._connection.workFail(self.handle)

    def exception(self, text: str | bytes) -> None:
        """
        Report that the job failed, and why. What the function returns or raises
        after that is not reported.
        """
        if isinstance(text, str):
            text = text.encode("utf-8", "backslashreplace")
        if self._ends():
            self._connection.workException(self.handle, text)

    def _wanted(self) -> bool:
        """
        Does the server want to hear of the job?
        """
        return not (self.lost or self.over)

    def _ends(self) -> bool:
        """
        The end of the job is about to be reported.

        @return: whether it is to be.
        """
        if self.over:
            return False
        self.over = True
        if self.lost:
            self._log.warn(
                "{job!r} ended, but its server is lost: another worker will do it"
                " again",
                job=self,
            )
        return not self.lost
