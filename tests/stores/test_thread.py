"""
Tests for L{txgearman.stores.thread}, with a real thread.
"""

from __future__ import annotations

from threading import get_ident
from typing import Any

from twisted.internet import reactor as globalReactor
from twisted.internet.defer import DeferredList
from twisted.trial.unittest import TestCase

from txgearman.errors import StoreError
from txgearman.stores.thread import StoreThread


class StoreThreadTests(TestCase):
    """
    A thread of its own.
    """

    def setUp(self) -> None:
        reactor: Any = globalReactor
        self.thread = StoreThread(reactor)
        self.addCleanup(self.thread.stop)

    async def test_result(self) -> None:
        """
        What is called there returns here.
        """
        there = await self.thread(get_ident)
        self.assertNotEqual(there, get_ident())
        self.assertEqual(await self.thread(get_ident), there)

    async def test_failure(self) -> None:
        """
        What it raises is raised here, and the thread goes on.
        """

        def fails() -> None:
            raise StoreError("no")

        with self.assertRaises(StoreError):
            await self.thread(fails)
        self.assertEqual(await self.thread(lambda: 5), 5)

    async def test_order(self) -> None:
        """
        Calls are made one after the other, in their order.
        """
        made: list[int] = []
        calls = [self.thread(lambda n=n: made.append(n)) for n in range(50)]  # type: ignore[misc]
        await DeferredList(calls)
        self.assertEqual(made, list(range(50)))

    async def test_stop(self) -> None:
        """
        When it is stopped, what was called before has returned.
        """
        made: list[int] = []
        done = self.thread(lambda: made.append(1))
        self.thread.stop()
        self.assertEqual(made, [1])
        await done

    def test_never(self) -> None:
        """
        What was never started, or is stopped, can be stopped.
        """
        self.thread.stop()
        self.thread.stop()
