"""
Tests of C{txgearadmin store} as people run it: what gearmand left behind is moved over,
from each kind of queue that it has.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_twisted
from attrs import frozen

from tests.functional.conftest import Starter
from tests.functional.databases import (
    PASSWORD,
    USER,
    DatabaseServer,
    MariaDBServer,
    PostgreSQLServer,
)
from tests.functional.processes import TXGEARADMIN, Child, spawn, until
from tests.functional.raw import connect
from tests.functional.redis_server import RedisServer
from txgearman.stores.interface import SavedRecord
from txgearman.stores.lines import readLines, writeLines
from txgearman.stores.sqlite.store import SQLiteStore
from txgearman.testing.stores import savedJob

SUBMITS: Final = {0: "SUBMIT_JOB_HIGH_BG", 1: "SUBMIT_JOB_BG", 2: "SUBMIT_JOB_LOW_BG"}

LATER: Final = 1_999_999_999

UUID: Final = b"63a9a85c-1e0a-11ee-8b5c-0242ac120002"

# Jobs that every kind of queue keeps: function, unique, priority and workload.
JOBS: Final = [
    (b"f", b"normal", 1, b"data"),
    (b"f", b"high", 0, b"data"),
    (b"f", b"low", 2, b"data"),
    (b"f", b"binary", 1, b"a\0b\xff\x80'\"\\\n"),
    (b"f", b"empty", 1, b""),
    (b"f", b"large", 1, b"\0x" * 500_000),
    (b"f", b"", 1, b"no unique"),
    (b"f", b"-", 1, b"the unique"),
    (b"f", b'it\'s "one" \\ 100%', 1, b""),
    (b"my-f", UUID, 1, b"a UUID"),
]


@frozen
class Place:
    """
    Where gearmand keeps a queue, and where a store may be.

    @ivar options: gearmand's.
    @ivar queue: the URL of the queue.
    @ivar store: the URL of the store.
    @ivar epoch: whether gearmand can keep jobs with a time there.
    """

    options: Sequence[str]
    queue: str
    store: str
    epoch: bool = True


def inFile(folder: Path, stack: ExitStack) -> Place:
    """
    A file of SQLite.
    """
    path = folder / "gearmand.db"
    options = ["-q", "libsqlite3", f"--libsqlite3-db={path}"]
    return Place(options, f"gearmand+sqlite:{path}", f"sqlite:{folder / 'first.db'}")


def started(kind: type[DatabaseServer], stack: ExitStack) -> DatabaseServer:
    """
    Start a server that ends with the test.
    """
    server = kind.make()
    stack.callback(server.remove)
    return server


def inPostgreSQL(folder: Path, stack: ExitStack) -> Place:
    """
    Databases of PostgreSQL; the table has gearmand's name for it.
    """
    server = started(PostgreSQLServer, stack)
    one, other = server.newDatabase(), server.newDatabase()
    where = f"host=127.0.0.1 port={server.port} dbname={one}"
    options = [f"--libpq-conninfo={where} user={USER} password={PASSWORD}"]
    return Place(
        ["-q", "Postgres", *options], f"gearmand+{server.url(one)}", server.url(other)
    )


def inMariaDB(folder: Path, stack: ExitStack) -> Place:
    """
    Databases of MariaDB; the table has a name of its own.
    """
    server = started(MariaDBServer, stack)
    one, other = server.newDatabase(), server.newDatabase()
    settings = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": USER,
        "password": PASSWORD,
        "db": one,
        "table": "theirs",
    }
    options = [f"--mysql-{name}={value}" for name, value in settings.items()]
    queue = f"gearmand+{server.url(one, 'table=theirs')}"
    return Place(["-q", "MySQL", *options], queue, server.url(other))


def inRedis(folder: Path, stack: ExitStack) -> Place:
    """
    One Redis for both; keys have different prefixes.
    """
    home = folder / "redis"
    home.mkdir()
    server = RedisServer(home)
    stack.callback(server.stop)
    server.start()
    options = ["--redis-server=127.0.0.1", f"--redis-port={server.port}"]
    queue = f"gearmand+{server.url()}"
    return Place(["-q", "redis", *options], queue, server.url(), epoch=False)


@pytest.fixture(params=[inFile, inPostgreSQL, inMariaDB, inRedis])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """
    Each kind of place in turn.
    """
    with ExitStack() as stack:
        yield request.param(tmp_path, stack)


async def play(*words: str, stdin: bytes = b"") -> Child:
    """
    Run the tool to its end.
    """
    child = spawn([*TXGEARADMIN, "store", *words], stdin=stdin)
    await child.ended()
    assert b"Traceback" not in child.errors
    return child


async def succeeds(*words: str, stdin: bytes = b"") -> bytes:
    """
    Run the tool, which has nothing to complain about.

    @return: what it printed.
    """
    child = await play(*words, stdin=stdin)
    assert child.status == 0, child.errors
    return child.output


async def exported(url: str) -> list[Any]:
    """
    What the tool exports of a store.
    """
    return list(readLines((await succeeds("export", url)).splitlines()))


async def submit(port: int, epoch: bool) -> None:
    """
    Submit the jobs to gearmand.
    """
    peer = await connect(port)
    for function, unique, priority, data in JOBS:
        peer.send(SUBMITS[priority], function, unique, data)
        await peer.expect("JOB_CREATED")
    if epoch:
        peer.send("SUBMIT_JOB_EPOCH", b"f", b"epoch", b"%d" % LATER, b"later")
        await peer.expect("JOB_CREATED")


@pytest_twisted.ensureDeferred
async def test_moving(servers: Starter, place: Place, tmp_path: Path) -> None:
    """
    All that gearmand has kept gets into a store as it was submitted, and from there
    into others and back without a change.
    """
    gearmand = await servers("gearmand", *place.options)
    await submit(gearmand.port, place.epoch)
    await gearmand.stop()
    expected = {(*job, 0.0) for job in JOBS}
    if place.epoch:
        expected.add((b"f", b"epoch", 1, b"later", float(LATER)))

    checked = json.loads(await succeeds("check", "--json", place.queue))
    assert checked["jobs"] == len(expected)
    assert checked["delayed"] == place.epoch
    assert checked["bytes"] == sum(len(job[3]) for job in expected)

    copied = await play("copy", place.queue, place.store)
    assert copied.errors == b"%d jobs copied, 0 skipped, 0 unreadable\n" % len(expected)
    assert copied.status == 0
    jobs = await exported(place.store)
    assert {(j.function, j.unique, j.priority, j.data, j.due) for j in jobs} == expected
    assert len({job.handle for job in jobs}) == len(jobs) == len(expected)
    if place.epoch:
        # All but Redis know what was submitted first.
        assert [job.unique for job in jobs][: len(JOBS)] == [job[1] for job in JOBS]

    other = f"sqlite:{tmp_path / 'other.db'}"
    await succeeds("copy", place.store, other)
    assert await exported(other) == jobs
    again = json.loads(await succeeds("copy", "--json", other, place.store))
    assert (again["copied"], again["skipped"]) == (0, len(jobs))
    assert await exported(place.store) == jobs
    assert json.loads(await succeeds("check", "--json", place.queue)) == checked


@pytest_twisted.ensureDeferred
async def test_records(place: Place, tmp_path: Path) -> None:
    """
    What is kept beside jobs goes along with them, through a file and between stores
    of every kind, and is counted by kind.
    """
    every = bytes(range(256))
    records = [
        SavedRecord("dead", b"H:1", every * 2000),
        SavedRecord("dead", b"\xff" * 4200, b""),
        SavedRecord("policy", b"mail.*", b"5"),
    ]
    url = f"sqlite:{tmp_path / 'jobs.db'}"
    lines = b"".join(writeLines([*records, savedJob(1)]))
    counts = {"dead": 2, "policy": 1}
    imported = json.loads(await succeeds("import", "--json", url, stdin=lines))
    assert (imported["imported"], imported["records"]) == (1, counts)
    await succeeds("copy", url, place.store)
    checked = await play("check", "--json", place.store)
    assert json.loads(checked.output)["records"] == counts
    assert b", 2 dead records, 1 policy record, 0 unreadable" in checked.errors
    *found, job = await exported(place.store)
    assert (sorted(found), job) == (records, savedJob(1))
    again = json.loads(await succeeds("copy", "--json", url, place.store))
    assert (again["records"], again["skipped"]) == ({}, 4)


@pytest_twisted.ensureDeferred
async def test_inUse(tmp_path: Path) -> None:
    """
    A store can be looked at, and copied, while a server has it, and nothing is put
    into it.
    """
    path = tmp_path / "jobs.db"
    url = f"sqlite:{path}"
    lines = b"".join(writeLines([savedJob(1)]))
    await succeeds("import", url, stdin=lines)
    store = SQLiteStore(str(path))
    store.open()
    try:
        assert await exported(url) == [savedJob(1)]
        await succeeds("copy", url, f"sqlite:{tmp_path / 'copy.db'}")
        child = await play("import", url, stdin=lines)
    finally:
        store.close()
    assert child.status == 2
    assert b"open in another server" in child.errors


@pytest_twisted.ensureDeferred
async def test_nothingThere(tmp_path: Path) -> None:
    """
    What is not there is said in a line, and is not made.
    """
    for scheme in "sqlite", "gearmand+sqlite":
        for command in ["check"], ["export"], ["copy", f"sqlite:{tmp_path / 'to'}"]:
            words = [command[0], f"{scheme}:{tmp_path / 'none'}", *command[1:]]
            child = await play(*words)
            assert (child.status, child.output) == (2, b""), words
            assert child.errors.startswith(b"txgearadmin: ")
            assert b"none" in child.errors
            assert child.errors.count(b"\n") <= 2
    assert list(tmp_path.iterdir()) == []


@pytest_twisted.ensureDeferred
async def test_interrupted(tmp_path: Path) -> None:
    """
    Ctrl-C ends it without a traceback, with what is saved so far, and as the shell
    expects it.
    """
    path = tmp_path / "jobs.db"
    child = spawn([*TXGEARADMIN, "store", "import", f"sqlite:{path}"])
    jobs = [savedJob(number) for number in range(1, 1502)]
    child.write(b"".join(writeLines(jobs)))
    store = SQLiteStore(str(path))

    def saved() -> bool:
        if not path.exists():
            return False
        try:
            store.open(reading=True)
            return len(list(store.load())) >= 1000
        except Exception:
            # The tables are being made.
            return False
        finally:
            store.close()

    await until(saved, "a batch is saved")
    child.signal(signal.SIGINT)
    assert await child.ended() == -signal.SIGINT
    assert child.errors == b"1000 jobs imported, 0 skipped, 0 unreadable\n"
    await succeeds("import", f"sqlite:{path}", stdin=b"".join(writeLines(jobs)))
    assert await exported(f"sqlite:{path}") == jobs


@pytest_twisted.ensureDeferred
async def test_closedPipe(tmp_path: Path) -> None:
    """
    It ends without a traceback when nobody reads the rest of an export.
    """
    url = f"sqlite:{tmp_path / 'jobs.db'}"
    jobs = [savedJob(number, data=b"x" * 5000) for number in range(1, 2001)]
    await succeeds("import", url, stdin=b"".join(writeLines(jobs)))
    child = spawn([*TXGEARADMIN, "store", "export", url])
    await until(lambda: bool(child.output), "the export begins")
    assert child.transport is not None
    child.transport.closeChildFD(1)
    assert await child.ended() == 1
    assert b"Traceback" not in child.errors
    assert child.errors.count(b"\n") == 1
