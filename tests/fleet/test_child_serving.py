"""
Tests for L{txgearman.fleet.serving} and L{txgearman.fleet.observing}: a worker that
reports, and that ends in order.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from tests.worker.stage import (
    Line,
    Said,
    WorkerTestCase,
    canDo,
    complete,
    exception,
    retry,
)
from txgearman.fleet.observing import Watched, functionsOf
from txgearman.fleet.reporting import Reporter
from txgearman.fleet.serving import Serving
from txgearman.worker.ending import whenOver
from txgearman.worker.job import RunningJob
from txgearman.worker.running import Place
from txgearman.worker.worker import Worker

DRAINING = ("draining",)


class Reports(Reporter):
    """
    Reports that are kept.

    @ivar said: what is reported.
    """

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []

    def ready(self, functions: Any) -> None:
        self.said.append(("ready", *functions))

    def began(self, handle: bytes, function: str) -> None:
        self.said.append(("began", handle, function))

    def ended(self, handle: bytes, jobs: int) -> None:
        self.said.append(("ended", handle, jobs))

    def draining(self) -> None:
        self.said.append(DRAINING)

    def takes(self) -> list[tuple[Any, ...]]:
        """
        Take what was reported since the last time.
        """
        said, self.said = self.said, []
        return said


class Errand(Place[bytes]):
    """
    A function that runs elsewhere, until the test ends its jobs.
    """

    def __init__(self) -> None:
        self.jobs: list[RunningJob[bytes]] = []
        self.done: list[Deferred[bytes | None]] = []
        self.stopped = 0

    def runner(self, reactor: Any, concurrency: int) -> Errand:
        return self

    def run(self, job: RunningJob[bytes]) -> Deferred[bytes | None]:
        self.jobs.append(job)
        self.done.append(Deferred())
        return self.done[-1]

    def stop(self) -> None:
        self.stopped += 1

    def ends(self, result: Any = b"ok") -> None:
        """
        End the job that began first.
        """
        self.done.pop(0).callback(result)


class ServingTestCase(WorkerTestCase):
    """
    A test with a child that does C{f}, elsewhere.
    """

    def setUp(self) -> None:
        super().setUp()
        self.reports = Reports()
        self.errand = Errand()

    def serves(self, **options: Any) -> Serving:
        """
        Start a child with a worker that does C{f}.
        """
        worker = self.worker()
        worker.register("f", self.errand)
        return self.begins(worker, **options)

    def begins(self, worker: Worker[Any], **options: Any) -> Serving:
        """
        Start a child.
        """
        serving = Serving(self.clock, worker, self.reports, **options)
        serving.start()
        self.clock.advance(0)
        return serving

    @property
    def line(self) -> Line:
        return self.server.line

    def heard(self) -> list[Said]:
        """
        Take what the server hears by the end of the turn.
        """
        self.clock.advance(0)
        return self.line.hears()

    def overs(self, serving: Serving) -> None:
        """
        It is over, and disconnected.
        """
        self.clock.pump([0, 0])
        self.successResultOf(serving.whenOver())
        self.assertTrue(self.line.gone)


class ReportTests(ServingTestCase):
    """
    Tests of what is reported.
    """

    def test_job(self) -> None:
        """
        The begin and the end of each job are reported, and how many there were.
        """
        self.serves()
        self.assertEqual(self.reports.takes(), [("ready", "f")])
        for number in 1, 2:
            handle = b"H:%d" % number
            self.line.assigns(handle)
            self.assertEqual(self.reports.takes(), [("began", handle, "f")])
            self.errand.ends()
            self.assertEqual(self.reports.takes(), [("ended", handle, number)])
            self.assertIn(complete(handle, b"ok"), self.heard())

    def test_atOnce(self) -> None:
        """
        So are those of jobs that are over at once, or fail.
        """

        def fail(job: RunningJob[bytes]) -> None:
            raise LookupError("no")

        worker = self.worker()
        worker.register("f", lambda job: job.data)
        worker.register("g", fail)
        self.begins(worker)
        self.reports.takes()
        with self.warns("LookupError"):
            self.line.assigns(b"H:1", b"g")
        self.line.assigns(b"H:2", b"f", b"x")
        heard = self.heard()
        self.assertIn(exception(b"H:1", b"no"), heard)
        self.assertIn(complete(b"H:2", b"x"), heard)
        self.assertEqual(
            self.reports.takes(),
            [
                ("began", b"H:1", "g"),
                ("ended", b"H:1", 1),
                ("began", b"H:2", "f"),
                ("ended", b"H:2", 2),
            ],
        )

    def test_failing(self) -> None:
        """
        A job that fails later is reported, and its client is told why.
        """
        self.serves()
        self.line.assigns(b"H:1")
        with self.warns("LookupError"):
            self.errand.ends(Failure(LookupError("no")))
        self.assertIn(exception(b"H:1", b"no"), self.heard())
        self.assertEqual(self.reports.takes()[-1], ("ended", b"H:1", 1))

    def test_ready(self) -> None:
        """
        It is ready when each function is with a server, whatever connection it has,
        and says so once.
        """
        worker = self.worker(namespace="shop-")
        worker.register("f", self.errand)
        worker.register("g", self.errand, timeout=5)
        self.server.up = False
        self.begins(worker)
        self.assertEqual(self.reports.takes(), [])
        self.server.up = True
        self.clock.advance(retry(1))
        self.clock.advance(0)
        self.assertEqual(self.reports.takes(), [("ready", "shop-f", "shop-g")])
        self.line.drops()
        self.clock.advance(retry(1))
        self.clock.advance(0)
        self.assertEqual(self.reports.takes(), [])

    def test_watched(self) -> None:
        """
        A function is watched wherever it runs, with the options it has, and what
        runs it is stopped in the end.
        """
        worker = self.worker()
        worker.register("f", self.errand, timeout=7)
        serving = self.begins(worker)
        self.assertIn(("CAN_DO_TIMEOUT", b"f", b"7000"), self.line.hears())
        self.line.assigns(b"H:1")
        self.errand.ends()
        serving.stop()
        self.line.refuses()
        self.overs(serving)
        self.assertEqual(self.errand.stopped, 1)

    def test_functions(self) -> None:
        """
        What a worker can do has the names that it has on the wire.
        """
        worker = self.worker(namespace="shop-")
        worker.register("f", self.errand)
        worker.register(b"\xff", self.errand)
        self.assertEqual(functionsOf(worker), ["shop-f", "shop-\udcff"])

    def test_raises(self) -> None:
        """
        A runner that raises has ended its job.
        """

        class Raising(Errand):
            def run(self, job: RunningJob[bytes]) -> Deferred[bytes | None]:
                raise LookupError("no")

        seen: list[str] = []

        class Watcher:
            def served(self, functions: list[str]) -> None:
                seen.append("served")

            def began(self, job: RunningJob[Any]) -> None:
                seen.append("began")

            def ended(self, job: RunningJob[Any]) -> None:
                seen.append("ended")

        runner = Watched(Raising(), Watcher()).runner(self.clock, 1)
        job: Any = object()
        self.assertRaises(LookupError, runner.run, job)
        self.assertEqual(seen, ["began", "ended"])


class EndTests(ServingTestCase):
    """
    Tests of how it ends.
    """

    def test_idle(self) -> None:
        """
        Without jobs it ends at once, when the server has said that there is none.
        """
        serving = self.serves()
        self.line.refuses()
        self.reports.takes()
        stopped = serving.stop()
        self.assertEqual(self.reports.takes(), [DRAINING])
        self.overs(serving)
        self.successResultOf(stopped)
        self.assertFalse(serving.gaveUp)
        self.successResultOf(serving.stop())

    def test_drain(self) -> None:
        """
        It takes no more jobs, and the one that runs ends well.
        """
        serving = self.serves()
        self.line.assigns(b"H:1")
        self.line.hears()
        serving.stop()
        self.assertNoResult(serving.whenOver())
        self.errand.ends()
        self.assertEqual(self.heard(), [complete(b"H:1", b"ok")])
        self.overs(serving)
        self.assertFalse(serving.gaveUp)

    def test_away(self) -> None:
        """
        It ends also when it never found a server.
        """
        self.server.up = False
        serving = self.serves()
        serving.stop()
        self.clock.pump([0, 0])
        self.successResultOf(serving.whenOver())

    def test_giveUp(self) -> None:
        """
        A job that takes too long is given back to the servers.
        """
        serving = self.serves(stopTimeout=3.0)
        self.line.assigns(b"H:1")
        self.line.hears()
        serving.stop()
        self.clock.advance(2.9)
        self.assertFalse(serving.gaveUp)
        with self.warns("given up"):
            self.clock.advance(0.1)
        self.overs(serving)
        self.assertTrue(serving.gaveUp)
        self.assertEqual(self.line.hears(), [])

    def test_giveUpAtOnce(self) -> None:
        """
        That holds also for a job in a thread, which does not notice.
        """
        worker = self.worker()
        thread: Deferred[bytes | None] = Deferred()
        self.patch(self.errand, "run", lambda job: whenOver(thread))
        worker.register("f", self.errand)
        serving = self.begins(worker, stopTimeout=3.0)
        self.line.assigns(b"H:1")
        serving.stop()
        with self.logs(LogLevel.warn) as lines:
            self.clock.advance(3)
        self.assertIn("given up", lines[0])
        self.overs(serving)
        self.assertTrue(serving.gaveUp)

    def test_blocking(self) -> None:
        """
        A job that does not let the reactor run is the last one, if a signal comes
        meanwhile.
        """
        worker = self.worker()
        serving = Serving(self.clock, worker, self.reports)

        def block(job: RunningJob[bytes]) -> bytes:
            serving.ask()
            return b"ok"

        worker.register("f", block)
        serving.start()
        self.clock.advance(0)
        self.line.hears()
        self.line.assigns(b"H:1")
        self.assertEqual(self.heard(), [complete(b"H:1", b"ok")])
        self.overs(serving)
        self.assertEqual(self.reports.said[-1], DRAINING)

    def test_enough(self) -> None:
        """
        After so many jobs it ends by itself, and takes no other one.
        """
        serving = self.serves(maxJobs=2)
        self.line.assigns(b"H:1")
        self.errand.ends()
        self.assertIn(("GRAB_JOB_ALL",), self.heard())
        self.line.assigns(b"H:2")
        self.assertIn(DRAINING, self.reports.takes())
        self.errand.ends()
        self.assertEqual(self.heard(), [complete(b"H:2", b"ok")])
        self.assertEqual(self.reports.takes(), [("ended", b"H:2", 2)])
        self.overs(serving)

    def test_enoughAtOnce(self) -> None:
        """
        The same with jobs that are over at once.
        """
        worker = self.worker()
        worker.register("f", lambda job: job.data)
        serving = self.begins(worker, maxJobs=1)
        self.line.hears()
        self.line.assigns(b"H:1", data=b"x")
        self.assertEqual(self.heard(), [complete(b"H:1", b"x")])
        self.overs(serving)

    def test_enoughThenStop(self) -> None:
        """
        A signal while the last job runs changes nothing but how long it may.
        """
        serving = self.serves(maxJobs=1, stopTimeout=3.0)
        self.line.assigns(b"H:1")
        self.clock.advance(60)
        self.assertFalse(serving.gaveUp)
        serving.stop()
        self.assertEqual(self.reports.said.count(DRAINING), 1)
        with self.warns("given up"):
            self.clock.advance(3)
        self.overs(serving)
        self.assertTrue(serving.gaveUp)

    def test_canDo(self) -> None:
        """
        It says what it can do as any worker.
        """
        self.serves()
        self.assertEqual(self.line.hears()[0], canDo(b"f"))
