"""
A worker's connection, in bytes.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.worker.stage import RecordingOwner
from txgearman.worker.factory import (
    GearmanWorkerFactory,
)
from txgearman.worker.protocol import Assignment, GearmanWorkerProtocol

NONSENSE = [
    b"\0RES\0\0\0\x63\0\0\0\0",
    b"\0REQ\0\0\0\x06\0\0\0\0",
    b"\0RES\0\0\0\x0b\0\0\0\x01h",
    b"\0RES\0\0\0\x08\0\0\0\x01h",
    b"\0RES\0\0\0\x11\0\0\0\x01x",
    b"\0RES\0\0\0\x1b\0\0\0\x01x",
    b"\0RES\0\0\0\x14\0\0\0\x09h\x000\x000\x000\x000",
    b"220 mail.example.net ESMTP\r\n",
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
]
"""
An unknown number, a request, an assignment that was cut, replies to what no worker
asks, and what others say who live at a port.
"""


class Connection:
    """
    A connection and what its owner is told.
    """

    def __init__(self, clientId: bytes | None = None) -> None:
        self.owner = RecordingOwner()
        factory = GearmanWorkerFactory(self.owner, clientId)
        made = factory.buildProtocol(None)
        assert isinstance(made, GearmanWorkerProtocol)
        self.protocol = made
        self.transport = StringTransport()
        made.makeConnection(self.transport)

    def hears(self, data: bytes) -> list[object]:
        """
        @return: what the owner is told of it.
        """
        self.owner.told.clear()
        self.protocol.dataReceived(data)
        return self.owner.told

    def said(self) -> bytes:
        """
        Take what was written since the last time.
        """
        data: bytes = self.transport.value()
        self.transport.clear()
        return data


class SayingTests(SynchronousTestCase):
    """
    What a worker says.
    """

    def test_introduction(self) -> None:
        """
        A connection says nothing of its own accord except its name, if it has
        one, and says it before the owner says anything.
        """
        connection = Connection()
        self.assertEqual(b"", connection.said())
        self.assertEqual(["made"], connection.owner.told)
        named = Connection(b"me")
        self.assertEqual(b"\0REQ\0\0\0\x16\0\0\0\x02me", named.said())

    def test_packets(self) -> None:
        """
        Each method writes one packet.
        """
        connection = Connection()
        say = connection.protocol
        for speak, expected in [
            (lambda: say.canDo(b"f"), b"\0REQ\0\0\0\x01\0\0\0\x01f"),
            (lambda: say.canDo(b"f", 2.5), b"\0REQ\0\0\0\x17\0\0\0\x06f\x002500"),
            (lambda: say.canDo(b"f", 0.0001), b"\0REQ\0\0\0\x17\0\0\0\x03f\x001"),
            (lambda: say.cantDo(b"f"), b"\0REQ\0\0\0\x02\0\0\0\x01f"),
            (lambda: say.grab(), b"\0REQ\0\0\0\x27\0\0\0\0"),
            (lambda: say.sleep(), b"\0REQ\0\0\0\x04\0\0\0\0"),
            (
                lambda: say.workStatus(b"h", 3, 10),
                b"\0REQ\0\0\0\x0c\0\0\0\x06h\x003\x0010",
            ),
            (lambda: say.workData(b"h", b"d"), b"\0REQ\0\0\0\x1c\0\0\0\x03h\0d"),
            (lambda: say.workWarning(b"h", b"d"), b"\0REQ\0\0\0\x1d\0\0\0\x03h\0d"),
            (
                lambda: say.workComplete(b"h", b"a\0b"),
                b"\0REQ\0\0\0\x0d\0\0\0\x05h\0a\0b",
            ),
            (lambda: say.workFail(b"h"), b"\0REQ\0\0\0\x0e\0\0\0\x01h"),
            (lambda: say.workException(b"h", b"d"), b"\0REQ\0\0\0\x19\0\0\0\x03h\0d"),
        ]:
            speak()
            self.assertEqual(expected, connection.said())

    def test_echo(self) -> None:
        """
        An echo is asked for, and the owner told of the answer; another one makes
        no sense.
        """
        connection = Connection()
        connection.protocol.echo()
        self.assertEqual(b"\0REQ\0\0\0\x10\0\0\0\0", connection.said())
        answer = b"\0RES\0\0\0\x11\0\0\0\0"
        self.assertEqual(["echoed"], connection.hears(answer))
        with capturedLogs() as captured:
            self.assertEqual([], connection.hears(answer))
        self.assertEqual([LogLevel.error], [e["log_level"] for e in captured])


class HearingTests(SynchronousTestCase):
    """
    What a worker's owner is told.
    """

    def test_packets(self) -> None:
        """
        Each packet that means something to a worker is told, also when it comes
        byte by byte.
        """
        for data, told in [
            (b"\0RES\0\0\0\x06\0\0\0\0", "woken"),
            (b"\0RES\0\0\0\x0a\0\0\0\0", "noJob"),
            (
                b"\0RES\0\0\0\x0b\0\0\0\x07h\0f\0d\0e",
                Assignment(b"h", b"f", b"", b"d\0e"),
            ),
            (
                b"\0RES\0\0\0\x1f\0\0\0\x07h\0f\0u\0d",
                Assignment(b"h", b"f", b"u", b"d"),
            ),
            (
                b"\0RES\0\0\0\x28\0\0\0\x09h\0f\0u\0r\0d",
                Assignment(b"h", b"f", b"u", b"d", b"r"),
            ),
        ]:
            connection = Connection()
            self.assertEqual([told, told], connection.hears(data + data))
            connection.owner.told.clear()
            for byte in data:
                connection.protocol.dataReceived(bytes([byte]))
            self.assertEqual([told], connection.owner.told)

    def test_error(self) -> None:
        """
        An error is logged and otherwise ignored.
        """
        connection = Connection()
        with capturedLogs() as captured:
            told = connection.hears(b"\0RES\0\0\0\x13\0\0\0\x06BAD\0no")
        self.assertEqual([], told)
        self.assertEqual([LogLevel.warn], [event["log_level"] for event in captured])
        self.assertIn("BAD: no", formatEvent(captured[0]))

    def test_nonsense(self) -> None:
        """
        Nonsense aborts the connection and is logged once; what was said in front
        of it counts, and nothing behind it.
        """
        for data in NONSENSE:
            connection = Connection()
            with capturedLogs() as captured:
                told = [*connection.hears(b"\0RES\0\0\0\x0a\0\0\0\0" + data)]
                told += connection.hears(data + b"\0RES\0\0\0\x06\0\0\0\0")
            self.assertEqual(["noJob"], told)
            self.assertTrue(connection.transport.disconnected)
            self.assertEqual([LogLevel.error], [e["log_level"] for e in captured])

    def test_lost(self) -> None:
        """
        The end of the connection is told, with its reason.
        """
        connection = Connection()
        connection.owner.told.clear()
        connection.protocol.connectionLost()
        connection.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(
            [("lost", ConnectionDone), ("lost", ConnectionLost)],
            connection.owner.told,
        )
