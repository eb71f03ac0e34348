"""
Tests of L{txgearman.busypoll}.
"""

from __future__ import annotations

from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from txgearman.busypoll import BusyPoll


class BusyPollTests(SynchronousTestCase):
    """
    Staying awake while waits are short. A look takes a microsecond.
    """

    AWAKE = 50.0
    READY: ClassVar = [(7, 1)]

    def setUp(self) -> None:
        self.now = 0.0
        self.due = 0.0
        self.looks: list[float | None] = []
        self.gaveWay = 0
        self.wait = BusyPoll(self._poll, self._giveWay, lambda: self.now)
        self.wait.awake = self.AWAKE

    def _giveWay(self) -> None:
        self.gaveWay += 1

    def _poll(self, timeout: float | None, most: int) -> list[tuple[int, int]]:
        self.looks.append(timeout)
        self.now += 1
        patience = 0.0 if timeout == 0 else 1e6 if timeout is None else timeout
        if self.due <= self.now + patience:
            self.now = max(self.now, self.due)
            return self.READY
        self.now += patience
        return []

    def waits(self, gap: float, timeout: float | None = None) -> list[float | None]:
        """
        Wait for something that comes after so long.

        @return: the waits that were tried for it.
        """
        self.looks.clear()
        self.due = self.now + gap
        self.assertEqual(self.wait(timeout, 3), self.READY)
        return self.looks[:]

    def waitsInVain(self, timeout: float) -> list[float | None]:
        """
        Wait for what does not come in time.

        @return: the waits that were tried for it.
        """
        self.looks.clear()
        self.due = self.now + 1000
        self.assertEqual(self.wait(timeout, 3), [])
        return self.looks[:]

    def hurries(self) -> None:
        for _ in range(3):
            self.assertEqual(self.waits(80), [None])

    def test_short(self) -> None:
        """
        After some short waits it stays awake until there is something.
        """
        self.hurries()
        for _ in range(3):
            self.assertEqual(self.waits(10), [0.0] * 10)

    def test_givesWay(self) -> None:
        """
        After each look in vain others may have the processor.
        """
        self.hurries()
        self.assertEqual(self.gaveWay, 0)
        self.waits(10)
        self.assertEqual(self.gaveWay, 9)

    def test_others(self) -> None:
        """
        When others take the processor for longer, it sleeps when it has it again, no
        longer than it may.
        """
        self.hurries()
        self.wait._giveWay = lambda: setattr(self, "now", self.now + 100)
        self.assertEqual(self.waits(500), [0.0, None])
        self.hurries()
        self.assertEqual(self.waitsInVain(60.0), [0.0, 0.0])

    def test_long(self) -> None:
        """
        When nothing comes, it sleeps; and at once then, until waits are short again.
        """
        self.hurries()
        looks = self.waits(500)
        self.assertEqual(looks, [0.0] * 50 + [None])
        self.hurries()
        self.assertEqual(self.waits(5), [0.0] * 5)

    def test_sometimes(self) -> None:
        """
        Short waits with long ones between them are no reason to stay awake.
        """
        for gap in 10, 20, 300, 10, 20, 300, 10, 20, 30:
            self.assertEqual(self.waits(gap), [None])

    def test_off(self) -> None:
        """
        Nor is anything, unless it is wanted.
        """
        self.wait.awake = 0.0
        for _ in range(9):
            self.assertEqual(self.waits(10), [None])

    def test_noTime(self) -> None:
        """
        A look without waiting is one look.
        """
        self.hurries()
        self.assertEqual(self.waitsInVain(0.0), [0.0])

    def test_timeout(self) -> None:
        """
        It comes back when it is to come back, if nothing is there, and stays awake no
        longer than that. For what it did not wait it will not stay awake either.
        """
        for timeout, sleep in (100.0, 50.0), (20.0, 0.0):
            self.hurries()
            self.assertEqual(self.waitsInVain(timeout)[-2:], [0.0, sleep])
        for _ in range(5):
            self.waitsInVain(20.0)
        self.assertEqual(self.waits(5), [None])
