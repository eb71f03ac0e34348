"""
Many jobs of one function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    FirstError,
    gatherResults,
    succeed,
)
from twisted.python.failure import Failure

from txgearman.client.delivery import Delivery
from txgearman.client.job import RemoteJob

T = TypeVar("T")
R = TypeVar("R")

Submit = Callable[[Delivery[T]], object]


def eachOf(
    call: Callable[[T], Awaitable[R]], items: Iterable[T], parallel: int
) -> Deferred[list[R]]:
    """
    Call something for each of many items.

    @param items: taken one by one, as their turns come.
    @param parallel: how many calls may be under way.
    @return: fires with the results in the order of the items; fails as the first
        call that fails, cancels the others, and makes no more.
    @raise ValueError: when not even one call may be under way.
    """
    if parallel < 1:
        raise ValueError(f"at least one call at once, not {parallel}")
    numbered = enumerate(items)
    results: dict[int, R] = {}
    failed = False

    async def oneByOne() -> None:
        nonlocal failed
        try:
            # Not a loop over the items: it would take one more after a failure.
            while not failed and (turn := next(numbered, None)) is not None:
                number, item = turn
                results[number] = await call(item)
        except BaseException:
            failed = True
            raise

    running = [Deferred.fromCoroutine(oneByOne()) for _ in range(parallel)]
    gathered = gatherResults(running, consumeErrors=True)
    gathered.addErrback(_cancelOthers, running)
    return gathered.addCallback(lambda _: [results[n] for n in range(len(results))])


def _cancelOthers(failure: Failure, running: Sequence[Deferred[None]]) -> Failure:
    """
    One of several failed: cancel the others, and say how it failed.
    """
    for other in running:
        other.cancel()
    error = failure.value
    return error.subFailure if isinstance(error, FirstError) else failure


class Batch(Generic[T]):
    """
    Jobs that are submitted together. When one of them cannot be, or nobody waits
    for them any more, all are forgotten.
    """

    def __init__(self, submit: Submit[T]) -> None:
        """
        @param submit: gets a job to a server.
        """
        self._submit = submit
        self._deliveries: list[Delivery[T]] = []
        self._next: Iterator[Delivery[T]] = iter(())
        self._missing = 0
        self._waiting: Deferred[list[RemoteJob[T]]] | None = None

    def add(self, delivery: Delivery[T]) -> None:
        """
        Take one in.
        """
        self._deliveries.append(delivery)

    def submit(self, limit: int | None) -> Deferred[list[RemoteJob[T]]]:
        """
        Submit them.

        @param limit: how many are submitted at once; L{None} for all.
        @return: fires with the jobs in the order they were added when servers
            have all of them, or fails as the first that fails.
        """
        if not self._deliveries:
            return succeed([])
        waiting: Deferred[list[RemoteJob[T]]] = Deferred(
            lambda _: self.forget(Failure(CancelledError()))
        )
        self._waiting = waiting
        self._missing = len(self._deliveries)
        self._next = iter(self._deliveries)
        for delivery in islice(self._next, limit):
            self._begin(delivery)
        return waiting

    def _begin(self, delivery: Delivery[T]) -> None:
        """
        Submit one, unless it has ended by now, as all do when one fails.
        """
        delivery.job.whenSubmitted(self._submitted)
        if not delivery.job.done:
            self._submit(delivery)

    def _submitted(self, failure: Failure | None) -> None:
        """
        A server has one, or none takes it.
        """
        if failure is not None:
            self.forget(failure)
            return
        self._missing -= 1
        if not self._missing:
            waiting, self._waiting = self._waiting, None
            assert waiting is not None
            waiting.callback([delivery.job for delivery in self._deliveries])
            return
        delivery = next(self._next, None)
        if delivery is not None:
            self._begin(delivery)

    def forget(self, reason: Failure) -> None:
        """
        Hear no more of them; those that have ended stay as they are.
        """
        waiting, self._waiting = self._waiting, None
        deliveries, self._deliveries = self._deliveries, []
        # The last first: whoever goes makes room for those that wait.
        for delivery in reversed(deliveries):
            delivery.job.failed(reason)
        if waiting is not None:
            waiting.errback(reason)
