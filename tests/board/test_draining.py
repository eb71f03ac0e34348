"""
The end of a board.
"""

from __future__ import annotations

from functools import partial

from tests.board.stage import (
    ENDS,
    LONG,
    NOON,
    BoardTestCase,
    Stage,
    complete,
    fail,
    takeCensus,
)
from txgearman.board.board import JobBoard
from txgearman.board.job import Job, JobState

SHUT = (b"SHUTDOWN_GRACEFUL", b"Server is shutting down")


class DrainTests(BoardTestCase):
    """
    A board that drains takes and grants no more jobs.
    """

    def drained(self, stage: Stage) -> list[float]:
        """
        Drain.

        @return: when no job ran any more, once that is so.
        """
        times: list[float] = []
        stage.board.drain(lambda: times.append(stage.clock.seconds()))
        self.assertTrue(stage.board.draining)
        return times

    def test_idle(self) -> None:
        """
        When no job runs, the drain is over at once, though jobs wait.
        """
        stage = self.stage()
        client = stage.client()
        client.submits()
        client.submits(background=True, due=NOON + 5)
        self.assertEqual(self.drained(stage), [NOON])

    def test_submits(self) -> None:
        """
        Submits are refused, also those that would join a job.
        """
        stage = self.stage()
        client = stage.client()
        client.submits(unique=b"u")
        self.drained(stage)
        self.assertRefused(SHUT, client.submits)
        self.assertRefused(SHUT, client.submits, b"f", b"", b"u")
        self.assertEqual(stage.function().total, 1)

    def test_grabs(self) -> None:
        """
        Nothing is granted any more, to nobody.
        """
        stage = self.stage()
        stage.client().submits()
        worker = stage.worker(b"f")
        self.drained(stage)
        self.assertIsNone(worker.grabs())
        self.assertEqual(stage.function().queue.waiting, 1)

    def test_running(self) -> None:
        """
        Running jobs go on, and the drain is over when the last of them is,
        once.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        first, second = client.submits(), client.submits()
        worker.takesAll()
        times = self.drained(stage)
        stage.passes(1)
        worker.sends(first, b"a")
        worker.completes(first)
        self.assertEqual(times, [])
        stage.passes(1)
        worker.fails(second)
        self.assertEqual(times, [NOON + 2])
        self.assertEqual(client.hears()[1:], [complete(first), fail(second)])
        stage.passes(LONG)
        self.assertEqual(len(times), 1)

    def test_twice(self) -> None:
        """
        Each who drains hears that it is over, whether he came while a job ran
        or later.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takesAll()
        times = [self.drained(stage) for _ in range(2)]
        self.assertEqual(times, [[], []])
        worker.completes(job)
        times.append(self.drained(stage))
        self.assertEqual(times, 3 * [[NOON]])

    def test_everyEnd(self) -> None:
        """
        The drain is over in whatever way the last job stops running.
        """
        for attempts in (0, 1):
            for end in ENDS:
                stage = self.stage(attempts=attempts)
                client, worker = stage.client(), stage.worker(b"f")
                job = client.submits()
                worker.takes()
                times = self.drained(stage)
                end(stage, client, worker, job)
                self.assertEqual(times, [NOON])

    def test_tooSlow(self) -> None:
        """
        A timeout stops a job, too.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        client.submits()
        worker.takes()
        times = self.drained(stage)
        stage.passes(5)
        self.assertEqual(times, [NOON + 5])
        self.assertIsNone(worker.grabs())

    def test_lostWithTwo(self) -> None:
        """
        A worker that is lost with all the jobs that run ends the drain once, and
        they wait again.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        client.submits()
        client.submits()
        worker.takesAll()
        times = self.drained(stage)
        worker.leaves()
        self.assertEqual(times, [NOON])
        self.assertEqual(stage.function().queue.waiting, 2)

    def test_lastWord(self) -> None:
        """
        When a drain is over, so is all that happened to the last job: who is
        told of it finds every count right, and may stop the board.
        """
        for end in ENDS:
            stage = self.stage()
            client, worker = stage.client(), stage.worker(b"f")
            job = client.submits(unique=b"u")
            worker.takes()
            left: list[list[Job]] = []
            stage.board.drain(partial(self.stop, stage.board, left))
            end(stage, client, worker, job)
            waits = [job] if job.state is JobState.QUEUED else []
            self.assertEqual(left, [waits])

    def stop(self, board: JobBoard, left: list[list[Job]]) -> None:
        """
        Count everything, and stop the board.

        @param left: where to put the jobs that are left on it.
        """
        takeCensus(board)
        left.append(list(board.jobs.values()))
        board.stop()

    def test_nobodyWoken(self) -> None:
        """
        Nobody is woken for jobs that are not granted: not for those that become
        due or come back, nor when a worker learns something or sleeps.
        """
        stage = self.stage()
        client, sleeper = stage.client(), stage.sleeper(b"f")
        worker = stage.worker(b"f")
        client.submits(background=True, due=NOON + 5)
        client.submits(b"g")
        running = client.submits(b"h")
        busy = stage.worker(b"h")
        busy.takes()
        self.drained(stage)
        stage.passes(5)
        worker.sleeps()
        sleeper.canDo(b"g", b"h")
        busy.leaves()
        stage.passes(LONG)
        self.assertIs(running.state, JobState.QUEUED)
        self.assertHear([sleeper, worker])
        self.assertEqual(stage.clock.getDelayedCalls(), [])

    def test_wokenBefore(self) -> None:
        """
        Who was woken before, and then is granted nothing or is lost, passes
        nothing on.
        """
        stage = self.stage()
        other, another, *woken = stage.sleepers(4, b"f")
        client = stage.client()
        for _ in range(4):
            client.submits()
        other.hears()
        another.hears()
        self.drained(stage)
        for worker in (other, another):
            worker.sleeps()
        self.assertIsNone(woken[0].grabs())
        woken[1].leaves()
        stage.passes(LONG)
        self.assertHear([other, another])


class StopTests(BoardTestCase):
    """
    A board that is stopped does nothing any more.
    """

    def test_clock(self) -> None:
        """
        It wants nothing of the clock: no due times, no timeouts, no second look,
        even when its connections are lost afterwards.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        sleepers = stage.sleepers(2, b"g")
        jobs = [client.submits(background=True) for _ in range(2)]
        worker.takesAll()
        client.submits(b"g", due=NOON + 9)
        client.submits(b"g")
        stage.board.stop()
        self.assertEqual(stage.clock.getDelayedCalls(), [])
        for actor in (client, worker, *sleepers):
            actor.hears()
            actor.leaves()
        self.assertEqual(stage.clock.getDelayedCalls(), [])
        self.assertEqual([job.state for job in jobs], 2 * [JobState.QUEUED])
        stage.board.stop()

    def test_answers(self) -> None:
        """
        It still answers, like one that drains.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        client.submits()
        stage.board.stop()
        self.assertRefused(SHUT, client.submits)
        self.assertIsNone(worker.grabs())
        worker.sleeps()
        worker.completes(job)
        self.assertEqual(client.hears(), [complete(job)])
        self.assertEqual(worker.hears(), [])

    def test_drain(self) -> None:
        """
        Nobody hears of the end of a drain that was cut short.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        times: list[None] = []
        stage.board.drain(lambda: times.append(None))
        stage.board.stop()
        worker.completes(job)
        self.assertEqual(times, [])
