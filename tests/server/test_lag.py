"""
Tests of what a client need not know at once.
"""

from __future__ import annotations

from tests.server.pump import Item, PumpTests


class LagTests(PumpTests):
    """
    A client of a server that has more to do.
    """

    def setUp(self) -> None:
        super().setUp()
        self.other = self.pump.connect()

    def turn(self) -> list[Item]:
        """
        Let a turn pass.

        @return: what the client has got by then.
        """
        self.pump.turn()
        return self.client.heard()

    def begins(self, jobs: int) -> None:
        """
        Let the client submit jobs in the foreground, and the worker take the first.
        """
        for _ in range(jobs):
            self.client.sends("SUBMIT_JOB", b"f", b"", b"data")
        self.asks(self.worker, "GRAB_JOB")
        self.client.heard()

    def completes(self, number: int) -> None:
        """
        Let the worker do its job, and ask for the next one.
        """
        self.worker.sends("WORK_COMPLETE", b"H:%d" % number, b"ok")
        self.worker.sends("GRAB_JOB")

    def done(self, *numbers: int) -> list[Item]:
        return [("WORK_COMPLETE", b"H:%d" % number, b"ok") for number in numbers]

    def test_results(self) -> None:
        """
        While jobs wait, the worker has the next one before the client has the result;
        and the next result may leave with it.
        """
        self.begins(4)
        self.completes(1)
        writes = self.client.wire.writes
        self.assertEqual(self.turn(), [])
        [(name, handle, *_)] = self.worker.heard()
        self.assertEqual((name, handle), ("JOB_ASSIGN", b"H:2"))
        self.completes(2)
        self.assertEqual(self.turn(), [])
        self.assertEqual(self.turn(), self.done(1, 2))
        self.assertEqual(self.client.wire.writes, writes + 1)

    def test_last(self) -> None:
        """
        When no job waits, the result leaves at once: others may wait for what the
        client does then.
        """
        self.begins(1)
        self.completes(1)
        self.other.sends("ECHO_REQ", b"x")
        self.assertEqual(self.turn(), self.done(1))

    def test_created(self) -> None:
        """
        That a job in the foreground was created leaves later, since its result is what
        the client waits for; of one in the background it hears at once.
        """
        for name, atOnce in [("SUBMIT_JOB", False), ("SUBMIT_JOB_BG", True)]:
            self.other.sends("ECHO_REQ", b"x")
            self.client.sends(name, b"f", b"", b"data")
            heard = self.turn()
            self.assertEqual(bool(heard), atOnce)
            self.assertEqual(len(heard + self.turn()), 1)

    def test_alone(self) -> None:
        """
        With nothing else to do, it leaves at once, too.
        """
        self.client.sends("SUBMIT_JOB", b"f", b"", b"data")
        self.assertEqual(self.turn(), [("JOB_CREATED", b"H:1")])
