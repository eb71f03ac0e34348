"""
Tests for L{txgearman.scripts.waiting}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from txgearman.scripts.waiting import allOf


def waits(*waiting: Deferred[Any]) -> Deferred[list[Any]]:
    """
    Wait for all of them.
    """
    return Deferred.fromCoroutine(allOf(waiting))


class AllOfTests(SynchronousTestCase):
    """
    Tests of L{allOf}.
    """

    def test_nothing(self) -> None:
        """
        Who waits for nothing waits for nothing.
        """
        self.assertEqual(self.successResultOf(waits()), [])

    def test_order(self) -> None:
        """
        The results come in the order in which they were asked for, when the last
        one is there.
        """
        first: Deferred[int] = Deferred()
        third: Deferred[int] = Deferred()
        waiting = waits(first, succeed(2), third)
        third.callback(3)
        self.assertNoResult(waiting)
        first.callback(1)
        self.assertEqual(self.successResultOf(waiting), [1, 2, 3])

    def test_failure(self) -> None:
        """
        When one fails the others are waited for all the same; then the first
        failure in their order is raised, and no other is left unheard.
        """
        first: Deferred[int] = Deferred()
        second: Deferred[int] = Deferred()
        last: Deferred[int] = Deferred()
        waiting = waits(first, second, last)
        last.errback(KeyError("last"))
        second.errback(ValueError("second"))
        self.assertNoResult(waiting)
        first.callback(1)
        failure = self.failureResultOf(waiting, ValueError)
        self.assertEqual(str(failure.value), "second")
        self.assertEqual(self.flushLoggedErrors(), [])
