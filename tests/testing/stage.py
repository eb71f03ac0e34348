"""
The pump that the tests of jobs and servers play on.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txgearman.testing.pump import Pump
from txgearman.worker.job import RunningJob

Job = RunningJob[bytes]


def reverse(job: Job) -> bytes:
    """
    The function that every worker here can do.
    """
    return job.data[::-1]


class PumpTests(SynchronousTestCase):
    """
    A server, a worker and a client.
    """

    def setUp(self) -> None:
        self.pump = Pump()
        self.addCleanup(self.closes)
        self.server = self.pump.server()
        self.worker = self.pump.worker(self.server, concurrency=4)
        self.worker.register("reverse", reverse)
        self.client = self.pump.client(self.server)

    def closes(self) -> None:
        self.pump.close()
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def never(self, name: str = "never") -> list[Job]:
        """
        Have the worker begin with jobs of a function and not end them.

        @return: those jobs.
        """
        jobs: list[Job] = []

        def begin(job: Job) -> Deferred[bytes]:
            jobs.append(job)
            return Deferred()

        self.worker.register(name, begin)
        return jobs
