"""
Tests for L{txgearman.client.job}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.client.stage import now
from txgearman.client.job import (
    IJobListener,
    JobData,
    JobProgress,
    JobWarning,
    RemoteJob,
)
from txgearman.client.protocol import JobStatus
from txgearman.codecs import JSON
from txgearman.errors import JobFailed

STATUS = JobStatus(True, True, 1, 2)


@implementer(IJobListener)
class Listener:
    """
    Writes down what it hears.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def dataReceived(self, job: RemoteJob[Any], data: Any) -> None:
        """
        Note it.
        """
        self.heard.append((job, "data", data))

    def warningReceived(self, job: RemoteJob[Any], data: Any) -> None:
        """
        Note it.
        """
        self.heard.append((job, "warning", data))

    def statusReceived(
        self, job: RemoteJob[Any], numerator: int, denominator: int
    ) -> None:
        """
        Note it.
        """
        self.heard.append((job, "status", numerator, denominator))


async def events(job: RemoteJob[Any], into: list[object]) -> None:
    """
    Gather all of a job's events.
    """
    async for event in job:
        into.append(event)


class ProgressTests(SynchronousTestCase):
    """
    How far a job is.
    """

    def test_fraction(self) -> None:
        """
        Whatever a worker reports, a fraction is between 0 and 1.
        """
        for numerator, denominator, fraction in [
            (1, 4, 0.25),
            (4, 4, 1.0),
            (5, 4, 1.0),
            (-1, 4, 0.0),
            (1, 0, 0.0),
            (1, -2, 0.0),
        ]:
            progress = JobProgress(numerator, denominator)
            self.assertEqual(progress.fraction, fraction)


class RemoteJobTests(SynchronousTestCase):
    """
    A job whose data is JSON.
    """

    def setUp(self) -> None:
        self.job: RemoteJob[Any] = RemoteJob(
            "f", b"u", False, JSON, lambda job: succeed(STATUS)
        )

    def happens(self) -> None:
        """
        One event of each kind.
        """
        self.job.happened(JobData(b"[1]"))
        self.job.happened(JobWarning(b'"w"'))
        self.job.happened(JobProgress(1, 2))

    def fails(self) -> None:
        """
        End without a result.
        """
        self.job.failed(Failure(JobFailed(handle=b"H:1")))

    def test_shown(self) -> None:
        """
        A job shows its function and, once it has one, its handle.
        """
        self.assertEqual(repr(self.job), "<RemoteJob f not submitted>")
        self.job.submitted(b"H:\xff", "here")
        self.assertEqual(repr(self.job), "<RemoteJob f H:\\xff>")
        self.assertEqual(self.job.server, "here")

    def test_whenDone(self) -> None:
        """
        Each caller has the result for itself, before and after the end.
        """
        callers = [self.job.whenDone(), self.job.whenDone()]
        callers[0].addCallback(lambda result: None)
        self.assertFalse(self.job.done)
        self.job.completed(b"[2]")
        self.assertTrue(self.job.done)
        callers.append(self.job.whenDone())
        self.assertEqual([now(caller) for caller in callers], [None, [2], [2]])

    def test_empty(self) -> None:
        """
        A result may be nothing at all.
        """
        self.job.completed(b"")
        self.assertTrue(self.job.done)
        self.assertIsNone(now(self.job.whenDone()))

    def test_failed(self) -> None:
        """
        Each caller hears for itself how it failed, and it can be raised.
        """
        before = self.job.whenDone()
        self.fails()
        for caller in (before, self.job.whenDone()):
            self.assertRaises(JobFailed, now, caller)
        failure = self.job.failure
        assert failure is not None
        self.assertRaises(JobFailed, failure.raiseException)

    def test_once(self) -> None:
        """
        A job ends once, whatever comes later.
        """
        self.job.completed(b"1")
        self.fails()
        self.job.completed(b"2")
        self.assertEqual(now(self.job.whenDone()), 1)

    def test_undecodable(self) -> None:
        """
        A result that the codec cannot decode fails with what the codec raised.
        """
        self.job.completed(b"{")
        self.assertRaises(ValueError, now, self.job.whenDone())

    def test_cancelled(self) -> None:
        """
        Who stops waiting does nothing to the job or to others.
        """
        one, two = self.job.whenDone(), self.job.whenDone()
        one.cancel()
        self.assertRaises(CancelledError, now, one)
        self.assertFalse(self.job.done)
        self.job.completed(b"1")
        self.assertEqual(now(two), 1)

    def test_status(self) -> None:
        """
        A job knows how to ask about itself.
        """
        self.assertIs(now(self.job.status()), STATUS)

    def test_togetherGivenUp(self) -> None:
        """
        Who hears how it ended may make another give up who waits for the same.
        """
        ends: list[Callable[[], object]] = [self.fails]
        ends.append(lambda: self.job.completed(b"1"))
        for end in ends:
            self.setUp()
            one, two = [self.job.whenDone() for _ in range(2)]
            one.addBoth(lambda _: two.cancel())  # noqa: B023 # it is called here
            end()
            self.assertIsNone(now(one))
            self.assertRaises(CancelledError, now, two)

    def test_onlyDone(self) -> None:
        """
        Who waits for nothing else forgets the job by giving up.
        """
        done = self.job.onlyDone()
        self.job.completed(b"1")
        self.assertEqual(now(done), 1)
        self.setUp()
        done, other = self.job.onlyDone(), self.job.whenDone()
        done.cancel()
        for each in (done, other):
            self.assertRaises(CancelledError, now, each)
        self.assertTrue(self.job.done)

    def test_whenSubmitted(self) -> None:
        """
        Who waits for a server to have it is told once: then, or how it ended
        before, or at once when it has ended.
        """
        told: list[Failure | None] = []
        self.job.whenSubmitted(told.append)
        self.job.submitted(b"H:1", "here")
        self.job.submitted(b"H:2", "there")
        self.fails()
        self.assertEqual(told, [None])
        self.setUp()
        self.job.whenSubmitted(told.append)
        self.fails()
        self.job.whenSubmitted(told.append)
        self.assertEqual(told, [None, self.job.failure, self.job.failure])

    def test_whenEnded(self) -> None:
        """
        What is to be done at the end is done once, before the result is given
        out, or at once after it.
        """
        ended: list[bool] = []
        done = self.job.whenDone()
        self.job.whenEnded(lambda: ended.append(done.called))
        self.assertEqual(ended, [])
        self.job.completed(b"1")
        self.assertEqual(ended, [False])
        self.job.whenEnded(lambda: ended.append(done.called))
        self.assertEqual(ended, [False, True])

    def test_listener(self) -> None:
        """
        A listener hears everything, decoded.
        """
        listener = Listener()
        verifyObject(IJobListener, listener)
        self.job.addListener(listener)
        self.happens()
        self.assertEqual(
            listener.heard,
            [
                (self.job, "data", [1]),
                (self.job, "warning", "w"),
                (self.job, "status", 1, 2),
            ],
        )
        self.assertEqual(self.job.progress, JobProgress(1, 2))

    def test_calls(self) -> None:
        """
        A plain function hears its kind of event and no other.
        """
        data: list[object] = []
        warnings: list[object] = []
        progress: list[object] = []
        self.job.onData(data.append)
        self.job.onWarning(warnings.append)
        self.job.onStatus(lambda *numbers: progress.append(numbers))
        self.happens()
        self.assertEqual((data, warnings, progress), ([[1]], ["w"], [(1, 2)]))

    def test_listenerFails(self) -> None:
        """
        The error of a listener is logged, and others hear the event all the
        same.
        """
        heard: list[object] = []
        self.job.onData(lambda data: data["no such thing"])
        self.job.onData(heard.append)
        self.job.happened(JobData(b"[1]"))
        self.assertEqual(heard, [[1]])
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_eventUndecodable(self) -> None:
        """
        An event that cannot be decoded is logged, and the job goes on.
        """
        heard: list[object] = []
        self.job.onData(heard.append)
        self.job.happened(JobData(b"{"))
        self.job.happened(JobData(b"2"))
        self.assertEqual(heard, [2])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def iterates(self) -> tuple[list[object], Deferred[None]]:
        """
        Iterate over the job.

        @return: the events, and when they end.
        """
        into: list[object] = []
        return into, Deferred.fromCoroutine(events(self.job, into))

    def test_iteration(self) -> None:
        """
        Iterating gives the events from then on, to each who iterates, and ends
        with the job.
        """
        one, oneEnds = self.iterates()
        self.job.happened(JobData(b"0"))
        two, twoEnds = self.iterates()
        self.happens()
        self.assertNoResult(oneEnds)
        self.job.completed(b"3")
        self.job.happened(JobData(b"1"))
        later = [JobData([1]), JobWarning("w"), JobProgress(1, 2)]
        self.assertEqual((one, two), ([JobData(0), *later], later))
        self.assertEqual((now(oneEnds), now(twoEnds)), (None, None))

    def test_iterationEnds(self) -> None:
        """
        Iterating ends when the job is completed, and has nothing to give
        afterwards.
        """
        _, ends = self.iterates()
        self.job.completed(b"1")
        self.assertIsNone(now(ends))
        into, ends = self.iterates()
        self.assertIsNone(now(ends))
        self.assertEqual(into, [])

    def test_iterationFails(self) -> None:
        """
        Iterating raises what the job failed with, behind its last event.
        """
        into, ends = self.iterates()
        self.happens()
        self.fails()
        self.assertRaises(JobFailed, now, ends)
        self.assertEqual(len(into), 3)
        self.assertRaises(JobFailed, now, self.iterates()[1])

    def test_iterationBusy(self) -> None:
        """
        Events that come while the last one is dealt with are kept.
        """
        into: list[object] = []
        busy: Deferred[None] = Deferred()

        async def slowly() -> None:
            async for event in self.job:
                into.append(event)
                await busy

        ends = Deferred.fromCoroutine(slowly())
        self.happens()
        self.job.completed(b"1")
        self.assertEqual(into, [JobData([1])])
        busy.callback(None)
        self.assertEqual(len(into), 3)
        self.assertIsNone(now(ends))

    def test_iterationSlow(self) -> None:
        """
        Who cannot keep up gets all data and warnings, but of progress that
        follows upon progress only the newest.
        """
        into: list[object] = []
        busy: Deferred[None] = Deferred()

        async def slowly() -> None:
            async for event in self.job:
                into.append(event)
                await busy

        ends = Deferred.fromCoroutine(slowly())
        self.job.happened(JobData(b"0"))
        for number in range(1000):
            self.job.happened(JobProgress(number, 1000))
        self.job.happened(JobData(b"1"))
        self.job.happened(JobData(b"2"))
        self.job.happened(JobProgress(1000, 1000))
        self.job.completed(b"3")
        busy.callback(None)
        self.assertIsNone(now(ends))
        progress = [JobProgress(999, 1000), JobProgress(1000, 1000)]
        self.assertEqual(
            into, [JobData(0), progress[0], JobData(1), JobData(2), progress[1]]
        )

    def test_iterationLeft(self) -> None:
        """
        Who leaves the iteration gets nothing more, and is in nobody's way.
        """

        async def first() -> object:
            iteration = aiter(self.job)
            event = await anext(iteration)
            await iteration.aclose()  # type: ignore[attr-defined]
            return event

        left = Deferred.fromCoroutine(first())
        self.happens()
        self.assertEqual(now(left), JobData([1]))
        self.job.completed(b"1")
