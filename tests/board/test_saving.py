"""
Tests for L{txgearman.board.saving}.
"""

from __future__ import annotations

from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from tests.stores.stage import DurableStage, Outcome
from txgearman.board.saving import MANY, MUCH, Saving


@define(eq=False)
class HeldSender:
    """
    A sender that counts how often it is held up and let go.
    """

    heard: list[str] = field(factory=list)

    def hold(self, receiver: Saving) -> None:
        self.heard.append("hold")

    def release(self, receiver: Saving) -> None:
        self.heard.append("release")


class SavingTests(SynchronousTestCase):
    """
    Jobs that are saved together, and who waits for that.
    """

    def setUp(self) -> None:
        self.stage = DurableStage()
        self.job = self.stage.client().submits(background=True)
        self.saving = Saving()
        self.sender = HeldSender()

    def test_empty(self) -> None:
        """
        With nothing in it, and nobody who waits, it is nothing.
        """
        self.assertFalse(self.saving)
        self.assertFalse(self.saving.awaited)

    def test_something(self) -> None:
        """
        Anything makes it something; jobs and those who wait make it urgent.
        """
        for change, urgent in [
            (lambda s: s.jobs.update({self.job: None}), True),
            (lambda s: s.changed.update({1: self.job}), False),
            (lambda s: s.ended.update({1: None}), False),
            (lambda s: s.tell(Outcome(self.job)), True),
        ]:
            saving = Saving()
            change(saving)
            self.assertTrue(saving)
            self.assertIs(saving.awaited, urgent)

    def test_settle(self) -> None:
        """
        Everybody is told what came of it, each once, in the order of asking.
        """
        for refusal in None, b"no":
            saving = Saving()
            told: list[bytes | None] = []
            outcomes = [Outcome(self.job, told) for _ in range(2)]
            for outcome in outcomes:
                saving.tell(outcome)
            saving.settle(refusal)
            saving.settle(b"once more")
            self.assertEqual(told, [refusal, refusal])

    def test_held(self) -> None:
        """
        Who makes it too large is held up once, until it is over.
        """
        self.saving.size = MUCH
        self.saving.weigh(self.sender)
        self.assertEqual(self.sender.heard, [])
        self.saving.size += 1
        for _ in range(2):
            self.saving.weigh(self.sender)
        self.assertEqual(self.sender.heard, ["hold"])
        self.saving.settle(b"no")
        self.assertEqual(self.sender.heard, ["hold", "release"])

    def test_grown(self) -> None:
        """
        When there are many jobs, that is said as often as a submit is done.
        """
        heard: list[Saving] = []
        saving = self.saving
        saving.grown = heard.append
        client = self.stage.client()
        for _ in range(MANY - 1):
            saving.jobs[client.submits(background=True)] = None
        saving.weigh(self.sender)
        self.assertEqual(heard, [])
        saving.jobs[self.job] = None
        self.assertEqual(heard, [])
        for _ in range(2):
            saving.weigh(self.sender)
        self.assertEqual(heard, [saving, saving])
        self.assertEqual(self.sender.heard, [])

    def test_letGo(self) -> None:
        """
        Who is lost meanwhile is not let go.
        """
        self.saving.size = MUCH + 1
        self.saving.weigh(self.sender)
        self.saving.letGo(self.sender)
        self.saving.letGo(self.sender)
        self.saving.settle(None)
        self.assertEqual(self.sender.heard, ["hold"])

    def test_inherits(self) -> None:
        """
        What ended or changed in one that came to nothing is kept in mind, and so is
        that its jobs have to end; the end of a job comes before its changes.
        """
        failed, later = self.saving, Saving()
        other = self.stage.client().submits(background=True)
        number = self.job.number
        failed.jobs[self.job] = None
        failed.changed |= {number: self.job, other.number: other}
        failed.ended[7] = None
        failed.records["kind", b"key"] = None
        later.changed[7] = self.job
        later.inherit(failed)
        self.assertEqual(later.jobs, {})
        self.assertEqual(set(later.ended), {7, number})
        self.assertEqual(later.changed, {other.number: other})
        self.assertEqual(later.records, {("kind", b"key"): None})
