"""
Tests for L{txgearman.stores.loading}.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.board.stage import NOON
from tests.server.pump import logged
from tests.stores.stage import BROKEN, DurableStage, ManualRunner
from txgearman.errors import BadRow, ServerError, StoreUnusable
from txgearman.stores import loading as loadingModule
from txgearman.stores.memory import Drawer, MemoryStore
from txgearman.testing.stores import savedJob


class LoadingTests(SynchronousTestCase):
    """
    A loader, a board, and a drawer with jobs of which one is on a page.
    """

    def setUp(self) -> None:
        self.patch(loadingModule, "_PAGE", 1)
        self.drawer = Drawer()
        self.makeStage()

    def makeStage(self, **others: Any) -> None:
        self.stage = DurableStage(drawer=self.drawer, loads=False, **others)
        self.addCleanup(self.stage.census)

    def keep(self, *numbers: int, **others: Any) -> None:
        for number in numbers:
            self.drawer.jobs[number] = savedJob(number, **others)

    def handles(self) -> list[bytes]:
        """
        Grab everything.
        """
        return [job.handle for job in self.stage.worker(b"reverse").takesAll()]

    def steps(self, count: int) -> Deferred[None]:
        """
        Begin to load, and let the store do so much of it.
        """
        loading = self.stage.startLoading()
        for _ in range(count):
            self.stage.runner.finishes()
        return loading

    def test_nothing(self) -> None:
        """
        With nothing kept the board is ready when the store is.
        """
        loading = self.steps(1)
        self.assertNoResult(loading)
        self.assertTrue(self.stage.board.loading)
        self.stage.runner.finishesAll()
        self.successResultOf(loading)
        self.assertFalse(self.stage.board.loading)
        self.assertEqual(self.stage.client().submits().number, 10**12 + 1)

    def test_pages(self) -> None:
        """
        Between pages others have their turn; nothing is taken before the last one.
        """
        self.keep(1, 2, 3)
        loading = self.steps(1)
        client = self.stage.client()
        for count in 1, 2, 3:
            self.stage.runner.finishes()
            self.assertEqual(len(self.stage.board.jobs), count)
            self.assertRaises(ServerError, client.submits)
        self.stage.runner.finishes()
        self.successResultOf(loading)
        self.assertEqual(self.handles(), [b"H:1", b"H:2", b"H:3"])

    def test_readMeanwhile(self) -> None:
        """
        While the jobs of a page are taken in, the next one is read.
        """
        self.keep(1, 2, 3)
        runner = self.stage.runner
        call, taken = ManualRunner.__call__, list[int]()

        def called(self: ManualRunner, reads: Callable[[], Any], /) -> Deferred[Any]:
            taken.append(len(jobs))
            return call(self, reads)

        jobs = self.stage.board.jobs
        self.patch(ManualRunner, "__call__", called)
        loading = self.steps(1)
        runner.finishesAll()
        self.successResultOf(loading)
        # When it is opened, for each page, and for the end of it.
        self.assertEqual(taken, [0, 0, 0, 1, 2])

    def test_places(self) -> None:
        """
        Jobs wait in the order of their places.
        """
        self.keep(1, place=9)
        self.keep(2, 3)
        self.keep(4, priority=0)
        self.steps(6)
        self.assertEqual(self.handles(), [b"H:4", b"H:2", b"H:3", b"H:1"])

    def test_tells(self) -> None:
        """
        The log says how many there are, and how long it took.
        """
        self.keep(1, 2)
        with logged() as lines:
            self.steps(1)
            self.stage.passes(2.5)
            self.stage.runner.finishesAll()
        self.assertEqual(lines, ["info: 2 jobs were kept, and are back after 2.5 s"])

    def test_unreadable(self) -> None:
        """
        What cannot be read is set aside and told, and the others are back.
        """
        self.keep(1, 2, 3)
        self.drawer.jobs[2] = self.drawer.jobs[2]._replace(priority=7)
        with logged() as lines:
            self.successResultOf(self.steps(5))
        self.assertEqual(
            lines[0],
            "error: job 2 in the store cannot be read, and is set aside: priority is 7",
        )
        self.assertTrue(lines[1].startswith("info: 2 jobs"), lines)
        self.assertEqual(self.handles(), [b"H:1", b"H:3"])
        self.assertEqual(len(self.drawer.quarantine), 1)

    def test_manyUnreadable(self) -> None:
        """
        The log is not filled with them: their number is told.
        """
        self.keep(*range(1, 31), data="text")
        with logged() as lines:
            self.stage.startLoading()
            self.stage.runner.finishesAll()
        self.assertEqual(len(lines), 22, lines)
        self.assertEqual(lines[20], "error: 30 in the store could not be read in all")
        self.assertEqual(len(self.drawer.quarantine), 30)

    def test_sameHandle(self) -> None:
        """
        A second job with a handle that is taken does not vanish in silence.
        """
        self.keep(1, 2, handle=b"H:same")
        with logged() as lines:
            self.successResultOf(self.steps(4))
        self.assertEqual(len(self.stage.board.jobs), 1)
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("job 2", lines[0])

    def takes(self) -> list[tuple[str, bytes, bytes]]:
        """
        Let the board take all records but those of the kind C{strange}.

        @return: what it took.
        """
        taken: list[tuple[str, bytes, bytes]] = []

        def restoreRecord(kind: str, key: bytes, value: bytes) -> None:
            if kind == "strange":
                raise BadRow("what is that?")
            self.assertEqual(self.stage.board.jobs, {})
            taken.append((kind, key, value))

        # A board that is compiled takes no other method.
        board = SimpleNamespace(
            restore=self.stage.board.restore,
            restoreRecord=restoreRecord,
            loaded=self.stage.board.loaded,
        )
        self.patch(self.stage.loader, "_board", board)
        return taken

    def test_records(self) -> None:
        """
        Records are back before the jobs.
        """
        taken = self.takes()
        self.keep(1)
        self.drawer.records |= {("policy", b"f"): b"1", ("dead", b"H"): b""}
        with logged() as lines:
            self.successResultOf(self.steps(5))
        self.assertEqual(taken, [("policy", b"f", b"1"), ("dead", b"H", b"")])
        self.assertEqual(lines, ["info: 1 jobs were kept, and are back after 0.0 s"])
        self.assertEqual(self.handles(), [b"H:1"])

    def test_strangeRecord(self) -> None:
        """
        A record that the board cannot read is told, and left where it is; one that the
        store cannot read is set aside. All else is back.
        """
        taken = self.takes()
        self.keep(1)
        self.drawer.records |= {
            ("strange", b"\xff"): b"1",
            ("BAD", b"k"): b"2",
            ("dead", b"H"): b"",
        }
        with logged() as lines:
            self.successResultOf(self.steps(6))
        self.assertEqual(taken, [("dead", b"H", b"")])
        self.assertEqual(
            lines[:2],
            [
                r"error: strange record b'\xff' in the store cannot be read, and is"
                " left there: what is that?",
                "error: BAD record b'k' in the store cannot be read, and is set aside:"
                " kind is 'BAD'",
            ],
        )
        self.assertEqual(len(lines), 3)
        self.assertEqual(len(self.drawer.records), 2)
        self.assertEqual(self.handles(), [b"H:1"])

    def test_unknownKind(self) -> None:
        """
        A record of a kind that no board has heard of is left where it is.
        """
        self.drawer.records["unheardof", b"k"] = b"1"
        with logged() as lines:
            self.successResultOf(self.steps(3))
        self.assertIn("unheardof record b'k' in the store cannot be read", lines[0])
        self.assertEqual(self.drawer.records, {("unheardof", b"k"): b"1"})

    def test_opened(self) -> None:
        """
        A store that is open already is not opened again.
        """
        self.keep(1)
        life = self.stage.store.open()
        loading = Deferred.fromCoroutine(self.stage.loader.load(life))
        self.stage.runner.finishesAll()
        self.successResultOf(loading)
        self.assertEqual(self.drawer.lives, 1)
        self.assertEqual(len(self.stage.board.jobs), 1)

    def test_fails(self) -> None:
        """
        A store that does not open is tried again each second, and the log says so
        once.
        """
        self.keep(1)
        with logged() as lines:
            loading = self.stage.startLoading()
            for _ in range(3):
                self.stage.runner.fails()
                self.assertEqual(self.stage.runner.busy, 0)
                self.stage.passes(1.0)
            self.stage.runner.finishesAll()
        self.successResultOf(loading)
        self.assertEqual(
            lines,
            [
                f"error: the store does not work: {BROKEN}; jobs are refused until it"
                " does",
                "info: 1 jobs were kept, and are back after 3.0 s",
            ],
        )

    def test_failsMeanwhile(self) -> None:
        """
        A store that fails between two pages is opened again; no job is there twice,
        none is missing, and they are in their order.
        """
        self.keep(1, 2, 3)
        loading = self.steps(3)
        self.stage.runner.fails()
        with logged() as lines:
            self.stage.passes(1.0)
            self.stage.runner.finishesAll()
        self.successResultOf(loading)
        self.assertEqual(self.handles(), [b"H:1", b"H:2", b"H:3"])
        self.assertEqual(lines, ["info: 3 jobs were kept, and are back after 1.0 s"])
        self.assertEqual(self.stage.client().submits().number, 2 * 10**12 + 1)

    def test_unusable(self) -> None:
        """
        A store that never will work is not tried again.
        """
        owner = MemoryStore(self.drawer)
        owner.open()
        loading = self.steps(1)
        self.failureResultOf(loading, StoreUnusable)
        self.assertTrue(self.stage.board.loading)
        self.assertEqual(self.stage.clock.getDelayedCalls(), [])

    def test_strange(self) -> None:
        """
        Nor is one that fails with what no store should raise.
        """
        loading = self.stage.startLoading()
        self.stage.runner.fails(ValueError("what"))
        self.failureResultOf(loading, ValueError)

    def test_cancelled(self) -> None:
        """
        Loading can be cancelled, while the store works on it and while it is left
        alone.
        """
        for waits in False, True:
            self.makeStage()
            loading = self.stage.startLoading()
            if waits:
                self.stage.runner.fails()
            loading.cancel()
            self.failureResultOf(loading)
            self.assertEqual(self.stage.clock.getDelayedCalls(), [])

    def test_due(self) -> None:
        """
        A job whose time comes while others are loaded is there in the end.
        """
        self.keep(1, due=NOON + 1)
        self.keep(2)
        self.steps(2)
        self.stage.passes(5)
        self.assertEqual(self.handles(), [])
        self.stage.runner.finishesAll()
        self.assertEqual(sorted(self.handles()), [b"H:1", b"H:2"])
