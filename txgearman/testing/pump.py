"""
The pump: job servers, clients and workers, and the turns in which they move.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar, Unpack, overload

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from txgearman.admin import AdminClient
from txgearman.board.policy import Policy
from txgearman.client.client import Client
from txgearman.client.options import ClientOptions
from txgearman.codecs import Codec
from txgearman.server.settings import Settings
from txgearman.testing.clock import TurningClock
from txgearman.testing.network import Network
from txgearman.testing.running import PumpedWorker
from txgearman.testing.server import MemoryServer
from txgearman.worker.options import WorkerOptions
from txgearman.worker.worker import Worker

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

Awaited = Deferred[T] | Coroutine[Any, Any, T]
"""What a pump waits for."""


def everySecond(failures: int) -> float:
    """
    Wait a second, however often it failed.
    """
    return 1.0


class Pump:
    """
    A network of job servers, clients and workers, all of them the real ones, and
    a clock that stands still until it is told to go on::

        with Pump() as pump:
            server = pump.server()
            pump.worker(server).register("reverse", lambda job: job.data[::-1])
            assert pump.result(pump.client(server).call("reverse", b"ab")) == b"ba"

    Nothing happens but in L{result}, L{failure}, L{settle}, L{advance} and
    L{turn}. Code that makes its own clients and workers is given C{pump.clock}
    for its reactor and a L{MemoryServer} for its server, and ends them itself.

    There are no threads and processes. What is registered C{inThread} or
    C{inProcess} with a worker of L{worker} is called at once, in the test's own
    thread, and must not wait for what comes later; with other workers it does not
    work.

    @ivar clock: the reactor, a L{TurningClock}.
    """

    def __init__(self) -> None:
        self.clock = TurningClock()
        self._network = Network(self.clock)
        self._servers: list[MemoryServer] = []
        self._ends: list[Callable[[], Deferred[None]]] = []

    def __enter__(self) -> Pump:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # Who is there

    def server(
        self,
        name: str | None = None,
        *,
        policy: Policy | None = None,
        settings: Settings | None = None,
    ) -> MemoryServer:
        """
        Start a job server.

        @param name: what it is called; C{server1} and so on, if not given.
        @param policy: what it may do with jobs.
        @param settings: what it may do with connections.
        @raise BadSetting: for a name that no handle can start with.
        """
        if name is None:
            name = f"server{len(self._servers) + 1}"
        server = MemoryServer(self._network, name, policy, settings)
        self._servers.append(server)
        return server

    @overload
    def client(
        self, *servers: MemoryServer, **options: Unpack[ClientOptions]
    ) -> Client[bytes]: ...

    @overload
    def client(
        self,
        *servers: MemoryServer,
        codec: Codec[T],
        **options: Unpack[ClientOptions],
    ) -> Client[T]: ...

    def client(self, *servers: MemoryServer, **options: Any) -> Client[Any]:
        """
        Start a client. Unless it has another retry policy, it tries to reach a
        server once a second; unless it has a timeout for answers, it waits for
        them for ever, so that it times nothing of its own.

        @param servers: the servers that it has; all, if none are given.
        @param options: those of L{Client}.
        """
        options.setdefault("retryPolicy", everySecond)
        options.setdefault("answerTimeout", None)
        client: Client[Any] = Client(self.clock, servers or self._servers, **options)
        self._ends.append(client.stopService)
        client.startService()
        return client

    @overload
    def worker(
        self, *servers: MemoryServer, **options: Unpack[WorkerOptions]
    ) -> Worker[bytes]: ...

    @overload
    def worker(
        self,
        *servers: MemoryServer,
        codec: Codec[T],
        **options: Unpack[WorkerOptions],
    ) -> Worker[T]: ...

    def worker(self, *servers: MemoryServer, **options: Any) -> Worker[Any]:
        """
        Start a worker, which can do nothing yet; otherwise as L{client}.

        @param options: those of L{Worker}.
        """
        options.setdefault("retryPolicy", everySecond)
        worker: Worker[Any] = PumpedWorker(
            self.clock, servers or self._servers, **options
        )
        self._ends.append(worker.stopService)
        worker.startService()
        return worker

    def admin(self, server: MemoryServer) -> AdminClient:
        """
        Make an admin client.
        """
        admin = AdminClient(self.clock, server)
        self._ends.append(admin.close)
        return admin

    # What happens

    def turn(self) -> bool:
        """
        Let one turn of the reactor pass: everyone's input arrives, what is due
        is called, everyone's output leaves.

        @return: whether anything moved, or is due in the next turn.
        """
        return self._network.turn()

    def settle(self) -> None:
        """
        Let turns pass until nothing moves without time passing.

        @raise AssertionError: when that does not come to an end.
        """
        self._network.settle()

    def advance(self, seconds: float) -> None:
        """
        Let time pass: what is timed happens at its time, one thing after the
        other, with all that follows from it.

        @raise AssertionError: as L{settle} does.
        """
        self._network.advance(seconds)

    def result(self, awaited: Awaited[T]) -> T:
        """
        Let turns pass until a Deferred or a coroutine has its result. No time
        passes.

        @raise Exception: what it failed with.
        @raise AssertionError: when it has none though nothing moves any more;
            the same Deferred may be asked again after L{advance}.
        """
        outcome = self._outcome(awaited)
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome

    def failure(self, awaited: Awaited[Any], expected: type[E]) -> E:
        """
        Let turns pass until a Deferred or a coroutine has failed.

        @param expected: the class of what it fails with.
        @return: what it failed with.
        @raise AssertionError: when it has a result instead, failed with something
            else, or has not fired though nothing moves any more.
        """
        outcome = self._outcome(awaited)
        if not isinstance(outcome, Failure):
            raise AssertionError(
                f"{expected.__name__} was expected, but it has a result: {outcome!r}"
            )
        if not isinstance(outcome.value, expected):
            raise AssertionError(
                f"{expected.__name__} was expected, but it failed with"
                f" {outcome.value!r}"
            ) from outcome.value
        return outcome.value

    def _outcome(self, awaited: Awaited[T]) -> T | Failure:
        """
        Let turns pass until there is a result or a failure.
        """
        if not isinstance(awaited, Deferred):
            awaited = Deferred.fromCoroutine(awaited)
        fired: list[T | Failure] = []
        waits = True

        def note(outcome: T | Failure) -> T | Failure | None:
            if not waits:
                return outcome
            fired.append(outcome)
            return None if isinstance(outcome, Failure) else outcome

        awaited.addBoth(note)
        self._network.settle(lambda: bool(fired))
        waits = False
        if not fired:
            raise AssertionError(
                f"it has not fired, and nothing moves any more;"
                f" {self._network.outlook()}"
            )
        return fired[0]

    def close(self) -> None:
        """
        Stop all clients, workers and servers. Running jobs have the time that
        their workers give them: it passes here. Afterwards the clock has no call
        of theirs.

        @raise AssertionError: when one of them does not stop.
        """
        ends, self._ends = self._ends, []
        ended = DeferredList([end() for end in ends])
        self._network.passUntil(lambda: bool(ended.called))
        for server in self._servers:
            server.stop()
        self.settle()
