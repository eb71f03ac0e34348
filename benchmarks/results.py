"""
The figures that benchmarks yield, and what is made of several rounds of them.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final

from attrs import define, field, frozen


@frozen
class Metric:
    """
    Something that is measured.

    @ivar title: the head of its column, with the unit.
    @ivar digits: how many digits stand behind the point.
    @ivar compared: whether its ratio to that of others is shown as well.
    """

    title: str
    digits: int = 0
    compared: bool = False


METRICS: Final = {
    "rate": Metric("a second", compared=True),
    "cpu": Metric("server CPU, µs each", 1, compared=True),
    "throughput": Metric("MiB a second", compared=True),
    "cpuPerMiB": Metric("server CPU, µs a MiB", compared=True),
    "p50": Metric("median, ms", 2),
    "p99": Metric("99 of 100 within, ms", 2),
    "small": Metric("small: a second"),
    "large": Metric("large: a second"),
    "kept": Metric("rate, large / small", 2),
    "cpuSmall": Metric("small: server CPU, µs each", 1),
    "cpuLarge": Metric("large: server CPU, µs each", 1),
    "cpuGrown": Metric("CPU, large / small", 2),
    "perJob": Metric("bytes a job", compared=True),
    "peak": Metric("MiB when full"),
    "drained": Metric("MiB when drained"),
    "givenBack": Metric("% given back"),
    "perWorker": Metric("bytes a worker", compared=True),
    "woken": Metric("woken by a job", 2),
    "granted": Metric("ms until granted", 2),
    "slowest": Metric("ms, the slowest", 2),
    "calls": Metric("calls a second", compared=True),
    "callCpu": Metric("its CPU, µs a call", 1, compared=True),
    "done": Metric("jobs a second", compared=True),
    "doneCpu": Metric("its CPU, µs a job", 1, compared=True),
}
"""
All that is measured, in the order of the columns, by the names that the figures
in C{results.json} have.
"""

Figures = dict[str, float]
"""What one round of a case yields, by the names of metrics."""


@frozen
class Row:
    """
    The figures of one contestant in one case.

    @ivar case: what was played.
    @ivar subject: the server or the library.
    @ivar rounds: the figures of each round.
    """

    case: str
    subject: str
    rounds: list[Figures] = field(factory=list)

    @property
    def metrics(self) -> tuple[str, ...]:
        """
        The names of what was measured, in the order of the columns.
        """
        return tuple(name for name in METRICS if self.median(name) is not None)

    def median(self, metric: str) -> float | None:
        """
        @return: L{None} where that was not measured.
        """
        values = [figures[metric] for figures in self.rounds if metric in figures]
        return statistics.median(values) if values else None

    def ratio(self, metric: str, other: Row) -> float | None:
        """
        Compare with another contestant, round by round: what slows the machine
        down for a while slows both.

        @return: the median of the ratios; L{None} where there is none.
        """
        ratios = [
            mine[metric] / theirs[metric]
            for mine, theirs in zip(self.rounds, other.rounds, strict=False)
            if mine.get(metric) and theirs.get(metric)
        ]
        return statistics.median(ratios) if ratios else None


@define
class Table:
    """
    What a group of benchmarks yields.

    @ivar name: the name of the group.
    @ivar title: what it is about, for a reader.
    @ivar references: the subjects that all others are compared with.
    """

    name: str
    title: str
    references: Sequence[str]
    _rows: dict[tuple[str, str], Row] = field(factory=dict)

    def add(self, case: str, subject: str, figures: Figures) -> None:
        """
        Add the figures of a round.

        @raise ValueError: for a figure of no known metric.
        """
        unknown = figures.keys() - METRICS.keys()
        if unknown:
            raise ValueError(f"no such metric: {', '.join(sorted(unknown))}")
        row = self._rows.setdefault((case, subject), Row(case, subject))
        row.rounds.append(figures)

    @property
    def rows(self) -> list[Row]:
        """
        All rows, those of a case together, in the order of the cases.
        """
        cases = {row.case: None for row in self._rows.values()}
        return [row for case in cases for row in self.rowsOf(case)]

    def rowsOf(self, case: str) -> list[Row]:
        """
        The rows of one case.
        """
        return [row for row in self._rows.values() if row.case == case]

    def find(self, case: str, subject: str) -> Row | None:
        """
        The row of one subject in one case, if there is one.
        """
        return self._rows.get((case, subject))


@define
class Results:
    """
    What a run yields.

    @ivar notes: what was left out, and why.
    @ivar failures: what could not be played to its end, and why.
    """

    tables: list[Table] = field(factory=list)
    notes: list[str] = field(factory=list)
    failures: list[str] = field(factory=list)
