"""
The C{gearman} subcommand of C{twistd} and C{twist}.

It names its module as a string, so that listing the plugins imports nothing.
"""

from twisted.application.service import ServiceMaker

gearman = ServiceMaker(
    "Gearman job server",
    "txgearman.server.command",
    "A Gearman job server: a drop-in for gearmand.",
    "gearman",
)
