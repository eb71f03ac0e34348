"""
How many sleeping workers are woken, and who.
"""

from __future__ import annotations

from tests.board.stage import LONG, NOON, BoardTestCase, takeCensus, woken
from txgearman.board.job import Priority


class HerdTests(BoardTestCase):
    """
    No more workers are woken than there is work for.
    """

    def test_oneForOne(self) -> None:
        """
        One job wakes one of two thousand sleepers; they hear nothing more if it
        is taken.
        """
        stage = self.stage()
        workers = stage.sleepers(2000, b"f")
        stage.client().submits()
        (number,) = woken(workers)
        workers[number].takes()
        stage.passes(LONG)
        self.assertEqual(woken(workers), [])

    def test_asManyAsJobs(self) -> None:
        """
        As many sleepers are woken as there are new jobs.
        """
        stage = self.stage()
        client, workers = stage.client(), stage.sleepers(10, b"f")
        for _ in range(4):
            client.submits()
        self.assertEqual(len(woken(workers)), 4)
        for _ in range(20):
            client.submits()
        self.assertEqual(len(woken(workers)), 6)

    def test_mostRecentFirst(self) -> None:
        """
        Who went to sleep last is woken first.
        """
        stage = self.stage()
        client, workers = stage.client(), stage.sleepers(3, b"f")
        workers[0].sleeps()
        order = []
        for _ in range(3):
            client.submits()
            order += woken(workers)
        self.assertEqual(order, [0, 2, 1])

    def test_busyOnes(self) -> None:
        """
        A worker that has just done a job gets the next one, too.
        """
        stage = self.stage()
        client, workers = stage.client(), stage.sleepers(3, b"f")
        for _ in range(5):
            client.submits()
            self.assertEqual(woken(workers), [2])
            workers[2].completes(workers[2].takes())
            workers[2].sleeps()

    def test_wakeup(self) -> None:
        """
        The policy may say to wake several, or all, for each job.
        """
        for wakeup, first, second in ((1, 1, 1), (3, 3, 2), (5, 5, 0), (0, 5, 0)):
            stage = self.stage(wakeup=wakeup)
            client, workers = stage.client(), stage.sleepers(5, b"f")
            client.submits()
            self.assertEqual(len(woken(workers)), first, wakeup)
            client.submits()
            self.assertEqual(len(woken(workers)), second, wakeup)

    def test_due(self) -> None:
        """
        A delayed job wakes one sleeper when it is due, to the second, and nobody
        before.
        """
        stage = self.stage()
        workers = stage.sleepers(3, b"f")
        stage.client().submits(background=True, due=NOON + 3600)
        stage.passes(3599)
        self.assertEqual(woken(workers), [])
        stage.passes(1)
        self.assertEqual(len(woken(workers)), 1)

    def test_dueTogether(self) -> None:
        """
        Jobs that become due together wake one sleeper each.
        """
        stage = self.stage()
        client, workers = stage.client(), stage.sleepers(5, b"f")
        for _ in range(3):
            client.submits(background=True, due=NOON + 60)
        stage.passes(60)
        self.assertEqual(len(woken(workers)), 3)

    def test_back(self) -> None:
        """
        Each job that comes back from a lost or slow worker wakes one sleeper.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        slow = stage.worker(b"f", timeout=5.0)
        for _ in range(3):
            client.submits()
        slow.takes()
        worker.takesAll()
        workers = stage.sleepers(5, b"f")
        worker.leaves()
        self.assertEqual(len(woken(workers)), 2)
        for sleeper in workers[3:]:
            sleeper.takes()
        stage.passes(5)
        self.assertEqual(len(woken(workers)), 1)


class PassOnTests(BoardTestCase):
    """
    A woken worker that does not take the job passes the wake-up on.
    """

    def test_lost(self) -> None:
        """
        When the woken worker is lost, the next one is woken at once.
        """
        stage = self.stage()
        client, workers = stage.client(), stage.sleepers(4, b"f")
        client.submits()
        for number in (3, 2, 1):
            self.assertEqual(woken(workers), [number])
            workers[number].leaves()
        self.assertEqual(woken(workers), [0])
        workers[0].takes()

    def test_otherJob(self) -> None:
        """
        When the woken worker takes another job, the next one is woken at once.
        """
        stage = self.stage()
        client = stage.client()
        other, both = stage.sleeper(b"f"), stage.sleeper(b"f", b"g")
        client.submits(b"f")
        self.assertEqual(woken([other, both]), [1])
        urgent = client.submits(b"g", priority=Priority.HIGH)
        self.assertIs(both.takes(), urgent)
        self.assertEqual(woken([other, both]), [0])

    def test_taken(self) -> None:
        """
        When the job is taken, by the woken worker or another one, nobody else is
        woken.
        """
        for quicker in (False, True):
            stage = self.stage()
            stranger = stage.worker(b"f")
            workers = stage.sleepers(3, b"f")
            stage.client().submits()
            (number,) = woken(workers)
            if quicker:
                stranger.takes()
                self.assertIsNone(workers[number].grabs())
            else:
                workers[number].takes()
            stage.passes(LONG)
            self.assertEqual(woken(workers), [])

    def test_onTheirWay(self) -> None:
        """
        While there are as many woken workers on their way as jobs, the loss of
        one that is not needed wakes nobody.
        """
        stage = self.stage()
        client, stranger = stage.client(), stage.worker(b"f")
        workers = stage.sleepers(4, b"f")
        client.submits()
        client.submits()
        self.assertEqual(woken(workers), [2, 3])
        stranger.takes()
        workers[3].leaves()
        self.assertEqual(woken(workers), [])
        workers[2].leaves()
        self.assertEqual(woken(workers), [1])

    def test_sleeperLost(self) -> None:
        """
        The loss of a worker that sleeps, or is awake, wakes nobody.
        """
        stage = self.stage()
        client, workers = stage.client(), stage.sleepers(3, b"f")
        awake = stage.worker(b"f")
        client.submits()
        self.assertEqual(woken(workers), [2])
        workers[1].leaves()
        awake.leaves()
        self.assertEqual(woken(workers), [])

    def test_nobodyThere(self) -> None:
        """
        When there is nobody to pass it on to, the job waits for whoever comes.
        """
        stage = self.stage()
        worker = stage.sleeper(b"f")
        job = stage.client().submits()
        worker.leaves()
        stage.passes(LONG)
        self.assertIs(stage.worker(b"f").takes(), job)


class SecondLookTests(BoardTestCase):
    """
    A woken worker that hangs costs its job the delay of the policy, no more.
    """

    def test_hangs(self) -> None:
        """
        When a job still waits after the delay, another sleeper is woken, and
        again, until there is none; not a moment before.
        """
        stage = self.stage(wakeupDelay=4.0)
        workers = stage.sleepers(3, b"f")
        job = stage.client().submits()
        self.assertEqual(woken(workers), [2])
        for number in (1, 0):
            stage.passes(3.5)
            self.assertEqual(woken(workers), [])
            stage.passes(0.5)
            self.assertEqual(woken(workers), [number])
        self.assertIs(workers[0].takes(), job)
        stage.passes(LONG)
        self.assertEqual(woken(workers), [])
        self.assertEqual(stage.clock.getDelayedCalls(), [])

    def test_sleepsAndHangs(self) -> None:
        """
        That is so also when the woken worker says that it sleeps, is told that the
        job still waits, and hangs then, or is lost.
        """
        for lost in (False, True):
            stage = self.stage(wakeupDelay=4.0)
            workers = stage.sleepers(2, b"f")
            stage.client().submits()
            stage.passes(1)
            workers[1].sleeps()
            self.assertEqual(woken(workers), [1, 1])
            if lost:
                workers[1].leaves()
            stage.passes(4)
            self.assertEqual(woken(workers), [0])

    def test_comesLate(self) -> None:
        """
        A worker that comes too late is granted the job if it still waits; if not,
        it sleeps again and is woken as before.
        """
        stage = self.stage(wakeupDelay=4.0)
        client, workers = stage.client(), stage.sleepers(2, b"f")
        first = client.submits()
        stage.passes(4)
        self.assertEqual(woken(workers), [0, 1])
        self.assertIs(workers[1].takes(), first)
        self.assertIsNone(workers[0].grabs())
        workers[0].sleeps()
        workers[1].sleeps()
        for number in (1, 0):
            client.submits()
            self.assertEqual(woken(workers), [number])

    def test_lateOneChanges(self) -> None:
        """
        A worker that is late may learn, forget, sleep or be lost: nobody counts
        on it, and it counts for nothing.
        """
        stage = self.stage(wakeupDelay=4.0)
        client, workers = stage.client(), stage.sleepers(5, b"f")
        job = client.submits()
        client.submits(b"g")
        for _ in range(3):
            stage.passes(4)
        self.assertEqual(woken(workers), [1, 2, 3, 4])
        workers[4].canDo(b"g")
        workers[3].cantDo(b"f")
        workers[2].leaves()
        workers[4].sleeps()
        self.assertEqual(woken(workers), [4])
        takeCensus(stage.board)
        self.assertIs(workers[1].takes(), job)
        stage.passes(LONG)
        self.assertEqual(woken(workers), [])

    def test_manyJobs(self) -> None:
        """
        As many are woken then as jobs still wait.
        """
        stage = self.stage(wakeupDelay=4.0)
        client, workers = stage.client(), stage.sleepers(10, b"f")
        for _ in range(3):
            client.submits()
        self.assertEqual(woken(workers), [7, 8, 9])
        workers[8].takes()
        stage.passes(4)
        self.assertEqual(len(woken(workers)), 2)

    def test_eachFunction(self) -> None:
        """
        The second look is at each function by itself.
        """
        stage = self.stage(wakeupDelay=4.0)
        client = stage.client()
        doers, others = stage.sleepers(2, b"f"), stage.sleepers(2, b"g")
        client.submits(b"f")
        client.submits(b"g")
        self.assertEqual((woken(doers), woken(others)), ([1], [1]))
        doers[1].takes()
        stage.passes(4)
        self.assertEqual((woken(doers), woken(others)), ([], [0]))

    def test_wholeDelay(self) -> None:
        """
        Each woken worker has the whole delay, also when another one was woken
        shortly before.
        """
        stage = self.stage(wakeupDelay=4.0)
        client, workers = stage.client(), stage.sleepers(3, b"f")
        client.submits()
        self.assertEqual(woken(workers), [2])
        workers[2].takes()
        stage.passes(3)
        client.submits()
        self.assertEqual(woken(workers), [1])
        stage.passes(3)
        self.assertEqual(woken(workers), [])
        stage.passes(1)
        self.assertEqual(woken(workers), [0])

    def test_wholeDelayAgain(self) -> None:
        """
        Also when it is the same worker that was woken shortly before, and came.
        """
        stage = self.stage(wakeupDelay=4.0)
        client, workers = stage.client(), stage.sleepers(2, b"f")
        client.submits()
        workers[1].takes()
        workers[1].sleeps()
        stage.passes(3)
        client.submits()
        self.assertEqual(woken(workers), [1, 1])
        stage.passes(3)
        self.assertEqual(woken(workers), [])
        stage.passes(1)
        self.assertEqual(woken(workers), [0])

    def test_wholeDelayOfEachFunction(self) -> None:
        """
        Also when it was woken for another function.
        """
        stage = self.stage(wakeupDelay=4.0)
        client = stage.client()
        doers, others = stage.sleepers(2, b"f"), stage.sleepers(2, b"g")
        client.submits(b"f")
        stage.passes(3)
        client.submits(b"g")
        self.assertEqual((woken(doers), woken(others)), ([1], [1]))
        stage.passes(1)
        self.assertEqual((woken(doers), woken(others)), ([0], []))
        stage.passes(3)
        self.assertEqual((woken(doers), woken(others)), ([], [0]))

    def test_nobodySleeps(self) -> None:
        """
        While nobody sleeps, jobs may wait for as long as they like, and the clock
        is left alone.
        """
        stage = self.stage(wakeup=0)
        client, worker = stage.client(), stage.worker(b"f")
        workers = stage.sleepers(3, b"f")
        for _ in range(5):
            client.submits()
        worker.sleeps()
        self.assertEqual(woken([*workers, worker]), [0, 1, 2, 3])
        stage.passes(stage.board.policy.wakeupDelay)
        self.assertEqual(woken([*workers, worker]), [])
        self.assertEqual(stage.clock.getDelayedCalls(), [])

    def test_nobodyEverCame(self) -> None:
        """
        A job that no worker can do asks nothing of the clock.
        """
        stage = self.stage()
        stage.client().submits()
        self.assertEqual(stage.clock.getDelayedCalls(), [])

    def test_oneCall(self) -> None:
        """
        However many were woken, the clock has one delayed call.
        """
        stage = self.stage()
        client = stage.client()
        for name in (b"f", b"g", b"h"):
            stage.sleepers(5, name)
            for _ in range(3):
                client.submits(name)
        self.assertEqual(len(stage.clock.getDelayedCalls()), 1)

    def test_functionGone(self) -> None:
        """
        A function may be dropped between a wake-up and the second look.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.sleeper(b"f")
        job = client.submits()
        worker.leaves()
        stage.cancels(job)
        self.assertTrue(stage.board.functions.drop(stage.function()))
        stage.passes(LONG)
        self.assertEmpty(stage)
