"""
Tests for L{txgearman.server.grabbing}.
"""

from __future__ import annotations

from tests.board.stage import takeCensus
from tests.server.pump import Peer, Pump, PumpTests
from txgearman.board.policy import Policy
from txgearman.server.settings import Settings
from txgearman.server.turn import MOMENT

ASSIGNED = ("JOB_ASSIGN", b"H:1", b"f", b"data")
NO_JOB = ("NO_JOB",)
SPELL = Settings().spell
NOOP = ("NOOP",)


class GrabbingTests(PumpTests):
    """
    A worker that asks for a job when there is none.
    """

    def sleeps(self, *workers: Peer) -> None:
        """
        Have workers ask, find nothing, and go to sleep.
        """
        for worker in workers:
            self.assertEqual(self.asks(worker, "GRAB_JOB"), [NO_JOB])
            self.assertEqual(self.asks(worker, "PRE_SLEEP"), [])

    def passesTwice(self) -> None:
        """
        Let two moments pass.
        """
        for _ in range(2):
            self.pump.passes(MOMENT)

    def test_first(self) -> None:
        """
        One who has not slept yet hears at once that there is none.
        """
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])

    def test_sameTurn(self) -> None:
        """
        A job that arrives in the same turn is assigned, though it arrives later.
        """
        self.worker.sends("GRAB_JOB")
        self.client.sends("SUBMIT_JOB", b"f", b"", b"data")
        self.assertEqual(self.worker.owed(), [ASSIGNED])

    def test_moment(self) -> None:
        """
        One who slept after the last answer waits for the next one; two moments at
        the most.
        """
        self.sleeps(self.worker)
        self.submits("SUBMIT_JOB", b"f", b"", b"data")
        self.assertEqual(self.worker.owed(), [NOOP])
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [ASSIGNED])
        self.worker.sends("WORK_COMPLETE", b"H:1", b"")
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [])
        self.pump.passes(MOMENT)
        self.assertEqual(self.worker.owed(), [])
        self.pump.passes(MOMENT)
        self.assertEqual(self.worker.owed(), [NO_JOB])
        self.pump.passes(60)
        self.assertEqual(self.worker.owed(), [])

    def test_assigned(self) -> None:
        """
        A job that comes meanwhile is assigned, in the way that was asked for, and
        nobody else is woken for it.
        """
        other = self.pump.connect()
        other.sends("CAN_DO", b"f")
        self.sleeps(other, self.worker)
        for grab, number, assigned in [
            ("GRAB_JOB", b"H:1", ("JOB_ASSIGN", b"H:1", b"f", b"data")),
            ("GRAB_JOB_UNIQ", b"H:2", ("JOB_ASSIGN_UNIQ", b"H:2", b"f", b"u", b"data")),
            ("GRAB_JOB_ALL", b"H:3", ("JOB_ASSIGN_UNIQ", b"H:3", b"f", b"u", b"data")),
        ]:
            self.assertEqual(self.asks(self.worker, grab), [])
            unique = b"" if grab == "GRAB_JOB" else b"u"
            self.client.sends("SUBMIT_JOB", b"f", unique, b"data")
            self.assertEqual(self.worker.owed(), [assigned])
            self.worker.sends("WORK_COMPLETE", number, b"")
        self.assertEqual(other.owed(), [])

    def test_reduceJob(self) -> None:
        """
        So is a reduce job.
        """
        self.sleeps(self.worker)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB_ALL"), [])
        self.client.sends("SUBMIT_REDUCE_JOB", b"f", b"u", b"r", b"", b"data")
        assigned = ("JOB_ASSIGN_ALL", b"H:1", b"f", b"u", b"r", b"data")
        self.assertEqual(self.worker.owed(), [assigned])

    def test_again(self) -> None:
        """
        Each question has its own two moments.
        """
        self.sleeps(self.worker)
        for number in range(1, 5):
            self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [])
            self.pump.passes(MOMENT)
            self.client.sends("SUBMIT_JOB", b"f", b"", b"data")
            handle = b"H:%d" % number
            assigned = ("JOB_ASSIGN", handle, b"f", b"data")
            self.assertEqual(self.worker.owed(), [assigned])
            self.worker.sends("WORK_COMPLETE", handle, b"")

    def test_jobTaken(self) -> None:
        """
        One for whom a job comes that another one takes at once waits on, for no longer.
        """
        self.sleeps(self.worker)
        other = self.pump.connect()
        other.sends("CAN_DO", b"f")
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [])
        self.pump.passes(MOMENT)
        self.client.sends("SUBMIT_JOB", b"f", b"", b"data")
        other.sends("GRAB_JOB")
        self.assertEqual(other.owed(), [ASSIGNED])
        self.assertEqual(self.worker.owed(), [])
        self.pump.passes(MOMENT)
        self.assertEqual(self.worker.owed(), [NO_JOB])

    def test_spell(self) -> None:
        """
        Who has not slept for a while is sent to sleep, however quickly one job follows
        the other: there may be another server that wants to wake it.
        """
        self.sleeps(self.worker)
        number = 0
        for _ in range(2):
            slept = self.pump.clock.seconds()
            while self.asks(self.worker, "GRAB_JOB") == []:
                self.pump.passes(MOMENT)
                number += 1
                self.client.sends("SUBMIT_JOB_BG", b"f", b"", b"data")
                assigned = ("JOB_ASSIGN", b"H:%d" % number, b"f", b"data")
                self.assertEqual(self.worker.owed(), [assigned])
                self.worker.sends("WORK_COMPLETE", b"H:%d" % number, b"")
            awake = self.pump.clock.seconds() - slept
            self.assertLess(abs(awake - SPELL), 2 * MOMENT)
            self.assertEqual(self.asks(self.worker, "PRE_SLEEP"), [])

    def test_longAgo(self) -> None:
        """
        To have slept long ago says nothing.
        """
        self.sleeps(self.worker)
        self.pump.passes(SPELL)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])

    def test_clockPutBack(self) -> None:
        """
        Nor does it to have slept in the future.
        """
        self.sleeps(self.worker)
        self.pump.clock.rightNow -= 3600
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])
        self.assertEqual(self.asks(self.worker, "PRE_SLEEP"), [])
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [])

    def test_atOnce(self) -> None:
        """
        A server may be told to keep nobody waiting.
        """
        pump = Pump(settings=Settings(spell=0))
        worker = pump.connect()
        worker.sends("CAN_DO", b"f")
        for _ in range(2):
            self.assertEqual(self.asks(worker, "GRAB_JOB"), [NO_JOB])
            self.assertEqual(self.asks(worker, "PRE_SLEEP"), [])

    def test_offeredInVain(self) -> None:
        """
        One who is offered a job that another one has taken is answered.
        """
        pump = Pump(Policy(handlePrefix=b"H", wakeup=0))
        client, *workers = pump.connectSeveral(4)
        for worker in workers:
            worker.sends("CAN_DO", b"f")
        self.sleeps(*workers)
        for worker in workers:
            self.assertEqual(self.asks(worker, "GRAB_JOB"), [])
        client.sends("SUBMIT_JOB", b"f", b"", b"data")
        heard = sorted(worker.owed() for worker in workers)
        self.assertEqual(heard, [[ASSIGNED], [NO_JOB], [NO_JOB]])
        takeCensus(pump.factory.board)

    def test_close(self) -> None:
        """
        When the server closes its connections, nobody is left without an answer.
        """
        self.sleeps(self.worker)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [])
        self.pump.factory.close(lambda: None)
        self.assertEqual(self.worker.owed(), [NO_JOB])
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def test_clockPutBackMeanwhile(self) -> None:
        """
        Who waits while the clock is put back is answered in the next turn's moments.
        """
        self.sleeps(self.worker)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [])
        self.pump.clock.rightNow -= 3600
        self.assertEqual(self.asks(self.client, "ECHO_REQ", b""), [("ECHO_RES", b"")])
        self.passesTwice()
        self.assertEqual(self.worker.owed(), [NO_JOB])

    def test_busyElsewhere(self) -> None:
        """
        One who came back without having slept has found a job elsewhere, and is
        answered at once until it sleeps again.
        """
        self.sleeps(self.worker)
        self.worker.sends("GRAB_JOB")
        self.passesTwice()
        self.assertEqual(self.worker.owed(), [NO_JOB])
        for _ in range(3):
            self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])
        self.worker.sends("PRE_SLEEP")
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [])

    def test_sleepsUnasked(self) -> None:
        """
        To sleep without having asked says nothing.
        """
        self.worker.sends("PRE_SLEEP")
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])

    def test_otherPacket(self) -> None:
        """
        Whoever says something else meanwhile is answered before that is.
        """
        self.sleeps(self.worker)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [])
        answers = self.asks(self.worker, "ECHO_REQ", b"a")
        self.assertEqual(answers, [NO_JOB, ("ECHO_RES", b"a")])
        self.pump.passes(60)
        self.assertEqual(self.worker.owed(), [])

    def test_sleepsBeforeAnswer(self) -> None:
        """
        One who sleeps without having waited for the answer gets it, and sleeps.
        """
        self.sleeps(self.worker)
        self.worker.sends("GRAB_JOB")
        self.assertEqual(self.asks(self.worker, "PRE_SLEEP"), [NO_JOB])
        self.client.sends("SUBMIT_JOB", b"f", b"", b"data")
        self.assertEqual(self.worker.owed(), [NOOP])

    def test_gone(self) -> None:
        """
        Nothing is left of one who is gone: its job is another's.
        """
        self.sleeps(self.worker)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [])
        self.worker.leaves()
        self.pump.settle()
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])
        other = self.pump.connect()
        other.sends("CAN_DO", b"f")
        self.client.sends("SUBMIT_JOB", b"f", b"", b"data")
        self.assertEqual(self.asks(other, "GRAB_JOB"), [ASSIGNED])

    def test_shared(self) -> None:
        """
        All who wait cost the reactor one call, and nobody none.
        """
        workers = self.pump.connectSeveral(10)
        for worker in workers:
            worker.sends("CAN_DO", b"f")
        self.sleeps(*workers)
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])
        for worker in workers:
            self.assertEqual(self.asks(worker, "GRAB_JOB"), [])
        self.assertEqual(len(self.pump.clock.getDelayedCalls()), 1)
        self.passesTwice()
        self.assertEqual([worker.owed() for worker in workers], [[NO_JOB]] * 10)
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])
