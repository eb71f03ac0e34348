"""
The worker, against gearmand and against the server of this project.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import gatherResults

from tests.functional.fleet import Fleet, Held, reverse, startingFleet
from tests.functional.peers import (
    PROGRAMS,
    Peers,
    functionCounts,
    linesOf,
    requirePhpGearman,
    startingPeers,
    untilAlone,
    untilDone,
    untilServed,
)
from tests.functional.processes import until
from txgearman.errors import JobException, JobFailed
from txgearman.worker.job import RunningJob

fleet = startingFleet
peers = pytest.fixture(startingPeers)


@pytest_twisted.ensureDeferred
async def test_whatAJobIs(fleet: Fleet) -> None:
    """
    A job knows its function, unique, handle and workload; no result at all is an
    empty one; C{fail} and C{exception} end it, whatever is returned then.
    """
    server = await fleet.server()
    client, worker, seen = fleet.client(server), fleet.worker(server), Held()

    @worker.register("look")
    def look(job: RunningJob[bytes]) -> None:
        seen.jobs.append(job)

    @worker.register("fail")
    def fail(job: RunningJob[bytes]) -> bytes:
        job.fail()
        return b"ignored"

    @worker.register("except")
    def exception(job: RunningJob[bytes]) -> bytes:
        job.exception("my words")
        return b"ignored"

    job = await client.submit("look", b"x", unique="u")
    assert await job.whenDone() == b""
    (looked,) = seen.jobs
    assert (looked.function, looked.unique, looked.data) == ("look", b"u", b"x")
    assert looked.handle == job.handle
    with pytest.raises(JobFailed) as failed:
        await client.call("fail", b"")
    assert type(failed.value) is JobFailed
    with pytest.raises(JobException, match="my words"):
        await client.call("except", b"")
    assert await client.call("look", b"y") == b""


@pytest_twisted.ensureDeferred
async def test_timeout(fleet: Fleet) -> None:
    """
    A job that takes longer than its function may is cancelled here, and its
    worker does the next one.
    """
    server = await fleet.server()
    client, worker, held = fleet.client(server), fleet.worker(server), Held()
    # gearmand looks for jobs of the first one first, and may find the slow one
    # again and again.
    worker.register("reverse", reverse)
    worker.register("held", held, timeout=1)
    job = await client.submit("held", b"slow")
    await held.began(1)
    assert await client.call("reverse", b"ab") == b"ba"
    assert held.given[0].lost
    assert held.given[0].handle == job.handle
    # The server gives the job to this worker again.
    held.release()


@pytest_twisted.ensureDeferred
async def test_timeoutBesideOthers(fleet: Fleet) -> None:
    """
    A job that takes too long is done again also by a worker that could have done
    another one meanwhile, and its connections were asleep.
    """
    server = await fleet.server()
    client, held = fleet.client(server), Held()
    worker = fleet.worker(server, concurrency=2)
    worker.register("reverse", reverse)
    worker.register("held", held, timeout=1)
    assert await client.call("reverse", b"ab") == b"ba"
    called = client.call("held", b"slow")
    await held.began(2)
    assert [job.lost for job in held.jobs] == [True, False]
    assert await client.call("reverse", b"ab") == b"ba"
    held.release()
    assert await called == b"slow"


@pytest_twisted.ensureDeferred
async def test_concurrencyOfAFunction(fleet: Fleet) -> None:
    """
    No more jobs of a function run than it may have at once, while other
    functions go on.
    """
    server = await fleet.server()
    client, worker = fleet.client(server), fleet.worker(server, concurrency=10)
    narrow, wide = Held(), Held()
    worker.register("narrow", narrow, concurrency=2)
    worker.register("wide", wide)
    calls = [client.call("narrow", b"%d" % number) for number in range(6)]
    calls += [client.call("wide", b"%d" % number) for number in range(4)]
    await wide.began(4)
    wide.release()
    for jobs in (2, 4, 6):
        await narrow.began(jobs)
        narrow.release()
    await gatherResults(calls)
    assert (narrow.peak, wide.peak) == (2, 4)


@pytest_twisted.ensureDeferred
async def test_concurrencyOverServers(fleet: Fleet) -> None:
    """
    A worker of two servers runs no more jobs than it may, takes none that it
    cannot run, and serves both.
    """
    servers = [await fleet.server(), await fleet.server()]
    clients = [fleet.client(server) for server in servers]
    held = Held()
    calls = [client.call("held", b"%d" % i) for i in range(6) for client in clients]
    for client in clients:
        await client.echo(b"")
    fleet.worker(*servers, concurrency=3).register("held", held)
    await held.began(3)
    counts = [(await functionCounts(server.port))["held"] for server in servers]
    assert sum(count.running for count in counts) == 3
    for jobs in (6, 9, 12):
        held.release()
        await held.began(jobs)
    held.release()
    await gatherResults(calls)
    assert held.peak == 3


@pytest_twisted.ensureDeferred
async def test_unregister(fleet: Fleet) -> None:
    """
    A worker that drops a function finishes what it does of it, takes no more of
    it, and goes on with the others; when it takes it up again, it does what waits.
    """
    server = await fleet.server()
    client, worker = fleet.client(server), fleet.worker(server, concurrency=2)
    held = Held()
    worker.register("held", held)
    worker.register("reverse", reverse)
    running = client.call("held", b"running")
    await held.began(1)
    worker.unregister("held")
    waiting = client.call("held", b"waiting")
    reversing = client.call("reverse", b"ab")
    held.release()
    assert await running == b"running"
    assert await reversing == b"ba"
    await untilServed(server.port, "held", 0)
    assert held.workloads == [b"running"]
    worker.register("held", lambda job: b"again")
    assert await waiting == b"again"


@pytest_twisted.ensureDeferred
async def test_unregisterItself(fleet: Fleet) -> None:
    """
    A function that takes itself back, while the worker has asked for several of its
    jobs, does those that come; no job is done twice, and another worker does the rest.
    """
    server = await fleet.server()
    items = [b"%d" % number for number in range(300)]
    await fleet.client(server).submitMany("f", items, background=True)
    worker = fleet.worker(server, concurrency=16)
    done: list[bytes] = []

    def few(job: RunningJob[bytes]) -> None:
        done.append(job.data)
        if len(done) == 100:
            worker.unregister("f")

    worker.register("f", few)
    await until(lambda: len(done) >= 100, "the hundredth job")
    await untilServed(server.port, "f", 0)
    assert 100 <= len(done) < 200
    fleet.worker(server).register("f", lambda job: done.append(job.data))
    await untilDone(server.port, "f")
    assert sorted(done, key=int) == items


@pytest_twisted.ensureDeferred
async def test_unregisterOwn(fleet: Fleet) -> None:
    """
    A function with connections of its own takes them with it when it is dropped,
    also while a job of it runs; taken up again, it has new ones.
    """
    server = await fleet.server()
    client, worker, held = fleet.client(server), fleet.worker(server), Held()
    worker.register("narrow", held, concurrency=1)
    for data in (b"first", b"second"):
        running = client.call("narrow", data)
        await held.began(1)
        worker.unregister("narrow")
        held.release()
        assert await running == data
        held.jobs.clear()
        await client.stopService()
        await untilAlone(server.port)
        worker.register("narrow", held, concurrency=1)
        client.startService()


@pytest_twisted.ensureDeferred
async def test_restartingAtOnce(fleet: Fleet) -> None:
    """
    A worker and a client that are started while they stop finish what they do,
    and then go on.
    """
    server = await fleet.server()
    client, held = fleet.client(server), Held()
    worker = fleet.worker(server, drainTimeout=30.0)
    worker.register("held", held)
    running = client.call("held", b"first")
    await held.began(1)
    stopped = [worker.stopService()]
    worker.startService()
    held.release()
    assert await running == b"first"
    stopped.append(client.stopService())
    client.startService()
    again = client.call("held", b"second")
    for each in stopped:
        await each
    await held.began(2)
    held.release()
    assert await again == b"second"


@pytest_twisted.ensureDeferred
async def test_drain(fleet: Fleet) -> None:
    """
    A worker that drains finishes what runs and leaves the rest to others.
    """
    server = await fleet.server()
    client, worker, held = fleet.client(server), fleet.worker(server), Held()
    worker.register("held", held)
    calls = [client.call("held", b"running"), client.call("held", b"waiting")]
    await held.began(1)
    drained = worker.drain()
    assert not drained.called
    held.release()
    await drained
    assert await calls[0] == b"running"
    await untilServed(server.port, "held", 0)
    assert held.workloads == [b"running"]
    fleet.worker(server).register("held", lambda job: b"other")
    assert await calls[1] == b"other"


@pytest_twisted.ensureDeferred
async def test_stopping(fleet: Fleet) -> None:
    """
    Stopping a worker waits for what runs, whose result arrives, and leaves no
    connection; the worker may be started again.
    """
    server = await fleet.server()
    client, held = fleet.client(server), Held()
    worker = fleet.worker(server, drainTimeout=30.0)
    worker.register("held", held)
    worker.register("narrow", reverse, concurrency=1)
    running = client.call("held", b"x")
    await held.began(1)
    stopped = worker.stopService()
    held.release()
    await stopped
    assert await running == b"x"
    await client.stopService()
    await untilAlone(server.port)
    worker.startService()
    client.startService()
    assert await client.call("narrow", b"ab") == b"ba"


@pytest_twisted.ensureDeferred
async def test_stoppingInTime(fleet: Fleet) -> None:
    """
    What runs longer than a stopping worker waits is cancelled, and another worker
    does it.
    """
    server = await fleet.server()
    client, held = fleet.client(server), Held()
    worker = fleet.worker(server, drainTimeout=0.05)
    worker.register("held", held)
    called = client.call("held", b"x")
    await held.began(1)
    await worker.stopService()
    assert held.given == held.jobs
    fleet.worker(server).register("held", lambda job: b"other")
    assert await called == b"other"


@pytest_twisted.ensureDeferred
async def test_comingBack(fleet: Fleet) -> None:
    """
    When a server is killed and restarted, its worker registers everything again;
    the result of a job of the dead server is nobody's, and disturbs nobody.
    """
    server = await fleet.server()
    client = fleet.client(server, resubmit=True)
    worker, held = fleet.worker(server, concurrency=2), Held()
    worker.register("held", held)
    worker.register("narrow", reverse, concurrency=1)
    called = client.call("held", b"x")
    await held.began(1)
    await fleet.kill(server)
    back = await fleet.server(port=server.port)
    await held.began(2)
    assert [job.lost for job in held.jobs] == [True, False]
    held.release()
    assert await called == b"x"
    assert await client.call("narrow", b"ab") == b"ba"
    assert set(await functionCounts(back.port)) == {"held", "narrow"}


@pytest_twisted.ensureDeferred
async def test_downAtStart(fleet: Fleet) -> None:
    """
    A server that is down at start keeps nobody from the others, and is used once
    it is there.
    """
    up, down = await fleet.server(), fleet.down()
    fleet.worker(down, up).register("reverse", reverse)
    client, late = fleet.client(down, up), fleet.client(down)
    assert await client.call("reverse", b"ab") == b"ba"
    called = late.call("reverse", b"cd")
    await fleet.server(port=down.port)
    assert await called == b"dc"


@pytest_twisted.ensureDeferred
async def test_phpClient(fleet: Fleet, peers: Peers, tmp_path: Path) -> None:
    """
    A client in PHP has its jobs of every kind done by our worker.
    """
    requirePhpGearman()
    server = await fleet.server()
    worker = fleet.worker(server, concurrency=5)

    @worker.register("write")
    def write(job: RunningJob[bytes]) -> None:
        path, text = job.data.decode().split(":")
        with open(path, "a") as file:
            file.write(f"{text}\n")

    @worker.register("chatty")
    def chatty(job: RunningJob[bytes]) -> bytes:
        job.sendStatus(1, 4)
        job.sendData(b"first ")
        job.sendWarning(b"careful")
        job.sendStatus(4, 4)
        return b"done"

    @worker.register("fails")
    def fails(job: RunningJob[bytes]) -> None:
        raise JobFailed

    @worker.register("excepts")
    def excepts(job: RunningJob[bytes]) -> None:
        raise RuntimeError("what went wrong")

    worker.register("returnsFail", fails)
    worker.register("throws", excepts)
    worker.register("reverse", reverse)
    worker.register("echo", lambda job: job.data)

    async def play(scene: str) -> object:
        arguments = (str(server.port), scene, str(tmp_path))
        return await peers.report("php", str(PROGRAMS / "client.php"), *arguments)

    assert await play("many") == {
        "ran": True,
        "results": {f"u{number}": f"<{number}"[::-1] for number in range(200)},
    }
    failed, excepted = ["created", "fail"], ["created", "exception what went wrong"]
    seen = await play("tasks")
    assert isinstance(seen, dict)
    chatter = ["status 1/4", "data first", "warning careful", "status 4/4"]
    assert seen["events"] == {
        "normal": ["created", "complete eno"],
        "high": ["created", "complete owt"],
        "low": ["created", "complete eerht"],
        "normalBg": ["created"],
        "highBg": ["created"],
        "lowBg": ["created"],
        "chatty": ["created", *chatter, "complete done"],
        "fails": failed,
        "returnsFail": failed,
        "excepts": excepted,
        "throws": excepted,
    }
    await untilDone(server.port, "write")
    assert sorted(linesOf(tmp_path / "tasks")) == ["high", "low", "normal"]
    payloads = await play("payloads")
    assert isinstance(payloads, dict)
    assert all(payloads.values())
