"""
Tests for L{txgearman.server.protocol}: replies of any size, in order, in one write.
"""

from __future__ import annotations

import random

from tests.server.pump import Pump, PumpTests, request
from txgearman.server.settings import Settings
from txgearman.wire.codec import Limits

TOO_LARGE = ("ERROR", b"ARGUMENT_TOO_LARGE", b"Unique value too large")

NOOP = ("NOOP",)


class OrderTests(PumpTests):
    """
    Replies come in the order of the requests, in one write a turn.
    """

    def test_oneReplyForEachSubmit(self) -> None:
        """
        Every submit has its JOB_CREATED or ERROR, in order.
        """
        for unique in b"a", b"x" * 65, b"b", b"a", b"x" * 70:
            self.client.sends("SUBMIT_JOB", b"f", unique, b"")
        wanted = [
            ("JOB_CREATED", b"H:1"),
            TOO_LARGE,
            ("JOB_CREATED", b"H:2"),
            ("JOB_CREATED", b"H:1"),
            TOO_LARGE,
        ]
        self.assertEqual(self.client.owed(), wanted)

    def test_fullQueue(self) -> None:
        """
        A submit beyond the limit of its function is refused in its place.
        """
        self.client.says(b"maxqueue f 2\n")
        for _ in range(3):
            self.client.sends("SUBMIT_JOB_BG", b"f", b"", b"")
        self.client.sends("SUBMIT_JOB_BG", b"g", b"", b"")
        wanted = [
            b"OK\r\n",
            ("JOB_CREATED", b"H:1"),
            ("JOB_CREATED", b"H:2"),
            ("ERROR", b"QUEUE_ERROR", b"Job queue is full"),
            ("JOB_CREATED", b"H:3"),
        ]
        self.assertEqual(self.client.owed(), wanted)

    def test_mixed(self) -> None:
        """
        Packets and text lines may be mixed and pipelined, and are answered in
        order.
        """
        self.client.sends("ECHO_REQ", b"1")
        self.client.says(b"create function g\r\n")
        self.client.sends("SUBMIT_JOB_BG", b"f", b"", b"")
        self.client.says(b"show jobs\n")
        self.client.says(request("ECHO_REQ", b"2").replace(b"REQ", b"RES", 1))
        self.client.sends("ECHO_REQ", b"3")
        wanted = [
            ("ECHO_RES", b"1"),
            b"OK\r\n",
            ("JOB_CREATED", b"H:1"),
            b"H:1\t0\t0\t1\n",
            b".\n",
            ("ERROR", b"INVALID_MAGIC", b"Request magic expected"),
            ("ECHO_RES", b"3"),
        ]
        self.assertEqual(self.client.owed(), wanted)

    def test_noopAfterJobCreated(self) -> None:
        """
        A sleeping worker that submits a job it can do hears of the job before it
        is woken.
        """
        self.worker.sends("PRE_SLEEP")
        self.worker.sends("SUBMIT_JOB_BG", b"f", b"", b"")
        self.assertEqual(self.worker.owed(), [("JOB_CREATED", b"H:1"), NOOP])

    def test_grabFirst(self) -> None:
        """
        A job that comes in the turn in which a worker asks for one is that worker's,
        and a sleeping worker sleeps on.
        """
        sleeper = self.pump.connect()
        sleeper.sends("CAN_DO", b"f")
        sleeper.sends("PRE_SLEEP")
        self.assertEqual(sleeper.owed(), [])
        self.worker.wire.carry(request("GRAB_JOB"))
        self.client.wire.carry(request("SUBMIT_JOB", b"f", b"", b"data"))
        self.pump.turn()
        self.assertEqual(self.worker.owed(), [("JOB_ASSIGN", b"H:1", b"f", b"data")])
        self.assertEqual(sleeper.owed(), [])

    def test_grabAnsweredInOrder(self) -> None:
        """
        Who asks for a job, and then for something else, is answered in that order.
        """
        echo = request("ECHO_REQ", b"1")
        grabs = [request(f"GRAB_JOB{form}") for form in ("", "_UNIQ", "_ALL")]
        self.worker.wire.carry(b"".join(grab + echo for grab in grabs) + grabs[0])
        wanted = [("NO_JOB",), ("ECHO_RES", b"1")] * 3 + [("NO_JOB",)]
        self.assertEqual(self.worker.owed(), wanted)

    def test_grabAndLeave(self) -> None:
        """
        A worker that is lost before it is answered gets no job.
        """
        self.worker.wire.carry(request("GRAB_JOB"))
        self.worker.wire.receive()
        self.worker.vanishes()
        self.client.wire.carry(request("SUBMIT_JOB", b"f", b"", b"data"))
        self.assertEqual(self.client.owed(), [("JOB_CREATED", b"H:1")])
        self.assertEqual(self.pump.factory.board.running, 0)

    def test_oneNoopForEachJob(self) -> None:
        """
        As many sleepers are woken as there are new jobs in a turn.
        """
        sleepers = self.pump.connectSeveral(5)
        for sleeper in sleepers:
            sleeper.sends("CAN_DO", b"f")
            sleeper.sends("PRE_SLEEP")
            self.assertEqual(sleeper.owed(), [])
        submit = request("SUBMIT_JOB_BG", b"f", b"", b"")
        self.client.wire.carry(submit * 3)
        self.pump.turn()
        woken = [sleeper.owed() for sleeper in sleepers]
        self.assertEqual(woken, [[], [], [NOOP], [NOOP], [NOOP]])

    def test_reportAndGrab(self) -> None:
        """
        A worker may report and grab in one go, as PHP's does.
        """
        first = self.runs()
        second = self.submits()
        self.worker.sends("WORK_COMPLETE", first, b"")
        self.worker.sends("GRAB_JOB")
        wanted = [("JOB_ASSIGN", second, b"f", b"data")]
        self.assertEqual(self.worker.owed(), wanted)

    def test_clientAndWorker(self) -> None:
        """
        One connection may submit a job, grab it and report to itself.
        """
        both = self.pump.connect()
        both.sends("CAN_DO", b"g")
        both.sends("SUBMIT_JOB", b"g", b"", b"data")
        both.sends("GRAB_JOB")
        both.sends("WORK_COMPLETE", b"H:1", b"done")
        wanted = [
            ("JOB_CREATED", b"H:1"),
            ("JOB_ASSIGN", b"H:1", b"g", b"data"),
            ("WORK_COMPLETE", b"H:1", b"done"),
        ]
        self.assertEqual(both.owed(), wanted)

    def test_oneWrite(self) -> None:
        """
        Everything that a connection is owed because of one turn's input leaves
        in one write, whoever caused it.
        """
        pump = Pump()
        client, *workers = pump.connectSeveral(21)
        for worker in workers:
            worker.sends("CAN_DO", b"f")
        for _ in range(20):
            client.sends("SUBMIT_JOB", b"f", b"", b"data")
        pump.turn()
        self.assertEqual(client.wire.writes, 1)
        for worker in workers:
            worker.sends("GRAB_JOB")
        pump.turn()
        for number, worker in enumerate(workers, 1):
            for _ in range(100):
                worker.sends("WORK_DATA", b"H:%d" % number, b"part")
            worker.sends("ECHO_REQ", b"")
        client.sends("ECHO_REQ", b"")
        pump.turn()
        self.assertEqual(client.wire.writes, 2)
        self.assertEqual([worker.wire.writes for worker in workers], [2] * 20)
        self.assertEqual(len(client.owed()), 20 + 2000 + 1)

    def test_fewWrites(self) -> None:
        """
        Of much in small pieces, too, every write takes as much as it may.
        """
        for _ in range(20_000):
            self.client.sends("ECHO_REQ", b"0123456789")
        self.client.wire.segment = 2**20
        self.pump.settle()
        size = len(self.client.wire.taken)
        self.assertEqual(size, 20_000 * 22)
        self.assertLess(self.client.wire.writes, size / 2**16 + 2)

    def test_nothingBeforeTheTurnEnds(self) -> None:
        """
        Nothing is written while input is still being read.
        """
        self.pump.settle()
        self.client.sends("ECHO_REQ", b"")
        self.client.wire.receive()
        self.assertEqual(self.client.wire.writes, 0)
        self.pump.turn()
        self.assertEqual(self.client.wire.writes, 1)


class SizeTests(PumpTests):
    """
    Large and small pieces.
    """

    def test_largePayload(self) -> None:
        """
        A payload of megabytes reaches the worker, and its result the client, as
        it was.
        """
        data = bytes(random.Random(1).randbytes(3_000_001))
        handle = self.submits("SUBMIT_JOB", b"f", b"", data)
        granted = self.asks(self.worker, "GRAB_JOB")
        self.assertEqual(granted, [("JOB_ASSIGN", handle, b"f", data)])
        self.worker.sends("WORK_DATA", handle, data)
        self.worker.sends("WORK_EXCEPTION", handle, b"")
        wanted = [("WORK_DATA", handle, data), ("WORK_FAIL", handle)]
        self.assertEqual(self.client.owed(), wanted)

    def test_largestPayload(self) -> None:
        """
        However large a payload is, it leaves without any depth of calls.
        """
        data = bytes(60 * 2**20)
        self.client.sends("ECHO_REQ", data)
        self.assertEqual(self.client.owed() == [("ECHO_RES", data)], True)

    def test_sizesAroundLimits(self) -> None:
        """
        A payload of any size comes back whole, and what stands behind it too.
        """
        for power in 12, 14, 16, 17, 20:
            for size in range(2**power - 14, 2**power + 3):
                data = b"\xa5" * size
                self.client.sends("ECHO_REQ", data)
                self.client.sends("ECHO_REQ", b"end")
                wanted = [("ECHO_RES", data), ("ECHO_RES", b"end")]
                self.assertEqual(self.client.owed() == wanted, True, size)

    def test_anySegments(self) -> None:
        """
        It does not matter in which pieces the input comes.
        """
        script = b"".join(
            [
                request("CAN_DO", b"f"),
                b"status\r\n",
                request("SUBMIT_JOB", b"f", b"u", b"data"),
                request("ECHO_REQ", b"x" * 300),
                b"nonsense\n",
                request("GRAB_JOB_ALL"),
                request("WORK_COMPLETE", b"H:1", b"\0RES\0"),
            ]
        )
        whole = Pump().connect()
        whole.says(script)
        wanted = whole.received()
        for size in 1, 2, 3, 5, 7, 11, 12, 13, 100:
            peer = Pump().connect()
            peer.wire.segment = size
            peer.says(script)
            self.assertEqual(peer.received(), wanted, f"{size} bytes at once")

    def test_largestPacket(self) -> None:
        """
        A packet of the largest size is taken; a larger one is refused as soon
        as its head is there, and the connection is over.
        """
        pump = Pump(settings=Settings(limits=Limits(packet=1000)))
        client = pump.connect()
        client.sends("ECHO_REQ", b"x" * 1000)
        self.assertEqual(client.owed(), [("ECHO_RES", b"x" * 1000)])
        client.says(request("ECHO_REQ", b"x" * 1001)[:12])
        [reply] = client.owed()
        self.assertEqual(reply[:2], ("ERROR", b"ARGUMENT_TOO_LARGE"))
        self.assertTrue(client.wire.ended)

    def test_longestLine(self) -> None:
        """
        A line of the longest size is taken; of a longer one, the server says so
        in a line without waiting for its end, and the connection is over.
        """
        pump = Pump(settings=Settings(limits=Limits(line=20)))
        admin = pump.connect()
        admin.says(b"version" + b" " * 13 + b"\n")
        [reply] = admin.owed()
        self.assertEqual(reply[:3], b"OK ")
        admin.says(b"x" * 21)
        wanted = [b"ERR INVALID_ARGUMENTS Text+line+too+long\r\n"]
        self.assertEqual(admin.owed(), wanted)
        self.assertTrue(admin.wire.ended)
