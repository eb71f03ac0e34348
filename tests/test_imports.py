"""
Tests of which way imports go, and of what modules are called and how long they
are: the rules of the design, read off the sources.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.sources import TOP, Module, Sources

ROOT: Final = Path(__file__).parents[1]
PLUGINS: Final = ROOT / "twisted" / "plugins"


class ImportTests(SynchronousTestCase):
    """
    Tests of the sources of txgearman.
    """

    def setUp(self) -> None:
        """
        Read them all.
        """
        self.sources = Sources.inFolder(ROOT / TOP)

    def test_found(self) -> None:
        """
        The sources are there, every one in a part that has its layer.
        """
        self.assertIn("txgearman.wire.codec", self.sources.modules)
        self.assertEqual(self.sources.withoutLayer(), [])

    def test_upward(self) -> None:
        """
        A module imports only from its own layer or a lower one, and where parts
        of a layer keep to themselves, only from its own part of it.
        """
        self.assertEqual(self.sources.upward(), [])

    def test_elsewhere(self) -> None:
        """
        The lower layers import nothing but the standard library, attrs and, for
        the board, the interfaces of Twisted's reactor.
        """
        self.assertEqual(self.sources.elsewhere(), [])

    def test_touching(self) -> None:
        """
        The lower layers have no files, sockets, threads or clocks.
        """
        self.assertEqual(self.sources.touching(), [])

    def test_reactors(self) -> None:
        """
        The global reactor is imported by functions, which are called at the
        edge, and never along with a module.
        """
        self.assertEqual(self.sources.reactors(), [])

    def test_cycles(self) -> None:
        """
        No two modules import each other, however many others are in between.
        """
        self.assertEqual(self.sources.cycles(), [])

    def test_lines(self) -> None:
        """
        No module is so long that it has to be about more than one thing.
        """
        self.assertEqual(self.sources.tooLong(), [])

    def test_names(self) -> None:
        """
        The name of a module says what the thing is.
        """
        self.assertEqual(self.sources.nameless(), [])


class PluginTests(SynchronousTestCase):
    """
    Tests of the plugin that C{twistd} finds txgearman by.
    """

    def test_imports(self) -> None:
        """
        The plugin imports nothing but what it names things with, so that
        C{twistd} can list them at no cost.
        """
        source = (PLUGINS / "txgearman_plugin.py").read_text("utf-8")
        names = [found.name for found in Module("plugin", source).imports()]
        self.assertEqual(
            names,
            [
                "twisted.application.reactors.Reactor",
                "twisted.application.service.ServiceMaker",
            ],
        )

    def test_noPackages(self) -> None:
        """
        The plugin's folder is part of Twisted's own package, and no package.
        """
        for folder in (PLUGINS, PLUGINS.parent):
            self.assertFalse((folder / "__init__.py").exists(), folder)


# Modules that break a rule, and what is said about them.
UPWARD = [
    (Sources.of(wire_a="import txgearman.board.b"), ["txgearman.board.b"]),
    (Sources.of(errors="from txgearman.board import b"), ["txgearman.board.b"]),
    (
        Sources.of(server_s="from txgearman import __version__"),
        ["txgearman.__version__"],
    ),
    (Sources.of(wire_a="import txgearman.version"), ["txgearman.version"]),
    (Sources.of(errors="import txgearman.wire.a"), ["txgearman.wire.a"]),
    (Sources.of(board_="from ..server import c"), ["txgearman.server.c"]),
    (Sources.of(board_b="from ..server import c"), ["txgearman.server.c"]),
    (Sources.of(board_b="from txgearman import Client"), ["txgearman.Client"]),
    (Sources.of(board_b="import txgearman"), ["txgearman"]),
    (Sources.of(board_b="def f():\n import txgearman.web"), ["txgearman.web"]),
    (
        Sources.of(board_b="if TYPE_CHECKING:\n import txgearman.stores"),
        ["txgearman.stores"],
    ),
    (Sources.of(stores_s="import txgearman.client"), ["txgearman.client"]),
    (Sources.of(server_s="import txgearman.client"), ["txgearman.client"]),
    (Sources.of(client_c="import txgearman.server.s"), ["txgearman.server.s"]),
    (Sources.of(worker_w="from txgearman.client import c"), ["txgearman.client.c"]),
    (Sources.of(admin="import txgearman.testing"), ["txgearman.testing"]),
    (Sources.of(server_s="import txgearman.web.w"), ["txgearman.web.w"]),
    (Sources.of(testing="import txgearman.scripts"), ["txgearman.scripts"]),
]

DOWNWARD = Sources.of(
    errors="import re",
    wire_="from txgearman.errors import GearmanError\nfrom . import a",
    wire_a="import txgearman.wire.b",
    board_="from txgearman.wire.a import x\nfrom txgearman import errors",
    board_b="from . import c\nfrom .c import x\nfrom ..wire import a",
    stores_s="import txgearman.board.b\nfrom txgearman.version import __version__",
    server_s="import txgearman.stores.s, txgearman.server.t",
    client_c="if typing.TYPE_CHECKING:\n from txgearman.server.s import S",
    testing="from txgearman.server import s\nfrom txgearman.worker import w",
    web_w="import txgearman.testing\nimport txgearman.scripts",
)


class RuleTests(SynchronousTestCase):
    """
    Tests of the rules themselves: of made-up modules that break them.
    """

    def assertSaid(self, said: list[str], *names: str) -> None:
        """
        It was said what is wrong with these imports, and nothing else.
        """
        self.assertEqual([one.split(": ")[1] for one in said], list(names))

    def test_upward(self) -> None:
        """
        Imports that go up or aside are found in whatever form they have.
        """
        for sources, names in UPWARD:
            self.assertSaid(sources.upward(), *names)

    def test_downward(self) -> None:
        """
        Imports that go down, or stay where they may, are fine.
        """
        self.assertEqual(DOWNWARD.upward(), [])

    def test_where(self) -> None:
        """
        What is wrong is said with the module and the line.
        """
        sources = Sources.of(board_b="import re\nimport txgearman.web")
        self.assertEqual(sources.upward(), ["txgearman.board.b:2: txgearman.web"])

    def test_top(self) -> None:
        """
        The top package may import what it likes, as it only lists names.
        """
        sources = Sources()
        sources.add(TOP, "from txgearman.client import Client", isPackage=True)
        self.assertEqual(sources.upward() + sources.withoutLayer(), [])

    def test_withoutLayer(self) -> None:
        """
        A new part has to be given its layer.
        """
        sources = Sources.of(misc_m="", wire_a="")
        self.assertEqual(sources.withoutLayer(), ["misc"])
        sources = Sources.of(board_b="import txgearman.misc.m")
        self.assertSaid(sources.upward(), "txgearman.misc.m")

    def test_elsewhere(self) -> None:
        """
        Only what the lower layers need is let in.
        """
        sources = Sources.of(
            errors="import re, attrs",
            wire_a="from attrs import frozen\nimport twisted.internet.interfaces",
            board_b="from twisted.internet.interfaces import IReactorTime",
            board_c="from twisted.internet import interfaces, defer",
            board_d="from twisted.python import log\nimport attrs_extra",
            server_s="import twisted.web",
        )
        self.assertSaid(
            sources.elsewhere(),
            "attrs",
            "twisted.internet.interfaces",
            "twisted.internet.defer",
            "twisted.python.log",
            "attrs_extra",
        )

    def test_touching(self) -> None:
        """
        Modules that do I/O are found where there is to be none.
        """
        sources = Sources.of(
            wire_a="import os.path\nfrom datetime import time",
            board_b="def f():\n from threading import Thread",
            board_policy="import socket, ssl",
            server_s="import os",
        )
        self.assertSaid(sources.touching(), "os.path", "threading.Thread", "ssl")

    def test_reactors(self) -> None:
        """
        The reactor is found in every form in which a module can import it.
        """
        sources = Sources.of(
            server_a="from twisted.internet import reactor",
            server_b="import twisted.internet.reactor as r",
            server_c="class C:\n from twisted.internet import reactor",
            server_d="if x:\n pass\nelse:\n from twisted.internet import reactor",
            server_e="def f():\n from twisted.internet import reactor",
            server_f="if TYPE_CHECKING:\n from twisted.internet import reactor",
            server_g="if TYPE_CHECKING:\n x\nelse:\n import twisted.internet.reactor",
        )
        self.assertEqual(
            [one.split(":")[0][-1] for one in sources.reactors()],
            ["a", "b", "c", "d", "g"],
        )

    def test_cycles(self) -> None:
        """
        Modules that need each other are found, also where a function imports or
        a package is in between; those that only type checkers see are not.
        """
        a, b, c = (f"txgearman.board.{name}" for name in "abc")
        self.assertEqual(
            Sources.of(
                board_a="from txgearman.board import b",
                board_b="def f():\n from txgearman.board.c import x",
                board_c="from .a import x",
            ).cycles(),
            [[a, b, c, a]],
        )
        self.assertEqual(
            Sources.of(board_="from .a import x", board_a="from . import x").cycles(),
            [["txgearman.board", a, "txgearman.board"]],
        )
        self.assertEqual(
            Sources.of(
                board_a="from . import b",
                board_b="if TYPE_CHECKING:\n from txgearman.board.a import x",
            ).cycles(),
            [],
        )

    def test_lines(self) -> None:
        """
        A module may have as many lines as is said, and no more.
        """
        sources = Sources.of(board_a="x\n" * 500, board_b="x\n" * 501)
        self.assertEqual(sources.tooLong(), ["txgearman.board.b: 501 lines"])

    def test_names(self) -> None:
        """
        Names that say nothing are found in packages and modules, also when they
        are many or part of a longer name.
        """
        sources = Sources.of(board_utils="", engine_="", handler="", board_queue="")
        sources.add("txgearman.board.job_manager", "")
        self.assertEqual(
            sources.nameless(),
            [
                "txgearman.board.utils",
                "txgearman.engine",
                "txgearman.handler",
                "txgearman.board.job_manager",
            ],
        )
