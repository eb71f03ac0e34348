"""
Tests for L{txgearman.client.submission}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.job import Priority
from txgearman.client.submission import Submission
from txgearman.wire.packets import PACKETS


def submission(
    priority: Priority = Priority.NORMAL,
    background: bool = False,
    at: int | None = None,
    reducer: bytes | None = None,
) -> Submission:
    """
    Make one with other than the plain properties.
    """
    return Submission(b"f", b"u", b"\0x", priority, background, at, reducer)


class SubmissionTests(SynchronousTestCase):
    """
    What is asked for, and the packet that asks for it.
    """

    def test_packets(self) -> None:
        """
        Each form has a packet of its own, with the arguments of the protocol.
        """
        plain = (b"f", b"u", b"\0x")
        reduce = (b"f", b"u", b"r", b"", b"\0x")
        forms = [
            (submission(Priority.HIGH), "SUBMIT_JOB_HIGH", plain),
            (submission(), "SUBMIT_JOB", plain),
            (submission(Priority.LOW), "SUBMIT_JOB_LOW", plain),
            (submission(Priority.HIGH, True), "SUBMIT_JOB_HIGH_BG", plain),
            (submission(background=True), "SUBMIT_JOB_BG", plain),
            (submission(Priority.LOW, True), "SUBMIT_JOB_LOW_BG", plain),
            (submission(at=9), "SUBMIT_JOB_EPOCH", (b"f", b"u", b"9", b"\0x")),
            (submission(reducer=b"r"), "SUBMIT_REDUCE_JOB", reduce),
            (
                submission(background=True, reducer=b"r"),
                "SUBMIT_REDUCE_JOB_BACKGROUND",
                reduce,
            ),
        ]
        for asked, name, arguments in forms:
            number, sent = asked.packet()
            self.assertEqual((PACKETS[number].name, sent), (name, arguments))
            self.assertEqual(len(sent), len(PACKETS[number].arguments))

    def test_inBackground(self) -> None:
        """
        Nobody hears of background jobs, nor of those for later, even for the
        very start of the epoch.
        """
        self.assertFalse(submission().inBackground)
        self.assertFalse(submission(reducer=b"r").inBackground)
        self.assertTrue(submission(background=True).inBackground)
        self.assertTrue(submission(at=0).inBackground)

    def test_refused(self) -> None:
        """
        What the protocol has no packet for cannot be made.
        """
        for priority in (Priority.HIGH, Priority.LOW):
            self.assertRaises(ValueError, submission, priority, at=0)
            self.assertRaises(ValueError, submission, priority, reducer=b"")
        self.assertRaises(ValueError, submission, at=0, reducer=b"")
