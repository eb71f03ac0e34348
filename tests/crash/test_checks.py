"""
Tests of what the crash tests look for: it is of no use if nothing is ever found.
"""

from __future__ import annotations

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from tests.crash.checks import Repeats, checkAll, checkStore
from tests.crash.ledger import End, Ledger, Life, Outcome, Run, Submission, digest

HANDLE = b"H:x:1"


@frozen
class Row:
    """
    A job as a store has it.
    """

    handle: bytes = HANDLE
    function: bytes = b"f"
    unique: bytes = b"u"
    priority: int = 1
    data: bytes = b"data"
    reducer: bytes = b""
    due: float = 0.0
    attempts: int = 0


class CheckTests(SynchronousTestCase):
    """
    Tests of L{checkStore} and L{checkAll}.
    """

    def setUp(self) -> None:
        """
        A ledger with a job that was acknowledged, in a life that was killed.
        """
        self.ledger = Ledger()
        self.life = self.ledger.begin()
        self.submit()

    def submit(
        self,
        handle: bytes = HANDLE,
        unique: bytes = b"u",
        data: bytes = b"data",
        due: float = 0.0,
    ) -> Submission:
        life = self.ledger.life
        submission = Submission(life, b"f", unique, digest(data), 1, True, due=due)
        submission.sent = 100.0
        self.ledger.created(submission, handle)
        return submission

    def run_(
        self, begun: float = 101.0, ended: float = 0.0, confirmed: float = 0.0
    ) -> Run:
        data = digest(b"data")
        run = Run(self.ledger.life, HANDLE, b"f", b"u", data, None, begun)
        self.ledger.assigned(run)
        if ended:
            self.ledger.reported(run, Outcome.COMPLETED, ended)
        run.confirmed = confirmed
        return run

    def end(self, when: float, end: End = End.KILLED) -> Life:
        """
        The life ends, and the next one begins.
        """
        life = self.ledger.life
        life.ended, life.end = when, end
        return self.ledger.begin()

    def violations(self) -> list[str]:
        """
        What was found, without the history.
        """
        return [one.split("\n")[0] for one in self.ledger.violations]

    def check(self) -> Repeats:
        return checkAll(self.ledger)

    def assertFound(self, *what: str) -> None:
        self.assertEqual(self.violations(), list(what))

    # In the store

    def test_kept(self) -> None:
        """
        What is owed and in the store is as it should be.
        """
        checkStore(self.ledger, [Row()])
        self.assertFound()

    def test_notKept(self) -> None:
        """
        What is owed and not in the store is found.
        """
        checkStore(self.ledger, [])
        self.assertFound("not in the store after life 0")

    def test_notOwed(self) -> None:
        """
        What has run to an end need not be in the store.
        """
        self.run_(ended=102.0)
        checkStore(self.ledger, [])
        self.assertFound()

    def test_changed(self) -> None:
        """
        What is in the store and was not submitted like this is found.
        """
        for row in (
            Row(function=b"g"),
            Row(unique=b"v"),
            Row(priority=2),
            Row(data=b"dat"),
            Row(reducer=b"r"),
            Row(due=5.0),
        ):
            checkStore(self.ledger, [row])
            [found] = self.violations()
            self.assertIn("nobody submitted this", found)
            self.ledger.violations.clear()

    def test_unknown(self) -> None:
        """
        A job whose client was lost before the answer may be in the store, and one
        that was refused may not.
        """
        other = Submission(self.life, b"f", b"w", digest(b"other"), 1, True)
        rows = [Row(), Row(b"H:x:2", unique=b"w", data=b"other")]
        self.ledger.dropped(other)
        checkStore(self.ledger, rows)
        self.assertFound()
        other.error = b"QUEUE_ERROR\0no"
        checkStore(self.ledger, rows)
        self.assertEqual(len(self.violations()), 1)

    def test_attempts(self) -> None:
        """
        Attempts that the store has forgotten are found.
        """
        checkStore(self.ledger, [Row(attempts=2)])
        checkStore(self.ledger, [Row(attempts=1)])
        self.assertFound("the store knows of fewer attempts than before")

    def test_twiceInStore(self) -> None:
        """
        Two jobs with one handle in the store are found.
        """
        checkStore(self.ledger, [Row(), Row()])
        self.assertFound("two jobs in the store have one handle")

    # What ran

    def test_done(self) -> None:
        """
        A job that ran once, after it was submitted, is as it should be.
        """
        self.run_(ended=102.0, confirmed=103.0)
        self.check()
        self.assertFound()

    def test_lost(self) -> None:
        """
        A job that never ran, or never to an end, is found.
        """
        lost = "LOST: acknowledged, and never run to an end"
        self.check()
        self.run_()
        self.check()
        self.assertFound(lost, lost)

    def test_joinedTooLate(self) -> None:
        """
        A submit that was answered with the handle of a job that had ended is found.
        """
        self.run_(begun=98.0, ended=99.0, confirmed=99.5)
        self.check()
        self.assertFound("LOST: acknowledged, and never run to an end")

    def test_coalesced(self) -> None:
        """
        Submits with the same unique may have one handle, and others may not.
        """
        self.run_(ended=102.0)
        self.submit(data=b"another")
        self.check()
        self.assertFound()
        self.submit(unique=b"v")
        self.check()
        self.assertFound("two jobs have one handle")

    def test_tooEarly(self) -> None:
        """
        A job that runs before it is due is found.
        """
        [submission] = self.ledger.answered[HANDLE]
        submission.due = 101.04
        self.run_(begun=101.0, ended=102.0)
        self.check()
        self.assertFound()
        submission.due = 101.06
        self.check()
        self.assertFound("it ran before it was due")

    def test_other(self) -> None:
        """
        A worker that is assigned something else than what was submitted is found.
        """
        self.run_(ended=102.0).unique = b"v"
        self.check()
        self.assertFound("what ran was never submitted like this")

    # What ran again

    def test_workerLost(self) -> None:
        """
        A job whose worker was lost may run again.
        """
        self.run_().outcome = Outcome.LOST
        self.run_(ended=104.0)
        self.assertEqual(self.check().reasons.total(), 1)
        self.assertFound()

    def test_sameLife(self) -> None:
        """
        A job that runs twice though nobody died is found.
        """
        self.run_(ended=102.0)
        self.run_(ended=104.0)
        self.check()
        self.assertFound("it ran twice, and its worker lived")

    def test_killed(self) -> None:
        """
        A job may run again if the server was killed while it ran, or so soon after
        that its end may not have been saved.
        """
        self.run_(ended=102.0, confirmed=102.1)
        self.end(102.5)
        self.run_()
        self.end(105.0)
        self.run_(ended=106.0)
        repeats = self.check()
        self.assertEqual(repeats.reasons.total(), 2)
        self.assertEqual(repeats.longest, 0.5)
        self.assertFound()

    def test_killedLater(self) -> None:
        """
        A job that runs again though its end must have been saved is found, unless
        the store was down.
        """
        self.run_(ended=102.0, confirmed=102.1)
        self.end(103.5)
        self.run_(ended=106.0)
        self.check()
        self.assertFound("it ran twice, long after its end")
        self.ledger.violations.clear()
        self.life.outage, self.life.unsavedSince = True, 101.0
        self.check()
        self.assertFound()

    def test_terminated(self) -> None:
        """
        A job that runs again though the server was told to end, and had answered
        something later than its end, is found; without the answer it is not.
        """
        first = self.run_(ended=102.0)
        self.end(102.1, End.TERMINATED)
        self.run_(ended=106.0)
        self.check()
        self.assertFound()
        first.confirmed = 102.05
        self.check()
        self.assertFound("it ran twice, and the server had time to stop")

    # What the server says

    def test_status(self) -> None:
        """
        A server that does not know a job it owes is found, unless it may still be
        loading.
        """
        self.life.accepted = False
        self.ledger.status(HANDLE, False)
        self.assertFound()
        self.life.accepted = True
        self.ledger.status(HANDLE, False)
        self.assertFound("the server does not know a job of its own in life 0")
