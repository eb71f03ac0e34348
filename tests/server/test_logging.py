"""
Tests for what stands in front of each line of a log.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Final

from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

SETUP: Final = Path(__file__).parents[2] / "setup.py"


def compiledModules() -> list[str]:
    """
    The modules that may be compiled, as C{setup.py} lists them.
    """
    for statement in ast.parse(SETUP.read_text()).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.List):
            files: list[str] = ast.literal_eval(statement.value)
            if files[0].endswith(".py"):
                return [file.removesuffix(".py").replace("/", ".") for file in files]
    raise AssertionError("there is a list")


class NamespaceTests(SynchronousTestCase):
    """
    Compiled modules log under their own names, too.
    """

    def test_names(self) -> None:
        """
        Each module's logger has the module's name, though there is no frame of Python
        where it is made.
        """
        loggers = {}
        for name in compiledModules():
            for value in vars(import_module(name)).values():
                if isinstance(value, Logger):
                    loggers[name] = value.namespace
        self.assertEqual(loggers, {name: name for name in loggers})
        self.assertIn("txgearman.server.outgoing", loggers)
