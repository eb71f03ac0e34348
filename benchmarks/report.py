"""
The results as a page and as data: C{results.md} and C{results.json}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from benchmarks.results import METRICS, Results, Row, Table

NOTHING = "-"
"""What stands in a table where nothing was measured."""


def writeReport(folder: Path, about: Mapping[str, str], results: Results) -> Path:
    """
    Write the page and the data.

    @param about: what the circumstances were, by their names.
    @return: the page.
    """
    page = folder / "results.md"
    page.write_text("\n".join(_page(about, results)) + "\n")
    data = {
        "about": dict(about),
        "notes": results.notes,
        "failures": results.failures,
        "groups": {table.name: _data(table) for table in results.tables},
    }
    (folder / "results.json").write_text(json.dumps(data, indent=1) + "\n")
    return page


def _data(table: Table) -> list[dict[str, object]]:
    return [
        {"case": row.case, "subject": row.subject, "rounds": row.rounds}
        for row in table.rows
    ]


def _page(about: Mapping[str, str], results: Results) -> Iterator[str]:
    yield "# Results"
    yield ""
    yield from _grid(["", ""], [list(item) for item in about.items()], 2)
    for table in results.tables:
        if table.rows:
            yield ""
            yield from section(table)
    for title, lines in [
        ("Left out", results.notes),
        ("Failed", results.failures),
    ]:
        if lines:
            yield from ["", f"## {title}", ""]
            yield from [f"- {line}" for line in lines]


def section(table: Table) -> Iterator[str]:
    """
    Show a table as lines of Markdown: the medians of all rounds, and how they
    compare with those of the table's references. Cases in which different things
    were measured stand apart.
    """
    yield f"## {table.title}"
    for names, rows in _alike(table).items():
        columns = list(_columns(table, names))
        yield ""
        yield from _grid(
            ["case", "", *(column.title for column in columns)],
            [
                [row.case, row.subject, *(column.cell(row) for column in columns)]
                for row in rows
            ],
            2,
        )


def _alike(table: Table) -> dict[tuple[str, ...], list[Row]]:
    """
    @return: the rows by what was measured.
    """
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in table.rows:
        alike.setdefault(row.metrics, []).append(row)
    return alike


@frozen
class _Column:
    """
    A column of figures.

    @ivar reference: whose figures they are compared with, if they are.
    """

    table: Table
    metric: str
    reference: str | None = None

    @property
    def title(self) -> str:
        return (
            METRICS[self.metric].title
            if self.reference is None
            else (f"/ {self.reference}")
        )

    def cell(self, row: Row) -> str:
        if self.reference is None:
            value = row.median(self.metric)
            digits = METRICS[self.metric].digits
        else:
            other = self.table.find(row.case, self.reference)
            value = None if other is None else row.ratio(self.metric, other)
            digits = 2
        return NOTHING if value is None else f"{value:,.{digits}f}"


def _columns(table: Table, names: Sequence[str]) -> Iterator[_Column]:
    for name in names:
        yield _Column(table, name)
        if METRICS[name].compared:
            for reference in table.references:
                yield _Column(table, name, reference)


def _grid(
    heads: Sequence[str], rows: Sequence[Sequence[str]], words: int
) -> Iterator[str]:
    """
    @param words: how many of the columns are words; the others are numbers.
    """
    lines = ["---" if i < words else "---:" for i in range(len(heads))]
    for cells in [heads, lines, *rows]:
        yield f"| {' | '.join(cells)} |"
