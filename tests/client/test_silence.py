"""
Servers that keep a connection and say nothing.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.client.stage import Line, Stage, connected, now
from txgearman.client.factory import GearmanClientFactory
from txgearman.client.job import RemoteJob
from txgearman.client.protocol import GearmanClientProtocol
from txgearman.errors import JobLost, NoServers

ECHO = ("ECHO_REQ", b"")


class SilentServerTests(SynchronousTestCase):
    """
    Two servers, of which the first hangs.
    """

    def setUp(self) -> None:
        self.stage = Stage(self, "one", "two").starts()
        self.one, self.two = self.stage.hosts

    def hangs(self) -> Deferred[RemoteJob[Any]]:
        """
        Submit a job to the first server, which does not answer, and connect again.
        """
        submitted = self.stage.submits("f", b"x")
        self.assertEqual(len(self.one.line.takes()), 1)
        self.stage.passes(29.9)
        self.assertTrue(self.one.line.open)
        self.assertEqual(self.two.line.takes(), [])
        self.stage.passes(0.1, 0)
        self.assertFalse(self.one.lines[0].open)
        return submitted

    def test_submit(self) -> None:
        """
        A job goes to the next server when the first does not say that it has it.
        """
        submitted = self.hangs()
        self.assertEqual(len(self.two.line.takes()), 1)
        self.two.line.has(b"H:2")
        self.assertEqual(now(submitted).server, "two")

    def test_ask(self) -> None:
        """
        So does a question.
        """
        asked = self.stage.client.status("H:1")
        self.stage.passes(30, 0)
        self.two.line.sends("STATUS_RES", b"H:1", b"1", b"0", b"0", b"0")
        self.assertTrue(now(asked).known)

    def test_until(self) -> None:
        """
        A server that hung gets no jobs, though it is connected, until it answers.
        """
        self.hangs()
        self.two.line.takes()
        self.stage.passes(1, 0)
        self.assertEqual(len(self.one.lines), 2)
        self.assertEqual(self.one.line.takes(), [ECHO])
        self.stage.submits("f", b"x")
        self.assertEqual(len(self.two.line.takes()), 1)
        self.one.line.sends("ECHO_RES", b"")
        self.stage.submits("f", b"x")
        self.assertEqual(len(self.one.line.takes()), 1)
        self.assertEqual(self.two.line.takes(), [])

    def test_again(self) -> None:
        """
        It is asked on each connection, each of which ends when there is no answer.
        """
        self.hangs()
        self.two.line.has(b"H:2")
        for number in (2, 3):
            self.stage.passes(1, 0)
            self.assertEqual(len(self.one.lines), number)
            self.assertEqual(self.one.line.takes(), [ECHO])
            self.stage.passes(30, 0)
            self.assertFalse(self.one.line.open)

    def test_alone(self) -> None:
        """
        When it is the only server there is none that can be reached; a job that
        waits goes on when it answers in time.
        """
        self.two.goes()
        submitted = self.hangs()
        self.stage.passes(1, 8.9, 0.1)
        error = self.assertRaises(NoServers, now, submitted)
        self.assertIn("one (no answer)", str(error))
        self.stage.submits("f", b"x")
        self.assertEqual(self.one.line.takes(), [ECHO])
        self.one.line.sends("ECHO_RES", b"")
        self.assertEqual(len(self.one.line.takes()), 1)

    def test_restarted(self) -> None:
        """
        A client that starts again bears no grudge.
        """
        submitted = self.hangs()
        self.stage.client.stopService()
        self.stage.passes(0, 0, 0)
        self.assertRaises(NoServers, now, submitted)
        self.stage.starts()
        self.stage.submits("f", b"x")
        self.assertEqual(
            [packet[0] for packet in self.one.line.takes()], ["SUBMIT_JOB"]
        )

    def test_lost(self) -> None:
        """
        The jobs that a server has are lost with the connection that is given up.
        """
        done = self.stage.job().whenDone()
        self.hangs()
        self.assertRaises(JobLost, now, done)


class TimerTests(SynchronousTestCase):
    """
    How a connection finds out.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.silent: list[GearmanClientProtocol] = []
        factory = GearmanClientFactory(
            exceptions=False,
            onSilent=self.silent.append,
            answerTimeout=30,
            clock=self.clock,
        )
        protocol = factory.buildProtocol(None)
        assert isinstance(protocol, GearmanClientProtocol)
        self.protocol = protocol
        self.server = Line(self.clock, protocol)
        self.server.opens()

    def answers(self) -> None:
        """
        Answer an echo.
        """
        self.server.sends("ECHO_RES", b"x")

    def test_complaint(self) -> None:
        """
        Who asked learns why there is no answer, and so does the factory.
        """
        echoed = self.protocol.echo(b"x")
        self.clock.advance(30)
        self.assertEqual(self.silent, [self.protocol])
        error = self.failureResultOf(echoed).value
        self.assertIn("no answer within 30 s", str(error))

    def test_idle(self) -> None:
        """
        A connection on which nothing is asked may be silent for any time, and has
        no timer.
        """
        self.clock.advance(1000)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.protocol.echo(b"x")
        self.answers()
        self.clock.advance(30)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(self.server.open)

    def test_oneTimer(self) -> None:
        """
        There is one timer, however many requests there are; it is about the oldest
        that waits.
        """
        for _ in range(3):
            self.protocol.echo(b"x").addErrback(lambda failure: None)
            self.clock.advance(10 / 3)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.answers()
        self.clock.advance(29.9)
        self.assertTrue(self.server.open)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(0.1)
        self.assertFalse(self.server.open)

    def test_speaks(self) -> None:
        """
        A server that says anything is not silent: an answer may stand behind
        something large.
        """
        self.protocol.echo(b"x").addErrback(lambda failure: None)
        for _ in range(9):
            self.clock.advance(20)
            self.server.sends("WORK_DATA", b"H:1", b"x")
        self.assertTrue(self.server.open)
        self.clock.advance(29.9)
        self.assertTrue(self.server.open)
        self.clock.advance(0.1)
        self.assertFalse(self.server.open)

    def test_busy(self) -> None:
        """
        An answer that has arrived by then is read, when it was this process that
        had no time for it.
        """
        echoed = self.protocol.echo(b"x")
        self.clock.callLater(30, self.answers)
        self.clock.advance(50)
        self.assertEqual(now(echoed), b"x")
        self.assertTrue(self.server.open)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_lost(self) -> None:
        """
        A connection that is lost leaves no timer.
        """
        self.protocol.echo(b"x").addErrback(lambda failure: None)
        self.server.breaks()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_forever(self) -> None:
        """
        Without a limit one waits for ever.
        """
        protocol, server = connected()
        echoed = protocol.echo(b"x")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        server.sends("ECHO_RES", b"x")
        self.assertEqual(now(echoed), b"x")
