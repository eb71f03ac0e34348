"""
What a Python child tells its master: lines of JSON, on a pipe.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from typing import Any, Final

from twisted.internet.interfaces import IReactorFDSet, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

VARIABLE: Final = "TXGEARMAN_REPORT"
"""
The environment variable that has the number of the pipe.
"""

_LONGEST_LINE: Final = 60_000
"""
Bytes of a line. Functions that do not fit in it are left out.
"""

_MOST_WAITING: Final = 1 << 20
"""
Bytes that wait for a master that does not read. What comes then is left out.
"""


@implementer(IWriteDescriptor)
class Reporter:
    """
    Writes reports, and never waits: what the pipe does not take yet is kept, and
    what nobody will ever read is dropped.
    """

    def __init__(self, reactor: IReactorFDSet, descriptor: int | None) -> None:
        """
        @param descriptor: the pipe; L{None} for nowhere. It is closed when nobody
            reads it any more.
        """
        self._reactor = reactor
        self._descriptor = descriptor
        self._waiting = bytearray()
        if descriptor is not None:
            os.set_blocking(descriptor, False)

    def ready(self, functions: Iterable[str]) -> None:
        """
        The child serves its functions.
        """
        names: list[str] = []
        room = _LONGEST_LINE
        for name in map(readable, functions):
            room -= len(json.dumps(name)) + 2
            if room < 0:
                break
            names.append(name)
        self._say({"ready": True, "functions": names})

    def began(self, handle: bytes, function: str) -> None:
        """
        A job began.
        """
        job = {"handle": readable(handle), "function": readable(function)}
        self._say({"began": job})

    def ended(self, handle: bytes, jobs: int) -> None:
        """
        A job is over.

        @param jobs: how many were done by now.
        """
        self._say({"ended": {"handle": readable(handle)}, "jobs": jobs})

    def draining(self) -> None:
        """
        The child takes no more jobs.
        """
        self._say({"draining": True})

    def _say(self, report: dict[str, Any]) -> None:
        if self._descriptor is None or len(self._waiting) > _MOST_WAITING:
            return
        waited = bool(self._waiting)
        self._waiting += json.dumps(report).encode() + b"\n"
        if not waited and self._write() and self._waiting:
            self._reactor.addWriter(self)

    def _write(self) -> bool:
        """
        Write what the pipe takes.

        @return: whether there is anybody who reads it.
        """
        assert self._descriptor is not None
        try:
            del self._waiting[: os.write(self._descriptor, self._waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self._waiting.clear()
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)
            return False
        return True

    # A write descriptor, while something waits

    def doWrite(self) -> None:
        """
        The pipe takes more.
        """
        if not self._waiting:
            self._reactor.removeWriter(self)
            return
        # While the reactor still knows the number: it is closed when nobody reads.
        self._reactor.removeWriter(self)
        if self._write() and self._waiting:
            self._reactor.addWriter(self)

    def fileno(self) -> int:
        """
        The pipe.
        """
        return -1 if self._descriptor is None else self._descriptor

    def logPrefix(self) -> str:
        """
        What it is called in the log.
        """
        return "reporter"

    def connectionLost(self, reason: Failure) -> None:
        """
        Nobody reads it any more.
        """
        self._waiting.clear()
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def reportingOn(variables: MutableMapping[str, str]) -> int | None:
    """
    Find the pipe. Programs that this one starts are not given it.

    @param variables: the environment, without it afterwards.
    @return: L{None} when there is none.
    """
    text = variables.pop(VARIABLE, "")
    if not (text.isascii() and text.isdecimal()):
        return None
    descriptor = int(text)
    with suppress(OSError, OverflowError):
        os.set_inheritable(descriptor, False)
        return descriptor
    return None


def readable(name: str | bytes) -> str:
    """
    A name as text that is Unicode, whatever came off the wire.
    """
    if isinstance(name, str):
        name = name.encode("utf-8", "surrogateescape")
    return name.decode("utf-8", "backslashreplace")
