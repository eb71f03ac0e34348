"""
Where the job servers are, from what a user writes.

A server is a Twisted endpoint string (C{tcp:jobs.example.net:4730},
C{tls:jobs.example.net:4730}, C{unix:/run/gearman}), or, as everywhere with
Gearman, C{host} or C{host:port}. Several may stand in one string, with commas
between them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from attrs import field, frozen
from twisted.internet.endpoints import HostnameEndpoint, clientFromString
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from txgearman.connection.describing import understanding
from txgearman.connection.handshake import trusted
from txgearman.errors import BadSetting
from txgearman.wire.packets import PORT

VARIABLES: Final = ("GEARMAN_SERVERS", "GEARMAN_SERVER")
"""
The environment variables that name the servers when nothing else does: the first
that is not blank. The second is that of the tools in C.
"""

# "host", "host:port", "[address]", "[address]:port".
_HOST = re.compile(r"(?:\[([^]]+)\]|([^:\[\]/\\=]+))(?::([0-9]{1,5}))?")


@frozen(cache_hash=True)
class Server:
    """
    A job server that can be connected to.

    @ivar name: what the user called it.
    """

    name: str
    endpoint: IStreamClientEndpoint = field(eq=False)


Servers = str | IStreamClientEndpoint | Iterable[str | IStreamClientEndpoint] | None
"""
What clients and workers accept: one server or several, or L{None} for those in
C{GEARMAN_SERVERS} or else C{GEARMAN_SERVER}, or the local one when neither is set.
"""


def serversFrom(reactor: IReactorTime, servers: Servers) -> list[Server]:
    """
    Find out what servers are meant. An attempt to reach one takes no longer than 15
    seconds, with its TLS handshake.

    @raise BadSetting: when there are none, or one cannot be understood.
    """
    if servers is None:
        servers = _ofEnvironment()
    if isinstance(servers, str) or IStreamClientEndpoint.providedBy(servers):
        servers = [servers]
    found: list[Server] = []
    for server in servers:
        if isinstance(server, str):
            names = [name.strip() for name in _split(server)]
            found += [_server(reactor, name) for name in names if name]
        else:
            found.append(Server(repr(server), trusted(reactor, server)))
    if not found:
        raise BadSetting("no job servers are named")
    return found


def _ofEnvironment() -> str:
    """
    The servers that the environment names, or the local one.
    """
    values = (os.environ.get(variable, "") for variable in VARIABLES)
    return next((value for value in values if value.strip()), f"127.0.0.1:{PORT}")


def _server(reactor: IReactorTime, name: str) -> Server:
    """
    Name one server.
    """
    return Server(name, trusted(reactor, _endpoint(reactor, name)))


def _split(text: str) -> list[str]:
    """
    Part a list at its commas. An endpoint's own comma has a backslash.
    """
    return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", text)]


def _endpoint(reactor: IReactorTime, name: str) -> IStreamClientEndpoint:
    """
    Make an endpoint of one server's name.

    @raise BadSetting: when it cannot be understood.
    """
    try:
        ip_address(name)
    except ValueError:
        match = None if name.startswith("unix:") else _HOST.fullmatch(name)
    else:
        return HostnameEndpoint(reactor, name, PORT)
    if match is not None:
        address, host, port = match.groups()
        number = int(port or PORT)
        if 0 < number < 65536:
            return HostnameEndpoint(reactor, address or host, number)
        raise BadSetting(f"bad server {name!r}: no such port")
    with understanding("server", name):
        endpoint: IStreamClientEndpoint = clientFromString(reactor, name)
    return endpoint
