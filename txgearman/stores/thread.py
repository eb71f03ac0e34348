"""
The one thread in which a store is used.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

T = TypeVar("T")

_Call = tuple[Callable[[], Any], Deferred[Any]]


class Runner(Protocol):
    """
    How something that blocks is called: in a thread, one call after the other.
    """

    def __call__(self, call: Callable[[], T], /) -> Deferred[T]:
        """
        Call it.
        """


class StoreThread:
    """
    A L{Runner} with a thread of its own.

    A pool of Twisted's would do as well; what it does for each call, to be one of many
    threads, costs a twentieth of all submits.
    """

    def __init__(self, reactor: IReactorFromThreads) -> None:
        """
        @param reactor: where results come back to.
        """
        self._reactor = reactor
        # None is the end.
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread: Thread | None = None

    def __call__(self, call: Callable[[], T], /) -> Deferred[T]:
        """
        Call something in the thread, when what was called before has returned.
        """
        if self._thread is None:
            # A store that hangs must not keep the process from ending.
            self._thread = Thread(target=self._work, name="store", daemon=True)
            self._thread.start()
        done: Deferred[T] = Deferred()
        self._calls.put((call, done))
        return done

    def _work(self) -> None:
        """
        Do one thing after the other, in the thread.
        """
        later = self._reactor.callFromThread
        while (one := self._calls.get()) is not None:
            call, done = one
            try:
                result = call()
            except BaseException:
                later(done.errback, Failure())
            else:
                later(done.callback, result)
                del result
            # Nothing of it is to live until the next one comes.
            del one, call, done

    def stop(self) -> None:
        """
        End the thread, when what was called has returned.
        """
        if self._thread is not None:
            self._calls.put(None)
            self._thread.join()
            self._thread = None
