"""
PHP workers that fail, under a server that tries again: it is the server's policy, and
they know nothing of it.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from tests.functional.conftest import Starter
from tests.functional.peers import (
    PROGRAMS,
    Peers,
    requirePhpGearman,
    startingPeers,
    untilServed,
)
from tests.functional.processes import JobServer, pause, until
from tests.functional.raw import connect
from txgearman.admin import AdminClient
from txgearman.admin.jobs import DeadJobRow, JobResult

peers = pytest.fixture(startingPeers)

POLICIES = """
[functions.flaky]
attempts = 5
backoff_first = 0.2
backoff_factor = 1.5
results = 3600

[functions.doomed]
attempts = 3
backoff_first = 0.1
"""


class Scene:
    """
    A server with a store and policies, and a PHP worker.
    """

    def __init__(self, servers: Starter, peers: Peers, folder: Path) -> None:
        self._servers = servers
        self._peers = peers
        self.folder = folder
        self.config = folder / "gearman.toml"
        self.config.write_text(POLICIES)
        self.server: JobServer

    async def start(self) -> None:
        """
        Start the server again, and a worker.
        """
        store = f"--store=sqlite:{self.folder}/jobs.db"
        self.server = await self._servers("txgearman", store, f"--config={self.config}")
        program = str(PROGRAMS / "flaky.php")
        self._peers.start("php", program, str(self.server.port))
        await untilServed(self.server.port, "flaky", 1)

    async def kill(self) -> None:
        """
        End the server as the lack of power does.
        """
        self.server.child.signal(signal.SIGKILL)
        await self.server.child.ended()

    async def submit(self, function: bytes, unique: bytes | None = None) -> bytes:
        """
        Submit a job in the background.

        @param unique: empty for none; as the function when L{None}.
        @return: its handle.
        """
        client = await connect(self.server.port)
        workload = str(self.folder / function.decode()).encode()
        unique = function if unique is None else unique
        client.send("SUBMIT_JOB_BG", function, unique, workload)
        handle = (await client.expect("JOB_CREATED")).body
        client.close()
        return handle

    async def untilWritten(self) -> None:
        """
        Wait until all that has happened is written. What nobody waits for is a little
        later; behind it, so is a new job.
        """
        await self.submit(b"other", unique=b"")

    def attempts(self, function: str) -> int:
        """
        How often the worker tried.
        """
        path = self.folder / function
        return len(path.read_text().splitlines()) if path.exists() else 0

    async def untilTried(self, function: str, times: int) -> None:
        """
        Wait until the worker has tried so often.
        """
        await until(
            lambda: self.attempts(function) >= times, f"{function} tried {times} times"
        )

    def admin(self) -> AdminClient:
        """
        Ask the server.
        """
        return AdminClient(reactor, f"127.0.0.1:{self.server.port}")

    async def result(self, handle: bytes) -> JobResult:
        """
        Wait for the result of a job that ends.
        """
        admin = self.admin()
        while True:
            result = await admin.result(handle)
            if result.ended:
                await admin.close()
                return result
            await pause(0.05)

    async def dead(self) -> list[DeadJobRow]:
        """
        Wait until there is a dead letter.
        """
        admin = self.admin()
        while True:
            dead = await admin.deadJobs()
            if dead:
                await admin.close()
                return dead
            await pause(0.05)


@pytest_twisted.ensureDeferred
async def test_php(servers: Starter, peers: Peers, tmp_path: Path) -> None:
    """
    A job that fails three times, in each way there is, succeeds under five attempts;
    one that never does ends in the dead letters. Requeued, it is tried again.
    """
    requirePhpGearman()
    scene = Scene(servers, peers, tmp_path)
    await scene.start()
    flaky = await scene.submit(b"flaky")
    doomed = await scene.submit(b"doomed")
    result = await scene.result(flaky)
    assert (result.state, result.attempts) == ("completed", 4)
    assert result.data == b"done in 4"
    [dead] = await scene.dead()
    assert (dead.handle, dead.function, dead.unique) == (doomed, b"doomed", b"doomed")
    assert (dead.attempts, dead.error) == (3, b"never")
    admin = scene.admin()
    await admin.requeueJob(doomed)
    await scene.untilTried("doomed", 6)
    [again] = await scene.dead()
    assert (again.handle, again.attempts) == (doomed, 3)
    assert again.died > dead.died
    await admin.close()


@pytest_twisted.ensureDeferred
async def test_killed(servers: Starter, peers: Peers, tmp_path: Path) -> None:
    """
    All of it is the same when the server is killed in between: while jobs wait for
    their next attempts, and while a result and a dead letter are kept.
    """
    requirePhpGearman()
    scene = Scene(servers, peers, tmp_path)
    slowly = POLICIES.replace("backoff_first = 0.", "backoff_first = 2.")
    scene.config.write_text(slowly)
    await scene.start()
    flaky = await scene.submit(b"flaky")
    doomed = await scene.submit(b"doomed")
    await scene.untilTried("flaky", 1)
    await scene.untilTried("doomed", 1)
    admin = scene.admin()
    while len(delayed := await admin.delayedJobs()) < 2:
        await pause(0.05)
    assert {job.handle for job in delayed} == {flaky, doomed}
    assert {job.attempts for job in delayed} == {1}
    await admin.close()
    await scene.untilWritten()
    await scene.kill()
    scene.config.write_text(POLICIES)
    await scene.start()
    result = await scene.result(flaky)
    assert (result.state, result.attempts) == ("completed", 4)
    [dead] = await scene.dead()
    assert (dead.handle, dead.attempts, dead.error) == (doomed, 3, b"never")
    await scene.untilWritten()
    await scene.kill()
    await scene.start()
    assert await scene.result(flaky) == result
    assert await scene.dead() == [dead]
    admin = scene.admin()
    await admin.requeueJob(doomed)
    # It is on the board and not among the dead, whatever happens from now on.
    await scene.kill()
    await admin.close()
    await scene.start()
    await scene.untilTried("doomed", 6)
    [again] = await scene.dead()
    assert (again.handle, again.attempts) == (doomed, 3)
    assert again.died > dead.died
