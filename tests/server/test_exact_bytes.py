"""
Tests for L{txgearman.server.protocol} in the very bytes of the wire.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import Peer, Pump

NOOP = ("NOOP",)


class ExactBytesTests(SynchronousTestCase):
    """
    Conversations in the very bytes of gearmand.
    """

    def setUp(self) -> None:
        self.peers: dict[str, Peer] = {}
        self.pump = Pump()

    def check(self, *script: tuple[str, bytes, bytes]) -> None:
        """
        Play a script of who sends what, and what that peer has then been sent.
        """
        for line, (name, sent, wanted) in enumerate(script, 1):
            if name not in self.peers:
                self.peers[name] = self.pump.connect()
            self.peers[name].says(sent)
            received = self.peers[name].received()
            self.assertEqual(received, wanted, f"line {line}: {name} {sent!r}")

    def test_reports(self) -> None:
        """
        What a worker reports reaches the client, byte for byte.
        """
        self.check(
            ("worker", b"\0REQ\0\0\0\x01\0\0\0\x01f", b""),
            (
                "client",
                b"\0REQ\0\0\0\x07\0\0\0\x05f\0u\0d",
                b"\0RES\0\0\0\x08\0\0\0\x03H:1",
            ),
            (
                "worker",
                b"\0REQ\0\0\0\x09\0\0\0\0",
                b"\0RES\0\0\0\x0b\0\0\0\x07H:1\0f\0d",
            ),
            ("worker", b"\0REQ\0\0\0\x0c\0\0\0\x07H:1\x001\x002", b""),
            ("client", b"", b"\0RES\0\0\0\x0c\0\0\0\x07H:1\x001\x002"),
            ("worker", b"\0REQ\0\0\0\x1c\0\0\0\x06H:1\0\0d", b""),
            ("client", b"", b"\0RES\0\0\0\x1c\0\0\0\x06H:1\0\0d"),
            ("worker", b"\0REQ\0\0\0\x1d\0\0\0\x05H:1\0w", b""),
            ("client", b"", b"\0RES\0\0\0\x1d\0\0\0\x05H:1\0w"),
            ("worker", b"\0REQ\0\0\0\x0d\0\0\0\x05H:1\0r", b""),
            ("client", b"", b"\0RES\0\0\0\x0d\0\0\0\x05H:1\0r"),
        )

    def test_failures(self) -> None:
        """
        A failure reaches the client without a NUL behind the handle, whether
        the worker said WORK_FAIL or WORK_EXCEPTION; only who asked gets the
        exception.
        """
        self.check(
            ("worker", b"\0REQ\0\0\0\x01\0\0\0\x01f", b""),
            (
                "client",
                b"\0REQ\0\0\0\x07\0\0\0\x03f\0\0" * 3,
                b"\0RES\0\0\0\x08\0\0\0\x03H:1"
                b"\0RES\0\0\0\x08\0\0\0\x03H:2"
                b"\0RES\0\0\0\x08\0\0\0\x03H:3",
            ),
            (
                "worker",
                b"\0REQ\0\0\0\x09\0\0\0\0" * 3,
                b"\0RES\0\0\0\x0b\0\0\0\x06H:1\0f\0"
                b"\0RES\0\0\0\x0b\0\0\0\x06H:2\0f\0"
                b"\0RES\0\0\0\x0b\0\0\0\x06H:3\0f\0",
            ),
            ("worker", b"\0REQ\0\0\0\x0e\0\0\0\x03H:1", b""),
            ("client", b"", b"\0RES\0\0\0\x0e\0\0\0\x03H:1"),
            ("worker", b"\0REQ\0\0\0\x19\0\0\0\x05H:2\0x", b""),
            ("client", b"", b"\0RES\0\0\0\x0e\0\0\0\x03H:2"),
            (
                "client",
                b"\0REQ\0\0\0\x1a\0\0\0\x0aexceptions",
                b"\0RES\0\0\0\x1b\0\0\0\x0aexceptions",
            ),
            ("worker", b"\0REQ\0\0\0\x19\0\0\0\x05H:3\0x", b""),
            ("client", b"", b"\0RES\0\0\0\x19\0\0\0\x05H:3\0x"),
        )

    def test_grabbing(self) -> None:
        """
        Each way to grab has its own answer; the unique and the reducer are told
        to those who ask for them.
        """
        assigned = b"\0RES\0\0\0\x1f\0\0\0\x09H:2\0f\0u\0d"
        self.check(
            ("worker", b"\0REQ\0\0\0\x01\0\0\0\x01f", b""),
            ("worker", b"\0REQ\0\0\0\x09\0\0\0\0", b"\0RES\0\0\0\x0a\0\0\0\0"),
            ("worker", b"\0REQ\0\0\0\x1e\0\0\0\0", b"\0RES\0\0\0\x0a\0\0\0\0"),
            ("worker", b"\0REQ\0\0\0\x27\0\0\0\0", b"\0RES\0\0\0\x0a\0\0\0\0"),
            (
                "client",
                b"\0REQ\0\0\0\x12\0\0\0\x05f\0t\0d"
                b"\0REQ\0\0\0\x12\0\0\0\x05f\0u\0d"
                b"\0REQ\0\0\0\x12\0\0\0\x05f\0v\0d"
                b"\0REQ\0\0\0\x26\0\0\0\x09f\0w\0r\0a\0d",
                b"\0RES\0\0\0\x08\0\0\0\x03H:1"
                b"\0RES\0\0\0\x08\0\0\0\x03H:2"
                b"\0RES\0\0\0\x08\0\0\0\x03H:3"
                b"\0RES\0\0\0\x08\0\0\0\x03H:4",
            ),
            (
                "worker",
                b"\0REQ\0\0\0\x09\0\0\0\0",
                b"\0RES\0\0\0\x0b\0\0\0\x07H:1\0f\0d",
            ),
            ("worker", b"\0REQ\0\0\0\x1e\0\0\0\0", assigned),
            (
                "worker",
                b"\0REQ\0\0\0\x27\0\0\0\0",
                assigned.replace(b"2\0f\0u", b"3\0f\0v"),
            ),
            (
                "worker",
                b"\0REQ\0\0\0\x27\0\0\0\0",
                b"\0RES\0\0\0\x28\0\0\0\x0bH:4\0f\0w\0r\0d",
            ),
        )

    def test_sleeping(self) -> None:
        """
        A sleeping worker gets one NOOP.
        """
        self.check(
            ("worker", b"\0REQ\0\0\0\x01\0\0\0\x01f", b""),
            ("worker", b"\0REQ\0\0\0\x04\0\0\0\0", b""),
            (
                "client",
                b"\0REQ\0\0\0\x12\0\0\0\x03f\0\0" * 2,
                b"\0RES\0\0\0\x08\0\0\0\x03H:1\0RES\0\0\0\x08\0\0\0\x03H:2",
            ),
            ("worker", b"", b"\0RES\0\0\0\x06\0\0\0\0"),
        )

    def test_status(self) -> None:
        """
        The status of a job has five arguments, asked for by handle, and six, the
        unique first, asked for by unique; they are digits, also for no job.
        """
        self.check(
            (
                "client",
                b"\0REQ\0\0\0\x0f\0\0\0\x03H:1",
                b"\0RES\0\0\0\x14\0\0\0\x0bH:1\x000\x000\x000\x000",
            ),
            (
                "client",
                b"\0REQ\0\0\0\x29\0\0\0\x01u",
                b"\0RES\0\0\0\x2a\0\0\0\x0bu\x000\x000\x000\x000\x000",
            ),
            (
                "client",
                b"\0REQ\0\0\0\x07\0\0\0\x04f\0u\0",
                b"\0RES\0\0\0\x08\0\0\0\x03H:1",
            ),
            (
                "client",
                b"\0REQ\0\0\0\x0f\0\0\0\x03H:1",
                b"\0RES\0\0\0\x14\0\0\0\x0bH:1\x001\x000\x000\x000",
            ),
            ("worker", b"\0REQ\0\0\0\x01\0\0\0\x01f", b""),
            (
                "worker",
                b"\0REQ\0\0\0\x09\0\0\0\0",
                b"\0RES\0\0\0\x0b\0\0\0\x06H:1\0f\0",
            ),
            ("worker", b"\0REQ\0\0\0\x0c\0\0\0\x08H:1\x005\x0010", b""),
            ("client", b"", b"\0RES\0\0\0\x0c\0\0\0\x08H:1\x005\x0010"),
            (
                "other",
                b"\0REQ\0\0\0\x29\0\0\0\x01u",
                b"\0RES\0\0\0\x2a\0\0\0\x0cu\x001\x001\x005\x0010\x001",
            ),
        )

    def test_echo(self) -> None:
        """
        An echo comes back as it was, NULs and all.
        """
        self.check(
            (
                "client",
                b"\0REQ\0\0\0\x10\0\0\0\x05a\0b\0\n",
                b"\0RES\0\0\0\x11\0\0\0\x05a\0b\0\n",
            ),
            ("client", b"\0REQ\0\0\0\x10\0\0\0\0", b"\0RES\0\0\0\x11\0\0\0\0"),
        )

    def test_errors(self) -> None:
        """
        An ERROR is a code and a text, without a NUL at its end.
        """
        self.check(
            (
                "client",
                b"\0REQ\0\0\0\x1a\0\0\0\x01x",
                b"\0RES\0\0\0\x13\0\0\0\x35UNKNOWN_OPTION\0"
                b"Server does not recognize given option",
            ),
            (
                "client",
                b"\0RES\0\0\0\x10\0\0\0\x01x",
                b"\0RES\0\0\0\x13\0\0\0\x24INVALID_MAGIC\0Request magic expected",
            ),
            (
                "client",
                b"\0REQ\0\0\0\x05\0\0\0\0",
                b"\0RES\0\0\0\x13\0\0\0\x24INVALID_COMMAND\0Command not expected",
            ),
        )
