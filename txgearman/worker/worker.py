"""
The worker: jobs from several job servers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, Unpack, overload

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.codecs import BYTES, Codec, Name, asBytes, asText
from txgearman.connection.reconnecting import RetryPolicy, backoff
from txgearman.connection.servers import Servers, serversFrom
from txgearman.worker.doing import doing
from txgearman.worker.job import RunningJob
from txgearman.worker.lane import Lane, Registration, Share, Standing
from txgearman.worker.options import WorkerOptions
from txgearman.worker.protocol import Assignment
from txgearman.worker.running import Function, InProcess, InReactor, InThread
from txgearman.worker.slots import Slots

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Worker(Service, Generic[T]):
    """
    A worker for one or more job servers: a service, to be started on its own or
    as part of an application::

        worker = Worker(reactor, ["jobs1.example.net", "jobs2.example.net"])
        worker.register("reverse", lambda job: job.data[::-1])
        worker.setServiceParent(application)

    It reconnects, and registers everything again, whenever a server that was
    lost comes back. Workloads and results are bytes, or what the codec makes of
    them.
    """

    _log = Logger()

    @overload
    def __init__(
        self: Worker[bytes],
        reactor: IReactorTime,
        servers: Servers = None,
        **options: Unpack[WorkerOptions],
    ) -> None: ...

    @overload
    def __init__(
        self,
        reactor: IReactorTime,
        servers: Servers = None,
        *,
        codec: Codec[T],
        **options: Unpack[WorkerOptions],
    ) -> None: ...

    def __init__(
        self,
        reactor: IReactorTime,
        servers: Servers = None,
        *,
        codec: Codec[T] = BYTES,  # type: ignore[assignment] # as the overloads say
        concurrency: int = 1,
        namespace: Name = "",
        clientId: Name | None = None,
        tracebacks: bool = False,
        drainTimeout: float = 30.0,
        retryPolicy: RetryPolicy | None = None,
    ) -> None:
        """
        @param servers: endpoint strings, C{host}, C{host:port} or endpoints; by
            default those in C{GEARMAN_SERVERS} or C{GEARMAN_SERVER}, or the local
            one.
        @param codec: what workloads and results are.
        @param concurrency: how many jobs may run at once, over all servers. The
            worker never takes a job that it cannot run at once.
        @param namespace: what all function names start with on the wire.
        @param clientId: what this worker calls itself in C{gearadmin --workers}.
        @param tracebacks: whether clients are sent the whole traceback of an
            exception, and not its text alone.
        @param drainTimeout: how long stopping waits for running jobs, in seconds.
        @param retryPolicy: how long to wait between attempts to connect.
        @raise BadSetting: for a server that cannot be understood.
        @raise ValueError: for a name with a NUL, or a concurrency below 1.
        """
        if concurrency < 1:
            raise ValueError(f"a worker runs at least one job, not {concurrency}")
        self._clock = reactor
        self._servers = serversFrom(reactor, servers)
        self._codec = codec
        self._namespace = asBytes(namespace)
        self._clientId = None if clientId is None else asBytes(clientId)
        self._tracebacks = tracebacks
        self._drainTimeout = drainTimeout
        self._retryPolicy = backoff() if retryPolicy is None else retryPolicy
        self._slots = Slots(concurrency)
        self._shares: dict[bytes, Share] = {}
        self._common = Share()
        self._lanes: list[Lane] = []
        self._running: dict[RunningJob[T], Deferred[None]] = {}
        self._draining: list[Deferred[None]] = []
        self._stopping: list[Deferred[None]] = []
        self._runners: list[Any] = []

    # Functions

    @overload
    def register(
        self,
        name: Name,
        function: Function[T] | InThread[T] | InProcess[T],
        *,
        timeout: float | None = None,
        concurrency: int | None = None,
    ) -> None: ...

    @overload
    def register(
        self,
        name: Name,
        *,
        timeout: float | None = None,
        concurrency: int | None = None,
    ) -> Callable[[F], F]: ...

    def register(
        self,
        name: Name,
        function: Any = None,
        *,
        timeout: float | None = None,
        concurrency: int | None = None,
    ) -> Callable[[F], F] | None:
        """
        Do jobs of a function from now on; without the function, this is a
        decorator for it::

            @worker.register("reverse")
            def reverse(job):
                return job.data[::-1]

        @param name: its name.
        @param function: a plain function, one that returns a Deferred, or an
            C{async def}. It is given a L{RunningJob}, and what it returns is the
            result; L{None} is an empty one. What it raises is sent to the clients
            as an exception; L{JobFailed} is a failure without a word. Wrapped
            in L{InThread} or L{InProcess} it runs there.
        @param timeout: how long a job may take, in seconds, before the server
            gives it to another worker; it is then cancelled here. Servers take
            less than a second for a second.
        @param concurrency: how many of its jobs may run at once, within what the
            worker runs.
        """
        if concurrency is not None and concurrency < 1:
            raise ValueError(f"at least one job at once, not {concurrency}")
        if function is None:

            def decorate(decorated: F) -> F:
                self.register(name, decorated, timeout=timeout, concurrency=concurrency)
                return decorated

            return decorate
        self.unregister(name)
        runner = function if hasattr(function, "run") else InReactor(function)
        wire = self._namespace + asBytes(name)
        registration = Registration(asText(name), wire, runner, timeout or 0.0)
        share = self._common if concurrency is None else Share(concurrency)
        share.registrations[wire] = registration
        self._shares[wire] = share
        if self.running and not self._slots.closed:
            self._begin(registration, share)
        return None

    def unregister(self, name: Name) -> None:
        """
        Take no more jobs of a function. Those that run go on; until they end, a
        connection on which one of them came asks for no other job. Connections
        that were for this function alone are closed then.
        """
        wire = self._namespace + asBytes(name)
        share = self._shares.pop(wire, None)
        if share is not None:
            registration = share.registrations.pop(wire)
            share.retired[wire] = registration
            for lane in self._lanesOf(share):
                lane.cantDo(registration)
                self._part(lane)

    def _begin(self, registration: Registration, share: Share) -> None:
        """
        Start to do a function while the worker runs.
        """
        self._ready(registration, share)
        lanes = self._lanesOf(share)
        if lanes:
            for lane in lanes:
                lane.canDo(registration)
                if lane.standing is Standing.SLEEPING:
                    # gearmand does not wake a sleeper that learns something.
                    self.woken(lane)
        else:
            self._connect(share)

    def _ready(self, registration: Registration, share: Share) -> None:
        """
        Start what runs a function.
        """
        runner = registration.runner
        if runner not in self._runners:
            runner.start(self._clock, share.limit or self._slots.count)
            self._runners.append(runner)

    def _lanesOf(self, share: Share) -> list[Lane]:
        """
        The connections for a share of the functions.
        """
        return [lane for lane in self._lanes if lane.share is share]

    # Starting and stopping

    def startService(self) -> None:
        """
        Connect to the servers and do jobs. A worker that is about to stop does
        so when it has.
        """
        if not self.running:
            super().startService()
            if not self._stopping:
                self._start()

    def _start(self) -> None:
        """
        Connect, with every slot free.
        """
        self._slots = Slots(self._slots.count)
        shares = {id(share): share for share in self._shares.values()}
        for share in shares.values():
            # No connection from now on was ever told of these.
            share.retired.clear()
            for registration in share.registrations.values():
                self._ready(registration, share)
            self._connect(share)

    def _connect(self, share: Share) -> None:
        """
        Connect to every server for a share of the functions.
        """
        for server in self._servers:
            lane = Lane(
                self._clock, server, share, self._clientId, self, self._retryPolicy
            )
            self._lanes.append(lane)
            lane.connection.start()

    def drain(self) -> Deferred[None]:
        """
        Take no more jobs, finish those that run, and disconnect. Who wants to go
        on afterwards stops and starts.

        @return: fires when the last one is over and its result is sent. Each
            caller has a Deferred of its own.
        """
        drained: Deferred[None] = Deferred()
        self._slots.closed = True
        for lane in list(self._lanes):
            self._part(lane)
        if self._slots.idle:
            drained.callback(None)
        else:
            self._draining.append(drained)
        return drained

    def _part(self, lane: Lane) -> None:
        """
        Disconnect a lane that has nothing to do any more, for good.
        """
        over = self._slots.closed or self._deserted(lane.share)
        busy = lane.jobs or lane.standing is Standing.ASKING
        if over and not busy:
            self._disconnect(lane)

    def _deserted(self, share: Share) -> bool:
        """
        Will there never be a function again to do for a share? The common one
        may get another at any time.
        """
        return share is not self._common and not share.registrations

    def _disconnect(self, lane: Lane) -> Deferred[None]:
        """
        Disconnect a lane, and forget it when it is closed.
        """
        self._slots.leave(lane)

        def forget(_: None) -> None:
            if lane in self._lanes:
                self._lanes.remove(lane)

        return lane.connection.stop().addCallback(forget)

    def stopService(self) -> Deferred[None]:
        """
        Drain, though not for longer than the drain timeout: what runs then is
        cancelled, and the servers give it to other workers.

        @return: fires when all connections are closed.
        """
        super().stopService()
        stopped: Deferred[None] = Deferred()
        self._stopping.append(stopped)
        if len(self._stopping) == 1:
            Deferred.fromCoroutine(self._stop())
        return stopped

    async def _stop(self) -> None:
        deadline = self._clock.callLater(self._drainTimeout, self.giveUp)
        await self.drain()
        if deadline.active():
            deadline.cancel()
        await DeferredList([self._disconnect(lane) for lane in list(self._lanes)])
        runners, self._runners = self._runners, []
        for runner in runners:
            runner.stop()
        # Jobs that would not be given up have their slots in the old ones.
        self._slots = Slots(self._slots.count)
        self._slots.closed = True
        self._checkDrained()
        stopping, self._stopping = self._stopping, []
        if self.running:
            self._start()
        for stopped in stopping:
            stopped.callback(None)

    def giveUp(self) -> None:
        """
        Wait for running jobs no longer: cancel them, and let the servers give them
        to other workers when this one is disconnected. It is for a worker that
        drains.
        """
        for lane in list(self._lanes):
            # What it may be assigned yet goes to another worker.
            self._disconnect(lane)
        if self._running:
            self._log.warn("running jobs given up: {jobs}", jobs=len(self._running))
        for job, running in list(self._running.items()):
            job.lost = True
            running.cancel()
        draining, self._draining = self._draining, []
        for drained in draining:
            drained.callback(None)

    # A Crew

    def arrived(self, lane: Lane) -> None:
        """
        A server is there.
        """
        self.woken(lane)

    def departed(self, lane: Lane, reason: Failure) -> None:
        """
        A server is gone.
        """
        self._slots.leave(lane)
        self._part(lane)
        self._checkDrained()

    def woken(self, lane: Lane) -> None:
        """
        A server may have a job.
        """
        if not (self._slots.closed or self._deserted(lane.share)):
            self._slots.want(lane)

    def noJob(self, lane: Lane) -> None:
        """
        A server has no job.
        """
        self._slots.refused(lane)
        self._part(lane)
        self._checkDrained()

    def assigned(self, lane: Lane, assignment: Assignment) -> None:
        """
        A server has a job.
        """
        # From here on the slot is the job's.
        lane.standing = Standing.SLEEPING
        registration = lane.share.named(assignment.function)
        if registration is None:
            lane.protocol.workFail(assignment.handle)
            self._slots.release(lane)
        else:
            self._run(lane, registration, assignment)
        if lane.standing is Standing.SLEEPING:
            self.woken(lane)
        self._part(lane)
        self._checkDrained()

    # Jobs

    def _run(
        self, lane: Lane, registration: Registration, assignment: Assignment
    ) -> None:
        """
        Do a job.
        """
        try:
            data = self._codec.decode(assignment.data)
        except Exception as error:
            text = f"the workload cannot be decoded: {error}"
            lane.protocol.workException(
                assignment.handle, text.encode("utf-8", "backslashreplace")
            )
            self._slots.release(lane)
            return
        reducer = asText(assignment.reducer.removeprefix(self._namespace))
        job = RunningJob(
            assignment, registration.name, reducer, data, self._codec, lane.protocol
        )
        lane.jobs[job] = registration
        running = doing(self._clock, registration, job, self._tracebacks)
        self._running[job] = running
        running.addBoth(self._over, lane, job, self._slots)

    def _over(self, _: object, lane: Lane, job: RunningJob[T], slots: Slots) -> None:
        """
        A job is over.
        """
        del self._running[job]
        lane.over(job)
        self._part(lane)
        slots.release(lane)
        self._checkDrained()

    def _checkDrained(self) -> None:
        """
        Tell those who wait for a drain when it is over.
        """
        if self._slots.closed and self._slots.idle:
            draining, self._draining = self._draining, []
            for drained in draining:
                drained.callback(None)
