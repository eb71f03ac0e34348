"""
Tests for L{txgearman.stores.sqlite.store}.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import logged, temporaryFolder
from txgearman.errors import BadSetting, StoreError, StoreUnusable
from txgearman.stores.interface import (
    LIFE,
    Batch,
    JobUpdate,
    SavedJob,
    SavedRecord,
    Unreadable,
)
from txgearman.stores.sqlite import salvage as sqliteSalvage
from txgearman.stores.sqlite import schema as sqliteschema
from txgearman.stores.sqlite.statements import statementsOf
from txgearman.stores.sqlite.store import SQLiteStore
from txgearman.testing.stores import JobStoreContract, savedJob


class SQLiteStoreTests(JobStoreContract, SynchronousTestCase):
    """
    The embedded store does what every store does, in a file.
    """

    def setUp(self) -> None:
        """
        Make a folder for the file.
        """
        folder = temporaryFolder(self)
        self.path = os.path.join(folder, "a%20b?#.db")

    def makeStore(self) -> SQLiteStore:
        """
        Make one more store of the same file.
        """
        return SQLiteStore(self.path)

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """
        Do something to the file behind the store's back.
        """
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    def spoil(self, number: int) -> None:
        """
        Make a job unreadable.
        """
        self.execute(f"UPDATE jobs SET handle = NULL WHERE number = {number}")

    def spoilRecord(self, kind: str, key: bytes) -> None:
        """
        Make a record unreadable.
        """
        self.execute(
            f"UPDATE records SET kind = upper(kind)"
            f" WHERE kind = '{kind}' AND key = x'{key.hex()}'"
        )

    def test_whileOpen(self) -> None:
        """
        A file can be read while a server has it open, as it is after the last
        commit.
        """
        store = self.loaded()
        store.commit(Batch(inserts=[savedJob(1)]))
        reader = self.opened(reading=True)
        self.assertEqual(list(reader.load()), [savedJob(1)])

    def test_readingNothing(self) -> None:
        """
        To read what is not there is an error, and makes nothing.
        """
        store = self.makeStore()
        error = self.assertRaises(StoreUnusable, store.open, True)
        self.assertIn(self.path, str(error))
        self.assertFalse(os.path.exists(self.path))

    def test_quarantine(self) -> None:
        """
        What cannot be read stands in a table of its own, whole, with the reason;
        also when two had one number.
        """
        for _ in range(2):
            self.keep(savedJob(1, data=b"a\0b"))
            self.spoil(1)
            self.kept()
        rows = self.execute("SELECT reason, number, handle, data FROM quarantine")
        reason = "handle is None, which is not bytes"
        self.assertEqual(rows, [(reason, 1, None, b"a\0b")] * 2)

    def test_quarantinedRecords(self) -> None:
        """
        Records that cannot be read stand in a table of their own, whole, with the
        reason; also when two had one key.
        """
        for _ in range(2):
            self.keep(SavedRecord("policy", b"a\0b", b"\xff\0"))
            self.spoilRecord("policy", b"a\0b")
            self.kept()
        rows = self.execute("SELECT reason, kind, key, value FROM quarantined_records")
        row = ("kind is 'POLICY'", "POLICY", b"a\0b", b"\xff\0")
        self.assertEqual(rows, [row] * 2)

    def test_nonsenseRecord(self) -> None:
        """
        Whatever a hand or a disk may have written into a record costs that one only.
        """
        records = [SavedRecord("policy", b"%d" % n, b"value") for n in range(2)]
        for change in (
            "kind = NULL",
            "kind = ''",
            "kind = x'616161'",
            "kind = CAST(x'ff61' AS TEXT)",
            "key = NULL",
            "key = 'text'",
            "key = CAST(x'ff61' AS TEXT)",
            "key = x''",
            "key = zeroblob(4201)",
            "key = 5",
            "value = NULL",
            "value = 'text'",
            "value = 1.5",
        ):
            self.keep(*records)
            self.execute(f"UPDATE records SET {change} WHERE key = x'30'")
            bad, good = sorted(
                self.kept(), key=lambda one: isinstance(one, SavedRecord)
            )
            assert isinstance(bad, Unreadable)
            self.assertIn(change.split()[0], bad.reason)
            self.assertIn("record", bad.name)
            self.assertEqual(good, records[1])
            self.assertKept([], records[1:])

    def test_nonsense(self) -> None:
        """
        Whatever a hand may have written into a row costs that row only.
        """
        for change in (
            "handle = 'text'",
            "handle = x''",
            "handle = zeroblob(64)",
            "function = 7",
            '"unique" = NULL',
            "priority = 3",
            "priority = 'high'",
            "data = NULL",
            "reducer = 1.5",
            "due = 'soon'",
            "due = -1.0",
            "submitted = 9e999",
            "place = NULL",
            "attempts = -1",
            "error = NULL",
        ):
            self.keep(savedJob(1), savedJob(2))
            self.execute(f"UPDATE jobs SET {change} WHERE number = 1")
            bad, good = sorted(self.kept(), key=lambda one: isinstance(one, SavedJob))
            assert isinstance(bad, Unreadable)
            self.assertEqual(bad.name, "job 1")
            self.assertIn(change.split()[0].strip('"'), bad.reason)
            self.assertEqual(good, savedJob(2))

    def test_oneStatement(self) -> None:
        """
        Batches around the number of rows that go into a statement are whole.
        """
        number = 0
        every: dict[int, SavedJob] = {}
        store = self.loaded()
        for size in (1, 15, 16, 17, 127, 128, 129, 300):
            jobs = [savedJob(number + n) for n in range(1, size + 1)]
            number += size
            store.commit(Batch(inserts=jobs))
            every |= {job.number: job for job in jobs}
            changed = [job._replace(attempts=1, place=job.place) for job in jobs]
            every |= {job.number: job for job in changed}
            store.commit(
                Batch(
                    updates=[
                        JobUpdate(job.number, job.place, 0.0, 1, b"") for job in jobs
                    ]
                )
            )
        gone = list(every)[::2]
        store.commit(Batch(deletes=gone))
        store.close()
        self.assertKept(job for job in every.values() if job.number not in gone)

    def test_dropsByIndex(self) -> None:
        """
        To drop some records does not take a walk through all of them.
        """
        store = self.loaded()
        assert isinstance(store, SQLiteStore)
        gone = [SavedRecord("dead", b"%d" % n, None) for n in range(20)]
        [(statement, values)] = statementsOf(Batch(records=gone))
        plan = store._open.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        steps = [row[-1] for row in plan]
        self.assertNotIn("SCAN records", steps)
        self.assertIn("(kind=? AND key=?)", "\n".join(steps))

    def test_private(self) -> None:
        """
        Nobody but its owner reads the file, or those beside it.
        """
        store = self.loaded()
        store.commit(Batch([savedJob(1)]))
        for suffix in ("", "-wal", "-shm"):
            self.assertEqual(os.stat(self.path + suffix).st_mode & 0o077, 0, suffix)

    def test_salvageFails(self) -> None:
        """
        When a damaged file cannot be put right, nothing is left of the attempt; it is
        tried again.
        """
        self.damaged(2000, 0.6)
        before = sorted(os.listdir(os.path.dirname(self.path)))

        def fail(*arguments: object) -> None:
            raise OSError(28, "No space left on device")

        store = self.makeStore()
        self.addCleanup(store.close)
        with patch.object(sqliteSalvage, "_copy", fail):
            for _ in range(3):
                self.assertRaises(StoreError, store.open)
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.path))), before)
        with logged():
            self.assertGreater(len(self.kept()), 800)

    def test_foreign(self) -> None:
        """
        A file of another program is left alone, damaged or not.
        """
        self.execute("CREATE TABLE theirs (a)")
        whole = Path(self.path).read_bytes()
        for content in (whole, whole[:4000], b"just some words\n" * 100):
            Path(self.path).write_bytes(content)
            for reading in (False, True):
                store = self.makeStore()
                error = self.assertRaises(StoreUnusable, store.open, reading)
                self.assertEqual(str(error), f"{self.path} is no file of txgearman's")
            self.assertEqual(Path(self.path).read_bytes(), content)

    def test_later(self) -> None:
        """
        A file of a later version is left alone.
        """
        self.keep(savedJob(1))
        self.execute(f"PRAGMA user_version = {sqliteschema.VERSION + 1}")
        for reading in (False, True):
            error = self.assertRaises(StoreUnusable, self.makeStore().open, reading)
            self.assertIn("later version", str(error))

    def test_migrated(self) -> None:
        """
        A file of an earlier version is brought up to date, with what is in it.
        """
        self.keep(savedJob(1))
        more = (*sqliteschema._STEPS, "ALTER TABLE jobs ADD COLUMN more; SELECT 1")
        self.patch(sqliteschema, "_STEPS", more)
        self.patch(sqliteschema, "VERSION", len(more))
        self.assertKept([savedJob(1)])
        self.assertKept([savedJob(1)])
        self.assertEqual(self.execute("PRAGMA user_version"), [(len(more),)])
        self.assertEqual(self.execute("SELECT more FROM jobs"), [(None,)])

    def makeFirst(self) -> None:
        """
        Make a file of the first version, with a job.
        """
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            with (
                patch.object(sqliteschema, "_STEPS", sqliteschema._STEPS[:1]),
                patch.object(sqliteschema, "VERSION", 1),
            ):
                sqliteschema.migrate(connection)
            marks = ", ".join("?" * len(SavedJob._fields))
            connection.execute(
                f"INSERT INTO jobs ({sqliteschema.COLUMNS}) VALUES ({marks})",
                savedJob(1),
            )

    def test_first(self) -> None:
        """
        A file of the first version, which had no records, gets a place for them; it
        can be read before, and is left as it is then.
        """
        self.makeFirst()
        reader = self.opened(reading=True)
        self.assertEqual(list(reader.load()), [savedJob(1)])
        reader.close()
        self.assertEqual(self.execute("PRAGMA user_version"), [(1,)])
        record = SavedRecord("policy", b"f", b"1")
        self.keep(record)
        self.assertKept([savedJob(1)], [record])
        self.assertEqual(self.execute("PRAGMA user_version"), [(2,)])

    def test_firstDamaged(self) -> None:
        """
        A damaged file of the first version is replaced with one of today's.
        """
        self.makeFirst()
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        os.truncate(self.path, os.path.getsize(self.path) - 4096)
        record = SavedRecord("policy", b"f", b"1")
        with logged():
            self.keep(record)
        self.assertKept([savedJob(1)], [record])

    def test_impossible(self) -> None:
        """
        Where there can be no file, an error says so in a line.
        """
        for path in (os.path.dirname(self.path), self.path + "/nowhere/a.db"):
            store = SQLiteStore(path)
            error = self.assertRaises(StoreUnusable, store.open)
            self.assertIn(path, str(error))
            self.assertNotIn("\n", str(error))

    def test_sync(self) -> None:
        """
        The disk is waited for, unless it was said that this is not needed.
        """
        for sync, level in (("full", 2), ("normal", 1)):
            store = SQLiteStore(self.path, sync)
            store.open()
            self.addCleanup(store.close)
            [found] = store._open.execute("PRAGMA synchronous").fetchone()
            self.assertEqual(found, level)
            store.close()
        self.assertRaises(BadSetting, SQLiteStore, self.path, "off")

    def test_notOpen(self) -> None:
        """
        Without having been opened, nothing is saved.
        """
        self.assertRaises(StoreError, self.makeStore().commit, Batch())

    def test_removed(self) -> None:
        """
        When the file was removed or replaced, nothing is acknowledged that nobody
        could ever find.
        """
        store = self.loaded()
        os.rename(self.path, self.path + ".away")
        error = self.assertRaises(StoreError, store.commit, Batch())
        self.assertIn("No such file", str(error))
        Path(self.path).write_bytes(b"")
        error = self.assertRaises(StoreError, store.commit, Batch())
        self.assertIn("another file", str(error))
        os.rename(self.path + ".away", self.path)
        store.commit(Batch(inserts=[savedJob(1)]))
        store.close()
        self.assertKept([savedJob(1)])

    def test_atomic(self) -> None:
        """
        When a part of a batch cannot be saved, none of it is, and the next one can.
        """
        self.keep(savedJob(1))
        self.execute(
            "CREATE TRIGGER keep BEFORE DELETE ON jobs BEGIN"
            " SELECT RAISE(FAIL, 'not this one') WHERE old.number = 1; END"
        )
        store = self.loaded()
        batch = Batch([savedJob(2)], [JobUpdate(1, 1, 0.0, 9, b"")], [1])
        error = self.assertRaises(StoreError, store.commit, batch)
        self.assertEqual(str(error), f"{self.path}: not this one")
        store.commit(Batch([savedJob(4)]))
        store.close()
        self.assertKept([savedJob(1), savedJob(4)])

    def damaged(self, jobs: int, cut: float) -> list[SavedJob]:
        """
        Keep jobs, and cut the file short.

        @param cut: how much of it is left.
        @return: the jobs that were kept.
        """
        kept = [savedJob(7 * LIFE + n, data=b"%d" % n * 50) for n in range(jobs)]
        self.keep(*kept)
        self.execute("UPDATE server SET lives = 7")
        os.truncate(self.path, int(os.path.getsize(self.path) * cut))
        return kept

    def test_cutShort(self) -> None:
        """
        Of a file that was cut short, what is left is loaded, said and kept on; the
        damaged file is kept, too. No number comes again.
        """
        jobs = self.damaged(5000, 0.6)
        damaged = Path(self.path).read_bytes()
        store = self.makeStore()
        self.addCleanup(store.close)
        with logged() as lines:
            life = store.open()
        self.assertGreater(life, 7)
        found = list(store.load())
        self.assertGreater(len(found), 2000)
        self.assertLess(len(found), 4000)
        self.assertEqual(found, [job for job in jobs if job in set(found)])
        [line] = lines
        self.assertIn(f"{len(found)} jobs could be read", line)
        store.commit(Batch(inserts=[savedJob(1)]))
        store.close()
        self.assertEqual(len(self.kept()), len(found) + 1)
        folder = Path(self.path).parent
        [aside] = folder.glob("*-damaged-*")
        self.assertIn(str(aside), line)
        self.assertEqual(aside.read_bytes(), damaged)
        self.assertEqual(list(folder.glob("*-salvaged*")), [])

    def test_recordsSurvive(self) -> None:
        """
        Of a file that was cut short, the records are saved as well as the jobs; who
        only reads gets them first.
        """
        jobs = [savedJob(n, data=b"x" * 50) for n in range(1, 1000)]
        records = [
            SavedRecord("result", b"H:%d" % n, b"%d" % n * (n % 100 * 30))
            for n in range(1000)
        ]
        self.keep(*jobs[:500], *records[:500])
        self.keep(*jobs[500:], *records[500:])
        os.truncate(self.path, int(os.path.getsize(self.path) * 0.7))
        reader = self.opened(reading=True)
        *first, _ = reader.load()
        reader.close()
        with logged() as lines:
            second = self.kept()
        for found in first, second:
            saved = [one for one in found if isinstance(one, SavedRecord)]
            self.assertGreater(len(saved), 300)
            self.assertLess(len(saved), 1000)
            self.assertLessEqual(set(saved), set(records))
            self.assertEqual(found[: len(saved)], saved)
            self.assertLessEqual(set(found[len(saved) :]), set(jobs))
        self.assertCountEqual(first, second)
        counts = [
            sum(isinstance(one, kind) for one in second)
            for kind in (SavedJob, SavedRecord)
        ]
        said = "{} jobs could be read, and {} records".format(*counts)
        self.assertIn(said, lines[0])

    def test_mode(self) -> None:
        """
        A new file in the place of a damaged one may be read by whoever might read that
        one, whatever is usual.
        """
        self.damaged(2000, 0.6)
        self.addCleanup(os.umask, os.umask(0o022))
        for mode in 0o640, 0o600, 0o664:
            os.chmod(self.path, mode)
            with logged() as lines:
                self.kept()
            self.assertIn("is damaged", lines[0])
            self.assertEqual(os.stat(self.path).st_mode & 0o777, mode)
            os.truncate(self.path, int(os.path.getsize(self.path) * 0.6))

    def test_cutToNothing(self) -> None:
        """
        A server starts even if there is hardly a file left.
        """
        for cut in (0.001, 0.0005):
            self.damaged(5000, cut)
            with logged() as lines:
                self.assertKept([])
            self.assertIn("0 jobs could be read", lines[0])

    def test_readingDamaged(self) -> None:
        """
        Who only reads a damaged file gets what is left, hears that it is damaged,
        and changes nothing.
        """
        self.damaged(5000, 0.6)
        before = Path(self.path).read_bytes()
        reader = self.opened(reading=True)
        *found, last = reader.load()
        assert isinstance(last, Unreadable)
        self.assertIn("damaged", last.reason)
        self.assertGreater(len(found), 2000)
        reader.close()
        self.assertEqual(Path(self.path).read_bytes(), before)

    def test_overwritten(self) -> None:
        """
        Pages of rubbish in the middle cost the jobs that stood there.
        """
        self.damaged(5000, 1.0)
        content = bytearray(Path(self.path).read_bytes())
        content[40 * 4096 : 45 * 4096] = b"\xa5" * (5 * 4096)
        Path(self.path).write_bytes(content)
        with logged():
            found = self.kept()
        self.assertGreater(len(found), 4500)
        self.assertLess(len(found), 5000)
