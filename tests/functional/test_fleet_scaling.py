"""
Autoscaling and the control socket, with real children: C{twistd gearman-worker} and
C{txgearadmin fleet}.
"""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import pytest_twisted
from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from tests.functional.fleet import Fleet, nameOf, startingFleet
from tests.functional.masters import MASTER, Master, startMaster
from tests.functional.processes import (
    PATIENCE,
    TXGEARADMIN,
    Child,
    JobServer,
    pause,
    spawn,
    until,
)
from txgearman.admin import AdminClient
from txgearman.fleet.settings import CONTROL

fleet = startingFleet
onlyOurs = pytest.mark.parametrize("fleet", ["txgearman"], indirect=True)

# A function that tells of each job in a file.
SLOW = """
    import os, time

    def run(job):
        time.sleep(0.02)
        with open(os.environ["DONE"], "ab", 0) as file:
            file.write(job.data + b"\\n")
        return job.data
"""

SCALED = """
    [groups.jobs]
    target = "functions/"
    min = 1
    max = 5
    look = 0.1
    cooldown = 3
"""
FIXED = """
    [groups.jobs]
    target = "functions/"
    count = 2
"""


@define(eq=False)
class Place:
    """
    A folder for a master and its tool, with the function C{slow}.
    """

    folder: Path
    _masters: list[Master] = field(factory=list)

    @property
    def socket(self) -> Path:
        """
        Where the control socket is to be.
        """
        return self.folder / CONTROL

    @property
    def config(self) -> Path:
        """
        The file of the fleet.
        """
        return self.folder / "fleet.toml"

    @property
    def done(self) -> list[bytes]:
        """
        The workloads of the jobs that were done.
        """
        path = self.folder / "done"
        return path.read_bytes().splitlines() if path.exists() else []

    async def master(self, server: JobServer, groups: str) -> Master:
        """
        Start a master.
        """
        functions = self.folder / "functions"
        functions.mkdir(exist_ok=True)
        (functions / "slow.py").write_text(dedent(SLOW))
        self.config.write_text(f'servers = ["{nameOf(server)}"]\n{dedent(groups)}')
        done = {"DONE": str(self.folder / "done")}
        master = await startMaster(self.folder, f"--config={self.config}", env=done)
        self._masters.append(master)
        return master

    async def tool(self, *words: str) -> Child:
        """
        Run C{txgearadmin fleet} to its end.
        """
        tool = spawn([*TXGEARADMIN, "fleet", *words], cwd=str(self.folder), stdin=b"")
        await tool.ended()
        return tool

    async def tells(self, *words: str) -> None:
        """
        Run it; it does what it is told.
        """
        tool = await self.tool(*words)
        said = tool.status, tool.output, tool.errors
        assert said == (0, b"OK\n", b""), said

    async def counts(self, master: Master, jobs: int) -> None:
        """
        Wait until its children say that they did so many jobs.
        """
        for _ in range(int(PATIENCE / 0.05)):
            if sum(child["jobs"] for child in await master.rows()) == jobs:
                return
            await pause(0.05)
        raise AssertionError(f"not {jobs} jobs: {await master.rows()}")

    async def refused(self, *words: str) -> bytes:
        """
        Run it; it does not.

        @return: why, in a line.
        """
        tool = await self.tool(*words)
        assert (tool.status, tool.output) == (1, b"")
        assert tool.errors.count(b"\n") == 1, tool.errors
        return tool.errors

    async def ends(self) -> None:
        """
        Let all of them end.
        """
        for master in self._masters:
            master.child.signal(signal.SIGTERM)
            await master.child.ended()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """
    A place whose masters end with the test.
    """
    made = Place(tmp_path)
    yield made
    pytest_twisted.blockon(Deferred.fromCoroutine(made.ends()))


async def groupOf(master: Master) -> dict[str, Any]:
    """
    Look at the group.
    """
    [group] = await master.tell(do="list")
    found: dict[str, Any] = group
    return found


@pytest_twisted.ensureDeferred
async def test_autoscaling(fleet: Fleet, place: Place) -> None:
    """
    500 queued jobs grow a group to its maximum, and an empty queue shrinks it to its
    minimum; each job is done once, also those of children that are told to end.
    """
    server = await fleet.server()
    client = fleet.client(server)
    master = await place.master(server, SCALED)
    await master.running(1)
    jobs = [b"%d" % number for number in range(500)]
    await gatherResults([client.background("slow", job) for job in jobs])
    await master.running(5)

    await until(lambda: len(place.done) >= 500, "all jobs are done")
    await master.running(1)
    assert (await groupOf(master))["count"] == 1
    assert sorted(place.done) == sorted(jobs)
    admin = AdminClient(reactor, nameOf(server))
    [row] = [row for row in await admin.status() if row.function == b"slow"]
    await admin.close()
    assert (row.total, row.running) == (0, 0)
    # In one step, or in several: what was wanted in the last seconds counts.
    await master.logged("group jobs has 1 children instead of")


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_byHand(fleet: Fleet, place: Place) -> None:
    """
    A group that is scaled by hand stays so, until it is resumed.
    """
    master = await place.master(await fleet.server(), SCALED)
    await master.running(1)
    await place.tells("scale", "jobs", "3")
    await master.running(3)
    group = await groupOf(master)
    assert (group["count"], group["held"]) == (3, True)
    await place.tells("resume", "jobs")
    assert not (await groupOf(master))["held"]
    await master.running(1)


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_telling(fleet: Fleet, place: Place) -> None:
    """
    A group is looked at, paused, resumed and restarted with C{txgearadmin fleet}.
    """
    server = await fleet.server()
    master = await place.master(server, FIXED)
    assert stat.S_IMODE(os.stat(place.socket).st_mode) == 0o600
    first = await master.running(2)

    tool = await place.tool("--json")
    [group] = json.loads(tool.output)
    assert (group["group"], group["count"], group["max"]) == ("jobs", 2, None)
    assert [child["pid"] for child in group["children"]] == first
    assert [child["functions"] for child in group["children"]] == 2 * [["slow"]]
    tool = await place.tool("list", "--control", str(place.socket))
    lines = tool.output.decode().splitlines()
    assert lines[0].split() == ["group", "wanted", "children", "bounds", "state"]
    assert [int(line.split()[2]) for line in lines[4:]] == first

    assert await fleet.client(server).call("slow", b"x") == b"x"
    await place.counts(master, 1)

    await place.tells("restart", "--wait")
    second = await master.running(2, without=first)
    await place.tells("pause", "jobs")
    await master.running(0)
    await place.tells("resume", "jobs")
    third = await master.running(2, without=second)
    await place.tells("scale", "jobs", "1")
    [last] = await master.running(1)
    assert last in third


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_errors(fleet: Fleet, place: Place) -> None:
    """
    What cannot be is one line and the exit status 1, also where no master is.
    """
    assert await place.refused() == (
        b"txgearadmin: no gearman-worker is at gearman-worker.sock: No such file or"
        b" directory\n"
    )
    master = await place.master(await fleet.server(), FIXED)
    assert await place.refused("pause", "fast") == (
        b"txgearadmin: there is no group 'fast'; there are: jobs\n"
    )
    assert b"1001" in await place.refused("scale", "jobs", "1001")

    # There is no second master at the same socket, and the first one stays.
    folder = str(place.folder)
    second = spawn([*MASTER, f"--config={place.config}"], cwd=folder)
    assert await second.ended() == 1
    said = second.errors + second.output
    assert b"another gearman-worker has the control socket" in said
    assert b"Traceback" not in said
    await master.running(2)
    await master.stop()
    assert not place.socket.exists()


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_killed(fleet: Fleet, place: Place) -> None:
    """
    The socket of a master that was killed is in nobody's way.
    """
    server = await fleet.server()
    first = await place.master(server, FIXED)
    await first.running(2)
    first.child.signal(signal.SIGKILL)
    await first.child.ended()
    assert place.socket.exists()
    assert await place.refused() == (
        b"txgearadmin: no gearman-worker is at gearman-worker.sock: Connection"
        b" refused\n"
    )
    again = await place.master(server, FIXED)
    await again.running(2)
    await first.gone()
    await again.running(2)
