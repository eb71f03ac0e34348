"""
Tests for L{txgearman.errors}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txgearman import errors
from txgearman.errors import (
    BackgroundJob,
    BadSchedule,
    BadSetting,
    GearmanError,
    JobException,
    JobFailed,
    JobLost,
    JobTimeout,
    QueueFull,
    ServerError,
)


class ErrorTests(SynchronousTestCase):
    """
    Everything that is raised on purpose.
    """

    def test_root(self) -> None:
        """
        All errors are of one family, and each has a sentence for a user.
        """
        for error in vars(errors).values():
            if isinstance(error, type):
                self.assertTrue(issubclass(error, GearmanError))
                self.assertTrue((error.__doc__ or "").strip().endswith("."), error)

    def test_standard(self) -> None:
        """
        Where Python has an error of the kind, they are of it.
        """
        for error, kind in [
            (BadSchedule, ValueError),
            (BadSetting, ValueError),
            (JobTimeout, TimeoutError),
        ]:
            self.assertTrue(issubclass(error, kind))
        self.assertTrue(issubclass(JobException, JobFailed))
        self.assertTrue(issubclass(QueueFull, ServerError))

    def test_serverError(self) -> None:
        """
        A server's error reads as code and text, even where they are not text.
        """
        error = ServerError(b"A\xff", b"b\xff")
        self.assertEqual(str(error), "A\N{REPLACEMENT CHARACTER}: b\ufffd")
        self.assertEqual((error.code, error.text), (b"A\xff", b"b\xff"))
        self.assertEqual(str(QueueFull()), "QUEUE_ERROR: Job queue is full")

    def test_jobError(self) -> None:
        """
        A job's error reads as its handle, if it had one, and the reason, or the
        sentence of its class.
        """
        lost = "The connection to the job's server was lost, and with it the news"
        self.assertTrue(str(JobLost()).startswith(lost))
        self.assertTrue(str(JobLost(b"H:1")).startswith("H:1: " + lost))
        self.assertEqual(str(JobLost(b"H:\xff", "gone")), "H:\\xff: gone")
        self.assertEqual(str(JobTimeout(reason="late")), "late")
        self.assertEqual(BackgroundJob(b"H:1").handle, b"H:1")

    def test_exception(self) -> None:
        """
        An exception carries what the worker said, and reads as it.
        """
        error = JobException(b"H:1", b"oh\xff")
        self.assertEqual(error.data, b"oh\xff")
        self.assertEqual(str(error), "H:1: oh\\xff")
        self.assertTrue(str(JobException()).startswith("The worker failed"))
