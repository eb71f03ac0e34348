"""
Workers report on their jobs.
"""

from __future__ import annotations

from tests.board.stage import (
    NO_JOB_FOR_DATA,
    NO_JOB_FOR_EXCEPTION,
    NOT_FOUND,
    BoardTestCase,
    complete,
    exception,
    fail,
    part,
    progress,
    warning,
)
from txgearman.board.job import JobState


class ForwardTests(BoardTestCase):
    """
    What a worker reports, clients are told.
    """

    def test_story(self) -> None:
        """
        Everybody who waits for a job hears all that its worker says of it, in
        its words and in its order.
        """
        stage = self.stage()
        first, second, other = (stage.client() for _ in range(3))
        worker = stage.worker(b"f")
        job = first.submits(unique=b"u")
        second.submits(unique=b"u")
        other.submits(b"g")
        worker.takes()
        worker.tells(job, b"1", b"3")
        worker.sends(job, b"\0a")
        worker.warns(job, b"hot\n")
        worker.sends(job, b"")
        worker.tells(job, b"3", b"3")
        worker.completes(job, b"done\0")
        self.assertHear(
            [first, second],
            progress(job, b"1", b"3"),
            part(job, b"\0a"),
            warning(job, b"hot\n"),
            part(job, b""),
            progress(job, b"3", b"3"),
            complete(job, b"done\0"),
        )
        self.assertHear([other, worker])

    def test_nobody(self) -> None:
        """
        A background job is reported on like any other, though to nobody.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        for end in (worker.completes, worker.fails, worker.throws):
            job = client.submits(background=True)
            worker.takes()
            worker.tells(job, b"1", b"2")
            worker.sends(job, b"a")
            worker.warns(job, b"b")
            end(job)
        self.assertHear([client, worker])
        self.assertEmpty(stage)

    def test_ends(self) -> None:
        """
        A job whose end was reported is over: its state says how, and it is in no
        count any more.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        for end, state, told in (
            (worker.completes, JobState.COMPLETED, complete),
            (worker.fails, JobState.FAILED, fail),
        ):
            job = client.submits(data=b"w", unique=b"-")
            worker.takes()
            end(job)
            self.assertIs(job.state, state)
            self.assertEqual(client.hears(), [told(job)])
            self.assertEqual(stage.function().total, 0)
            self.assertEmpty(stage)

    def test_manyAtOnce(self) -> None:
        """
        Reports on several jobs of one worker do not mix.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        jobs = [client.submits() for _ in range(3)]
        worker.takesAll()
        for job in jobs:
            worker.sends(job, job.handle)
        worker.fails(jobs[1])
        worker.completes(jobs[2], b"2")
        worker.completes(jobs[0], b"0")
        self.assertEqual(
            client.hears(),
            [
                *(part(job, job.handle) for job in jobs),
                fail(jobs[1]),
                complete(jobs[2], b"2"),
                complete(jobs[0], b"0"),
            ],
        )


class ProgressTests(BoardTestCase):
    """
    Numbers in reports are kept as gearmand keeps them.
    """

    def test_numbers(self) -> None:
        """
        Clients get the words of the worker; who asks the board gets what C's
        C{atoi} makes of them, in 32 bits without a sign.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        for words, number in (
            (b"0", 0),
            (b"7", 7),
            (b"007", 7),
            (b" \t12", 12),
            (b"+5", 5),
            (b"-1", 4294967295),
            (b"-2", 4294967294),
            (b"4294967295", 4294967295),
            (b"4294967296", 0),
            (b"9999999999", 1410065407),
            (b"99999999999", 1215752191),
            (b"0.5", 0),
            (b"3 of 4", 3),
            (b"half", 0),
            (b"", 0),
            (b"9" * 5000, 4294967295),
        ):
            worker.tells(job, words, b"1")
            self.assertEqual((job.numerator, job.denominator), (number, 1), words)
            worker.tells(job, b"2", words)
            self.assertEqual((job.numerator, job.denominator), (2, number), words)
            self.assertEqual(
                client.hears(), [progress(job, words, b"1"), progress(job, b"2", words)]
            )

    def test_nulInside(self) -> None:
        """
        The last argument of a packet may hold NULs, which clients get as well.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        worker.tells(job, b"1", b"2\0003")
        self.assertEqual(client.hears(), [progress(job, b"1", b"2\0003")])
        self.assertEqual((job.numerator, job.denominator), (1, 2))

    def test_forgotten(self) -> None:
        """
        The progress of a worker that was lost says nothing about the next one's.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        worker.tells(job, b"9", b"10")
        worker.leaves()
        self.assertEqual((job.numerator, job.denominator), (0, 0))


class ExceptionTests(BoardTestCase):
    """
    An exception ends a job.
    """

    def test_whoWants(self) -> None:
        """
        Clients that set the option hear of the exception, with its data; others
        hear that the job failed.
        """
        stage = self.stage()
        curious, other = stage.client(), stage.client()
        worker = stage.worker(b"f")
        curious.peer.setOption(b"exceptions")
        job = curious.submits(unique=b"u")
        other.submits(unique=b"u")
        worker.takes()
        worker.throws(job, b"\0bang")
        self.assertHear([curious], exception(job, b"\0bang"))
        self.assertHear([other], fail(job))
        self.assertIs(job.state, JobState.FAILED)
        self.assertEmpty(stage)

    def test_lookedUpLate(self) -> None:
        """
        What counts is what a client wants when the exception comes, not when it
        submitted the job.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        client.peer.setOption(b"exceptions")
        worker.throws(job, b"bang")
        self.assertEqual(client.hears(), [exception(job, b"bang")])

    def test_byDefault(self) -> None:
        """
        The policy may let every client hear of exceptions.
        """
        stage = self.stage(exceptions=True)
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        worker.throws(job, b"bang")
        self.assertEqual(client.hears(), [exception(job, b"bang")])

    def test_failAfterwards(self) -> None:
        """
        A WORK_FAIL for the same job from the same worker only repeats the
        exception: nobody hears of it, and it is no error.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        client.peer.setOption(b"exceptions")
        job = client.submits()
        worker.takes()
        worker.throws(job)
        worker.fails(job)
        self.assertEqual(client.hears(), [exception(job)])
        self.assertEmpty(stage)

    def test_failAfterwardsOnce(self) -> None:
        """
        It repeats itself once; whatever else comes for that job is refused, and
        so is a WORK_FAIL from another worker.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        other = stage.worker(b"f")
        job = client.submits()
        worker.takes()
        worker.throws(job)
        self.assertRefused(NOT_FOUND, other.fails, job)
        self.assertRefused(NOT_FOUND, worker.completes, job)
        self.assertRefused(NO_JOB_FOR_DATA, worker.sends, job)
        self.assertRefused(NO_JOB_FOR_EXCEPTION, worker.throws, job)
        worker.fails(job)
        self.assertRefused(NOT_FOUND, worker.fails, job)

    def test_failLater(self) -> None:
        """
        The WORK_FAIL may come when the worker has gone on to other jobs, which
        it does not touch.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        jobs = [client.submits() for _ in range(20)]
        worker.takesAll()
        for job in jobs[:10]:
            worker.throws(job)
        for job in jobs[:10]:
            worker.fails(job)
        client.hears()
        for job in jobs[10:]:
            worker.fails(job)
        self.assertEqual(client.hears(), [fail(job) for job in jobs[10:]])

    def test_manyWithoutFail(self) -> None:
        """
        A worker that never sends the WORK_FAIL may throw as often as it likes.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        for _ in range(1000):
            job = client.submits()
            worker.takes()
            worker.throws(job)
            self.assertEqual(client.hears(), [fail(job)])
        worker.fails(job)
        self.assertLess(len(worker.peer.failing), 100)
        self.assertEmpty(stage)

    def test_unknown(self) -> None:
        """
        An exception for a job that the worker does not run is refused in words
        of its own, and a WORK_FAIL that follows is refused too.
        """
        stage = self.stage()
        worker = stage.worker(b"f")
        self.assertRefused(NO_JOB_FOR_EXCEPTION, worker.throws, b"H:stage:9")
        self.assertRefused(NOT_FOUND, worker.fails, b"H:stage:9")


class OwnTests(BoardTestCase):
    """
    A worker reports on jobs that it runs, and on no others.
    """

    def test_notItsOwn(self) -> None:
        """
        Reports on a job that somebody else runs, nobody runs, or nobody ever
        submitted are refused, each in its words; nobody hears of them and the
        job is as before.
        """
        stage = self.stage()
        client = stage.client()
        worker, other = stage.worker(b"f"), stage.worker(b"f")
        runs = client.submits()
        worker.takes()
        waits = client.submits()
        delayed = client.submits(due=stage.clock.seconds() + 10)
        for job in (runs, waits, delayed, b"H:stage:99", b""):
            self.assertRefused(NOT_FOUND, other.tells, job, b"1", b"2")
            self.assertRefused(NOT_FOUND, other.completes, job, b"x")
            self.assertRefused(NOT_FOUND, other.fails, job)
            self.assertRefused(NO_JOB_FOR_DATA, other.sends, job, b"x")
            self.assertRefused(NO_JOB_FOR_DATA, other.warns, job, b"x")
            self.assertRefused(NO_JOB_FOR_EXCEPTION, other.throws, job, b"x")
        self.assertHear([client, worker, other])
        self.assertEqual((runs.numerator, runs.denominator), (0, 0))
        worker.completes(runs)
        self.assertEqual(client.hears(), [complete(runs)])

    def test_clientMayNot(self) -> None:
        """
        Nor may the client that waits for a job.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        self.assertRefused(NOT_FOUND, client.completes, job)

    def test_over(self) -> None:
        """
        A job that has ended cannot be reported on again.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        for end in (worker.completes, worker.fails):
            job = client.submits()
            worker.takes()
            end(job)
            client.hears()
            self.assertRefused(NOT_FOUND, worker.completes, job)
            self.assertRefused(NOT_FOUND, worker.fails, job)
            self.assertRefused(NO_JOB_FOR_EXCEPTION, worker.throws, job)
            self.assertEqual(client.hears(), [])

    def test_late(self) -> None:
        """
        When another worker has got the job, the late report of the first one
        changes nothing.
        """
        stage = self.stage()
        client = stage.client()
        slow, quick = stage.worker(b"f", timeout=5.0), stage.worker(b"f")
        job = client.submits()
        slow.takes()
        stage.passes(5)
        quick.takes()
        self.assertRefused(NOT_FOUND, slow.tells, job, b"1", b"2")
        self.assertRefused(NO_JOB_FOR_DATA, slow.sends, job)
        self.assertRefused(NOT_FOUND, slow.completes, job)
        self.assertRefused(NOT_FOUND, slow.fails, job)
        self.assertIs(job.worker, quick.peer)
        quick.completes(job, b"quick")
        self.assertEqual(client.hears(), [complete(job, b"quick")])
        self.assertEmpty(stage)
