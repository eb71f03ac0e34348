"""
The C{gearman} and C{gearman-worker} subcommands of C{twistd} and C{twist}, and a
reactor to choose.

They name their modules as strings, so that listing the plugins imports nothing.
"""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker

gearman = ServiceMaker(
    "Gearman job server",
    "txgearman.server.command",
    "A Gearman job server: a drop-in for gearmand.",
    "gearman",
)

gearmanWorker = ServiceMaker(
    "Gearman workers",
    "txgearman.fleet.command",
    "Gearman workers: processes that are kept alive.",
    "gearman-worker",
)

turning = Reactor(
    "txgearman",
    "txgearman.reactor",
    "epoll(4)-based, with shorter turns: for job servers, clients and workers.",
)
