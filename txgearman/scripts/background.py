"""
A tool as a process in the background, and the file that says which one it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def detach() -> None:
    """
    Go on as a process of its own, without a terminal, and end the one that was
    started. To be called before there is a reactor or a thread.
    """
    if os.fork():
        os._exit(0)
    os.setsid()
    # Who leads no session can get no terminal.
    if os.fork():
        os._exit(0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


@contextmanager
def pidFile(path: str | None) -> Iterator[None]:
    """
    Keep the process id in a file, unless C{path} is L{None}.

    @raise OSError: when it cannot be written.
    """
    if path is None:
        yield
        return
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)
