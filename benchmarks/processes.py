"""
Child processes, with all that they start in turn: what they cost, and their end.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from benchmarks.errors import BenchmarkError

ROOT: Final = Path(__file__).parents[1]
"""Where the project is; child processes import from there."""

# Where there is setpriv, even a killed benchmark leaves no child behind.
_LEASH: Final = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def openFiles(wanted: int) -> int:
    """
    Raise the limit of open files for this process and its children.

    @return: what the limit is now; less than wanted, where the system allows no
        more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return soft
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
        return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    return min(wanted, hard)


@frozen
class Tree:
    """
    A child process and its descendants.

    @ivar log: the file that holds their stdout and stderr.
    """

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        """
        Whether the child itself still runs.
        """
        return self.process.poll() is None

    def said(self) -> str:
        """
        @return: the end of what they wrote.
        """
        return self.log.read_text(errors="replace")[-500:].strip()

    def _processes(self) -> Iterator[int]:
        waiting = [self.process.pid]
        while waiting:
            process = waiting.pop()
            yield process
            with suppress(OSError):
                for children in Path(f"/proc/{process}/task").glob("*/children"):
                    waiting += map(int, children.read_text().split())

    def cpu(self) -> float:
        """
        @return: the CPU time of those that run now, user and system, in seconds.
        """
        total = 0.0
        for process in self._processes():
            # Linux's number of the clock of another process: nanoseconds, where
            # /proc/PID/stat has hundredths of a second.
            with suppress(OSError):
                total += time.clock_gettime((~process << 3) | 2)
        return total

    def memory(self) -> int:
        """
        @return: their resident memory, in bytes.
        """
        total = 0
        for process in self._processes():
            with suppress(OSError):
                pages = Path(f"/proc/{process}/statm").read_text().split()[1]
                total += int(pages) * _PAGE
        return total


@contextmanager
def running(command: Sequence[str], folder: Path) -> Iterator[Tree]:
    """
    Run a program in a folder. It ends with the block, the hard way, and so does
    everything that it started.

    @raise BenchmarkError: when there is no such program.
    """
    log = folder / "log"
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                [*_LEASH, *command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C is for this process, which then ends its children.
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        except OSError as error:
            raise BenchmarkError(f"{command[0]}: {error.strerror}") from error
    try:
        yield Tree(process, log)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
