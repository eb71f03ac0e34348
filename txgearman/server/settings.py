"""
What the owner of a job server may decide about connections.
"""

from __future__ import annotations

from typing import Final

from attrs import field, frozen

from txgearman.connection.sockets import Keepalive
from txgearman.wire.codec import Limits

CONGESTED: Final = 1024 * 1024
"""
How many bytes a peer may be owed before those who cause more are held up.
"""


@frozen
class Settings:
    """
    The settings of a L{GearmanServerFactory
    <txgearman.server.factory.GearmanServerFactory>}.

    @ivar limits: how much of one packet or line is taken from a peer.
    @ivar maxConnections: connections beyond these are closed at once; 0 for any
        number.
    @ivar keepalive: L{None} for no TCP keepalive.
    @ivar stallTimeout: a peer that is owed much and takes nothing for so many
        seconds is lost: those who have something for it wait meanwhile.
    @ivar spell: for so long since it slept, in seconds, a worker for which there is
        no job is told so a moment later, in case one comes; see
        L{txgearman.server.grabbing}. 0 to tell it at once.
    @ivar lag: for so long at most, in seconds, and while there is more to do, a client
        is not told that its foreground job was created; and that a job is done, while
        others of its function wait. What comes next leaves with it then. 0 to tell it
        at once.
    """

    limits: Limits = field(factory=Limits)
    maxConnections: int = 0
    keepalive: Keepalive | None = None
    stallTimeout: float = 60.0
    spell: float = 0.005
    lag: float = 0.001
