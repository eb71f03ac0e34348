"""
Masters of fleets as child processes of a test.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from attrs import define
from twisted.internet import reactor

from tests.functional.processes import PATIENCE, Child, pause, spawn, until
from txgearman.fleet.telling import NoMaster, tell

TWISTD = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]

MASTER = [*TWISTD, "--nodaemon", "--pidfile=", "gearman-worker"]

Row = dict[str, Any]

# The variable that all children of a master have.
_MARK = "TXGEARMAN_TEST"


@define(eq=False)
class Master:
    """
    A master of a fleet.

    @ivar child: its process.
    @ivar folder: where it runs.
    @ivar mark: what its environment, and that of its children, has.
    """

    child: Child
    folder: Path
    mark: str

    @property
    def log(self) -> str:
        """
        What it has logged.
        """
        return (self.child.output + self.child.errors).decode("utf-8", "replace")

    async def logged(self, text: str, times: int = 1) -> None:
        """
        Wait until it has logged something, so often.
        """
        try:
            await until(
                lambda: self.child.status is not None or self.log.count(text) >= times,
                text,
            )
        finally:
            assert self.log.count(text) >= times, self.log

    async def tell(self, **request: object) -> Any:
        """
        Tell it something by its control socket.
        """
        return await tell(reactor, str(self.folder / "gearman-worker.sock"), request)

    async def rows(self, group: str = "jobs") -> list[Row]:
        """
        All about the children of a group.
        """
        for found in await self.tell(do="list"):
            if found["group"] == group:
                rows: list[Row] = found["children"]
                return rows
        return []

    async def running(
        self, count: int, group: str = "jobs", without: Sequence[int] = ()
    ) -> list[int]:
        """
        Wait until so many children are there, and no others.

        @param without: process ids of such as there must not be any more.
        @return: their process ids, by their numbers.
        """
        rows: list[Row] = []
        for _ in range(int(PATIENCE / 0.05)):
            rows = await self.rows(group)
            pids = [row["pid"] for row in rows if row["state"] == "ready"]
            if len(pids) == len(rows) == count and not set(pids) & set(without):
                return pids
            await pause(0.05)
        raise AssertionError(f"not {count} children without {without}: {rows}")

    def processes(self) -> list[int]:
        """
        The processes that there are of it, itself among them.
        """
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    variables = (entry / "environ").read_bytes()
                except OSError:
                    continue
                if f"{_MARK}={self.mark}".encode() in variables:
                    found.append(int(entry.name))
        return found

    async def gone(self) -> None:
        """
        Wait until nothing is left of it.
        """
        await until(lambda: not self.processes(), "the end of all its processes")

    async def stop(self) -> None:
        """
        Tell it to end, which it does in order: by the signal, as twistd does, when it
        has nothing left.
        """
        self.child.signal(signal.SIGTERM)
        assert await self.child.ended() == -signal.SIGTERM, self.log
        assert "all children have stopped" in self.log
        assert not self.processes(), self.log


async def startMaster(
    folder: Path,
    *options: str,
    env: dict[str, str] | None = None,
    terminal: bool = False,
) -> Master:
    """
    Start one, and wait until it listens on its control socket.

    @param options: of C{twistd gearman-worker}.
    """
    mark = uuid4().hex
    variables = {_MARK: mark, **(env or {})}
    child = spawn(
        [*MASTER, *options], env=variables, cwd=str(folder), terminal=terminal
    )
    master = Master(child, folder, mark)
    while True:
        try:
            await master.tell(do="list")
        except NoMaster:
            assert child.status is None, master.log
            await pause(0.02)
        else:
            return master
