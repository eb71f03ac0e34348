"""
The client, against gearmand and against the server of this project.
"""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import deferLater
from zope.interface import implementer

from tests.functional.fleet import (
    Fleet,
    Held,
    nameOf,
    onlyOurs,
    reverse,
    soon,
    startingFleet,
)
from tests.functional.peers import (
    PROGRAMS,
    Peers,
    requirePhpGearman,
    startingPeers,
    untilServed,
)
from tests.functional.processes import until
from txgearman.admin import AdminClient, FunctionStatus
from txgearman.board.job import Priority
from txgearman.client.choice import RoundRobin
from txgearman.client.client import Client
from txgearman.client.job import (
    Event,
    IJobListener,
    JobData,
    JobProgress,
    JobWarning,
    RemoteJob,
)
from txgearman.client.protocol import JobStatus
from txgearman.codecs import JSON, TEXT
from txgearman.errors import (
    BackgroundJob,
    JobException,
    JobFailed,
    JobLost,
    JobTimeout,
    NoServers,
    QueueFull,
)
from txgearman.worker.job import RunningJob
from txgearman.worker.worker import Worker

fleet = startingFleet
peers = pytest.fixture(startingPeers)


def chatty(job: RunningJob[bytes]) -> bytes:
    """
    A worker's function that reports everything there is to report.
    """
    job.sendStatus(1, 2)
    job.sendData(b"part")
    job.sendWarning(b"careful")
    job.sendStatus(2, 2)
    return b"result"


CHATTER = [("status", 1, 2), ("data", b"part"), ("warning", b"careful")]
CHATTER += [("status", 2, 2)]


@implementer(IJobListener)
class Listener:
    """
    Writes down what it hears.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def dataReceived(self, job: RemoteJob[Any], data: object) -> None:
        self.heard.append(("data", data))

    def warningReceived(self, job: RemoteJob[Any], data: object) -> None:
        self.heard.append(("warning", data))

    def statusReceived(
        self, job: RemoteJob[Any], numerator: int, denominator: int
    ) -> None:
        self.heard.append(("status", numerator, denominator))


async def eventsOf(job: RemoteJob[bytes], seen: list[Event[bytes]]) -> None:
    """
    Iterate over a job.
    """
    async for event in job:
        seen.append(event)


@pytest_twisted.ensureDeferred
async def test_call(fleet: Fleet) -> None:
    """
    A call gives the result, of any bytes, small and large, and so does a job
    that waits for its worker.
    """
    server = await fleet.server()
    client = fleet.client(server)
    early = client.call("reverse", b"early")
    fleet.worker(server).register("reverse", reverse)
    assert await early == b"ylrae"
    for data in (b"", b"\0\xff\0", bytes(range(256)) * 4096):
        assert await client.call("reverse", data) == data[::-1]


@pytest_twisted.ensureDeferred
async def test_events(fleet: Fleet) -> None:
    """
    Callables and a listener hear every event of a job, in order and once, and
    the job knows its last progress.
    """
    server = await fleet.server()
    fleet.worker(server).register("chatty", chatty)
    heard: list[tuple[object, ...]] = []
    listener = Listener()
    job = await fleet.client(server).submit(
        "chatty",
        b"",
        unique="u",
        onStatus=lambda *progress: heard.append(("status", *progress)),
        onData=lambda data: heard.append(("data", data)),
        onWarning=lambda data: heard.append(("warning", data)),
        listener=listener,
    )
    assert await job.whenDone() == b"result"
    assert (job.function, job.unique, job.server) == ("chatty", b"u", nameOf(server))
    assert job.handle.startswith(b"H:")
    assert job.progress == JobProgress(2, 2)
    assert heard == listener.heard == CHATTER


@pytest_twisted.ensureDeferred
async def test_iterating(fleet: Fleet) -> None:
    """
    Iterating over a job gives its events and ends with it; when it fails, the
    iteration raises that.
    """
    server = await fleet.server()
    client, held = fleet.client(server), Held()
    fleet.worker(server, concurrency=2).register("held", held)
    jobs = [await client.submit("held", b"good"), await client.submit("held", b"bad")]
    seen: list[list[Event[bytes]]] = [[], []]
    iterations = [
        Deferred.fromCoroutine(eventsOf(job, events))
        for job, events in zip(jobs, seen, strict=True)
    ]
    await held.began(2)
    for running in held.jobs:
        chatty(running)
        if running.data == b"bad":
            running.fail()
    held.release()
    await iterations[0]
    with pytest.raises(JobFailed):
        await iterations[1]
    chatter = [JobProgress(1, 2), JobData(b"part"), JobWarning(b"careful")]
    assert seen == [[*chatter, JobProgress(2, 2)]] * 2
    assert await jobs[0].whenDone() == b"good"


@pytest_twisted.ensureDeferred
async def test_severalCallers(fleet: Fleet) -> None:
    """
    Each caller of C{whenDone} has the result for itself, also one who comes
    late; one who gives up takes nothing from the others.
    """
    server = await fleet.server()
    held = Held()
    fleet.worker(server).register("held", held)
    job = await fleet.client(server).submit("held", b"x")
    callers = [job.whenDone() for _ in range(3)]
    callers[1].cancel()
    with pytest.raises(CancelledError):
        await callers[1]
    await held.began(1)
    held.release()
    assert [await callers[0], await callers[2], await job.whenDone()] == [b"x"] * 3
    assert len(held.jobs) == 1


@pytest_twisted.ensureDeferred
async def test_background(fleet: Fleet) -> None:
    """
    A job in the background has a status, by handle for any client and by unique,
    until it is done; nobody is told how it ends.
    """
    server = await fleet.server()
    client, other, held = fleet.client(server), fleet.client(server), Held()
    fleet.worker(server).register("held", held)
    job = await client.background("held", b"x", unique="u")
    with pytest.raises(BackgroundJob):
        await job.whenDone()
    await held.began(1)
    held.jobs[0].sendStatus(3, 7)

    seen = await job.status()
    while not seen.numerator:
        seen = await job.status()
    assert seen == JobStatus(True, True, 3, 7)
    assert await other.status(job.handle) == seen
    byUnique = await other.statusByUnique("u")
    assert (byUnique.known, byUnique.running, byUnique.clients) == (True, True, 0)
    assert not (await other.statusByUnique("nobody")).known
    held.release()
    while (await other.status(job.handle)).known:
        pass
    assert not (await client.statusByUnique("u")).known


@pytest_twisted.ensureDeferred
async def test_manyAtOnce(fleet: Fleet) -> None:
    """
    Thousands of jobs are submitted in one go: the server has each of them when
    the client does, and each is done once.
    """
    server = await fleet.server()
    client, admin = fleet.client(server), AdminClient(reactor, nameOf(server))
    items = [b"%d" % number for number in range(5000)]
    jobs = await client.submitMany("many", items, background=True)
    assert len({job.handle for job in jobs}) == 5000
    assert await admin.status() == [FunctionStatus(b"many", 5000, 0, 0)]
    done: list[bytes] = []
    worker = fleet.worker(server, concurrency=50)
    worker.register("many", lambda job: done.append(job.data))
    await until(lambda: len(done) >= 5000, "the jobs are done")
    while (await admin.status())[0].total:
        pass
    assert done == items
    await admin.close()


@pytest_twisted.ensureDeferred
async def test_manyInFlight(fleet: Fleet) -> None:
    """
    With a limit to the jobs in flight, many jobs get to the server as others
    end; each has its own result.
    """
    server = await fleet.server()
    held = Held()
    fleet.worker(server, concurrency=10).register("held", held)
    client = fleet.client(server, maxInFlight=3)
    submitted = client.submitMany("held", [b"%d" % number for number in range(7)])
    for count in (3, 6, 7):
        await held.began(count)
        held.release()
    jobs = await submitted
    assert held.peak == 3
    results = [await job.whenDone() for job in jobs]
    assert results == [b"%d" % number for number in range(7)]


@pytest_twisted.ensureDeferred
async def test_cancellingOnTheServer(fleet: Fleet) -> None:
    """
    A job that is cancelled on the server while it waits is never run, and
    cancelling a job that nobody knows says so.
    """
    server = await fleet.server()
    client, held = fleet.client(server), Held()
    job = await client.background("held", b"unwanted")
    assert await client.cancel(job.handle)
    assert not await client.cancel("H:nowhere:1")
    await client.background("held", b"wanted")
    fleet.worker(server, concurrency=2).register("held", held)
    await held.began(1)
    held.release()
    await client.background("held", b"last")
    await held.began(2)
    assert held.workloads == [b"wanted", b"last"]


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_later(fleet: Fleet) -> None:
    """
    A job for later runs, and not before its time, be that a delay, seconds or a
    L{datetime}; nobody is told how it ends. (gearmand 1.1 wakes no worker when
    the time has come.)
    """
    server = await fleet.server()
    client = fleet.client(server)
    ran: dict[bytes, float] = {}
    fleet.worker(server).register("f", lambda job: ran.update({job.data: time.time()}))
    due = time.time() + 1
    await client.submit("f", b"seconds", at=due)
    moment = datetime.fromtimestamp(due, UTC) + timedelta(milliseconds=1)
    await client.background("f", b"moment", at=moment)
    job = await client.submit("f", b"delay", delay=1)
    with pytest.raises(BackgroundJob):
        await job.whenDone()
    await until(lambda: len(ran) == 3, "all three run")
    assert min(ran.values()) >= due


@pytest_twisted.ensureDeferred
async def test_priorities(fleet: Fleet) -> None:
    """
    Jobs that wait are done in the order of their priorities.
    """
    server = await fleet.server()
    client = fleet.client(server)
    done: list[bytes] = []
    jobs = [
        await client.submit("f", priority.name.encode(), priority=priority)
        for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH)
    ]
    fleet.worker(server).register("f", lambda job: done.append(job.data))
    for job in jobs:
        await job.whenDone()
    assert done == [b"HIGH", b"NORMAL", b"LOW"]


@pytest_twisted.ensureDeferred
async def test_reducer(fleet: Fleet) -> None:
    """
    A reducer's name reaches the worker.
    """
    server = await fleet.server()
    fleet.worker(server).register(
        "f", lambda job: job.reducer.encode() + b":" + job.data
    )
    assert await fleet.client(server).call("f", b"x", reducer="sum") == b"sum:x"


@pytest_twisted.ensureDeferred
async def test_coalescing(fleet: Fleet) -> None:
    """
    Jobs of one unique, of one client and of another, are done once; each of
    their callers has the result, and each event once.
    """
    server = await fleet.server()
    held = Held()
    fleet.worker(server, concurrency=3).register("held", held)
    client, listeners = fleet.client(server), [Listener(), Listener(), Listener()]
    clients = [client, client, fleet.client(server)]
    jobs = [
        await client.submit("held", b"x", unique="u", listener=listener)
        for client, listener in zip(clients, listeners, strict=True)
    ]
    await held.began(1)
    chatty(held.jobs[0])
    held.release()
    assert [await job.whenDone() for job in jobs] == [b"x"] * 3
    assert [listener.heard for listener in listeners] == [CHATTER] * 3
    assert len({job.handle for job in jobs}) == len(held.jobs) == 1


@pytest.mark.parametrize("unique", ["-", "#"])
@pytest_twisted.ensureDeferred
async def test_uniqueOfTheWorkload(fleet: Fleet, unique: str) -> None:
    """
    With the uniques "-" and "#", jobs of equal workloads are done once.
    """
    server = await fleet.server()
    held, client = Held(), fleet.client(server)
    jobs = [
        await client.submit("held", data, unique=unique)
        for data in (b"same", b"other", b"same")
    ]
    fleet.worker(server, concurrency=3).register("held", held)
    await held.began(2)
    held.release()
    assert [await job.whenDone() for job in jobs] == [b"same", b"other", b"same"]
    assert sorted(held.workloads) == [b"other", b"same"]
    assert jobs[0].handle == jobs[2].handle != jobs[1].handle


@pytest_twisted.ensureDeferred
async def test_codecs(fleet: Fleet) -> None:
    """
    With a codec on both sides nobody needs to think of bytes, and what a codec
    cannot encode or decode comes back to who asked for it.
    """
    where = nameOf(await fleet.server())
    sums = fleet.keep(Worker(reactor, where, codec=JSON))

    def add(job: RunningJob[Any]) -> Any:
        job.sendData({"so far": 0})
        return {"sum": sum(job.data)}

    sums.register("add", add)
    sums.register("nothing", lambda job: None)
    client = fleet.keep(Client(reactor, where, codec=JSON))
    parts: list[Any] = []
    assert await client.call("add", [1, 2, 3], onData=parts.append) == {"sum": 6}
    assert parts == [{"so far": 0}]
    assert await client.call("nothing", None) is None
    with pytest.raises(TypeError):
        await client.call("add", object())

    texts = fleet.keep(Worker(reactor, where, codec=TEXT))
    texts.register("upper", lambda job: job.data.upper())
    text = fleet.keep(Client(reactor, where, codec=TEXT))
    assert await text.call("upper", "straße") == "STRASSE"
    with pytest.raises(ValueError, match="Expecting"):
        await client.call("upper", True)
    with pytest.raises(JobException, match="cannot be decoded"):
        await text.call("add", "{")


@pytest_twisted.ensureDeferred
async def test_namespace(fleet: Fleet) -> None:
    """
    Functions in a namespace are others than those outside, and jobs know their
    function by the name without it.
    """
    server = await fleet.server()
    where = nameOf(server)
    inside = fleet.keep(Worker(reactor, where, namespace="blue:"))
    inside.register("f", lambda job: f"inside, {job.function}".encode())
    fleet.worker(server).register("f", lambda job: b"outside")
    client = fleet.keep(Client(reactor, where, namespace="blue:"))
    plain = fleet.client(server)
    assert await client.call("f", b"") == b"inside, f"
    assert await plain.call("f", b"") == b"outside"
    assert await plain.call("blue:f", b"") == b"inside, f"


def divide(job: RunningJob[bytes]) -> bytes:
    """
    A worker's function with a bug.
    """
    return b"%d" % (1 // int(job.data))


def refuse(job: RunningJob[bytes]) -> bytes:
    """
    A worker's function that fails without a word.
    """
    raise JobFailed


@pytest_twisted.ensureDeferred
async def test_failures(fleet: Fleet) -> None:
    """
    A failure and an exception are told apart; an exception comes with its text,
    and with its traceback from a worker that sends it.
    """
    server = await fleet.server()
    worker, client = fleet.worker(server), fleet.client(server)
    worker.register("divide", divide)
    worker.register("refuse", refuse)
    fleet.worker(server, tracebacks=True).register("openly", divide)
    with pytest.raises(JobException) as raised:
        await client.call("divide", b"0")
    assert raised.value.data == b"integer division or modulo by zero"
    assert raised.value.handle
    with pytest.raises(JobFailed) as failed:
        await client.call("refuse", b"")
    assert type(failed.value) is JobFailed
    with pytest.raises(JobException, match=r"(?s)Traceback.*in divide"):
        await client.call("openly", b"0")
    assert await client.call("divide", b"1") == b"1"


@pytest_twisted.ensureDeferred
async def test_exceptionsUnheard(fleet: Fleet) -> None:
    """
    For a client that wants to hear of no exceptions, a job has just failed.
    """
    server = await fleet.server()
    fleet.worker(server).register("divide", divide)
    client = fleet.keep(Client(reactor, nameOf(server), exceptions=False))
    with pytest.raises(JobFailed) as failed:
        await client.call("divide", b"0")
    assert type(failed.value) is JobFailed


@pytest_twisted.ensureDeferred
async def test_timeout(fleet: Fleet) -> None:
    """
    A call that takes too long fails, and what comes of it later disturbs nobody.
    """
    server = await fleet.server()
    client, held = fleet.client(server), Held()
    fleet.worker(server).register("held", held)
    late = client.call("held", b"late", timeout=0.2)
    with pytest.raises(JobTimeout):
        await late
    await held.began(1)
    held.release()
    last = client.call("held", b"last", timeout=30)
    await held.began(2)
    held.release()
    assert await last == b"last"


@pytest_twisted.ensureDeferred
async def test_lost(fleet: Fleet) -> None:
    """
    A job whose server dies is lost, and the failure names its handle; while no
    server can be reached, a call and a ping fail.
    """
    server = await fleet.server()
    client = fleet.keep(
        Client(reactor, nameOf(server), connectTimeout=0.3, retryPolicy=soon)
    )
    job = await client.submit("f", b"x")
    await fleet.kill(server)
    with pytest.raises(JobLost) as lost:
        await job.whenDone()
    assert lost.value.handle == job.handle
    with pytest.raises(NoServers, match=nameOf(server)):
        await client.call("f", b"x")
    with pytest.raises(NoServers):
        await client.ping()


@pytest_twisted.ensureDeferred
async def test_stopped(fleet: Fleet) -> None:
    """
    Stopping a client fails what is waited for, and leaves what it asked the
    server to do.
    """
    server = await fleet.server()
    client, held = fleet.client(server), Held()
    job = await client.submit("held", b"foreground")
    await client.background("held", b"background")
    done = job.whenDone()
    await client.stopService()
    with pytest.raises(JobLost):
        await done
    with pytest.raises(NoServers):
        await client.call("held", b"x")
    fleet.worker(server).register("held", held)
    await held.began(1)
    assert held.workloads[0] == b"background"


@pytest_twisted.ensureDeferred
async def test_resubmitted(fleet: Fleet) -> None:
    """
    With C{resubmit}, a job whose server dies is submitted to another one, or to
    the same one when it is back.
    """
    first, second = await fleet.server(), await fleet.server()
    client, held = fleet.client(first, second, resubmit=True), Held()
    job = await client.submit("held", b"x")
    assert job.server == nameOf(first)
    await fleet.kill(first)
    await until(lambda: job.server == nameOf(second), "it moves")
    await fleet.kill(second)
    fleet.worker(await fleet.server(port=second.port)).register("held", held)
    await held.began(1)
    held.release()
    assert await job.whenDone() == b"x"


@pytest_twisted.ensureDeferred
async def test_unacknowledged(fleet: Fleet) -> None:
    """
    A job that a server died over before it said that it has it goes to another
    server.
    """
    first, second = await fleet.server(), await fleet.server()
    client = fleet.client(first, second)
    assert len(await client.whenConnected()) == 2
    fleet.worker(second).register("reverse", reverse)
    first.child.signal(signal.SIGSTOP)
    called = client.call("reverse", b"abc")
    await fleet.kill(first)
    assert await called == b"cba"


@pytest_twisted.ensureDeferred
async def test_silentServer(fleet: Fleet) -> None:
    """
    A first server that was stopped and answers nothing holds up neither jobs nor
    questions: they go to the second one, and the first is used again when it
    answers again.
    """
    first, second = await fleet.server(), await fleet.server()
    names = [nameOf(first), nameOf(second)]
    client = fleet.keep(Client(reactor, names, answerTimeout=0.3, retryPolicy=soon))
    assert await client.whenConnected() == names
    fleet.worker(first, second).register("reverse", reverse)
    first.child.signal(signal.SIGSTOP)
    try:
        assert not (await client.status("H:nobody:1")).known
        for _ in range(3):
            assert await client.call("reverse", b"abc") == b"cba"
        assert await client.echo(b"hello") == b"hello"
        job = await client.submit("reverse", b"abc")
        assert job.server == names[1]
        assert await job.whenDone() == b"cba"
    finally:
        first.child.signal(signal.SIGCONT)
    while names[0] not in await client.whenConnected():
        await deferLater(reactor, 0.05)
    job = await client.submit("reverse", b"abc")
    assert job.server == names[0]
    assert await job.whenDone() == b"cba"


@pytest_twisted.ensureDeferred
async def test_cancellingNothingElse(fleet: Fleet) -> None:
    """
    What is no handle commands nothing.
    """
    server = await fleet.server()
    client = fleet.client(server)
    with pytest.raises(ValueError, match="not one word"):
        await client.cancel("H:x:1\r\nmaxqueue f 0")
    assert await client.echo(b"x") == b"x"


@pytest_twisted.ensureDeferred
async def test_stoppedInFlight(fleet: Fleet) -> None:
    """
    A client that is stopped lets every job fail, however many wait.
    """
    server = await fleet.server()
    client = fleet.client(server, maxInFlight=2)
    calls = [client.call("nobody", b"") for _ in range(2000)]
    ends: list[object] = []
    for call in calls:
        call.addBoth(lambda end: ends.append(end.type))
    await client.echo(b"x")
    await client.stopService()
    assert ends.count(NoServers) == 1998
    assert ends.count(JobLost) == 2


@pytest_twisted.ensureDeferred
async def test_queueFull(fleet: Fleet) -> None:
    """
    A job that a full queue has no room for fails with an error of its own.
    """
    server = await fleet.server()
    client = fleet.client(server)
    admin = AdminClient(reactor, nameOf(server))
    await client.background("f", b"1")
    await admin.maxQueue("f", 1)
    with pytest.raises(QueueFull):
        await client.background("f", b"2")


@pytest_twisted.ensureDeferred
async def test_maxInFlight(fleet: Fleet) -> None:
    """
    Not more jobs are under way than a client may have; the others wait, and a
    call that is cancelled while it waits is never submitted.
    """
    server = await fleet.server()
    held, client = Held(), fleet.client(server, maxInFlight=2)
    fleet.worker(server, concurrency=10).register("held", held)
    calls = [client.call("held", b"%d" % number) for number in range(5)]
    calls[4].cancel()
    with pytest.raises(CancelledError):
        await calls[4]
    for jobs in (2, 4):
        await held.began(jobs)
        held.release()
    assert await gatherResults(calls[:4]) == [b"0", b"1", b"2", b"3"]
    assert held.peak == 2
    assert held.workloads == [b"0", b"1", b"2", b"3"]


@pytest_twisted.ensureDeferred
async def test_map(fleet: Fleet) -> None:
    """
    Results come in the order of the workloads, with so many calls under way and
    no more; the first failure is the failure of all.
    """
    server = await fleet.server()
    held, client = Held(), fleet.client(server)
    worker = fleet.worker(server, concurrency=10)
    worker.register("held", held)
    worker.register("divide", divide)
    items = [b"%d" % number for number in range(1, 7)]
    mapped = client.map("held", items, parallel=3)
    for jobs in (3, 6):
        await held.began(jobs)
        held.release()
    assert await mapped == items
    assert held.peak == 3
    with pytest.raises(JobException):
        await client.map("divide", [*items, b"0", *items])
    assert await client.map("divide", []) == []


@pytest_twisted.ensureDeferred
async def test_echo(fleet: Fleet) -> None:
    """
    A server sends an echo, and every server that is there answers a ping.
    """
    servers = [await fleet.server(), await fleet.server()]
    client = fleet.client(*servers, fleet.down())
    assert await client.echo(b"a\0b\r\n") == b"a\0b\r\n"
    took = await client.ping()
    assert list(took) == [nameOf(server) for server in servers]
    assert min(took.values()) >= 0


@pytest_twisted.ensureDeferred
async def test_cancellingACall(fleet: Fleet) -> None:
    """
    Who cancels a call is told so at once; its job goes on, and another caller of
    the same job gets what is his.
    """
    server = await fleet.server()
    client, held = fleet.client(server), Held()
    fleet.worker(server).register("held", held)
    calls = [client.call("held", b"x", unique="u") for _ in range(3)]
    await held.began(1)
    await client.echo(b"")
    calls[0].cancel()
    with pytest.raises(CancelledError):
        await calls[0]
    held.release()
    assert await gatherResults(calls[1:]) == [b"x", b"x"]
    assert not held.given


@pytest_twisted.ensureDeferred
async def test_tenThousand(fleet: Fleet) -> None:
    """
    Ten thousand calls at once from one client all get their own results.
    """
    server = await fleet.server()
    fleet.worker(server, concurrency=100).register("reverse", reverse)
    client = fleet.client(server)
    items = [b"<%d" % number for number in range(10_000)]
    results = await gatherResults([client.call("reverse", item) for item in items])
    assert results == [item[::-1] for item in items]


@pytest.mark.parametrize("resubmit", [False, True], ids=["once", "resubmit"])
@pytest_twisted.ensureDeferred
async def test_oneOfThreeDies(fleet: Fleet, resubmit: bool) -> None:
    """
    While one of three servers is killed and restarted under load, every call
    ends once: with its own result, or, when it must not be submitted anew and
    only then, as lost with the server that died. The server that is back gets
    its share again.
    """
    servers = [await fleet.server() for _ in range(3)]
    client = fleet.keep(
        Client(
            reactor,
            [nameOf(server) for server in servers],
            choice=RoundRobin(),
            resubmit=resubmit,
            retryPolicy=soon,
        )
    )
    worker = fleet.worker(*servers, concurrency=10)
    worker.register("f", lambda job: deferLater(reactor, 0.005, lambda: job.data))
    victim = servers[1]
    done: list[RemoteJob[bytes]] = []
    lost: list[RemoteJob[bytes]] = []
    deliveries: list[bytes] = []
    enough = False

    async def calling(caller: int) -> None:
        number = 0
        while not enough:
            data = b"%d/%d" % (caller, number)
            number += 1
            job = await client.submit("f", data)
            job.whenDone().addCallbacks(deliveries.append, lambda _: None)
            try:
                assert await job.whenDone() == data
            except JobLost:
                lost.append(job)
            else:
                done.append(job)

    callers = [Deferred.fromCoroutine(calling(caller)) for caller in range(30)]
    await until(lambda: len(done) > 100, "load")
    await fleet.kill(victim)
    await fleet.server(port=victim.port)
    since = len(done)
    await until(
        lambda: any(job.server == nameOf(victim) for job in done[since + 30 :]),
        "the server has its share again",
    )
    enough = True
    await gatherResults(callers)
    assert len(deliveries) == len(set(deliveries)) == len(done)
    assert {job.server for job in lost} <= {nameOf(victim)}
    assert not (resubmit and lost)


@pytest_twisted.ensureDeferred
async def test_phpWorker(fleet: Fleet, peers: Peers, tmp_path: Path) -> None:
    """
    A worker in PHP does our client's jobs of every kind, and its failures arrive
    as what they are.
    """
    requirePhpGearman()
    server = await fleet.server()
    peers.start("php", str(PROGRAMS / "pool.php"), str(server.port), "2")
    await untilServed(server.port, "reverse", 2)
    client, listener = fleet.client(server), Listener()
    assert await client.call("reverse", b"a\0b") == b"b\0a"
    assert await client.call("unique", b"", unique="a-unique") == b"a-unique"
    chatter = await client.submit("chatty", b"x", listener=listener)
    assert await chatter.whenDone() == b"done"
    assert listener.heard == [
        ("status", 1, 4),
        ("data", b"first "),
        ("warning", b"careful"),
        ("status", 4, 4),
    ]
    items = [b"<%d" % number for number in range(200)]
    assert await client.map("reverse", items) == [item[::-1] for item in items]
    with pytest.raises(JobException, match="what went wrong"):
        await client.call("excepts", b"")
    for function in ("fails", "returnsFail"):
        with pytest.raises(JobFailed) as failed:
            await client.call(function, b"")
        assert type(failed.value) is JobFailed
    release = tmp_path / "release"
    job = await client.background("held", str(release).encode(), unique="h")
    while not (await job.status()).numerator:
        pass
    release.touch()
    while (await client.statusByUnique("h")).known:
        pass
