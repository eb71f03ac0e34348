"""
The results as pictures, one for each group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from benchmarks.results import METRICS, Results, Row, Table

SHOWN: Final = {
    "serving": [("rate", "cpu"), ("throughput", "cpuPerMiB")],
    "memory": [("perJob", "peak"), ("drained", "cpu")],
    "sleepers": [("perWorker", "granted")],
    "scale": [("kept", "cpuGrown")],
    "libraries": [("calls", "callCpu"), ("done", "doneCpu")],
    "durable": [("rate", "cpu")],
}
"""
The pairs of metrics that stand side by side in the picture of each group, each
pair for the cases that have both.
"""


def plot(folder: Path, results: Results) -> list[Path]:
    """
    Draw the results.

    @return: the pictures, C{GROUP.png}.
    @raise ModuleNotFoundError: without matplotlib.
    """
    figures = import_module("matplotlib.figure")
    drawn = []
    for table in results.tables:
        if table.rows:
            path = folder / f"{table.name}.png"
            _draw(figures, table).savefig(path, dpi=120)
            drawn.append(path)
    return drawn


@frozen
class _Part:
    """
    The cases of a picture in which the same was measured.
    """

    metrics: Sequence[str]
    cases: dict[str, list[Row]]

    @classmethod
    def of(cls, table: Table, metrics: Sequence[str]) -> _Part:
        """
        Gather the rows that have all of the metrics.
        """
        cases: dict[str, list[Row]] = {}
        for row in table.rows:
            if all(row.median(metric) for metric in metrics):
                cases.setdefault(row.case, []).append(row)
        return cls(metrics, cases)

    @property
    def height(self) -> float:
        """
        How much room it takes, in inches.
        """
        return 0.7 + sum(0.25 + 0.17 * len(rows) for rows in self.cases.values())


def _draw(figures: Any, table: Table) -> Any:
    shown = [_Part.of(table, metrics) for metrics in SHOWN[table.name]]
    parts = [part for part in shown if part.cases] or shown[:1]
    heights = [part.height for part in parts]
    figure = figures.Figure(figsize=(13, 1 + sum(heights)), layout="constrained")
    figure.suptitle(table.title)
    colors = {row.subject: "" for row in table.rows}
    colors = {subject: f"C{number}" for number, subject in enumerate(colors)}
    grid = figure.subplots(
        len(parts), 2, sharey="row", squeeze=False, height_ratios=heights
    )
    for part, pair in zip(parts, grid, strict=True):
        for axes, metric in zip(pair, part.metrics, strict=True):
            _dots(axes, part, metric, colors)
    handles = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(), handles, loc="outside lower center", ncols=len(handles) or 1
    )
    return figure


def _dots(axes: Any, part: _Part, metric: str, colors: Mapping[str, str]) -> None:
    """
    Draw one metric: the cases from top to bottom, in each a dot for each subject,
    on a logarithmic scale, as cases differ by orders of magnitude.
    """
    edge = 0.0
    middles = []
    for rows in part.cases.values():
        for number, row in enumerate(rows):
            value = row.median(metric) or 0.0
            place = edge + 1 + number
            axes.plot(value, place, "o", color=colors[row.subject], label=row.subject)
            axes.annotate(
                _brief(value),
                (value, place),
                xytext=(7, 0),
                textcoords="offset points",
                verticalalignment="center",
                fontsize=7,
            )
        middles.append(edge + (len(rows) + 1) / 2)
        edge += len(rows) + 1.5
        axes.axhline(edge - 0.25, color="0.9", linewidth=0.8)
    axes.set_yticks(middles, list(part.cases))
    axes.set_ylim(edge, 0)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.xaxis.set_minor_formatter("")
    axes.set_title(METRICS[metric].title, fontsize=10)
    axes.grid(axis="x", color="0.9", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


def _brief(value: float) -> str:
    """
    @return: a number with three digits, or all before the point.
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
