"""
Tests for L{txgearman.fleet.orphans}: who is ended when a master died, and how.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet.orphans import (
    PATIENCE,
    Children,
    Orphans,
    Process,
    belongs,
    endByGroups,
    process,
    processes,
    send,
)

TERM, KILL = signal.SIGTERM, signal.SIGKILL


@define
class System:
    """
    Processes, and what they are sent.

    @ivar running: by their numbers.
    @ivar ours: the numbers of those with the id of the fleet in their environment.
    @ivar sent: signals with the numbers of those who got them.
    """

    running: dict[int, Process] = field(factory=dict)
    ours: set[int] = field(factory=set)
    sent: list[tuple[int, int]] = field(factory=list)

    def begins(self, pid: int, began: int = 1, session: int = 0) -> None:
        """
        Start a process.

        @param session: 0 for one of its own.
        """
        self.running[pid] = Process(pid, began, session or pid)

    def ends(self, *pids: int) -> None:
        for pid in pids:
            del self.running[pid]

    def children(self, **patience: float) -> Children:
        """
        Children that the master told of, by C{p} and the number.
        """
        children = Children(self.running.get)
        for name, seconds in patience.items():
            children.hear(b"+%d %g\n" % (int(name[1:]), seconds))
        return children

    def orphans(self, children: Children) -> Orphans:
        """
        The master dies.
        """
        return Orphans(
            "fleet",
            children,
            100.0,
            processes=lambda: list(self.running.values()),
            belongs=lambda pid, fleet: pid in self.ours,
            send=lambda each, number: self.sent.append((number, each.pid)),
        )

    def takes(self) -> list[tuple[int, int]]:
        """
        Take what was sent since the last time.
        """
        sent, self.sent = self.sent, []
        return sent


class ChildrenTests(SynchronousTestCase):
    """
    Tests of L{Children}.
    """

    def setUp(self) -> None:
        self.system = System()
        self.system.begins(5, 17)

    def test_told(self) -> None:
        """
        Children come and go, and each has its own time.
        """
        children = self.system.children(p5=2.5, p6=0)
        self.assertEqual(children.patience, {5: 2.5, 6: 0})
        self.assertEqual(children.began, {5: 17, 6: 0})
        children.hear(b"-5\n")
        children.hear(b"-99\n")
        self.assertEqual(children.patience, {6: 0})
        self.assertEqual(children.began, {6: 0})

    def test_bye(self) -> None:
        """
        A master that ends in order says so.
        """
        children = self.system.children()
        self.assertFalse(children.ended)
        children.hear(b"bye\n")
        self.assertTrue(children.ended)

    def test_nonsense(self) -> None:
        """
        What makes no sense is said, and changes nothing.
        """
        children = self.system.children(p5=1)
        said = StringIO()
        self.patch(sys, "stderr", said)
        lines = [b"", b"+x 1\n", b"+1\n", b"-\n", b"5\n", b"\xff\n", b"+1 2 3\n"]
        for line in lines:
            children.hear(line)
        self.assertEqual(children.patience, {5: 1})
        self.assertEqual(said.getvalue().count("not understood"), len(lines))


class OrphansTests(SynchronousTestCase):
    """
    Tests of L{Orphans}.
    """

    def setUp(self) -> None:
        self.system = System()
        self.system.begins(1)

    def test_none(self) -> None:
        """
        Without children there is nothing to do.
        """
        self.assertFalse(self.system.orphans(self.system.children()).look(100))
        self.assertEqual(self.system.sent, [])

    def test_asked(self) -> None:
        """
        Each child is asked once; it is over when all are gone.
        """
        self.system.begins(5)
        self.system.begins(6)
        left = self.system.orphans(self.system.children(p5=9, p6=9))
        self.assertTrue(left.look(100))
        self.assertEqual(self.system.takes(), [(TERM, 5), (TERM, 6)])
        self.system.ends(5)
        self.assertTrue(left.look(101))
        self.system.ends(6)
        self.assertFalse(left.look(102))
        self.assertEqual(self.system.takes(), [])
        self.assertEqual((len(left.asked), len(left.killed)), (2, 0))

    def test_killed(self) -> None:
        """
        Who does not end in its time is killed.
        """
        self.system.begins(5)
        self.system.begins(6)
        left = self.system.orphans(self.system.children(p5=2, p6=5))
        left.look(100)
        self.system.takes()
        left.look(102)
        self.assertEqual(self.system.takes(), [(KILL, 5)])
        left.look(105)
        self.assertEqual(self.system.takes(), [(KILL, 5), (KILL, 6)])
        self.assertEqual(len(left.killed), 2)

    def test_session(self) -> None:
        """
        What a child started is asked when the child is gone, and killed with it.
        """
        self.system.begins(5)
        self.system.begins(7, session=5)
        left = self.system.orphans(self.system.children(p5=3))
        left.look(100)
        self.assertEqual(self.system.takes(), [(TERM, 5)])
        self.system.ends(5)
        left.look(101)
        self.assertEqual(self.system.takes(), [(TERM, 7)])
        left.look(103)
        self.assertEqual(self.system.takes(), [(KILL, 7)])

    def test_leaderGone(self) -> None:
        """
        What a child left behind that died just before the master is found.
        """
        self.system.begins(5)
        self.system.begins(7, session=5)
        children = self.system.children(p5=3)
        self.system.ends(5)
        left = self.system.orphans(children)
        self.assertTrue(left.look(100))
        self.assertEqual(self.system.takes(), [(TERM, 7)])

    def test_untold(self) -> None:
        """
        Those with the fleet's id are found without being told of, also when they
        come late; they have as long as the most patient child.
        """
        self.system.begins(8)
        self.system.ours = {8, 9, os.getpid()}
        self.system.begins(5)
        self.system.begins(os.getpid())
        left = self.system.orphans(self.system.children(p5=3))
        left.look(100)
        self.assertEqual(self.system.takes(), [(TERM, 8), (TERM, 5)])
        self.system.begins(9)
        left.look(101)
        self.assertEqual(self.system.takes(), [(TERM, 9)])
        self.system.ends(5)
        left.look(103)
        self.assertEqual(self.system.takes(), [(KILL, 8), (KILL, 9)])

    def test_untoldOnly(self) -> None:
        """
        When nobody was told of, they have the usual time.
        """
        self.system.begins(8)
        self.system.ours = {8}
        left = self.system.orphans(self.system.children())
        left.look(100)
        left.look(99 + PATIENCE)
        self.assertEqual(self.system.takes(), [(TERM, 8)])
        left.look(100 + PATIENCE)
        self.assertEqual(self.system.takes(), [(KILL, 8)])

    def test_strangerBefore(self) -> None:
        """
        Whoever has a child's number by the time the master dies is left alone, with
        its whole session.
        """
        self.system.begins(5, began=1)
        children = self.system.children(p5=0)
        self.system.begins(5, began=2)
        self.system.begins(7, session=5)
        self.assertFalse(self.system.orphans(children).look(100))
        self.assertEqual(self.system.sent, [])

    def test_strangerAfter(self) -> None:
        """
        Whoever gets the number later is left alone, too.
        """
        self.system.begins(5, began=1)
        left = self.system.orphans(self.system.children(p5=2))
        left.look(100)
        self.system.takes()
        self.system.ends(5)
        self.assertFalse(left.look(101))
        self.system.begins(5, began=2)
        self.assertFalse(left.look(103))
        self.assertEqual(self.system.sent, [])


class GroupsTests(SynchronousTestCase):
    """
    Tests of L{endByGroups}.
    """

    def test_groups(self) -> None:
        """
        Where nothing else is known, groups are asked, looked for, and killed in
        time; those that are gone are not.
        """
        now = 0.0
        sent: list[tuple[float, int, int]] = []
        gone = {6}

        def killpg(pid: int, number: int) -> None:
            if pid in gone:
                raise ProcessLookupError
            sent.append((now, pid, number))
            if number == KILL:
                gone.add(pid)

        def sleep(_: float) -> None:
            nonlocal now
            now += 1.0

        children = System().children(p5=2, p6=2)
        endByGroups(children, clock=lambda: now, sleep=sleep, killpg=killpg)
        self.assertEqual(
            sent, [(0.0, 5, TERM), (0.0, 5, 0), (1.0, 5, 0), (2.0, 5, KILL)]
        )


class SystemTests(SynchronousTestCase):
    """
    Tests of what the system tells, about this process.
    """

    if sys.platform != "linux":
        skip = "only Linux tells of processes in /proc"

    def test_process(self) -> None:
        """
        A process has its session, and keeps the time when it began.
        """
        found = process(os.getpid())
        assert found is not None
        self.assertEqual((found.pid, found.session), (os.getpid(), os.getsid(0)))
        self.assertEqual(process(os.getpid()), found)
        self.assertIn(found, list(processes()))

    def test_none(self) -> None:
        """
        A process that ended is none, also before somebody asked how.
        """
        pid = os.posix_spawn("/bin/true", ["true"], {})
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        self.assertIsNone(process(pid))
        os.waitpid(pid, 0)
        self.assertIsNone(process(pid))

    def test_belongs(self) -> None:
        """
        The id of the fleet is found in the environment, whole.
        """
        variables = {"X": "TXGEARMAN_FLEET=b", "TXGEARMAN_FLEET": "abc"}
        pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], variables)
        try:
            # It has none until the program is there.
            while not Path(f"/proc/{pid}/environ").read_bytes():
                pass
            answers = [belongs(pid, fleet) for fleet in ("abc", "ab", "b")]
        finally:
            os.kill(pid, KILL)
            os.waitpid(pid, 0)
        self.assertEqual(answers, [True, False, False])
        self.assertFalse(belongs(pid, "abc"))

    def sends(self, change: Callable[[Process], Process], number: int) -> bool:
        """
        Send a signal to a process that one takes for another one.

        @return: whether it got it.
        """
        pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
        try:
            found = process(pid)
            assert found is not None
            send(change(found), number)
        finally:
            os.kill(pid, KILL)
            _, status = os.waitpid(pid, 0)
        return os.WTERMSIG(status) == number

    def test_send(self) -> None:
        """
        A signal gets to the process that was meant, and to nobody else.
        """
        self.assertTrue(self.sends(lambda found: found, TERM))
        self.assertFalse(self.sends(lambda found: found._replace(began=1), TERM))
        send(Process(2**22 + 1, 1, 1), TERM)

    def test_sendOld(self) -> None:
        """
        The same on a system that cannot hold a process.
        """

        def pidfd_open(pid: int) -> int:
            raise OSError(errno.ENOSYS, "no such call")

        self.patch(os, "pidfd_open", pidfd_open)
        self.test_send()
