"""
Tests for the public names of L{txgearman}.
"""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module

from twisted.trial.unittest import SynchronousTestCase

import txgearman
from tests.sources import isForTypes


def declared() -> dict[str, str]:
    """
    Where type checkers find the public names.

    @return: the module of each name.
    """
    tree = ast.parse(inspect.getsource(txgearman))
    [block] = [node for node in tree.body if isForTypes(node)]
    return {
        alias.name: node.module or ""
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


class PackageTests(SynchronousTestCase):
    """
    The names that users import.
    """

    def test_names(self) -> None:
        """
        Each public name is what type checkers take it for.
        """
        homes = declared()
        self.assertEqual(sorted(homes), sorted(txgearman.__all__))
        for name, module in homes.items():
            value = getattr(import_module(module), name)
            self.assertIs(getattr(txgearman, name), value, name)

    def test_dir(self) -> None:
        """
        All of them can be seen.
        """
        self.assertLessEqual(set(txgearman.__all__), set(dir(txgearman)))

    def test_unknown(self) -> None:
        """
        There are no other names.
        """
        with self.assertRaises(AttributeError) as caught:
            txgearman.noSuchName  # noqa: B018
        self.assertIn("noSuchName", str(caught.exception))

    def test_lazy(self) -> None:
        """
        To import the package imports nothing else, Twisted least of all.
        """
        code = "import sys, txgearman; print('twisted' in sys.modules)"
        found = subprocess.run([sys.executable, "-c", code], capture_output=True)
        self.assertEqual(found.stdout.strip(), b"False", found.stderr)
