"""
What the owner of a server may decide.
"""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.policy import HANDLE_LIMIT, Policy, defaultHandlePrefix
from txgearman.errors import BadSetting, GearmanError


class PolicyTests(SynchronousTestCase):
    """
    The settings of a board.
    """

    def test_defaults(self) -> None:
        """
        By default, jobs are never given up, one worker is woken for one job,
        exceptions are for those who ask, and uniques have 64 bytes at most.
        """
        policy = Policy()
        self.assertEqual((policy.attempts, policy.wakeup), (0, 1))
        self.assertGreater(policy.wakeupDelay, 0)
        self.assertFalse(policy.exceptions)
        self.assertEqual((policy.uniqueLimit, policy.shortestTimeout), (64, 1.0))

    def test_poisonName(self) -> None:
        """
        A function name that is accepted leaves room for a handle and a unique in
        the 8 KiB that libgearman's workers have for them.
        """
        policy = Policy()
        size = 12 + HANDLE_LIMIT + policy.functionLimit + 2 * policy.uniqueLimit + 4
        self.assertLess(size, 8192)


class PrefixTests(SynchronousTestCase):
    """
    What job handles start with.
    """

    def host(self, name: str) -> bytes:
        """
        Find the prefix on a host of this name.
        """
        self.patch(socket, "gethostname", lambda: name)
        return defaultHandlePrefix()

    def test_default(self) -> None:
        """
        By default it is C{H:} and the name of the host, as in gearmand.
        """
        self.assertEqual(self.host("example"), b"H:example")
        self.assertEqual(Policy().handlePrefix, b"H:example")

    def test_longName(self) -> None:
        """
        A long name of a host is cut, so that handles stay within 63 bytes.
        """
        for name in ("n" * 64, "n" * 255, "\N{SNOWMAN}" * 63):
            prefix = self.host(name)
            self.assertEqual(Policy().handlePrefix, prefix)
            self.assertLessEqual(len(b"%b:%d" % (prefix, 2**64 - 1)), HANDLE_LIMIT)

    def test_own(self) -> None:
        """
        It may be any word of up to 42 bytes.
        """
        for prefix in (b"x", b"H:a:b", b"p" * 42, b"\xc3\xa4"):
            self.assertEqual(Policy(handlePrefix=prefix).handlePrefix, prefix)

    def test_refused(self) -> None:
        """
        A prefix that is too long, empty, or would break a text table or a packet
        is refused.
        """
        for prefix in (b"p" * 43, b"", b" ", b"a b", b"a\n", b"\ta", b"a\0", b"\x7f"):
            error = self.assertRaises(BadSetting, Policy, handlePrefix=prefix)
            self.assertIsInstance(error, GearmanError)
            self.assertIsInstance(error, ValueError)
            self.assertIn("prefix", str(error))
