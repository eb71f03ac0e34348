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

from txgearman.errors import BadSetting

PORT: Final = 4730
"""Gearman's registered TCP port."""

VARIABLE: Final = "GEARMAN_SERVERS"
"""The environment variable that names the servers when nothing else does."""

# "host", "host:port", "[address]", "[address]:port".
_HOST = re.compile(r"(?:\[([^]]+)\]|([^:\[\]/\\=]+))(?::([0-9]{1,5}))?")


@frozen
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
C{GEARMAN_SERVERS}, or the local one when that is not set.
"""


def serversFrom(reactor: IReactorTime, servers: Servers) -> list[Server]:
    """
    Find out what servers are meant.

    @raise BadSetting: when there are none, or one cannot be understood.
    """
    if servers is None:
        servers = os.environ.get(VARIABLE) or f"127.0.0.1:{PORT}"
    if isinstance(servers, str) or IStreamClientEndpoint.providedBy(servers):
        servers = [servers]
    found: list[Server] = []
    for server in servers:
        if isinstance(server, str):
            names = [name.strip() for name in _split(server)]
            found += [Server(name, _endpoint(reactor, name)) for name in names if name]
        else:
            found.append(Server(repr(server), server))
    if not found:
        raise BadSetting("no job servers are named")
    return found


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
    try:
        endpoint: IStreamClientEndpoint = clientFromString(reactor, name)
    except Exception as error:
        # What endpoint parsers raise depends on the parser and on OpenSSL.
        reason = str(error) or type(error).__name__
        raise BadSetting(f"bad server {name!r}: {reason}") from None
    return endpoint
