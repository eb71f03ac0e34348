"""
A group with as many children as there is to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txgearman.fleet.demand import Demands, Lookout, demandOf
from txgearman.fleet.scaling import Demand, Scaler
from txgearman.fleet.settings import GroupSettings

if TYPE_CHECKING:
    from txgearman.fleet.group import Group


class Autoscaling(Service):
    """
    Looks every few seconds how much there is to do, and scales a group.

    @ivar held: whether somebody scaled it by hand, so that it stays as it is.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorTime, group: Group, lookout: Lookout) -> None:
        """
        @param group: one that is autoscaled. Its settings may become others.
        """
        self.held = False
        self._clock = reactor
        self._group = group
        self._lookout = lookout
        self._loop: LoopingCall | None = None
        self._scaler: Scaler | None = None
        self._settings: GroupSettings | None = None
        # What its children can do, which they do not say while they start.
        self._known: frozenset[str] = frozenset()

    def startService(self) -> None:
        """
        Begin to look.
        """
        super().startService()
        self._scaler = None
        self._settings = None
        self._loop = loop = LoopingCall(
            lambda: Deferred.fromCoroutine(self._look(loop))
        )
        loop.clock = self._clock
        loop.start(self._group.settings.look)

    def stopService(self) -> None:
        """
        Look no more.
        """
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()
        super().stopService()

    def hold(self, count: int) -> None:
        """
        Have so many children, whatever there is to do, until L{release}.

        @raise ValueError: for a number that cannot be.
        """
        self._group.scale(count)
        self.held = True

    def release(self) -> None:
        """
        Scale again.
        """
        self.held = False

    async def _look(self, loop: LoopingCall) -> None:
        """
        See what there is to do.
        """
        demands = await self._lookout.look()
        if self._loop is not loop:
            return
        try:
            self._seen(demands)
        except Exception:
            self._log.failure("group {name} was not scaled", name=self._group.name)
        loop.interval = self._group.settings.look

    def _seen(self, demands: Demands | None) -> None:
        """
        Scale.

        @param demands: L{None} when nobody knows.
        """
        group, now = self._group, self._clock.seconds()
        scaler = self._scalerOf(group.settings)
        functions = self._functions()
        if self.held or group.paused or demands is None or not functions:
            scaler.unknown(now, group.count)
            return
        demand = self._demand(demands, functions)
        count = group.count
        wanted = scaler.wanted(now, count, demand)
        if wanted != count:
            group.scale(wanted)
            self._log.info(
                "group {name} has {wanted} children instead of {count}, for {queued}"
                " jobs that wait and {running} that run",
                name=group.name,
                wanted=wanted,
                count=count,
                queued=demand.queued,
                running=demand.running,
            )

    def _scalerOf(self, settings: GroupSettings) -> Scaler:
        """
        What decides by these settings.
        """
        if self._scaler is None or self._settings is not settings:
            self._scaler = Scaler(settings)
            self._settings = settings
        return self._scaler

    def _functions(self) -> frozenset[str]:
        """
        What the group does.
        """
        settings = self._group.settings
        if settings.functions:
            return frozenset([*settings.functions, *settings.dedicated])
        said = [
            name
            for child in self._group.children
            if child.state != "stopping"
            for name in child.functions
        ]
        self._known = frozenset(said) or self._known
        return self._known

    def _demand(self, demands: Demands, functions: frozenset[str]) -> Demand:
        """
        What there is to do for children that are not for one function only.
        """
        settings = self._group.settings
        others = demandOf(demands, functions - settings.dedicated.keys())
        for name, children in settings.dedicated.items():
            jobs = children * settings.jobsPerChild
            others += demandOf(demands, [name]).without(jobs)
        return others
