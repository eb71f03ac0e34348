"""
A Gearman job server on Twisted::

    from twisted.internet.endpoints import serverFromString
    from twisted.internet.task import react
    from twisted.internet.defer import Deferred
    from txgearman import GearmanServerFactory

    async def main(reactor):
        endpoint = serverFromString(reactor, "tcp:4730")
        await endpoint.listen(GearmanServerFactory(reactor))
        await Deferred()

    react(lambda reactor: Deferred.fromCoroutine(main(reactor)))

As a process of its own it is C{twistd gearman}.
"""

from txgearman.board.policy import Policy
from txgearman.errors import (
    BadSchedule,
    BadSetting,
    GearmanError,
    QueueFull,
    ServerError,
)
from txgearman.server.factory import GearmanServerFactory
from txgearman.server.protocol import GearmanServerProtocol
from txgearman.server.service import GearmanServer
from txgearman.server.settings import Keepalive, Settings
from txgearman.version import __version__
from txgearman.wire.codec import Limits

__all__ = [
    "BadSchedule",
    "BadSetting",
    "GearmanError",
    "GearmanServer",
    "GearmanServerFactory",
    "GearmanServerProtocol",
    "Keepalive",
    "Limits",
    "Policy",
    "QueueFull",
    "ServerError",
    "Settings",
    "__version__",
]
