"""
The server that is killed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

from tests.crash import packets as p

PATIENCE: Final = 20.0
"""How long it may take to start, or to stop, in seconds."""

# What a server must never say; and what it may say of a store only if that is down.
_ALARMS: Final = (
    b"Traceback",
    b"Unhandled",
    b"[-#critical]",
    b"cannot be read",
    b"set aside",
    b"is damaged",
    b"could not be",
)
_OUTAGES: Final = (b"the store does not work",)


class Server:
    """
    A process that serves a store.

    @ivar readyAfter: how long it took to answer, in seconds.
    """

    def __init__(self, folder: Path, port: int, url: str) -> None:
        """
        Start it.

        @param folder: where its log goes.
        """
        self.port = port
        self.readyAfter = 0.0
        self._log = folder / "server.log"
        self._begun = time.monotonic()
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-c"),
                    "from twisted.scripts.twistd import run; run()",
                    *("--nodaemon", "--pidfile=", "gearman"),
                    *(f"--port={port}", "--listen=127.0.0.1", f"--store={url}"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,
            )

    @property
    def status(self) -> int | None:
        """
        Its exit status, once it ended; negative for a signal.
        """
        return self._process.poll()

    def ready(self) -> bool:
        """
        Wait until it answers.

        @return: whether it does, in time.
        """
        while time.monotonic() < self._begun + PATIENCE and self.status is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1.0) as probe:
                    probe.settimeout(PATIENCE)
                    probe.sendall(p.request(p.ECHO_REQ, b"ready"))
                    if probe.recv(100).endswith(b"ready"):
                        self.readyAfter = time.monotonic() - self._begun
                        return True
            except OSError:
                time.sleep(0.01)
        return False

    def waiting(self) -> Counter[tuple[bytes, int]]:
        """
        Ask how many jobs wait, by function and priority.
        """
        said = b""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as asking:
            asking.sendall(b"prioritystatus\n")
            while not said.endswith(b".\n") and (more := asking.recv(65536)):
                said += more
        waiting: Counter[tuple[bytes, int]] = Counter()
        for line in said.split(b"\n")[:-2]:
            function, *counts, _ = line.split(b"\t")
            for priority, many in enumerate(counts):
                waiting[function, priority] = int(many)
        return +waiting

    def kill(self) -> None:
        """
        End it the hard way, and all that it has started.
        """
        if self.status is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def signal(self, number: int) -> None:
        """
        Ask it to end.
        """
        self._process.send_signal(number)

    def complaints(self, outage: bool = False) -> list[str]:
        """
        The lines of its log that nobody wants to read.

        @param outage: whether the store was down.
        """
        alarms = _ALARMS if outage else (*_ALARMS, *_OUTAGES)
        lines = self._log.read_bytes().splitlines()
        found = [
            index
            for index, line in enumerate(lines)
            if any(alarm in line for alarm in alarms)
        ]
        if not found:
            return []
        first = found[0]
        shown = lines[first : first + 25]
        return [line.decode("utf-8", "replace") for line in shown]

    def log(self) -> str:
        """
        All that it said.
        """
        return self._log.read_text("utf-8", "replace")
