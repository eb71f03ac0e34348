"""
Tests for L{txgearman.fleet.group} and L{txgearman.fleet.place}.
"""

from __future__ import annotations

import signal
from typing import Any

from twisted.internet.defer import Deferred

from tests.fleet.stage import SERVERS, FleetTestCase, settings, states
from txgearman.fleet.group import Group, RestartFailed


class KeepingTests(FleetTestCase):
    """
    A group keeps its children alive.
    """

    def test_started(self) -> None:
        """
        There are as many children as are wanted, each in a place of its own.
        """
        group = self.group(count=3)
        self.assertEqual(self.numbers(), [1, 2, 3])
        self.assertEqual(group.count, 3)
        self.assertEqual([row.state for row in group.children], ["starting"] * 3)
        self.pass_(1)
        self.assertEqual([row.state for row in group.children], ["ready"] * 3)
        self.assertEqual([row.number for row in group.children], [1, 2, 3])

    def test_replaced(self) -> None:
        """
        One that dies is replaced at once, in its place.
        """
        group = self.group(count=3)
        self.pass_(10)
        for process in self.launcher.living:
            process.end(-signal.SIGKILL)
        self.assertEqual(self.numbers(), [1, 2, 3])
        self.assertEqual(len(self.launcher.processes), 6)
        self.assertEqual([row.restarts for row in group.children], [1, 1, 1])
        self.assertLogged("died after 10.0 s by SIGKILL; it is replaced", 3)

    def test_crashLoop(self) -> None:
        """
        One that dies at once, again and again, is replaced later and later, and the log
        says so.
        """
        group = self.group()
        for pause in 0, 0.5, 1, 2, 4:
            self.pass_(0.1)
            self.launcher.living[0].end(255)
            if pause:
                self.assertEqual(self.launcher.living, [])
                self.assertEqual([row.state for row in group.children], ["waiting"])
                self.pass_(pause - 0.1)
                self.assertEqual(self.launcher.living, [])
                self.pass_(0.2)
            self.assertEqual(len(self.launcher.living), 1)
        self.assertLogged(
            "mail[1] 1003 died after 0.2 s with status 255, for the 3rd time in a row;"
            " next try in 1 s"
        )

    def test_onlyOne(self) -> None:
        """
        A place that waits keeps no other from being filled at once.
        """
        self.group(count=2)
        self.launcher.processes[0].end(1)
        self.launcher.processes[2].end(1)
        self.assertEqual(self.numbers(), [2])
        self.launcher.processes[1].end(1)
        self.assertEqual(self.numbers(), [2])
        self.pass_(0.6)
        self.assertEqual(self.numbers(), [1, 2])

    def test_endedWell(self) -> None:
        """
        One that has done its jobs is replaced at once, every time, and it is no crash.
        """
        self.group(maxJobs=10)
        for _ in range(20):
            self.pass_(1.2)
            self.launcher.living[0].end(0)
            self.assertEqual(len(self.launcher.living), 1)
        self.assertLogged("in a row", 0)
        self.assertLogged("died", 0)

    def test_drained(self) -> None:
        """
        One that takes no more jobs is replaced when it has ended, however long its
        last ones take: there never are more than there should be.
        """
        group = self.group(target="shop.mail", maxJobs=10)
        process = self.launcher.processes[0]
        process.report(ready=True)
        process.report(draining=True)
        self.pass_(1000)
        self.assertEqual(states(group), {1001: "draining"})
        self.assertEqual((process.signals, process.groupSignals), ([], []))
        process.end(0)
        self.assertEqual(states(group), {1002: "starting"})

    def test_drainedAndClosed(self) -> None:
        """
        One that takes no more jobs by itself is told to end with the group, and has a
        deadline from then on.
        """
        group = self.group(target="shop.mail", maxJobs=10, stopTimeout=5)
        process = self.launcher.processes[0]
        process.report(ready=True)
        process.report(draining=True)
        group.pause()
        self.assertEqual(self.launcher.told, [process])
        self.pass_(5.1)
        self.assertEqual(process.groupSignals, [signal.SIGKILL])

    def test_cannotStart(self) -> None:
        """
        That no process can be started counts as a crash.
        """
        self.launcher.refusing = True
        group = self.group()
        self.assertEqual(group.children[0].state, "waiting")
        self.assertLogged(
            "mail[1] could not be started: Resource temporarily unavailable, for the"
            " 2nd time in a row; next try in 0.5 s"
        )
        self.launcher.refusing = False
        self.pass_(0.6)
        self.assertEqual(self.numbers(), [1])

    def test_diesAtOnce(self) -> None:
        """
        A child can have ended when whoever starts it hears of it.
        """
        self.launcher.dying = True
        group = self.group()
        self.assertEqual(group.children[0].state, "waiting")
        self.assertEqual(len(self.launcher.processes), 2)
        self.launcher.dying = False
        self.pass_(0.6)
        self.launcher.dying = True
        self.failureResultOf(group.restart(), RestartFailed)
        self.assertEqual(self.numbers(), [1])
        self.assertEqual(group.children[0].restarts, 3)

    def test_startSplay(self) -> None:
        """
        The first children may be started over some time; later ones are not.
        """
        group = self.group(count=4, startSplay=8)
        for count in 1, 2, 3, 4, 4:
            self.assertEqual(len(self.launcher.living), count)
            self.pass_(2)
        self.launcher.living[3].end(1)
        self.assertEqual(len(self.launcher.living), 4)
        group.scale(6)
        self.assertEqual(len(self.launcher.living), 6)

    def test_lifetime(self) -> None:
        """
        One that is old is replaced by one that is ready before it is told to end.
        """
        self.group(maxLifetime=100)
        self.pass_(100.5)
        self.assertEqual(len(self.launcher.living), 2)
        self.assertEqual(self.launcher.told, [])
        self.pass_(1)
        self.assertEqual(self.launcher.told, [self.launcher.processes[0]])

    def test_lifetimeWhileRestarting(self) -> None:
        """
        One that becomes old while it is replaced is replaced once, unless that fails.
        """
        group = self.group(target="shop.mail", maxLifetime=100)
        old = self.launcher.processes[0]
        self.pass_(90)
        done = group.restart()
        self.pass_(15)
        self.assertEqual(len(self.launcher.processes), 2)
        self.launcher.processes[1].end(1)
        self.failureResultOf(done, RestartFailed)
        self.pass_(60)
        self.launcher.processes[2].report(ready=True)
        self.assertEqual(self.launcher.told, [old])

    def test_drainedWhileRestarting(self) -> None:
        """
        One that takes no more jobs while it is replaced is replaced by that one.
        """
        group = self.group(target="shop.mail")
        self.launcher.processes[0].report(ready=True)
        done = group.restart()
        self.launcher.processes[0].report(draining=True)
        self.assertEqual(len(self.launcher.processes), 2)
        self.assertNoResult(done)
        self.launcher.processes[1].report(ready=True)
        self.successResultOf(done)
        self.assertEqual(self.launcher.told, [self.launcher.processes[0]])

    def test_lifetimeBroken(self) -> None:
        """
        One that is old stays when no other one works, and it is tried again.
        """
        self.group(target="shop.mail", maxLifetime=100)
        old = self.launcher.processes[0]
        old.report(ready=True)
        self.pass_(100.5)
        self.launcher.processes[1].end(1)
        self.assertEqual(self.launcher.living, [old])
        self.assertLogged("mail[1] 1001 stays for now: mail[1] 1002 died after")
        self.pass_(61)
        self.launcher.processes[2].report(ready=True)
        self.assertEqual(self.launcher.told, [old])

    def test_dedicated(self) -> None:
        """
        Children for one function are beside the others, in places of their own.
        """
        group = self.group(count=2, dedicated={"resize": 2}, functions=("a", "b"))
        said = [
            process.order.variables["GEARMAN_FUNCTIONS"]
            for process in self.launcher.processes
        ]
        self.assertEqual(said, ["a,b", "a,b", "resize", "resize"])
        self.assertEqual(group.count, 2)
        dedicated = [row.dedicated for row in group.children]
        self.assertEqual(dedicated, ["", "", "resize", "resize"])
        group.scale(0)
        self.assertEqual(self.numbers(), [3, 4])
        self.launcher.processes[2].end(1)
        self.assertEqual(self.numbers(), [3, 4])

    def test_rows(self) -> None:
        """
        A child's row says what it has told.
        """
        self.clock.advance(1000)
        group = self.group(target="shop.mail")
        process = self.launcher.processes[0]
        process.report(ready=True, functions=["a"])
        process.report(ended={"handle": "H:1"}, jobs=7)
        process.report(began={"handle": "H:2", "function": "a"})
        [row] = group.children
        self.assertEqual((row.pid, row.started, row.jobs), (1001, 1000, 7))
        self.assertEqual((row.function, row.handle), ("a", "H:2"))
        self.assertEqual(row.functions, ("a",))


class ScalingTests(FleetTestCase):
    """
    A group has more children, or fewer, or none.
    """

    def test_scale(self) -> None:
        """
        Children are added, and those with the highest numbers told to end.
        """
        group = self.group(count=2)
        group.scale(4)
        self.assertEqual(self.numbers(), [1, 2, 3, 4])
        group.scale(1)
        self.assertEqual(self.numbers(), [1])
        self.assertEqual(len(self.launcher.told), 3)
        self.assertEqual(group.count, 1)
        for process in self.launcher.told:
            process.end(0)
        self.assertEqual(len(group.children), 1)
        self.assertEqual(self.numbers(), [1])

    def test_bounds(self) -> None:
        """
        There cannot be any number of them.
        """
        group = self.group(count=2)
        for count in -1, 1001:
            self.assertRaises(ValueError, group.scale, count)
        self.assertEqual(group.count, 2)

    def test_busy(self) -> None:
        """
        Those that do nothing go before those that do a job.
        """
        group = self.group(target="shop.mail", count=3)
        for process in self.launcher.processes[1:]:
            process.report(ready=True)
            process.report(began={"handle": "H:1", "function": "a"})
        self.pass_(10)
        group.scale(2)
        self.assertEqual(self.numbers(), [2, 3])

    def test_waiting(self) -> None:
        """
        Those that there are none of go before those that there are.
        """
        group = self.group(count=3)
        self.launcher.processes[0].end(1)
        self.launcher.processes[3].end(1)
        group.scale(2)
        self.pass_(60)
        self.assertEqual(self.numbers(), [2, 3])
        self.assertEqual(self.launcher.told, [])

    def test_pause(self) -> None:
        """
        A group that is paused has no children, and as many as before when it is
        resumed.
        """
        group = self.group(count=2)
        group.pause()
        self.assertTrue(group.paused)
        self.assertEqual(len(self.launcher.told), 2)
        self.launcher.processes[0].end(0)
        self.pass_(60)
        self.assertEqual(states(group), {1002: "stopping"})
        group.scale(3)
        self.assertEqual(self.numbers(), [])
        group.resume()
        self.assertFalse(group.paused)
        self.assertEqual(self.numbers(), [1, 2, 3])

    def test_stop(self) -> None:
        """
        A group that stops has no children when it says so, and starts none.
        """
        group = self.group(count=2)
        self.launcher.processes[0].end(1)
        self.launcher.processes[2].end(1)
        stopped = group.stop()
        self.assertNoResult(stopped)
        group.scale(5)
        group.resume()
        self.pass_(1)
        self.assertEqual(len(self.launcher.processes), 3)
        self.launcher.processes[1].end(0)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(group.children, [])
        self.assertEqual(self.sentinel.watched, {})

    def test_stopStuck(self) -> None:
        """
        A child that ignores it is killed, and waited for.
        """
        group = self.group(stopTimeout=3)
        stopped = group.stop()
        self.pass_(3.1)
        self.assertNoResult(stopped)
        self.assertIn(signal.SIGKILL, self.launcher.processes[0].groupSignals)
        self.launcher.processes[0].end(-signal.SIGKILL)
        self.successResultOf(stopped)

    def test_stopRemains(self) -> None:
        """
        What a child has left behind is waited for, too.
        """
        group = self.group()
        process = self.launcher.processes[0]
        process.remains = True
        stopped = group.stop()
        process.end(0)
        self.assertNoResult(stopped)
        process.remains = False
        process.close()
        self.pass_(0.2)
        self.successResultOf(stopped)


class RestartTests(FleetTestCase):
    """
    A group replaces its children, one after the other.
    """

    def test_rolling(self) -> None:
        """
        Each new child is ready before the old one is told to end, and only one is
        replaced at a time.
        """
        group = self.group(target="shop.mail", count=3)
        for process in self.launcher.processes:
            process.report(ready=True)
        done = group.restart()
        for number in range(3):
            self.assertEqual(len(self.launcher.processes), 4 + number)
            self.assertEqual(len(self.launcher.told), number)
            new = self.launcher.processes[-1]
            self.assertEqual(new.number, number + 1)
            self.assertNoResult(done)
            new.report(ready=True)
        self.successResultOf(done)
        self.assertEqual(self.launcher.told, self.launcher.processes[:3])
        self.assertEqual(self.numbers(), [1, 2, 3])

    def test_commands(self) -> None:
        """
        Commands are replaced by such as are there for a second.
        """
        group = self.group(count=2)
        done = group.restart()
        self.pass_(0.9)
        self.assertEqual(self.launcher.told, [])
        self.pass_(0.2)
        self.assertEqual(len(self.launcher.told), 1)
        self.pass_(1)
        self.successResultOf(done)
        self.assertEqual(len(self.launcher.told), 2)

    def test_twice(self) -> None:
        """
        Who restarts a group while it restarts waits for all to be replaced that there
        were then.
        """
        group = self.group(count=2)
        first = group.restart()
        self.pass_(1.5)
        second = group.restart()
        self.assertEqual(len(self.launcher.processes), 4)
        self.pass_(10)
        self.successResultOf(first)
        self.successResultOf(second)
        # One was new then, and one was not, and two were there before.
        self.assertEqual(len(self.launcher.processes), 6)
        self.assertEqual(self.numbers(), [1, 2])

    def test_newChildDies(self) -> None:
        """
        When the new child dies, the old ones stay, and that is said; later it is tried
        again, unless somebody else does before.
        """
        group = self.group(count=2)
        done = group.restart()
        self.launcher.processes[2].end(1)
        failure = self.failureResultOf(done, RestartFailed)
        self.assertIn("mail[1] 1003 died after 0.0 s", failure.getErrorMessage())
        self.assertLogged("the restart of group mail is given up")
        self.assertEqual(self.numbers(), [1, 2])
        self.pass_(59)
        self.assertEqual(len(self.launcher.processes), 3)
        self.pass_(1)
        self.launcher.processes[3].end(1)
        self.pass_(30)
        again = group.restart()
        self.pass_(3)
        self.successResultOf(again)
        self.assertEqual(len(self.launcher.processes), 6)
        self.pass_(100)
        self.assertEqual(len(self.launcher.processes), 6)

    def test_brokenAndPaused(self) -> None:
        """
        What is paused or stopped is not tried again.
        """
        for end in (lambda group: group.pause(), lambda group: group.stop()):
            group = self.group()
            self.failureResultOf(self.broken(group), RestartFailed)
            end(group)
            before = len(self.launcher.processes)
            self.pass_(100)
            self.assertEqual(len(self.launcher.processes), before)

    def broken(self, group: Group) -> Deferred[None]:
        """
        Try to replace a child.
        """
        done = group.restart()
        self.launcher.processes[-1].end(1)
        return done

    def test_newChildHangs(self) -> None:
        """
        When the new child is not ready for a long time, it is told to end, and the old
        ones stay.
        """
        group = self.group(target="shop.mail", stopTimeout=40)
        self.launcher.processes[0].report(ready=True)
        done = group.restart()
        self.pass_(39)
        self.assertNoResult(done)
        self.pass_(2)
        failure = self.failureResultOf(done, RestartFailed)
        self.assertIn("1002 was not ready in 40 s", failure.getErrorMessage())
        self.assertEqual(self.launcher.told, [self.launcher.processes[1]])

    def test_newChildCannotStart(self) -> None:
        """
        So do they when it cannot even be started.
        """
        group = self.group()
        self.launcher.refusing = True
        failure = self.failureResultOf(group.restart(), RestartFailed)
        self.assertIn("could not be started", failure.getErrorMessage())
        self.assertEqual(self.numbers(), [1])

    def test_crashing(self) -> None:
        """
        A place that waits after crashes is tried at once, and if that fails, that is
        said.
        """
        group = self.group()
        self.launcher.living[0].end(1)
        self.launcher.living[0].end(1)
        self.assertEqual(self.launcher.living, [])
        done = group.restart()
        self.assertEqual(len(self.launcher.processes), 3)
        self.launcher.living[0].end(1)
        self.failureResultOf(done, RestartFailed)
        again = group.restart()
        self.pass_(2)
        self.successResultOf(again)

    def test_oldChildDies(self) -> None:
        """
        When the old child dies meanwhile, the new one is in its place at once.
        """
        group = self.group(target="shop.mail")
        done = group.restart()
        self.launcher.processes[0].end(1)
        self.assertEqual(len(self.launcher.living), 1)
        self.assertNoResult(done)
        self.launcher.processes[1].report(ready=True)
        self.successResultOf(done)
        self.assertEqual(len(self.launcher.processes), 2)

    def test_bothDie(self) -> None:
        """
        When the new one dies after that, another one is started.
        """
        group = self.group(target="shop.mail")
        done = group.restart()
        self.launcher.processes[0].end(1)
        self.launcher.processes[1].end(1)
        self.failureResultOf(done, RestartFailed)
        self.pass_(1)
        self.assertEqual(self.numbers(), [1])

    def test_paused(self) -> None:
        """
        There is nothing to replace in a group that is paused, or becomes so.
        """
        group = self.group(count=2)
        done = group.restart()
        group.pause()
        self.successResultOf(done)
        self.successResultOf(group.restart())
        self.assertEqual(self.numbers(), [])

    def test_scaled(self) -> None:
        """
        A restart goes on when there are more children or fewer.
        """
        group = self.group(count=3)
        done = group.restart()
        self.pass_(1.5)
        group.scale(4)
        group.scale(2)
        self.pass_(5)
        self.successResultOf(done)
        self.assertEqual(self.numbers(), [1, 2])
        rounds = {child.round for child in self.children()}
        self.assertEqual(rounds, {1})

    def test_stopped(self) -> None:
        """
        A group can stop while it restarts.
        """
        group = self.group(count=2)
        done = group.restart()
        stopped = group.stop()
        self.successResultOf(done)
        self.assertEqual(len(self.launcher.processes), 3)
        self.assertEqual(len(self.launcher.told), 3)
        for process in self.launcher.living:
            process.end(0)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def children(self) -> list[Any]:
        """
        The protocols of the children that stay.
        """
        living: list[Any] = self.launcher.living
        return [process.protocol for process in living if not process.told]


class ConfigureTests(FleetTestCase):
    """
    A group's settings become others.
    """

    def test_same(self) -> None:
        """
        The same settings change nothing, not even a count that was set by hand.
        """
        group = self.group(count=2)
        group.scale(3)
        self.assertFalse(group.configure(settings(count=2), SERVERS))
        self.assertEqual(self.numbers(), [1, 2, 3])

    def test_count(self) -> None:
        """
        Another count is no reason to replace children.
        """
        group = self.group(count=2)
        self.assertFalse(group.configure(settings(count=4), SERVERS))
        self.assertEqual(self.numbers(), [1, 2, 3, 4])
        self.assertFalse(
            group.configure(settings(count=1, dedicated={"a": 1}), SERVERS)
        )
        stay = [row for row in group.children if row.state != "stopping"]
        self.assertEqual([row.number for row in stay], [1, 2])
        self.assertEqual([row.dedicated for row in stay], ["", "a"])

    def test_children(self) -> None:
        """
        What concerns the children is, and holds for new ones from then on.
        """
        group = self.group()
        self.assertTrue(group.configure(settings(environment={"A": "b"}), SERVERS))
        self.pass_(5)
        self.launcher.processes[0].end(1)
        self.assertEqual(self.launcher.processes[1].order.variables["A"], "b")

    def test_servers(self) -> None:
        """
        So are other servers.
        """
        group = self.group()
        self.assertTrue(group.configure(settings(), ["other:4730"]))
        self.launcher.processes[0].end(1)
        variables = self.launcher.processes[1].order.variables
        self.assertEqual(variables["GEARMAN_SERVERS"], "other:4730")

    def test_autoscaled(self) -> None:
        """
        The count of an autoscaled group is within its bounds.
        """
        group = self.group(count=9)
        group.configure(settings(min=1, max=4), SERVERS)
        self.assertEqual(group.count, 4)
        group.configure(settings(min=6, max=8), SERVERS)
        self.assertEqual(group.count, 6)
        group.configure(settings(count=2), SERVERS)
        self.assertEqual(group.count, 2)
