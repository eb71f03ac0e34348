"""
The jobs that wait for one function.
"""

from __future__ import annotations

import gc
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.function import Function
from txgearman.board.job import Job, JobState, Priority
from txgearman.board.queue import NOTHING, JobQueue

HIGH, NORMAL, LOW = Priority


class QueueTestCase(SynchronousTestCase):
    """
    A test with a queue and ways to fill and empty it.
    """

    def setUp(self) -> None:
        self.queue = JobQueue()
        self.function = Function(b"f")
        self.numbers = count(1)

    def add(self, priority: Priority = NORMAL) -> Job:
        """
        Put a new job into the queue.
        """
        number = next(self.numbers)
        job = Job(
            *(number, b"H:%d" % number, self.function, b"", b"", b""),
            *(priority, 0.0, 0.0),
        )
        self.queue.append(job)
        return job

    def take(self) -> Job:
        """
        Grant the first job.
        """
        job = self.queue.popTop()
        job.state = JobState.RUNNING
        return job

    def end(self, job: Job) -> None:
        """
        Cancel a job that waits.
        """
        job.state = JobState.CANCELLED
        self.queue.remove(job)

    def assertLooks(self, top: int, *counts: int) -> None:
        """
        Assert what the queue says of itself.
        """
        queue = self.queue
        looks = (queue.top, queue.waiting, list(queue.counts))
        self.assertEqual(looks, (top, sum(counts), list(counts)))


class QueueTests(QueueTestCase):
    """
    Jobs come, are granted in their order, or leave from the middle.
    """

    def test_empty(self) -> None:
        """
        An empty queue has nothing on top, which comes after every priority, and
        nothing can be taken.
        """
        self.assertLooks(NOTHING, 0, 0, 0)
        self.assertGreater(NOTHING, max(Priority))
        self.assertRaises(IndexError, self.queue.popTop)

    def test_order(self) -> None:
        """
        High before normal before low; within each, first in, first out.
        """
        jobs = [self.add(priority) for priority in (LOW, HIGH, NORMAL, LOW, HIGH)]
        self.assertLooks(HIGH, 2, 1, 2)
        order = [self.take() for _ in jobs]
        self.assertEqual(order, [jobs[number] for number in (1, 4, 2, 0, 3)])
        self.assertLooks(NOTHING, 0, 0, 0)

    def test_top(self) -> None:
        """
        The top is the first lane in which a job waits, whatever was there.
        """
        self.add(LOW)
        self.assertLooks(LOW, 0, 0, 1)
        self.add(HIGH)
        self.assertLooks(HIGH, 1, 0, 1)
        self.add(NORMAL)
        self.take()
        self.assertLooks(NORMAL, 0, 1, 1)
        self.take()
        self.assertLooks(LOW, 0, 0, 1)

    def test_state(self) -> None:
        """
        A job in the queue is queued, also when it comes back.
        """
        job = self.add()
        self.assertIs(job.state, JobState.QUEUED)
        self.take()
        self.queue.append(job)
        self.assertIs(job.state, JobState.QUEUED)
        self.assertIs(self.take(), job)

    def test_remove(self) -> None:
        """
        A job may leave from anywhere and is out of the counts at once.
        """
        for leaving in range(3):
            jobs = [self.add() for _ in range(3)]
            self.end(jobs[leaving])
            self.assertLooks(NORMAL, 0, 2, 0)
            del jobs[leaving]
            self.assertEqual([self.take(), self.take()], jobs)

    def test_removeLast(self) -> None:
        """
        When the last job of the top lane leaves, the next lane is the top; the
        entry that is dead does not stand in the way of those that follow.
        """
        high, low = self.add(HIGH), self.add(LOW)
        self.end(high)
        self.assertLooks(LOW, 0, 0, 1)
        later = self.add(HIGH)
        self.assertIs(self.take(), later)
        self.assertIs(self.take(), low)

    def test_removeLower(self) -> None:
        """
        A job that leaves from below the top does not move it.
        """
        high, low = self.add(HIGH), self.add(LOW)
        self.end(low)
        self.assertLooks(HIGH, 1, 0, 0)
        self.assertIs(self.take(), high)
        self.assertLooks(NOTHING, 0, 0, 0)

    def test_sweep(self) -> None:
        """
        However many jobs leave from behind one that stays, the queue keeps hold
        of few of them.
        """
        stays = self.add()
        for _ in range(5000):
            self.end(self.add())
        jobs = [one for one in gc.get_objects() if isinstance(one, Job)]
        self.assertLess(sum(job.function is self.function for job in jobs), 200)
        self.assertIs(self.take(), stays)
        self.assertLooks(NOTHING, 0, 0, 0)

    def test_sweepKeepsOrder(self) -> None:
        """
        When many leave, the others stay in their order.
        """
        jobs = [self.add() for _ in range(1000)]
        for number, job in enumerate(jobs):
            if number % 10:
                self.end(job)
        self.assertLooks(NORMAL, 0, 100, 0)
        self.assertEqual([self.take() for _ in range(100)], jobs[::10])


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(Priority)),
        st.tuples(st.just("take"), st.just(0)),
        st.tuples(st.just("end"), st.integers(0, 400)),
    ),
    max_size=400,
)


class AnyOrderTests(QueueTestCase):
    """
    Jobs come and go in any order.
    """

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(STEPS)
    def test_steps(self, steps: list[tuple[str, int]]) -> None:
        """
        The queue does what three plain lists would do.
        """
        self.setUp()
        lanes: list[list[Job]] = [[], [], []]
        for step, number in steps:
            waiting = [job for lane in lanes for job in lane]
            if step == "add":
                lanes[number].append(self.add(Priority(number)))
            elif not waiting:
                self.assertRaises(IndexError, self.queue.popTop)
            elif step == "take":
                self.assertIs(self.take(), waiting[0])
                lanes[waiting[0].priority].remove(waiting[0])
            else:
                job = waiting[number % len(waiting)]
                lanes[job.priority].remove(job)
                self.end(job)
            top = next((p for p in Priority if lanes[p]), NOTHING)
            self.assertLooks(top, *(len(lane) for lane in lanes))
