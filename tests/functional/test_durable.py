"""
Tests of the job server with a store, as a process that is stopped, killed and short of
disk.
"""

from __future__ import annotations

import resource
import signal
import time
from pathlib import Path

import pytest
import pytest_twisted

from tests.functional.conftest import Starter
from tests.functional.processes import (
    TWISTD,
    TXGEARADMIN,
    JobServer,
    freePort,
    pause,
    requirePeer,
    spawn,
    until,
)
from tests.functional.raw import RawPeer, connect

LOADING = b"QUEUE_ERROR\0The queue is still being loaded"
SUBMITS = ("SUBMIT_JOB_HIGH_BG", "SUBMIT_JOB_BG", "SUBMIT_JOB_LOW_BG")


async def submit(client: RawPeer, name: str, *arguments: bytes) -> bytes:
    """
    Submit a job, as often as the server says that it is still loading others.

    @return: its handle.
    """
    for _ in range(300):
        client.send(name, *arguments)
        answer = await client.next()
        if answer.name == "JOB_CREATED":
            return answer.body
        assert answer.body == LOADING, answer
        await pause(0.1)
    raise AssertionError("it loads for ever")


async def killed(server: JobServer) -> None:
    """
    End a server as the lack of power does.
    """
    server.child.signal(signal.SIGKILL)
    await server.child.ended()


async def takeAll(worker: RawPeer, *functions: bytes) -> list[list[bytes]]:
    """
    Let a worker do all jobs that wait.

    @return: handle, function, unique, and workload of each.
    """
    for function in functions:
        worker.send("CAN_DO", function)
    taken: list[list[bytes]] = []
    while True:
        worker.send("GRAB_JOB_UNIQ")
        answer = await worker.next()
        if answer.name == "NO_JOB":
            return taken
        handle, function, unique, data = answer.body.split(b"\0", 3)
        taken.append([handle, function, unique, data])
        worker.send("WORK_COMPLETE", handle, b"")


@pytest_twisted.ensureDeferred
async def test_restarts(servers: Starter, tmp_path: Path) -> None:
    """
    Whatever ends the server, its background jobs are there again, with handles,
    uniques, workloads and priorities, in their order; and no handle comes twice.
    """
    url = f"--store=sqlite:{tmp_path}/jobs.db"
    server = await servers("txgearman", url)
    expected: dict[str, list[list[bytes]]] = {name: [] for name in SUBMITS}
    seen = set()
    for life in range(3):
        client = await connect(server.port)
        for n, data in enumerate((b"", b"a\0b\xff", b"x" * 100_000)):
            for p, name in enumerate(SUBMITS):
                unique = b"%d-%d-%d" % (life, n, p) if n else b""
                handle = await submit(client, name, b"f", unique, data)
                assert handle not in seen
                seen.add(handle)
                expected[name].append([handle, b"f", unique, data])
        client.send("SUBMIT_JOB", b"f", b"", b"goes with its client")
        await client.expect("JOB_CREATED")
        if life == 1:
            await server.stop()
            assert server.child.status in (0, -signal.SIGTERM)
        else:
            await killed(server)
        server = await servers("txgearman", url)
    worker = await connect(server.port)
    taken = await takeAll(worker, b"f")
    assert taken == [job for name in SUBMITS for job in expected[name]]
    # The answer to a question behind all those completions.
    assert await takeAll(worker) == []
    await server.stop()
    server = await servers("txgearman", url)
    assert await takeAll(await connect(server.port), b"f") == []


@pytest_twisted.ensureDeferred
async def test_running(servers: Starter, tmp_path: Path) -> None:
    """
    What ran when the server was killed waits again, behind what waited, if its worker
    had lost it once; a delayed job is delayed again; what coalesced still does.
    """
    url = f"--store=sqlite:{tmp_path}/jobs.db"
    server = await servers("txgearman", url)
    client, worker = await connect(server.port), await connect(server.port)
    first = await submit(client, "SUBMIT_JOB_BG", b"f", b"a", b"1")
    second = await submit(client, "SUBMIT_JOB_BG", b"f", b"b", b"2")
    due = b"%d" % (time.time() + 3600)
    later = await submit(client, "SUBMIT_JOB_EPOCH", b"f", b"c", due, b"3")
    worker.send("CAN_DO", b"f")
    worker.send("GRAB_JOB")
    assert (await worker.expect("JOB_ASSIGN")).arguments[0] == first
    worker.close()
    client.send("SUBMIT_JOB", b"f", b"b", b"")
    assert (await client.expect("JOB_CREATED")).body == second
    worker = await connect(server.port)
    worker.send("CAN_DO", b"f")
    worker.send("GRAB_JOB")
    assert (await worker.expect("JOB_ASSIGN")).arguments[0] == second
    # Whatever is written behind that is in the same file.
    fourth = await submit(client, "SUBMIT_JOB_BG", b"g", b"", b"4")
    await killed(server)
    server = await servers("txgearman", url)
    client, worker = await connect(server.port), await connect(server.port)
    client.write(b"show jobs\n")
    rows = sorted(line.split(b"\t")[:2] for line in await client.table())
    attempts = {first: b"1", second: b"1", later: b"0", fourth: b"0"}
    assert rows == sorted([handle, n] for handle, n in attempts.items())
    assert await submit(client, "SUBMIT_JOB_BG", b"f", b"b", b"") == second
    assert await submit(client, "SUBMIT_JOB_BG", b"f", b"c", b"") == later
    taken = await takeAll(worker, b"f")
    assert [job[0] for job in taken] == [second, first]


@pytest_twisted.ensureDeferred
async def test_joined(servers: Starter, tmp_path: Path) -> None:
    """
    A foreground job that a background submit joined is kept from then on.
    """
    url = f"--store=sqlite:{tmp_path}/jobs.db"
    server = await servers("txgearman", url)
    client, other = await connect(server.port), await connect(server.port)
    handle = await submit(client, "SUBMIT_JOB", b"f", b"u", b"data")
    assert await submit(other, "SUBMIT_JOB_BG", b"f", b"u", b"") == handle
    await killed(server)
    server = await servers("txgearman", url)
    taken = await takeAll(await connect(server.port), b"f")
    assert taken == [[handle, b"f", b"u", b"data"]]


@pytest_twisted.ensureDeferred
async def test_fullDisk(servers: Starter, tmp_path: Path) -> None:
    """
    While there is no room on the disk, background submits are refused and everything
    else goes on; when there is room again, they are taken; the log says each once.
    """
    url = f"--store=sqlite:{tmp_path}/jobs.db"
    server = await servers("txgearman", url)
    limits = resource.prlimit(server.child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.child.pid, resource.RLIMIT_FSIZE, (500_000, limits[1]))
    client = await connect(server.port)
    handles, refused = [], 0
    for _ in range(100):
        client.send("SUBMIT_JOB_BG", b"f", b"", b"x" * 10_000)
        answer = await client.next()
        if answer.name == "JOB_CREATED":
            handles.append(answer.body)
        else:
            assert answer.arguments == [
                b"QUEUE_ERROR",
                b"The store of the jobs does not work",
            ]
            refused += 1
    assert refused > 40
    assert len(handles) > 20
    worker = await connect(server.port)
    await submit(client, "SUBMIT_JOB", b"g", b"", b"foreground")
    assert [job[3] for job in await takeAll(worker, b"g")] == [b"foreground"]
    await client.expect("WORK_COMPLETE")
    worker.send("CAN_DO", b"f")
    worker.send("GRAB_JOB")
    done = (await worker.expect("JOB_ASSIGN")).arguments[0]
    worker.send("WORK_COMPLETE", done, b"")
    handles.remove(done)
    resource.prlimit(server.child.pid, resource.RLIMIT_FSIZE, limits)
    while True:
        client.send("SUBMIT_JOB_BG", b"f", b"", b"room")
        answer = await client.next()
        if answer.name == "JOB_CREATED":
            break
        await pause(0.1)
    handles.append(answer.body)
    # What it logs and what it answers come by different ways.
    await until(lambda: b"the store works again" in server.child.output, "it is said")
    assert server.child.output.count(b"the store works again") == 1
    assert server.child.output.count(b"the store does not work") == 1
    await killed(server)
    server = await servers("txgearman", url)
    taken = await takeAll(await connect(server.port), b"f")
    assert [job[0] for job in taken] == handles


@pytest_twisted.ensureDeferred
async def test_fromGearmand(servers: Starter, tmp_path: Path) -> None:
    """
    What gearmand left in its file runs here.
    """
    requirePeer("gearmand")
    theirs, ours = f"{tmp_path}/theirs.db", f"sqlite:{tmp_path}/ours.db"
    server = await servers(
        "gearmand", "--queue-type=libsqlite3", f"--libsqlite3-db={theirs}"
    )
    client = await connect(server.port)
    for n in range(5):
        await submit(client, SUBMITS[n % 3], b"f", b"u%d" % n, b"%d\0" % n)
    await server.stop()
    copying = spawn([*TXGEARADMIN, "store", "copy", f"gearmand+sqlite:{theirs}", ours])
    assert await copying.ended() == 0, copying.errors
    server = await servers("txgearman", f"--store={ours}")
    taken = await takeAll(await connect(server.port), b"f")
    assert [job[2] for job in taken] == [b"u0", b"u3", b"u1", b"u4", b"u2"]
    assert {job[3] for job in taken} == {b"%d\0" % n for n in range(5)}


@pytest_twisted.ensureDeferred
async def test_damaged(servers: Starter, tmp_path: Path) -> None:
    """
    A server starts on a file that was cut short, says so, and runs what is left.
    """
    path = tmp_path / "jobs.db"
    server = await servers("txgearman", f"--store=sqlite:{path}")
    client = await connect(server.port)
    handles = {
        await submit(client, "SUBMIT_JOB_BG", b"f", b"", b"x" * 1000)
        for _ in range(100)
    }
    await server.stop()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    server = await servers("txgearman", f"--store=sqlite:{path}")
    await submit(await connect(server.port), "SUBMIT_JOB_BG", b"f", b"", b"new")
    taken = await takeAll(await connect(server.port), b"f")
    found = {job[0] for job in taken}
    assert len(found & handles) > 30
    assert len(found - handles) == 1
    assert b"jobs.db is damaged" in server.child.output
    assert b"Traceback" not in server.child.output + server.child.errors


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("sqlite:", b"--store: "),
        ("oracle://x", b"--store: "),
        ("sqlite:/nowhere/at/all.db", b"/nowhere/at/all.db: "),
        ("sqlite:{tmp}/foreign.db", b"/foreign.db is no file of txgearman's"),
        ("sqlite:{tmp}/used.db", b"/used.db is open in another server"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_unusable(
    servers: Starter, tmp_path: Path, store: str, said: bytes
) -> None:
    """
    A store that can never be used ends the start, with a line that says why.
    """
    (tmp_path / "foreign.db").write_bytes(b"something else\n" * 100)
    await servers("txgearman", f"--store=sqlite:{tmp_path}/used.db")
    url = store.format(tmp=tmp_path)
    port = f"--port={freePort()}"
    child = spawn([*TWISTD, port, "--listen=127.0.0.1", f"--store={url}"])
    assert await child.ended() == 1
    # Once it has begun, twistd writes to its log what there is to say.
    line = (child.output + child.errors).strip().splitlines()[-1]
    assert b"gearman: " in line
    assert said in line
    assert b"Traceback" not in child.output + child.errors
