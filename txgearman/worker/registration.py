"""
What a worker can do: its functions, and which of them share connections.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred

from txgearman.worker.job import RunningJob
from txgearman.worker.running import Place, Runner


@define(eq=False)
class Registration:
    """
    Something that a worker can do. What runs it, such as a pool, is its own, and
    there from its first job on.

    @ivar name: the function's name, without the worker's namespace.
    @ivar wire: its name on the wire.
    @ivar place: the function, and where it runs.
    @ivar timeout: how long a job may take, in seconds; 0 for as long as it likes.
    @ivar concurrency: how many of its jobs run at once at most.
    """

    name: str
    wire: bytes
    place: Place[Any]
    timeout: float
    concurrency: int
    _runner: Runner[Any] | None = field(default=None, init=False)
    _running: int = field(default=0, init=False)
    _retired: bool = field(default=False, init=False)

    def run(self, reactor: Any, job: RunningJob[Any]) -> Deferred[Any] | Any:
        """
        Do a job.

        @return: the result, or what fires with it when the function is done with
            the job; who cancels it waits for that as well.
        @raise Exception: what the function raises.
        """
        if self._runner is None:
            self._runner = self.place.runner(reactor, self.concurrency)
        self._running += 1
        try:
            result = self._runner.run(job)
        except BaseException:
            self._over(None)
            raise
        if isinstance(result, Deferred):
            return result.addBoth(self._over)
        return self._over(result)

    def _over(self, result: Any) -> Any:
        self._running -= 1
        if self._retired and not self._running:
            self.stop()
        return result

    def retire(self) -> None:
        """
        Stop what runs it as soon as none of its jobs does. It may get another
        job yet, which was assigned before the server heard of it.
        """
        self._retired = True
        if not self._running:
            self.stop()

    def stop(self) -> None:
        """
        Stop what runs it: jobs that it does are given up.
        """
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.stop()


@define(eq=False)
class Share:
    """
    The functions that share connections: those without a limit and a timeout of
    their own together, each of the others by itself. Who asks for a job cannot
    say of which functions he wants none; so he must not ask on a connection where
    a function is registered whose limit is reached.

    gearmand has one timer for each connection, and stops it when the worker
    sleeps there. So a job that may time out is alone on its connection, which
    neither asks nor sleeps meanwhile, and there are as many connections to each
    server as jobs may run at once.

    @ivar limit: how many of its jobs may run at once; L{None} for any number.
    @ivar alone: whether each of its jobs is alone on its connection.
    @ivar registrations: its functions, by their names on the wire.
    @ivar retired: those of which it does no more than what is assigned yet.
    @ivar running: how many of its jobs run, or are asked for.
    """

    limit: int | None = None
    alone: bool = False
    registrations: dict[bytes, Registration] = field(factory=dict)
    retired: dict[bytes, Registration] = field(factory=dict)
    running: int = 0

    @property
    def full(self) -> bool:
        """
        May no more of its jobs run?
        """
        return self.limit is not None and self.running >= self.limit

    @property
    def width(self) -> int:
        """
        How many connections to each server it has.
        """
        return self.limit if self.alone and self.limit else 1

    def named(self, function: bytes) -> Registration | None:
        """
        Find a function, also one that is retired.
        """
        return self.registrations.get(function) or self.retired.get(function)
