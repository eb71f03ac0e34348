"""
Tests for L{txgearman.server.address}.
"""

from __future__ import annotations

from twisted.internet.address import (
    HostnameAddress,
    IPv4Address,
    IPv6Address,
    UNIXAddress,
)
from twisted.internet.interfaces import IAddress
from twisted.trial.unittest import SynchronousTestCase

from txgearman.server.address import hostOf, isLocal, portOf

CASES: list[tuple[IAddress, str, int, bool]] = [
    (IPv4Address("TCP", "192.0.2.1", 4711), "192.0.2.1", 4711, False),
    (IPv4Address("TCP", "127.0.0.1", 1), "127.0.0.1", 1, True),
    (IPv4Address("TCP", "127.255.0.9", 1), "127.255.0.9", 1, True),
    (IPv4Address("TCP", "0.0.0.0", 1), "0.0.0.0", 1, False),
    (IPv6Address("TCP", "2001:db8::1", 2), "2001:db8::1", 2, False),
    (IPv6Address("TCP", "::1", 3), "::1", 3, True),
    (IPv6Address("TCP", "::", 3), "::", 3, False),
    (IPv6Address("TCP", "fe80::1%lo", 4), "fe80::1%lo", 4, False),
    (IPv6Address("TCP", "::1%lo", 4), "::1%lo", 4, True),
    (IPv6Address("TCP", "::ffff:127.0.0.1", 5), "127.0.0.1", 5, True),
    (IPv6Address("TCP", "::ffff:192.0.2.9", 6), "192.0.2.9", 6, False),
    (UNIXAddress("/run/gearman"), "unix", 0, True),
    (UNIXAddress(None), "unix", 0, True),
    (HostnameAddress(b"example.com", 4730), "-", 0, False),
]
"""An address, its host and port, and whether it is on this machine."""


class AddressTests(SynchronousTestCase):
    """
    Where a peer comes from.
    """

    def test_host(self) -> None:
        """
        The host is the IP address, and an IPv4 one also where IPv6 wraps it.
        """
        for address, host, _, _ in CASES:
            self.assertEqual(hostOf(address), host, address)

    def test_port(self) -> None:
        """
        The port is the TCP port, or 0 where there is none.
        """
        for address, _, port, _ in CASES:
            self.assertEqual(portOf(address), port, address)

    def test_local(self) -> None:
        """
        Peers of the loopback interface and of local sockets run on this
        machine, and no others.
        """
        for address, _, _, local in CASES:
            self.assertEqual(isLocal(address), local, address)
