"""
A Redis of a test's own.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from tests.functional.processes import PATIENCE, freePort, requirePeer


@define(eq=False)
class RedisServer:
    """
    A Redis on loopback that keeps its data in a folder, through any number of its
    processes.

    @ivar folder: an empty one at first.
    @ivar options: for the command line of C{redis-server}.
    """

    folder: Path
    options: tuple[str, ...] = ("--appendonly", "yes", "--appendfsync", "always")
    port: int = field(factory=freePort)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """
        Its socket in the file system.
        """
        return self.folder / "s"

    def url(self, name: str = "", /, **options: object) -> str:
        """
        What reaches it.

        @param name: user and password, with the C{@}.
        @param options: what is behind the question mark.
        """
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"redis://{name}127.0.0.1:{self.port}/0?{query}"

    def start(self) -> None:
        """
        Start a process, and wait until it has its data.
        """
        requirePeer("redis-server")
        self._process = subprocess.Popen(
            [
                "redis-server",
                *("--port", str(self.port), "--bind", "127.0.0.1", "--save", ""),
                *("--dir", str(self.folder), "--unixsocket", str(self.socket)),
                *("--logfile", str(self.folder / "log"), *self.options),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, "Redis never answered"
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.sendall(b"PING\r\n")
                said = probe.recv(100)
        except OSError:
            return False
        return said.startswith((b"+PONG", b"-NOAUTH"))

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        end = time.monotonic() + PATIENCE
        try:
            while process.poll() is None:
                assert time.monotonic() < end, "Redis never ended"
                # While its file is written anew, it does not end, and is to be asked
                # again.
                process.send_signal(number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(1.0)
        finally:
            # It must not be left behind, whatever kept it.
            process.kill()
            process.wait()

    def stop(self) -> None:
        """
        End it the soft way.
        """
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """
        End it as if it crashed.
        """
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """
        Let it hang.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """
        Let it go on.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
