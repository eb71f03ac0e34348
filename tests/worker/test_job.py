"""
A running job reports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel

from tests.worker.stage import (
    Line,
    Said,
    WorkerTestCase,
    complete,
    exception,
    fail,
)
from txgearman.worker.job import RunningJob

Job = RunningJob[Any]

H = b"H:1"
ENDS: list[tuple[Callable[[Job], None], Said]] = [
    (lambda job: job.complete(b"done"), complete(H, b"done")),
    (lambda job: job.complete(None), complete(H)),
    (lambda job: job.fail(), fail(H)),
    (lambda job: job.exception("wörse"), exception(H, "wörse".encode())),
    (lambda job: job.exception(b"\xff"), exception(H, b"\xff")),
]
"""Ways to end a job, and what the server hears of each."""

REPORTS: list[tuple[Callable[[Job], None], Said]] = [
    (lambda job: job.sendData(b"part"), ("WORK_DATA", H, b"part")),
    (lambda job: job.sendWarning(b"hm"), ("WORK_WARNING", H, b"hm")),
    (lambda job: job.sendStatus(1, 2), ("WORK_STATUS", H, b"1", b"2")),
]
"""The same for reports on the way."""


class ReportingTests(WorkerTestCase):
    """
    What a server hears of a job.
    """

    def job(self) -> tuple[Job, Line, Deferred[bytes]]:
        """
        @return: a running job, the line to its server, which has heard of
            nothing yet, and the function's result.
        """
        worker = self.worker()
        jobs: list[Job] = []
        result: Deferred[bytes] = Deferred()

        def function(job: Job) -> Deferred[bytes]:
            jobs.append(job)
            return result

        worker.register("f", function)
        line = self.starts(worker)
        line.assigns(H, b"f", b"work", b"u", b"r")
        line.hears()
        return jobs[0], line, result

    def test_attributes(self) -> None:
        """
        A job knows what it was assigned with.
        """
        job, _, result = self.job()
        self.assertEqual(
            ("f", H, b"u", "r", b"work", False, False),
            (
                job.function,
                job.handle,
                job.unique,
                job.reducer,
                job.data,
                job.lost,
                job.over,
            ),
        )
        self.assertEqual("<RunningJob f H:1>", repr(job))
        result.callback(b"")

    def test_namespace(self) -> None:
        """
        Neither its function nor its reducer has the worker's namespace; a reducer
        that never had it stays as it is.
        """
        jobs: list[RunningJob[bytes]] = []
        worker = self.worker(namespace="ns:")
        worker.register("f", lambda job: jobs.append(job))
        line = self.starts(worker)
        for reducer in b"ns:join", b"join", b"":
            line.assigns(H, b"ns:f", b"", b"", reducer)
        self.assertEqual(["f", "f", "f"], [job.function for job in jobs])
        self.assertEqual(["join", "join", ""], [job.reducer for job in jobs])

    def test_reports(self) -> None:
        """
        Each report is one packet, as often as it is made.
        """
        job, line, result = self.job()
        for report, said in REPORTS:
            report(job)
            report(job)
            self.assertEqual([said, said], line.hears())
        result.callback(b"")

    def test_once(self) -> None:
        """
        A job ends once: after that nothing more is sent.
        """
        for end, said in ENDS:
            job, line, result = self.job()
            end(job)
            self.assertTrue(job.over)
            self.assertEqual([said], line.hears())
            for more, _ in ENDS + REPORTS:
                more(job)
            self.assertEqual([], line.hears())
            result.callback(b"late")
            self.assertNotIn(complete(H, b"late"), line.hears())

    def test_lost(self) -> None:
        """
        Nothing is sent for a job whose server is lost, also not when it is there
        again; the end is logged as a warning.
        """
        for end, _ in ENDS:
            job, line, result = self.job()
            line.drops()
            self.assertTrue(job.lost)
            self.clock.advance(5)
            self.clock.advance(0)
            again = self.server.line
            self.assertIsNot(line, again)
            again.hears()
            for report, _ in REPORTS:
                report(job)
            with self.warns("H:1> ended, but its server is lost"):
                end(job)
                end(job)
            self.assertEqual([], line.hears() + again.hears())
            result.callback(b"")

    def test_wrongValue(self) -> None:
        """
        A value that cannot be encoded raises where it is given, ends nothing and
        sends nothing.
        """
        job, line, result = self.job()
        for send in (job.sendData, job.sendWarning, job.complete):
            with self.assertRaises(TypeError):
                send("text")
        self.assertFalse(job.over)
        self.assertEqual([], line.hears())
        result.callback(b"")

    def test_tooLarge(self) -> None:
        """
        What does not fit in a packet is not sent: the function hears of it, and a
        result becomes an exception. A reason that does not fit is cut.
        """
        raised: list[str] = []

        def large(job: Job) -> bytes:
            for send in (job.sendData, job.sendWarning, job.complete):
                try:
                    send(b"x" * 97)
                except ValueError as error:
                    raised.append(str(error))
            job.sendData(b"y" * 96)
            return b"x" * 97

        def excuses(job: Job) -> None:
            job.exception("x" * 1000)

        worker = self.worker(maxPacket=100)
        worker.register("f", large)
        line = self.starts(worker)
        line.hears()
        line.assigns(H)
        text = "97 bytes are more than a packet may have: 96"
        self.assertEqual([text] * 3, raised)
        said = [("WORK_DATA", H, b"y" * 96), exception(H, text.encode())]
        self.assertEqual(said, line.hears()[:2])
        worker.register("f", excuses)
        line.assigns(H)
        self.assertIn(exception(H, b"x" * 96), line.hears())

    def test_tooLargeJob(self) -> None:
        """
        A job that is larger than a packet may be is not taken.
        """
        for size, taken in ((100, True), (101, False)):
            worker = self.worker(maxPacket=100)
            worker.register("f", lambda job: b"done")
            line = self.starts(worker)
            line.hears()
            data = b"x" * (size - len(b"H:1 f   "))
            with self.logs(LogLevel.error) as said:
                line.assigns(H, b"f", data)
                self.clock.advance(0)
            self.assertEqual(taken, complete(H, b"done") in line.hears())
            self.assertEqual(taken, not line.gone)
            self.assertEqual(taken, not said)
            self.stops(worker)
