"""
The client: jobs to one of several job servers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Generic, TypeVar, Unpack, overload

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txgearman.board.job import Priority
from txgearman.client.asking import Asking
from txgearman.client.choice import Choice, Failover
from txgearman.client.delivery import Delivery
from txgearman.client.factory import GearmanClientFactory
from txgearman.client.inflight import InFlight
from txgearman.client.job import RemoteJob
from txgearman.client.many import Batch, eachOf
from txgearman.client.options import CallOptions, ClientOptions, SubmitOptions
from txgearman.client.order import Order, Terms
from txgearman.client.pool import ServerPool
from txgearman.client.protocol import JobStatus
from txgearman.codecs import BYTES, Codec, Name, asBytes
from txgearman.connection.reconnecting import RetryPolicy, backoff
from txgearman.connection.requesting import MAX_PACKET
from txgearman.connection.servers import Servers, serversFrom
from txgearman.errors import NoServers

T = TypeVar("T")


class Client(Service, Generic[T]):
    """
    A client of one or more job servers: a service, to be started on its own or
    as part of an application::

        client = Client(reactor, ["jobs1.example.net", "jobs2.example.net"])
        client.startService()
        print(await client.call("reverse", b"hello"))
        await client.stopService()

    Servers that are down at the start, or go down later, are no errors as long
    as one can be reached. Workloads and results are bytes, or what the codec
    makes of them.
    """

    @overload
    def __init__(
        self: Client[bytes],
        reactor: IReactorTime,
        servers: Servers = None,
        **options: Unpack[ClientOptions],
    ) -> None: ...

    @overload
    def __init__(
        self,
        reactor: IReactorTime,
        servers: Servers = None,
        *,
        codec: Codec[T],
        **options: Unpack[ClientOptions],
    ) -> None: ...

    def __init__(
        self,
        reactor: IReactorTime,
        servers: Servers = None,
        *,
        codec: Codec[T] = BYTES,  # type: ignore[assignment] # as the overloads say
        choice: Choice | None = None,
        namespace: Name = "",
        clientId: Name | None = None,
        exceptions: bool = True,
        resubmit: bool = False,
        maxInFlight: int | None = None,
        connectTimeout: float = 10.0,
        retryPolicy: RetryPolicy | None = None,
        answerTimeout: float | None = 30.0,
        maxPacket: int = MAX_PACKET,
    ) -> None:
        """
        @param servers: endpoint strings, C{host}, C{host:port} or endpoints; by
            default those in C{GEARMAN_SERVERS} or C{GEARMAN_SERVER}, or the local
            one.
        @param codec: what workloads and results are.
        @param choice: which server a job goes to; by default the first that is
            there.
        @param namespace: what all function names start with on the wire.
        @param clientId: what this client calls itself in C{gearadmin --workers}.
        @param exceptions: whether workers' exceptions are heard of; without,
            such a job has just failed.
        @param resubmit: whether jobs whose server is lost are submitted anew, so
            that they may run twice; without, they fail with L{JobLost}. So they
            do when it happens again and again.
        @param maxInFlight: how many jobs may be under way; more wait. L{None}
            for any number. A job in the background is under way until a server
            has it.
        @param connectTimeout: how long a job waits for a server that can be
            reached, in seconds.
        @param retryPolicy: how long to wait between attempts to connect.
        @param answerTimeout: how long a server that owes an answer may be silent,
            in seconds, sending it the largest workload included: then the
            connection is given up, and others are asked. L{None} for any time.
        @param maxPacket: the largest packet taken from a server, in bytes: one
            with a larger result ends the connection.
        @raise BadSetting: for a server that cannot be understood.
        @raise ValueError: for a name with a NUL.
        """
        self._inFlight = None if maxInFlight is None else InFlight(maxInFlight)
        encodedId = None if clientId is None else asBytes(clientId)

        def makeFactory() -> GearmanClientFactory:
            return GearmanClientFactory(
                encodedId,
                exceptions,
                maxPacket=maxPacket,
                answerTimeout=answerTimeout,
                clock=reactor,
            )

        self._pool = ServerPool(
            reactor,
            serversFrom(reactor, servers),
            makeFactory,
            backoff() if retryPolicy is None else retryPolicy,
        )
        self._asking = Asking(self._pool, reactor, connectTimeout)
        self._terms = Terms(
            self._pool,
            Failover() if choice is None else choice,
            codec,
            reactor,
            connectTimeout,
            asBytes(namespace),
            resubmit,
            self._statusOf,
        )

    def startService(self) -> None:
        """
        Connect to the servers. A client that is about to stop connects again
        when it has.
        """
        super().startService()
        self._pool.start()

    def stopService(self) -> Deferred[None]:
        """
        Disconnect. Jobs that are waited for fail with L{JobLost}, submits that
        no server has acknowledged with L{NoServers}; these go on when the client
        is started again before it has stopped.

        @return: fires when all connections are closed.
        """
        super().stopService()
        stopped = self._pool.stop()
        if self._inFlight is not None:
            self._inFlight.refuse(Failure(NoServers("the client is stopped")))
        return stopped

    @property
    def servers(self) -> list[str]:
        """
        The names of its servers, in their order.
        """
        return [server.name for server in self._pool.servers]

    def whenConnected(self, *, retry: bool = True) -> Deferred[list[str]]:
        """
        Wait until a server can be reached; there is no need to, as every other
        method waits by itself.

        @param retry: whether to wait on when each server was tried in vain.
        @return: fires with the names of the servers that can be reached; fails
            with L{NoServers} after the connect timeout.
        """
        return Deferred.fromCoroutine(self._whenConnected(retry))

    async def _whenConnected(self, retry: bool) -> list[str]:
        connected = await self._pool.whenConnected(self._terms.patience, retry)
        return [server.name for server in connected]

    # Submitting

    def submit(
        self, function: Name, data: T, **options: Unpack[SubmitOptions[T]]
    ) -> Deferred[RemoteJob[T]]:
        """
        Submit a job.

        @param unique: jobs of one function and unique that are under way at the
            same time are done once. C{"-"} takes the workload for it, C{"#"} a
            hash of the workload, as in libgearman.
        @param priority: how urgent it is; by default L{Priority.NORMAL}.
        @param background: whether nobody waits for the result.
        @param at: when to run it: seconds of the epoch, or a L{datetime}. It is
            a job for the background then, of normal priority.
        @param delay: when to run it: in so many seconds; otherwise as C{at}.
        @param reducer: the function that joins its partial results.
        @param timeout: how long to wait for its end, in seconds from now. The job
            then fails here with L{JobTimeout}; on the server it goes on.
        @param resubmit: instead of the client's.
        @param onData: called with each part of the result.
        @param onWarning: called with each warning.
        @param onStatus: called with each progress: numerator and denominator.
        @param listener: hears all of these.
        @return: fires with a L{RemoteJob} when a server has the job. It fails
            with L{NoServers}, L{ServerError} (such as L{QueueFull}), L{JobLost}
            or L{JobTimeout}, with what the codec raised, and with L{ValueError}
            for what cannot be asked for. Cancelling it forgets the job, which a
            server may have already.
        """
        try:
            delivery = Order(self._terms, function, **options).job(data)
        except Exception:
            return fail()
        job = delivery.job
        submitted: Deferred[RemoteJob[T]] = Deferred(lambda _: job.forget())

        def tell(failure: Failure | None) -> None:
            if failure is None:
                submitted.callback(job)
            else:
                submitted.errback(failure)

        job.whenSubmitted(tell)
        self._deliver(delivery)
        return submitted

    def submitMany(
        self, function: Name, items: Iterable[T], **options: Unpack[SubmitOptions[T]]
    ) -> Deferred[list[RemoteJob[T]]]:
        """
        Submit a job for each of many workloads, all in one go. With a limit to
        the jobs in flight those beyond it wait until others end, or, in the
        background, until servers have others.

        @param options: those of L{submit}, for each of the jobs. Of uniques,
            C{"-"} and C{"#"} make sense here; any other makes one job of all.
        @return: fires with the L{RemoteJob}s in the order of the workloads when
            servers have all of them. It fails as the first submit that fails; the
            others are then forgotten, though those in the background that a
            server has stay there. When a workload cannot be encoded, nothing is
            submitted; nor is a workload taken when the options make no sense.
        """
        batch = Batch(self._deliver)
        try:
            order = Order(self._terms, function, **options)
            for item in items:
                batch.add(order.job(item))
        except Exception:
            batch.forget(Failure())
            return fail()
        with self._pool.gathering():
            return batch.submit(
                None if self._inFlight is None else self._inFlight.limit
            )

    def _deliver(self, delivery: Delivery[T]) -> None:
        """
        Get a job to a server.
        """
        if self._inFlight is None:
            delivery.deliver()
        else:
            self._enter(delivery, self._inFlight)

    def _enter(self, delivery: Delivery[T], inFlight: InFlight) -> None:
        """
        Wait until another job may be under way.
        """
        job = delivery.job

        def entered(_: None) -> None:
            job.whenEnded(inFlight.leave)
            delivery.deliver()

        entering = inFlight.enter()
        job.whenEnded(entering.cancel)
        entering.addCallbacks(entered, job.failed)

    def call(
        self, function: Name, data: T, **options: Unpack[CallOptions[T]]
    ) -> Deferred[T]:
        """
        Submit a job and wait for its result. The options are those of
        L{submit} that make sense for it.

        @return: fires with the result; fails with all that L{submit} and
            L{RemoteJob.whenDone} fail with. Cancelling it forgets the job, which
            goes on.
        """
        try:
            delivery = Order(self._terms, function, **options).job(data)
        except Exception:
            return fail()
        done = delivery.job.onlyDone()
        self._deliver(delivery)
        return done

    def background(
        self,
        function: Name,
        data: T,
        *,
        unique: Name | None = None,
        priority: Priority = Priority.NORMAL,
        at: float | datetime | None = None,
        delay: float | None = None,
        timeout: float | None = None,
    ) -> Deferred[RemoteJob[T]]:
        """
        Submit a job whose result nobody waits for. The parameters are those of
        L{submit}.
        """
        return self.submit(
            function,
            data,
            unique=unique,
            priority=priority,
            background=True,
            at=at,
            delay=delay,
            timeout=timeout,
        )

    def map(
        self, function: Name, items: Iterable[T], *, parallel: int = 10
    ) -> Deferred[list[T]]:
        """
        Call a function for each of many workloads.

        @param parallel: how many calls may be under way.
        @return: fires with the results in the order of the workloads; fails as
            the first call that fails, and forgets the others.
        """
        return eachOf(lambda item: self.call(function, item), items, parallel)

    # Asking

    def status(self, handle: Name) -> Deferred[JobStatus]:
        """
        Ask about any job, also of another client.

        @return: fires with the L{JobStatus} from the first server that knows the
            job, or an unknown one when none does; servers that are lost meanwhile
            are passed over. Fails with L{NoServers} when none answers, and with
            L{ValueError} for what is no handle: 1 to 63 bytes.
        """
        return Deferred.fromCoroutine(self._asking.status(handle))

    def statusByUnique(self, unique: Name) -> Deferred[JobStatus]:
        """
        Ask about any job by its unique; otherwise as L{status}. Perl's server
        does not know the question.
        """
        return Deferred.fromCoroutine(self._asking.statusByUnique(unique))

    def _statusOf(self, job: RemoteJob[T]) -> Deferred[JobStatus]:
        """
        Ask the server that has a job about it.
        """
        return Deferred.fromCoroutine(self._asking.statusAt(job.server, job.handle))

    def echo(self, data: bytes) -> Deferred[bytes]:
        """
        Have the first server that can be reached send something back.
        """
        return Deferred.fromCoroutine(self._asking.echo(data))

    def ping(self, *, timeout: float = 10.0) -> Deferred[dict[str, float]]:
        """
        Have every server that can be reached send something back.

        @param timeout: how long one may take, in seconds.
        @return: fires with how long each took, in seconds, by its name; those
            that took too long are not in it. Fails with L{NoServers}.
        """
        return Deferred.fromCoroutine(self._asking.ping(timeout))

    def cancel(self, handle: Name) -> Deferred[bool]:
        """
        End a job on its server: one that waits is not run, and the clients of
        one that runs hear that it failed. Not every kind of server can.

        @return: fires with whether a server had it; fails as L{status} does, and
            with L{ServerError} from a server that cannot. A handle is one word.
        """
        return Deferred.fromCoroutine(self._asking.cancel(handle))
