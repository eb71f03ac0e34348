"""
How a child of a fleet comes into being: what C{spawnProcess} does not do for it.

The child has a session of its own, so that all that it starts can be found again.
It is told when the master dies, and what the master changed about signals does not
hold for it.

This is run as a program, which imports nothing but what it needs: a child is there
in a few hundredths of a second. So it is called by its path, since to find it by its
name Python would import all of txgearman.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import stat
import sys

# Python does when it looks for the command: the user who is to run it may not be able
# to read Python's library.
import warnings  # noqa: F401
from collections.abc import Sequence
from contextlib import suppress
from getopt import GetoptError, getopt

# Of Linux: sys/prctl.h.
_PR_SET_PDEATHSIG = 1

_USAGE = "launch [--user USER] [--directory FOLDER] [--parent PID] -- COMMAND..."


class _CannotStart(Exception):
    """
    The command cannot be started.
    """


def launchLine(
    command: Sequence[str],
    *,
    user: str = "",
    directory: str = "",
    parent: int = 0,
) -> list[str]:
    """
    The command line that starts a command as a child of a fleet.

    @param command: a program, looked up in C{PATH}, and its arguments.
    @param user: the name or the number of the user to become, which only root can;
        empty for none.
    @param directory: where to start it; empty for here.
    @param parent: the process at whose death the child is sent SIGTERM, where the
        system can do that; 0 for none.
    """
    options = [f"--user={user}"] * bool(user)
    options += [f"--directory={directory}"] * bool(directory)
    options += [f"--parent={parent}"] * bool(parent)
    # Neither what stands in Python's variables nor what is installed matters here.
    return [sys.executable, "-I", "-S", __file__, *options, "--", *command]


def main(arguments: Sequence[str]) -> None:
    """
    Become a command. When that fails, say why in one line.

    @param arguments: without the program's name.
    @raise SystemExit: with status 127 when there is no such command, or 126 for
        anything else.
    """
    try:
        options, command = _parsed(arguments)
        _newSession()
        _keepReading()
        _undoSignals()
        _becomeUser(options.get("--user", ""))
        _enter(options.get("--directory", ""))
        _dieWith(int(options.get("--parent", 0)))
        _execute(command)
    except _CannotStart as error:
        _end(126, str(error))


def _parsed(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """
    Part the options from the command.
    """
    try:
        given, command = getopt(list(arguments), "", ["user=", "directory=", "parent="])
    except GetoptError as error:
        raise _CannotStart(f"{error}; {_USAGE}") from None
    options = dict(given)
    if not command or not options.get("--parent", "0").isdecimal():
        raise _CannotStart(_USAGE)
    return options, command


def _newSession() -> None:
    # A process that leads a group already, as in a shell, cannot have one.
    with suppress(PermissionError):
        os.setsid()


def _keepReading() -> None:
    """
    Have somebody who could read what the command writes, also when the master is
    dead: it is to end its jobs, and not to die of SIGPIPE at the next line.
    """
    for number in 1, 2:
        with suppress(OSError):
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                path = f"/proc/self/fd/{number}"
                reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                os.set_inheritable(reader, True)


def _undoSignals() -> None:
    """
    Let signals do what they do: Python ignores some, and its caller may, too.
    """
    # One that came while there was no session is the master's alone, and is dropped.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _becomeUser(user: str) -> None:
    """
    Become another user, with all of that user's groups.
    """
    if not user:
        return
    try:
        entry = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except (KeyError, OverflowError):
        raise _CannotStart(f"there is no user {user}") from None
    _rename(entry)
    if entry.pw_uid == os.geteuid() == os.getuid():
        return
    try:
        os.initgroups(entry.pw_name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    except OSError as error:
        raise _CannotStart(f"cannot become {user}: {error.strerror}") from None


def _rename(entry: pwd.struct_passwd) -> None:
    """
    Have the environment speak of the new user where it speaks of the old one, and
    leave what it was given for the command.
    """
    with suppress(KeyError):
        old = pwd.getpwuid(os.getuid())
        for name, was, now in (
            ("HOME", old.pw_dir, entry.pw_dir),
            ("USER", old.pw_name, entry.pw_name),
            ("LOGNAME", old.pw_name, entry.pw_name),
        ):
            if os.environ.get(name, was) == was:
                os.environ[name] = now


def _enter(directory: str) -> None:
    if not directory:
        return
    try:
        os.chdir(directory)
    except OSError as error:
        raise _CannotStart(f"cannot enter {directory}: {error.strerror}") from None


def _dieWith(parent: int) -> None:
    """
    Get SIGTERM when the parent dies, and start nothing when it is dead.
    """
    if not parent:
        return
    if sys.platform == "linux":
        # Now and not before: to become another user would undo it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        raise _CannotStart(f"who started it, process {parent}, is gone")


def _execute(command: Sequence[str]) -> None:
    try:
        os.execvp(command[0], list(command))
    except (FileNotFoundError, NotADirectoryError):
        _end(127, f"there is no command {command[0]}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _CannotStart(f"cannot run {command[0]}: {reason}") from None


def _end(status: int, said: str) -> None:
    """
    @raise SystemExit: always.
    """
    line = " ".join(said.encode("utf-8", "backslashreplace").decode().split())
    with suppress(OSError):
        os.write(2, f"{line}\n".encode())
    raise SystemExit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
