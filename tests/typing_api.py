"""
How the public API is typed, for mypy alone: nothing here is ever run.
"""

from __future__ import annotations

from typing import Any, assert_type

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txgearman import (
    JSON,
    TEXT,
    AdminClient,
    Client,
    JobData,
    JobException,
    JobFailed,
    JobLost,
    JobProgress,
    JobWarning,
    Priority,
    RemoteJob,
    RoundRobin,
    RunningJob,
    Worker,
    inProcess,
    inThread,
)
from txgearman.admin import FunctionStatus


class Celsius:
    """
    A codec of a user's own, for numbers.
    """

    def encode(self, value: float) -> bytes:
        """
        Write a number.
        """
        return f"{value} C".encode()

    def decode(self, data: bytes) -> float:
        """
        Read a number.
        """
        return float(data.split()[0])


async def clients() -> None:
    """
    Results, events and listeners are what the codec makes them.
    """
    plain = Client(Clock(), "localhost")
    assert_type(plain, Client[bytes])
    assert_type(await plain.call("reverse", b"hello"), bytes)
    job = await plain.submit("reverse", b"", priority=Priority.HIGH, onData=bytes.hex)
    assert_type(job, RemoteJob[bytes])
    assert_type(job.whenDone(), Deferred[bytes])
    async for event in job:
        assert_type(event, JobData[bytes] | JobWarning[bytes] | JobProgress)
    assert_type(await plain.map("reverse", [b"a", b"b"]), list[bytes])
    jobs = plain.submitMany("f", iter([b""]), background=True, unique="-", delay=1.5)
    assert_type(jobs, Deferred[list[RemoteJob[bytes]]])
    named = Client(Clock(), clientId="me", maxInFlight=9, choice=RoundRobin())
    assert_type(named, Client[bytes])
    Client(Clock(), answerTimeout=None, maxPacket=1000)
    Client(Clock(), maxPacket="1000")  # type: ignore[call-overload]
    assert_type(Client(Clock(), codec=TEXT, resubmit=True), Client[str])
    assert_type(await Client(Clock(), codec=TEXT).call("f", "text"), str)
    assert_type(await Client(Clock(), codec=Celsius()).call("f", 1.5), float)
    anything = Client(Clock(), codec=JSON)
    assert_type(await anything.call("f", {"a": [1]}), Any)
    plain.submitMany("f", ["text"])  # type: ignore[list-item]
    plain.submitMany("f", [b""], handle=b"")  # type: ignore[call-arg]
    Client(Clock(), concurrency=1)  # type: ignore[call-overload]
    Client(Clock(), codec=TEXT, maxInFlight="9")  # type: ignore[call-overload]
    await plain.call("f", "text")  # type: ignore[arg-type]
    await plain.call("f", b"", background=True)  # type: ignore[call-arg]
    await plain.submit("f", b"", onStatus=lambda percent: percent)  # type: ignore[arg-type, misc]


def workers() -> None:
    """
    So are workloads and results of workers.
    """
    assert_type(Worker(Clock(), concurrency=2, clientId="me"), Worker[bytes])
    Worker(Clock(), exceptions=True)  # type: ignore[call-overload]
    worker = Worker(Clock(), "localhost", codec=TEXT)
    worker.register("upper", lambda job: job.data.upper())

    @worker.register("lower", timeout=5.0)
    async def lower(job: RunningJob[str]) -> str:
        job.sendData("half")
        job.sendData(b"bytes")  # type: ignore[arg-type]
        return job.data.lower()

    def slow(job: RunningJob[str]) -> str | None:
        return None

    worker.register("slow", inThread(slow), concurrency=2)
    worker.register("title", inProcess(str.title))
    worker.register("wrong", lambda job: 5)  # type: ignore[arg-type, return-value]


def errors() -> None:
    """
    What went wrong with a job is text or bytes, and its handle has a name.
    """
    JobFailed("text", handle=b"H:1")
    JobException(b"bytes").data.hex()
    JobException(b"H:1", b"bytes")  # type: ignore[call-arg]
    JobLost(handle="H:1")  # type: ignore[arg-type]


async def admin() -> None:
    """
    What the admin client answers has types too.
    """
    assert_type(await AdminClient(Clock()).status(), list[FunctionStatus])
    assert_type(await AdminClient(Clock()).processId(), int)
