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

from txgearman.server.address import hostOf, isInternet, isLocal, portOf

CASES: list[tuple[IAddress, str, int, bool, bool]] = [
    (IPv4Address("TCP", "192.0.2.1", 4711), "192.0.2.1", 4711, True, False),
    (IPv4Address("TCP", "127.0.0.1", 1), "127.0.0.1", 1, True, True),
    (IPv4Address("TCP", "127.255.0.9", 1), "127.255.0.9", 1, True, True),
    (IPv4Address("TCP", "0.0.0.0", 1), "0.0.0.0", 1, True, False),
    (IPv6Address("TCP", "2001:db8::1", 2), "2001:db8::1", 2, True, False),
    (IPv6Address("TCP", "::1", 3), "::1", 3, True, True),
    (IPv6Address("TCP", "::", 3), "::", 3, True, False),
    (IPv6Address("TCP", "fe80::1%lo", 4), "fe80::1%lo", 4, True, False),
    (IPv6Address("TCP", "::1%lo", 4), "::1%lo", 4, True, True),
    (IPv6Address("TCP", "::ffff:127.0.0.1", 5), "127.0.0.1", 5, True, True),
    (IPv6Address("TCP", "::ffff:192.0.2.9", 6), "192.0.2.9", 6, True, False),
    (UNIXAddress("/run/gearman"), "unix", 0, False, True),
    (UNIXAddress(None), "unix", 0, False, True),
    (HostnameAddress(b"example.com", 4730), "-", 0, False, False),
]
"""An address, its host and port, whether it is TCP, whether on this machine."""


class AddressTests(SynchronousTestCase):
    """
    Where a peer comes from.
    """

    def test_host(self) -> None:
        """
        The host is the IP address, and an IPv4 one also where IPv6 wraps it.
        """
        for address, host, _, _, _ in CASES:
            self.assertEqual(hostOf(address), host, address)

    def test_port(self) -> None:
        """
        The port is the TCP port, or 0 where there is none.
        """
        for address, _, port, _, _ in CASES:
            self.assertEqual(portOf(address), port, address)

    def test_internet(self) -> None:
        """
        TCP peers are told from others.
        """
        for address, _, _, internet, _ in CASES:
            self.assertEqual(isInternet(address), internet, address)

    def test_local(self) -> None:
        """
        Peers of the loopback interface and of local sockets run on this
        machine, and no others.
        """
        for address, _, _, _, local in CASES:
            self.assertEqual(isLocal(address), local, address)
