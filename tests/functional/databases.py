"""
PostgreSQL and MariaDB servers that live as long as a test, each in a folder of its
own and on a loopback port.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final

from attrs import define, field
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from tests.functional.processes import freePort, requireAll

PATIENCE: Final = 60.0
"""How long a server may take to start or to stop, in seconds."""

USER: Final = "gearman"
PASSWORD: Final = "Kn0wn:only@here"
"""It has letters that a URL has to escape."""

_ESCAPED: Final = "Kn0wn%3Aonly%40here"


def _asUser(name: str) -> dict[str, object]:
    """
    @return: how L{subprocess} starts what does not run as root, if we are root.
    """
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@define(eq=False)
class DatabaseServer(ABC):
    """
    A server of databases in a child process. All of it is blocking.

    The reactor reaps only the children that it has spawned itself, so that it does
    not take this one's end from L{subprocess}.

    @ivar port: the loopback port that it listens on, the same after each start.
    @ivar folder: where everything is, the log as well.
    """

    scheme: ClassVar[str]
    driver: ClassVar[str]
    first: ClassVar[str]
    """The database that is always there."""
    system: ClassVar[str]
    """The user that it runs as when root starts it."""
    smart: ClassVar[int]
    """The signal that ends it, whoever is connected."""

    port: int = field(factory=freePort)
    folder: Path = field(init=False)
    _process: subprocess.Popen[bytes] | None = None
    _made: int = 0

    @classmethod
    @abstractmethod
    def programs(cls) -> dict[str, str | None]:
        """
        @return: the programs it takes: their paths by their names.
        """

    @abstractmethod
    def install(self) -> None:
        """
        Make the folder's contents, with a user who has a password and may do
        anything.
        """

    @abstractmethod
    def command(self) -> Sequence[str]:
        """
        @return: the server's program and its arguments.
        """

    def say(self, *statements: str, database: str = "") -> list[tuple[Any, ...]]:
        """
        Have statements carried out, each by itself, as a user who may do anything.

        @param database: the one they are about, if it makes a difference.
        @return: the rows of the last one, if it has any.
        """
        engine = create_engine(
            self.url(database or self.first).replace(self.scheme, self.driver, 1),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": 5},
        )
        with engine.connect() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
            rows = result.all() if result.returns_rows else ()
        return [tuple(row) for row in rows]

    @classmethod
    def make(cls) -> DatabaseServer:
        """
        Make a server and start it; skip the test when its programs are absent, or
        fail, as L{requireAll} does.
        """
        requireAll({name: path is not None for name, path in cls.programs().items()})
        server = cls()
        # pytest's own folders are closed to other users.
        server.folder = Path(tempfile.mkdtemp(prefix="txgearman-"))
        if os.getuid() == 0:
            shutil.chown(server.folder, cls.system)
        try:
            server.install()
            server.start()
        except BaseException:
            server.remove()
            raise
        return server

    def run(self, *arguments: str, stdin: bytes = b"") -> None:
        """
        Run a program to its end as the user that the server runs as.
        """
        done = subprocess.run(
            arguments,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            timeout=PATIENCE,
            **_asUser(self.system),  # type: ignore[call-overload]
        )
        assert done.returncode == 0, done.stdout.decode()

    def start(self) -> None:
        """
        Start it, and wait until it answers. What runs is left as it is.
        """
        if self._process is not None:
            return
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **_asUser(self.system),  # type: ignore[call-overload]
            )
        self.ready()

    def ready(self) -> None:
        """
        Wait until the server does what it is told.

        @raise AssertionError: when it ended, or does not answer.
        """
        assert self._process is not None
        end = time.monotonic() + PATIENCE
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1.0):
                    pass
                self.say("SELECT 1")
            except Exception as error:
                if self._process.poll() is None and time.monotonic() < end:
                    time.sleep(0.05)
                    continue
                log = (self.folder / "log").read_text("utf-8", "replace")
                raise AssertionError(f"no server: {error}\n{log[-2000:]}") from None
            else:
                return

    def stop(self) -> None:
        """
        End it in order, whoever is connected. What has ended can be stopped.
        """
        self._end(self.smart)

    def kill(self) -> None:
        """
        End it the hard way.
        """
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """
        End it in order, and start it again on the same port and folder.
        """
        self.stop()
        self.start()

    def pause(self) -> None:
        """
        Let it do nothing for now: it accepts connections, and is silent.
        """
        assert self._process is not None
        for pid in self._stopped(self._process):
            os.kill(pid, signal.SIGSTOP)
            untilStopped(pid)

    def resume(self) -> None:
        """
        Let it go on after a pause.
        """
        assert self._process is not None
        for pid in (self._process.pid, *self._children(self._process)):
            os.kill(pid, signal.SIGCONT)

    def remove(self) -> None:
        """
        End it, and remove all that there is of it.
        """
        if self._process is not None and self._process.poll() is None:
            self.resume()
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def newDatabase(self) -> str:
        """
        Make an empty database.

        @return: its name.
        """
        self._made += 1
        name = f"made{self._made}"
        self.say(f"CREATE DATABASE {name}")
        return name

    def url(self, database: str, query: str = "") -> str:
        """
        The URL of one of the databases, as a user of a store writes it.

        @param query: what follows the question mark.
        """
        where = f"{self.scheme}://{USER}:{_ESCAPED}@127.0.0.1:{self.port}/{database}"
        return f"{where}?{query}" if query else where

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        children = self._stopped(process) if number == signal.SIGKILL else []
        process.send_signal(number)
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        try:
            process.wait(PATIENCE)
        except BaseException:
            process.kill()
            process.wait()
            raise
        for pid in children:
            untilStopped(pid)

    def _stopped(self, process: subprocess.Popen[bytes]) -> list[int]:
        """
        Stop the server itself, so that it starts nothing while that is looked for.

        @return: the processes that it has started.
        """
        process.send_signal(signal.SIGSTOP)
        untilStopped(process.pid)
        return self._children(process)

    def _children(self, process: subprocess.Popen[bytes]) -> list[int]:
        """
        The processes that the server itself has started.
        """
        return []


def untilStopped(pid: int) -> None:
    """
    Wait until a process that was stopped, or killed, does nothing any more: the system
    gets to each of its threads only after a while.
    """
    end = time.monotonic() + 10
    while not all(map(_isStopped, Path(f"/proc/{pid}/task").glob("*/stat"))):
        assert time.monotonic() < end, f"process {pid} is stopped"
        time.sleep(0.01)


def _isStopped(stat: Path) -> bool:
    try:
        text = stat.read_text()
    except OSError:
        # The thread has ended.
        return True
    # The name before the state may have anything in it.
    return text.rpartition(")")[2].split()[0] in "TtZX"


class PostgreSQLServer(DatabaseServer):
    """
    PostgreSQL, from where Debian puts it, or from C{PATH}.
    """

    scheme = "postgresql"
    driver = "postgresql+psycopg"
    first = "postgres"
    system = "postgres"
    smart = signal.SIGINT

    @classmethod
    def programs(cls) -> dict[str, str | None]:
        folders = Path("/usr/lib/postgresql").glob("*/bin")
        newest = sorted(folders, key=lambda one: int(float(one.parent.name)))
        path = os.pathsep.join([*map(str, newest[::-1]), os.environ.get("PATH", "")])
        return {name: shutil.which(name, path=path) for name in ("initdb", "postgres")}

    def install(self) -> None:
        initdb = self.programs()["initdb"]
        assert initdb is not None
        (self.folder / "password").write_text(PASSWORD)
        self.run(
            initdb,
            f"--pgdata={self.folder / 'data'}",
            f"--username={USER}",
            f"--pwfile={self.folder / 'password'}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        )

    def command(self) -> Sequence[str]:
        postgres = self.programs()["postgres"]
        assert postgres is not None
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "shared_buffers": "16MB",
            "max_connections": 30,
            "autovacuum": "off",
        }
        return [
            postgres,
            f"-D{self.folder / 'data'}",
            *(f"-c{name}={value}" for name, value in settings.items()),
        ]

    def _children(self, process: subprocess.Popen[bytes]) -> list[int]:
        """
        One for each connection among them: they would go on alone.
        """
        listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        return [int(pid) for pid in listed.read_text().split()]


class MariaDBServer(DatabaseServer):
    """
    MariaDB, from where Debian puts it, or from C{PATH}.
    """

    scheme = "mysql"
    driver = "mysql+pymysql"
    first = "mysql"
    system = "mysql"
    smart = signal.SIGTERM

    @classmethod
    def programs(cls) -> dict[str, str | None]:
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
        names = ("mariadbd", "mariadb-install-db")
        return {name: shutil.which(name, path=path) for name in names}

    def install(self) -> None:
        install = self.programs()["mariadb-install-db"]
        assert install is not None
        self.run(
            install,
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            "--auth-root-authentication-method=normal",
            "--skip-name-resolve",
            "--skip-test-db",
        )
        self.run(
            *self.command(),
            "--bootstrap",
            stdin=(
                "FLUSH PRIVILEGES;\n"
                f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
                f"GRANT ALL ON *.* TO {USER}@'127.0.0.1' WITH GRANT OPTION;\n"
            ).encode(),
        )

    def command(self) -> Sequence[str]:
        mariadbd = self.programs()["mariadbd"]
        assert mariadbd is not None
        return [
            mariadbd,
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--socket={self.folder / 'socket'}",
            f"--pid-file={self.folder / 'pid'}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--skip-name-resolve",
            "--performance-schema=off",
            "--innodb-buffer-pool-size=16M",
            "--innodb-log-file-size=16M",
        ]
