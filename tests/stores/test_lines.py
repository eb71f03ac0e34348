"""
Tests for L{txgearman.stores.lines}.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txgearman.errors import StoreUnusable
from txgearman.stores.interface import SavedJob, SavedRecord, Unreadable
from txgearman.stores.lines import FORMAT, readLines, writeLines
from txgearman.testing.stores import MOMENT, savedJob

HEAD = json.dumps(FORMAT).encode()
EVERY = bytes(range(256))


def lineWith(**members: Any) -> bytes:
    """
    The line of a job with some members changed; None for one that is missing.
    """
    _, line = writeLines([savedJob(1)])
    changed = json.loads(line) | members
    return json.dumps({k: v for k, v in changed.items() if v is not None}).encode()


class WritingTests(SynchronousTestCase):
    """
    Tests of what an export looks like.
    """

    def test_format(self) -> None:
        """
        The first line names the format, and each other line is a job by the names
        of what is known of it.
        """
        job = savedJob(7, b"H:h:7", b"f", "ü\n".encode(), 2, due=MOMENT, attempts=1)
        first, second = writeLines([job])
        self.assertEqual(first, HEAD + b"\n")
        self.assertEqual(second[-1:], b"\n")
        self.assertEqual(
            json.loads(second),
            {
                "number": 7,
                "handle": "H:h:7",
                "function": "f",
                "unique": "ü\n",
                "priority": 2,
                "data": "data",
                "reducer": "",
                "due": MOMENT,
                "submitted": MOMENT,
                "place": 7,
                "attempts": 1,
                "error": "",
            },
        )

    def test_bytes(self) -> None:
        """
        What is no text, and what a terminal would act upon, is in base 64; nothing
        that is written is more than printable ASCII.
        """
        for data, plain in [
            (b"a\tb\r\n", True),
            ("ü€\u2028".encode(), True),
            (b"{}", True),
            (b"\xff", False),
            (b"a\0b", False),
            (b"\x1b[31m", False),
            (b"\x7f", False),
            ("\x9b".encode(), False),
        ]:
            _, line = writeLines([savedJob(1, data=data)])
            self.assertTrue(line[:-1].decode("ascii").isprintable())
            found = json.loads(line)["data"]
            self.assertEqual(isinstance(found, str), plain, data)
            self.assertEqual(isinstance(found, str) or [*found], plain or ["base64"])

    def test_record(self) -> None:
        """
        A record is told by its kind, and has a key and a value.
        """
        _, line = writeLines([SavedRecord("dead", b"H:1", b"\xff")])
        self.assertEqual(
            json.loads(line),
            {"record": "dead", "key": "H:1", "value": {"base64": "/w=="}},
        )


class ReadingTests(SynchronousTestCase):
    """
    Tests of what is read of an export.
    """

    def read(self, *lines: bytes) -> list[SavedRecord | SavedJob | Unreadable]:
        return list(readLines([HEAD, *lines]))

    def assertUnreadable(self, line: bytes, reason: str) -> None:
        """
        One line is no job, for this reason; the next one is.
        """
        [bad, good] = self.read(line, lineWith())
        assert isinstance(bad, Unreadable)
        self.assertEqual(bad.name, "line 2")
        self.assertIn(reason, bad.reason)
        self.assertEqual(good, savedJob(1))

    def test_everything(self) -> None:
        """
        What was written is read, whatever bytes it has.
        """
        jobs = [
            savedJob(
                2**63 - 1,
                b"\xff\0",
                EVERY,
                EVERY,
                0,
                EVERY,
                EVERY,
                MOMENT + 0.1,
                MOMENT,
                5,
                3,
                EVERY,
            ),
            savedJob(1, data=b""),
            savedJob(2, data=b'{"base64": "AA=="}'),
            savedJob(3, data="\ud7ff\ue000😀".encode()),
        ]
        self.assertEqual(list(readLines(writeLines(jobs))), jobs)

    def test_lines(self) -> None:
        """
        Empty lines, and how lines end, do not matter; numbers of lines do.
        """
        found = self.read(b"\n", lineWith() + b"\r\n", b"x\n", lineWith())
        bad = Unreadable("line 4", "not JSON")
        self.assertEqual(found, [savedJob(1), bad, savedJob(1)])

    def test_whole(self) -> None:
        """
        A moment may be written as a whole number.
        """
        [job] = self.read(lineWith(due=5))
        self.assertEqual(job, savedJob(1, due=5.0))

    def test_older(self) -> None:
        """
        Exports of the first version are read.
        """
        older = b'{"format": "txgearman jobs", "version": 1}'
        self.assertEqual(list(readLines([older, lineWith()])), [savedJob(1)])

    def test_records(self) -> None:
        """
        Records are read as they were written, whatever bytes they have.
        """
        kept: list[SavedRecord | SavedJob] = [
            SavedRecord("policy", b"mail.*", b'{"attempts": 5}'),
            SavedRecord("dead", EVERY, EVERY),
            SavedRecord("a", b"k", b""),
            savedJob(1),
        ]
        self.assertEqual(list(readLines(writeLines(kept))), kept)

    def test_unreadableRecord(self) -> None:
        """
        What is no record is told, with the reason.
        """
        for members, reason in [
            ({"record": "policy", "key": "k"}, "value is missing"),
            ({"record": "policy", "key": "k", "value": "", "number": 1}, "'number'"),
            ({"record": "Policy", "key": "k", "value": ""}, "kind is 'Policy'"),
            ({"record": 5, "key": "k", "value": ""}, "kind is 5"),
            ({"record": "policy", "key": "", "value": ""}, "key has 0 bytes"),
            ({"record": "policy", "key": "k" * 4201, "value": ""}, "key has 4201"),
            ({"record": "policy", "key": 5, "value": ""}, "key is 5"),
            ({"record": "policy", "key": "k", "value": None}, "value is None"),
        ]:
            self.assertUnreadable(json.dumps(members).encode(), reason)

    def test_format(self) -> None:
        """
        What is no export, or one of the future, is refused as a whole.
        """
        newer = json.dumps(FORMAT | {"version": 3}).encode()
        for lines, reason in [
            ([], "the first line"),
            ([lineWith()], "the first line"),
            ([b"\xff"], "the first line"),
            ([newer, lineWith()], "its version is 3"),
        ]:
            with self.assertRaises(StoreUnusable) as caught:
                next(readLines(lines))
            self.assertIn(reason, str(caught.exception))

    def test_unreadable(self) -> None:
        """
        What is no job is told, with the reason.
        """
        for line, reason in [
            (b"[]", "not an object"),
            (b"{", "not JSON"),
            (b"\xff", "not JSON"),
            (b"[" * 100_000, "not JSON"),
            (lineWith(data=None), "data is missing"),
            (lineWith(more=1), "nothing is called 'more'"),
            (lineWith(number=0), "number is 0"),
            (lineWith(number=2**63), "number is"),
            (lineWith(number=True), "not int"),
            (lineWith(number="1"), "not int"),
            (lineWith(priority=3), "priority is 3"),
            (lineWith(handle="h" * 64), "handle has 64 bytes"),
            (lineWith(data=5), "neither text nor base64"),
            (lineWith(data={"base64": "AA==", "more": ""}), "neither text nor base64"),
            (lineWith(data={"base64": "!"}), "data is"),
            (lineWith(data={"base64": 5}), "data is"),
            (lineWith(data={"base64": "\xff"}), "data is"),
            (lineWith(data="\ud800"), "data is"),
            (lineWith(due=float("nan")), "due is nan"),
            (lineWith(due=10**400), "due is"),
            (lineWith(due="soon"), "not float"),
        ]:
            self.assertUnreadable(line, reason)
