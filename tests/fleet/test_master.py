"""
Tests for L{txgearman.fleet.master}.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, cast

from twisted.internet.testing import MemoryReactorClock

from tests.fleet.stage import FakeProcess, FleetTestCase, folderOf, settings
from txgearman.errors import BadSetting
from txgearman.fleet.master import Fleet
from txgearman.fleet.reloading import LOOK
from txgearman.fleet.sentinel import Sentinel
from txgearman.fleet.settings import FleetSettings, GroupSettings
from txgearman.fleet.users import checkUser


def fleetSettings(*groups: GroupSettings, **said: Any) -> FleetSettings:
    """
    Settings of a fleet without a control socket.
    """
    said.setdefault("control", "")
    said.setdefault("servers", ("jobs.example.net",))
    return FleetSettings({group.name: group for group in groups}, **said)


class MasterTests(FleetTestCase):
    """
    A fleet, as its master keeps it.
    """

    def setUp(self) -> None:
        super().setUp()
        self.clock = self.reactor = MemoryReactorClock()
        self.settings: FleetSettings | None = None

    def read(self) -> FleetSettings:
        if self.settings is None:
            raise BadSetting("/fleet.toml: it is bad")
        return self.settings

    def make(
        self, *groups: GroupSettings, path: str | None = None, **said: Any
    ) -> Fleet:
        """
        Make a fleet of a file.
        """
        self.settings = fleetSettings(*groups, **said)
        return Fleet(
            self.reactor,
            self.settings,
            path,
            self.read,
            self.launcher,
            cast(Sentinel, self.sentinel),
            lambda: 0.5,
        )

    def start(self, *groups: GroupSettings, **said: Any) -> Fleet:
        fleet = self.make(*groups, **said)
        fleet.startService()
        return fleet

    def children(self) -> Mapping[str, list[FakeProcess]]:
        """
        The children that live and were not told to end, by their groups.
        """
        found: dict[str, list[FakeProcess]] = {}
        for process in self.launcher.living:
            if not process.told:
                name = process.order.variables["TXGEARMAN_GROUP"]
                found.setdefault(name, []).append(process)
        return found

    def counts(self) -> Mapping[str, int]:
        return {name: len(found) for name, found in self.children().items()}

    def test_started(self) -> None:
        """
        All groups have their children, which know the servers and the fleet.
        """
        fleet = self.start(settings(name="a", count=2), settings(name="b"))
        self.assertEqual(list(fleet.groups), ["a", "b"])
        self.assertEqual(self.counts(), {"a": 2, "b": 1})
        self.assertTrue(self.sentinel.running)
        fleets = set()
        for process in self.launcher.processes:
            variables = process.order.variables
            self.assertEqual(variables["GEARMAN_SERVERS"], "jobs.example.net:4730")
            fleets.add(variables["TXGEARMAN_FLEET"])
        self.assertEqual(len(fleets), 1)
        self.assertEqual(self.reactor.tcpServers, [])

    def test_stopped(self) -> None:
        """
        It has stopped when all children have ended, and the sentinel is the last.
        """
        fleet = self.start(settings(name="a", count=2), settings(name="b"))
        first, second = fleet.stopService(), fleet.stopService()
        self.assertEqual(len(self.launcher.told), 3)
        for process in self.launcher.living:
            self.assertTrue(self.sentinel.running)
            self.assertNoResult(first)
            process.end(0)
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(fleet.stopService())
        self.assertFalse(self.sentinel.running)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_serversOfEnvironment(self) -> None:
        """
        The servers may be those of the environment.
        """
        self.patch(os, "environ", {"GEARMAN_SERVERS": "a:1,b:2"})
        fleet = self.make(settings(), servers=())
        self.assertEqual(fleet.servers, ["a:1", "b:2"])

    def test_bad(self) -> None:
        """
        What cannot be used is refused before anything starts.
        """
        wrongs: list[tuple[Mapping[str, Any], str]] = [
            ({"command": ("x", "{y}")}, "groups.mail: command: '{y}' is none of"),
            ({"user": "nobody at all"}, "groups.mail: user: there is no nobody at all"),
        ]
        for said, wrong in wrongs:
            with self.assertRaises(BadSetting) as raised:
                self.make(settings(**said))
            self.assertTrue(str(raised.exception).startswith(wrong))
        self.assertRaises(BadSetting, self.make, settings(), servers=("a:b:c",))

    def test_user(self) -> None:
        """
        Only root can have children of others.
        """
        self.patch(os, "geteuid", lambda: 12345)
        with self.assertRaises(BadSetting) as raised:
            checkUser("root")
        self.assertEqual(
            str(raised.exception), "user: only root can start children of root"
        )
        self.patch(os, "geteuid", lambda: 0)
        checkUser("root")
        checkUser("0")
        checkUser(None)

    def test_reload(self) -> None:
        """
        When the settings are read again, groups that changed are restarted, new ones
        started, others stopped, and those that did not change left alone.
        """
        same = settings(name="same")
        fleet = self.start(settings(name="gone"), same, settings(name="changed"))
        before = self.children()
        self.settings = fleetSettings(
            settings(name="new"), settings(name="changed", environment={"A": "b"}), same
        )
        done = fleet.reload()
        self.pass_(2)
        self.successResultOf(done)
        after = self.children()
        self.assertEqual(list(fleet.groups), ["new", "changed", "same"])
        self.assertEqual(self.counts(), {"same": 1, "changed": 1, "new": 1})
        self.assertEqual(before["same"], after["same"])
        self.assertNotEqual(before["changed"], after["changed"])
        self.assertEqual(self.launcher.told, [*before["gone"], *before["changed"]])
        # Those of a group that is no more are waited for, too.
        stopped = fleet.stopService()
        for process in self.launcher.living:
            if process not in before["gone"]:
                process.end(0)
        self.assertNoResult(stopped)
        before["gone"][0].end(0)
        self.successResultOf(stopped)

    def test_renew(self) -> None:
        """
        All groups can be restarted along with that; new ones are not, again.
        """
        same = settings(name="same")
        fleet = self.start(same)
        before = self.children()
        self.settings = fleetSettings(same, settings(name="new"))
        done = fleet.renew()
        self.pass_(5)
        self.successResultOf(done)
        self.assertNotEqual(before["same"], self.children()["same"])
        self.assertEqual(len(self.launcher.processes), 3)

    def test_renewWithoutFile(self) -> None:
        """
        Where there is no file the groups are restarted.
        """
        sentinel = cast(Sentinel, self.sentinel)
        fleet = Fleet(
            self.reactor,
            fleetSettings(settings()),
            launcher=self.launcher,
            sentinel=sentinel,
        )
        fleet.startService()
        self.successResultOf(fleet.reload())
        done = fleet.renew()
        self.pass_(2)
        self.successResultOf(done)
        self.assertEqual(len(self.launcher.processes), 2)

    def test_badFile(self) -> None:
        """
        What cannot be read, or not be used, changes nothing.
        """
        fleet = self.start(settings(count=2))
        before = self.children()
        for bad in None, fleetSettings(settings(user="nobody at all")):
            self.settings = bad
            self.successResultOf(fleet.reload())
            self.successResultOf(fleet.renew())
        self.assertEqual(self.children(), before)
        self.assertEqual(len(self.launcher.processes), 2)
        self.assertLogged("the fleet stays as it is: /fleet.toml: it is bad", 2)
        self.assertLogged("the fleet stays as it is: groups.mail: user: there is no", 2)

    def test_newServers(self) -> None:
        """
        Other servers concern all groups.
        """
        fleet = self.start(settings(name="a"), settings(name="b"))
        self.settings = fleetSettings(
            settings(name="a"), settings(name="b"), servers=("other:1",)
        )
        done = fleet.reload()
        self.pass_(5)
        self.successResultOf(done)
        for [process] in self.children().values():
            self.assertEqual(process.order.variables["GEARMAN_SERVERS"], "other:1")

    def test_restartFails(self) -> None:
        """
        That a group does not restart is logged, and hinders no other.
        """
        fleet = self.start(settings(name="a"), settings(name="b"))
        done = fleet.renew()
        self.launcher.processes[2].end(1)
        self.pass_(5)
        self.successResultOf(done)
        self.assertLogged("the restart of group a is given up")
        self.assertEqual(len(self.children()["b"]), 1)
        self.assertEqual(len(self.launcher.told), 1)

    def test_stopsWhileRestarting(self) -> None:
        """
        A fleet can stop at any time, and reads nothing any more then.
        """
        fleet = self.start(settings(count=2))
        done = fleet.renew()
        stopped = fleet.stopService()
        self.successResultOf(done)
        self.successResultOf(fleet.reload())
        self.successResultOf(fleet.renew())
        for process in self.launcher.living:
            process.end(0)
        self.successResultOf(stopped)
        self.assertEqual(len(self.launcher.processes), 3)

    def test_autoscalings(self) -> None:
        """
        Groups are scaled that are to be, as the settings say now.
        """
        scaled = settings(name="a", min=1, max=5, functions=("f",))
        fleet = self.start(scaled, settings(name="b"))
        self.assertEqual(list(fleet.autoscalings), ["a"])
        self.assertEqual([client[1] for client in self.reactor.tcpClients], [4730])
        first = fleet.autoscalings["a"]
        self.settings = fleetSettings(scaled, settings(name="b", target="x", max=2))
        fleet.reload()
        self.assertEqual(set(fleet.autoscalings), {"a", "b"})
        self.assertIs(fleet.autoscalings["a"], first)
        self.settings = fleetSettings(settings(name="a"))
        fleet.reload()
        self.assertEqual(fleet.autoscalings, {})
        self.assertFalse(first.running)

    def test_autoReload(self) -> None:
        """
        Changes are looked for when that is wanted, and as long.
        """
        path = f"{folderOf(self)}/fleet.toml"
        with open(path, "w") as file:
            file.write("old")
        fleet = self.start(settings(), path=path, autoReload=True)
        with open(path, "w") as file:
            file.write("new one")
        self.settings = fleetSettings(settings(count=3))
        self.reactor.pump([LOOK] * 2)
        self.assertEqual(self.counts(), {"mail": 3})
        with open(path, "w") as file:
            file.write("newest one")
        self.settings = fleetSettings(settings(count=4))
        self.reactor.pump([LOOK] * 2)
        self.assertEqual(self.counts(), {"mail": 3})
        fleet.reload()
        self.assertEqual(self.counts(), {"mail": 4})

    def test_control(self) -> None:
        """
        Another control socket is for the next start.
        """
        fleet = self.start(settings())
        self.settings = fleetSettings(settings(), control="/run/x")
        fleet.reload()
        self.assertLogged("the control socket is another one when this master is")

    def test_controlInUse(self) -> None:
        """
        Where the control socket cannot be made nothing is started.
        """
        fleet = self.make(settings(), control="/nonexistent/socket")
        self.assertRaises(BadSetting, fleet.startService)
        self.assertEqual(self.launcher.processes, [])
        self.assertFalse(fleet.running)
