"""
Tests for L{txgearman.client.protocol}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

from tests.client.stage import NUMBERS, Notes, connected, now
from tests.server.pump import logged
from txgearman.client.factory import GearmanClientFactory
from txgearman.client.protocol import JobStatus
from txgearman.client.submission import Submission
from txgearman.errors import QueueFull, ServerError
from txgearman.wire.codec import encode
from txgearman.wire.packets import REQUEST, RESPONSE

JOB = Submission(b"f", b"u", b"x")


class ProtocolTests(SynchronousTestCase):
    """
    One connection to a server that the test plays.
    """

    def setUp(self) -> None:
        self.protocol, self.server = connected()

    def submits(self, submission: Submission = JOB) -> Notes:
        """
        Submit a job.
        """
        notes = Notes()
        self.protocol.submit(submission, notes)
        return notes

    def has(self, handle: bytes) -> Notes:
        """
        Submit a job and have it created.
        """
        notes = self.submits()
        self.server.has(handle)
        self.assertEqual(notes.all, [("created", handle)])
        notes.all.clear()
        return notes

    def pending(self) -> list[Deferred[Any]]:
        """
        Ask everything that has an answer.
        """
        return [
            self.protocol.echo(b"x"),
            self.protocol.status(b"H:1"),
            self.protocol.statusByUnique(b"u"),
            self.protocol.command(b"version"),
        ]

    def test_introduction(self) -> None:
        """
        A connection tells its name and asks for exceptions, when it is to, and
        the factory hears of it.
        """
        made: list[object] = []
        for factory, sent in [
            (GearmanClientFactory(exceptions=False), []),
            (GearmanClientFactory(), [("OPTION_REQ", b"exceptions")]),
            (
                GearmanClientFactory(b"me", onMade=made.append),
                [("SET_CLIENT_ID", b"me"), ("OPTION_REQ", b"exceptions")],
            ),
        ]:
            protocol, server = connected(factory)
            self.assertEqual(server.takes(), sent)
        self.assertEqual(made, [protocol])

    def test_noExceptions(self) -> None:
        """
        A server without the option does no harm; nor does one that goes before
        it answers.
        """
        protocol, server = connected(GearmanClientFactory())
        server.sends("ERROR", b"UNKNOWN_OPTION", b"no")
        echoed = protocol.echo(b"x")
        server.sends("ECHO_RES", b"x")
        self.assertEqual(now(echoed), b"x")
        _, server = connected(GearmanClientFactory())
        server.breaks()

    def test_requests(self) -> None:
        """
        Requests go out at once, in their order.
        """
        self.submits()
        self.pending()
        self.assertEqual(
            self.server.takes(),
            [
                ("SUBMIT_JOB", b"f", b"u", b"x"),
                ("ECHO_REQ", b"x"),
                ("GET_STATUS", b"H:1"),
                ("GET_STATUS_UNIQUE", b"u"),
                ("TEXT", b"version"),
            ],
        )

    def test_replies(self) -> None:
        """
        Replies belong to the requests in their order, however they are cut.
        """
        notes = self.submits()
        pending = self.pending()
        replies = [
            encode(RESPONSE, NUMBERS["JOB_CREATED"], b"H:1"),
            encode(RESPONSE, NUMBERS["ECHO_RES"], b"x"),
            encode(RESPONSE, NUMBERS["STATUS_RES"], b"H:1", b"1", b"0", b"3", b"4"),
            encode(
                RESPONSE,
                NUMBERS["STATUS_RES_UNIQUE"],
                *(b"u", b"0", b"1", b"", b"x", b"7"),
            ),
            b"OK 1.0\r\n",
        ]
        for byte in b"".join(replies):
            self.server.sendsBytes(bytes([byte]))
        self.assertEqual(notes.all, [("created", b"H:1")])
        self.assertEqual(
            [now(reply) for reply in pending],
            [
                b"x",
                JobStatus(True, False, 3, 4, None),
                JobStatus(False, True, 0, 0, 7),
                b"OK 1.0",
            ],
        )

    def test_names(self) -> None:
        """
        A handle or a unique that no server can have is not asked about.
        """
        for name in (b"", b"x" * 64):
            self.assertRaises(ValueError, self.protocol.status, name)
            self.assertRaises(ValueError, self.protocol.statusByUnique, name)
        self.protocol.status(b"x" * 63)
        self.assertEqual(self.server.takes(), [("GET_STATUS", b"x" * 63)])

    def test_error(self) -> None:
        """
        An ERROR is the reply to the first in line, and to nobody else.
        """
        notes = self.submits()
        echoed = self.protocol.echo(b"x")
        self.server.sends("ERROR", b"QUEUE_ERROR", b"full")
        self.assertEqual(notes.all, [("refused", QueueFull, "QUEUE_ERROR: full")])
        self.assertNoResult(echoed)
        self.server.sends("ERROR", b"WHY", b"not")
        error = self.assertRaises(ServerError, now, echoed)
        self.assertEqual((error.code, error.text), (b"WHY", b"not"))

    def test_errorUnasked(self) -> None:
        """
        An ERROR that answers nothing is logged, and the connection stays.
        """
        with logged() as lines:
            self.server.sends("ERROR", b"WHY", b"not")
        self.assertEqual(lines, ["warn: unasked for: WHY: not"])
        self.assertFalse(self.server.transport.disconnecting)

    def test_nonsenseGoesOn(self) -> None:
        """
        Nothing behind nonsense is believed.
        """
        echoed = self.protocol.echo(b"x")
        created = encode(RESPONSE, NUMBERS["JOB_CREATED"], b"H:1")
        echo = encode(RESPONSE, NUMBERS["ECHO_RES"], b"x")
        with logged():
            self.server.sendsBytes(created + echo)
        self.assertNoResult(echoed)

    def test_nonsense(self) -> None:
        """
        A reply that nobody waits for, or that another one waits for, or what is
        no packet of a server, ends the connection.
        """
        echo = encode(RESPONSE, NUMBERS["ECHO_RES"], b"x")
        for asks, data, reason in [
            (False, echo, "UNEXPECTED_PACKET: ECHO_RES"),
            (True, b"OK\r\n", "UNEXPECTED_PACKET: TEXT"),
            (
                True,
                encode(REQUEST, NUMBERS["ECHO_REQ"], b"x"),
                "INVALID_MAGIC: Response magic expected",
            ),
        ]:
            protocol, server = connected()
            if asks:
                asked = protocol.echo(b"x")
            with logged() as lines:
                server.sendsBytes(data)
            self.assertEqual(lines, [f"error: a server makes no sense: {reason}"])
            self.assertTrue(server.transport.disconnecting)
            if asks:
                server.transport.clock.advance(0)
                self.assertRaises(ConnectionLost, now, asked)

    def test_noop(self) -> None:
        """
        A NOOP means nothing to a client.
        """
        self.server.sends("NOOP")
        self.assertFalse(self.server.transport.disconnecting)

    def test_events(self) -> None:
        """
        What happens to a job is told to whoever submitted it, until it ends.
        """
        other = self.has(b"H:2")
        for name, arguments, end in [
            ("WORK_COMPLETE", (b"done",), ("complete", b"done")),
            ("WORK_FAIL", (), ("fail",)),
            ("WORK_EXCEPTION", (b"oh",), ("exception", b"oh")),
        ]:
            notes = self.has(b"H:1")
            self.server.sends("WORK_DATA", b"H:1", b"d")
            self.server.sends("WORK_WARNING", b"H:1", b"w")
            self.server.sends("WORK_STATUS", b"H:1", b"1", b"2")
            self.server.sends(name, b"H:1", *arguments)
            for late in ("WORK_DATA", "WORK_WARNING", "WORK_COMPLETE"):
                self.server.sends(late, b"H:1", b"late")
            self.server.sends("WORK_STATUS", b"H:1", b"1", b"2")
            self.assertEqual(
                notes.all, [("data", b"d"), ("warning", b"w"), ("progress", 1, 2), end]
            )
        self.assertEqual(other.all, [])

    def test_failWithNul(self) -> None:
        """
        A NUL behind the handle of a WORK_FAIL does not belong to it.
        """
        notes = self.has(b"H:1")
        self.server.sends("WORK_FAIL", b"H:1\0")
        self.assertEqual(notes.all, [("fail",)])

    def test_coalesced(self) -> None:
        """
        A server sends an event of a job once for each submission: each of them
        hears of it once, and of the end at its first copy.
        """
        one, two = self.has(b"H:1"), self.has(b"H:1")
        for data in (b"a", b"a", b"b", b"b"):
            self.server.sends("WORK_DATA", b"H:1", data)
        for _ in range(2):
            self.server.sends("WORK_COMPLETE", b"H:1", b"c")
        for notes in (one, two):
            self.assertEqual(
                notes.all, [("data", b"a"), ("data", b"b"), ("complete", b"c")]
            )

    def test_detached(self) -> None:
        """
        A watcher that was detached hears nothing; the copies of events that
        would be its own are nobody's, so that others still hear each once.
        """
        one, two = self.has(b"H:1"), self.has(b"H:1")
        self.protocol.detach(b"H:1", one)
        for name in ("WORK_DATA", "WORK_WARNING"):
            for _ in range(2):
                self.server.sends(name, b"H:1", b"a")
        for _ in range(2):
            self.server.sends("WORK_STATUS", b"H:1", b"1", b"2")
        self.server.sends("WORK_COMPLETE", b"H:1", b"c")
        self.assertEqual(one.all, [])
        self.assertEqual(
            two.all,
            [("data", b"a"), ("warning", b"a"), ("progress", 1, 2), ("complete", b"c")],
        )

    def test_detachedUnknown(self) -> None:
        """
        Detaching who does not watch, or from no job, does nothing.
        """
        one, two = self.has(b"H:1"), Notes()
        self.protocol.detach(b"H:1", two)
        self.protocol.detach(b"H:2", one)
        self.server.sends("WORK_DATA", b"H:1", b"a")
        self.assertEqual(one.all, [("data", b"a")])

    def test_background(self) -> None:
        """
        Of a job in the background nothing is told but that the server has it.
        """
        notes = self.submits(Submission(b"f", b"", b"", background=True))
        self.server.has(b"H:1")
        self.server.sends("WORK_COMPLETE", b"H:1", b"x")
        self.server.breaks()
        self.assertEqual(notes.all, [("created", b"H:1")])

    def test_lost(self) -> None:
        """
        When the connection is lost everyone who waits is told, after the
        factory was.
        """
        told: list[object] = []
        factory = GearmanClientFactory(exceptions=False)
        self.protocol, self.server = connected(factory)
        has, submitted = self.has(b"H:1"), self.submits()
        factory.onLost = lambda protocol, reason: told.append((protocol, list(has.all)))
        pending = self.pending()
        self.server.breaks()
        for reply in pending:
            self.assertRaises(ConnectionLost, now, reply)
        self.assertEqual(has.all, [("lost", ConnectionLost)])
        self.assertEqual(
            [note[:2] for note in submitted.all], [("refused", ConnectionLost)]
        )
        self.assertEqual(told, [(self.protocol, [])])

    def test_afterwards(self) -> None:
        """
        Requests on a connection that is lost fail at once, and nothing is sent.
        """
        self.server.breaks()
        notes = self.submits()
        for reply in self.pending():
            self.assertRaises(ConnectionLost, now, reply)
        self.assertEqual(
            [note[:2] for note in notes.all], [("refused", ConnectionLost)]
        )
        self.assertEqual(self.server.takes(), [])
