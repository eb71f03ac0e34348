"""
Tests for L{txgearman.fleet.ending}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet.ending import Backoff, Ending


class EndingTests(SynchronousTestCase):
    """
    How an ending is put into words.
    """

    def test_words(self) -> None:
        """
        It is said after what time it came, and how.
        """
        for ending, said in [
            (Ending(0.12, 255), "died after 0.1 s with status 255"),
            (Ending(3600, -9), "died after 3600.0 s by SIGKILL"),
            (Ending(1, -99), "died after 1.0 s by signal 99"),
            (Ending(2, 0), "ended after 2.0 s with status 0"),
            (Ending(0, None, "No memory"), "could not be started: No memory"),
        ]:
            self.assertEqual(str(ending), said)


class BackoffTests(SynchronousTestCase):
    """
    When the next child starts.
    """

    def pauses(self, *endings: Ending, worked: bool = False) -> list[float]:
        backoff = Backoff()
        return [backoff.pause(ending, worked) for ending in endings]

    def test_crashes(self) -> None:
        """
        The first one is replaced at once, those that follow later and later, up to a
        minute.
        """
        self.assertEqual(
            self.pauses(*[Ending(4.9, 1)] * 11),
            [0, 0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60],
        )

    def test_forever(self) -> None:
        """
        However often that happens, it is a minute.
        """
        self.assertEqual(self.pauses(*[Ending(0, -11)] * 5000)[-1], 60)

    def test_recovered(self) -> None:
        """
        One that lived for a while starts over.
        """
        early, late = Ending(1, 1), Ending(5, 1)
        self.assertEqual(
            self.pauses(early, early, early, late, early, early),
            [0, 0.5, 1, 0, 0, 0.5],
        )

    def test_notStarted(self) -> None:
        """
        One that could not be started counts as a crash.
        """
        self.assertEqual(self.pauses(*[Ending(0, None, "x")] * 3), [0, 0.5, 1])

    def test_worked(self) -> None:
        """
        One that ends well after its work is replaced at once, though not more than ten
        times a second.
        """
        self.assertEqual(self.pauses(*[Ending(0.5, 0)] * 9, worked=True), [0] * 9)
        self.assertEqual(self.pauses(*[Ending(0, 0)] * 3, worked=True), [0.1] * 3)
        self.assertEqual(self.pauses(*[Ending(1, 0)] * 9), [0] * 9)

    def test_limited(self) -> None:
        """
        One that should end after some work, and does so too soon for that, may have had
        no server: it is tried once a second.
        """
        backoff = Backoff()
        pauses = [backoff.pause(Ending(0.1, 0), False, True) for _ in range(5)]
        self.assertEqual(pauses, [0, 0.5, 1, 1, 1])
        self.assertEqual(backoff.again, ", for the 5th time in a row")
        self.assertEqual(backoff.pause(Ending(0.1, 1), False, True), 8)

    def test_idle(self) -> None:
        """
        One that ends well, at once, without having done anything, is as bad as one
        that crashes.
        """
        self.assertEqual(self.pauses(*[Ending(0.1, 0)] * 3), [0, 0.5, 1])

    def test_again(self) -> None:
        """
        It is said how often that happened in a row.
        """
        backoff = Backoff()
        said = []
        for _ in range(23):
            backoff.pause(Ending(0, 1), False)
            said.append(backoff.again.removeprefix(", for the "))
        self.assertEqual(said[0], "")
        for number, ordinal in [(2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th")]:
            self.assertEqual(said[number - 1], f"{ordinal} time in a row")
        self.assertEqual(said[20][:4], "21st")
        self.assertEqual(said[21][:4], "22nd")
