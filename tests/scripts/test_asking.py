"""
Tests for L{txgearman.scripts.asking}.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.scripts.stage import PumpTestCase, options
from txgearman.client.job import RemoteJob
from txgearman.errors import NoServers
from txgearman.scripts.asking import ask, ping
from txgearman.worker.job import RunningJob


class PingTests(PumpTestCase):
    """
    Tests of L{ping}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.other = self.pump.server("other")

    def pings(self, inJSON: bool = False) -> int:
        """
        Ping both servers.
        """
        client = self.pump.client(self.server, self.other)
        self.pump.settle()
        return self.pump.result(ping(client, 2.0, inJSON))

    def test_all(self) -> None:
        """
        Each server that answers is a line with its time in milliseconds.
        """
        self.assertEqual(self.pings(), 0)
        self.assertEqual(self.out.take(), b"jobs\t0.00 ms\nother\t0.00 ms\n")
        self.assertEqual(self.err.take(), b"")

    def test_missing(self) -> None:
        """
        One that cannot be reached is a complaint, and makes the exit status 1.
        """
        self.other.stop()
        self.assertEqual(self.pings(), 1)
        self.assertEqual(self.out.take(), b"jobs\t0.00 ms\n")
        self.assertEqual(self.err.take(), b"txgearman: no answer from other\n")

    def test_slow(self) -> None:
        """
        One that takes too long does not answer, and the others are not held up.
        """
        client = self.pump.client(self.server, self.other)
        self.pump.settle()
        [joint] = self.other.connections
        joint.server.pauseProducing()
        pinging = Deferred.fromCoroutine(ping(client, 2.0, False))
        self.pump.advance(1.9)
        self.assertNoResult(pinging)
        self.pump.advance(0.2)
        self.assertEqual(self.pump.result(pinging), 1)
        self.assertEqual(self.out.take(), b"jobs\t0.00 ms\n")
        self.assertEqual(self.err.take(), b"txgearman: no answer from other\n")

    def test_late(self) -> None:
        """
        The time of each is its own.
        """
        client = self.pump.client(self.server, self.other)
        self.pump.settle()
        [joint] = self.other.connections
        joint.server.pauseProducing()
        pinging = Deferred.fromCoroutine(ping(client, 2.0, True))
        self.pump.advance(0.5)
        joint.server.resumeProducing()
        self.assertEqual(self.pump.result(pinging), 0)
        took = {told["server"]: told["seconds"] for told in self.out.values()}
        self.assertEqual(took["jobs"], 0)
        self.assertAlmostEqual(took["other"], 0.5, places=3)

    def test_json(self) -> None:
        """
        With JSON, a server is an object, with its time in seconds.
        """
        self.other.stop()
        self.assertEqual(self.pings(inJSON=True), 1)
        self.assertEqual(self.out.values(), [{"server": "jobs", "seconds": 0}])
        self.assertEqual(self.err.take(), b"txgearman: no answer from other\n")

    def test_nobody(self) -> None:
        """
        When none can be reached that is raised.
        """
        self.server.stop()
        self.other.stop()
        client = self.pump.client(connectTimeout=2.0)
        pinging = Deferred.fromCoroutine(ping(client, 2.0, False))
        self.pump.advance(2)
        self.pump.failure(pinging, NoServers)


class AskTests(PumpTestCase):
    """
    Tests of L{ask}.
    """

    def asks(self, *words: str) -> int:
        return self.pump.result(ask(self.client(), options(*words)))

    def submits(self) -> RemoteJob[bytes]:
        return self.pump.result(self.client().background("f", b"", unique="me"))

    def works(self) -> None:
        """
        Have a worker run a job, and report that it is half done.
        """

        def begin(job: RunningJob[bytes]) -> Deferred[bytes]:
            job.sendStatus(5, 10)
            return Deferred()

        self.pump.worker(self.server, drainTimeout=0.1).register("f", begin)
        self.pump.settle()

    def test_unknown(self) -> None:
        """
        A job that no server knows makes the exit status 1.
        """
        self.assertEqual(self.asks("--status", "H:jobs:9"), 1)
        self.assertEqual(self.asks("--status-unique", "me"), 1)
        self.assertEqual(self.out.take(), b"H:jobs:9\tunknown\nme\tunknown\n")
        self.assertEqual(self.err.take(), b"")

    def test_queued(self) -> None:
        """
        A job that waits is queued, and has no progress.
        """
        self.submits()
        self.assertEqual(self.asks("--status", "H:jobs:1"), 0)
        self.assertEqual(self.out.take(), b"H:jobs:1\tqueued\n")

    def test_running(self) -> None:
        """
        A job that runs has the progress that was reported last.
        """
        self.submits()
        self.works()
        self.assertEqual(self.asks("--status", "H:jobs:1"), 0)
        self.assertEqual(self.asks("--status-unique", "me"), 0)
        self.assertEqual(
            self.out.take(), b"H:jobs:1\trunning\t5/10\nme\trunning\t5/10\n"
        )

    def test_several(self) -> None:
        """
        Handles come first, each question is a line, and one that nobody knows is
        enough for an exit status of 1.
        """
        self.submits()
        words = ["--status-unique", "me", "--status", "H:x:1", "--status", "H:jobs:1"]
        self.assertEqual(self.asks(*words), 1)
        expected = b"H:x:1\tunknown\nH:jobs:1\tqueued\nme\tqueued\n"
        self.assertEqual(self.out.take(), expected)

    def test_json(self) -> None:
        """
        With JSON, a job is an object; how many clients wait is known of uniques.
        """
        self.submits()
        self.works()
        asked = ["--json", "--status", "H:jobs:1", "--status-unique", "me"]
        self.assertEqual(self.asks(*asked), 0)
        told = {"state": "running", "numerator": 5, "denominator": 10}
        self.assertEqual(
            self.out.values(),
            [{"handle": "H:jobs:1"} | told, {"unique": "me", "clients": 0} | told],
        )
        self.assertEqual(self.asks("--json", "--status", "H:x:1"), 1)
        told = {"state": "unknown", "numerator": 0, "denominator": 0}
        self.assertEqual(self.out.values(), [{"handle": "H:x:1"} | told])

    def test_notAsked(self) -> None:
        """
        What is no handle or unique is refused, and not asked for.
        """
        for words in ["--status", "x" * 64], ["--status-unique", ""]:
            running = Deferred.fromCoroutine(ask(self.client(), options(*words)))
            self.pump.failure(running, ValueError)
