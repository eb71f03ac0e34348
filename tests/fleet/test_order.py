"""
Tests for L{txgearman.fleet.order}.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.fleet.stage import settings
from txgearman.errors import BadSetting
from txgearman.fleet.order import Order, checkCommand, orderFor, plainName


def order(
    servers: Sequence[str] = ("a:1", "b:2"),
    dedicated: str = "",
    chance: float = 0.5,
    **said: Any,
) -> Order:
    """
    Say what the third child of a group is.
    """
    return orderFor(settings(**said), servers, "id", 3, dedicated, lambda: chance)


class OrderTests(SynchronousTestCase):
    """
    What a child is.
    """

    def test_variables(self) -> None:
        """
        A child is told by its environment where it belongs.
        """
        said = order(environment={"APP": "\N{SNOWMAN}"}).variables
        self.assertEqual(
            said,
            {
                "APP": "\N{SNOWMAN}",
                "GEARMAN_SERVERS": "a:1,b:2",
                "TXGEARMAN_FLEET": "id",
                "TXGEARMAN_GROUP": "mail",
                "TXGEARMAN_CHILD": "3",
            },
        )
        said = order(functions=("x", "y"), maxJobs=5, target="t").variables
        self.assertEqual(said["GEARMAN_FUNCTIONS"], "x,y")
        self.assertEqual(said["GEARMAN_MAX_JOBS"], "5")
        self.assertEqual(said["TXGEARMAN_REPORT"], "3")

    def test_target(self) -> None:
        """
        A Python child is one of txgearman's, which gives up by itself before it would
        be killed.
        """
        module = (sys.executable, "-P", "-m", "txgearman.fleet.child")
        self.assertEqual(
            order(target="shop.mail").words,
            (*module, "shop.mail", "--stop-timeout", "29"),
        )
        self.assertEqual(
            order(
                target="shop.mail",
                functions=("x", "y"),
                maxJobs=5,
                concurrency=4,
                stopTimeout=1.5,
            ).words,
            (
                *(*module, "shop.mail", "--functions", "x,y", "--max-jobs", "5"),
                *("--concurrency", "4", "--stop-timeout", "1.35"),
            ),
        )
        self.assertTrue(order(target="shop.mail").reports)
        self.assertFalse(order().reports)

    def test_dedicated(self) -> None:
        """
        A child for one function is told no other.
        """
        said = order(dedicated="x", functions=("x", "y"), command=("w", "{functions}"))
        self.assertEqual(said.variables["GEARMAN_FUNCTIONS"], "x")
        self.assertEqual(said.words, ("w", "x"))

    def test_command(self) -> None:
        """
        What stands in braces is filled in, and doubled braces are braces.
        """
        for word, filled in [
            ("{servers}", "a:1,b:2"),
            ("--host={host}:{port}", "--host=a:1"),
            ("{group}-{number}", "mail-3"),
            ("{functions}", "x,y"),
            ("{{}}", "{}"),
            ("{{host}}", "{host}"),
            ("{{{host}}}", "{a}"),
            ("$HOME `ls` ; *", "$HOME `ls` ; *"),
        ]:
            said = order(command=("w", word), functions=("x", "y"))
            self.assertEqual(said.words, ("w", filled), word)

    def test_badCommand(self) -> None:
        """
        Braces around anything else are no command.
        """
        for word in "{", "}", "{x}", "{}", "{0}", "{host!r}", "{host}}":
            with self.assertRaises(BadSetting) as raised:
                checkCommand(settings(command=("w", word)), ["a:1"])
            self.assertIn("command: ", str(raised.exception), word)
            self.assertIn("braces are doubled", str(raised.exception))

    def test_noHost(self) -> None:
        """
        A server that is no host and port cannot be filled in as one.
        """
        for server in "unix:/run/gearman", "tls:a:1:trustRoots=/x":
            self.assertEqual(
                order([server], command=("w", "{servers}")).words, ("w", server)
            )
            self.assertRaises(BadSetting, order, [server], command=("w", "{host}"))

    def test_names(self) -> None:
        """
        Servers are named as everybody understands it.
        """
        for name, plain in [
            ("a.example.net", "a.example.net:4730"),
            ("a:1", "a:1"),
            ("tcp:a:1", "a:1"),
            ("127.0.0.1", "127.0.0.1:4730"),
            ("::1", "[::1]:4730"),
            ("[::1]", "[::1]:4730"),
            ("[::1]:1", "[::1]:1"),
            ("unix:/run/gearman", "unix:/run/gearman"),
            ("tls:a:1", "tls:a:1"),
        ]:
            self.assertEqual(plainName(name), plain)

    def test_splay(self) -> None:
        """
        Jobs and lifetime of children are longer and shorter by chance.
        """
        for chance, jobs, lifetime in [
            (0, "90", 900),
            (0.5, "100", 1000),
            (1, "110", 1100),
        ]:
            said = order(chance=chance, maxJobs=100, maxLifetime=1000.0)
            self.assertEqual(said.variables["GEARMAN_MAX_JOBS"], jobs)
            self.assertAlmostEqual(said.lifetime, lifetime)
            self.assertTrue(said.limited)
        said = order(chance=0, maxJobs=1, splay=1.0)
        self.assertEqual(said.variables["GEARMAN_MAX_JOBS"], "1")
        self.assertFalse(order(chance=0).limited)
