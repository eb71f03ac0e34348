"""
Job servers with this project's own clients and workers, which run in the test's
process, on the real reactor.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import TypeVar

import pytest
import pytest_twisted
from attrs import define, field
from twisted.application.service import Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.functional.conftest import Starter
from tests.functional.peers import SERVERS
from tests.functional.processes import Child, JobServer, freePort, until
from txgearman.client.client import Client
from txgearman.worker.job import RunningJob
from txgearman.worker.worker import Worker

S = TypeVar("S", bound=Service)

onlyOurs = pytest.mark.parametrize("fleet", ["txgearman"], indirect=True)
"""For a case that gearmand gets wrong; the test says how."""


def soon(failures: int) -> float:
    """
    A retry policy for servers that come back at once.
    """
    return 0.05


def reverse(job: RunningJob[bytes]) -> bytes:
    """
    A worker's function.
    """
    return job.data[::-1]


@define(eq=False)
class Held:
    """
    A worker's function whose jobs wait until the test lets them end with their
    workloads.

    @ivar jobs: all jobs that began.
    @ivar given: those of them that were cancelled.
    @ivar peak: how many ran at once at most.
    """

    jobs: list[RunningJob[bytes]] = field(factory=list)
    given: list[RunningJob[bytes]] = field(factory=list)
    peak: int = 0
    _gates: list[Deferred[None]] = field(factory=list)

    def __call__(self, job: RunningJob[bytes]) -> Deferred[bytes]:
        gate: Deferred[None] = Deferred(lambda gate: self._givenUp(gate, job))
        self.jobs.append(job)
        self._gates.append(gate)
        self.peak = max(self.peak, self.running)
        return gate.addCallback(lambda _: job.data)

    def _givenUp(self, gate: Deferred[None], job: RunningJob[bytes]) -> None:
        self._gates.remove(gate)
        self.given.append(job)

    @property
    def running(self) -> int:
        """
        How many jobs run.
        """
        return len(self._gates)

    @property
    def workloads(self) -> list[bytes]:
        """
        The workloads of all jobs that began.
        """
        return [job.data for job in self.jobs]

    async def began(self, jobs: int) -> None:
        """
        Wait until so many jobs began.
        """
        await until(lambda: len(self.jobs) >= jobs, f"{jobs} jobs begin")

    def release(self) -> None:
        """
        Let those that run end.
        """
        gates, self._gates = self._gates, []
        for gate in gates:
            gate.callback(None)


def nameOf(server: JobServer) -> str:
    """
    What clients and workers call a server.
    """
    return f"127.0.0.1:{server.port}"


@define(eq=False)
class Fleet:
    """
    Job servers of one kind, and who uses them.
    """

    kind: str
    _start: Starter
    _services: list[Service] = field(factory=list)

    async def server(self, port: int | None = None) -> JobServer:
        """
        Start a job server.
        """
        if port is None:
            return await self._start(self.kind)
        return await self._start(self.kind, port=port)

    async def kill(self, server: JobServer) -> None:
        """
        Let a server have no time to say goodbye.
        """
        server.child.signal(signal.SIGKILL)
        await server.child.ended()

    def keep(self, service: S) -> S:
        """
        Start a client or a worker, and stop it at the end of the test.
        """
        self._services.append(service)
        service.startService()
        return service

    def client(
        self,
        *servers: JobServer,
        resubmit: bool = False,
        maxInFlight: int | None = None,
    ) -> Client[bytes]:
        """
        Start a client.
        """
        return self.keep(
            Client(
                reactor,
                [nameOf(server) for server in servers],
                resubmit=resubmit,
                maxInFlight=maxInFlight,
                retryPolicy=soon,
            )
        )

    def worker(
        self,
        *servers: JobServer,
        concurrency: int = 1,
        drainTimeout: float = 0.2,
        tracebacks: bool = False,
    ) -> Worker[bytes]:
        """
        Start a worker.

        @param drainTimeout: short, so that a failed test ends soon.
        """
        return self.keep(
            Worker(
                reactor,
                [nameOf(server) for server in servers],
                concurrency=concurrency,
                drainTimeout=drainTimeout,
                tracebacks=tracebacks,
                retryPolicy=soon,
            )
        )

    def down(self) -> JobServer:
        """
        Name a server that does not run; L{server} may start it at its port.
        """
        return JobServer(self.kind, freePort(), Child())

    async def end(self) -> None:
        """
        Stop all clients and workers.
        """
        for service in self._services:
            if service.running:
                await service.stopService()


def _startingFleet(servers: Starter, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """
    A L{Fleet} of either kind of server; it ends with the test.
    """
    fleet = Fleet(request.param, servers)
    yield fleet
    pytest_twisted.blockon(Deferred.fromCoroutine(fleet.end()))


startingFleet = pytest.fixture(params=SERVERS, name="fleet")(_startingFleet)
