"""
Sleeping workers are woken.
"""

from __future__ import annotations

from tests.board.stage import LONG, NOON, NOOP, OFFER, BoardTestCase, woken
from txgearman.board.job import Priority


class WakeTests(BoardTestCase):
    """
    A new job wakes a sleeper.
    """

    def test_woken(self) -> None:
        """
        A worker that sleeps is told when there is a job for it, and only then.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.sleeper(b"f")
        self.assertEqual(worker.hears(), [])
        client.submits(b"g")
        self.assertEqual(worker.hears(), [])
        job = client.submits(b"f")
        self.assertEqual(worker.hears(), [NOOP])
        self.assertIs(worker.takes(), job)

    def test_everyForm(self) -> None:
        """
        Jobs of each priority wake, in the foreground and in the background, with
        and without a reducer.
        """
        for priority in Priority:
            for background in (False, True):
                for reducer in (b"", b"r"):
                    stage = self.stage()
                    worker = stage.sleeper(b"f")
                    stage.client().submits(
                        priority=priority, background=background, reducer=reducer
                    )
                    form = (priority, background, reducer)
                    self.assertEqual(worker.hears(), [NOOP], form)

    def test_awake(self) -> None:
        """
        A worker that does not sleep is told nothing: it will ask.
        """
        stage = self.stage()
        worker = stage.worker(b"f")
        stage.client().submits()
        stage.passes(LONG)
        self.assertEqual(worker.hears(), [])

    def test_joined(self) -> None:
        """
        A submit that joins a job is no new job.
        """
        stage = self.stage()
        client, sleepers = stage.client(), stage.sleepers(2, b"f")
        client.submits(unique=b"u")
        client.submits(unique=b"u")
        self.assertEqual(len(woken(sleepers)), 1)

    def test_once(self) -> None:
        """
        However many jobs come, a worker is told once until it grabs.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.sleeper(b"f", b"g")
        for name in (b"f", b"g", b"f"):
            client.submits(name)
        stage.passes(LONG)
        self.assertEqual(worker.hears(), [NOOP])
        self.assertEqual(len(worker.takesAll()), 3)
        client.submits()
        self.assertEqual(worker.hears(), [])
        worker.takes()
        worker.sleeps()
        client.submits()
        self.assertEqual(worker.hears(), [NOOP])

    def test_sleepsTwice(self) -> None:
        """
        A worker may say twice that it sleeps, and is told once.
        """
        stage = self.stage()
        worker = stage.sleeper(b"f")
        worker.sleeps()
        stage.client().submits()
        self.assertEqual(worker.hears(), [NOOP])

    def test_grabInSleep(self) -> None:
        """
        A worker that grabs is awake, though nobody woke it.
        """
        stage = self.stage()
        worker = stage.sleeper(b"f")
        self.assertIsNone(worker.grabs())
        stage.client().submits()
        self.assertEqual(worker.hears(), [])

    def test_jobWaits(self) -> None:
        """
        A worker is told at once when a job waits for it, each time that it says
        that it sleeps, and stays awake.
        """
        stage = self.stage()
        client = stage.client()
        client.submits()
        worker = stage.worker(b"f")
        for _ in range(3):
            worker.sleeps()
            self.assertEqual(worker.hears(), [NOOP])
        client.submits()
        stage.passes(LONG)
        self.assertEqual(worker.hears(), [])

    def test_otherJobWaits(self) -> None:
        """
        A job that waits for somebody else does not keep a worker awake, nor does
        one that is not due, or runs.
        """
        stage = self.stage()
        client, busy = stage.client(), stage.worker(b"f")
        client.submits(b"g")
        client.submits(b"f", background=True, due=NOON + 60)
        client.submits(b"f")
        busy.takes()
        worker = stage.sleeper(b"f")
        self.assertEqual(worker.hears(), [])
        client.submits(b"f")
        self.assertEqual(worker.hears(), [NOOP])

    def test_wokenSleepsAgain(self) -> None:
        """
        A worker that was woken but found the job taken sleeps again, and is woken
        for the next one.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.sleeper(b"f")
        client.submits()
        stage.worker(b"f").takes()
        self.assertEqual(worker.hears(), [NOOP])
        self.assertIsNone(worker.grabs())
        worker.sleeps()
        self.assertEqual(worker.hears(), [])
        client.submits()
        self.assertEqual(worker.hears(), [NOOP])

    def test_wokenSleepsWithoutGrab(self) -> None:
        """
        So does one that says that it sleeps without having grabbed.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.sleeper(b"f")
        client.submits()
        stage.worker(b"f").takes()
        worker.sleeps()
        self.assertEqual(worker.hears(), [NOOP])
        client.submits()
        self.assertEqual(worker.hears(), [NOOP])

    def test_ownJob(self) -> None:
        """
        A connection that sleeps and submits wakes itself.
        """
        stage = self.stage()
        both = stage.sleeper(b"f")
        both.submits()
        self.assertEqual(both.hears(), [NOOP])


class WaitTests(BoardTestCase):
    """
    A worker that waits for the answer to its grab is offered new jobs.
    """

    def test_offered(self) -> None:
        """
        It is offered the next job for it, and told nothing else.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        worker.waits()
        client.submits(b"g")
        self.assertEqual(worker.hears(), [])
        job = client.submits(b"f")
        self.assertEqual(worker.hears(), [OFFER])
        self.assertIs(worker.takes(), job)
        client.submits(b"f")
        self.assertEqual(worker.hears(), [])

    def test_beforeSleepers(self) -> None:
        """
        It goes before those that sleep longer than it waits.
        """
        stage = self.stage()
        client, sleeper = stage.client(), stage.sleeper(b"f")
        worker = stage.worker(b"f")
        worker.waits()
        client.submits()
        self.assertEqual((worker.hears(), sleeper.hears()), ([OFFER], []))
        worker.takes()
        client.submits()
        self.assertEqual((worker.hears(), sleeper.hears()), ([], [NOOP]))

    def test_taken(self) -> None:
        """
        It may wait on when another one has taken the job.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        worker.waits()
        client.submits()
        stage.worker(b"f").takes()
        self.assertEqual(worker.hears(), [OFFER])
        self.assertIsNone(worker.grabs())
        worker.waits()
        client.submits()
        self.assertEqual(worker.hears(), [OFFER])

    def test_tookAnother(self) -> None:
        """
        Whoever is offered a job and takes one of another function leaves it to the
        next one.
        """
        stage = self.stage()
        client, sleeper = stage.client(), stage.sleeper(b"f")
        worker = stage.worker(b"f", b"g")
        worker.waits()
        job = client.submits(b"f")
        urgent = client.submits(b"g", priority=Priority.HIGH)
        self.assertEqual((worker.hears(), sleeper.hears()), ([OFFER], []))
        self.assertIs(worker.takes(), urgent)
        self.assertEqual(sleeper.hears(), [NOOP])
        self.assertIs(sleeper.takes(), job)

    def test_noMore(self) -> None:
        """
        It waits no more once it grabs, sleeps, or is lost.
        """
        stage = self.stage()
        client = stage.client()
        grabbing, sleeping, lost = (stage.worker(b"f") for _ in range(3))
        for worker in (grabbing, sleeping, lost):
            worker.waits()
        self.assertIsNone(grabbing.grabs())
        sleeping.sleeps()
        lost.leaves()
        client.submits()
        client.submits()
        heard = [worker.hears() for worker in (grabbing, sleeping, lost)]
        self.assertEqual(heard, [[], [NOOP], []])
        stage.census()

    def test_learnsAndForgets(self) -> None:
        """
        What it learns while it waits, it is offered; what it forgets, it is not.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        client.submits(b"g")
        worker.waits()
        worker.cantDo(b"f")
        client.submits(b"f")
        self.assertEqual(worker.hears(), [])
        worker.canDo(b"g")
        self.assertEqual(worker.hears(), [OFFER])

    def test_stopped(self) -> None:
        """
        A board that drains offers nothing.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        client.submits(background=True, due=NOON + 5)
        worker.waits()
        stage.board.drain(lambda: None)
        stage.passes(LONG)
        self.assertEqual(worker.hears(), [])

    def test_due(self) -> None:
        """
        It is offered what is due.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        client.submits(background=True, due=NOON + 5)
        worker.waits()
        stage.passes(5)
        self.assertEqual(worker.hears(), [OFFER])

    def test_noLooking(self) -> None:
        """
        Nobody looks after a while whether it came: it is there.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        worker.waits()
        client.submits()
        self.assertEqual(stage.clock.getDelayedCalls(), [])
        worker.takes()
        stage.census()


class AbilityTests(BoardTestCase):
    """
    Sleepers learn and forget.
    """

    def test_learns(self) -> None:
        """
        A sleeper that learns a function is woken if a job waits for it.
        """
        stage = self.stage()
        stage.client().submits(b"g")
        worker = stage.sleeper(b"f")
        worker.canDo(b"h")
        self.assertEqual(worker.hears(), [])
        worker.canDo(b"g")
        self.assertEqual(worker.hears(), [NOOP])
        worker.takes()

    def test_knowsNothing(self) -> None:
        """
        A worker may sleep before it can do anything.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.sleeper()
        client.submits(b"f")
        self.assertEqual(worker.hears(), [])
        worker.canDo(b"f")
        self.assertEqual(worker.hears(), [NOOP])

    def test_learnsAndWaits(self) -> None:
        """
        A sleeper that learns a function without jobs is woken for the next one.
        """
        stage = self.stage()
        worker = stage.sleeper(b"f")
        worker.canDo(b"g")
        stage.client().submits(b"g")
        self.assertEqual(worker.hears(), [NOOP])

    def test_learnsAgain(self) -> None:
        """
        To register a function again changes nothing about who sleeps.
        """
        stage = self.stage()
        worker = stage.sleeper(b"f")
        worker.canDo(b"f")
        stage.client().submits(b"f")
        worker.canDo(b"f")
        self.assertEqual(worker.hears(), [NOOP])

    def test_wokenLearns(self) -> None:
        """
        A worker that is woken already is not told again when it learns a
        function with jobs.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.sleeper(b"f")
        client.submits(b"f")
        client.submits(b"g")
        worker.canDo(b"g")
        self.assertEqual(worker.hears(), [NOOP])
        self.assertEqual(len(worker.takesAll()), 2)

    def test_forgets(self) -> None:
        """
        A sleeper is not woken for what it cannot do any more, but for the rest.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.sleeper(b"f", b"g")
        worker.cantDo(b"f")
        client.submits(b"f")
        self.assertEqual(worker.hears(), [])
        client.submits(b"g")
        self.assertEqual(worker.hears(), [NOOP])

    def test_forgetsAll(self) -> None:
        """
        A sleeper that forgot everything sleeps on, whatever comes.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.sleeper(b"f", b"g")
        worker.forgetsAll()
        client.submits(b"f")
        stage.passes(LONG)
        self.assertEqual(worker.hears(), [])

    def test_wokenForgets(self) -> None:
        """
        When the woken worker forgets the function, another one is woken.
        """
        stage = self.stage()
        client, workers = stage.client(), stage.sleepers(2, b"f", b"g")
        client.submits(b"f")
        self.assertEqual(woken(workers), [1])
        workers[1].cantDo(b"f")
        self.assertIsNone(workers[1].grabs())
        stage.passes(stage.board.policy.wakeupDelay)
        self.assertEqual(woken(workers), [0])
