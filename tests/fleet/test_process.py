"""
Tests for L{txgearman.fleet.process} and L{txgearman.fleet.remains}.
"""

from __future__ import annotations

import signal

from tests.fleet.stage import SERVERS, FakeProcess, FleetTestCase, settings
from txgearman.fleet.ending import Ending
from txgearman.fleet.order import orderFor
from txgearman.fleet.process import Child, State


class ChildTests(FleetTestCase):
    """
    One child, whose owner this test is.
    """

    def setUp(self) -> None:
        super().setUp()
        self.heard: list[object] = []

    def childReady(self, child: Child) -> None:
        self.heard.append("ready")

    def childOld(self, child: Child) -> None:
        self.heard.append("old")

    def childEnded(self, child: Child, ending: Ending) -> None:
        self.heard.append(ending)

    def childGone(self, child: Child) -> None:
        self.heard.append("gone")

    def start(self, **said: object) -> tuple[Child, FakeProcess]:
        order = orderFor(settings(**said), SERVERS, "id", 3, "", lambda: 0.5)
        child = Child(self.world, order, 0, self)
        child.start()
        return child, self.launcher.processes[-1]

    def test_command(self) -> None:
        """
        A command has started well when it is there for a second.
        """
        child, _ = self.start()
        self.pass_(0.9)
        self.assertEqual(child.state, State.STARTING)
        self.pass_(0.2)
        self.assertEqual(child.state, State.READY)
        self.assertEqual(self.heard, ["ready"])

    def test_target(self) -> None:
        """
        A Python child has when it says so, and not before.
        """
        child, process = self.start(target="shop.mail")
        self.pass_(60)
        self.assertEqual(child.state, State.STARTING)
        process.report(ready=True, functions=["a"])
        self.assertEqual(child.state, State.READY)
        self.assertEqual(self.heard, ["ready"])
        process.report(ready=True)
        self.assertEqual(self.heard, ["ready"])

    def test_stop(self) -> None:
        """
        A child that is to stop is sent SIGTERM, and not killed when it does.
        """
        child, process = self.start()
        child.stop()
        self.assertEqual(child.state, State.STOPPING)
        self.assertEqual(process.signals, [signal.SIGTERM])
        self.pass_(29.9)
        process.end(-signal.SIGTERM)
        self.pass_(60)
        self.assertEqual(process.signals, [signal.SIGTERM])
        self.assertNotIn(signal.SIGKILL, process.groupSignals)
        self.assertEqual(self.heard[1:], ["gone"])
        self.assertLogged("mail[3] 1001 has stopped")

    def test_stuck(self) -> None:
        """
        One that does not stop in time is killed, with all in its process group.
        """
        child, process = self.start(stopTimeout=2)
        child.stop()
        self.pass_(1.9)
        self.assertEqual(process.groupSignals, [])
        self.pass_(0.2)
        self.assertEqual(process.groupSignals, [signal.SIGKILL])
        self.assertLogged("mail[3] 1001 has not stopped in 2 s and is killed")

    def test_stuckEarly(self) -> None:
        """
        One that has no process group yet is killed, too.
        """
        child, process = self.start(stopTimeout=2)
        process.leads = False
        child.stop()
        self.pass_(2.1)
        self.assertEqual(process.signals, [signal.SIGTERM, signal.SIGKILL])

    def test_draining(self) -> None:
        """
        One that takes no more jobs by itself has all the time that they take.
        """
        child, process = self.start(target="shop.mail", stopTimeout=2)
        process.report(ready=True)
        process.report(draining=True)
        process.report(draining=True)
        self.assertEqual(child.state, "draining")
        self.pass_(1000)
        self.assertEqual((process.signals, process.groupSignals), ([], []))

    def test_stopTwice(self) -> None:
        """
        A child that was told twice to stop has no more time for that.
        """
        child, process = self.start(stopTimeout=2)
        child.stop()
        self.pass_(1)
        child.stop()
        self.pass_(1.1)
        self.assertEqual(process.groupSignals, [signal.SIGKILL])

    def test_old(self) -> None:
        """
        A child is old after its lifetime, unless it stops before that.
        """
        self.start(maxLifetime=10)
        stopped, _ = self.start(maxLifetime=10)
        self.pass_(9)
        stopped.stop()
        self.pass_(2)
        self.assertEqual(self.heard.count("old"), 1)

    def test_endings(self) -> None:
        """
        It is told how it ended, and after what time.
        """
        for status in 0, 255, -signal.SIGKILL:
            _, process = self.start()
            self.pass_(0.5)
            process.end(status)
            ending, gone = self.heard
            assert isinstance(ending, Ending)
            self.assertEqual(ending.status, status)
            self.assertAlmostEqual(ending.lived, 0.5)
            self.assertEqual(gone, "gone")
            self.heard.clear()

    def test_sentinel(self) -> None:
        """
        The sentinel knows a child as long as there is anything of it.
        """
        _, process = self.start(stopTimeout=7)
        self.assertEqual(self.sentinel.watched, {process.pid: 7})
        process.remains = True
        process.end(1)
        self.assertEqual(self.sentinel.watched, {process.pid: 7})
        process.remains = False
        self.pass_(0.2)
        self.assertEqual(self.sentinel.watched, {})

    def test_remains(self) -> None:
        """
        What a child has left behind is told to end, and killed if it does not.
        """
        _, process = self.start()
        process.remains = True
        process.end(0)
        self.assertEqual(process.groupSignals, [signal.SIGTERM])
        self.pass_(4.9)
        self.assertEqual(process.groupSignals, [signal.SIGTERM])
        self.assertNotIn("gone", self.heard)
        self.pass_(0.3)
        self.assertEqual(process.groupSignals, [signal.SIGTERM, signal.SIGKILL])
        self.assertEqual(self.heard[-1], "gone")

    def test_outputHeldOpen(self) -> None:
        """
        Output that something else keeps open is read for a second, and then no more.
        """
        _, process = self.start()
        process.remains = True
        process.end(0)
        process.write(b"last words\n")
        self.assertLogged("mail[3] 1001: last words")
        self.assertEqual(process.closed, [])
        self.pass_(1.1)
        self.assertEqual(process.closed, [1, 2, 3])

    def test_output(self) -> None:
        """
        What it writes is logged line by line, the last one, too, whatever is in it.
        """
        _, process = self.start()
        process.write(b"one\ntw")
        process.write(b"error\r\n", 2)
        process.write(b"o {x} \x1b[31m\xff\n")
        process.write(b"no end")
        process.end(0)
        self.assertEqual(
            [line for line in self.log if ": " in line][:4],
            [
                "mail[3] 1001: one",
                "mail[3] 1001: error",
                "mail[3] 1001: two {x} \x1b[31m\\xff",
                "mail[3] 1001: no end",
            ],
        )

    def test_longLine(self) -> None:
        """
        A line is cut after 8 KiB.
        """
        _, process = self.start()
        process.write(b"x" * 10_000 + b"\nshort\n")
        self.assertLogged("mail[3] 1001: " + "x" * 8192 + " [...]")
        self.assertLogged("mail[3] 1001: short")

    def test_nothingLeft(self) -> None:
        """
        Nothing is waited for when a child has ended.
        """
        for said in {}, {"target": "x", "maxLifetime": 9.0}:
            child, process = self.start(**said)
            child.stop()
            process.end(0)
            self.assertEqual(self.clock.getDelayedCalls(), [])
