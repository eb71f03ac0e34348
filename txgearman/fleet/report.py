"""
What a Python child tells the master: lines of JSON.
"""

from __future__ import annotations

import json
from typing import Final

from txgearman.fleet.lines import Lines

_LONGEST: Final = 65536
"""
Bytes of a line. A longer one is not heard.
"""

_MOST: Final = 1000
"""
Jobs that are kept in mind, or functions.
"""

_NAME: Final = 512
"""
Characters that are kept of a handle, or of a function's name.
"""


class Report:
    """
    What a child has told of itself.

    @ivar ready: whether it serves its functions.
    @ivar draining: whether it takes no more jobs.
    @ivar functions: those that it serves.
    @ivar running: the functions of its current jobs, by their handles, in the order in
        which they began.
    @ivar jobs: how many it has done.
    """

    def __init__(self) -> None:
        self.ready = False
        self.draining = False
        self.functions: tuple[str, ...] = ()
        self.running: dict[str, str] = {}
        self.jobs = 0
        self._lines = Lines(_LONGEST, self._hear)

    def feed(self, data: bytes) -> None:
        """
        Take in what the child wrote. What cannot be understood is not heard.
        """
        self._lines.feed(data)

    @property
    def current(self) -> tuple[str, str]:
        """
        The function and the handle of the job that it began last, of those that it
        does; empty when it does none.
        """
        for handle in reversed(self.running):
            return self.running[handle], handle
        return "", ""

    def _hear(self, line: bytes, cut: bool) -> None:
        if cut:
            return
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            return
        if isinstance(said, dict):
            self._learn(said)

    def _learn(self, said: dict[str, object]) -> None:
        """
        Know what one line says.
        """
        if said.get("ready") is True:
            self.ready = True
        if said.get("draining") is True:
            self.draining = True
        functions = said.get("functions")
        if isinstance(functions, list):
            self.functions = tuple(str(one)[:_NAME] for one in functions[:_MOST])
        began = said.get("began")
        if isinstance(began, dict) and len(self.running) < _MOST:
            self.running[_text(began, "handle")] = _text(began, "function")
        ended = said.get("ended")
        if isinstance(ended, dict):
            self.running.pop(_text(ended, "handle"), None)
        jobs = said.get("jobs")
        if isinstance(jobs, int):
            self.jobs = jobs


def _text(said: dict[str, object], name: str) -> str:
    return str(said.get(name, ""))[:_NAME]
