"""
What a connection says about itself.
"""

from __future__ import annotations

from tests.board.stage import BoardTestCase


class AddressTests(BoardTestCase):
    """
    Where a peer comes from.
    """

    def test_address(self) -> None:
        """
        An address is the host and the port, if there is one.
        """
        stage = self.stage()
        self.assertEqual(stage.client(b"10.0.0.1", 99).peer.address, b"10.0.0.1:99")
        self.assertEqual(stage.client(b"unix", 0).peer.address, b"unix")


class ClientIdTests(BoardTestCase):
    """
    A peer gives itself a name.
    """

    def test_nobody(self) -> None:
        """
        Without one, it is a dash.
        """
        self.assertEqual(self.stage().client().peer.clientId, b"-")

    def test_named(self) -> None:
        """
        A name may be anything, spaces and nothing included; the later one holds.
        """
        peer = self.stage().client().peer
        for name in (b"one", b" two words\t", b"", b"\xff\n"):
            peer.setClientId(name)
            self.assertEqual(peer.clientId, name)

    def test_long(self) -> None:
        """
        Names are cut at 127 bytes, as gearmand does.
        """
        peer = self.stage().client().peer
        peer.setClientId(b"n" * 127)
        self.assertEqual(peer.clientId, b"n" * 127)
        peer.setClientId(b"m" * 128)
        self.assertEqual(peer.clientId, b"m" * 127)


class OptionTests(BoardTestCase):
    """
    A peer sets options.
    """

    def test_exceptions(self) -> None:
        """
        There is one option, which may be spelled in any case, and set twice.
        """
        for option in (b"exceptions", b"EXCEPTIONS", b"ExCePtIoNs"):
            peer = self.stage().client().peer
            self.assertFalse(peer.exceptions)
            peer.setOption(option)
            peer.setOption(option)
            self.assertTrue(peer.exceptions, option)

    def test_unknown(self) -> None:
        """
        Any other is refused, and changes nothing.
        """
        peer = self.stage().client().peer
        unknown = (b"UNKNOWN_OPTION", b"Server does not recognize given option")
        for option in (b"", b"exception", b"exceptions ", b"\xff", b"x" * 99):
            self.assertRefused(unknown, peer.setOption, option)
        self.assertFalse(peer.exceptions)
