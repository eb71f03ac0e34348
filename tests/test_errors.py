"""
Tests for L{txgearman.errors}.
"""

from __future__ import annotations

import pickle
from copy import copy

from twisted.trial.unittest import SynchronousTestCase

from txgearman import errors
from txgearman.errors import (
    BackgroundJob,
    BadRow,
    BadSchedule,
    BadSetting,
    GearmanError,
    JobError,
    JobException,
    JobFailed,
    JobLost,
    JobTimeout,
    NoServers,
    QueueFull,
    ServerError,
    StoreError,
    StoreUnusable,
    serverError,
)


class Picky(JobException):
    """
    A user's own, whose constructor takes what others do not.
    """

    def __init__(self, *, user: str, data: bytes) -> None:
        super().__init__(data, handle=b"H:1")
        self.user = user


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
            (BadRow, ValueError),
            (BadSchedule, ValueError),
            (BadSetting, ValueError),
            (JobTimeout, TimeoutError),
        ]:
            self.assertTrue(issubclass(error, kind))
        self.assertTrue(issubclass(JobException, JobFailed))
        self.assertTrue(issubclass(QueueFull, ServerError))
        self.assertTrue(issubclass(StoreUnusable, StoreError))

    def test_serverError(self) -> None:
        """
        A server's error reads as code and text, even where they are not text.
        """
        error = ServerError(b"A\xff", b"b\xff")
        self.assertEqual(str(error), "A\N{REPLACEMENT CHARACTER}: b\ufffd")
        self.assertEqual((error.code, error.text), (b"A\xff", b"b\xff"))
        self.assertEqual(str(QueueFull()), "QUEUE_ERROR: Job queue is full")

    def test_serverErrorOf(self) -> None:
        """
        A refusal by a full queue is an error of its own, in the server's words.
        """
        error = serverError(b"QUEUE_ERROR", b"no room")
        self.assertIs(type(error), QueueFull)
        self.assertEqual(str(error), "QUEUE_ERROR: no room")
        error = serverError(b"SHUTDOWN", b"bye")
        self.assertIs(type(error), ServerError)
        self.assertEqual((error.code, error.text), (b"SHUTDOWN", b"bye"))

    def test_jobError(self) -> None:
        """
        A job's error reads as its handle, if it had one, and the reason, or the
        sentence of its class.
        """
        lost = "The connection to the job's server was lost, and with it the news"
        self.assertTrue(str(JobLost()).startswith(lost))
        self.assertTrue(str(JobLost(handle=b"H:1")).startswith("H:1: " + lost))
        self.assertEqual(str(JobLost("gone", handle=b"H:\xff")), "H:\\xff: gone")
        self.assertEqual(str(JobTimeout("late")), "late")
        self.assertEqual(JobFailed(b"no \xff").reason, "no \\xff")
        self.assertEqual(BackgroundJob(handle=b"H:1").handle, b"H:1")

    def test_exception(self) -> None:
        """
        An exception carries what the worker said, and reads as it.
        """
        error = JobException(b"oh\xff", handle=b"H:1")
        self.assertEqual((error.data, error.handle), (b"oh\xff", b"H:1"))
        self.assertEqual(str(error), "H:1: oh\\xff")
        self.assertTrue(str(JobException()).startswith("The worker failed"))
        self.assertEqual(JobException("\u00e4\udcff").data, b"\xc3\xa4\\udcff")

    def test_pickle(self) -> None:
        """
        Each error travels between processes with all that it says, and so does
        one of a user's own.
        """
        made = [
            ServerError(b"CODE", b"text"),
            QueueFull(b"no room"),
            BadSchedule("bad"),
            BadRow("bad"),
            StoreError("down"),
            StoreUnusable("wrong"),
            BadSetting("bad"),
            GearmanError("bad"),
            NoServers("none"),
            Picky(user="me", data=b"data"),
            JobException(b"\xff", handle=b"H:1"),
        ]
        for kind in (JobError, JobFailed, JobLost, JobTimeout, BackgroundJob):
            made.append(kind("why", handle=b"H:1"))
        kinds = {each for each in vars(errors).values() if isinstance(each, type)}
        self.assertEqual({type(error) for error in made} - {Picky}, kinds)
        for error in made:
            error.add_note("seen")
            for again in (pickle.loads(pickle.dumps(error)), copy(error)):
                self.assertIs(type(again), type(error))
                self.assertEqual(str(again), str(error))
                self.assertEqual(again.args, error.args)
                self.assertEqual(vars(again), vars(error))
