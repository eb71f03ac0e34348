"""
A connection as the board sees it.

Clients and workers are told apart by what they do: any connection may be both.
"""

from __future__ import annotations

import enum
from collections import OrderedDict, deque
from collections.abc import Collection
from typing import Final, Protocol

from txgearman.board.function import Function
from txgearman.board.job import Job
from txgearman.errors import ServerError
from txgearman.wire.codec import Data

# As gearmand keeps it: the rest of a longer name is cut off.
_CLIENT_ID_LIMIT = 127

# How many failed jobs of a worker are remembered for the WORK_FAIL that some
# workers send after each WORK_EXCEPTION. It comes at once, so a few would do.
_REMEMBERED = 64


class Link(Protocol):
    """
    What the board tells a connection that a peer is owed.

    Calls must not reach back into the board: what they do to a transport
    happens later.
    """

    def noop(self) -> None:
        """
        The worker is woken: there may be a job for it.
        """

    def offer(self) -> None:
        """
        The worker asked for a job and waits for an answer: there may be one for it.
        """

    def workStatus(self, job: Job, numerator: bytes, denominator: bytes) -> None:
        """
        The worker reported progress, in the worker's own words.
        """

    def workData(self, job: Job, data: Data) -> None:
        """
        The worker sent a part of the result.
        """

    def workWarning(self, job: Job, data: Data) -> None:
        """
        The worker sent a warning.
        """

    def workComplete(self, job: Job, data: Data) -> None:
        """
        The job is completed; this is its result.
        """

    def workFail(self, job: Job) -> None:
        """
        The job failed, was cancelled, or used up its attempts.
        """

    def workException(self, job: Job, data: Data) -> None:
        """
        The job failed with an exception.
        """


class Rest(enum.Enum):
    """
    What a worker's connection is doing about jobs.

    A worker says that it sleeps (PRE_SLEEP), is woken at most once (NOOP), and
    is awake again when it grabs. If it takes too long for that, it is overdue,
    and nobody counts on it. While it waits for the answer to a grab, new jobs are
    for it as for a sleeper; only that it need not be woken.
    """

    AWAKE = enum.auto()
    WAITING = enum.auto()
    ASLEEP = enum.auto()
    WOKEN = enum.auto()
    OVERDUE = enum.auto()


AWAKE: Final = Rest.AWAKE


class Ability:
    """
    One function that a worker can do.

    @ivar timeout: how long the worker may take for a job, in seconds; 0 for as
        long as it likes.
    @ivar turn: which of the worker's abilities is looked at first for a job: the
        one with the lowest number.
    """

    __slots__ = ("function", "timeout", "turn")

    def __init__(self, function: Function, timeout: float = 0.0) -> None:
        self.function = function
        self.timeout = timeout
        self.turn = 0


class Peer:
    """
    One connection.

    @ivar link: where to tell it things.
    @ivar host: where it comes from, for tables.
    @ivar port: the port it comes from; 0 when it has none.
    @ivar local: whether it runs on this machine.
    @ivar number: its number among all connections the server ever had.
    @ivar clientId: the name it gave itself.
    @ivar exceptions: whether it wants to hear of exceptions.
    @ivar wokenAt: when it was woken last, in seconds of the epoch.
    @ivar abilities: what it can do, by function name, in the order of its
        registering.
    @ivar running: the jobs it runs, by handle, in the order of its grabbing.
    @ivar waiting: the jobs it waits for as a client.
    @ivar failing: handles of jobs that it ended with an exception.
    @ivar cancelled: handles of jobs that were cancelled, or by a policy were taken
        from it, while it ran them, and of which it has not reported the end.
    """

    __slots__ = (
        "_newest",
        "_oldest",
        "_turns",
        "abilities",
        "cancelled",
        "clientId",
        "exceptions",
        "failing",
        "host",
        "link",
        "local",
        "number",
        "port",
        "rest",
        "running",
        "waiting",
        "wokenAt",
    )

    def __init__(
        self,
        link: Link,
        host: bytes,
        port: int,
        local: bool,
        number: int,
        exceptions: bool,
    ) -> None:
        self.link = link
        self.host = host
        self.port = port
        self.local = local
        self.number = number
        self.exceptions = exceptions
        self.clientId = b"-"
        self.rest = AWAKE
        self.wokenAt = 0.0
        self.abilities: dict[bytes, Ability] = {}
        # Those abilities in the order of their turns, which go from _newest up to
        # _oldest.
        self._turns: OrderedDict[Ability, None] = OrderedDict()
        self._newest = 0
        self._oldest = 0
        self.running: dict[bytes, Job] = {}
        self.waiting: dict[Job, None] = {}
        self.failing: deque[bytes] = deque(maxlen=_REMEMBERED)
        self.cancelled: set[bytes] = set()

    def beginsAnew(self, handle: bytes) -> None:
        """
        It tries a job once more: what it says of it is about this attempt.
        """
        self.cancelled.discard(handle)
        while handle in self.failing:
            self.failing.remove(handle)

    def gains(self, ability: Ability) -> None:
        """
        It can do one more function, which is looked at first, as in gearmand:
        libgearman registers its functions in reverse, so that a worker's first one
        goes first.
        """
        self.abilities[ability.function.name] = ability
        self._newest -= 1
        ability.turn = self._newest
        self._turns[ability] = None
        self._turns.move_to_end(ability, last=False)

    def loses(self, ability: Ability) -> None:
        """
        It can do one function less.
        """
        del self.abilities[ability.function.name]
        del self._turns[ability]

    def hadTurn(self, ability: Ability) -> None:
        """
        All other functions are looked at before that one again.
        """
        self._oldest += 1
        ability.turn = self._oldest
        if len(self._turns) > 1:
            self._turns.move_to_end(ability)

    def firstOf(self, functions: Collection[Function], top: int) -> Ability | None:
        """
        Whose turn is it among functions that have jobs?

        @param functions: all functions whose most urgent jobs have a priority.
        @param top: that priority.
        @return: L{None} when the worker can do none of them.
        """
        if len(functions) * len(functions) > len(self._turns):
            return self._searched(top)
        first: Ability | None = None
        for function in functions:
            ability = self.abilities.get(function.name)
            if ability is not None and (first is None or ability.turn < first.turn):
                first = ability
        return first

    def _searched(self, top: int) -> Ability | None:
        """
        Look at one ability after the other. Those that are passed over have had
        their turns, so that they are not passed over each time.
        """
        passed: list[Ability] = []
        found: Ability | None = None
        for ability in self._turns:
            if ability.function.top == top:
                found = ability
                break
            passed.append(ability)
        if found is not None:
            for ability in passed:
                self.hadTurn(ability)
        return found

    @property
    def idle(self) -> bool:
        """
        Are new jobs for it: does it sleep, or wait for the answer to a grab?
        """
        return self.rest is Rest.ASLEEP or self.rest is Rest.WAITING

    @property
    def address(self) -> bytes:
        """
        Host and port.
        """
        return b"%b:%d" % (self.host, self.port) if self.port else self.host

    def setClientId(self, clientId: bytes) -> None:
        """
        The peer gives itself a name.
        """
        self.clientId = clientId[:_CLIENT_ID_LIMIT]

    def setOption(self, option: bytes) -> None:
        """
        The peer sets an option; there is only C{exceptions}, in any case.

        @raise ServerError: C{UNKNOWN_OPTION}.
        """
        if option.lower() != b"exceptions":
            raise ServerError(
                b"UNKNOWN_OPTION", b"Server does not recognize given option"
            )
        self.exceptions = True
