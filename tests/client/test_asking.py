"""
Tests for L{txgearman.client.asking}, through a client.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.client.stage import Line, Stage, now
from txgearman.client.protocol import JobStatus
from txgearman.errors import NoServers, QueueFull, ServerError


class AskTests(SynchronousTestCase):
    """
    Questions to several servers.
    """

    def setUp(self) -> None:
        self.stage = Stage(self, "one", "two").starts()
        self.client = self.stage.client
        self.lines = [host.line for host in self.stage.hosts]

    def test_status(self) -> None:
        """
        One server after the other is asked, until one knows the job.
        """
        one, two = self.lines
        for ask, question, name, more in [
            (self.client.status, "GET_STATUS", "STATUS_RES", ()),
            (
                self.client.statusByUnique,
                "GET_STATUS_UNIQUE",
                "STATUS_RES_UNIQUE",
                (b"2",),
            ),
        ]:
            asked = ask("x")
            self.assertEqual([one.takes(), two.takes()], [[(question, b"x")], []])
            one.sends(name, b"x", *[b"0"] * 4, *more)
            self.assertEqual(two.takes(), [(question, b"x")])
            two.sends(name, b"x", b"1", b"1", b"3", b"4", *more)
            status = JobStatus(True, True, 3, 4, 2 if more else None)
            self.assertEqual(now(asked), status)

    def test_statusUnknown(self) -> None:
        """
        A job that no server knows has a status too.
        """
        asked = self.client.status(b"x")
        for line in self.lines:
            line.sends("STATUS_RES", b"x", *[b"0"] * 4)
        self.assertEqual(now(asked), JobStatus(False, False, 0, 0))

    def test_statusOfJob(self) -> None:
        """
        A job asks the server that has it, while that is there.
        """
        one, two = self.lines
        job = self.stage.job()
        asked = job.status()
        self.assertEqual(one.takes(), [("GET_STATUS", b"H:1")])
        one.sends("STATUS_RES", b"H:1", b"1", b"0", b"0", b"0")
        self.assertTrue(now(asked).known)
        self.stage.hosts[0].goes()
        self.assertRaises(NoServers, now, job.status())
        self.assertEqual(two.takes(), [])

    def test_echo(self) -> None:
        """
        The first server that is there echoes.
        """
        self.stage.hosts[0].goes()
        echoed = self.client.echo(b"\0x")
        self.assertEqual(self.lines[1].takes(), [("ECHO_REQ", b"\0x")])
        self.lines[1].sends("ECHO_RES", b"\0x")
        self.assertEqual(now(echoed), b"\0x")

    def test_ping(self) -> None:
        """
        Every server is timed, all of them at once.
        """
        pinged = self.client.ping()
        for line in self.lines:
            self.assertEqual(line.takes(), [("ECHO_REQ", b"ping")])
        for line in self.lines:
            self.stage.passes(1)
            line.sends("ECHO_RES", b"ping")
        self.assertEqual(now(pinged), {"one": 1.0, "two": 2.0})

    def test_pingOrder(self) -> None:
        """
        They stand in their order, whoever is faster.
        """
        pinged = self.client.ping()
        for line in reversed(self.lines):
            line.sends("ECHO_RES", b"ping")
        took = now(pinged)
        self.assertEqual(list(took), ["one", "two"])

    def test_pingTimeout(self) -> None:
        """
        A server that takes too long is left out, and what it answers later is
        nobody's business.
        """
        pinged = self.client.ping(timeout=2.0)
        self.lines[0].sends("ECHO_RES", b"ping")
        self.stage.passes(1.9)
        self.assertNoResult(pinged)
        self.stage.passes(0.1)
        self.assertEqual(now(pinged), {"one": 0.0})
        self.lines[1].sends("ECHO_RES", b"ping")
        again = self.client.ping()
        for line in self.lines:
            line.sends("ECHO_RES", b"ping")
        self.assertEqual(now(again), {"one": 0.0, "two": 0.0})

    def test_pingConnecting(self) -> None:
        """
        A server that cannot be reached is left out.
        """
        self.stage.hosts[1].goes()
        pinged = self.client.ping()
        self.lines[0].sends("ECHO_RES", b"ping")
        self.assertEqual(now(pinged), {"one": 0.0})

    def test_pingLost(self) -> None:
        """
        A server that goes away meanwhile is left out.
        """
        pinged = self.client.ping()
        self.stage.hosts[1].goes()
        self.lines[0].sends("ECHO_RES", b"ping")
        self.assertEqual(now(pinged), {"one": 0.0})

    def answers(self, line: Line, asked: str, known: bytes) -> None:
        """
        Answer a question of one of these kinds.
        """
        if asked == "GET_STATUS":
            line.sends("STATUS_RES", b"x", known, b"0", b"0", b"0")
        elif asked == "GET_STATUS_UNIQUE":
            line.sends("STATUS_RES_UNIQUE", b"x", known, b"0", b"0", b"0", b"0")
        elif asked == "ECHO_REQ":
            line.sends("ECHO_RES", b"x")
        else:
            line.sendsBytes(b"OK\r\n" if known == b"1" else b"ERR UNKNOWN_JOB\r\n")

    def test_lost(self) -> None:
        """
        A server that is lost before it answers is passed over; when none is
        left, that is what there is to say.
        """
        for name in ("status", "statusByUnique", "cancel", "echo"):
            self.setUp()
            one, two = self.lines
            asked = getattr(self.client, name)(b"x")
            (question,) = one.takes()
            self.stage.hosts[0].goes()
            self.assertEqual(two.takes(), [question])
            self.answers(two, str(question[0]), b"1")
            answer = now(asked)
            self.assertTrue(getattr(answer, "known", answer))
            asked = getattr(self.client, name)(b"x")
            self.stage.hosts[1].goes()
            self.assertRaises(NoServers, now, asked)

    def test_lostLater(self) -> None:
        """
        When the only server that answered does not know a job, nobody does.
        """
        asked = self.client.cancel(b"x")
        self.answers(self.lines[0], "TEXT", b"0")
        self.stage.hosts[1].goes()
        self.assertFalse(now(asked))

    def test_statusOfJobLost(self) -> None:
        """
        A job whose server is lost while it is asked cannot be asked about.
        """
        asked = self.stage.job().status()
        self.stage.hosts[0].goes()
        self.assertRaises(NoServers, now, asked)

    def test_names(self) -> None:
        """
        What is no handle or no unique is not sent to anyone; a handle is one word,
        so that nothing else is commanded with it.
        """
        client = self.client
        for name in (b"", b"x" * 64, "\0"):
            for ask in (client.status, client.statusByUnique, client.cancel):
                self.assertRaises(ValueError, now, ask(name))
        for name in (b"H:1\r\nshutdown", b"H:1\nx", b"H 1", b" H:1", b"H:1\t"):
            self.assertRaises(ValueError, now, client.cancel(name))
        self.assertEqual([line.takes() for line in self.lines], [[], []])

    def test_cancel(self) -> None:
        """
        One server after the other is told to end a job, until one had it.
        """
        one, two = self.lines
        for replies, had in [
            ([b"OK\r\n"], True),
            ([b"ERR UNKNOWN_JOB\r\n", b"OK\r\n"], True),
            ([b"ERR UNKNOWN_JOB\r\n"] * 2, False),
        ]:
            asked = self.client.cancel("H:1")
            for line, reply in zip((one, two), replies, strict=False):
                self.assertEqual(line.takes(), [("TEXT", b"cancel job H:1")])
                line.sendsBytes(reply)
            self.assertIs(now(asked), had)

    def test_cancelFull(self) -> None:
        """
        What a server says in text is the error that it would be in a packet.
        """
        asked = self.client.cancel("H:1")
        self.lines[0].sendsBytes(b"ERR QUEUE_ERROR full\r\n")
        self.assertRaises(QueueFull, now, asked)

    def test_cancelRefused(self) -> None:
        """
        A server that cannot end jobs says so.
        """
        asked = self.client.cancel("H:1")
        self.lines[0].sendsBytes(b"ERR UNKNOWN_COMMAND Unknown+server+command\r\n")
        error = self.assertRaises(ServerError, now, asked)
        self.assertEqual(error.code, b"UNKNOWN_COMMAND")
        self.assertEqual(error.text, b"Unknown+server+command")
