"""
Tests of the job server while the database of its store is stopped, killed or hangs.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
import pytest_twisted

from tests.functional.conftest import Starter
from tests.functional.databases import (
    DatabaseServer,
    MariaDBServer,
    PostgreSQLServer,
)
from tests.functional.processes import JobServer, pause, requirePeer, until
from tests.functional.raw import RawPeer, connect, packet
from tests.functional.redis_server import RedisServer
from tests.functional.test_durable import killed, submit, takeAll

DOWN = b"the store does not work"
UP = b"the store works again"


class Database(Protocol):
    """
    What a store's jobs are in.
    """

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...


@pytest.fixture(params=[PostgreSQLServer, MariaDBServer, RedisServer])
def place(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Database, str]]:
    """
    A database server of each kind, and the URL of a store there.
    """
    if request.param is RedisServer:
        requirePeer("redis-server")
        home = tmp_path / "redis"
        home.mkdir()
        redis = RedisServer(home)
        redis.start()
        yield redis, redis.url(socket_timeout=2)
        redis.stop()
        return
    server: DatabaseServer = request.param.make()
    yield server, server.url(server.newDatabase(), "connect_timeout=2&read_timeout=2")
    server.remove()


async def ask(client: RawPeer, count: int) -> tuple[list[bytes], int]:
    """
    Submit background jobs all at once, and wait for the answers.

    @return: the handles, and how many were refused.
    """
    client.write(packet("SUBMIT_JOB_BG", b"f", b"", b"data") * count)
    handles, refused = [], 0
    for _ in range(count):
        answer = await client.next()
        if answer.name == "JOB_CREATED":
            handles.append(answer.body)
        else:
            assert answer.arguments[0] == b"QUEUE_ERROR"
            refused += 1
    return handles, refused


async def again(client: RawPeer) -> list[bytes]:
    """
    Submit background jobs until one is taken.

    @return: its handle.
    """
    for _ in range(300):
        handles, _refused = await ask(client, 1)
        if handles:
            return handles
        await pause(0.1)
    raise AssertionError("the store never works again")


def outages(server: JobServer) -> tuple[int, int]:
    """
    How often the server's log says that the store does not work, and does again.
    """
    return server.child.output.count(DOWN), server.child.output.count(UP)


@pytest_twisted.ensureDeferred
async def test_outages(servers: Starter, place: tuple[Database, str]) -> None:
    """
    While a database is stopped or was killed, background jobs are refused and all else
    goes on; then the server goes on by itself. Whatever was acknowledged is there after
    a crash, and what ended meanwhile is not.
    """
    database, url = place
    server = await servers("txgearman", f"--store={url}")
    client, worker = await connect(server.port), await connect(server.port)
    handles, refused = await ask(client, 20)
    assert refused == 0
    for number, end in enumerate((database.stop, database.kill), 1):
        end()
        some, refused = await ask(client, 10)
        handles += some
        # Redis may have saved what it was just asked to.
        assert refused >= 9
        assert (await ask(client, 10)) == ([], 10)
        worker.send("CAN_DO", b"f")
        worker.send("GRAB_JOB")
        done = (await worker.expect("JOB_ASSIGN")).arguments[0]
        worker.send("WORK_COMPLETE", done, b"")
        worker.send("CANT_DO", b"f")
        handles.remove(done)
        client.send("SUBMIT_JOB", b"g", b"", b"")
        await client.expect("JOB_CREATED")
        worker.send("CAN_DO", b"g")
        worker.send("GRAB_JOB")
        foreground = (await worker.expect("JOB_ASSIGN")).arguments[0]
        worker.send("WORK_COMPLETE", foreground, b"done")
        await client.expect("WORK_COMPLETE")
        # What it logs and what it answers come by different ways.
        await until(lambda: outages(server)[0] >= number, "it is said")  # noqa: B023, at once
        assert outages(server) == (number, number - 1)
        database.start()
        handles += await again(client)
        await until(lambda: outages(server)[1] >= number, "it is said")  # noqa: B023, at once
        assert outages(server) == (number, number)
        some, refused = await ask(client, 20)
        assert refused == 0
        handles += some
    await killed(server)
    server = await servers("txgearman", f"--store={url}")
    client = await connect(server.port)
    await submit(client, "SUBMIT_JOB_BG", b"h", b"", b"it takes jobs, so all are back")
    taken = await takeAll(await connect(server.port), b"f")
    assert [job[0] for job in taken] == handles
    await server.stop()
    assert b"Traceback" not in server.child.output + server.child.errors


@pytest_twisted.ensureDeferred
async def test_hanging(servers: Starter, place: tuple[Database, str]) -> None:
    """
    A database that hangs costs those who wait for it an answer after a while, and
    nobody else anything; the server goes on when it does.
    """
    database, url = place
    server = await servers("txgearman", f"--store={url}")
    client, other = await connect(server.port), await connect(server.port)
    handles, refused = await ask(client, 3)
    assert refused == 0
    database.pause()
    client.send("SUBMIT_JOB_BG", b"f", b"", b"who knows")
    assert await other.settle() == b""
    answer = await client.next()
    assert answer.arguments[0] == b"QUEUE_ERROR"
    database.resume()
    handles += await again(client)
    some, refused = await ask(client, 3)
    assert refused == 0
    handles += some
    await killed(server)
    server = await servers("txgearman", f"--store={url}")
    await submit(await connect(server.port), "SUBMIT_JOB_BG", b"h", b"", b"all back")
    taken = await takeAll(await connect(server.port), b"f")
    assert [job[0] for job in taken] == handles


@pytest_twisted.ensureDeferred
async def test_startsFirst(servers: Starter, place: tuple[Database, str]) -> None:
    """
    A server whose database is not there yet answers, refuses jobs, and takes them
    when the database is there.
    """
    database, url = place
    database.stop()
    server = await servers("txgearman", f"--store={url}")
    client = await connect(server.port)
    assert await ask(client, 3) == ([], 3)
    assert await client.settle() == b""
    database.start()
    await until(lambda: b"are back after" in server.child.output, "it is loaded")
    handles, refused = await ask(client, 3)
    assert (len(handles), refused) == (3, 0)
    assert server.child.output.count(DOWN) == 1
    server.child.signal(signal.SIGTERM)
    await server.child.ended()
    assert b"Traceback" not in server.child.output + server.child.errors
