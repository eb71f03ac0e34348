"""
Tests of L{txgearman.stores.redis.store} with a real Redis.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import TestCase
from unittest.mock import patch

import pytest
from redis import Redis
from twisted.logger import capturedLogs

from tests.functional.redis_server import RedisServer
from txgearman.errors import StoreError, StoreUnusable
from txgearman.stores.interface import Batch, JobUpdate, SavedRecord, Unreadable
from txgearman.stores.opening import areOne
from txgearman.stores.redis import reading, writing
from txgearman.stores.redis.link import Command
from txgearman.stores.redis.owner import Owner
from txgearman.stores.redis.store import RedisStore
from txgearman.testing import stores as contract
from txgearman.testing.stores import savedJob

# A process that opens a store, says so, and stays until it is killed.
OWNER = """
import sys
from txgearman.stores.redis.store import RedisStore
store = RedisStore(sys.argv[1])
print(store.open(), flush=True)
sys.stdin.read()
"""


_transact = Owner.transact


def stageOnly(owner: Owner, commands: Sequence[Command]) -> None:
    """
    Do what comes before the end of a large batch of records.
    """
    if any(command[0] == "EVAL" for command in commands):
        raise StoreError("power lost")
    _transact(owner, commands)


def beginOnly(owner: Owner, commands: Sequence[Command]) -> None:
    """
    Do what comes before the end of a large batch.
    """
    if any(command[0] == "ZADD" for command in commands):
        raise StoreError("power lost")
    _transact(owner, commands)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """
    A Redis for all tests here, each of which finds it as it was at first.
    """
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


class RedisTestCase(TestCase):
    """
    A test that has a Redis.
    """

    @pytest.fixture(autouse=True)
    def _setServer(self, running: RedisServer) -> Iterator[None]:
        self.server = running
        self.direct: Any = Redis(port=running.port)
        self.direct.flushall()
        with capturedLogs() as self.events:
            yield
        self.direct.close()

    def makeStore(self, **options: object) -> RedisStore:
        """
        Make one more store of the same jobs.
        """
        return RedisStore(self.server.url(**options))

    def assertWarned(self, *words: str) -> None:
        """
        Something with each of these words was logged, in this order.
        """
        said = [
            event["log_format"].format(**event)
            for event in self.events
            if event["log_namespace"].startswith("txgearman.stores.redis")
        ]
        self.assertEqual(len(said), len(words), said)
        for line, word in zip(said, words, strict=True):
            self.assertIn(word, line)


class RedisStoreTests(RedisTestCase, contract.JobStoreContract):
    """
    The store in Redis does what every store does, and with it what only Redis can.
    """

    def spoil(self, number: int) -> None:
        """
        Make a job unreadable.
        """
        self.direct.hset(f"{{txgearman}}:job:{number}", "priority", "first")

    def spoilRecord(self, kind: str, key: bytes) -> None:
        """
        Make a record unreadable.
        """
        records, name = "{txgearman}:records", f"{kind}:".encode() + key
        value = self.direct.hget(records, name)
        self.direct.hdel(records, name)
        self.direct.hset(records, name.upper(), value)

    def test_largePlaces(self) -> None:
        """
        Places that are one and the same double are told apart.
        """
        top = 2**63 - 1
        places = [top - 1500 + n for n in range(1501)]
        jobs = [savedJob(n, place=place) for n, place in enumerate(places, 1)]
        jobs += [savedJob(2000, place=2**53), savedJob(1999, place=2**53 + 1)]
        self.keep(*reversed(jobs))
        self.assertKept(sorted(jobs, key=lambda job: job.place))
        store = self.loaded()
        store.commit(Batch(updates=[JobUpdate(1501, top - 2000, 0.0, 0, b"")]))
        store.close()
        jobs[1500] = jobs[1500]._replace(place=top - 2000)
        self.assertKept(sorted(jobs, key=lambda job: job.place))

    def test_samePlaces(self) -> None:
        """
        More jobs than fit on a page may have one place.
        """
        jobs = [savedJob(number, place=5) for number in range(1, 2501)]
        self.keep(*jobs)
        found = self.kept()
        self.assertEqual(sorted(found), jobs)

    def test_names(self) -> None:
        """
        What is kept can be read by others: the names of keys and fields stay.
        """
        self.keep(
            savedJob(7, place=9, data=b"\0data"), SavedRecord("dead", b"H:\xff", b"\0")
        )
        self.assertEqual(
            sorted(self.direct.keys()),
            [
                b"{txgearman}:job:7",
                b"{txgearman}:jobs",
                b"{txgearman}:meta",
                b"{txgearman}:records",
            ],
        )
        self.assertEqual(
            self.direct.hgetall("{txgearman}:records"), {b"dead:H:\xff": b"\0"}
        )
        self.assertEqual(
            self.direct.zrange("{txgearman}:jobs", 0, -1, withscores=True),
            [(b"7", 9.0)],
        )
        self.assertEqual(
            self.direct.hgetall("{txgearman}:meta"), {b"schema": b"2", b"lives": b"1"}
        )
        self.assertEqual(
            self.direct.hgetall("{txgearman}:job:7"),
            {
                b"handle": b"H:7",
                b"function": b"reverse",
                b"unique": b"",
                b"priority": b"1",
                b"data": b"\0data",
                b"reducer": b"",
                b"due": b"0.0",
                b"submitted": b"1700000000.25",
                b"place": b"9",
                b"attempts": b"0",
                b"error": b"",
            },
        )

    def test_notThere(self) -> None:
        """
        To update or delete what is not kept makes no keys.
        """
        store = self.loaded()
        store.commit(Batch(updates=[JobUpdate(5, 6, 0.0, 1, b"")], deletes=[8]))
        store.commit(Batch([savedJob(1)], [JobUpdate(5, 6, 0.0, 1, b"")], [8]))
        store.close()
        self.assertEqual(self.direct.keys("*job:*"), [b"{txgearman}:job:1"])
        self.assertKept([savedJob(1)])

    def test_prefix(self) -> None:
        """
        Stores with different prefixes or databases have nothing in common.
        """
        other = self.server.url().replace("/0", "/1")
        urls = [self.server.url(), self.server.url(prefix="other"), other]
        stores = [RedisStore(url) for url in urls]
        for number, store in enumerate(stores, 1):
            self.addCleanup(store.close)
            self.assertEqual(store.open(), 1)
            store.commit(Batch([savedJob(number)]))
        for number, store in enumerate(stores, 1):
            self.assertEqual(list(store.load()), [savedJob(number)])

    def test_socket(self) -> None:
        """
        A socket in the file system is as good as a port.
        """
        self.keep(savedJob(1))
        store = RedisStore(f"unix://{self.server.socket}?db=0")
        self.addCleanup(store.close)
        self.assertEqual(store.open(), 2)
        self.assertEqual(list(store.load()), [savedJob(1)])

    def test_addresses(self) -> None:
        """
        A store has several addresses, and is the same by all of them.
        """
        url = self.server.url()
        byName = url.replace("127.0.0.1", "localhost")
        self.assertTrue(areOne(url, byName))
        self.assertTrue(areOne(url, f"unix://{self.server.socket}?db=0"))
        self.assertFalse(areOne(url, f"unix://{self.server.socket}?db=1"))
        self.assertFalse(areOne(url, self.server.url(prefix="other")))

    def test_setAside(self) -> None:
        """
        Whatever stands where a job should be is set aside, with the reason, and is
        in nobody's way.
        """
        self.keep(*(savedJob(number) for number in range(1, 9)))
        job, put = "{txgearman}:job:", self.direct
        put.delete(job + "1")
        put.delete(job + "2")
        put.set(job + "2", "a string")
        put.hdel(job + "3", "place")
        put.hset(job + "4", "attempts", "many")
        put.hset(job + "5", "due", "nan")
        put.hset(job + "6", "handle", b"h" * 64)
        put.zadd("{txgearman}:jobs", {b"\xffx": 3})
        put.set("{txgearman}:quarantine:3", "older")
        bad = [one for one in self.kept() if isinstance(one, Unreadable)]
        self.assertEqual(
            sorted(one.name for one in bad),
            [*(f"job {number}" for number in range(1, 7)), r"job \xffx"],
        )
        self.assertKept([savedJob(7), savedJob(8)])
        reasons = put.hgetall("{txgearman}:quarantine")
        self.assertEqual(
            sorted(reasons), [b"1", b"2", b"3:2", b"4", b"5", b"6", b"\xffx"]
        )
        self.assertRegex(reasons[b"4"], rb"^\d{4}-\d\d-\d\dT\S+Z attempts is b'many'")
        self.assertEqual(put.get("{txgearman}:quarantine:2"), b"a string")
        self.assertEqual(put.hget("{txgearman}:quarantine:3:2", "handle"), b"H:3")
        left = {f"{job}{number}".encode() for number in (7, 8)}
        self.assertEqual(set(put.keys(job + "*")), left)

    def test_first(self) -> None:
        """
        What the first schema, which had no records, has kept is taken over.
        """
        self.keep(savedJob(1))
        self.direct.hset("{txgearman}:meta", "schema", 1)
        reader = self.opened(reading=True)
        self.assertEqual(list(reader.load()), [savedJob(1)])
        reader.close()
        self.assertEqual(self.direct.hget("{txgearman}:meta", "schema"), b"1")
        record = SavedRecord("policy", b"f", b"1")
        self.keep(record)
        self.assertKept([savedJob(1)], [record])
        self.assertEqual(self.direct.hget("{txgearman}:meta", "schema"), b"2")

    def test_setRecordAside(self) -> None:
        """
        Whatever stands where records do is set aside, with the reason, also a second
        time.
        """
        good = SavedRecord("dead", b"k", b"")
        self.keep(good)
        bad = {
            b"word": b"1",
            b"Dead:k": b"2",
            b":k": b"3",
            b"\xff:k": b"",
            b"dead:": b"5",
        }
        for _ in range(2):
            self.direct.hset("{txgearman}:records", mapping=bad)
            found = [one for one in self.kept() if isinstance(one, Unreadable)]
            self.assertEqual(len(found), 5)
            self.assertKept([], [good])
        aside = self.direct.hgetall("{txgearman}:records:quarantine")
        again = {name + b":2": value for name, value in bad.items()}
        expected = {b"record " + k: v for k, v in (bad | again).items()}
        self.assertEqual(aside, expected)
        reasons = self.direct.hgetall("{txgearman}:quarantine")
        self.assertEqual(set(reasons), set(expected))
        self.assertRegex(reasons[b"record Dead:k:2"], rb"^\d{4}-\S+Z kind is 'Dead'")

    def test_droppedMeanwhile(self) -> None:
        """
        Records that are dropped while somebody reads are not there, and nothing is
        wrong with them.
        """
        records = [SavedRecord("a", b"%d" % n, b"x") for n in range(4)]
        self.keep(*records)
        store, reader = self.loaded(), self.opened(reading=True)
        with patch.object(reading, "_READ", 1):
            found = reader.load()
            first = next(found)
            store.commit(Batch(records=[one._replace(value=None) for one in records]))
            self.assertEqual(list(found), [])
        self.assertIn(first, records)

    def test_stagedRecords(self) -> None:
        """
        Records that are too large for one transaction are saved all the same, all at
        once. When the end of a batch never comes, nobody knows of its beginning, nor
        when there is another such batch after it.
        """
        old = SavedRecord("a", b"0", b"old")
        records = [SavedRecord("a", b"%d" % n, b"x" * 1000) for n in range(10)]
        gone = SavedRecord("a", b"gone", b"")
        self.keep(old, gone, savedJob(1))
        batch = Batch((), (), [1], [*records, gone._replace(value=None)])
        with patch.object(writing, "_TRANSACTION", 4000):
            store = self.loaded()
            with patch.object(Owner, "transact", stageOnly):
                self.assertRaises(StoreError, store.commit, batch)
            self.assertEqual(self.direct.hlen("{txgearman}:records:staged"), 9)
            store.close()
            self.assertKept([savedJob(1)], [old, gone])
            self.assertEqual(self.direct.exists("{txgearman}:records:staged"), 0)
            store = self.loaded()
            with patch.object(Owner, "transact", stageOnly):
                self.assertRaises(StoreError, store.commit, batch)
            other = [one._replace(key=b"other" + one.key) for one in records]
            store.commit(Batch(records=other))
            store.close()
            self.assertKept([savedJob(1)], [old, gone, *other])
            store = self.loaded()
            store.commit(batch)
            store.close()
            self.assertKept([], [*records, *other])
        self.assertEqual(self.direct.exists("{txgearman}:records:staged"), 0)

    def test_readMeanwhile(self) -> None:
        """
        What is done while somebody reads is not there, and nothing is wrong with it.
        """
        self.keep(*(savedJob(number) for number in range(1, 5)))
        store, reader = self.loaded(), self.opened(reading=True)
        with patch.object(reading, "_READ", 1):
            found = reader.load()
            self.assertEqual(next(found), savedJob(1))
            store.commit(Batch(deletes=[1, 3]))
            self.assertEqual(list(found), [savedJob(2), savedJob(4)])

    def test_staged(self) -> None:
        """
        A batch with too many bytes for one transaction is saved all the same. When
        its end never comes nobody knows of its beginning.
        """
        jobs = [savedJob(number, data=b"x" * 1000) for number in range(1, 11)]
        with patch.object(writing, "_TRANSACTION", 4000):
            self.keep(*jobs[:9])
            self.assertEqual(self.direct.exists("{txgearman}:staged"), 0)
            self.assertKept(jobs[:9])
            store = self.loaded()
            with patch.object(Owner, "transact", beginOnly):
                self.assertRaises(StoreError, store.commit, Batch(inserts=jobs))
            store.close()
        self.assertEqual(self.direct.exists("{txgearman}:job:10"), 0)
        self.assertEqual(self.direct.scard("{txgearman}:staged"), 8)
        self.direct.delete("{txgearman}:jobs")
        self.assertKept([])
        self.assertEqual(self.direct.keys("*:job:[1-8]"), [])
        self.assertEqual(self.direct.exists("{txgearman}:staged"), 0)

    def test_lostWhileIdle(self) -> None:
        """
        A connection that was lost while nobody used it is made again, in the same
        life, and nobody is told.
        """
        store = self.loaded()
        self.direct.client_kill_filter(_type="normal", skipme=True)
        store.commit(Batch([savedJob(1)]))
        store.close()
        self.assertKept([savedJob(1)])
        self.assertEqual(self.opened().open(), 4)

    def test_lostUnnoticed(self) -> None:
        """
        The connection that a store lost does not stand in its own way, though Redis
        may know it for long.
        """
        store = self.loaded()
        self.direct.client_kill_filter(_type="normal", skipme=True)
        with patch("txgearman.stores.redis.owner._alive", return_value="still here"):
            store.commit(Batch([savedJob(1)]))
        store.close()
        self.assertKept([savedJob(1)])

    def test_restarted(self) -> None:
        """
        What was saved outlives Redis, whether it ends or crashes, and there is one
        error at most for each of its ends.
        """
        store = self.loaded()
        for number, end in enumerate((self.server.stop, self.server.kill), 1):
            store.commit(Batch([savedJob(number)]))
            end()
            self.assertRaises(StoreError, store.commit, Batch([savedJob(9)]))
            self.assertRaises(StoreError, self.makeStore().open)
            self.server.start()
        store.commit(Batch([savedJob(3)], [JobUpdate(1, 1, 0.0, 1, b"")]))
        with self.assertRaises(StoreUnusable):
            self.makeStore().open()
        store.close()
        self.assertKept([savedJob(1, attempts=1), savedJob(2), savedJob(3)])

    def test_paused(self) -> None:
        """
        A Redis that hangs is an error after a while. When it goes on, so does the
        store, and what was lost on the way does not happen later.
        """
        store = self.makeStore(socket_timeout=0.2, socket_connect_timeout=0.2)
        self.addCleanup(store.close)
        store.open()
        store.commit(Batch([savedJob(1)]))
        self.server.pause()
        self.addCleanup(self.server.resume)
        batch = Batch([savedJob(2)])
        for _ in range(2):
            self.assertRaises(StoreError, store.commit, batch)
        self.server.resume()
        store.commit(batch)
        store.commit(Batch(deletes=[2]))
        store.close()
        self.assertKept([savedJob(1)])

    def test_fenced(self) -> None:
        """
        What a store sent before another one had the jobs is not done later.
        """
        store = self.loaded()
        self.direct.set("{txgearman}:owner", "another")
        self.assertRaises(StoreError, store.commit, Batch([savedJob(1)]))
        store.commit(Batch([savedJob(2)]))
        self.direct.set("{txgearman}:owner", "another")
        self.assertRaises(StoreError, store.commit, Batch([savedJob(3)]))
        store.commit(Batch())
        self.direct.set("{txgearman}:owner", "another")
        record = SavedRecord("dead", b"H:2", b"")
        self.assertRaises(StoreError, store.commit, Batch((), (), [2], [record]))
        store.commit(Batch())
        self.direct.set("{txgearman}:owner", "another")
        self.assertRaises(StoreError, store.commit, Batch(deletes=[2]))
        store.close()
        self.assertKept([savedJob(2)])

    def test_taken(self) -> None:
        """
        A server whose jobs another one had in the meantime does not get them back.
        """
        first = self.loaded()
        with patch("txgearman.stores.redis.owner._alive", return_value=""):
            second = self.loaded()
        second.commit(Batch([savedJob(1)]))
        self.assertRaises(StoreError, first.commit, Batch([savedJob(2)]))
        self.assertRaises(StoreUnusable, first.commit, Batch([savedJob(2)]))
        second.close()
        self.assertRaises(StoreUnusable, first.commit, Batch([savedJob(2)]))
        self.assertKept([savedJob(1)])

    def test_killed(self) -> None:
        """
        When a server is killed the next one gets its jobs, and not before.
        """
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER, self.server.url()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert owner.stdin is not None
        assert owner.stdout is not None
        try:
            self.assertEqual(owner.stdout.readline(), b"1\n")
            with self.assertRaises(StoreUnusable) as caught:
                self.makeStore().open()
            self.assertIn(f"txgearman-{owner.pid}-", str(caught.exception))
        finally:
            owner.kill()
            owner.wait()
            owner.stdin.close()
            owner.stdout.close()
        self.assertEqual(self.opened().open(), 3)

    def test_emptied(self) -> None:
        """
        When Redis forgot everything the server goes on with what it has.
        """
        store = self.opened()
        store.close()
        store.open()
        store.commit(Batch([savedJob(1)]))
        self.direct.flushall()
        self.assertRaises(StoreError, store.commit, Batch([savedJob(2)]))
        store.commit(Batch([savedJob(2)], [JobUpdate(1, 1, 0.0, 1, b"")]))
        store.close()
        self.assertWarned("forgot")
        self.assertEqual(self.direct.hget("{txgearman}:meta", "lives"), b"2")
        self.assertKept([savedJob(2)])

    def test_refused(self) -> None:
        """
        What Redis refuses is not saved, not even in part, and works again later.
        """
        self.keep(savedJob(1), savedJob(2))
        store = self.loaded()
        batch = Batch([savedJob(3)], [JobUpdate(1, 1, 0.0, 1, b"")])
        record = SavedRecord("dead", b"H:1", b"")
        for name, value, usual in (
            ("maxmemory", "1", "0"),
            ("min-replicas-to-write", "1", "0"),
        ):
            self.addCleanup(self.direct.config_set, name, usual)
            self.direct.config_set(name, value)
            self.assertRaises(StoreError, store.commit, batch)
            self.assertRaises(StoreError, store.commit, Batch())
            died = Batch((), (), [1], [record])
            self.assertRaises(StoreError, store.commit, died)
            if name == "maxmemory":
                store.commit(Batch(deletes=[2]))
            self.assertEqual(self.direct.hget("{txgearman}:job:1", "attempts"), b"0")
            self.assertEqual(self.direct.exists("{txgearman}:job:3"), 0)
            self.direct.config_set(name, usual)
        self.addCleanup(self.direct.replicaof, "NO", "ONE")
        self.direct.replicaof("127.0.0.1", "1")
        self.assertRaises(StoreError, store.commit, batch)
        self.direct.replicaof("NO", "ONE")
        store.commit(batch)
        store.close()
        self.assertKept([savedJob(1, attempts=1), savedJob(3)])

    def test_flushedScripts(self) -> None:
        """
        Redis need not know any scripts.
        """
        self.keep(savedJob(1))
        store = self.loaded()
        self.direct.script_flush()
        store.commit(Batch(updates=[JobUpdate(1, 1, 0.0, 1, b"")]))
        store.close()
        self.assertKept([savedJob(1, attempts=1)])

    def test_settings(self) -> None:
        """
        It is said when jobs may be lost, and whether Redis says so.
        """
        settings = {"appendfsync": "always", "appendonly": "yes"}
        self.addCleanup(lambda: [self.direct.config_set(*x) for x in settings.items()])
        self.addCleanup(self.direct.config_set, "maxmemory-policy", "noeviction")
        self.opened().close()
        self.direct.config_set("appendfsync", "everysec")
        self.direct.config_set("maxmemory-policy", "allkeys-lru")
        self.opened().close()
        self.direct.config_set("maxmemory-policy", "noeviction")
        self.direct.config_set("appendonly", "no")
        self.opened().close()
        self.assertWarned("second", "allkeys-lru", "when Redis ends")

    def test_largest(self) -> None:
        """
        A workload is as large as Redis allows, less what else there is.
        """
        self.addCleanup(self.direct.config_set, "proto-max-bulk-len", 2**29)
        first = self.opened()
        self.assertEqual(first.largest, 2**29 - 2**20)
        first.close()
        self.direct.config_set("proto-max-bulk-len", 2**22)
        self.assertEqual(self.opened().largest, 3 * 2**20)


class RedisUnusableTests(RedisTestCase):
    """
    What cannot be used is said in one line, without a password.
    """

    def assertUnusable(self, url: str, *words: str) -> None:
        """
        Waiting does not help; what is said has these words.
        """
        store = RedisStore(url)
        self.addCleanup(store.close)
        with self.assertRaises(StoreUnusable) as caught:
            store.open()
        said = str(caught.exception)
        self.assertNotIn("\n", said)
        self.assertNotIn("secret", said)
        for word in words:
            self.assertIn(word, said)

    def test_password(self) -> None:
        """
        A password that is wrong or missing will not be right later.
        """
        self.direct.config_set("requirepass", "right")
        other = Redis(port=self.server.port, password="right")
        self.addCleanup(other.close)
        self.addCleanup(other.config_set, "requirepass", "")
        self.assertUnusable(self.server.url(":secret@"), "password")
        self.assertUnusable(self.server.url("user:secret@"), "password")
        self.assertUnusable(self.server.url(), "uthentication")
        store = RedisStore(self.server.url(":right@"))
        self.assertEqual(store.open(), 1)
        store.close()

    def test_noPassword(self) -> None:
        """
        A password that nobody asked for is wrong.
        """
        self.assertUnusable(self.server.url(":secret@"), "AUTH")

    def test_permissions(self) -> None:
        """
        Users who may not do what is needed are told; what is only to be known is
        not needed.
        """
        self.addCleanup(self.direct.acl_deluser, "short", "enough")
        user = self.direct.acl_setuser
        user(
            "short", True, passwords=["+secret"], categories=["+@all"], keys=["other*"]
        )
        self.assertUnusable(self.server.url("short:secret@"), "permission")
        user(
            "enough",
            True,
            passwords=["+secret"],
            keys=["{txgearman}:*"],
            categories=["+@all", "-@admin", "-@dangerous"],
            commands=["+client"],
        )
        store = RedisStore(self.server.url("enough:secret@"))
        self.assertEqual(store.open(), 1)
        store.commit(Batch([savedJob(1)]))
        self.assertEqual(list(store.load()), [savedJob(1)])
        store.close()
        self.assertWarned("cannot be known")

    def test_database(self) -> None:
        """
        There are not so many databases.
        """
        self.assertUnusable(self.server.url().replace("/0", "/99"), "range")

    def test_newer(self) -> None:
        """
        Jobs that a newer server keeps are left alone, also by who reads.
        """
        self.direct.hset("{txgearman}:meta", mapping={"schema": 3, "lives": 7})
        self.assertUnusable(self.server.url(), "newer")
        self.assertRaises(StoreUnusable, self.makeStore().open, True)

    def test_somethingElse(self) -> None:
        """
        Keys that are not ours are left alone.
        """
        url = self.server.url()
        for name in (
            *("meta", "jobs", "owner", "staged", "quarantine"),
            *("records", "records:staged", "records:quarantine"),
        ):
            self.direct.rpush(f"{{txgearman}}:{name}", "1")
            self.assertUnusable(url, f"{{txgearman}}:{name}", "something else")
            self.direct.flushall()
        self.direct.hset("{txgearman}:meta", "name", "value")
        self.assertUnusable(url, "schema")
        self.direct.hset("{txgearman}:meta", mapping={"schema": "one", "lives": 1})
        self.assertUnusable(url, "numbers")
        self.direct.flushall()
        self.direct.zadd("{txgearman}:jobs", {"1": 1})
        self.assertUnusable(url, "schema")
        self.direct.flushall()
        self.direct.hset("{txgearman}:records", "a:b", "1")
        self.assertUnusable(url, "schema")
