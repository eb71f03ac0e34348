"""
Progress bars, on a terminal.
"""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from txgearman.client.job import JobProgress, RemoteJob
from txgearman.errors import GearmanError
from txgearman.scripts.printing import PlainPrinter


class BarPrinter(PlainPrinter):
    """
    Prints as a L{PlainPrinter}, but shows progress as a bar for each job, which
    goes when the job is over, and out of the way of what else is printed.
    """

    def __init__(self, *, prefix: bool = False, handles: bool = False) -> None:
        super().__init__(prefix=prefix, handles=handles)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(),
            # No thread: it moves when the worker says so.
            auto_refresh=False,
            transient=True,
        )
        self._bars: dict[RemoteJob[bytes], TaskID] = {}

    def statusReceived(
        self, job: RemoteJob[bytes], numerator: int, denominator: int
    ) -> None:
        """
        Move its bar.
        """
        if job not in self._bars:
            self._bars[job] = self._progress.add_task(job.function, total=1.0)
        fraction = JobProgress(numerator, denominator).fraction
        self._progress.start()
        self._progress.update(self._bars[job], completed=fraction, refresh=True)

    def completed(self, job: RemoteJob[bytes], result: bytes) -> None:
        """
        Take its bar away, and print the result.
        """
        self._remove(job)
        super().completed(job, result)

    def warningReceived(self, job: RemoteJob[bytes], data: bytes) -> None:
        """
        Print a warning.
        """
        self._progress.stop()
        super().warningReceived(job, data)

    def failed(
        self, function: str, error: GearmanError, job: RemoteJob[bytes] | None
    ) -> None:
        """
        Take its bar away, and say why there is no result.
        """
        self._remove(job)
        self._progress.stop()
        super().failed(function, error, job)

    def _remove(self, job: RemoteJob[bytes] | None) -> None:
        if job is not None and job in self._bars:
            self._progress.remove_task(self._bars.pop(job))

    def finished(self) -> None:
        """
        Leave the terminal as it was.
        """
        self._progress.stop()

    def _out(self, function: str, data: bytes) -> None:
        self._progress.stop()
        super()._out(function, data)
