"""
Tests for L{txgearman.fleet.heeding}: what signals are to a child.
"""

from __future__ import annotations

import os
import signal

from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet.heeding import Heed

TERM, INT = signal.SIGTERM, signal.SIGINT


class HeedTests(SynchronousTestCase):
    """
    Tests of L{Heed}.

    @ivar put: what was put in place for signals.
    @ivar killed: who was sent what.
    """

    def setUp(self) -> None:
        self.put: dict[int, object] = {}
        self.killed: list[tuple[str, int, int]] = []
        self.drained = 0
        self.group = 5
        self.patch(signal, "signal", self.put.__setitem__)
        self.patch(os, "getpid", lambda: 5)
        self.patch(os, "getpgrp", lambda: self.group)
        self.patch(os, "kill", lambda *sent: self.killed.append(("one", *sent)))
        self.patch(os, "killpg", lambda *sent: self.killed.append(("all", *sent)))
        self.heed = Heed()

    def drain(self) -> None:
        self.drained += 1

    def listens(self) -> None:
        """
        Listen, as when there are jobs.
        """
        self.heed.listen(self.drain)
        self.assertEqual(self.put, {INT: self.heed.heard, TERM: self.heed.heard})

    def test_early(self) -> None:
        """
        Before there is anything to drain, a signal ends the program in order.
        """
        self.heed.listen()
        for number in TERM, INT:
            with self.assertRaises(SystemExit) as caught:
                self.heed.heard(number, None)
            self.assertEqual(caught.exception.code, 0)
        self.assertTrue(self.heed.asked)

    def test_first(self) -> None:
        """
        The first one drains.
        """
        self.listens()
        self.heed.heard(TERM, None)
        self.assertEqual((self.drained, self.killed), (1, []))

    def test_again(self) -> None:
        """
        Whoever else says that it is to end says nothing new.
        """
        self.listens()
        for number in (TERM, TERM, INT, TERM):
            self.heed.heard(number, None)
        self.assertEqual((self.drained, self.killed), (1, []))

    def test_impatient(self) -> None:
        """
        The second Ctrl-C kills, with all that the child started.
        """
        self.listens()
        self.heed.heard(INT, None)
        self.heed.heard(INT, None)
        self.assertEqual((self.drained, self.killed), (1, [("all", 5, INT)]))
        self.assertIs(self.put[INT], signal.SIG_DFL)

    def test_impatientAmongOthers(self) -> None:
        """
        A child that is in somebody else's group kills itself only.
        """
        self.group = 3
        self.listens()
        self.heed.heard(INT, None)
        self.heed.heard(INT, None)
        self.assertEqual(self.killed, [("one", 5, INT)])
