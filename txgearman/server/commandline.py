"""
What the command lines of all that twistd runs of txgearman have in common.
"""

from __future__ import annotations

from typing import Any

from twisted.python import usage

from txgearman.version import __version__


class CommandLine(usage.Options):
    """
    A command line without arguments.

    @cvar command: what twistd calls it.
    """

    command = ""
    synopsis = "[options]"

    def opt_version(self) -> None:
        """Print the version and exit."""
        print(f"txgearman {__version__}")
        raise SystemExit(0)

    opt_V = opt_version

    def parseOptions(self, options: Any = None) -> None:
        """
        Parse; what is wrong is said in one line, where twistd would print all
        of its help and exit as if nothing were wrong.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            raise SystemExit(f"{self.command}: {error}") from None

    def parseArgs(self, *arguments: str) -> None:
        """
        There are no arguments.
        """
        if arguments:
            raise usage.UsageError(f"unexpected argument: {arguments[0]}")
