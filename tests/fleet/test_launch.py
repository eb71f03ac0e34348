"""
Tests for L{txgearman.fleet.launch}: what is done before a command runs, and what is
said when it cannot.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import stat
import sys
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet import launch
from txgearman.fleet.launch import launchLine, main

MAIL = pwd.struct_passwd(("mail", "x", 8, 12, "", "/var/mail", "/bin/sh"))
ROOT = pwd.struct_passwd(("root", "x", 0, 0, "", "/root", "/bin/sh"))


class LineTests(SynchronousTestCase):
    """
    Tests of L{launchLine}.
    """

    def test_line(self) -> None:
        """
        The line has what is wanted, and the command behind it as it is.
        """
        line = launchLine(["php", "--ini"], user="mail", directory="/x", parent=5)
        self.assertEqual(line[0], sys.executable)
        self.assertEqual(
            line[line.index(launch.__file__) + 1 :],
            ["--user=mail", "--directory=/x", "--parent=5", "--", "php", "--ini"],
        )

    def test_nothing(self) -> None:
        """
        What is not wanted is not in it.
        """
        line = launchLine(["true"])
        self.assertEqual(line[line.index(launch.__file__) + 1 :], ["--", "true"])


class _Command(Exception):
    """
    The process became a command.
    """


class LaunchTests(SynchronousTestCase):
    """
    Tests of L{main}, in a process that only seems to be one's own.

    @ivar done: what the system was asked for.
    @ivar variables: the environment.
    @ivar ignored: the signals that are.
    """

    def setUp(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.ignored: set[int] = set()
        self.said = b""
        self.variables = {"HOME": "/root", "USER": "root"}
        for name in "setsid", "chdir", "initgroups", "setgid", "setuid":
            self.patch(os, name, self._noting(name))
        self.patch(os, "environ", self.variables)
        self.patch(os, "getuid", lambda: 0)
        self.patch(os, "geteuid", lambda: 0)
        self.patch(os, "getppid", lambda: 77)
        self.patch(os, "execvp", self._execvp)
        self.patch(os, "write", self._write)
        self.patch(os, "fstat", lambda number: os.stat(os.curdir))
        self.patch(pwd, "getpwnam", {"mail": MAIL}.__getitem__)
        self.patch(pwd, "getpwuid", {8: MAIL, 0: ROOT}.__getitem__)
        self.patch(ctypes, "CDLL", lambda name: self)
        self.patch(signal, "signal", self._signal)
        self.patch(signal, "getsignal", self._getsignal)
        self.patch(signal, "pthread_sigmask", self._noting("mask"))

    def prctl(self, *arguments: int) -> None:
        """
        The system call.
        """
        self.done.append(("prctl", *arguments[:2]))

    def _signal(self, number: int, action: signal.Handlers) -> None:
        self.done.append(("signal", number, action))
        self.ignored.discard(number)
        if action is signal.SIG_IGN:
            self.ignored.add(number)

    def _getsignal(self, number: int) -> signal.Handlers:
        return signal.SIG_IGN if number in self.ignored else signal.SIG_DFL

    def _noting(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.done.append((name, *arguments))

    def _write(self, number: int, data: bytes) -> None:
        self.assertEqual(number, 2)
        self.said += data

    def _execvp(self, program: str, arguments: list[str]) -> None:
        raise _Command(program, arguments)

    def launches(self, *arguments: str) -> tuple[str, list[str]]:
        """
        Become a command.

        @return: the program and its arguments.
        """
        with self.assertRaises(_Command) as caught:
            main(arguments)
        program, words = caught.exception.args
        return program, words

    def fails(self, *arguments: str) -> tuple[object, str]:
        """
        Fail to become one.

        @return: the exit status, and what is said.
        """
        with self.assertRaises(SystemExit) as caught:
            main(arguments)
        said, self.said = self.said.decode(), b""
        self.assertEqual(said.count("\n"), 1)
        return caught.exception.code, said.rstrip("\n")

    def test_all(self) -> None:
        """
        A child has a session, becomes its user with all groups before it enters its
        folder, and is told of its parent's death after that.
        """
        command = self.launches(
            "--user=mail", "--directory=/srv", "--parent=77", "--", "sh", "-c", "x"
        )
        self.assertEqual(command, ("sh", ["sh", "-c", "x"]))
        steps = [step for step in self.done if step[0] not in ("signal", "mask")]
        self.assertEqual(
            steps,
            [
                ("setsid",),
                ("initgroups", "mail", 12),
                ("setgid", 12),
                ("setuid", 8),
                ("chdir", "/srv"),
                ("prctl", 1, signal.SIGTERM),
            ],
        )

    def test_nothing(self) -> None:
        """
        Without options there is a session, and the command.
        """
        self.assertEqual(self.launches("true"), ("true", ["true"]))
        self.assertEqual(self.done[0], ("setsid",))
        self.assertEqual(
            [step[0] for step in self.done[1:]], ["signal", "signal", "mask"]
        )

    def test_environment(self) -> None:
        """
        The environment speaks of the new user, unless it was given anything else.
        """
        self.variables["USER"] = "somebody"
        self.launches("--user=8", "--", "true")
        self.assertEqual(
            self.variables, {"HOME": "/var/mail", "USER": "somebody", "LOGNAME": "mail"}
        )

    def test_sameUser(self) -> None:
        """
        Who is the user already need not be root.
        """
        self.patch(os, "getuid", lambda: 8)
        self.patch(os, "geteuid", lambda: 8)
        self.launches("--user=mail", "--", "true")
        self.assertNotIn(("setuid", 8), self.done)

    def test_leader(self) -> None:
        """
        Who cannot have a session of its own any more goes on without.
        """

        def setsid() -> None:
            raise PermissionError

        self.patch(os, "setsid", setsid)
        self.launches("true")

    def test_signals(self) -> None:
        """
        Signals that were ignored are not, for the command. An interrupt that was held
        back is dropped, which ignoring it does.
        """
        self.ignored.add(signal.SIGPIPE)
        self.launches("true")
        self.assertEqual(
            self.done[1:],
            [
                ("signal", signal.SIGINT, signal.SIG_IGN),
                ("signal", signal.SIGINT, signal.SIG_DFL),
                ("signal", signal.SIGPIPE, signal.SIG_DFL),
                ("mask", signal.SIG_SETMASK, []),
            ],
        )

    def test_parentGone(self) -> None:
        """
        When the parent died meanwhile, nothing is started.
        """
        self.assertEqual(
            self.fails("--parent=78", "--", "true"),
            (126, "who started it, process 78, is gone"),
        )

    def test_noUser(self) -> None:
        """
        There has to be such a user, with a name or a number.
        """
        for name in "nobodyatall", "4711":
            self.assertEqual(
                self.fails(f"--user={name}", "--", "true"),
                (126, f"there is no user {name}"),
            )

    def test_notAllowed(self) -> None:
        """
        Who is not root cannot become another user.
        """

        def initgroups(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        self.patch(os, "initgroups", initgroups)
        self.assertEqual(
            self.fails("--user=mail", "--", "true"),
            (126, "cannot become mail: Operation not permitted"),
        )

    def test_noDirectory(self) -> None:
        """
        A folder that is not there is named.
        """

        def chdir(path: str) -> None:
            raise FileNotFoundError(2, "No such file or directory")

        self.patch(os, "chdir", chdir)
        self.assertEqual(
            self.fails("--directory=/absent", "--", "true"),
            (126, "cannot enter /absent: No such file or directory"),
        )

    def test_commands(self) -> None:
        """
        A command that is not there is told from one that cannot be run.
        """
        rows: list[tuple[Exception, int, str]] = [
            (FileNotFoundError(2, "no"), 127, "there is no command php"),
            (NotADirectoryError(20, "no"), 127, "there is no command php"),
            (PermissionError(13, "Denied"), 126, "cannot run php: Denied"),
            (ValueError("a\nNUL"), 126, "cannot run php: a NUL"),
        ]
        for error, status, line in rows:

            def execvp(*_: object, error: Exception = error) -> None:
                raise error

            self.patch(os, "execvp", execvp)
            self.assertEqual(self.fails("php"), (status, line))

    def test_usage(self) -> None:
        """
        A command line that makes no sense is refused before anything is done.
        """
        for arguments in [], ["--parent=x", "true"], ["--"], ["--bad", "true"]:
            status, line = self.fails(*arguments)
            self.assertEqual(status, 126)
            self.assertIn("launch [--user USER]", line)
        self.assertEqual(self.done, [])

    def test_keepReading(self) -> None:
        """
        A pipe to the master stays one that somebody could read; of a file nothing
        is needed.
        """
        opened: list[object] = []

        class Pipe:
            st_mode = stat.S_IFIFO

        def open(path: str, flags: int) -> int:
            opened.append(path)
            return 9

        self.patch(os, "fstat", lambda number: Pipe if number == 2 else os.stat("."))
        self.patch(os, "open", open)
        self.patch(os, "set_inheritable", lambda *inherited: opened.append(inherited))
        self.launches("true")
        self.assertEqual(opened, ["/proc/self/fd/2", (9, True)])
