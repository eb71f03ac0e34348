"""
A place of a group: one child, and after its end the next.
"""

from __future__ import annotations

from typing import Final, Protocol

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.errors import GearmanError
from txgearman.fleet.ending import Backoff, Ending
from txgearman.fleet.later import cancel
from txgearman.fleet.order import Order
from txgearman.fleet.process import Child, State
from txgearman.fleet.world import World

# How long a new child may take at least to become ready, in seconds.
_PATIENCE: Final = 30.0

# When it is tried again to replace an old child, in seconds.
_LATER: Final = 60.0


class RestartFailed(GearmanError):
    """
    A new child did not become ready, so that the old ones were not replaced.
    """


@frozen
class ChildRow:
    """
    A child, as it is now.

    @ivar number: of its place.
    @ivar pid: 0 when there is none.
    @ivar state: C{starting}, C{ready}, C{draining} when it takes no more jobs by
        itself, C{stopping} when it was told to, or C{waiting} for its start.
    @ivar started: when, in seconds since the epoch; 0 when there is none.
    @ivar restarts: how many children were in this place before.
    @ivar jobs: how many it has done, as far as it tells.
    @ivar function: what it does now; empty when it does nothing, or does not tell.
    @ivar handle: the job it does now.
    @ivar dedicated: the only function that it serves; empty for those of the group.
    @ivar functions: what it serves, as far as it tells.
    """

    number: int
    pid: int
    state: str
    started: float
    restarts: int
    jobs: int
    function: str
    handle: str
    dedicated: str
    functions: tuple[str, ...] = ()


class Ordering(Protocol):
    """
    Whoever says what the children of a place are.
    """

    @property
    def round(self) -> int:
        """
        Counts the restarts.
        """

    def orderFor(self, place: Place) -> Order:
        """
        What the next child is.
        """


class Place:
    """
    One place, which has a child until it is closed. While a child is replaced that
    has not died, there is a second one.

    @ivar number: counts the places of a group, from 1.
    @ivar dedicated: the only function that the children serve; empty for those of the
        group.
    """

    _log = Logger()

    def __init__(
        self, world: World, ordering: Ordering, number: int, dedicated: str
    ) -> None:
        self.number = number
        self.dedicated = dedicated
        self._world = world
        self._clock = world.clock
        self._ordering = ordering
        self._open = True
        self._starts = 0
        self._backoff = Backoff()
        self._current: Child | None = None
        self._next: Child | None = None
        # Those that are about to end, or have left something behind.
        self._leaving: list[Child] = []
        self._coming: IDelayedCall | None = None
        self._deadline: IDelayedCall | None = None
        self._renewing: list[Deferred[None]] = []
        self._emptying: list[Deferred[None]] = []

    @property
    def round(self) -> int:
        """
        Which restart of the group its child has seen; -1 when there is none.
        """
        return -1 if self._current is None else self._current.round

    @property
    def load(self) -> int:
        """
        How much would be lost with its child: 0 when there is none, 1 when it does
        nothing, more when it does a job.
        """
        if self._current is None:
            return 0
        return 1 + len(self._current.report.running)

    @property
    def rows(self) -> list[ChildRow]:
        """
        Its children, as they are now.
        """
        living = [self._current, self._next, *self._leaving]
        rows = [self._row(one) for one in living if one is not None and not one.ended]
        if self._open and self._current is None:
            state = State.WAITING.value
            rows.append(
                ChildRow(
                    self.number, 0, state, 0.0, self._starts, 0, "", "", self.dedicated
                )
            )
        return rows

    def start(self, after: float = 0.0) -> None:
        """
        Have a child.

        @param after: seconds until then.
        """
        if after > 0:
            self._coming = self._clock.callLater(after, self._begin)
        else:
            self._begin()

    def renew(self) -> Deferred[None]:
        """
        Replace the child: the new one is ready before the old one is told to end. One
        that is waited for is not waited for any longer.

        @return: fires when the new one is ready, or the place was closed; fails with
            L{RestartFailed} when the old one is still there, or none.
        """
        if not self._open:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._renewing.append(done)
        if len(self._renewing) == 1:
            if self._current is None:
                self._backoff = Backoff()
                self._begin()
            else:
                self._beginNext()
        return done

    def close(self) -> Deferred[None]:
        """
        Tell the child to end, and have no other.

        @return: fires when nothing is left of it.
        """
        self._open = False
        cancel(self._coming)
        for child in self._current, self._next:
            if child is not None:
                self._leaving.append(child)
                child.stop()
        self._current = self._next = None
        self._renewed(None)
        done: Deferred[None] = Deferred()
        self._emptying.append(done)
        self._lookIfEmpty()
        return done

    def childReady(self, child: Child) -> None:
        """
        A child serves: it is the one now.
        """
        if child is self._next:
            old, self._current, self._next = self._current, child, None
            if old is not None:
                self._leaving.append(old)
                old.stop()
        if child is self._current and self._next is None:
            self._renewed(None)

    def childOld(self, child: Child) -> None:
        """
        A child has lived for long enough.
        """
        if child is not self._current:
            return
        if self._next is not None:
            child.ageIn(_LATER)
            return
        self._log.info("{child} is old", child=child)
        self.renew().addErrback(self._stillOld, child)

    def childEnded(self, child: Child, ending: Ending) -> None:
        """
        A child has ended.
        """
        if child is self._next:
            self._next = None
            self._leaving.append(child)
            self._log.warn("{child} {ending}", child=child, ending=ending)
            self._renewed(RestartFailed(f"{child} {ending}"))
        elif child is self._current:
            self._leaving.append(child)
            self._replace(child, ending)

    def childGone(self, child: Child) -> None:
        """
        Nothing is left of a child.
        """
        self._leaving.remove(child)
        self._lookIfEmpty()

    def _new(self) -> Child:
        """
        Make a child.
        """
        self._starts += 1
        order = self._ordering.orderFor(self)
        return Child(self._world, order, self._ordering.round, self)

    def _begin(self) -> None:
        """
        Start the child that there is to be now.
        """
        cancel(self._coming)
        child = self._current = self._new()
        self._limit(child)
        try:
            child.start()
        except OSError as error:
            self._replace(child, _notStarted(error))

    def _beginNext(self) -> None:
        """
        Start the child that is to replace the one that there is.
        """
        child = self._next = self._new()
        self._limit(child)
        try:
            child.start()
        except OSError as error:
            self._next = None
            self._renewed(RestartFailed(f"{child} {_notStarted(error)}"))

    def _limit(self, child: Child) -> None:
        """
        If somebody waits for a child to become ready, wait no longer than is
        reasonable.
        """
        if self._renewing:
            cancel(self._deadline)
            patience = max(_PATIENCE, child.order.stopTimeout)
            self._deadline = self._clock.callLater(patience, self._tooLate, patience)

    def _replace(self, child: Child, ending: Ending) -> None:
        """
        The child has ended: have another.
        """
        self._current = None
        worked = child.report.jobs > 0
        pause = self._backoff.pause(ending, worked, child.order.limited)
        after = f"next try in {pause:g} s" if pause >= 0.5 else "it is replaced"
        log = self._log.info if ending.well else self._log.warn
        log(
            "{child} {ending}{again}; {after}",
            child=child,
            ending=ending,
            again=self._backoff.again,
            after=after,
        )
        if self._next is not None:
            self._current, self._next = self._next, None
            return
        self.start(pause)
        self._renewed(RestartFailed(f"{child} {ending}"))

    def _stillOld(self, failure: Failure, child: Child) -> None:
        """
        An old child was not replaced.
        """
        failure.trap(RestartFailed)
        self._log.warn(
            "{child} stays for now: {error}", child=child, error=failure.value
        )
        if child is self._current:
            child.ageIn(_LATER)

    def _tooLate(self, patience: float) -> None:
        """
        A new child has had time enough to become ready.
        """
        child, self._next = self._next, None
        if child is not None:
            self._leaving.append(child)
            child.stop()
        self._renewed(
            RestartFailed(f"{child or self._current} was not ready in {patience:g} s")
        )

    def _renewed(self, error: RestartFailed | None) -> None:
        """
        Nobody waits any more for a new child.
        """
        cancel(self._deadline)
        renewing, self._renewing = self._renewing, []
        for done in renewing:
            if error is None:
                done.callback(None)
            else:
                done.errback(error)

    def _lookIfEmpty(self) -> None:
        if not self._open and not self._leaving:
            emptying, self._emptying = self._emptying, []
            for done in emptying:
                done.callback(None)

    def _row(self, child: Child) -> ChildRow:
        function, handle = child.report.current
        return ChildRow(
            number=self.number,
            pid=child.pid,
            state=child.state.value,
            started=child.started,
            restarts=max(0, self._starts - 1),
            jobs=child.report.jobs,
            function=function,
            handle=handle,
            dedicated=self.dedicated,
            functions=child.report.functions,
        )


def _notStarted(error: OSError) -> Ending:
    return Ending(0.0, None, error.strerror or str(error))
