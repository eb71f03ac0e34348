"""
Tests for L{txgearman.stores.sqlite.carving}.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import temporaryFolder
from txgearman.stores.interface import LIFE, Batch, SavedJob, SavedRecord
from txgearman.stores.sqlite.carving import survivors
from txgearman.stores.sqlite.store import SQLiteStore
from txgearman.testing.stores import MOMENT, savedJob


class CarvingTests(SynchronousTestCase):
    """
    Rows are read off the pages of a file.
    """

    def setUp(self) -> None:
        """
        Make a folder for the file.
        """
        self.path = os.path.join(temporaryFolder(self), "jobs.db")

    def keep(self, *batches: Batch) -> None:
        """
        Commit batches to the file.
        """
        store = SQLiteStore(self.path)
        store.open()
        list(store.load())
        for batch in batches:
            store.commit(batch)
        store.close()

    def found(self) -> list[SavedJob]:
        """
        What is read off the pages, by number.
        """
        found = survivors(self.path)
        return sorted(one.check() for one in found if isinstance(one, SavedJob))

    def test_sizes(self) -> None:
        """
        Workloads of all sizes are whole: on the page, on others, and around the sizes
        from which on they are in two places.
        """
        sizes = [0, 1, 100, *range(3900, 4200), *range(8000, 8300), 70_000, 3_000_000]
        jobs = [
            savedJob(LIFE + n, data=os.urandom(size)) for n, size in enumerate(sizes)
        ]
        self.keep(Batch(jobs))
        self.assertEqual(self.found() == jobs, True)

    def test_records(self) -> None:
        """
        Records are whole, too, whatever the sizes of keys and values, and neither
        those that were replaced nor those in quarantine come back.
        """
        sizes = [0, 1, 100, *range(3900, 4200), 70_000, 3_000_000]
        records = [
            SavedRecord("dead", b"%d" % n * 900, os.urandom(size))
            for n, size in enumerate(sizes)
        ]
        before = [one._replace(value=b"old" * 2000) for one in records]
        gone = [SavedRecord("gone", b"%d" % n, b"x" * 900) for n in range(500)]
        bad = SavedRecord("BAD", b"key", b"value")
        self.keep(
            Batch(records=[*before, *gone, bad]),
            Batch(records=[*records, *(one._replace(value=None) for one in gone)]),
        )
        self.keep()
        found = [one for one in survivors(self.path) if isinstance(one, SavedRecord)]
        self.assertEqual(sorted(found) == sorted(records), True)

    def test_values(self) -> None:
        """
        Numbers of all sizes are what they were.
        """
        numbers = [1, 127, 128, 2**15, 2**23, 2**31, 2**47, 2**55, 2**56, 2**63 - 1]
        jobs = [
            savedJob(
                number,
                priority=number % 3,
                due=moment,
                submitted=MOMENT,
                place=number,
                attempts=number % 2**16,
                error=b"\0",
            )
            for number, moment in zip(
                numbers, [0.0, 1.0, 0.5, MOMENT, 2.0**52] * 2, strict=True
            )
        ]
        self.keep(Batch(jobs))
        self.assertEqual(self.found(), jobs)

    def test_ended(self) -> None:
        """
        What has been deleted does not come back, though its pages are still there;
        nor does what is in quarantine.
        """
        jobs = [savedJob(n, data=b"x" * 500) for n in range(1, 2001)]
        self.keep(Batch(jobs), Batch(deletes=range(100, 1900)))
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("UPDATE jobs SET handle = NULL WHERE number = 50")
            connection.commit()
        self.keep()
        left = [job for job in jobs if not 100 <= job.number < 1900]
        left.remove(jobs[49])
        self.assertEqual(self.found(), left)

    def test_head(self) -> None:
        """
        A broken head does not keep anybody from reading what is behind it.
        """
        jobs = [savedJob(n) for n in range(1, 100)]
        self.keep(Batch(jobs))
        whole = Path(self.path).read_bytes()
        for size in (0, 2, 3, 64, 100, 65535):
            for unused in (0, 255):
                broken = whole[:16] + size.to_bytes(2, "big") + whole[18:20]
                broken += bytes([unused]) + whole[21:32] + b"\xff" * 8 + whole[40:]
                Path(self.path).write_bytes(broken)
                found = self.found()
                if unused == 0:
                    self.assertEqual(found, jobs)

    def test_anything(self) -> None:
        """
        Whatever is written over the file, whatever is read is no error.
        """
        self.keep(Batch([savedJob(n, data=b"x" * 300) for n in range(1, 500)]))
        whole = Path(self.path).read_bytes()

        @settings(max_examples=100, deadline=None)
        @given(
            st.integers(0, len(whole)),
            st.binary(max_size=50),
            st.integers(0, len(whole)),
        )
        def damage(where: int, what: bytes, end: int) -> None:
            content = whole[:where] + what + whole[where + len(what) :]
            Path(self.path).write_bytes(content[:end])
            for one in survivors(self.path):
                self.assertIn(type(one), (SavedJob, SavedRecord))

        damage()
