"""
The worker: jobs from several job servers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, Unpack, overload

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.codecs import BYTES, Codec, Name, asBytes, asText
from txgearman.connection.reconnecting import RetryPolicy, backoff
from txgearman.connection.requesting import MAX_PACKET
from txgearman.connection.servers import Servers, serversFrom
from txgearman.worker.doing import doing
from txgearman.worker.job import RunningJob
from txgearman.worker.lane import Lane, Terms
from txgearman.worker.options import WorkerOptions
from txgearman.worker.protocol import Assignment
from txgearman.worker.registration import Registration, Share
from txgearman.worker.running import Function, InReactor, Place
from txgearman.worker.slots import Slots

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_LATER: Final[Any] = object()


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
        maxPacket: int = MAX_PACKET,
    ) -> None:
        """
        @param servers: endpoint strings, C{host}, C{host:port} or endpoints; by
            default those in C{GEARMAN_SERVERS} or C{GEARMAN_SERVER}, or the local
            one.
        @param codec: what workloads and results are.
        @param concurrency: how many jobs may run at once, over all servers. The
            worker never asks for more. While they are over in no time it asks for
            several at once, otherwise for one after the other.
        @param namespace: what all function names start with on the wire.
        @param clientId: what this worker calls itself in C{gearadmin --workers}.
        @param tracebacks: whether clients are sent the whole traceback of an
            exception, and not its text alone.
        @param drainTimeout: how long stopping waits for running jobs, in seconds.
        @param retryPolicy: how long to wait between attempts to connect.
        @param maxPacket: the largest packet that is taken from a server, in bytes.
            Results that do not fit in one are not sent: the job fails with an
            exception.
        @raise BadSetting: for a server that cannot be understood.
        @raise ValueError: for a name with a NUL, or a concurrency or a packet's
            size below 1.
        """
        if concurrency < 1:
            raise ValueError(f"a worker runs at least one job, not {concurrency}")
        if maxPacket < 1:
            raise ValueError(f"a packet has at least one byte, not {maxPacket}")
        self._clock = reactor
        self._servers = serversFrom(reactor, servers)
        self._codec = codec
        self._namespace = asBytes(namespace)
        self._tracebacks = tracebacks
        self._drainTimeout = drainTimeout
        self._terms = Terms(
            retryPolicy or backoff(),
            None if clientId is None else asBytes(clientId),
            maxPacket,
        )
        self._slots = Slots(concurrency)
        self._shares: dict[bytes, Share] = {}
        self._common = Share()
        self._lanes: list[Lane] = []
        self._running: dict[RunningJob[T], tuple[Registration, Deferred[None]]] = {}
        self._draining: list[Deferred[None]] = []
        self._stopping: list[Deferred[None]] = []

    # Functions

    @overload
    def register(
        self,
        name: Name,
        function: Function[T] | Place[T],
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
        function: Any = _LATER,
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
            less than a second for a second. Such a function has connections of
            its own, to each server as many as its jobs may run at once.
        @param concurrency: how many of its jobs may run at once, within what the
            worker runs.
        @raise TypeError: for a function that cannot be called.
        @raise ValueError: for a name with a NUL, or a concurrency below 1.
        """
        if concurrency is not None and concurrency < 1:
            raise ValueError(f"at least one job at once, not {concurrency}")
        if function is _LATER:

            def decorate(decorated: F) -> F:
                self.register(name, decorated, timeout=timeout, concurrency=concurrency)
                return decorated

            return decorate
        place = self._place(function)
        self.unregister(name)
        wire = self._namespace + asBytes(name)
        limit = min(concurrency or self._slots.count, self._slots.count)
        registration = Registration(asText(name), wire, place, timeout or 0.0, limit)
        alone = registration.timeout > 0
        share = Share(limit, alone) if alone or concurrency else self._common
        share.registrations[wire] = registration
        self._shares[wire] = share
        if self.running and not self._slots.closed:
            self._begin(registration, share)
        return None

    def _place(self, function: Function[T] | Place[T]) -> Place[T]:
        """
        Find out where a function runs.

        @raise TypeError: when it cannot be called.
        """
        if isinstance(function, Place):
            return function
        if not callable(function):
            raise TypeError(f"{function!r} is not a function")
        return InReactor(function)

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
            registration.retire()
            for lane in self._lanesOf(share):
                lane.cantDo(registration)
                self._part(lane)

    def _begin(self, registration: Registration, share: Share) -> None:
        """
        Start to do a function while the worker runs.
        """
        lanes = self._lanesOf(share)
        if lanes:
            for lane in lanes:
                lane.canDo(registration)
                if not lane.away:
                    # gearmand does not wake a sleeper that learns something.
                    self.woken(lane)
        else:
            self._connect(share)

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
            self._connect(share)

    def _connect(self, share: Share) -> None:
        """
        Connect to every server for a share of the functions.
        """
        for server in self._servers * share.width:
            lane = Lane(self._clock, server, share, self, self._terms)
            self._lanes.append(lane)
            lane.connection.start()

    def drain(self) -> Deferred[None]:
        """
        Take no more jobs, finish those that run, and disconnect. A server that
        was asked for a job just before has some seconds to answer. Who wants to
        go on afterwards stops and starts.

        @return: fires when the last one is over and its result is sent. Each
            caller has a Deferred of its own.
        """
        drained: Deferred[None] = Deferred()
        self._slots.closed = True
        for lane in list(self._lanes):
            self._part(lane)
            if lane.asked:
                lane.hurry()
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
        busy = lane.jobs or lane.asked
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
        cancelled, and the servers give it to other workers. What functions use, such
        as a L{Client}, must not stop before this fires.

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
        # Functions that were taken back stop by themselves, but for given up jobs.
        registrations = {registration for registration, _ in self._running.values()}
        for share in self._shares.values():
            registrations.update(share.registrations.values())
        for registration in registrations:
            registration.stop()
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
        for job, (_, running) in list(self._running.items()):
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
        useless = self._slots.closed or self._deserted(lane.share)
        if not (useless or lane.taken or lane.doubted):
            self._slots.want(lane)

    def noJob(self, lane: Lane) -> None:
        """
        A server has no job.
        """
        self._slots.refused(lane)
        self._part(lane)
        self._checkDrained()

    def unanswered(self, lane: Lane) -> None:
        """
        A server does not answer.
        """
        if self._slots.closed:
            self._disconnect(lane)
            self._checkDrained()
        else:
            lane.protocol.giveUp()

    def assigned(self, lane: Lane, assignment: Assignment) -> None:
        """
        A server has a job, whose the slot is from here on.
        """
        registration = lane.share.named(assignment.function)
        if registration is None:
            lane.protocol.workFail(assignment.handle)
            self._slots.release(lane)
        else:
            self._run(lane, registration, assignment)
        lane.leave()
        if not lane.away:
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
        slots = self._slots
        running = doing(self._clock, registration, job, self._tracebacks)
        if running is None:
            lane.learn()
            self._over(None, lane, job, slots)
        else:
            lane.slowDown()
            self._running[job] = (registration, running)
            running.addBoth(self._over, lane, job, slots)

    def _over(self, _: object, lane: Lane, job: RunningJob[T], slots: Slots) -> None:
        """
        A job is over.
        """
        self._running.pop(job, None)
        lane.over(job)
        self._part(lane)
        slots.release(lane)
        if slots is not self._slots:
            # The worker was restarted meanwhile, and the share has room now.
            self._slots.deal()
        if lane.share.alone and lane.sleeping:
            if job.lost:
                lane.rest()
            else:
                self.woken(lane)
        self._checkDrained()

    def _checkDrained(self) -> None:
        """
        Tell those who wait for a drain when it is over.
        """
        if self._slots.closed and self._slots.idle:
            draining, self._draining = self._draining, []
            for drained in draining:
                drained.callback(None)
