"""
Tests for L{txgearman.server.protocol}: packets that are larger than what is read at
once.
"""

from __future__ import annotations

from tests.server.pump import PumpTests, request
from txgearman.testing.wire import SEGMENT, Wire

DATA = bytes(range(256)) * 4096
MIB = len(DATA)


class LargeTests(PumpTests):
    """
    Large packets over sockets.
    """

    def test_readOn(self) -> None:
        """
        Of a large packet as much is read as has come, and no more than it.
        """
        wire = self.client.wire
        before = wire.arrived
        submit = request("SUBMIT_JOB", b"f", b"", DATA)
        wire.carry(submit + request("ECHO_REQ", b"behind"))
        wire.receive()
        self.assertEqual(wire.arrived - before, len(submit))
        self.assertEqual(
            self.client.owed(), [("JOB_CREATED", b"H:1"), ("ECHO_RES", b"behind")]
        )

    def test_others(self) -> None:
        """
        One packet, however large, does not keep others from their turn.
        """
        wire = self.client.wire
        before = wire.arrived
        wire.carry(request("SUBMIT_JOB", b"f", b"", DATA * 10))
        wire.receive()
        self.assertEqual(wire.arrived - before, SEGMENT + 2 * MIB)


class DataTests(PumpTests):
    """
    Large packets, over sockets.
    """

    def test_cut(self) -> None:
        """
        A client that leaves in the middle of a large packet is lost, and nothing
        else happens.
        """
        self.client.wire.carry(request("SUBMIT_JOB", b"f", b"", DATA)[: MIB // 2])
        self.client.leaves()
        while self.pump.turn():
            pass
        self.assertTrue(self.client.gone)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [("NO_JOB",)])

    def test_coalesces(self) -> None:
        """
        Large data that is its own unique coalesces, however it is cut.
        """
        for size in SEGMENT, 100_000, 3 * MIB:
            self.client.wire.segment = size
            self.client.sends("SUBMIT_JOB_BG", b"f", b"-", DATA)
            self.assertEqual(self.client.owed(), [("JOB_CREATED", b"H:1")])

    def test_ways(self) -> None:
        """
        Every way that data takes through the server is open to large data.
        """
        self.assertEqual(self.asks(self.client, "ECHO_REQ", DATA), [("ECHO_RES", DATA)])
        handle = self.submits("SUBMIT_JOB", b"f", b"u", DATA)
        wanted = [("JOB_ASSIGN_UNIQ", handle, b"f", b"u", DATA)]
        self.assertEqual(self.asks(self.worker, "GRAB_JOB_UNIQ"), wanted)
        for name in "WORK_DATA", "WORK_WARNING", "WORK_COMPLETE":
            self.worker.sends(name, handle, DATA)
            self.assertEqual(self.client.owed(), [(name, handle, DATA)])


class LateLargeTests(DataTests):
    """
    Large packets where there is no socket.
    """

    wire: type[Wire] = Wire

    def test_readOn(self) -> None:
        """
        Without a socket, what the transport gives at once is all.
        """
        wire = self.client.wire
        before = wire.arrived
        wire.carry(request("SUBMIT_JOB", b"f", b"", DATA))
        wire.receive()
        self.assertEqual(wire.arrived - before, SEGMENT)
