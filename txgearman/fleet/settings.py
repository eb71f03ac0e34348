"""
What a fleet is told: its groups of children, and how they are kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, field, frozen

from txgearman.documents import quoted, readDocument, table, unknown
from txgearman.errors import BadSetting
from txgearman.fleet.keys import FLEET_KEYS, GROUP_KEYS

CONTROL: Final = "gearman-worker.sock"
"""
Where the control socket is by default: in the folder that the master runs in.
"""


@frozen
class GroupSettings:
    """
    What is said of a group. Times are in seconds.

    @ivar name: of one or more letters, digits, C{_} and C{-}.
    @ivar target: what a Python child serves; a folder is an absolute path. Empty
        where there is a command.
    @ivar command: the words of a command, with places for what it is handed; empty
        where there is a target.
    @ivar count: children beside the dedicated ones, unless the group is autoscaled.
    @ivar min: children of an autoscaled group, at least.
    @ivar max: and at most; 0 where it is not autoscaled.
    @ivar functions: what the children serve; empty for all they know.
    @ivar dedicated: how many more children serve only this one function.
    @ivar directory: an absolute path; L{None} for the master's own directory.
    @ivar user: a name; L{None} for the master's own user.
    @ivar maxJobs: jobs a child does before it ends; 0 for any number.
    @ivar maxLifetime: how long a child lives before it is replaced; 0 for any time.
    @ivar splay: by which share those two are longer or shorter, by chance.
    @ivar startSplay: time over which the first children are started.
    @ivar stopTimeout: from SIGTERM to SIGKILL.
    @ivar jobsPerChild: queued and running jobs that are worth a child.
    @ivar maxAge: time that a job may be queued before the group grows; 0 for any time.
    @ivar cooldown: time between two changes downwards.
    @ivar look: time between two looks at the servers.
    @ivar concurrency: jobs at once in a Python child.
    @ivar watch: absolute paths whose change restarts the group.
    """

    name: str
    target: str = ""
    command: tuple[str, ...] = ()
    count: int = 1
    min: int = 0
    max: int = 0
    functions: tuple[str, ...] = ()
    dedicated: Mapping[str, int] = field(factory=dict)
    environment: Mapping[str, str] = field(factory=dict)
    directory: str | None = None
    user: str | None = None
    maxJobs: int = 0
    maxLifetime: float = 0.0
    splay: float = 0.1
    startSplay: float = 0.0
    stopTimeout: float = 30.0
    jobsPerChild: int = 1
    maxAge: float = 0.0
    cooldown: float = 30.0
    look: float = 2.0
    concurrency: int = 1
    watch: tuple[str, ...] = ()

    @property
    def autoscaled(self) -> bool:
        """
        Whether the number of children follows the jobs.
        """
        return self.max > 0

    @property
    def first(self) -> int:
        """
        How many children there are at first, beside the dedicated ones.
        """
        return self.min if self.autoscaled else self.count

    @property
    def isFolder(self) -> bool:
        """
        Whether the target is a folder of modules.
        """
        return os.path.isabs(self.target)

    def sameChildren(self, other: GroupSettings) -> bool:
        """
        Whether children of the other settings would be the same, however many there
        are of them.
        """
        return self._ofAChild() == other._ofAChild()

    def _ofAChild(self) -> GroupSettings:
        """
        What concerns each child by itself.
        """
        return evolve(
            self,
            count=0,
            min=0,
            max=0,
            dedicated={},
            startSplay=0,
            jobsPerChild=1,
            maxAge=0,
            cooldown=0,
            look=1,
            watch=(),
        )


@frozen
class FleetSettings:
    """
    What is said of a fleet.

    @ivar groups: by name, in the file's order.
    @ivar servers: as the user names them; empty for those of the environment.
    @ivar control: path of the control socket; empty for none.
    @ivar autoReload: whether children are replaced when their code changes.
    """

    groups: Mapping[str, GroupSettings]
    servers: tuple[str, ...] = ()
    control: str = CONTROL
    autoReload: bool = False


def readFleet(path: str) -> FleetSettings:
    """
    Read a file. Paths in it are relative to its folder.

    @param path: of a file of TOML.
    @raise BadSetting: when it cannot be read, or says something that cannot be: one
        line that begins with the path.
    """
    try:
        return fleetOf(readDocument(path), os.path.dirname(os.path.abspath(path)))
    except BadSetting as error:
        raise BadSetting(f"{path}: {error}") from None


def fleetOf(document: Mapping[str, object], folder: str) -> FleetSettings:
    """
    Understand what a file says.

    @param folder: what paths are relative to; an absolute path.
    @raise BadSetting: when it says something that cannot be.
    """
    said: dict[str, Any] = {}
    for name, value in document.items():
        if name in FLEET_KEYS:
            key = FLEET_KEYS[name]
            said[key.attribute] = key.check(value)
        elif name != "groups":
            raise BadSetting(unknown(name, "key of a fleet", [*FLEET_KEYS, "groups"]))
    if said.get("control"):
        said["control"] = os.path.join(folder, said["control"])
    groups = {
        name: _group(name, section, folder)
        for name, section in table(document.get("groups", {}), "groups").items()
    }
    if not groups:
        raise BadSetting("it has no group, as [groups.NAME]")
    return FleetSettings(groups, **said)


def _group(name: str, section: object, folder: str) -> GroupSettings:
    """
    Read what is said of a group.
    """
    where = f"groups.{quoted(name)}"
    said = table(section, where)
    try:
        return groupOf(name, said, folder)
    except BadSetting as error:
        raise BadSetting(f"{where}: {error}") from None


def groupOf(name: str, section: Mapping[str, object], folder: str) -> GroupSettings:
    """
    Understand what is said of a group.

    @param folder: what paths are relative to; an absolute path.
    @raise BadSetting: for what cannot be.
    """
    if not re.fullmatch("[A-Za-z0-9_-]{1,64}", name):
        raise BadSetting("the name of a group is letters, digits, _ and -")
    said: dict[str, Any] = {}
    for key, value in section.items():
        if key not in GROUP_KEYS:
            raise BadSetting(unknown(key, "key of a group", GROUP_KEYS))
        said[GROUP_KEYS[key].attribute] = GROUP_KEYS[key].check(value)
    _checkTogether(said)
    return GroupSettings(name, **_located(said, folder))


def _checkTogether(said: Mapping[str, Any]) -> None:
    """
    Look whether what is said goes together.
    """
    if ("target" in said) == ("command" in said):
        raise BadSetting("it wants either a target or a command")
    if "command" in said and said.get("concurrency", 1) != 1:
        raise BadSetting("concurrency is for a target, not for a command")
    if "min" in said and "max" not in said:
        raise BadSetting("min wants a max beside it")
    if "max" in said and "count" in said:
        raise BadSetting("count cannot stand beside max")
    if said.get("min", 0) > said.get("max", 0):
        raise BadSetting(f"min {said['min']} is more than max {said['max']}")
    if "max" in said and said.get("min") == 0 and not said.get("functions"):
        raise BadSetting(
            "with min 0 it is autoscaled by its functions, which are not said"
        )
    if "max" in said and "command" in said and not said.get("functions"):
        raise BadSetting("a command is autoscaled by its functions, which are not said")


def _located(said: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """
    Make paths absolute: a daemon changes its directory.
    """
    found = dict(said)
    if "directory" in found:
        found["directory"] = os.path.join(folder, found["directory"])
    if "target" in found:
        within = found.get("directory", folder)
        found["target"] = _targetWithin(within, found["target"])
    if "watch" in found:
        found["watch"] = tuple(os.path.join(folder, path) for path in found["watch"])
    # One child is what there is in an autoscaled group at least, unless it is said.
    if "max" in found:
        found.setdefault("min", 1)
    return found


def _targetWithin(folder: str, target: str) -> str:
    """
    Make the target an absolute path, if it is a folder.
    """
    path = os.path.normpath(os.path.join(folder, target))
    if "/" in target or (":" not in target and os.path.isdir(path)):
        return path
    return target
