"""
Tests for L{txgearman.server.protocol}: input that makes no sense.
"""

from __future__ import annotations

import random
import struct

from twisted.internet.address import UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import NAMES, Pump, PumpTests, request

NOT_EXPECTED = ("ERROR", b"INVALID_COMMAND", b"Command not expected")

NO_JOB = ("NO_JOB",)

NOOP = ("NOOP",)


class BadInputTests(PumpTests):
    """
    What makes no sense costs its sender an ERROR or its connection, and nobody
    else anything.
    """

    def tearDown(self) -> None:
        """
        The others never notice.
        """
        handle = self.runs()
        self.worker.sends("WORK_COMPLETE", handle, b"")
        self.assertEqual(self.client.owed(), [("WORK_COMPLETE", handle, b"")])

    def test_notExpected(self) -> None:
        """
        What only servers send is not expected of a peer; the connection goes on.
        """
        peer = self.pump.connect()
        for name, count in [
            ("UNUSED", 0),
            ("NOOP", 0),
            ("JOB_CREATED", 1),
            ("NO_JOB", 0),
            ("JOB_ASSIGN", 3),
            ("ECHO_RES", 1),
            ("ERROR", 2),
            ("STATUS_RES", 5),
            ("OPTION_RES", 1),
            ("JOB_ASSIGN_UNIQ", 4),
            ("JOB_ASSIGN_ALL", 5),
            ("STATUS_RES_UNIQUE", 6),
        ]:
            reply = self.asks(peer, name, *[b"x"] * count)
            self.assertEqual(reply, [NOT_EXPECTED], name)

    def test_responseMagic(self) -> None:
        """
        A packet with the magic of a response is refused, whatever it is, and
        the connection goes on.
        """
        peer = self.pump.connect()
        for name, arguments in [
            ("ECHO_REQ", [b"x"]),
            ("SUBMIT_JOB", [b"f", b"", b""]),
            ("JOB_CREATED", [b"H:1"]),
            ("SUBMIT_JOB", []),
        ]:
            peer.says(request(name, *arguments).replace(b"\0REQ", b"\0RES"))
            wanted = [("ERROR", b"INVALID_MAGIC", b"Request magic expected")]
            self.assertEqual(peer.owed(), wanted, name)

    def test_lostPlace(self) -> None:
        """
        A magic or a number that does not exist closes the connection without a
        word, after the replies to what stood before it.
        """
        for sent in [
            b"\0XXX\0\0\0\x10\0\0\0\0",
            b"\0\0\0\0\0\0\0\0\0\0\0\0",
            b"\0r",
            b"\0REX",
            b"\0REQ\0\0\0\0\0\0\0\0",
            b"\0REQ\0\0\0\x2b\0\0\0\0",
            b"\0REQ\xff\xff\xff\xff\0\0\0\0",
            b"\0REQ\x80\0\0\0\0\0\0\0",
            b"\0RES\0\0\0\x2b\0\0\0\0",
        ]:
            peer = self.pump.connect()
            peer.sends("ECHO_REQ", b"x")
            peer.says(sent)
            peer.sends("ECHO_REQ", b"unread")
            self.assertEqual(peer.owed(), [("ECHO_RES", b"x")], sent)
            self.assertTrue(peer.gone, sent)

    def test_tooFewArguments(self) -> None:
        """
        A packet that lacks arguments gets an ERROR and ends its connection: what
        follows is not to be trusted, and certainly not taken for its arguments.
        """
        for name, count in [
            ("CAN_DO_TIMEOUT", 2),
            ("SUBMIT_JOB", 3),
            ("SUBMIT_JOB_BG", 3),
            ("SUBMIT_JOB_HIGH", 3),
            ("SUBMIT_JOB_HIGH_BG", 3),
            ("SUBMIT_JOB_LOW", 3),
            ("SUBMIT_JOB_LOW_BG", 3),
            ("SUBMIT_JOB_EPOCH", 4),
            ("SUBMIT_JOB_SCHED", 8),
            ("SUBMIT_REDUCE_JOB", 5),
            ("SUBMIT_REDUCE_JOB_BACKGROUND", 5),
            ("WORK_STATUS", 3),
        ]:
            for given in range(count):
                peer = self.pump.connect()
                peer.sends("ECHO_REQ", b"x")
                peer.sends(name, *[b"f"] * given)
                peer.sends("ECHO_REQ", b"unread")
                echo, error = peer.owed()
                self.assertEqual(echo, ("ECHO_RES", b"x"), name)
                self.assertEqual(error[:2], ("ERROR", b"INVALID_PACKET"), name)
                self.assertTrue(peer.wire.ended, name)
                peer.leaves()

    def test_tooManyWords(self) -> None:
        """
        A line of more than five words is refused in a line, and ends the
        connection.
        """
        admin = self.pump.connect()
        admin.says(b"maxqueue g 1 2 3\n")
        admin.says(b"maxqueue g 1 2 3 4\r\n")
        admin.says(b"create function unread\n")
        wanted = [b"OK\r\n", b"ERR INVALID_ARGUMENTS Too+many+arguments\r\n"]
        self.assertEqual(admin.owed(), wanted)
        self.assertTrue(admin.wire.ended)
        self.client.says(b"status\n")
        self.assertEqual(self.client.owed(), [b"f\t0\t0\t1\n", b".\n"])

    def test_otherProtocols(self) -> None:
        """
        What other protocols begin with harms nobody.
        """
        for sent in [
            b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(200),
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
            b"\xff\xfe\n" * 100,
        ]:
            peer = self.pump.connect()
            peer.says(sent)
            peer.leaves()
            for reply in peer.owed():
                assert isinstance(reply, bytes)
                self.assertEqual(reply[:4], b"ERR ")
            self.assertTrue(peer.gone)

    def test_anything(self) -> None:
        """
        Whatever the bytes are, nothing is raised.
        """
        chance = random.Random(4730)
        for _ in range(300):
            peer = self.pump.connect()
            for _ in range(chance.randrange(1, 12)):
                body = chance.randbytes(chance.randrange(30))
                body = body.translate(bytes(range(64)) * 4) + bytes(chance.randrange(9))
                number = chance.randrange(1, len(NAMES))
                peer.says(struct.pack(">4sII", b"\0REQ", number, len(body)) + body)
            peer.says(chance.randbytes(40))
            peer.owed()
            peer.vanishes()
        self.assertEqual(self.pump.factory.connections, 2)

    def test_leavesInTheMiddle(self) -> None:
        """
        A peer may leave in the middle of a packet or a line.
        """
        for sent in request("SUBMIT_JOB", b"f", b"", b"data")[:-1], b"\0RE", b"statu":
            peer = self.pump.connect()
            peer.says(sent)
            peer.leaves()
            self.assertEqual(peer.owed(), [])
            self.assertTrue(peer.gone)


class LingerTests(SynchronousTestCase):
    """
    A peer whose bytes made no sense has some time to read why.
    """

    def setUp(self) -> None:
        self.pump = Pump()
        self.peer = self.pump.connect()

    def errs(self) -> None:
        """
        Let the peer send something that gets an ERROR and ends the connection.
        """
        self.peer.sends("SUBMIT_JOB", b"alone")

    def test_halfClosed(self) -> None:
        """
        The server closes its side behind the ERROR, and goes on reading, so
        that what the peer still sends does not destroy it.
        """
        self.errs()
        self.peer.sends("ECHO_REQ", b"unread")
        [error] = self.peer.owed()
        self.assertEqual(error[0], "ERROR")
        self.assertTrue(self.peer.wire.ended)
        self.assertFalse(self.peer.gone)
        self.peer.sends("ECHO_REQ", b"still unread")
        self.peer.says(b"version\n")
        self.assertEqual(self.peer.owed(), [])
        self.assertFalse(self.peer.held)
        self.assertEqual(self.peer.kept, 0)

    def test_peerCloses(self) -> None:
        """
        When the peer closes its side too, the connection is over, and nothing
        is left to be done later.
        """
        self.errs()
        self.peer.leaves()
        self.pump.settle()
        self.assertTrue(self.peer.gone)
        self.assertFalse(self.peer.wire.aborted)
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def test_aborted(self) -> None:
        """
        A peer that does not close its side is parted from after a while.
        """
        self.errs()
        self.pump.passes(1.9)
        self.assertFalse(self.peer.gone)
        self.pump.passes(0.2)
        self.assertTrue(self.peer.wire.aborted)
        self.assertTrue(self.peer.gone)
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def test_lateReader(self) -> None:
        """
        A peer that comes to read within that while gets all it is owed.
        """
        self.peer.stalls()
        self.peer.sends("ECHO_REQ", b"x" * 200_000)
        self.errs()
        self.pump.passes(1.5)
        self.peer.reads()
        echo, error = self.peer.owed()
        self.assertEqual(echo, ("ECHO_RES", b"x" * 200_000))
        self.assertEqual(error[:2], ("ERROR", b"INVALID_PACKET"))
        self.assertTrue(self.peer.wire.ended)

    def test_notReading(self) -> None:
        """
        A peer that never reads is parted from all the same.
        """
        self.peer.stalls()
        self.errs()
        self.pump.passes(2.1)
        self.assertTrue(self.peer.gone)

    def test_otherTransports(self) -> None:
        """
        A transport that cannot close one side is closed behind the ERROR.
        """
        peer = self.pump.connect(UNIXAddress(None))
        peer.sends("SUBMIT_JOB", b"alone")
        [error] = peer.owed()
        self.assertEqual(error[:2], ("ERROR", b"INVALID_PACKET"))
        self.assertTrue(peer.gone)
        self.assertFalse(peer.wire.aborted)
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def test_jobsGoBack(self) -> None:
        """
        The jobs of a worker that made no sense are granted to another when the
        connection is over.
        """
        other = self.pump.connect()
        for worker in self.peer, other:
            worker.sends("CAN_DO", b"f")
        other.sends("SUBMIT_JOB_BG", b"f", b"", b"data")
        self.pump.settle()
        self.peer.sends("GRAB_JOB")
        self.errs()
        self.pump.passes(3)
        other.owed()
        other.sends("GRAB_JOB")
        self.assertEqual(other.owed(), [("JOB_ASSIGN", b"H:1", b"f", b"data")])
