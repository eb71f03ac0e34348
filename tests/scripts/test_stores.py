"""
Tests for L{txgearman.scripts.stores}: C{txgearadmin store}.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from typing import Any
from unittest.mock import patch

from attrs import define

from tests.scripts.stage import ToolTestCase
from txgearman.board.policy import defaultHandlePrefix
from txgearman.errors import BadSetting, StoreError, StoreUnusable
from txgearman.scripts import admin, carrying, stores
from txgearman.stores.interface import (
    LIFE,
    RECORD_ROOM,
    Batch,
    IJobStore,
    SavedJob,
    SavedRecord,
    Unreadable,
)
from txgearman.stores.lines import writeLines
from txgearman.stores.memory import Drawer, MemoryStore
from txgearman.testing.stores import MOMENT, savedJob

NOW = MOMENT + 100

RECORDS = [
    SavedRecord("dead", b"H:1", b"first"),
    SavedRecord("policy", b"mail.*", b"5"),
    SavedRecord("dead", b"\xff", b"\0"),
]


@define
class Queue:
    """
    A queue of gearmand's.

    @ivar trouble: why it cannot be read; empty when it can.
    """

    found: list[SavedJob | Unreadable]
    trouble: str = ""

    def read(self) -> Iterator[SavedJob | Unreadable]:
        if self.trouble:
            raise StoreUnusable(self.trouble)
        yield from self.found


class StoreToolTestCase(ToolTestCase):
    """
    The tool, and stores that it knows by names with a colon.
    """

    def setUp(self) -> None:
        super().setUp()
        self.drawers = {"a:": Drawer(), "b:": Drawer()}
        self.queues: dict[str, Queue] = {}
        self.largest = 1000
        self.signals: dict[int, Any] = {}
        self.patch(stores, "storeFromURL", self.store)
        self.patch(carrying, "sourceFromURL", self.source)
        self.patch(carrying, "time", lambda: NOW)
        self.patch(stores, "time", lambda: NOW)
        self.patch(signal, "signal", self.signals.__setitem__)

    def store(self, url: str) -> IJobStore | None:
        if url == "memory:":
            return None
        if url not in self.drawers:
            raise BadSetting(f"bad store {url!r}")
        store = MemoryStore(self.drawers[url])
        store.largest = self.largest
        return store

    def source(self, url: str) -> object:
        return self.queues.get(url) or self.store(url)

    def keep(self, url: str, *jobs: SavedJob) -> None:
        """
        Put jobs into a store behind everybody's back.
        """
        self.drawers[url].jobs |= {job.number: job for job in jobs}

    def kept(self, url: str) -> list[SavedJob]:
        """
        Look what is in a store, by place.
        """
        jobs = self.drawers[url].jobs.values()
        return sorted(jobs, key=lambda job: job.place)

    def keepRecords(self, url: str, *records: SavedRecord) -> None:
        """
        Put records into a store behind everybody's back.
        """
        for kind, key, value in records:
            assert value is not None
            self.drawers[url].records[kind, key] = value

    def types(self, data: bytes) -> None:
        """
        Let the tool read this from its stdin.
        """
        self.patch(sys, "stdin", TextIOWrapper(BytesIO(data)))

    def runs(self, *words: str) -> int:
        """
        Run the tool to its end.

        @return: the exit status.
        """
        try:
            admin.main(("store", *words))
        except SystemExit as end:
            return int(str(end.code))
        return 0

    def said(self) -> list[str]:
        """
        Take the lines of stderr.
        """
        return self.err.take().decode().splitlines()


class CheckTests(StoreToolTestCase):
    """
    Tests of C{store check}.
    """

    def test_jobs(self) -> None:
        """
        It says how many jobs there are of each function, how many of them wait for
        their time, how large and how old they are, and leaves all as it is.
        """
        self.keep(
            "a:",
            savedJob(1, function=b"g", data=b"12345"),
            savedJob(2, function=b"f\xff", submitted=MOMENT - 5, due=NOW),
            savedJob(3, function=b"g", submitted=MOMENT + 5, due=NOW + 1),
        )
        self.assertEqual(self.runs("check", "a:"), 0)
        self.assertEqual(
            self.out.take(),
            b"function\tqueued\tdelayed\tbytes\toldest\n"
            b"f\\xff\t1\t0\t4\t2023-11-14T22:13:15Z\n"
            b"g\t1\t1\t9\t2023-11-14T22:13:20Z\n",
        )
        summary = (
            "3 jobs, 1 delayed, 13 bytes, the oldest of 2023-11-14T22:13:15Z,"
            " 0 unreadable"
        )
        self.assertEqual(self.said(), [summary])
        self.assertEqual(self.drawers["a:"].lives, 0)

    def test_records(self) -> None:
        """
        It says how many records of each kind there are beside the jobs, to people and
        to programs.
        """
        self.keep("a:", savedJob(1))
        self.keepRecords("a:", *RECORDS)
        self.assertEqual(self.runs("check", "a:"), 0)
        [summary] = self.said()
        self.assertIn(", 2 dead records, 1 policy record, 0 unreadable", summary)
        self.assertIn("1 job, ", summary)
        self.out.take()
        self.assertEqual(self.runs("check", "--json", "a:"), 0)
        [found] = self.out.values()
        self.assertEqual((found["jobs"], found["bytes"]), (1, 4))
        self.assertEqual(found["records"], {"dead": 2, "policy": 1})

    def test_unreadableRecord(self) -> None:
        """
        A record that cannot be read is said, as a job is.
        """
        self.keepRecords("a:", SavedRecord("BAD", b"k", b""))
        self.assertEqual(self.runs("check", "a:"), 1)
        said = self.said()[0]
        self.assertEqual(said, "txgearadmin: BAD record b'k': kind is 'BAD'")

    def test_inUse(self) -> None:
        """
        A store can be looked at while a server has it.
        """
        MemoryStore(self.drawers["a:"]).open()
        self.assertEqual(self.runs("check", "a:"), 0)
        self.assertEqual(self.said(), ["0 jobs, 0 delayed, 0 bytes, 0 unreadable"])

    def test_unreadable(self) -> None:
        """
        What cannot be read is said, and makes the exit status 1.
        """
        self.keep("a:", savedJob(1), savedJob(2, priority=7))
        self.assertEqual(self.runs("check", "a:"), 1)
        [bad, summary] = self.said()
        self.assertEqual(bad, "txgearadmin: job 2: priority is 7")
        self.assertIn("1 job, ", summary)
        self.assertIn("1 unreadable", summary)
        self.assertEqual(len(self.kept("a:")), 2)

    def test_json(self) -> None:
        """
        Programs get the same as JSON.
        """
        self.keep("a:", savedJob(1, function=b"f\xff"), savedJob(2, priority=7))
        self.assertEqual(self.runs("check", "--json", "a:"), 1)
        row = {"queued": 1, "delayed": 0, "bytes": 4, "oldest": MOMENT}
        self.assertEqual(
            self.out.values(),
            [
                {
                    "jobs": 1,
                    **row,
                    "records": {},
                    "functions": [{"function": "f\\xff", **row}],
                    "unreadable": [{"name": "job 2", "reason": "priority is 7"}],
                }
            ],
        )

    def test_noMoment(self) -> None:
        """
        It is not made up when jobs were submitted; what is no moment that a
        calendar has is shown as a number.
        """
        self.queues["q:"] = Queue([savedJob(1, submitted=0.0)])
        self.assertEqual(self.runs("check", "q:"), 0)
        self.assertIn(b"reverse\t1\t0\t4\t-\n", self.out.take())
        self.assertEqual(self.said(), ["1 job, 0 delayed, 4 bytes, 0 unreadable"])
        self.queues["q:"] = Queue([savedJob(1, submitted=2.0**52)])
        self.assertEqual(self.runs("check", "q:"), 0)
        self.assertIn(b"\t4503599627370496.0\n", self.out.take())


class ExportTests(StoreToolTestCase):
    """
    Tests of C{store export}.
    """

    def test_stdout(self) -> None:
        """
        Jobs are written to stdout by their places, and what else is said is not.
        """
        jobs = [savedJob(2), savedJob(1, place=3, data=b"\0")]
        self.keep("a:", *jobs)
        self.assertEqual(self.runs("export", "a:"), 0)
        self.assertEqual(self.out.take(), b"".join(writeLines(jobs)))
        self.assertEqual(self.said(), ["2 jobs exported, 0 unreadable"])

    def test_records(self) -> None:
        """
        Records are written as well, before the jobs.
        """
        self.keep("a:", savedJob(1))
        self.keepRecords("a:", *RECORDS)
        self.assertEqual(self.runs("export", "a:"), 0)
        expected = b"".join(writeLines([*RECORDS, savedJob(1)]))
        self.assertEqual(self.out.take(), expected)
        said = "1 job, 2 dead records, 1 policy record exported, 0 unreadable"
        self.assertEqual(self.said(), [said])

    def test_file(self) -> None:
        """
        They are written to a file when one is named.
        """
        self.keep("a:", savedJob(1))
        path = self.folder() / "jobs"
        path.write_bytes(b"what was there " * 100)
        self.assertEqual(self.runs("export", "a:", str(path)), 0)
        self.assertEqual(path.read_bytes(), b"".join(writeLines([savedJob(1)])))
        self.assertEqual(self.out.take(), b"")

    def test_unreadable(self) -> None:
        """
        What cannot be read is not exported, is said, and makes the exit status 1.
        """
        self.keep("a:", savedJob(1), savedJob(2, priority=7))
        self.assertEqual(self.runs("export", "a:"), 1)
        self.assertEqual(self.out.take(), b"".join(writeLines([savedJob(1)])))
        self.assertEqual(
            self.said(),
            ["txgearadmin: job 2: priority is 7", "1 job exported, 1 unreadable"],
        )

    def test_nothingLost(self) -> None:
        """
        A file that has an export stays as it is when there is no new one.
        """
        path = self.folder() / "jobs"
        path.write_bytes(b"old")
        self.drawers["a:"].broken = True
        self.assertEqual(self.runs("export", "a:", str(path)), 2)
        self.assertEqual(path.read_bytes(), b"old")

    def test_nobodyReads(self) -> None:
        """
        It ends quietly when nobody reads what it writes.
        """
        self.keep("a:", savedJob(1))

        stopped: list[None] = []
        self.patch(stores, "stopWriting", lambda: stopped.append(None))
        with patch.object(stores, "writeLines", side_effect=BrokenPipeError):
            self.assertEqual(self.runs("export", "a:"), 1)
        self.assertEqual(stopped, [None])
        self.assertEqual(self.said(), ["0 jobs exported, 0 unreadable"])


class ImportTests(StoreToolTestCase):
    """
    Tests of C{store import}.
    """

    def test_empty(self) -> None:
        """
        An export that gets into an empty store is what it was.
        """
        jobs = [
            savedJob(2 * LIFE + 1, b"H:h:1", place=3 * LIFE),
            savedJob(3 * LIFE + 5, data=b"\0\xff", attempts=2, error=b"lost"),
        ]
        self.types(b"".join(writeLines(jobs)))
        self.assertEqual(self.runs("import", "a:"), 0)
        self.assertEqual(self.kept("a:"), jobs)
        self.assertEqual(self.said(), ["2 jobs imported, 0 skipped, 0 unreadable"])
        self.assertIsNone(self.drawers["a:"].owner)

    def test_lives(self) -> None:
        """
        A server that gets the store later gives no number that an imported job has.
        """
        jobs = [savedJob(n * LIFE + 1) for n in (5, 3, 9)]
        moved = savedJob(1, place=12 * LIFE)
        self.types(b"".join(writeLines([*jobs, moved])))
        self.assertEqual(self.runs("import", "a:"), 0)
        self.assertEqual(self.kept("a:"), [jobs[1], jobs[0], jobs[2], moved])
        self.assertEqual(self.drawers["a:"].lives, 12)

    def test_manyLives(self) -> None:
        """
        It is said what takes so long when there are many lives in between.
        """
        self.types(b"".join(writeLines([savedJob(200 * LIFE), savedJob(1)])))
        self.assertEqual(self.runs("import", "a:"), 0)
        first, summary = self.said()
        self.assertIn("counting lives up to 200", first)
        self.assertEqual(summary, "2 jobs imported, 0 skipped, 0 unreadable")
        self.assertEqual(self.drawers["a:"].lives, 200)

    def test_again(self) -> None:
        """
        Jobs whose numbers or handles are there are skipped, whatever else they are:
        to do it twice is to do it once.
        """
        self.keep("a:", savedJob(1, data=b"old"), savedJob(2, b"H:taken"))
        new = savedJob(4)
        jobs = [savedJob(1), savedJob(3, b"H:taken"), new, new]
        for done, skipped in (1, 3), (0, 4):
            self.types(b"".join(writeLines(jobs)))
            self.assertEqual(self.runs("import", "a:"), 0)
            text = f"{done} job{'s' * (not done)} imported, {skipped} skipped"
            self.assertEqual(self.said(), [f"{text}, 0 unreadable"])
        self.assertEqual(
            self.kept("a:"), [savedJob(1, data=b"old"), savedJob(2, b"H:taken"), new]
        )

    def test_renumber(self) -> None:
        """
        All get new numbers and handles when that is wanted, of the present life, in
        the order in which they come, behind those that are there.
        """
        self.keep("a:", savedJob(1))
        self.drawers["a:"].lives = 6
        self.types(b"".join(writeLines([savedJob(2, place=9), savedJob(1)])))
        self.assertEqual(self.runs("import", "--renumber", "a:"), 0)
        prefix = defaultHandlePrefix()
        numbers = [7 * LIFE + 1, 7 * LIFE + 2]
        self.assertEqual(
            self.kept("a:"),
            [savedJob(1), *(savedJob(n, b"%s:%d" % (prefix, n)) for n in numbers)],
        )
        self.assertEqual(self.drawers["a:"].lives, 7)

    def test_badLines(self) -> None:
        """
        Lines that are none are told with their numbers, the others are imported,
        and the exit status is 1.
        """
        head, good = writeLines([savedJob(1)])
        self.types(head + b"nonsense\n" + good)
        self.assertEqual(self.runs("import", "a:"), 1)
        self.assertEqual(
            self.said(),
            [
                "txgearadmin: line 2: not JSON",
                "1 job imported, 0 skipped, 1 unreadable",
            ],
        )
        self.assertEqual(self.kept("a:"), [savedJob(1)])

    def test_refused(self) -> None:
        """
        Jobs that the store cannot take are told: those that are too large, and
        those with numbers that it would not get to for ages.
        """
        far = savedJob(2**63 - 1)
        large = savedJob(2, data=b"x" * 1001)
        self.types(b"".join(writeLines([large, far, savedJob(1)])))
        self.assertEqual(self.runs("import", "--json", "a:"), 1)
        first, second, summary = self.said()
        self.assertIn("job 2: its workload has more than 1000 bytes", first)
        self.assertIn(f"job {2**63 - 1}: its number is too large", second)
        text = "1 job imported, 0 skipped, 0 unreadable, 2 refused"
        self.assertEqual(summary, text)
        self.assertEqual(
            self.out.values(),
            [
                {
                    "imported": 1,
                    "records": {},
                    "skipped": 0,
                    "unreadable": 0,
                    "refused": 2,
                }
            ],
        )
        self.types(b"".join(writeLines([far])))
        self.assertEqual(self.runs("import", "--renumber", "b:"), 0)
        self.assertEqual(self.kept("b:")[0].number, LIFE + 1)

    def test_setAside(self) -> None:
        """
        What is unreadable in the store already is said, too.
        """
        self.keep("a:", savedJob(1, priority=7))
        self.types(b"".join(writeLines([savedJob(2)])))
        self.assertEqual(self.runs("import", "a:"), 1)
        self.assertIn("txgearadmin: job 1: priority is 7", self.said())

    def test_records(self) -> None:
        """
        Records are imported as they are, and skipped when one with the same kind and
        key is there; also with new numbers for the jobs.
        """
        old = RECORDS[0]._replace(value=b"old")
        self.keepRecords("a:", old)
        for options, done, skipped in (
            ([], {"dead": 1, "policy": 1}, 1),
            ([], {}, 4),
            (["--renumber"], {}, 3),
        ):
            self.types(b"".join(writeLines([*RECORDS, savedJob(1)])))
            self.assertEqual(self.runs("import", "--json", *options, "a:"), 0)
            [found] = self.out.values()
            self.assertEqual((found["records"], found["skipped"]), (done, skipped))
        self.assertEqual(
            self.said()[0],
            "1 job, 1 dead record, 1 policy record imported, 1 skipped, 0 unreadable",
        )
        self.assertEqual(
            self.drawers["a:"].records,
            {(kind, key): value for kind, key, value in [old, *RECORDS[1:]]},
        )

    def test_firstVersion(self) -> None:
        """
        An export of the first version, which had no records, is imported.
        """
        _, line = writeLines([savedJob(1)])
        self.types(b'{"format": "txgearman jobs", "version": 1}\n' + line)
        self.assertEqual(self.runs("import", "a:"), 0)
        self.assertEqual(self.kept("a:"), [savedJob(1)])

    def test_largeRecord(self) -> None:
        """
        A record that is too large for the store is told.
        """
        most = 1000 + RECORD_ROOM
        fits, large = (
            SavedRecord("dead", b"%d" % size, b"x" * size) for size in (most, most + 1)
        )
        self.types(b"".join(writeLines([fits, large, savedJob(1)])))
        self.assertEqual(self.runs("import", "a:"), 1)
        name = f"dead record b'{most + 1}'"
        self.assertEqual(
            self.said(),
            [
                f"txgearadmin: {name}: its value has more than {most} bytes",
                "1 job, 1 dead record imported, 0 skipped, 0 unreadable, 1 refused",
            ],
        )

    def test_noExport(self) -> None:
        """
        What is no export leaves the store alone.
        """
        path = self.folder() / "jobs"
        path.write_bytes(b"PK\x03\x04")
        self.assertEqual(self.runs("import", "a:", str(path)), 2)
        [said] = self.said()
        self.assertIn("txgearadmin: not an export", said)
        self.assertEqual(self.drawers["a:"].lives, 0)
        self.assertEqual(self.runs("import", "a:", str(path.parent / "none")), 2)
        self.assertIn("No such file", self.said()[0])

    def test_inUse(self) -> None:
        """
        A store that a server has is left alone.
        """
        MemoryStore(self.drawers["a:"]).open()
        self.types(b"".join(writeLines([savedJob(1)])))
        self.assertEqual(self.runs("import", "a:"), 2)
        self.assertEqual(
            self.said(),
            [
                "0 jobs imported, 0 skipped, 0 unreadable",
                "txgearadmin: another server has this store open",
            ],
        )
        self.assertEqual(self.kept("a:"), [])


class CopyTests(StoreToolTestCase):
    """
    Tests of C{store copy}.
    """

    def test_ours(self) -> None:
        """
        Jobs of our stores are the same jobs in the other one, and stay.
        """
        jobs = [savedJob(LIFE + 2), savedJob(LIFE + 1, place=LIFE + 3)]
        self.keep("a:", *jobs)
        self.assertEqual(self.runs("copy", "a:", "b:"), 0)
        self.assertEqual(self.kept("b:"), jobs)
        self.assertEqual(self.kept("a:"), jobs)
        self.assertEqual(self.said(), ["2 jobs copied, 0 skipped, 0 unreadable"])
        self.assertEqual(self.drawers["a:"].lives, 0)

    def test_records(self) -> None:
        """
        Records are copied along, many and large ones not all at once.
        """
        self.largest = 2**30
        large = b"x" * 3 * 1024**2
        records = [SavedRecord("dead", b"l%d" % n, large) for n in range(4)]
        records += [SavedRecord("result", b"%d" % n, b"") for n in range(1500)]
        self.keepRecords("a:", *records)
        self.keep("a:", *(savedJob(n) for n in range(1, 1001)))
        self.assertEqual(self.runs("copy", "a:", "b:"), 0)
        self.assertEqual(self.drawers["b:"].records, self.drawers["a:"].records)
        self.assertEqual(len(self.kept("b:")), 1000)
        sizes = [
            (len(batch.records), len(batch.inserts))
            for batch in self.drawers["b:"].commits
        ]
        self.assertEqual(sizes, [(3, 0), (1000, 0), (501, 499), (0, 501)])

    def test_renumber(self) -> None:
        """
        They are other jobs when that is wanted, and do not cost a life each.
        """
        self.keep("a:", savedJob(1), savedJob(2))
        self.keep("b:", savedJob(1))
        self.assertEqual(self.runs("copy", "--renumber", "a:", "b:"), 0)
        numbers = [job.number for job in self.kept("b:")]
        self.assertEqual(numbers, [1, LIFE + 1, LIFE + 2])

    def test_foreign(self) -> None:
        """
        Jobs of gearmand's queues get numbers and handles, and are as old as the
        copy, since nobody knows better; what is no job is told.
        """
        bad = Unreadable("row 2", "priority is 7")
        jobs = [savedJob(n, submitted=0.0, unique=b"u%d" % n) for n in (1, 3)]
        self.queues["gearmand+q:"] = Queue([jobs[0], bad, jobs[1]])
        self.assertEqual(self.runs("copy", "gearmand+q:", "a:"), 1)
        self.assertEqual(
            self.said(),
            [
                "txgearadmin: row 2: priority is 7",
                "2 jobs copied, 0 skipped, 1 unreadable",
            ],
        )
        first, second = self.kept("a:")
        self.assertEqual((first.number, second.number), (LIFE + 1, LIFE + 2))
        self.assertEqual((first.unique, second.unique), (b"u1", b"u3"))
        self.assertEqual((first.submitted, second.submitted), (NOW, NOW))
        self.assertEqual(first.handle, b"%s:%d" % (defaultHandlePrefix(), LIFE + 1))

    def test_batches(self) -> None:
        """
        Many jobs, and large ones, are not saved all at once.
        """
        self.largest = 2**30
        self.keep("a:", *(savedJob(n) for n in range(1, 2502)))
        self.assertEqual(self.runs("copy", "a:", "b:"), 0)
        sizes = [len(batch.inserts) for batch in self.drawers["b:"].commits]
        self.assertEqual(sizes, [1000, 1000, 501])
        large = b"x" * 3 * 1024**2
        self.keep("a:", *(savedJob(n, data=large) for n in range(3001, 3005)))
        self.assertEqual(self.runs("copy", "a:", "b:"), 0)
        sizes = [len(batch.inserts) for batch in self.drawers["b:"].commits]
        self.assertEqual(sizes[3:], [3, 1])
        self.assertIn("4 jobs copied, 2501 skipped, 0 unreadable", self.said())

    def test_goesOn(self) -> None:
        """
        When it fails in the middle it says how far it got, and goes on from there
        when it is run again.
        """
        jobs = [savedJob(n) for n in range(1, 1502)]
        self.keep("a:", *jobs)
        commit = MemoryStore.commit

        def failing(store: MemoryStore, batch: Batch) -> None:
            if len(batch.inserts) < 1000:
                raise StoreError("the disk is full")
            commit(store, batch)

        with patch.object(MemoryStore, "commit", failing):
            self.assertEqual(self.runs("copy", "a:", "b:"), 2)
        self.assertEqual(
            self.said(),
            [
                "1000 jobs copied, 0 skipped, 0 unreadable",
                "txgearadmin: the disk is full",
            ],
        )
        self.assertIsNone(self.drawers["b:"].owner)
        self.assertEqual(self.runs("copy", "a:", "b:"), 0)
        self.assertEqual(self.said(), ["501 jobs copied, 1000 skipped, 0 unreadable"])
        self.assertEqual(self.kept("b:"), jobs)

    def test_sourceFails(self) -> None:
        """
        When the store that is read cannot be opened, the other one is left alone.
        """
        self.drawers["a:"].broken = True
        self.assertEqual(self.runs("copy", "a:", "b:"), 2)
        self.assertEqual(self.said(), ["txgearadmin: the drawer is stuck"])
        self.assertEqual(self.drawers["b:"].lives, 0)

    def test_same(self) -> None:
        """
        A store is not copied to itself, nor to where nothing is kept.
        """
        self.assertEqual(self.runs("copy", "--renumber", "a:", "a:"), 2)
        self.assertEqual(self.said(), ["txgearadmin: a store is not copied to itself"])
        self.assertEqual(self.runs("copy", "a:", "memory:"), 2)
        self.assertIn("memory: keeps nothing", self.said()[0])


class CommandLineTests(StoreToolTestCase):
    """
    Tests of how the tool is called, and how it ends.
    """

    def test_wrong(self) -> None:
        """
        What is no command, and stores that are none, are told.
        """
        for words in ([], ["burn", "a:"], ["check"], ["copy", "a:"], ["export", "--x"]):
            self.assertEqual(self.runs(*words), 2)
            self.assertIn(b"usage: txgearadmin store", self.err.take())
        self.assertEqual(self.runs("check", "none:"), 2)
        self.assertEqual(self.said(), ["txgearadmin: bad store 'none:'"])

    def test_help(self) -> None:
        """
        It says what it can do.
        """
        self.assertEqual(self.runs("--help"), 0)
        for command in b"check", b"export", b"import", b"copy":
            self.assertIn(command, self.out.kept.getvalue())

    def test_passwords(self) -> None:
        """
        A queue that cannot be read is named, without its password.
        """
        url = "gearmand+x://u:s3cret@h/"
        self.queues[url] = Queue([], "no such table")
        self.assertEqual(self.runs("check", url), 2)
        self.assertEqual(
            self.said(), ["txgearadmin: gearmand+x://u:***@h/: no such table"]
        )

    def test_signals(self) -> None:
        """
        A signal ends it in the middle: what was saved is said, the store is closed,
        and it dies of the signal.
        """
        self.keep("a:", *(savedJob(n) for n in range(1, 2502)))
        for number in signal.SIGINT, signal.SIGTERM:
            self.drawers["b:"] = Drawer()
            self.assertEqual(self.runsUntil(number), [(os.getpid(), number)])
            said = ["1000 jobs copied, 0 skipped, 0 unreadable"]
            self.assertEqual(self.said(), said)
            self.assertIs(self.signals[number], signal.SIG_DFL)
            self.assertIsNone(self.drawers["b:"].owner)
            self.assertEqual(len(self.kept("b:")), 1000)

    def runsUntil(self, number: int) -> list[tuple[int, int]]:
        """
        Let the tool copy until a signal comes while a second batch is saved.

        @return: how processes were killed.
        """
        killed: list[tuple[int, int]] = []
        commit = MemoryStore.commit

        def stopping(store: MemoryStore, batch: Batch) -> None:
            if store.drawer.commits:
                self.signals[number](number, None)
            commit(store, batch)

        with (
            patch.object(MemoryStore, "commit", stopping),
            patch.object(os, "kill", lambda *call: killed.append(call)),
        ):
            self.assertEqual(self.runs("copy", "a:", "b:"), 0)
        return killed

    def test_lines(self) -> None:
        """
        What is exported by one run is imported by the next.
        """
        jobs = [savedJob(1, data=bytes(range(256))), savedJob(2, data=b"")]
        self.keep("a:", *jobs)
        self.runs("export", "a:")
        exported = self.out.take()
        self.assertEqual(len(exported.splitlines()), 3)
        self.assertEqual(json.loads(exported.splitlines()[2])["number"], 2)
        self.types(exported)
        self.assertEqual(self.runs("import", "b:", "-"), 0)
        self.assertEqual(self.kept("b:"), jobs)
