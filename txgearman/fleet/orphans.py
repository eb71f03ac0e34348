"""
What ends the children of a master that died.

A program that is told of the children as they come and go, one line for each on
stdin: C{+PID TIMEOUT}, C{-PID}, and C{bye} from a master that ends in order. When
stdin ends without that, the children are orphans.

  - They are asked to end by SIGTERM. Who is in a child's session besides it, such
    as a program that one of its jobs runs, is asked only when the child itself is
    gone: it is for the child to end its jobs.
  - Who does not end in time is killed.
  - On Linux, those are looked for whom nobody told of: whatever has the id of the
    fleet in its environment.
  - A process is known by its number and the time when it began, so that a stranger
    who gets the number later is left alone.

As L{txgearman.fleet.launch}, it imports nothing but what it needs, and is called by
its path.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

VARIABLE = "TXGEARMAN_FLEET"
"""The environment variable that has the id of the fleet."""

PATIENCE = 30.0
"""
How many seconds a process has to end whose fleet has told of no child.
"""

# Between two looks at them, in seconds.
_LOOK = 0.1

_DEAF = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


class Process(NamedTuple):
    """
    A process, as the system tells of it.

    @ivar began: when it began, in ticks since the system did; 0 where the system
        does not tell.
    @ivar session: the process that its session is named after.
    """

    pid: int
    began: int
    session: int


def process(pid: int) -> Process | None:
    """
    Look a process up.

    @return: L{None} when there is none, or when it has ended and only waits for
        somebody to ask how.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except OSError:
        return None
    # The name before these may hold anything, also parentheses.
    state, _, _, session, *more = stat.rpartition(b")")[2].split()
    if state in b"ZX":
        return None
    return Process(pid, int(more[15]), int(session))


def processes() -> Iterator[Process]:
    """
    Look all processes up.
    """
    for name in os.listdir("/proc"):
        if name.isdecimal():
            found = process(int(name))
            if found is not None:
                yield found


def belongs(pid: int, fleet: str) -> bool:
    """
    Has a process the id of a fleet in its environment? No, when that is not for us
    to read.
    """
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = file.read().split(b"\0")
    except OSError:
        return False
    return os.fsencode(f"{VARIABLE}={fleet}") in variables


def send(target: Process, number: int) -> None:
    """
    Send a process a signal, unless it is gone, or not ours.
    """
    with suppress(OSError), _opened(target.pid) as descriptor:
        # What is open now cannot become another process any more.
        found = process(target.pid)
        if found is None or found.began != target.began:
            return
        if descriptor is None:
            os.kill(target.pid, number)
        else:
            signal.pidfd_send_signal(descriptor, number)


@contextmanager
def _opened(pid: int) -> Iterator[int | None]:
    """
    Hold a process, where the system can do that.

    @raise OSError: when there is none, or that is not allowed.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


class Children:
    """
    The children that a master told of.

    @ivar ended: whether the master ends in order.
    @ivar patience: how long each has to end, in seconds, by its number.
    @ivar began: when each began; see L{Process}.
    """

    def __init__(self, look: Callable[[int], Process | None] = process) -> None:
        self.ended = False
        self.patience: dict[int, float] = {}
        self.began: dict[int, int] = {}
        self._look = look

    def hear(self, line: bytes) -> None:
        """
        Take one line. What makes no sense is said, and left out.
        """
        try:
            self._hear(line.decode().split())
        except ValueError:
            print(f"sentinel: not understood: {line!r:.80}", file=sys.stderr)

    def _hear(self, words: list[str]) -> None:
        match words:
            case ["bye"]:
                self.ended = True
            case [pid, patience] if pid.startswith("+"):
                number, seconds = int(pid), float(patience)
                found = self._look(number)
                self.patience[number] = seconds
                self.began[number] = found.began if found else 0
            case [pid] if pid.startswith("-"):
                number = -int(pid)
                self.patience.pop(number, None)
                self.began.pop(number, None)
            case _:
                raise ValueError(words)


class Orphans:
    """
    All that is left of a fleet, and how long.

    @ivar asked: who was sent SIGTERM.
    @ivar killed: who was sent SIGKILL.
    """

    def __init__(
        self,
        fleet: str,
        children: Children,
        now: float,
        *,
        processes: Callable[[], Iterable[Process]] = processes,
        belongs: Callable[[int, str], bool] = belongs,
        send: Callable[[Process, int], None] = send,
    ) -> None:
        self.asked: set[Process] = set()
        self.killed: set[Process] = set()
        self._fleet = fleet
        self._patience = children.patience
        self._longest = max(children.patience.values(), default=PATIENCE)
        self._since = now
        self._processes = processes
        self._belongs = belongs
        self._send = send
        self._own: set[Process] = set()
        self._sessions = self._whose(children.began)

    def _whose(self, began: Mapping[int, int]) -> set[int]:
        """
        Of which sessions are they? A number that somebody else has by now is none
        of ours.
        """
        found = {each.pid: each.began for each in self._processes()}
        return {pid for pid, when in began.items() if found.get(pid, when) == when}

    def look(self, now: float) -> bool:
        """
        See who is left, and do what there is to do.

        @return: whether anybody is.
        """
        left = self._left()
        sessions = {each.pid for each in left}
        for each in left:
            if now - self._since >= self._patience.get(each.session, self._longest):
                self._send(each, signal.SIGKILL)
                self.killed.add(each)
            elif each not in self.asked and (
                each.pid == each.session or each.session not in sessions
            ):
                self._send(each, signal.SIGTERM)
                self.asked.add(each)
        return bool(left)

    def _left(self) -> list[Process]:
        """
        Find all that are ours.
        """
        left = []
        for each in self._processes():
            if each.pid == os.getpid():
                continue
            if each in self._own or self._isOurs(each):
                self._own.add(each)
                left.append(each)
        # A session whose last process is gone may become somebody else's.
        self._sessions &= {each.session for each in left}
        return left

    def _isOurs(self, each: Process) -> bool:
        return each.session in self._sessions or self._belongs(each.pid, self._fleet)


def endByGroups(
    children: Children,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
    killpg: Callable[[int, int], object] = os.killpg,
) -> None:
    """
    End the children where the system does not tell of processes: only what was told
    of is known, and only by its number.
    """
    since = clock()
    left = dict(children.patience)
    for pid in children.patience:
        with suppress(OSError):
            killpg(pid, signal.SIGTERM)
    while left:
        for pid, patience in list(left.items()):
            over = clock() - since >= patience
            try:
                killpg(pid, signal.SIGKILL if over else 0)
            except OSError:
                del left[pid]
        if left:
            sleep(_LOOK)


def end(fleet: str, children: Children) -> None:
    """
    End all that is left of a fleet.
    """
    if not os.path.exists(f"/proc/{os.getpid()}/environ"):
        endByGroups(children)
        return
    orphans = Orphans(fleet, children, time.monotonic())
    while orphans.look(time.monotonic()):
        time.sleep(_LOOK)
    asked, killed = len(orphans.asked), len(orphans.killed)
    with suppress(OSError):
        print(
            f"sentinel: the master of fleet {fleet} died;"
            f" of its processes {asked} were asked to end, {killed} killed",
            file=sys.stderr,
            flush=True,
        )


def main(arguments: Sequence[str]) -> None:
    """
    Wait for the master's end, and then for that of all its children.

    @param arguments: the id of the fleet.
    """
    (fleet,) = arguments
    for number in _DEAF:
        signal.signal(number, signal.SIG_IGN)
    with suppress(PermissionError):
        os.setsid()
    # It is in nobody's way, whatever folder the master was started in.
    os.chdir("/")
    children = Children()
    for line in sys.stdin.buffer:
        children.hear(line)
    if not children.ended:
        end(fleet, children)


if __name__ == "__main__":
    main(sys.argv[1:])
