"""
Tests for L{txgearman.testing.clock}.
"""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Thread
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txgearman.testing.clock import START, TurningClock


class TurningClockTests(SynchronousTestCase):
    """
    A clock whose calls come in turns.
    """

    def setUp(self) -> None:
        self.clock = TurningClock()
        self.called: list[str] = []

    def later(self, seconds: float, name: str) -> Any:
        return self.clock.callLater(seconds, self.called.append, name)

    def test_interfaces(self) -> None:
        """
        It is what Twisted takes for a reactor with time.
        """
        verifyObject(IReactorTime, self.clock)
        verifyObject(IReactorFromThreads, self.clock)

    def test_start(self) -> None:
        """
        It begins at a time that may be the epoch of a job.
        """
        self.assertEqual(self.clock.seconds(), START)
        begin = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
        self.assertEqual(datetime.fromtimestamp(START, UTC), begin)

    def test_order(self) -> None:
        """
        What is due is called in the order of time, what is not due is not.
        """
        for seconds, name in (2, "two"), (1, "one"), (3, "three"), (2.5, "half"):
            self.later(seconds, name)
        self.clock.advance(2.5)
        self.assertEqual(self.called, ["one", "two", "half"])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_turns(self) -> None:
        """
        What becomes due in a turn is called in the next one.
        """
        self.clock.callLater(0, self.later, 0, "next")
        self.clock.advance(0)
        self.assertEqual(self.called, [])
        self.clock.advance(0)
        self.assertEqual(self.called, ["next"])

    def test_cancelledMeanwhile(self) -> None:
        """
        What a call of the same turn cancels is not called.
        """
        self.clock.callLater(0, lambda: call.cancel())
        call = self.later(0, "cancelled")
        self.clock.advance(0)
        self.assertEqual(self.called, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_putOffMeanwhile(self) -> None:
        """
        What a call of the same turn puts off is called then.
        """
        self.clock.callLater(0, lambda: call.reset(5))
        call = self.later(0, "late")
        self.clock.advance(0)
        self.assertEqual(self.called, [])
        self.clock.advance(5)
        self.assertEqual(self.called, ["late"])

    def test_callFromThread(self) -> None:
        """
        What is handed over from a thread is called in the next turn, in order.
        """
        self.clock.callFromThread(self.called.append, "one")
        self.clock.callFromThread(self.called.append, "two")
        self.assertEqual(self.called, [])
        self.clock.advance(0)
        self.assertEqual(self.called, ["one", "two"])

    def test_otherThread(self) -> None:
        """
        A thread that there is all the same is told that nothing waits for it.
        """
        errors: list[str] = []

        def call() -> None:
            try:
                self.clock.callFromThread(self.called.append, "never")
            except RuntimeError as error:
                errors.append(str(error))

        thread = Thread(target=call)
        thread.start()
        thread.join()
        self.assertEqual(
            errors, ["there are no threads under this clock: see Pump.worker"]
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def inThread(self, function: Any, *arguments: object) -> Deferred[Any]:
        reactor: Any = self.clock
        pool = reactor.getThreadPool()
        called: Deferred[Any] = deferToThreadPool(reactor, pool, function, *arguments)
        return called

    def test_noThreads(self) -> None:
        """
        What is for a thread is called at once; its result comes a turn later.
        """
        done = self.inThread(self.called.append, "at once")
        self.assertEqual(self.called, ["at once"])
        self.assertNoResult(done)
        self.clock.advance(0)
        self.assertIsNone(self.successResultOf(done))

    def test_noThreadsRaise(self) -> None:
        """
        What it raises comes a turn later too.
        """
        done = self.inThread(int, "x")
        self.clock.advance(0)
        self.failureResultOf(done, ValueError)
