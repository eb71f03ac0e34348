"""
Tests for L{txgearman.server.admin}: commands about jobs that have ended.
"""

from __future__ import annotations

from tests.server.pump import NOON
from tests.server.test_admin_jobs import NONE, QuotedTests
from txgearman.wire import text


class EndTests(QuotedTests):
    """
    A server that keeps dead letters of functions whose names begin with C{d}, and
    results of those that begin with C{r}.
    """

    def setUp(self) -> None:
        super().setUp()
        for line in b"d* attempts 1", b"d* dead_letter yes", b"r* results 60":
            self.answers(b"set policy " + line, b"OK\r\n")

    def ends(self, function: bytes, unique: bytes, data: bytes = b"data") -> bytes:
        """
        Let a background job be submitted and grabbed.

        @return: its handle.
        """
        self.client.sends("SUBMIT_JOB_BG", function, unique, data)
        [(_, handle)] = self.client.owed()
        assert isinstance(handle, bytes)
        self.grabs(function)
        return handle

    def dies(
        self, function: bytes, unique: bytes = b"", data: bytes = b"data"
    ) -> bytes:
        """
        Let one fail.
        """
        handle = self.ends(function, unique, data)
        self.worker.sends("WORK_FAIL", handle)
        self.pump.settle()
        return handle


class DeadTests(EndTests):
    """
    C{show dead jobs}, C{requeue} and C{purge dead}.
    """

    def test_show(self) -> None:
        """
        Dead letters are listed with their last error, the oldest first, those of a
        function alone if it is named.
        """
        self.answers(b"show dead jobs", b".\n")
        self.dies(b"d 1", b"50%")
        self.pump.passes(2)
        handle = self.ends(b"d", b"")
        self.worker.sends("WORK_EXCEPTION", handle, b"no\ndisk %")
        first = b"H:1\td%%201\t50%%25\t1\t%d.000\t%d.000\t4\tfailed\n" % (NOON, NOON)
        second = b"H:2\td\t\t1\t%d.000\t%d.000\t4\tno%%0Adisk%%20%%25\n" % (
            NOON + 2,
            NOON + 2,
        )
        self.answers(b"show dead jobs", first + second + b".\n")
        self.answers(b"SHOW dead jobs d%201", first + b".\n")
        self.answers(b"show dead jobs d", second + b".\n")
        self.answers(b"show dead jobs x", b".\n")

    def test_showJob(self) -> None:
        """
        What is known of a dead letter is told of its job, its workload too.
        """
        self.dies(b"d", b"u", b"\0\xff")
        facts = self.facts(b"show job H:1")
        self.assertEqual(facts[b"state"], b"dead")
        self.assertEqual(facts[b"ended"], b"%d.000" % NOON)
        self.assertEqual(facts[b"priority"], b"normal")
        self.assertEqual(facts[b"size"], b"2")
        self.assertEqual(facts[b"error"], b"failed")
        self.answers(b"show data H:1", b"%00%FF\n.\n")
        self.assertEqual(self.facts(b"result H:1")[b"state"], b"dead")

    def test_requeueJob(self) -> None:
        """
        A dead letter's job can be tried again, with its handle, once.
        """
        self.dies(b"d")
        self.answers(b"requeue job H:1", b"OK\r\n")
        self.answers(b"show dead jobs", b".\n")
        self.assertEqual(self.facts(b"show job H:1")[b"attempts"], b"0")
        self.worker.sends("GRAB_JOB")
        [reply] = self.worker.owed()
        self.assertEqual(reply[:2], ("JOB_ASSIGN", b"H:1"))
        self.answers(b"requeue job H:1", NONE)

    def test_requeue(self) -> None:
        """
        So can those of a function, and all of them.
        """
        for function in b"d1", b"d1", b"d2", b"d3":
            self.dies(function)
        self.answers(b"requeue function d1", b"OK 2\n")
        self.answers(b"requeue function d1", b"OK 0\n")
        self.answers(b"requeue jobs", b"OK 2\n")
        self.answers(b"requeue jobs", b"OK 0\n")
        self.answers(b"status", b"d1\t2\t0\t1\nd2\t1\t0\t1\nd3\t1\t0\t1\n.\n")

    def test_requeueRefused(self) -> None:
        """
        A server that takes no jobs takes none back either.
        """
        self.dies(b"d")
        self.pump.factory.board.drain(lambda: None)
        wanted = b"ERR SHUTDOWN_GRACEFUL Server+is+shutting+down\r\n"
        for line in b"requeue jobs", b"requeue job H:1", b"requeue function d":
            self.answers(line, wanted)
        self.admin.says(b"show dead jobs\n")
        self.assertTrue(self.admin.received().startswith(b"H:1\t"))

    def test_purge(self) -> None:
        """
        Dead letters can be thrown away: one, those of a function, all.
        """
        for function in b"d1", b"d1", b"d2", b"d2", b"d2":
            self.dies(function)
        self.answers(b"purge dead job H:1", b"OK\r\n")
        self.answers(b"purge dead job H:1", NONE)
        self.answers(b"purge dead function d1", b"OK 1\n")
        self.answers(b"purge dead function d1", b"OK 0\n")
        self.answers(b"purge dead jobs", b"OK 3\n")
        self.answers(b"show dead jobs", b".\n")


class ResultTests(EndTests):
    """
    C{result} and C{result unique}.
    """

    def test_completed(self) -> None:
        """
        The result of a background job can be had by its handle and by its unique, for
        as long as the policy says.
        """
        self.ends(b"r 1", b"50%")
        self.pump.passes(3)
        self.worker.sends("WORK_COMPLETE", b"H:1", b"\xffdone %")
        self.pump.settle()
        wanted = {
            b"handle": b"H:1",
            b"function": b"r%201",
            b"unique": b"50%25",
            b"state": b"completed",
            b"attempts": b"1",
            b"submitted": b"%d.000" % NOON,
            b"started": b"%d.000" % NOON,
            b"ended": b"%d.000" % (NOON + 3),
            b"until": b"%d.000" % (NOON + 63),
            b"size": b"7",
            b"error": b"",
            b"data": b"%FFdone%20%25",
        }
        self.assertEqual(self.facts(b"result H:1"), wanted)
        self.assertEqual(self.facts(b"RESULT unique r%201 50%25"), wanted)
        self.answers(b"result unique r 50%25", NONE)
        facts = self.facts(b"show job H:1")
        self.assertEqual((facts[b"state"], facts[b"result"]), (b"completed", b"7"))
        self.assertNotIn(b"size", facts)
        self.answers(b"show data H:1", NONE)
        self.pump.passes(61)
        self.answers(b"result H:1", NONE)
        self.answers(b"result unique r%201 50%25", NONE)

    def test_large(self) -> None:
        """
        The data comes in pieces, as many as it takes; what is larger than the policy
        says is left out.
        """
        data = bytes(range(256)) * 256
        for handle, result in (b"H:1", data), (b"H:2", data + b"!"):
            self.ends(b"r", b"")
            self.worker.sends("WORK_COMPLETE", handle, result)
        self.pump.settle()
        self.admin.says(b"result H:1\n")
        lines = self.admin.received().splitlines()
        pieces = [line[5:] for line in lines if line.startswith(b"data\t")]
        self.assertEqual(b"".join(map(text.unquote, pieces)), data)
        self.assertLess(max(map(len, lines)), 8192)
        facts = self.facts(b"result H:2")
        self.assertEqual(facts[b"size"], b"65537")
        self.assertNotIn(b"data", facts)

    def test_living(self) -> None:
        """
        Of a job that lives it is told how it stands, even when one with its unique
        has a result.
        """
        self.ends(b"r", b"u")
        self.worker.sends("WORK_COMPLETE", b"H:1", b"old")
        self.pump.settle()
        self.submits(b"r", b"u", b"", name="SUBMIT_JOB_BG")
        for line in b"result H:2", b"result unique r u":
            facts = self.facts(line)
            self.assertEqual((facts[b"handle"], facts[b"state"]), (b"H:2", b"queued"))
            self.assertEqual((facts[b"ended"], facts[b"size"]), (b"0", b"0"))
        self.assertEqual(self.facts(b"result H:1")[b"data"], b"old")

    def test_dead(self) -> None:
        """
        Of a dead letter without a result, too: the last one with its unique.
        """
        self.dies(b"d", b"u")
        self.pump.passes(1)
        self.dies(b"d", b"u")
        facts = self.facts(b"result unique d u")
        self.assertEqual((facts[b"handle"], facts[b"state"]), (b"H:2", b"dead"))
        self.assertEqual(facts[b"ended"], b"%d.000" % (NOON + 1))
        self.answers(b"result unique d v", NONE)

    def test_none(self) -> None:
        """
        Where nothing is kept there is nothing.
        """
        self.ends(b"f", b"u")
        self.worker.sends("WORK_COMPLETE", b"H:1", b"done")
        self.answers(b"result H:1", NONE)
        self.answers(b"result unique f u", NONE)
        self.answers(b"result unique nosuch u", NONE)
