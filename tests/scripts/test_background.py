"""
Tests for L{txgearman.scripts.background}.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.scripts.stage import ToolTestCase
from txgearman.scripts.background import detach, pidFile


class Exited(BaseException):
    """
    The process is no more.
    """


class DetachTests(SynchronousTestCase):
    """
    Tests of L{detach}, in a process that only seems to be several.

    @ivar done: what was done, in its order.
    """

    def setUp(self) -> None:
        self.done: list[object] = []
        self.children: list[int] = []
        self.patch(os, "fork", self.fork)
        self.patch(os, "_exit", self.exit)
        self.patch(os, "setsid", lambda: self.done.append("setsid"))
        self.patch(os, "open", self.open)
        self.patch(os, "dup2", lambda *pair: self.done.append(pair))
        self.patch(os, "close", self.done.append)

    def fork(self) -> int:
        self.done.append("fork")
        return self.children.pop(0)

    def open(self, path: str, flags: int) -> int:
        self.done.append(path)
        return 9

    def exit(self, status: int) -> None:
        raise Exited(status)

    def test_first(self) -> None:
        """
        The process that was started ends well, and does nothing else.
        """
        self.children = [1]
        ended = self.assertRaises(Exited, detach)
        self.assertEqual((ended.args, self.done), ((0,), ["fork"]))

    def test_second(self) -> None:
        """
        Its child leads a session without a terminal, has a child, and ends, too.
        """
        self.children = [0, 1]
        ended = self.assertRaises(Exited, detach)
        self.assertEqual((ended.args, self.done), ((0,), ["fork", "setsid", "fork"]))

    def test_third(self) -> None:
        """
        The last one goes on, and reads and writes nothing.
        """
        self.children = [0, 0]
        detach()
        self.assertEqual(self.done[3:], [os.devnull, (9, 0), (9, 1), (9, 2), 9])


class PidFileTests(ToolTestCase):
    """
    Tests of L{pidFile}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.path = self.folder() / "pid"

    def test_kept(self) -> None:
        """
        The process id is in the file, as a line, as long as it lasts.
        """
        with pidFile(str(self.path)):
            self.assertEqual(self.path.read_bytes(), b"%d\n" % os.getpid())
        self.assertFalse(self.path.exists())

    def test_none(self) -> None:
        """
        Without a path there is no file.
        """
        with pidFile(None):
            self.assertEqual(list(self.path.parent.iterdir()), [])

    def test_replaced(self) -> None:
        """
        What was left of another process is replaced.
        """
        self.path.write_text("a long line that somebody else wrote\n")
        with pidFile(str(self.path)):
            self.assertEqual(self.path.read_bytes(), b"%d\n" % os.getpid())

    def test_error(self) -> None:
        """
        It is removed, too, when the tool ends with an error.
        """

        def fails() -> None:
            with pidFile(str(self.path)):
                raise SystemExit(1)

        self.assertRaises(SystemExit, fails)
        self.assertFalse(self.path.exists())

    def test_removedMeanwhile(self) -> None:
        """
        Somebody else may remove it.
        """
        with pidFile(str(self.path)):
            self.path.unlink()
        self.assertFalse(self.path.exists())

    def test_unwritable(self) -> None:
        """
        When it cannot be written nothing is begun.
        """
        begun: list[int] = []

        def begins(path: Path) -> None:
            with pidFile(str(path)):
                begun.append(1)

        for path in self.path.parent, self.path / "pid":
            self.assertRaises(OSError, begins, path)
        self.assertEqual(begun, [])
