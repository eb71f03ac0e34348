"""
A job's way to a server, and the news of it back.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
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
        self._pool = pool
        self._choice = choice
        self._submission = submission
        self.job = job
        self._patience = patience
        self._resubmits = _RESUBMITS if resubmit else 0
        self._protocol: GearmanClientProtocol | None = None
        self._server = ""
        self._reply: Deferred[None] | None = None
        self._under: Deferred[None] | None = None
        job.whenEnded(self._ended)

    def deliver(self) -> Deferred[None]:
        """
        Submit the job.

        @return: fires when a server has it; fails with L{ServerError} when one
            does not take it, L{NoServers} when none can be reached, L{JobLost}
            when connections are lost again and again, and with what the job
            ended with if it ended meanwhile.
        """
        self._under = Deferred.fromCoroutine(self._deliver())
        return self._under

    async def _deliver(self) -> None:
        refusals: dict[Server, ServerError] = {}
        for _ in range(_TRIES + len(self._pool.connections)):
            server = await self._next(refusals)
            try:
                await self._submit(server)
            except ConnectionLost:
                continue
            except ServerError as error:
                if error.code != b"SHUTDOWN_GRACEFUL":
                    raise
                refusals[server] = error
            else:
                return
        raise JobLost("connections were lost again and again at its submit")

    async def _next(self, refusals: dict[Server, ServerError]) -> Server:
        """
        Choose a server.

        @raise NoServers: when the choice wants none of those that are there.
        """
        connected = await self._pool.whenConnected(self._patience)
        for server in self._choice.order(self._submission, self._pool.servers):
            if server in connected and server not in refusals:
                return server
        for refusal in refusals.values():
            raise refusal
        raise NoServers("the choice left out each server that can be reached")

    async def _submit(self, server: Server) -> None:
        """
        Submit the job to a server and wait for the reply.
        """
        protocol = self._pool.protocolOf(server)
        assert protocol is not None, "only servers that are connected are chosen"
        self._protocol, self._server = protocol, server.name
        self._reply = Deferred()
        protocol.submit(self._submission, self)
        try:
            await self._reply
        finally:
            self._reply = None

    def _ended(self) -> None:
        """
        Nobody wants to hear more of the job.
        """
        if self._protocol is not None and self.job.handle:
            self._protocol.detach(self.job.handle, self)
        if self._under is not None:
            self._under.cancel()

    # What the connection tells: a Watcher

    def created(self, handle: bytes) -> None:
        """
        The server has the job.
        """
        if self._reply is None:
            assert self._protocol is not None
            self._protocol.detach(handle, self)
            return
        self.job.submitted(handle, self._server)
        self._under = None
        self._reply.callback(None)

    def refused(self, reason: Failure) -> None:
        """
        It does not take it, or the connection is lost.
        """
        if self._reply is not None:
            self._reply.errback(reason)

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
            self.deliver().addErrback(self.job.failed)
        else:
            self.job.failed(Failure(JobLost(handle=self.job.handle)))
