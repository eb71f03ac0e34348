"""
A worker's connection to one job server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txgearman.connection.requesting import Requester
from txgearman.errors import ServerError
from txgearman.wire import packets as p
from txgearman.wire.codec import MALFORMED

if TYPE_CHECKING:
    from txgearman.worker.factory import GearmanWorkerFactory


@frozen
class Assignment:
    """
    A job as a server assigns it.

    @ivar unique: what its client called it; may be empty.
    @ivar reducer: the function that joins its partial results; may be empty.
    """

    handle: bytes
    function: bytes
    unique: bytes
    data: bytes
    reducer: bytes = b""


class GearmanWorkerProtocol(Requester):
    """
    One connection, on any stream transport.

    It registers what the factory's owner can do and tells the owner what the
    server says; when to ask for a job is up to the owner, who may be asking for
    several at a time.
    """

    factory: GearmanWorkerFactory

    def connectionMade(self) -> None:
        """
        Introduce this worker.
        """
        self._echoes = 0
        self._introduce(self.factory.clientId)
        self.factory.owner.made(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The server will give the jobs of this connection to others.
        """
        self.factory.owner.lost(self, reason)

    # What a worker says

    def canDo(self, function: bytes, timeout: float = 0.0) -> None:
        """
        Say that this worker can do a function.

        @param timeout: how long a job may take before the server gives it to
            another worker, in seconds; 0 for as long as it likes.
        """
        if timeout > 0:
            milliseconds = b"%d" % max(1, round(timeout * 1000))
            self._send(p.CAN_DO_TIMEOUT, function, milliseconds)
        else:
            self._send(p.CAN_DO, function)

    def cantDo(self, function: bytes) -> None:
        """
        Say that it cannot any more. Old releases of gearmand give the jobs of the
        function that run here to others.
        """
        self._send(p.CANT_DO, function)

    def grab(self) -> None:
        """
        Ask for a job. The owner is told either C{assigned} or C{noJob}.
        """
        self._send(p.GRAB_JOB_ALL)

    def sleep(self) -> None:
        """
        Sleep until there is a job: the owner is told C{woken}.
        """
        self._send(p.PRE_SLEEP)

    def echo(self) -> None:
        """
        See whether the server answers: the owner is told C{echoed}.
        """
        self._echoes += 1
        self._send(p.ECHO_REQ, b"")

    def workStatus(self, handle: bytes, numerator: int, denominator: int) -> None:
        """
        Report progress.
        """
        self._send(p.WORK_STATUS, handle, b"%d" % numerator, b"%d" % denominator)

    def workData(self, handle: bytes, data: bytes) -> None:
        """
        Send a part of the result.
        """
        self._send(p.WORK_DATA, handle, data)

    def workWarning(self, handle: bytes, data: bytes) -> None:
        """
        Send a warning.
        """
        self._send(p.WORK_WARNING, handle, data)

    def workComplete(self, handle: bytes, data: bytes) -> None:
        """
        Report the end of a job, with its result.
        """
        self._send(p.WORK_COMPLETE, handle, data)

    def workFail(self, handle: bytes) -> None:
        """
        Report the failure of a job.
        """
        self._send(p.WORK_FAIL, handle)

    def workException(self, handle: bytes, data: bytes) -> None:
        """
        Report the failure of a job, and why.
        """
        self._send(p.WORK_EXCEPTION, handle, data)

    # What the server says

    def _noop(self) -> None:
        self.factory.owner.woken(self)

    def _noJob(self) -> None:
        self.factory.owner.noJob(self)

    def _echoed(self, data: bytes) -> None:
        if not self._echoes:
            self._unexpected(p.ECHO_RES)
            return
        self._echoes -= 1
        self.factory.owner.echoed(self)

    def _assign(self, handle: bytes, function: bytes, data: bytes) -> None:
        self.factory.owner.assigned(self, Assignment(handle, function, b"", data))

    def _assignUnique(
        self, handle: bytes, function: bytes, unique: bytes, data: bytes
    ) -> None:
        self.factory.owner.assigned(self, Assignment(handle, function, unique, data))

    def _assignAll(
        self, handle: bytes, function: bytes, unique: bytes, reducer: bytes, data: bytes
    ) -> None:
        self.factory.owner.assigned(
            self, Assignment(handle, function, unique, data, reducer)
        )

    def _error(self, code: bytes, text: bytes = b"") -> None:
        # Mostly about a job that the server took back: no answer to a grab.
        self._log.warn("the server says {error}", error=ServerError(code, text))


GearmanWorkerProtocol._events = {
    MALFORMED: GearmanWorkerProtocol._nonsense,
    p.NOOP: GearmanWorkerProtocol._noop,
    p.NO_JOB: GearmanWorkerProtocol._noJob,
    p.JOB_ASSIGN: GearmanWorkerProtocol._assign,
    p.JOB_ASSIGN_UNIQ: GearmanWorkerProtocol._assignUnique,
    p.JOB_ASSIGN_ALL: GearmanWorkerProtocol._assignAll,
    p.ECHO_RES: GearmanWorkerProtocol._echoed,
    p.ERROR: GearmanWorkerProtocol._error,
}
