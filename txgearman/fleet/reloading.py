"""
Noticing that the file of a fleet has changed, or the code of its children.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.machinery import PathFinder
from typing import Final, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txgearman.fleet.settings import GroupSettings

LOOK: Final = 2.0
"""
Seconds between two looks. A change counts when it is the same in two of them.
"""

# What tells whether a file is the same: when it changed, its size and its number.
_Stamp = tuple[int, int, int]
_Seen = Mapping[str, _Stamp]


class Watched(Protocol):
    """
    A group.
    """

    @property
    def settings(self) -> GroupSettings:
        """
        What is said of it.
        """

    def restart(self) -> Deferred[None]:
        """
        Replace its children.
        """


class Reloading(Service):
    """
    Looks every two seconds whether something has changed, reads the file again then,
    and restarts the groups whose code it is.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        groups: Mapping[str, Watched],
        path: str | None,
        reload: Callable[[], object],
    ) -> None:
        """
        @param groups: those that there are now, whenever it is looked.
        @param path: of the file; L{None} when there is none.
        @param reload: reads it again.
        """
        self._clock = clock
        self._groups = groups
        self._reload = reload
        self._file = _Change([path] if path is not None else [])
        self._code: dict[str, tuple[GroupSettings, _Change]] = {}
        self._loop: LoopingCall | None = None

    def startService(self) -> None:
        """
        Begin to look.
        """
        super().startService()
        self._loop = LoopingCall(self._look)
        self._loop.clock = self._clock
        self._loop.start(LOOK)

    def stopService(self) -> None:
        """
        Look no more.
        """
        super().stopService()
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()

    def _look(self) -> None:
        """
        Look once.
        """
        if self._file.settled():
            self._log.info("the file of the fleet has changed")
            self._reload()
        known, self._code = self._code, {}
        for name, group in list(self._groups.items()):
            settings = group.settings
            before = known.get(name)
            if before is None or before[0] != settings:
                change = _Change(settings.watch, codeOf(settings))
                if before is not None:
                    # The code may have changed together with the file.
                    change.goOn(before[1])
                before = settings, change
            self._code[name] = before
            if before[1].settled():
                self._log.info("the code of group {name} has changed", name=name)
                # The group says itself what becomes of it.
                group.restart().addErrback(lambda _: None)


class _Change:
    """
    Some files, and whether they have become others for good.
    """

    def __init__(self, paths: Iterable[str], code: Iterable[str] = ()) -> None:
        """
        @param paths: files, and folders of which every file counts.
        @param code: files, and folders of which those count that Python imports: a
            worker may write others there.
        """
        self._places = [(path, _counts) for path in paths]
        self._places += [(path, _isCode) for path in code]
        self._known = self._last = self._seen()

    def goOn(self, other: _Change) -> None:
        """
        Know of a file what another one knew of it.
        """
        now = self._known
        self._known = {path: other._known.get(path, now[path]) for path in now}

    def settled(self) -> bool:
        """
        Look. They count as changed as soon as they have stopped to change.
        """
        now = self._seen()
        still, self._last = now == self._last, now
        if not still or now == self._known:
            return False
        self._known = now
        return True

    def _seen(self) -> _Seen:
        return {
            path: stamp
            for place, counts in self._places
            for path in _files(place, counts)
            if (stamp := _stamp(path)) is not None
        }


def _stamp(path: str) -> _Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _files(place: str, counts: Callable[[str], bool]) -> Iterator[str]:
    """
    Find the files in a folder and below whose names count; a file is itself.
    """
    if not os.path.isdir(place):
        yield place
        return
    for folder, folders, names in os.walk(place):
        folders[:] = [name for name in folders if _counts(name)]
        yield from (os.path.join(folder, name) for name in names if counts(name))


def _counts(name: str) -> bool:
    """
    It is not hidden, nor what Python makes of its modules.
    """
    return not name.startswith(".") and name != "__pycache__"


def _isCode(name: str) -> bool:
    return _counts(name) and name.endswith((".py", ".so", ".pyd"))


def codeOf(settings: GroupSettings) -> list[str]:
    """
    Find out which files and folders the code of a group's children is in: the whole
    folder of the target, or the package that it belongs to, or those words of the
    command that are files.
    """
    folder = settings.directory or os.getcwd()
    if settings.isFolder:
        return [settings.target]
    if settings.target:
        return _package(settings.target, [folder, *_pythonPath(settings), *sys.path])
    words = (os.path.join(folder, word) for word in settings.command)
    return [word for word in words if os.path.isfile(word)]


def _pythonPath(settings: GroupSettings) -> list[str]:
    """
    Where its children look for modules, as far as the settings say.
    """
    path = settings.environment.get("PYTHONPATH", "")
    return [place for place in path.split(os.pathsep) if place]


def _package(target: str, places: list[str]) -> list[str]:
    """
    Find the folders of the package that a target belongs to, or its module, without
    importing anything.
    """
    name = target.partition(":")[0].partition(".")[0]
    PathFinder.invalidate_caches()
    spec = PathFinder.find_spec(name, places)
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return list(spec.submodule_search_locations)
    return [spec.origin] if spec.origin is not None else []
