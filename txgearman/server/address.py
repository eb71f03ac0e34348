"""
Where a peer comes from, in words.
"""

from __future__ import annotations

from ipaddress import ip_address

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

# How Linux shows an IPv4 peer of a socket that listens for both.
_MAPPED = "::ffff:"


def hostOf(address: IAddress) -> str:
    """
    The peer's IP address; C{unix} for a local socket.
    """
    if isinstance(address, IPv4Address | IPv6Address):
        return address.host.removeprefix(_MAPPED)
    return "unix" if isinstance(address, UNIXAddress) else "-"


def portOf(address: IAddress) -> int:
    """
    The peer's TCP port; 0 when it has none.
    """
    return address.port if isinstance(address, IPv4Address | IPv6Address) else 0


def isLocal(address: IAddress) -> bool:
    """
    Does the peer run on this machine?
    """
    if isinstance(address, IPv4Address | IPv6Address):
        return ip_address(hostOf(address).partition("%")[0]).is_loopback
    return isinstance(address, UNIXAddress)
