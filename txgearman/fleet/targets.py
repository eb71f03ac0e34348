"""
Python targets: what stands for a worker in Python, and how it becomes one.

  - C{module:worker}: a L{Worker} that is not started, or what makes one when it is
    called with the reactor and the servers.
  - C{package.module}: the functions in its C{functions}, a mapping by name, or else
    all functions that are defined in it and whose names do not begin with an
    underscore.
  - a folder: each module in it is a function, whose name is the module's and which
    is done by what the module calls C{run}, or by what is called as itself. Modules
    whose names begin with an underscore are for the others.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any, Final, Protocol

from attrs import frozen

from txgearman.codecs import asBytes, asText
from txgearman.connection.servers import serversFrom
from txgearman.errors import BadSetting
from txgearman.fleet.importing import (
    imported,
    importedFrom,
    modulesIn,
    openFolder,
    unusable,
)
from txgearman.worker.running import Function, Place
from txgearman.worker.worker import Worker

Doing = Function[bytes] | Place[bytes]
"""
What does a function's jobs.
"""

_RUN: Final = "run"


class Registration(Protocol):
    """
    What a target can do.
    """

    def worker(
        self, reactor: Any, servers: str | None, concurrency: int
    ) -> Worker[Any]:
        """
        Have it done.

        @param servers: with commas between them; L{None} for those of the
            environment.
        @param concurrency: how many jobs may run at once, where the target does not
            say that itself.
        @return: a worker that is not started.
        @raise BadSetting: when the target does not give one.
        """


@frozen
class Functions:
    """
    Functions in Python.

    @ivar functions: what does them, by name.
    """

    functions: Mapping[str, Doing]

    def worker(
        self, reactor: Any, servers: str | None, concurrency: int
    ) -> Worker[bytes]:
        """
        Make a worker that does them; see L{Registration.worker}.
        """
        worker = Worker(reactor, servers, concurrency=concurrency)
        for name, doing in self.functions.items():
            worker.register(name, doing)
        return worker


@frozen
class ReadyWorker:
    """
    A worker, for which the servers of the fleet are to hold, and not its own.

    @ivar target: where it was found.
    """

    target: str
    found: Worker[Any]

    def worker(
        self, reactor: Any, servers: str | None, concurrency: int
    ) -> Worker[Any]:
        """
        Take it; see L{Registration.worker}.
        """
        worker = _unstarted(self.target, self.found)
        if servers is not None:
            worker._servers = serversFrom(reactor, servers)
        return worker


@frozen
class WorkerMaker:
    """
    What makes a worker.

    @ivar target: where it was found.
    """

    target: str
    make: Callable[[Any, str | None], Any]

    def worker(
        self, reactor: Any, servers: str | None, concurrency: int
    ) -> Worker[Any]:
        """
        Have it made; see L{Registration.worker}.
        """
        try:
            inspect.signature(self.make).bind(reactor, servers)
        except TypeError:
            raise BadSetting(
                f"{self.target} cannot be called with the reactor and the servers"
            ) from None
        except ValueError:
            # It does not say with what.
            pass
        try:
            made = self.make(reactor, servers)
        except Exception as error:
            raise unusable(f"{self.target} fails", error) from None
        if not isinstance(made, Worker):
            raise BadSetting(f"{self.target} makes {_kind(made)}, and no Worker")
        return _unstarted(self.target, made)


def load(target: str) -> Registration:
    """
    Find out what a target is.

    @param target: as described above. What has a slash is a folder, and so is what
        is one, unless it is a package.
    @raise BadSetting: when it cannot be used: one line that says why.
    """
    if isFolder(target):
        return Functions(_inFolder(target))
    module, colon, name = target.partition(":")
    if colon:
        return _named(target, imported(module), name)
    return Functions(_inModule(target, imported(target)))


def isFolder(target: str) -> bool:
    """
    Is a target a folder of functions, and no module?
    """
    if "/" in target or os.sep in target:
        return True
    return os.path.isdir(target) and not os.path.exists(
        os.path.join(target, "__init__.py")
    )


def restrict(worker: Worker[Any], names: Iterable[str], functions: list[str]) -> None:
    """
    Have a worker do some of its functions only.

    @param names: those on the wire of all that it does; see
        L{functionsOf<txgearman.fleet.observing.functionsOf>}.
    @param functions: those that are wanted.
    @raise BadSetting: when it cannot do one.
    """
    known = {name: asBytes(name) for name in names}
    for function in functions:
        if function not in known:
            has = ", ".join(known)
            raise BadSetting(f"there is no function {function!r}, only {has}")
    namespace = len(worker._namespace)
    for name, wire in known.items():
        if name not in functions:
            worker.unregister(wire[namespace:])


def _named(target: str, module: ModuleType, name: str) -> Registration:
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise BadSetting(f"there is no {name!r} in {module.__name__}") from None
    if isinstance(found, Worker):
        return ReadyWorker(target, found)
    if callable(found):
        return WorkerMaker(target, found)
    raise BadSetting(
        f"{target} is {_kind(found)}, and neither a Worker nor what makes one of the"
        " reactor and the servers"
    )


def _unstarted(target: str, worker: Worker[Any]) -> Worker[Any]:
    if worker.running:
        raise BadSetting(f"{target} runs already; the fleet is to start it")
    if not worker._shares:
        raise BadSetting(f"{target} has no functions")
    return worker


def _inModule(target: str, module: ModuleType) -> dict[str, Doing]:
    """
    Find the functions of a module.
    """
    listed = getattr(module, "functions", None)
    if isinstance(listed, Mapping):
        found = {_name(target, name): value for name, value in listed.items()}
    else:
        found = {
            name: value
            for name, value in vars(module).items()
            if not name.startswith("_") and _isOf(module, value)
        }
    if not found:
        raise BadSetting(f"{target} has no functions")
    for name, value in found.items():
        _check(value, f"{target}: {name!r}")
    return found


def _name(target: str, name: object) -> str:
    with suppress(ValueError):
        if isinstance(name, str | bytes) and asBytes(name):
            return asText(name)
    raise BadSetting(f"{target}: {name!r:.80} is no function's name")


def _isOf(module: ModuleType, value: object) -> bool:
    """
    Is something a function that is defined in a module?
    """
    if isinstance(value, Place):
        return True
    return inspect.isfunction(value) and value.__module__ == module.__name__


def _inFolder(target: str) -> dict[str, Doing]:
    """
    Find the functions of a folder.
    """
    folder = os.path.abspath(target)
    names = modulesIn(target)
    if not names:
        raise BadSetting(f"there are no functions in {target}")
    package = openFolder(folder)
    return {
        name: _does(
            importedFrom(package, os.path.join(folder, f"{name}.py"), name), name
        )
        for name in names
    }


def _does(module: ModuleType, name: str) -> Doing:
    """
    Find what does a module's function.
    """
    for called in _RUN, name, name.replace("-", "_"):
        found = getattr(module, called, None)
        if found is not None:
            return _check(found, f"{module.__file__}: {called!r}")
    raise BadSetting(f"{module.__file__} has neither {_RUN!r} nor {name!r}")


def _check(value: Any, where: str) -> Doing:
    if isinstance(value, Place) or callable(value):
        doing: Doing = value
        return doing
    raise BadSetting(f"{where} is {_kind(value)}, and no function")


def _kind(value: object) -> str:
    return f"of the type {type(value).__name__}"
