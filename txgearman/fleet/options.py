"""
The command line of C{twistd gearman-worker}.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from attrs import evolve
from twisted.python import usage

from txgearman.errors import BadSetting
from txgearman.fleet.keys import FLEET_KEYS, GROUP_KEYS, Key
from txgearman.fleet.settings import FleetSettings, GroupSettings, groupOf, readFleet
from txgearman.server.commandline import CommandLine

# Keys of a group whose options can be repeated.
_REPEATED = frozenset({"environment", "watch"})


class Options(CommandLine):
    """
    What C{twistd gearman-worker} was told: a file, or one group.

    @ivar path: of the file, absolute; L{None} when there is none.
    @ivar settings: what there is to be.
    """

    command = "gearman-worker"
    synopsis = "[--config FILE | --target TARGET | --command COMMAND] [options]"
    longdesc = (
        "Keeps worker processes alive. Stop it with SIGINT or SIGTERM; SIGHUP reads the"
        " file of --config again, and replaces all children one after another."
    )

    optFlags = [["auto-reload", None, FLEET_KEYS["auto_reload"].about]]

    optParameters = [
        ["config", "c", None, "File of TOML that says it all, for several groups."],
        ["group", "g", "workers", "What the log calls the group."],
        ["control", None, None, FLEET_KEYS["control"].about],
        *(
            [key.option, None, None, key.about]
            for key in GROUP_KEYS.values()
            if key.name not in _REPEATED
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.servers: list[str] = []
        self._environment: dict[str, object] = {}
        self._watch: list[object] = []

    def opt_server(self, server: str) -> None:
        """Job server, as host:port; repeatable. [default: GEARMAN_SERVERS, or here]"""
        self.servers.append(server)

    opt_s = opt_server

    def opt_environment(self, variable: str) -> None:
        """Variable of the children's environment, as NAME=TEXT; repeatable."""
        name, equals, text = variable.partition("=")
        if not equals or not name:
            raise usage.UsageError(f"--environment: {variable!r} is not NAME=TEXT")
        self._environment[name] = text

    opt_e = opt_environment

    def opt_watch(self, path: str) -> None:
        """Further file or folder that --auto-reload watches; repeatable."""
        self._watch.append(path)

    def postOptions(self) -> None:
        """
        Make settings of what was said.
        """
        config: str | None = self["config"]
        # A daemon changes its directory, and may read the file again there.
        self.path = None if config is None else os.path.abspath(config)
        try:
            self.settings = self.read()
        except BadSetting as error:
            raise usage.UsageError(str(error)) from None

    def read(self) -> FleetSettings:
        """
        Make settings: of the file, if there is one, as it is now. What options say of
        the whole fleet comes before what it says.

        @raise BadSetting: when they cannot be used.
        """
        if self.path is None:
            groups = {self["group"]: self._group()}
            return evolve(FleetSettings(groups), **self._ofFleet())
        said = self._ofGroup()
        if said:
            option = GROUP_KEYS[next(iter(said))].option
            raise BadSetting(f"--{option} cannot stand beside --config")
        try:
            settings = readFleet(self.path)
        except BadSetting as error:
            raise BadSetting(f"--config: {error}") from None
        return evolve(settings, **self._ofFleet())

    def _ofFleet(self) -> dict[str, Any]:
        """
        What is said of the whole fleet.
        """
        said: dict[str, Any] = {}
        if self.servers:
            said["servers"] = _checked("server", FLEET_KEYS["servers"], self.servers)
        if self["control"] is not None:
            said["control"] = _checked(
                "control", FLEET_KEYS["control"], self["control"]
            )
        if self["auto-reload"]:
            said["autoReload"] = True
        return said

    def _group(self) -> GroupSettings:
        """
        The only group.
        """
        said = self._ofGroup()
        if "target" not in said and "command" not in said:
            raise BadSetting("it wants a --config, a --target or a --command")
        try:
            return groupOf(self["group"], said, os.getcwd())
        except BadSetting as error:
            raise BadSetting(_inOptions(str(error))) from None

    def _ofGroup(self) -> Mapping[str, object]:
        """
        What is said of a group, as a file would say it.
        """
        said = {
            key.name: key.word(self[key.option])
            for key in GROUP_KEYS.values()
            if key.name not in _REPEATED and self[key.option] is not None
        }
        if self._environment:
            said["environment"] = self._environment
        if self._watch:
            said["watch"] = self._watch
        return said


def _checked(option: str, key: Key, value: object) -> Any:
    """
    Look what an option sets a key to.

    @raise BadSetting: naming the option.
    """
    try:
        return key.check(value)
    except BadSetting as error:
        raise BadSetting(f"--{option}{str(error).removeprefix(key.name)}") from None


def _inOptions(said: str) -> str:
    """
    Speak of options where a sentence begins with a key.
    """
    name, space, rest = said.partition(" ")
    return f"--{GROUP_KEYS[name].option}{space}{rest}" if name in GROUP_KEYS else said
