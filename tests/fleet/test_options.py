"""
Tests for L{txgearman.fleet.options}.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.fleet.stage import folderOf
from txgearman.fleet.options import Options
from txgearman.fleet.settings import CONTROL, FleetSettings, GroupSettings

GOOD: list[tuple[Sequence[str], GroupSettings]] = [
    (("--target=shop.mail",), GroupSettings("workers", "shop.mail")),
    (
        ("--command", "php worker.php '{servers}'", "--group=php"),
        GroupSettings("php", command=("php", "worker.php", "{servers}")),
    ),
    (("--target=x", "--count=5"), GroupSettings("workers", "x", count=5)),
    (
        ("--target=x", "--max=5", "--max-age=1.5"),
        GroupSettings("workers", "x", min=1, max=5, maxAge=1.5),
    ),
    (
        ("--target=x", "--functions=a, b", "--dedicated=c=2,d=1"),
        GroupSettings("workers", "x", functions=("a", "b"), dedicated={"c": 2, "d": 1}),
    ),
    (
        ("--target=x", "--environment=A=b=c", "-e", "D="),
        GroupSettings("workers", "x", environment={"A": "b=c", "D": ""}),
    ),
    (
        ("--target=x", "--directory=/srv", "--user=www-data", "--watch=/lib"),
        GroupSettings(
            "workers", "x", directory="/srv", user="www-data", watch=("/lib",)
        ),
    ),
    (
        ("--target=x", "--max-jobs=10", "--max-lifetime=1h", "--splay=0"),
        GroupSettings("workers", "x", maxJobs=10, maxLifetime=3600, splay=0),
    ),
    (
        ("--target=x", "--stop-timeout=5", "--start-splay=1", "--concurrency=3"),
        GroupSettings("workers", "x", stopTimeout=5, startSplay=1, concurrency=3),
    ),
]
"""Command lines, and their only group."""

BAD: list[tuple[Sequence[str], str]] = [
    ((), "it wants a --config, a --target or a --command"),
    (("--count=3",), "it wants a --config, a --target or a --command"),
    (("--target=x", "--command=y"), "it wants either a target or a command"),
    (("--target=x", "--count=y"), "--count wants a whole number from 0 to 1000"),
    (("--target=x", "--count=-1"), "--count wants a whole number from 0 to 1000"),
    (("--target=x", "--count"), "option --count requires argument"),
    (("--target=x", "--stop-timeout=soon"), "--stop-timeout wants seconds"),
    (("--target=x", "--environment=A"), "--environment: 'A' is not NAME=TEXT"),
    (("--target=x", "--environment==A"), "--environment: '=A' is not NAME=TEXT"),
    (("--target=x", "--dedicated=a"), "--dedicated wants a whole number"),
    (("--target=x", "--group=a b"), "the name of a group is letters"),
    (("--target=x", "--server="), "--server wants some text, not ''"),
    (("--target=x", "--control=\0"), "--control wants text without a NUL"),
    (("--target=x", "--nonsense"), "option --nonsense not recognized"),
    (("--target=x", "argument"), "unexpected argument: argument"),
    (("--config=/nonexistent",), "--config: /nonexistent: No such file"),
    (("--config=/x", "--count=3"), "--count cannot stand beside --config"),
    (("--config=/x", "--environment=A=b"), "--environment cannot stand beside"),
]
"""Command lines, and what is wrong with them."""


class OptionsTests(SynchronousTestCase):
    """
    What C{twistd gearman-worker} is told.
    """

    def parse(self, *words: str) -> Options:
        options = Options()
        options.parseOptions(list(words))
        return options

    def test_group(self) -> None:
        """
        Options are one group.
        """
        for words, group in GOOD:
            options = self.parse(*words)
            self.assertEqual(options.settings, FleetSettings({group.name: group}))
            self.assertIs(options.path, None)

    def test_fleet(self) -> None:
        """
        Some options are about the whole fleet.
        """
        settings = self.parse(
            *("--target=x", "--server=a:1", "-s", "b:2", "--control=/run/x"),
            "--auto-reload",
        ).settings
        self.assertEqual(settings.servers, ("a:1", "b:2"))
        self.assertEqual(settings.control, "/run/x")
        self.assertTrue(settings.autoReload)
        settings = self.parse("--target=x", "--control=").settings
        self.assertEqual(settings.control, "")
        settings = self.parse("--target=x").settings
        self.assertEqual(settings.control, CONTROL)

    def test_bad(self) -> None:
        """
        What cannot be used ends the process with a line that says why.
        """
        for words, wrong in BAD:
            with self.assertRaises(SystemExit) as raised:
                self.parse(*words)
            said = raised.exception.code
            assert isinstance(said, str), words
            self.assertTrue(said.startswith(f"gearman-worker: {wrong}"), said)
            self.assertNotIn("\n", said)

    def test_file(self) -> None:
        """
        A file says it all, but for what is said of the whole fleet; it can be read
        again, from another folder, too.
        """
        path = f"{folderOf(self)}/fleet.toml"
        with open(path, "w") as file:
            file.write('servers = "a:1"\n[groups.x]\ntarget = "y"\n')
        options = self.parse("--config", path)
        self.assertEqual(options.path, os.path.abspath(path))
        self.assertEqual(options.settings.servers, ("a:1",))
        with open(path, "a") as file:
            file.write("count = 3\n")
        options = self.parse("--config", path, "--server=b:2")
        before = os.getcwd()
        os.chdir("/")
        self.addCleanup(os.chdir, before)
        again = options.read()
        self.assertEqual(again.groups["x"].count, 3)
        self.assertEqual(again.servers, ("b:2",))

    def test_fileIsBad(self) -> None:
        """
        The line names the option, the file and what is wrong in it.
        """
        path = f"{folderOf(self)}/fleet.toml"
        with open(path, "w") as file:
            file.write('[groups.x]\ntarget = "y"\ncount = "z"\n')
        with self.assertRaises(SystemExit) as raised:
            self.parse("--config", path)
        self.assertEqual(
            raised.exception.code,
            f"gearman-worker: --config: {os.path.abspath(path)}: groups.x: count wants"
            " a whole number from 0 to 1000, not 'z'",
        )

    def test_version(self) -> None:
        """
        The version can be asked for.
        """
        with self.assertRaises(SystemExit) as raised:
            self.parse("--version")
        self.assertEqual(raised.exception.code, 0)
