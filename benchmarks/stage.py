"""
What the groups of benchmarks are played on: the servers, how much is asked of
them, and where the figures go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from benchmarks.errors import BenchmarkError
from benchmarks.results import Results, Table
from benchmarks.servers import RunningServer, Server, started


@frozen
class Stage:
    """
    The circumstances of a run.

    @ivar servers: those to compare; the others are compared with the first.
    @ivar rounds: how often everything is played.
    @ivar scale: by what all amounts of work are multiplied.
    @ivar files: how many open files a process may have.
    @ivar say: tells the user how it goes.
    """

    servers: Sequence[Server]
    rounds: int
    scale: float
    files: int
    results: Results
    say: Callable[[str], object]

    def amount(self, full: int, least: int = 1) -> int:
        """
        Scale an amount of work.
        """
        return max(least, round(full * self.scale))

    @property
    def volatile(self) -> list[Server]:
        """
        The servers that keep their jobs in memory.
        """
        return [server for server in self.servers if not server.durable]

    def table(
        self, name: str, title: str, references: Sequence[str] | None = None
    ) -> Table:
        """
        Begin the table of a group.

        @param references: by default the first of the servers.
        """
        if references is None:
            references = [server.name for server in self.servers[:1]]
        table = Table(name, title, references)
        self.results.tables.append(table)
        return table

    def leaveOut(self, what: str) -> None:
        """
        Note that something is not played, once.
        """
        if what not in self.results.notes:
            self.results.notes.append(what)
            self.say(what)

    def inTurn(
        self,
        group: str,
        servers: Sequence[Server],
        play: Callable[[RunningServer], object],
        rounds: int | None = None,
    ) -> None:
        """
        Play a scene on each server in turn, round after round, on a server that
        was just started. A server that fails is noted, and left alone.
        """
        failed = set()
        for number in range(self.rounds if rounds is None else rounds):
            for server in servers:
                if server.name in failed:
                    continue
                self.say(f"{group}: {server.name}, round {number + 1}")
                try:
                    with started(server) as serving:
                        play(serving)
                except BenchmarkError as error:
                    failed.add(server.name)
                    self.fail(f"{group}, {server.name}: {error}")

    def fail(self, what: str) -> None:
        """
        Note that something could not be played to its end.
        """
        self.results.failures.append(what)
        self.say(what)
