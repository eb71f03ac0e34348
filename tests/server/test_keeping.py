"""
Tests for L{txgearman.server.keeping}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import logged
from tests.stores.stage import BROKEN, ManualRunner
from txgearman.board.durable import DurableBoard
from txgearman.errors import ServerError, StoreUnusable
from txgearman.server import keeping as keepingModule
from txgearman.server.keeping import Keeping
from txgearman.server.turn import Receiver, Turn
from txgearman.stores.memory import Drawer, MemoryStore
from txgearman.testing.clock import TurningClock
from txgearman.testing.stores import savedJob


class Sender:
    """
    A connection that counts how often it is held up and let go.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []

    def hold(self, receiver: Receiver) -> None:
        self.heard.append("hold")

    def release(self, receiver: Receiver) -> None:
        self.heard.append("release")


class KeepingTests(SynchronousTestCase):
    """
    A store beside a board, with a thread that does what it is told to.
    """

    def setUp(self) -> None:
        self.clock = TurningClock()
        self.drawer = Drawer()
        self.runner = ManualRunner()
        self.patch(keepingModule, "StoreThread", lambda reactor: self.runner)
        self.board = DurableBoard(self.clock)
        self.store = MemoryStore(self.drawer)
        self.keeping = self.makeKeeping()

    def makeKeeping(self) -> Keeping:
        return Keeping(self.board, self.store, self.clock, Turn(self.clock))

    def welcomed(self) -> Sender:
        """
        Let somebody connect.
        """
        sender = Sender()
        self.keeping.welcome(sender)
        return sender

    def stops(self) -> Deferred[None]:
        """
        Stop, and let the thread do whatever there is to do.
        """
        stopped = self.keeping.stop()
        while self.runner.busy:
            self.runner.finishesAll()
            self.clock.advance(0)
        return stopped

    def test_loads(self) -> None:
        """
        When it is started the jobs are loaded.
        """
        self.drawer.jobs[1] = savedJob(1)
        self.assertTrue(self.keeping.loading)
        self.assertEqual(self.runner.busy, 0)
        self.keeping.start()
        self.assertTrue(self.keeping.loading)
        self.runner.finishesAll()
        self.assertFalse(self.keeping.loading)
        self.assertEqual(list(self.board.jobs), [b"H:1"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_opened(self) -> None:
        """
        A store that is open is not opened again.
        """
        self.keeping.start(self.store.open())
        self.runner.finishesAll()
        self.assertEqual(self.drawer.lives, 1)

    def test_welcome(self) -> None:
        """
        Who comes while jobs are loaded is held up until they are there.
        """
        self.keeping.start()
        sender = self.welcomed()
        self.assertEqual(sender.heard, ["hold"])
        self.runner.finishesAll()
        self.assertEqual(sender.heard, ["hold", "release"])
        self.assertEqual(self.welcomed().heard, [])

    def test_courtesy(self) -> None:
        """
        But not for longer than a second; who comes then is not held up at all.
        """
        self.keeping.start()
        sender = self.welcomed()
        self.clock.advance(0.5)
        later = self.welcomed()
        self.clock.advance(0.6)
        self.assertEqual(sender.heard, ["hold", "release"])
        self.assertEqual(later.heard, ["hold", "release"])
        self.assertEqual(self.welcomed().heard, [])
        self.runner.finishesAll()
        self.assertEqual(later.heard, ["hold", "release"])

    def test_lost(self) -> None:
        """
        Who is lost meanwhile is not let go.
        """
        self.keeping.start()
        sender = self.welcomed()
        self.keeping.letGo(sender)
        self.runner.finishesAll()
        self.assertEqual(sender.heard, ["hold"])

    def test_unusable(self) -> None:
        """
        With a store that never will work jobs are refused, the log says why, and
        nobody waits.
        """
        self.keeping.start()
        sender = self.welcomed()
        with logged() as lines:
            self.runner.fails(StoreUnusable("another server has it"))
        self.assertEqual(
            lines,
            [
                "critical: the store cannot be used: another server has it; jobs are"
                " refused"
            ],
        )
        self.assertEqual(sender.heard, ["hold", "release"])
        peer = self.board.made(Any, b"127.0.0.1")  # type: ignore[arg-type]
        self.assertRaises(ServerError, self.board.submit, peer, b"f", b"", b"")
        self.successResultOf(self.stops())

    def test_strange(self) -> None:
        """
        So with one that fails with what no store should raise; that is a bug to be
        found.
        """
        self.keeping.start()
        self.runner.fails(ValueError("what"))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertTrue(self.keeping.loading)
        self.successResultOf(self.stops())

    def test_stop(self) -> None:
        """
        It ends with the store closed, and the thread ended.
        """
        self.keeping.start()
        self.runner.finishesAll()
        self.assertIs(self.drawer.owner, self.store)
        stopped = self.keeping.stop()
        self.assertNoResult(stopped)
        self.assertFalse(self.runner.stopped)
        self.runner.finishes()
        self.successResultOf(stopped)
        self.assertIsNone(self.drawer.owner)
        self.assertTrue(self.runner.stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopTwice(self) -> None:
        """
        Whoever stops it again, at once or later, hears of the end as well.
        """
        self.keeping.start()
        self.runner.finishesAll()
        first, second = self.keeping.stop(), self.keeping.stop()
        self.runner.finishesAll()
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(self.keeping.stop())

    def test_stopBefore(self) -> None:
        """
        It can be stopped before it was started.
        """
        self.successResultOf(self.stops())
        self.assertTrue(self.runner.stopped)

    def test_stopLoading(self) -> None:
        """
        When it is stopped while jobs are loaded, that is no failure, and those who
        wait are let go.
        """
        self.keeping.start()
        sender = self.welcomed()
        with logged() as lines:
            self.successResultOf(self.stops())
        self.assertEqual(lines, [])
        self.assertEqual(sender.heard, ["hold", "release"])
        self.assertIsNone(self.drawer.owner)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopWaiting(self) -> None:
        """
        Nor is it while a store that failed is left alone.
        """
        self.keeping.start()
        self.runner.fails()
        self.successResultOf(self.stops())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_closeFails(self) -> None:
        """
        A store that does not close is told, and no more is done about it.
        """
        self.keeping.start()
        self.runner.finishesAll()
        stopped = self.keeping.stop()
        with logged() as lines:
            self.runner.fails()
        self.successResultOf(stopped)
        self.assertEqual(lines, [f"warn: the store does not close: {BROKEN}"])
        self.assertTrue(self.runner.stopped)

    def test_closeStrange(self) -> None:
        """
        The thread ends also when that fails with what no store should raise.
        """
        self.keeping.start()
        self.runner.finishesAll()
        stopped = self.keeping.stop()
        self.runner.fails(ValueError("what"))
        stopped.addErrback(lambda failure: failure.trap(ValueError) and None)
        self.successResultOf(stopped)
        self.flushLoggedErrors(ValueError)
        self.assertTrue(self.runner.stopped)
