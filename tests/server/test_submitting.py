"""
Tests for L{txgearman.server.protocol}: what clients send.
"""

from __future__ import annotations

from tests.server.pump import NOON, PumpTests

TOO_LARGE = ("ERROR", b"ARGUMENT_TOO_LARGE", b"Unique value too large")

NO_JOB = ("NO_JOB",)

NOOP = ("NOOP",)

SUBMITS = [
    ("SUBMIT_JOB", "normal", False),
    ("SUBMIT_JOB_BG", "normal", True),
    ("SUBMIT_JOB_HIGH", "high", False),
    ("SUBMIT_JOB_HIGH_BG", "high", True),
    ("SUBMIT_JOB_LOW", "low", False),
    ("SUBMIT_JOB_LOW_BG", "low", True),
]
"""The packets that submit plain jobs, their priority, and whether for background."""


class ClientPacketTests(PumpTests):
    """
    What clients send.
    """

    def test_priorities(self) -> None:
        """
        Each of the six packets that submit a plain job gives it its priority.
        """
        handles = {name: self.submits(name) for name, _, _ in reversed(SUBMITS)}
        for wanted in "high", "normal", "low":
            for name, priority, _ in reversed(SUBMITS):
                if priority == wanted:
                    [granted] = self.asks(self.worker, "GRAB_JOB")
                    self.assertEqual(granted[1], handles[name], name)

    def test_background(self) -> None:
        """
        Who submits for the background hears no more of the job than its
        handle, and who submits for the foreground hears everything.
        """
        for name, _, background in SUBMITS:
            handle = self.runs(name)
            self.worker.sends("WORK_DATA", handle, b"part")
            self.worker.sends("WORK_COMPLETE", handle, b"")
            heard = [("WORK_DATA", handle, b"part"), ("WORK_COMPLETE", handle, b"")]
            self.assertEqual(self.client.owed(), [] if background else heard, name)

    def test_lostClient(self) -> None:
        """
        Background jobs survive their client, foreground ones do not.
        """
        kept = {self.submits(name) for name, _, background in SUBMITS if background}
        for name, _, background in SUBMITS:
            if not background:
                self.submits(name)
        self.client.leaves()
        self.pump.settle()
        granted = set()
        for _ in kept:
            [reply] = self.asks(self.worker, "GRAB_JOB")
            granted.add(reply[1])
        self.assertEqual(granted, kept)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])

    def test_coalescing(self) -> None:
        """
        Submits of one function and unique get one handle, and every client
        hears of the job, a client that submitted twice twice.
        """
        other = self.pump.connect()
        handle = self.submits("SUBMIT_JOB", b"f", b"u", b"1")
        self.assertEqual(self.submits("SUBMIT_JOB_HIGH", b"f", b"u", b"2"), handle)
        reply = self.asks(other, "SUBMIT_JOB", b"f", b"u", b"3")
        self.assertEqual(reply, [("JOB_CREATED", handle)])
        reply = self.asks(other, "GET_STATUS_UNIQUE", b"u")
        wanted = ("STATUS_RES_UNIQUE", b"u", b"1", b"0", b"0", b"0", b"3")
        self.assertEqual(reply, [wanted])
        [granted] = self.asks(self.worker, "GRAB_JOB")
        self.assertEqual(granted, ("JOB_ASSIGN", handle, b"f", b"1"))
        self.worker.sends("WORK_COMPLETE", handle, b"")
        done = ("WORK_COMPLETE", handle, b"")
        self.assertEqual(self.client.owed(), [done, done])
        self.assertEqual(other.owed(), [done])

    def test_uniqueLength(self) -> None:
        """
        A unique of 64 bytes is kept whole, one of 65 is refused by every
        packet that submits; so is a reducer's name.
        """
        longest = b"u" * 64
        self.submits("SUBMIT_JOB_BG", b"f", longest, b"data")
        granted = self.asks(self.worker, "GRAB_JOB_UNIQ")
        wanted = [("JOB_ASSIGN_UNIQ", b"H:1", b"f", longest, b"data")]
        self.assertEqual(granted, wanted)
        [status] = self.asks(self.client, "GET_STATUS_UNIQUE", longest)
        self.assertEqual(status[:3], ("STATUS_RES_UNIQUE", longest, b"1"))
        tooLong = longest + b"u"
        for name, _, _ in SUBMITS:
            reply = self.asks(self.client, name, b"f", tooLong, b"")
            self.assertEqual(reply, [TOO_LARGE], name)
        for name, arguments in [
            ("SUBMIT_JOB_EPOCH", (b"f", tooLong, b"1", b"")),
            ("SUBMIT_JOB_SCHED", (b"f", tooLong, b"", b"", b"", b"", b"", b"")),
            ("SUBMIT_REDUCE_JOB", (b"f", tooLong, b"r", b"", b"")),
            ("SUBMIT_REDUCE_JOB", (b"f", b"", tooLong, b"", b"")),
            ("SUBMIT_REDUCE_JOB_BACKGROUND", (b"f", b"", tooLong, b"", b"")),
        ]:
            reply = self.asks(self.client, name, *arguments)
            self.assertEqual(reply, [TOO_LARGE], name)
        unknown = ("STATUS_RES_UNIQUE", tooLong, b"0", b"0", b"0", b"0", b"0")
        reply = self.asks(self.client, "GET_STATUS_UNIQUE", tooLong)
        self.assertEqual(reply, [unknown])

    def test_reduce(self) -> None:
        """
        A reduce job tells its reducer to workers that ask for all, and is as
        another job to those that do not; the aggregate goes nowhere.
        """
        for name, heard in [
            ("SUBMIT_REDUCE_JOB", True),
            ("SUBMIT_REDUCE_JOB_BACKGROUND", False),
        ]:
            for grab, wanted in [
                ("GRAB_JOB", ("JOB_ASSIGN", b"f", b"data")),
                ("GRAB_JOB_UNIQ", ("JOB_ASSIGN_UNIQ", b"f", b"u", b"data")),
                ("GRAB_JOB_ALL", ("JOB_ASSIGN_ALL", b"f", b"u", b"r", b"data")),
            ]:
                handle = self.submits(name, b"f", b"u", b"r", b"aggregate", b"data")
                title, *others = wanted
                reply = self.asks(self.worker, grab)
                self.assertEqual(reply, [(title, handle, *others)])
                self.worker.sends("WORK_COMPLETE", handle, b"")
                done = [("WORK_COMPLETE", handle, b"")] if heard else []
                self.assertEqual(self.client.owed(), done)

    def test_epoch(self) -> None:
        """
        An epoch job waits for its second, and then a sleeping worker is woken.
        """
        self.worker.sends("PRE_SLEEP")
        handle = self.submits("SUBMIT_JOB_EPOCH", b"f", b"", b"%d" % (NOON + 5), b"x")
        self.assertEqual(self.worker.owed(), [])
        self.pump.passes(4.9)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])
        self.worker.sends("PRE_SLEEP")
        self.pump.passes(0.2)
        self.assertEqual(self.worker.owed(), [NOOP])
        granted = self.asks(self.worker, "GRAB_JOB")
        self.assertEqual(granted, [("JOB_ASSIGN", handle, b"f", b"x")])

    def test_epochOfAnyKind(self) -> None:
        """
        An epoch that is past, empty, negative or no number means now; one that
        no clock reaches is refused. There is always an answer.
        """
        for epoch in b"0", b"1", b"", b"-5", b"now", b"%d" % NOON, b" 12":
            handle = self.submits("SUBMIT_JOB_EPOCH", b"f", b"", epoch, b"")
            [granted] = self.asks(self.worker, "GRAB_JOB")
            self.assertEqual(granted[:2], ("JOB_ASSIGN", handle), epoch)
        for epoch in b"9" * 19, b"9" * 30, b"-" + b"9" * 30, b"9" * 10000:
            [reply] = self.asks(self.client, "SUBMIT_JOB_EPOCH", b"f", b"", epoch, b"")
            self.assertEqual(reply[:2], ("ERROR", b"INVALID_ARGUMENT"), epoch)

    def test_schedule(self) -> None:
        """
        A scheduled job runs at the next moment that its five fields match.
        """
        fields = [b"*/2", b"", b"*", b"", b""]
        handle = self.submits("SUBMIT_JOB_SCHED", b"f", b"u", *fields, b"data")
        wait = 120 - NOON % 120
        self.pump.passes(wait - 1)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])
        self.pump.passes(1)
        granted = self.asks(self.worker, "GRAB_JOB_UNIQ")
        self.assertEqual(granted, [("JOB_ASSIGN_UNIQ", handle, b"f", b"u", b"data")])
        self.worker.sends("WORK_COMPLETE", handle, b"")
        self.assertEqual(self.client.owed(), [])

    def test_badSchedule(self) -> None:
        """
        A schedule that cannot be read, or that never comes, is refused.
        """
        for fields in [
            (b"60", b"", b"", b"", b""),
            (b"", b"x", b"", b"", b""),
            (b"", b"", b"30", b"2", b""),
            (b"", b"", b"", b"\xff", b""),
            (b"", b"", b"", b"", b"7"),
        ]:
            [reply] = self.asks(
                self.client, "SUBMIT_JOB_SCHED", b"f", b"", *fields, b"data"
            )
            self.assertEqual(reply[:2], ("ERROR", b"INVALID_ARGUMENT"), fields)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])

    def test_statusOfAnyHandle(self) -> None:
        """
        GET_STATUS is always answered: with what is known, or with zeros. A NUL
        behind the handle is not part of it.
        """
        handle = self.submits()
        reply = self.asks(self.client, "GET_STATUS", handle + b"\0")
        self.assertEqual(reply, [("STATUS_RES", handle, b"1", b"0", b"0", b"0")])
        for unknown in b"", b"H:77", b"x" * 64, b"x" * 5000:
            reply = self.asks(self.client, "GET_STATUS", unknown)
            wanted = ("STATUS_RES", unknown, b"0", b"0", b"0", b"0")
            self.assertEqual(reply, [wanted])

    def test_statusWithNUL(self) -> None:
        """
        The answer to a handle or unique with a NUL in it still has as many
        arguments as its reader expects: what was asked for ends at the NUL, as
        in gearmand.
        """
        for name, sent, asked in [
            ("GET_STATUS", b"a\0b", b"a"),
            ("GET_STATUS_UNIQUE", b"u\0", b"u"),
            ("GET_STATUS_UNIQUE", b"u\0v", b"u"),
        ]:
            [reply] = self.asks(self.client, name, sent)
            self.assertEqual(reply[1], asked, f"{name} {sent!r}")
            self.assertEqual(set(reply[2:]), {b"0"}, f"{name} {sent!r}")

    def test_statusByUnique(self) -> None:
        """
        GET_STATUS_UNIQUE finds the job submitted last, whatever its function;
        not those whose unique is a dash or empty.
        """
        self.submits("SUBMIT_JOB_BG", b"f", b"u", b"")
        self.submits("SUBMIT_JOB", b"g", b"u", b"")
        self.submits("SUBMIT_JOB_BG", b"f", b"-", b"data")
        self.submits("SUBMIT_JOB_BG", b"f", b"", b"data")
        reply = self.asks(self.client, "GET_STATUS_UNIQUE", b"u")
        wanted = ("STATUS_RES_UNIQUE", b"u", b"1", b"0", b"0", b"0", b"1")
        self.assertEqual(reply, [wanted])
        for unique in b"-", b"":
            reply = self.asks(self.client, "GET_STATUS_UNIQUE", unique)
            unknown = ("STATUS_RES_UNIQUE", unique, b"0", b"0", b"0", b"0", b"0")
            self.assertEqual(reply, [unknown])

    def test_statusIsAnybodys(self) -> None:
        """
        Any connection may ask for the status of any job.
        """
        handle = self.runs()
        reply = self.asks(self.pump.connect(), "GET_STATUS", handle)
        self.assertEqual(reply, [("STATUS_RES", handle, b"1", b"1", b"0", b"0")])
