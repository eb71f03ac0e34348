"""
Tests for L{txgearman.board.results}.
"""

from __future__ import annotations

from tests.board.stage import BoardTestCase
from txgearman.board.results import Result


class ResultsTests(BoardTestCase):
    """
    How background jobs ended.
    """

    def setUp(self) -> None:
        self.scene = self.stage(resultsLimit=3, resultsBytes=10)
        self.scene.rules(results=60)
        self.client = self.scene.client()
        self.worker = self.scene.worker(b"f")
        self.results = self.scene.board.results

    def result(self, handle: bytes) -> Result:
        result = self.results.get(handle)
        assert result is not None
        return result

    def test_completed(self) -> None:
        """
        All is told of a job that was completed.
        """
        begun = self.scene.clock.seconds()
        job = self.client.submits(unique=b"u", background=True)
        self.scene.passes(1.0)
        self.worker.takes()
        self.scene.passes(2.0)
        self.worker.sends(job, b"part")
        self.worker.completes(job, b"done")
        result = self.result(job.handle)
        self.assertEqual((result.handle, result.function), (job.handle, b"f"))
        self.assertEqual((result.unique, result.state), (b"u", "completed"))
        times = result.submitted, result.started, result.ended
        self.assertEqual(times, (begun, begun + 1, begun + 3))
        self.assertEqual((result.data, result.size), (b"done", 4))
        self.assertEqual((result.attempts, result.error), (1, b""))
        self.assertIs(self.results.byUnique(b"f", b"u"), result)
        self.assertIsNone(self.results.byUnique(b"g", b"u"))
        self.assertIsNone(self.results.byUnique(b"f", b"v"))

    def test_otherEnds(self) -> None:
        """
        So it is of one that ended otherwise, with why.
        """
        failed = self.client.submits(background=True)
        self.worker.throws(self.worker.takes(), b"no ink")
        result = self.result(failed.handle)
        self.assertEqual((result.state, result.error), ("failed", b"no ink"))
        cancelled = self.client.submits(background=True)
        self.assertIs(self.worker.takes(), cancelled)
        self.scene.cancels(cancelled)
        self.assertEqual(self.result(cancelled.handle).state, "cancelled")
        never = self.client.submits(background=True)
        self.scene.cancels(never)
        self.assertIsNone(self.results.get(never.handle))
        self.scene.rules(ttl=5)
        expired = self.client.submits(background=True)
        self.scene.passes(5.0)
        self.assertEqual(self.result(expired.handle).state, "expired")
        self.scene.rules(ttl=0, attempts=1)
        dead = self.client.submits(background=True)
        self.worker.fails(self.worker.takes())
        result = self.result(dead.handle)
        self.assertEqual((result.state, result.error), ("dead", b"failed"))

    def test_retried(self) -> None:
        """
        A job that was completed at last has no error; its attempts are counted.
        """
        self.scene.rules(attempts=3)
        job = self.client.submits(background=True)
        self.worker.fails(self.worker.takes())
        self.assertIsNone(self.results.get(job.handle))
        self.worker.completes(self.worker.takes(), b"done")
        result = self.result(job.handle)
        self.assertEqual((result.state, result.attempts), ("completed", 2))
        self.assertEqual((result.error, result.data), (b"", b"done"))

    def test_requeued(self) -> None:
        """
        A job that died and was requeued has the result of its last life, by its handle
        and by its unique.
        """
        self.scene.rules(attempts=1)
        job = self.client.submits(unique=b"u", background=True)
        self.worker.fails(self.worker.takes())
        self.scene.board.requeue(next(iter(self.scene.board.dead)))
        self.scene.passes(0)
        self.worker.completes(self.worker.takes(), b"done")
        result = self.result(job.handle)
        self.assertEqual(result.state, "completed")
        self.assertIs(self.results.byUnique(b"f", b"u"), result)
        self.assertEqual(len(self.results), 1)

    def test_foreground(self) -> None:
        """
        What a client waits for itself is not kept, unless somebody wanted it in the
        background, too.
        """
        self.client.submits(unique=b"u")
        self.worker.completes(self.worker.takes(), b"done")
        self.assertEqual(len(self.results), 0)
        job = self.client.submits(unique=b"u")
        self.client.submits(unique=b"u", background=True)
        self.worker.completes(self.worker.takes(), b"done")
        self.assertEqual(self.result(job.handle).data, b"done")

    def test_tooLarge(self) -> None:
        """
        Of what is too large only the size is kept.
        """
        self.scene.rules(result_limit=4)
        for data, kept in ((b"1234", b"1234"), (b"12345", b"")):
            job = self.client.submits(background=True)
            self.worker.completes(self.worker.takes(), data)
            result = self.result(job.handle)
            self.assertEqual((result.data, result.size), (kept, len(data)))

    def test_lastOfUnique(self) -> None:
        """
        The last of a unique is found by it, whichever was submitted last; and no other
        when that is gone.
        """
        first = self.client.submits(unique=b"u", background=True)
        self.worker.completes(self.worker.takes())
        self.scene.passes(1.0)
        second = self.client.submits(unique=b"u", background=True)
        self.worker.completes(self.worker.takes())
        found = self.results.byUnique(b"f", b"u")
        self.assertIs(found, self.result(second.handle))
        self.assertIsNot(found, self.result(first.handle))
        self.scene.passes(59.0)
        self.assertIsNone(self.results.get(first.handle))
        self.assertIsNotNone(self.results.byUnique(b"f", b"u"))
        self.scene.passes(1.0)
        self.assertIsNone(self.results.byUnique(b"f", b"u"))

    def test_bounds(self) -> None:
        """
        There are no more than so many, and so many bytes.
        """
        for data in (b"1", b"22", b"333", b"4444", b"55555"):
            self.client.submits(background=True)
            self.worker.completes(self.worker.takes(), data)
        left = [result.data for result in self.results]
        self.assertEqual(left, [b"4444", b"55555"])
        for _ in range(5):
            self.client.submits(background=True)
            self.worker.completes(self.worker.takes())
        self.assertEqual(len(self.results), 3)

    def test_notAnyMore(self) -> None:
        """
        Another policy holds for those that end from then on.
        """
        job = self.client.submits(background=True)
        self.worker.completes(self.worker.takes())
        self.scene.rules(results=0)
        self.client.submits(background=True)
        self.worker.completes(self.worker.takes())
        self.assertEqual([one.handle for one in self.results], [job.handle])
        self.scene.passes(60.0)
        self.assertEqual(len(self.results), 0)
