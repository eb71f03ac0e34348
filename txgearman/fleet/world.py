"""
What is around the children of a fleet.
"""

from __future__ import annotations

from typing import Protocol

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from txgearman.fleet.launcher import ILauncher
from txgearman.fleet.order import Chance


class ISentinel(Protocol):
    """
    Ends children whose master has died.
    """

    def watch(self, pid: int, timeout: float) -> None:
        """
        A child was started.

        @param timeout: seconds from SIGTERM to SIGKILL.
        """

    def forget(self, pid: int) -> None:
        """
        A child has ended, with all in its process group.
        """


@frozen
class World:
    """
    What all groups of a fleet share.

    @ivar fleet: what the fleet is known by.
    """

    fleet: str
    clock: IReactorTime
    launcher: ILauncher
    sentinel: ISentinel
    chance: Chance
