"""
Importing what users name, with errors in one line.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Final

from txgearman.errors import BadSetting

# Of a folder whose own name is taken, or is none.
_PACKAGE: Final = "gearman_functions"

# Where Python imports.
_PYTHONS: Final = ("<frozen ", os.path.dirname(importlib.__file__))


def imported(name: str) -> ModuleType:
    """
    Import a module, which may be in the working directory.

    @raise BadSetting: when that fails: one line, with the file and the line.
    """
    here = os.getcwd()
    if not {"", here} & set(sys.path):
        sys.path.insert(0, here)
    if not all(part.isidentifier() for part in name.split(".")):
        raise BadSetting(f"{name!r} is no module's name")
    with _importing(name):
        return importlib.import_module(name)


def modulesIn(folder: str) -> list[str]:
    """
    Find the modules in a folder that are for others than those in it.

    @return: their names, sorted.
    @raise BadSetting: when it cannot be read.
    """
    try:
        names = [os.path.splitext(name) for name in sorted(os.listdir(folder))]
    except OSError as error:
        raise BadSetting(f"{folder}: {error.strerror}") from None
    return [stem for stem, end in names if end == ".py" and stem[0] not in "_."]


def openFolder(folder: str) -> str:
    """
    Have modules in a folder find each other: as those of a package that is named as
    the folder, and, after all others, by their own names. None of them takes the
    place of a module that is called the same.

    @param folder: its whole path.
    @return: the name of the package. Only one that is named as the folder is found
        by other processes.
    """
    above, name = os.path.split(folder)
    here = os.getcwd()
    sys.path[:] = [each for each in sys.path if os.path.join(here, each) != folder]
    sys.path += [folder] if above in sys.path else [folder, above]
    if not name.isidentifier() or name in sys.modules or not _isIn(name, folder):
        name = _PACKAGE
    initial = os.path.join(folder, "__init__.py")
    if os.path.exists(initial):
        spec = spec_from_file_location(
            name, initial, submodule_search_locations=[folder]
        )
    else:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [folder]
    _made(spec, name)
    return name


def importedFrom(package: str, path: str, name: str) -> ModuleType:
    """
    Import a module of an opened folder.

    @param path: of its file.
    @param name: its own, which need not be an identifier.
    @raise BadSetting: when that fails: one line, with the file and the line.
    """
    # A dot would be that of another package.
    whole = f"{package}.{name.replace('.', '-')}"
    if whole in sys.modules:
        # One of the others imported it.
        return sys.modules[whole]
    return _made(spec_from_file_location(whole, path), path)


def _isIn(package: str, folder: str) -> bool:
    """
    Is a package found by its name where it is?
    """
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return False
    places = (spec and spec.submodule_search_locations) or []
    return folder in map(os.path.abspath, places)


def _made(spec: ModuleSpec | None, called: str) -> ModuleType:
    """
    Make a module, and run what is in it.

    @param called: what it is in an error.
    """
    if spec is None:
        raise BadSetting(f"{called} is no module")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    if spec.loader is not None:
        try:
            with _importing(called):
                spec.loader.exec_module(module)
        except BadSetting:
            del sys.modules[spec.name]
            raise
    return module


@contextmanager
def _importing(name: str) -> Iterator[None]:
    """
    @param name: what is imported.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise BadSetting(f"there is no module {name!r}") from None
        raise unusable(f"{name} cannot be imported", error) from None
    except (Exception, SystemExit) as error:
        raise unusable(f"{name} cannot be imported", error) from None


def unusable(trouble: str, error: BaseException) -> BadSetting:
    """
    Say in one line what went wrong in a user's code.

    @param trouble: what could not be done.
    """
    lines = traceback.format_exception_only(error)
    said = " ".join(lines[-1].split())
    return BadSetting(f"{trouble}: {said}{_where(error)}")


def _where(error: BaseException) -> str:
    """
    Say where an error was raised.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}, line {error.lineno})"
    frames = [
        (frame.filename, frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_PYTHONS) and frame.filename != __file__
    ]
    return " ({}, line {})".format(*frames[-1]) if frames else ""
