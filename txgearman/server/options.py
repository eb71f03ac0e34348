"""
The command line of C{twistd gearman}.

Options that gearmand has too have its names and mean the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from math import inf, nan
from typing import Any

from twisted.python import usage

from txgearman.board.policy import Policy, checkHandlePrefix, defaultHandlePrefix
from txgearman.busypoll import AWAKE
from txgearman.connection.sockets import Keepalive
from txgearman.errors import BadSetting
from txgearman.server.commandline import CommandLine
from txgearman.server.configuration import Configuration, readConfiguration
from txgearman.server.settings import Settings
from txgearman.stores.interface import IJobStore
from txgearman.stores.opening import storeFromURL
from txgearman.wire.codec import Limits
from txgearman.wire.packets import PORT

_Read = Callable[[str], Any]


def _number(kind: type[int] | type[float], low: float, high: float = inf) -> _Read:
    """
    Make a reader of numbers within bounds.
    """

    def read(text: str) -> int | float:
        try:
            number = kind(text)
        except ValueError:
            number = nan
        if low <= number <= high:
            return number
        bounds = f"of {low} or more" if high == inf else f"from {low} to {high}"
        raise ValueError(f"{text!r} is not a number {bounds}")

    return read


def _orDefault(read: _Read) -> _Read:
    """
    Let C{-1} stand for what the system does.
    """
    return lambda text: -1 if text == "-1" else read(text)


def readSize(text: str) -> int:
    """
    Read a number of bytes: digits, perhaps with K, M or G behind them.

    @raise ValueError: for anything else, or more than a packet's head can say.
    """
    unit = {"K": 1024, "M": 1024**2, "G": 1024**3}.get(text[-1:].upper())
    digits = text if unit is None else text[:-1]
    size = int(digits) * (unit or 1) if digits.isdecimal() else 0
    if not 0 < size < 2**32:
        raise ValueError(f"{text!r} is not a size from 1 to 4294967295 bytes")
    return size


_READERS: dict[str, _Read] = {
    "port": _number(int, 0, 65535),
    "job-retries": _number(int, -1, 255),
    "worker-wakeup": _number(int, 0),
    "wakeup-delay": _number(float, 0.01),
    "keepalive-idle": _orDefault(_number(int, 1, 32767)),
    "keepalive-interval": _orDefault(_number(int, 1, 32767)),
    "keepalive-count": _orDefault(_number(int, 1, 127)),
    "backlog": _number(int, 1),
    "busy-poll": _number(int, 0, 1000),
    "max-packet": readSize,
    "max-connections": _number(int, 0),
    "drain-timeout": _number(float, 0),
    "stall-timeout": _number(float, 1),
    "job-handle-prefix": lambda text: checkHandlePrefix(text.encode()),
}


class Options(CommandLine):
    """
    What C{twistd gearman} was told.

    @ivar hosts: from C{--listen}.
    @ivar store: from C{--store}; L{None} for jobs that end with the process.
    @ivar descriptions: from C{--endpoint}.
    @ivar configuration: from the file of C{--config}, whose absolute path that is then;
        L{None} when there is none.
    """

    command = "gearman"
    longdesc = (
        "A Gearman job server. Stop it with SIGINT or SIGTERM; SIGUSR1 drains it first."
        " SIGHUP reads the file of --config again."
    )

    optFlags = [
        ["exceptions", None, "Send WORK_EXCEPTION to clients that did not ask."],
        ["keepalive", None, "Use TCP keepalive on connections."],
        ["round-robin", "R", "Accepted for gearmand's sake: functions take turns."],
    ]

    optParameters = [
        [
            "port",
            "p",
            None,
            f"TCP port. [default: {PORT}, or GEARMAND_PORT from the environment;"
            " none if there is an --endpoint]",
        ],
        [
            "job-retries",
            "j",
            "-1",
            "Drop a job, as failed, after so many attempts that ended with the loss"
            " or the timeout of the worker: -1 never, 0 after the first.",
        ],
        ["worker-wakeup", "w", "1", "Sleeping workers to wake for a job; 0 for all."],
        [
            "wakeup-delay",
            None,
            "2",
            "Seconds until more workers are woken for a job nobody came for.",
        ],
        ["job-handle-prefix", None, None, "Prefix of job handles. [default: H:<host>]"],
        ["keepalive-idle", None, "-1", "Seconds before the first probe."],
        ["keepalive-interval", None, "-1", "Seconds between probes."],
        ["keepalive-count", None, "-1", "Unanswered probes before the end."],
        ["backlog", "b", "1024", "Connections waiting to be accepted."],
        [
            "busy-poll",
            None,
            f"{AWAKE * 1e6:.0f}",
            "Microseconds to look for more before the process sleeps, while packets come"
            " one right after the other; 0 to sleep at once.",
        ],
        ["max-packet", None, "64M", "Largest packet, in bytes; K, M and G work."],
        [
            "max-connections",
            None,
            "0",
            "Connections beyond these are closed at once; 0 for any number.",
        ],
        [
            "config",
            None,
            None,
            "File of TOML: policies of functions, limits on dead letters and results,"
            " schedules.",
        ],
        [
            "store",
            None,
            None,
            "Where background jobs are kept: memory:, sqlite:PATH,"
            " postgresql://..., mysql://..., mariadb://... or redis://..."
            " [default: memory:, or TXGEARMAN_STORE from the environment]",
        ],
        ["drain-timeout", None, "60", "Seconds that SIGUSR1 waits for running jobs."],
        [
            "stall-timeout",
            None,
            "60",
            "Seconds after which a peer is lost that takes nothing of what others"
            " wait to send it.",
        ],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.hosts: list[str] = []
        self.descriptions: list[str] = []

    def opt_listen(self, host: str) -> None:
        """Address or name to listen on; repeatable. [default: all, IPv4 and IPv6]"""
        self.hosts.append(host)

    opt_L = opt_listen

    def opt_endpoint(self, description: str) -> None:
        """Twisted endpoint to listen on, as unix:/run/gearman; repeatable."""
        self.descriptions.append(description)

    def postOptions(self) -> None:
        """
        Make settings of what was said.
        """
        try:
            self["port"] = self._port()
            for name, read in _READERS.items():
                if self[name] is not None:
                    self[name] = self._read(name, read)
            self.policy = self._policy()
            self.store = self._store()
            self.configuration = self._configuration()
        except BadSetting as error:
            raise usage.UsageError(str(error)) from None
        self.settings = self._settings()

    def _port(self) -> str | None:
        """
        The TCP port: L{None} when there are endpoints and nothing else.
        """
        port: str | None = self["port"]
        if port is not None or (self.descriptions and not self.hosts):
            return port
        variable = os.environ.get("GEARMAND_PORT")
        if not variable:
            return str(PORT)
        try:
            _READERS["port"](variable)
        except ValueError as error:
            raise BadSetting(f"GEARMAND_PORT: {error}") from None
        return variable

    def _store(self) -> IJobStore | None:
        """
        Where jobs are kept. The environment of a process is not for everybody to
        read, as its command line is.
        """
        url: str | None = self["store"]
        if url is not None:
            store: IJobStore | None = self._read("store", storeFromURL)
            return store
        try:
            return storeFromURL(os.environ.get("TXGEARMAN_STORE") or "memory:")
        except BadSetting as error:
            raise BadSetting(f"TXGEARMAN_STORE: {error}") from None

    def _configuration(self) -> Configuration | None:
        """
        What the file says. A daemon changes its folder, and may read it again there.
        """
        path: str | None = self["config"]
        if path is None:
            return None
        self["config"] = os.path.abspath(path)
        configuration: Configuration = self._read("config", readConfiguration)
        return configuration

    def _read(self, name: str, read: _Read) -> Any:
        """
        Read what an option was given.

        @raise BadSetting: when it cannot be.
        """
        try:
            return read(self[name])
        except ValueError as error:
            raise BadSetting(f"--{name}: {error}") from None

    def _policy(self) -> Policy:
        """
        What concerns jobs.
        """
        retries: int = self["job-retries"]
        prefix: bytes | None = self["job-handle-prefix"]
        return Policy(
            attempts=0 if retries < 0 else max(1, retries),
            wakeup=self["worker-wakeup"],
            wakeupDelay=self["wakeup-delay"],
            exceptions=bool(self["exceptions"]),
            handlePrefix=defaultHandlePrefix() if prefix is None else prefix,
        )

    def _settings(self) -> Settings:
        """
        What concerns connections.
        """
        keepalive = Keepalive(
            self["keepalive-idle"], self["keepalive-interval"], self["keepalive-count"]
        )
        return Settings(
            limits=Limits(packet=self["max-packet"]),
            maxConnections=self["max-connections"],
            keepalive=keepalive if self["keepalive"] else None,
            stallTimeout=self["stall-timeout"],
        )
