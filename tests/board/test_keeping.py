"""
What a board keeps beside its jobs, across restarts and with a store that fails.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.board.stage import NOON, Actor, fail
from tests.stores.stage import DurableStage
from txgearman.board.dead import DeadJob
from txgearman.board.job import Job, JobState
from txgearman.board.policies import Origin, Setting
from txgearman.errors import ServerError


class KeepingTests(SynchronousTestCase):
    """
    Servers that begin with what others left.
    """

    def setUp(self) -> None:
        self.scene = DurableStage()
        self.addCleanup(lambda: self.scene.census())

    def restarts(self, **settings: Any) -> None:
        """
        Kill the server when all is written, and begin another one.
        """
        self.scene.rests()
        drawer, now = self.scene.drawer, self.scene.clock.seconds()
        self.scene = DurableStage(drawer=drawer, now=now, **settings)

    def job(self, **submit: Any) -> Job:
        """
        Submit a job, and let it be saved.
        """
        outcome = self.scene.asks(self.scene.client(), **submit)
        self.scene.rests()
        return outcome.job

    def fails(self, worker: Actor) -> None:
        """
        Let an attempt fail.
        """
        worker.fails(worker.takes())

    def test_policies(self) -> None:
        """
        What was decided by hand holds in the next server, in the same order, before
        what is configured there.
        """
        self.scene.rules(b"*", attempts=4, retry_on="fail", paused=True)
        self.scene.rules(b"f\0g", rate=2.5, queue_bytes="64M")
        self.scene.rules(b"f*", attempts=3)
        self.scene.rules(b"*", attempts=5)
        self.scene.rules(b"g", ttl=5)
        self.assertTrue(self.scene.board.unsetPolicy(b"g", "ttl"))
        before = list(self.scene.board.policies)
        for _ in range(2):
            self.restarts()
            self.assertEqual(list(self.scene.board.policies), before)
            self.assertEqual(self.scene.board.policies.of(b"f").attempts, 5)
            self.assertEqual(self.scene.board.policies.of(b"g").attempts, 5)
        self.scene.rules(b"last", attempts=9)
        self.scene.board.configure([Setting(b"*", "attempts", 8, Origin.CONFIG)])
        self.restarts()
        self.assertEqual(list(self.scene.board.policies)[:-1], before)

    def test_paused(self) -> None:
        """
        A function that pauses pauses in the next server, until it is resumed.
        """
        self.scene.board.pauseFunction(b"f")
        job = self.job()
        self.restarts()
        worker = self.scene.sleeper(b"f")
        self.assertIsNone(worker.grabs())
        worker.sleeps()
        self.scene.board.resumeFunction(b"f")
        self.assertEqual(worker.hears(), [("NOOP",)])
        self.assertEqual(worker.takes().handle, job.handle)
        self.restarts()
        self.assertEqual(len(self.scene.board.policies), 0)

    def test_attempts(self) -> None:
        """
        Attempts are counted across servers, and a pause goes on; the last one ends in
        the dead letters.
        """
        self.scene.rules(attempts=3, backoff_first=10)
        job = self.job(data=b"work")
        self.fails(self.scene.worker(b"f"))
        self.scene.passes(4.0)
        self.restarts()
        again = self.scene.board.jobs[job.handle]
        self.assertEqual((again.state, again.attempts), (JobState.DELAYED, 1))
        self.assertEqual((again.error, again.due), (b"failed", NOON + 10.01))
        worker = self.scene.worker(b"f")
        self.assertIsNone(worker.grabs())
        self.scene.passes(6.1)
        self.fails(worker)
        self.restarts()
        self.scene.passes(20.0)
        self.fails(self.scene.worker(b"f"))
        [dead] = self.scene.board.dead
        self.assertEqual((dead.handle, dead.attempts), (job.handle, 3))
        self.restarts()
        self.assertEqual(list(self.scene.board.dead), [dead])
        self.assertEqual((dict(self.scene.board.jobs), self.scene.kept), ({}, {}))

    def test_requeue(self) -> None:
        """
        A dead letter that is requeued lives in the next server, and is dead no more.
        """
        self.scene.rules(attempts=1)
        job = self.job(data=b"work", unique=b"u")
        self.fails(self.scene.worker(b"f"))
        self.restarts()
        [dead] = self.scene.board.dead
        again = self.scene.board.requeue(dead)
        self.assertIsNone(self.scene.worker(b"f").grabs())
        self.scene.rests()
        self.assertIs(again.saving, None)
        self.restarts()
        self.assertEqual(list(self.scene.board.dead), [])
        worker = self.scene.worker(b"f")
        again = worker.takes()
        self.assertEqual((again.handle, again.data), (job.handle, b"work"))
        self.assertEqual((again.attempts, again.unique), (1, b"u"))
        worker.completes(again)
        self.restarts()
        self.assertEqual(
            (self.scene.kept, self.scene.drawer.records.keys()),
            ({}, {("policy", b"f\0attempts")}),
        )

    def test_requeueFails(self) -> None:
        """
        If it cannot be saved, the letter stays, in the next server too.
        """
        self.scene.rules(attempts=1)
        job = self.job(data=b"work")
        self.fails(self.scene.worker(b"f"))
        self.scene.rests()
        [dead] = self.scene.board.dead
        self.scene.board.requeue(dead)
        self.assertEqual(list(self.scene.board.dead), [])
        self.scene.writes()
        self.scene.runner.breaks()
        self.assertEqual(list(self.scene.board.dead), [dead])
        self.assertEqual(dict(self.scene.board.jobs), {})
        with self.assertRaises(ServerError):
            self.scene.board.requeue(dead)
        self.scene.passes(60.0)
        self.restarts()
        self.assertEqual([one.handle for one in self.scene.board.dead], [job.handle])
        self.assertEqual(dict(self.scene.board.jobs), {})

    def requeued(self, **submit: Any) -> tuple[DeadJob, Job]:
        """
        Let a job die and be requeued, and its batch be written.
        """
        self.scene.rules(attempts=1)
        self.job(**submit)
        self.fails(self.scene.worker(b"f"))
        self.scene.rests()
        [dead] = self.scene.board.dead
        job = self.scene.board.requeue(dead)
        self.scene.writes()
        return dead, job

    def test_cancelledMeanwhile(self) -> None:
        """
        A job that is cancelled while it is requeued is gone, whether it could have been
        saved or not.
        """
        for fails in (False, True):
            self.scene = DurableStage()
            _, job = self.requeued()
            self.assertTrue(self.scene.cancels(job))
            if fails:
                self.scene.runner.breaks()
            self.scene.passes(60.0)
            self.restarts()
            self.assertEqual(list(self.scene.board.dead), [])
            self.assertEqual(dict(self.scene.board.jobs), {})

    def test_joinedMeanwhile(self) -> None:
        """
        Who has joined a requeued job that cannot be saved hears that it failed, and the
        letter stays.
        """
        _, job = self.requeued(unique=b"u")
        client = self.scene.client()
        self.assertIs(client.submits(unique=b"u"), job)
        self.scene.runner.breaks()
        self.scene.census()
        self.assertEqual(client.hears(), [fail(job)])
        self.assertEqual(dict(self.scene.board.jobs), {})
        self.assertEqual([dead.handle for dead in self.scene.board.dead], [job.handle])

    def test_backInOrder(self) -> None:
        """
        A letter that stays after all stands where it stood.
        """
        dead, _ = self.requeued()
        self.scene.runner.breaks()
        self.assertEqual(list(self.scene.board.dead), [dead])
        self.scene.passes(60.0)
        self.scene.rests()
        self.job(data=b"later")
        worker = self.scene.worker(b"f")
        self.fails(worker)
        self.scene.rests()
        self.scene.board.requeue(dead)
        self.scene.writes()
        self.scene.runner.breaks()
        self.assertEqual([one.data for one in self.scene.board.dead], [b"", b"later"])

    def test_killedMeanwhile(self) -> None:
        """
        A server that is killed while it requeues leaves the letter or the job, and
        never both, nor none.
        """
        for done in (False, True):
            self.scene = DurableStage()
            self.scene.rules(attempts=1)
            job = self.job()
            self.fails(self.scene.worker(b"f"))
            self.scene.rests()
            self.scene.board.requeue(next(iter(self.scene.board.dead)))
            self.scene.turnEnds()
            if done:
                self.scene.runner.finishes()
            drawer, now = self.scene.drawer, self.scene.clock.seconds()
            self.scene = DurableStage(drawer=drawer, now=now)
            dead = [one.handle for one in self.scene.board.dead]
            alive = list(self.scene.board.jobs)
            expected = ([], [job.handle]) if done else ([job.handle], [])
            self.assertEqual((dead, alive), expected)

    def test_died(self) -> None:
        """
        A job that dies is never lost: at each moment its letter is kept, or it is.
        """
        self.scene.rules(attempts=1)
        job = self.job()
        self.fails(self.scene.worker(b"f"))
        for _ in range(2):
            kept = self.scene.drawer.jobs, self.scene.drawer.records
            alive = job.handle in self.scene.kept
            dead = ("dead", job.handle) in kept[1]
            self.assertNotEqual(alive, dead)
            self.scene.rests()
        self.assertTrue(dead)

    def test_results(self) -> None:
        """
        Results are there in the next server, by handle and by unique, for the rest of
        their time.
        """
        self.scene.rules(results=60)
        worker = self.scene.worker(b"f")
        handles = []
        for data in (b"first", b"second"):
            job = self.job(unique=b"u")
            worker.completes(worker.takes(), data)
            handles.append(job.handle)
            self.scene.passes(10.0)
        before = list(self.scene.board.results)
        self.restarts()
        results = self.scene.board.results
        self.assertEqual(list(results), before)
        found = results.byUnique(b"f", b"u")
        self.assertIs(found, results.get(handles[1]))
        self.scene.passes(45.0)
        self.assertEqual([one.handle for one in results], handles[1:])
        self.restarts()
        self.scene.passes(60.0)
        self.assertEqual(len(self.scene.board.results), 0)
        self.scene.rests()
        kinds = {kind for kind, _ in self.scene.drawer.records}
        self.assertEqual(kinds, {"policy"})

    def test_anyOrder(self) -> None:
        """
        Records may come back in any order; the newest are kept where fewer may be, and
        the last of a unique is found by it.
        """
        self.scene.rules(attempts=1, results=1000)
        worker = self.scene.worker(b"f")
        handles = []
        for _ in range(4):
            handles.append(self.job(unique=b"u").handle)
            self.fails(worker)
            self.scene.passes(1.0)
        self.scene.rests()
        records = self.scene.drawer.records
        turned = dict(reversed(list(records.items())))
        records.clear()
        records.update(turned)
        self.restarts(deadLimit=2, resultsLimit=3)
        board = self.scene.board
        self.assertEqual([one.handle for one in board.dead], handles[2:])
        self.assertEqual([one.handle for one in board.results], handles[1:])
        self.assertIs(board.results.byUnique(b"f", b"u"), board.results.get(handles[3]))
        self.scene.rests()
        kept = {key for kind, key in self.scene.drawer.records if kind == "dead"}
        self.assertEqual(kept, set(handles[2:]))

    def test_debounced(self) -> None:
        """
        A job that was postponed is due as late in the next server.
        """
        self.scene.rules(debounce=5)
        job = self.job(unique=b"u")
        self.scene.passes(4.0)
        self.scene.asks(self.scene.client(), unique=b"u")
        due = job.due
        self.assertEqual(due, self.scene.clock.seconds() + 5)
        self.restarts()
        again = self.scene.board.jobs[job.handle]
        self.assertEqual((again.due, again.state), (due, JobState.DELAYED))

    def test_expired(self) -> None:
        """
        What expired while no server ran expires when the next one begins.
        """
        self.scene.rules(ttl=50)
        job = self.job()
        self.scene.rests()
        drawer, now = self.scene.drawer, self.scene.clock.seconds()
        self.scene = DurableStage(drawer=drawer, now=now + 100)
        self.scene.passes(0)
        self.assertNotIn(job.handle, self.scene.board.jobs)
        self.scene.rests()
        self.assertEqual(self.scene.kept, {})

    def test_withheld(self) -> None:
        """
        A job that lost its client while it was being saved is in its queue once.
        """
        client, other = self.scene.client(), self.scene.client()
        job = client.submits(unique=b"u")
        other.submits(unique=b"u", background=True)
        client.leaves()
        self.scene.rests()
        self.assertEqual(list(self.scene.function().queue), [job])
        self.assertEqual(self.scene.board.purge(self.scene.function()), 1)

    def test_unsaved(self) -> None:
        """
        Whoever decides something can wait until it is saved.
        """
        self.assertIsNone(self.scene.board.unsaved)
        self.scene.rules(attempts=2)
        self.assertIsNotNone(self.scene.board.unsaved)
        self.scene.rests()
        self.assertIsNone(self.scene.board.unsaved)
        self.assertEqual(list(self.scene.drawer.records), [("policy", b"f\0attempts")])
