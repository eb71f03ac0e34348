"""
Jobs that are tried again.
"""

from __future__ import annotations

import random
from typing import Any

from tests.board.stage import (
    NOT_FOUND,
    Actor,
    BoardTestCase,
    Stage,
    complete,
    exception,
    fail,
    progress,
)
from txgearman.board.job import Job, JobState


def fails(stage: Stage, worker: Actor, job: Job) -> None:
    """
    An attempt fails.
    """
    worker.fails(job)


def throws(stage: Stage, worker: Actor, job: Job) -> None:
    """
    An attempt ends with an exception.
    """
    worker.throws(job, b"bang")


def isTooSlow(stage: Stage, worker: Actor, job: Job) -> None:
    """
    An attempt takes too long.
    """
    stage.passes(10.0)


def isLost(stage: Stage, worker: Actor, job: Job) -> None:
    """
    An attempt's worker is lost.
    """
    worker.leaves()


CAUSES = {"fail": fails, "exception": throws, "timeout": isTooSlow, "lost": isLost}


class CausesTests(BoardTestCase):
    """
    What a job is tried again after.
    """

    def isTriedAgain(self, cause: str, background: bool, **values: Any) -> bool:
        """
        Let one attempt end.

        @return: whether there is to be another one.
        """
        stage = self.stage()
        stage.rules(timeout=10, **values)
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits(background=background)
        assert worker.takes() is job
        CAUSES[cause](stage, worker, job)
        stage.census()
        again = job.handle in stage.board.jobs
        self.assertEqual(job.state is JobState.QUEUED, again)
        ends = [exception(job, b"bang"), fail(job)]
        heard = client.hears()
        self.assertTrue(heard == [] if background or again else heard[0] in ends)
        self.assertEqual(len(heard), int(not background and not again))
        return again

    def test_default(self) -> None:
        """
        By default a job is tried again when its worker was lost or too slow, and not
        when that reported a failure, as with gearmand.
        """
        for background in (True, False):
            for cause in CAUSES:
                again = self.isTriedAgain(cause, background)
                self.assertIs(again, cause in ("timeout", "lost"), cause)

    def test_attempts(self) -> None:
        """
        Where attempts are set, background jobs are tried again after everything.
        """
        for cause in CAUSES:
            self.assertTrue(self.isTriedAgain(cause, True, attempts=2), cause)

    def test_each(self) -> None:
        """
        Each cause is switched on and off alone.
        """
        for on in CAUSES:
            for cause in CAUSES:
                again = self.isTriedAgain(cause, True, attempts=2, retry_on=on)
                self.assertIs(again, cause == on, (cause, on))
        for cause in CAUSES:
            self.assertFalse(self.isTriedAgain(cause, True, retry_on=""), cause)

    def test_foreground(self) -> None:
        """
        What a worker reports ends a job in the foreground, unless it is decided that
        such are tried again, too.
        """
        for cause in CAUSES:
            again = self.isTriedAgain(cause, False, attempts=2)
            self.assertIs(again, cause in ("timeout", "lost"), cause)
            again = self.isTriedAgain(cause, False, attempts=2, retry_foreground=True)
            self.assertTrue(again, cause)

    def test_spent(self) -> None:
        """
        The last attempt is the last, whatever it ends with.
        """
        for cause in CAUSES:
            for background in (True, False):
                again = self.isTriedAgain(
                    cause, background, attempts=1, retry_foreground=True
                )
                self.assertFalse(again, cause)


class AttemptsTests(BoardTestCase):
    """
    How often a job is tried.
    """

    def test_count(self) -> None:
        """
        A job is granted as often as there are attempts, and then it is over; one that
        is completed in the last is completed.
        """
        for good in (False, True):
            stage = self.stage()
            stage.rules(attempts=5, retry_foreground=True)
            client, worker = stage.client(), stage.worker(b"f")
            job = client.submits()
            for attempt in range(1, 5):
                self.assertIs(worker.takes(), job)
                self.assertEqual(job.attempts, attempt)
                worker.fails(job)
                self.assertEqual(job.error, b"failed")
                self.assertEqual(client.hears(), [])
            self.assertIs(worker.takes(), job)
            if good:
                worker.completes(job, b"at last")
                self.assertEqual(client.hears(), [complete(job, b"at last")])
            else:
                worker.fails(job)
                self.assertEqual(client.hears(), [fail(job)])
            self.assertIsNone(worker.grabs())
            self.assertEmpty(stage)

    def test_tail(self) -> None:
        """
        A job that is tried again waits behind all others of its priority.
        """
        stage = self.stage()
        stage.rules(attempts=2)
        client, worker = stage.client(), stage.worker(b"f")
        first = client.submits(background=True)
        second = client.submits(background=True)
        worker.takes()
        worker.fails(first)
        self.assertEqual(worker.takesAll(), [second, first])

    def test_wakes(self) -> None:
        """
        A sleeper is woken for it.
        """
        stage = self.stage()
        stage.rules(attempts=2)
        stage.client().submits(background=True)
        worker = stage.worker(b"f")
        job = worker.takes()
        sleeper = stage.sleeper(b"f")
        worker.fails(job)
        self.assertEqual(sleeper.hears(), [("NOOP",)])

    def test_progress(self) -> None:
        """
        A new attempt begins without progress, and what the last said of it was told.
        """
        stage = self.stage()
        stage.rules(attempts=2, retry_foreground=True)
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        worker.tells(job, b"3", b"4")
        self.assertEqual((job.numerator, job.denominator), (3, 4))
        worker.fails(job)
        self.assertEqual((job.numerator, job.denominator), (0, 0))
        self.assertEqual(client.hears(), [progress(job, b"3", b"4")])

    def test_nobodyWants(self) -> None:
        """
        A job that nobody waits for any more is not tried again.
        """
        stage = self.stage()
        stage.rules(attempts=9, retry_foreground=True)
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        client.leaves()
        worker.fails(job)
        self.assertIs(job.state, JobState.FAILED)
        self.assertEmpty(stage)

    def test_allHear(self) -> None:
        """
        All clients of a job hear of the end of its last attempt, and of none before.
        """
        stage = self.stage()
        stage.rules(attempts=2, retry_foreground=True)
        clients = [stage.client() for _ in range(3)]
        worker = stage.worker(b"f")
        job = clients[0].submits(unique=b"u")
        clients[1].submits(unique=b"u")
        worker.fails(worker.takes())
        clients[2].submits(unique=b"u")
        self.assertHear(clients)
        worker.fails(worker.takes())
        self.assertHear(clients, fail(job))

    def test_joined(self) -> None:
        """
        A foreground job that somebody wants in the background as well is tried again.
        """
        stage = self.stage()
        stage.rules(attempts=2)
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits(unique=b"u")
        client.submits(unique=b"u", background=True)
        worker.fails(worker.takes())
        self.assertIs(job.state, JobState.QUEUED)
        worker.fails(worker.takes())
        self.assertEqual(client.hears(), [fail(job)])
        self.assertIs(job.state, JobState.DEAD)

    def test_drain(self) -> None:
        """
        A server that ends waits for attempts, and not for those to come.
        """
        stage = self.stage()
        stage.rules(attempts=2)
        worker = stage.worker(b"f")
        stage.client().submits(background=True)
        job = worker.takes()
        idle: list[str] = []
        stage.board.drain(lambda: idle.append("idle"))
        worker.fails(job)
        self.assertEqual((idle, worker.grabs()), (["idle"], None))


class ExceptionTests(BoardTestCase):
    """
    Attempts that end with an exception.
    """

    def test_clients(self) -> None:
        """
        Clients hear nothing of an exception that is not the last; of the last they
        hear what they asked to hear.
        """
        stage = self.stage()
        stage.rules(attempts=2, retry_foreground=True)
        curious, other, worker = stage.client(), stage.client(), stage.worker(b"f")
        curious.peer.setOption(b"exceptions")
        job = curious.submits(unique=b"u")
        other.submits(unique=b"u")
        worker.throws(worker.takes(), b"first")
        self.assertHear([curious, other])
        self.assertEqual(job.error, b"first")
        worker.throws(worker.takes(), b"second")
        self.assertEqual(curious.hears(), [exception(job, b"second")])
        self.assertEqual(other.hears(), [fail(job)])

    def test_failToo(self) -> None:
        """
        A worker that reports a failure after its exception says it of the attempt that
        is over, also when the job runs elsewhere by then.
        """
        stage = self.stage()
        stage.rules(attempts=3)
        first, second = stage.worker(b"f"), stage.worker(b"f")
        job = stage.client().submits(background=True)
        first.takes()
        first.throws(job, b"bang")
        second.takes()
        first.fails(job)
        self.assertIs(job.worker, second.peer)
        second.throws(job, b"bang")
        second.fails(job)
        self.assertEqual((job.state, job.attempts), (JobState.QUEUED, 2))
        self.assertRefused(NOT_FOUND, second.fails, job)

    def test_exceptionOnly(self) -> None:
        """
        A worker that reported an exception and no failure, and grabs the job again,
        says a failure of that attempt.
        """
        stage = self.stage()
        stage.rules(attempts=3)
        worker = stage.worker(b"f")
        job = stage.client().submits(background=True)
        for _ in range(2):
            worker.takes()
            worker.throws(job, b"bang")
        worker.takes()
        worker.fails(job)
        self.assertIs(job.state, JobState.DEAD)
        self.assertEqual(job.error, b"failed")

    def test_long(self) -> None:
        """
        Of a long exception the beginning is remembered.
        """
        stage = self.stage()
        stage.rules(attempts=3)
        worker = stage.worker(b"f")
        job = stage.client().submits(background=True)
        worker.takes()
        worker.throws(job, b"long" * 10_000)
        self.assertTrue(job.error.startswith(b"long"))
        self.assertLess(len(job.error), 5000)


class LateTests(BoardTestCase):
    """
    Workers that report on an attempt that is over.
    """

    def test_late(self) -> None:
        """
        What a worker reports after the time that it has set itself is refused, and
        changes nothing, while the job waits, runs elsewhere, or is over.
        """
        stage = self.stage()
        stage.rules(attempts=2)
        late, second = stage.worker(), stage.worker(b"f")
        late.canDo(b"f", timeout=5.0)
        job = stage.client().submits(background=True)
        late.takes()
        stage.passes(5.0)
        self.assertEqual(job.error, b"timed out")
        for _ in range(3):
            self.assertRefused(NOT_FOUND, late.completes, job)
            self.assertRefused(NOT_FOUND, late.fails, job)
            self.assertRefused(NOT_FOUND, late.tells, job, b"1", b"2")
            if job.state is JobState.QUEUED:
                second.takes()
            elif job.state is JobState.RUNNING:
                self.assertIs(job.worker, second.peer)
                second.completes(job)
        self.assertIs(job.state, JobState.COMPLETED)
        self.assertEmpty(stage)

    def test_unaware(self) -> None:
        """
        Of a time that a policy has set a worker knows nothing: what it reports
        afterwards goes nowhere, until it has told the end, or has the job once more.
        """
        for key in ("timeout", "lease"):
            stage = self.stage()
            stage.rules(attempts=3)
            stage.board.setPolicy(b"*", key, 5.0)
            late, second = stage.worker(b"f"), stage.worker(b"f")
            job = stage.client().submits(background=True)
            late.takes()
            stage.passes(5.0)
            second.takes()
            late.tells(job, b"1", b"2")
            self.assertEqual(job.numerator, 0)
            late.fails(job)
            self.assertIs(job.worker, second.peer)
            self.assertRefused(NOT_FOUND, late.completes, job)
            stage.passes(5.0)
            self.assertIs(second.takes(), job)
            second.completes(job)
            self.assertIs(job.state, JobState.COMPLETED)


class BackoffTests(BoardTestCase):
    """
    Pauses between attempts.
    """

    def pauses(self, count: int, **values: Any) -> list[float]:
        """
        Let attempts fail, and measure the pauses between them.
        """
        stage = self.stage()
        stage.rules(attempts=count + 1, **values)
        worker = stage.worker(b"f")
        job = stage.client().submits(background=True)
        found = []
        for _ in range(count):
            worker.fails(worker.takes())
            pause = job.due - stage.clock.seconds()
            self.assertIs(job.state, JobState.DELAYED)
            self.assertEqual(list(stage.function().delayed), [job])
            worker.sleeps()
            stage.passes(pause - 0.01)
            self.assertEqual(worker.hears(), [])
            self.assertIsNone(worker.grabs())
            worker.sleeps()
            stage.passes(0.01)
            self.assertEqual(worker.hears(), [("NOOP",)])
            found.append(round(pause, 3))
        worker.completes(worker.takes())
        self.assertEmpty(stage)
        return found

    def test_factor(self) -> None:
        """
        Each pause is so many times the one before, up to the longest.
        """
        self.assertEqual(self.pauses(3, backoff_first=2), [2, 4, 8])
        pauses = self.pauses(4, backoff_first=1, backoff_factor=3, backoff_max=20)
        self.assertEqual(pauses, [1, 3, 9, 20])
        self.assertEqual(self.pauses(2, backoff_first=5, backoff_factor=1), [5, 5])

    def test_jitter(self) -> None:
        """
        Chance makes them longer or shorter.
        """
        for chance, pause in ((0.0, 8.0), (0.5, 10.0), (0.75, 11.0)):
            self.patch(random, "random", lambda chance=chance: chance)
            pauses = self.pauses(1, backoff_first=10, backoff_jitter=0.2)
            self.assertEqual(pauses, [pause])

    def test_foreground(self) -> None:
        """
        Jobs of the foreground pause only if it is decided that they are tried again.
        """
        for decided in (False, True):
            stage = self.stage()
            stage.rules(
                attempts=2,
                backoff_first=5,
                retry_foreground=decided,
            )
            client, worker = stage.client(), stage.worker(b"f")
            job = client.submits()
            worker.takes()
            worker.leaves()
            state = JobState.DELAYED if decided else JobState.QUEUED
            self.assertIs(job.state, state)
            stage.passes(5.0)
            worker = stage.worker(b"f")
            worker.completes(worker.takes(), b"r")
            self.assertEqual(client.hears(), [complete(job, b"r")])
            self.assertEmpty(stage)

    def test_others(self) -> None:
        """
        Others go on meanwhile; a job that pauses is cancelled like any other, and so it
        is when its client is lost.
        """
        stage = self.stage()
        stage.rules(attempts=2, backoff_first=5, retry_foreground=True)
        client, worker = stage.client(), stage.worker(b"f")
        first = client.submits()
        worker.fails(worker.takes())
        second = client.submits()
        self.assertIs(worker.takes(), second)
        worker.completes(second)
        self.assertTrue(stage.cancels(first))
        self.assertEqual(client.hears(), [complete(second), fail(first)])
        client.submits()
        worker.fails(worker.takes())
        client.leaves()
        self.assertEmpty(stage)
