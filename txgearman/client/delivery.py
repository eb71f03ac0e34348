"""
A job's way to a server, and the news of it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txgearman.client.choice import Choice
from txgearman.client.job import JobData, JobProgress, JobWarning, RemoteJob
from txgearman.client.pool import ServerPool
from txgearman.client.protocol import GearmanClientProtocol
from txgearman.client.submission import Submission
from txgearman.connection.servers import Server
from txgearman.errors import (
    JobException,
    JobFailed,
    JobLost,
    NoServers,
    ServerError,
)

T = TypeVar("T")

# A server that breaks the connection at each submit of a job does not like the
# job; others may not either.
_TRIES: Final = 5

# A job whose servers are lost one after the other may be what they die of, or
# its result may be larger than this client takes.
_RESUBMITS: Final = 5


class Delivery(Generic[T]):
    """
    Submits one job until a server has it, and tells its L{RemoteJob} what is
    heard of it.

    A submit whose connection is lost before the reply goes to another server: so
    a job may run twice, but is not lost. A server that is about to shut down
    refuses jobs; they go to another one too.

    @ivar job: the L{RemoteJob}.
    """

    # A client may have a great many.
    __slots__ = (
        "_choice",
        "_patience",
        "_pool",
        "_protocol",
        "_refusals",
        "_resubmits",
        "_server",
        "_submission",
        "_tries",
        "_waiting",
        "job",
    )

    def __init__(
        self,
        pool: ServerPool,
        choice: Choice,
        submission: Submission,
        job: RemoteJob[T],
        patience: float,
        resubmit: bool,
    ) -> None:
        """
        @param patience: how long to wait for a server that can be reached, in
            seconds.
        @param resubmit: whether to submit the job anew when its server is lost,
            a few times.
        """
        self.job = job
        self._pool = pool
        self._choice = choice
        self._submission = submission
        self._patience = patience
        self._resubmits = _RESUBMITS if resubmit else 0
        self._tries = 0
        self._refusals: dict[Server, Failure] | None = None
        self._waiting: Deferred[None] | None = None
        self._protocol: GearmanClientProtocol | None = None
        self._server: Server | None = None
        job.whenEnded(self._ended)

    def deliver(self) -> None:
        """
        Submit the job. When no server takes it, it fails: with L{ServerError} from
        one that does not want it, L{NoServers} when none can be reached, or
        L{JobLost} when connections are lost again and again.
        """
        self._tries = _TRIES + len(self._pool.connections)
        self._refusals = None
        self._try()

    def _try(self) -> None:
        """
        Submit it to the next server, as soon as there is one.
        """
        if not self._tries:
            lost = JobLost("connections were lost again and again at its submit")
            self.job.failed(Failure(lost))
            return
        self._tries -= 1
        try:
            connected = self._pool.reached()
        except NoServers:
            self.job.failed(Failure())
            return
        if connected:
            self._submit(connected)
        else:
            self._waiting = Deferred.fromCoroutine(self._wait())
            self._waiting.addErrback(self.job.failed)

    async def _wait(self) -> None:
        """
        Wait for a server.
        """
        connected = await self._pool.whenConnected(self._patience)
        self._waiting = None
        self._submit(connected)

    def _submit(self, connected: Sequence[Server]) -> None:
        """
        Submit it to the server of choice.
        """
        try:
            server = self._choose(connected)
        except Exception:
            self.job.failed(Failure())
            return
        protocol = self._pool.protocolOf(server)
        assert protocol is not None, "only servers that are connected are chosen"
        self._protocol, self._server = protocol, server
        protocol.submit(self._submission, self)

    def _choose(self, connected: Sequence[Server]) -> Server:
        """
        Choose a server.

        @raise NoServers: when the choice wants none of those that are there.
        @raise ServerError: when those refused the job.
        """
        refusals = self._refusals
        for server in self._choice.order(self._submission, self._pool.servers):
            if server in connected and not (refusals and server in refusals):
                return server
        if refusals:
            next(iter(refusals.values())).raiseException()
        raise NoServers("the choice left out each server that can be reached")

    def _ended(self) -> None:
        """
        Nobody wants to hear more of the job.
        """
        if self._protocol is not None and self.job.handle:
            self._protocol.detach(self.job.handle, self)
        if self._waiting is not None:
            self._waiting.cancel()

    # What the connection tells: a Watcher

    def created(self, handle: bytes) -> None:
        """
        The server has the job.
        """
        if self.job.done:
            assert self._protocol is not None
            self._protocol.detach(handle, self)
        else:
            assert self._server is not None
            self.job.submitted(handle, self._server.name)

    def refused(self, reason: Failure) -> None:
        """
        It does not take it, or the connection is lost.
        """
        if self.job.done:
            return
        if isinstance(reason.value, ServerError):
            if reason.value.code != b"SHUTDOWN_GRACEFUL":
                self.job.failed(reason)
                return
            assert self._server is not None
            if self._refusals is None:
                self._refusals = {}
            self._refusals[self._server] = reason
        self._try()

    def data(self, data: bytes) -> None:
        """
        A part of the result came.
        """
        self.job.happened(JobData(data))

    def warning(self, data: bytes) -> None:
        """
        A warning came.
        """
        self.job.happened(JobWarning(data))

    def progress(self, numerator: int, denominator: int) -> None:
        """
        A progress came.
        """
        self.job.happened(JobProgress(numerator, denominator))

    def complete(self, data: bytes) -> None:
        """
        The result came.
        """
        self.job.completed(data)

    def fail(self) -> None:
        """
        The job failed.
        """
        self.job.failed(Failure(JobFailed(handle=self.job.handle)))

    def exception(self, data: bytes) -> None:
        """
        The job failed with an exception.
        """
        self.job.failed(Failure(JobException(data, handle=self.job.handle)))

    def lost(self, reason: Failure) -> None:
        """
        The server that had the job is lost.
        """
        if self._resubmits and self._pool.running:
            self._resubmits -= 1
            self.deliver()
        else:
            self.job.failed(Failure(JobLost(handle=self.job.handle)))
