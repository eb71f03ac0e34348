"""
The master: keeps the groups of a fleet, and does no job itself.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger

from txgearman.connection.servers import serversFrom
from txgearman.errors import BadSetting
from txgearman.fleet.autoscaling import Autoscaling
from txgearman.fleet.control import Control
from txgearman.fleet.demand import Lookout
from txgearman.fleet.group import Group
from txgearman.fleet.launcher import ILauncher, Launcher
from txgearman.fleet.order import Chance, checkCommand
from txgearman.fleet.reloading import Reloading
from txgearman.fleet.sentinel import Sentinel
from txgearman.fleet.settings import FleetSettings
from txgearman.fleet.users import checkUser
from txgearman.fleet.world import World


class Fleet(Service):
    """
    A fleet as a service: its groups, what scales and reloads them, and its control
    socket.

    @ivar groups: by name, in the file's order.
    @ivar autoscalings: what scales those that are autoscaled, by their names.
    @ivar servers: the names of the servers, as the children are told.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        settings: FleetSettings,
        path: str | None = None,
        read: Callable[[], FleetSettings] | None = None,
        launcher: ILauncher | None = None,
        sentinel: Sentinel | None = None,
        chance: Chance = random.random,
    ) -> None:
        """
        @param path: of the file, which C{auto_reload} watches; L{None} if there is
            none.
        @param read: reads the settings again; L{None} if they cannot change.
        @param launcher: starts the children; L{None} for processes of the reactor.
        @param sentinel: ends children when the master dies; L{None} for a new one.
        @param chance: draws numbers from 0 to 1.
        @raise BadSetting: for settings that cannot be used.
        """
        self.groups: dict[str, Group] = {}
        self.autoscalings: dict[str, Autoscaling] = {}
        self.servers: Sequence[str] = _checked(reactor, settings)
        self._reactor = reactor
        self._settings = settings
        self._read = read
        self._sentinel = Sentinel() if sentinel is None else sentinel
        self._world = World(
            f"{os.getpid()}-{secrets.token_hex(8)}",
            reactor,
            Launcher(reactor) if launcher is None else launcher,
            self._sentinel,
            chance,
        )
        self._control: Control | None = None
        self._reloading = Reloading(reactor, self.groups, path, self.reload)
        self._lookout: Lookout | None = None
        # What is about to end: children of groups that are no more, and the like.
        self._ends: list[Deferred[Any]] = []
        self._stopped = False
        self._stopping: list[Deferred[None]] = []

    def startService(self) -> None:
        """
        Start the children, and all that is around them.

        @raise BadSetting: when the control socket cannot be made. Nothing is started
            then.
        """
        if self._settings.control:
            self._control = Control(self._reactor, self._settings.control, self)
            self._control.startService()
        super().startService()
        self._sentinel.start(self._reactor, self._world.fleet)
        self._apply(self._settings, self.servers)

    def stopService(self) -> Deferred[None]:
        """
        Tell all children to end, and kill those that do not.

        @return: fires when nothing is left of them.
        """
        done: Deferred[None] = Deferred()
        self._stopping.append(done)
        if self.running:
            super().stopService()
            self._stopped = False
            Deferred.fromCoroutine(self._stop())
        elif self._stopped:
            self._end()
        return done

    def reload(self) -> Deferred[None]:
        """
        Read the settings again. Groups that changed are restarted, new ones started,
        and others stopped. What cannot be read changes nothing.

        @return: fires when that is done, or what could not be done is logged.
        """
        changed = self._readAgain()
        restarted = self._restart([] if changed is None else changed[1])
        return Deferred.fromCoroutine(restarted)

    def renew(self) -> Deferred[None]:
        """
        Read the settings again, as L{reload} does, and restart the groups that did not
        change, too.

        @return: fires when that is done, or what could not be done is logged.
        """
        if self._read is None:
            return Deferred.fromCoroutine(self._restart([*self.groups.values()]))
        changed = self._readAgain()
        restarted = self._restart([] if changed is None else changed[0])
        return Deferred.fromCoroutine(restarted)

    def _readAgain(self) -> tuple[list[Group], list[Group]] | None:
        """
        Let the settings hold that there are now.

        @return: as L{_apply} does; L{None} when they cannot be used.
        """
        if self._read is None or not self.running:
            return None
        try:
            settings = self._read()
            servers = _checked(self._reactor, settings)
        except BadSetting as error:
            self._log.warn("the fleet stays as it is: {error}", error=error)
            return None
        self._log.info("read the settings of the fleet again")
        if settings.control != self._settings.control:
            self._log.warn(
                "the control socket is another one when this master is started again"
            )
        return self._apply(settings, servers)

    def _apply(
        self, settings: FleetSettings, servers: Sequence[str]
    ) -> tuple[list[Group], list[Group]]:
        """
        Have the groups that there are to be.

        @return: those that there were before, and those of them whose children are to
            be others.
        """
        if list(servers) != list(self.servers):
            self._stopScaling(list(self.autoscalings))
        self._settings = settings
        self.servers = servers
        for name in self.groups.keys() - settings.groups.keys():
            self._log.info("group {name} is no more", name=name)
            self._ends.append(self.groups.pop(name).stop())
        kept: list[Group] = []
        changed: list[Group] = []
        for name, said in settings.groups.items():
            group = self.groups.pop(name, None)
            if group is None:
                group = Group(self._world, said, servers)
                group.start()
            else:
                kept.append(group)
                if group.configure(said, servers):
                    changed.append(group)
            # In the file's order.
            self.groups[name] = group
        self._scale()
        self._watch()
        return kept, changed

    async def _restart(self, groups: Sequence[Group]) -> None:
        """
        Restart some groups, which say themselves what goes wrong.
        """
        restarts = [group.restart() for group in groups]
        await DeferredList(restarts, consumeErrors=True)

    def _scale(self) -> None:
        """
        Have those groups scaled that are to be.
        """
        scaled = {name for name, group in self.groups.items() if _scales(group)}
        self._stopScaling(self.autoscalings.keys() - scaled)
        for name in scaled - self.autoscalings.keys():
            if self._lookout is None:
                self._lookout = Lookout(self._reactor, self.servers)
            scaling = Autoscaling(self._reactor, self.groups[name], self._lookout)
            self.autoscalings[name] = scaling
            scaling.startService()

    def _stopScaling(self, names: Iterable[str]) -> None:
        """
        Scale some groups no longer.
        """
        for name in list(names):
            self.autoscalings.pop(name).stopService()
        if not self.autoscalings and self._lookout is not None:
            lookout, self._lookout = self._lookout, None
            self._ends.append(lookout.close())

    def _watch(self) -> None:
        """
        Look for changes, or not.
        """
        if self._settings.autoReload and not self._reloading.running:
            self._reloading.startService()
        elif self._reloading.running and not self._settings.autoReload:
            self._reloading.stopService()

    async def _stop(self) -> None:
        """
        End everything, what ends the children after them.
        """
        if self._reloading.running:
            self._reloading.stopService()
        self._stopScaling(list(self.autoscalings))
        control, self._control = self._control, None
        if control is not None:
            self._ends.append(maybeDeferred(control.stopService))
        self._ends += [group.stop() for group in self.groups.values()]
        await DeferredList(self._ends, consumeErrors=True)
        self._ends = []
        await self._sentinel.stop()
        self._log.info("all children have stopped")
        self._stopped = True
        self._end()

    def _end(self) -> None:
        stopping, self._stopping = self._stopping, []
        for done in stopping:
            done.callback(None)


def _scales(group: Group) -> bool:
    return group.settings.autoscaled


def _checked(reactor: Any, settings: FleetSettings) -> Sequence[str]:
    """
    Look whether settings can be used here and now.

    @return: the names of the servers.
    @raise BadSetting: when they cannot.
    """
    found = serversFrom(reactor, list(settings.servers) or None)
    # A name's own comma is one of several names otherwise.
    servers = [server.name.replace(",", "\\,") for server in found]
    for group in settings.groups.values():
        try:
            checkCommand(group, servers)
            checkUser(group.user)
        except BadSetting as error:
            raise BadSetting(f"groups.{group.name}: {error}") from None
    return servers
