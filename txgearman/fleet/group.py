"""
A group: children that do the same, as many as are wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.fleet.keys import MOST_CHILDREN
from txgearman.fleet.later import cancel
from txgearman.fleet.order import Order, orderFor
from txgearman.fleet.place import ChildRow, Place, RestartFailed
from txgearman.fleet.settings import GroupSettings
from txgearman.fleet.world import World

__all__ = ["ChildRow", "Group", "RestartFailed"]

# When children that could not be replaced are tried again, in seconds.
_LATER: Final = 60.0


class Group:
    """
    Keeps the children of one group alive.

    @ivar settings: what is said of it.
    @ivar servers: the names of the servers that its children are told.
    @ivar count: how many children are wanted, without the dedicated ones.
    @ivar paused: whether there are to be none for now.
    @ivar round: counts its restarts.
    """

    _log = Logger()

    def __init__(
        self, world: World, settings: GroupSettings, servers: Sequence[str]
    ) -> None:
        self.settings = settings
        self.servers = servers
        self.count = settings.first
        self.paused = False
        self.round = 0
        self._world = world
        self._running = False
        self._places: list[Place] = []
        # Those that are closed, and not empty yet.
        self._closing: dict[Place, Deferred[None]] = {}
        self._restarting: list[Deferred[None]] = []
        self._replacing = False
        self._again: IDelayedCall | None = None

    @property
    def name(self) -> str:
        """
        What it is called.
        """
        return self.settings.name

    @property
    def children(self) -> Sequence[ChildRow]:
        """
        Its children, as they are now, by their numbers. A number is there twice while a
        child is replaced.
        """
        places = [*self._places, *self._closing]
        places.sort(key=lambda place: place.number)
        return [row for place in places for row in place.rows]

    def start(self) -> None:
        """
        Start the children, one by one over the time of C{start_splay}.
        """
        self._running = True
        self._adjust(self.settings.startSplay)

    def stop(self) -> Deferred[None]:
        """
        Tell all children to end.

        @return: fires when nothing is left of them.
        """
        self._running = False
        self._wait()
        self._close(self._places)
        return DeferredList(list(self._closing.values())).addCallback(lambda _: None)

    def scale(self, count: int) -> None:
        """
        Have so many children, beside the dedicated ones.

        @raise ValueError: for a number that is not from 0 to 1000.
        """
        if not 0 <= count <= MOST_CHILDREN:
            raise ValueError(
                f"a group has from 0 to {MOST_CHILDREN} children, not {count}"
            )
        if count != self.count:
            self.count = count
            self._adjust()

    def pause(self) -> None:
        """
        Tell all children to end, and start none until L{resume}.
        """
        if not self.paused:
            self.paused = True
            self._log.info("group {name} is paused", name=self.name)
            self._wait()
            self._close(self._places)

    def resume(self) -> None:
        """
        Start children again.
        """
        if self.paused:
            self.paused = False
            self._log.info("group {name} is resumed", name=self.name)
            self._adjust()

    def configure(self, settings: GroupSettings, servers: Sequence[str]) -> bool:
        """
        Let other settings hold, for the children that start from now on. A count that
        was not changed leaves one alone that L{scale} was told.

        @param settings: of the same name.
        @return: whether those that there are differ, so that a L{restart} is due.
        """
        old, self.settings = self.settings, settings
        differ = not settings.sameChildren(old) or list(servers) != list(self.servers)
        self.servers = servers
        if settings.autoscaled:
            self.count = min(max(self.count, settings.min), settings.max)
        elif settings.first != old.first or old.autoscaled:
            self.count = settings.first
        self._adjust()
        return differ

    def restart(self) -> Deferred[None]:
        """
        Replace all children that there are now, one after the other, each when the new
        one is ready.

        @return: fires when that is done; fails with L{RestartFailed} when a new child
            did not become ready: those that were not replaced by then stay, and it is
            tried again by and by.
        """
        self.round += 1
        done: Deferred[None] = Deferred()
        self._restarting.append(done)
        self._replace()
        return done

    def _replace(self) -> None:
        """
        Replace what is to be replaced, if that is not being done.
        """
        self._wait()
        if not self._replacing:
            self._replacing = True
            Deferred.fromCoroutine(self._restart()).addBoth(self._restarted)

    def _wait(self, seconds: float = 0.0) -> None:
        """
        Replace nothing by itself for some time; 0 for any time.
        """
        cancel(self._again)
        self._again = None
        if seconds:
            self._again = self._world.clock.callLater(seconds, self._replace)

    def orderFor(self, place: Place) -> Order:
        """
        What the next child of a place is.
        """
        return orderFor(
            self.settings,
            self.servers,
            self._world.fleet,
            place.number,
            place.dedicated,
            self._world.chance,
        )

    async def _restart(self) -> None:
        while (place := self._stale()) is not None:
            await place.renew()

    def _stale(self) -> Place | None:
        """
        The place with the oldest child that has not seen the last restart.
        """
        stale = (place for place in self._places if place.round < self.round)
        return min(stale, key=lambda place: place.round, default=None)

    def _restarted(self, result: object) -> None:
        """
        Whoever waited for a restart waits no more.
        """
        self._replacing = False
        failure = result if isinstance(result, Failure) else None
        if failure is not None and not failure.check(RestartFailed):
            self._log.failure("group {name} did not restart", failure, name=self.name)
        elif failure is not None:
            self._log.warn(
                "the restart of group {name} is given up for now, and the other"
                " children stay as they are: {why}; next try in {seconds:g} s",
                name=self.name,
                why=failure.getErrorMessage(),
                seconds=_LATER,
            )
            if self._running and not self.paused:
                self._wait(_LATER)
        restarting, self._restarting = self._restarting, []
        for done in restarting:
            if failure is None:
                done.callback(None)
            else:
                done.errback(failure)

    def _adjust(self, splay: float = 0.0) -> None:
        """
        Have as many places as are wanted.

        @param splay: seconds over which their first children start.
        """
        if not self._running or self.paused:
            return
        added: list[Place] = []
        wanted = {"": self.count, **self.settings.dedicated}
        kinds = {place.dedicated: 0 for place in self._places} | wanted
        for dedicated, count in kinds.items():
            there = [one for one in self._places if one.dedicated == dedicated]
            self._close(self._leastOf(there, len(there) - count))
            added += [self._add(dedicated) for _ in range(count - len(there))]
        for index, place in enumerate(added):
            place.start(splay * index / len(added))

    def _leastOf(self, places: list[Place], count: int) -> list[Place]:
        """
        Choose those places whose ends cost least.
        """
        places.sort(key=lambda place: (place.load, -place.number))
        return places[: max(0, count)]

    def _add(self, dedicated: str) -> Place:
        """
        Make a place, with the lowest number that is free.
        """
        taken = {place.number for place in self._places}
        number = next(n for n in range(1, len(taken) + 2) if n not in taken)
        place = Place(self._world, self, number, dedicated)
        self._places.append(place)
        return place

    def _close(self, places: Sequence[Place]) -> None:
        """
        Have some places no longer. A restart must not find those that are next.
        """
        self._places = [place for place in self._places if place not in places]
        for place in places:
            self._closing[place] = Deferred()
        for place in places:
            place.close().addCallback(self._closed, place)

    def _closed(self, _: None, place: Place) -> None:
        self._closing.pop(place).callback(None)
