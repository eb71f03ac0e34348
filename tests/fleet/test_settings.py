"""
Tests for L{txgearman.fleet.settings} and L{txgearman.fleet.keys}.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from tests.fleet.stage import folderOf
from txgearman.errors import BadSetting
from txgearman.fleet.keys import GROUP_KEYS
from txgearman.fleet.settings import FleetSettings, GroupSettings, groupOf, readFleet

ALL = """
servers = ["a:4730", "b:4731"]
control = "run/control.sock"
auto_reload = true

[groups.mail]
target = "shop.mail"
count = 5
functions = ["mail", "news"]
dedicated = { resize = 2 }
environment = { APP_ENV = "prod", NAME = "\u2603" }
directory = "shop"
user = "www-data"
max_jobs = 1000
max_lifetime = "1h"
splay = 0.2
start_splay = 3
stop_timeout = 60
concurrency = 4
watch = ["lib", "/etc/shop.conf"]

[groups.php]
command = "php worker.php '{servers}'"
functions = ["x"]
min = 2
max = 20
jobs_per_child = 3
max_age = 1.5
cooldown = 5
look = 0.5
"""

# Sections of a group, and what is wrong with them.
BAD: list[tuple[Mapping[str, object], str]] = [
    ({}, "it wants either a target or a command"),
    ({"target": "x", "command": "y"}, "it wants either a target or a command"),
    ({"target": 3}, "target wants text in quotes, not 3"),
    ({"target": " "}, "target wants some text, not ' '"),
    ({"target": "a\0"}, "target wants text without a NUL, not 'a\\x00'"),
    ({"command": ""}, "command wants a command, not ''"),
    ({"command": []}, "command wants a command, not []"),
    ({"command": [""]}, "command wants a command, not ['']"),
    ({"command": ["a", 3]}, "command wants text in quotes, not 3"),
    ({"command": "a 'b"}, 'command wants a command: no closing quotation in "a \'b"'),
    ({"command": 3}, "command wants a command, a text or a list of words, not 3"),
    ({"count": -1}, "count wants a whole number from 0 to 1000, not -1"),
    ({"count": 1001}, "count wants a whole number from 0 to 1000, not 1001"),
    ({"count": "5"}, "count wants a whole number from 0 to 1000, not '5'"),
    ({"count": True}, "count wants a whole number from 0 to 1000, not True"),
    ({"max": 0}, "max wants a whole number from 1 to 1000, not 0"),
    ({"command": "x", "min": 1}, "min wants a max beside it"),
    ({"command": "x", "min": 3, "max": 2}, "min 3 is more than max 2"),
    ({"command": "x", "count": 3, "max": 5}, "count cannot stand beside max"),
    (
        {"command": "x", "max": 5},
        "a command is autoscaled by its functions, which are not said",
    ),
    (
        {"target": "x", "min": 0, "max": 5},
        "with min 0 it is autoscaled by its functions, which are not said",
    ),
    ({"functions": "a"}, "functions wants a list of names of functions, not 'a'"),
    ({"functions": ["a,b"]}, "functions wants names of functions without a comma"),
    ({"dedicated": ["a"]}, "dedicated wants a table of functions and counts"),
    ({"dedicated": {"a": -1}}, "dedicated wants a whole number from 0 to 1000, not -1"),
    ({"environment": {"A": 1}}, "environment wants text in quotes, not 1"),
    ({"environment": {"A=B": "1"}}, "environment wants names of variables, not 'A=B'"),
    ({"environment": {"": "1"}}, "environment wants names of variables, not ''"),
    ({"splay": 1.1}, "splay wants a number from 0 to 1, not 1.1"),
    ({"splay": float("nan")}, "splay wants a number from 0 to 1, not nan"),
    ({"stop_timeout": -1}, "stop_timeout wants seconds, as 90, 1.5 or 10m, not -1"),
    ({"max_lifetime": 10**400}, "max_lifetime "),
    ({"look": 0}, "look wants more than 0, not 0"),
    ({"jobs_per_child": 0}, "jobs_per_child wants a whole number of 1 or more, not 0"),
    ({"concurrency": 0}, "concurrency wants a whole number from 1 to 1000, not 0"),
    (
        {"command": "x", "concurrency": 2},
        "concurrency is for a target, not for a command",
    ),
    ({"watch": "x"}, "watch wants a list of texts, not 'x'"),
    ({"cuont": 3}, "cuont is no key of a group; did you mean count?"),
    ({"a b": 3}, '"a b" is no key of a group'),
]

# Files, and what is said of them.
BAD_FILES: list[tuple[bytes, str]] = [
    (b"", "it has no group, as [groups.NAME]"),
    (b"[groups]", "it has no group, as [groups.NAME]"),
    (b"groups = 3", "groups wants a table, [groups], not 3"),
    (b"[groups]\na = 3", "groups.a wants a table, [groups.a], not 3"),
    (b"[groups.a]\ncount = 'x'", "groups.a: count wants a whole number from 0"),
    (b'[groups."a b"]\ntarget = "x"', 'groups."a b": the name of a group is letters'),
    (b"sevrers = []", "sevrers is no key of a fleet; did you mean servers?"),
    (b"servers = []", "servers wants a server or more, not []"),
    (b"servers = [3]", "servers wants text in quotes, not 3"),
    (b"auto_reload = 1", "auto_reload wants true or false, not 1"),
    (b"control = 1", "control wants text in quotes, not 1"),
    (b"a\n\xff", "line 2 is not in UTF-8"),
    (b"x = ", "Invalid value (at end of document)"),
]


class FileTests(SynchronousTestCase):
    """
    Files are read.
    """

    def write(self, text: bytes) -> str:
        path = f"{folderOf(self)}/fleet.toml"
        with open(path, "wb") as file:
            file.write(text)
        return path

    def test_all(self) -> None:
        """
        All that can be said is understood, and paths are relative to the file.
        """
        path = self.write(ALL.encode())
        folder = os.path.dirname(os.path.abspath(path))
        mail = GroupSettings(
            "mail",
            target="shop.mail",
            count=5,
            functions=("mail", "news"),
            dedicated={"resize": 2},
            environment={"APP_ENV": "prod", "NAME": "\N{SNOWMAN}"},
            directory=f"{folder}/shop",
            user="www-data",
            maxJobs=1000,
            maxLifetime=3600,
            splay=0.2,
            startSplay=3,
            stopTimeout=60,
            concurrency=4,
            watch=(f"{folder}/lib", "/etc/shop.conf"),
        )
        php = GroupSettings(
            "php",
            command=("php", "worker.php", "{servers}"),
            functions=("x",),
            min=2,
            max=20,
            jobsPerChild=3,
            maxAge=1.5,
            cooldown=5,
            look=0.5,
        )
        self.assertEqual(
            readFleet(path),
            FleetSettings(
                {"mail": mail, "php": php},
                ("a:4730", "b:4731"),
                f"{folder}/run/control.sock",
                True,
            ),
        )
        self.assertFalse(mail.autoscaled)
        self.assertTrue(php.autoscaled)
        self.assertEqual((mail.first, php.first), (5, 2))

    def test_little(self) -> None:
        """
        Nothing but a target or a command has to be said.
        """
        path = self.write(b'[groups.a]\ntarget = "x"\n[groups.b]\ncommand = ["y"]\n')
        self.assertEqual(
            readFleet(path),
            FleetSettings(
                {"a": GroupSettings("a", "x"), "b": GroupSettings("b", command=("y",))}
            ),
        )

    def test_noControl(self) -> None:
        """
        There may be no control socket.
        """
        path = self.write(b'control = ""\n[groups.a]\ntarget = "x"\n')
        self.assertEqual(readFleet(path).control, "")

    def test_bad(self) -> None:
        """
        What cannot be understood is one line that begins with the file.
        """
        for text, wrong in BAD_FILES:
            path = self.write(text)
            with self.assertRaises(BadSetting) as raised:
                readFleet(path)
            said = str(raised.exception)
            self.assertTrue(said.startswith(f"{path}: {wrong}"), said)
            self.assertNotIn("\n", said)

    def test_noFile(self) -> None:
        """
        So is a file that cannot be read.
        """
        for path, wrong in [
            ("/nonexistent/x", "No such file or directory"),
            ("/", "Is a directory"),
        ]:
            with self.assertRaises(BadSetting) as raised:
                readFleet(path)
            self.assertEqual(str(raised.exception), f"{path}: {wrong}")


class GroupTests(SynchronousTestCase):
    """
    What is said of a group.
    """

    def test_bad(self) -> None:
        """
        What cannot be is refused with the key that says so.
        """
        for section, wrong in BAD:
            with self.assertRaises(BadSetting) as raised:
                groupOf("x", section, "/folder")
            said = str(raised.exception)
            self.assertTrue(said.startswith(wrong), f"{said} is not {wrong}")
            self.assertNotIn("\n", said)

    def test_names(self) -> None:
        """
        A group's name can stand in a line of the log, and in an environment.
        """
        for name in "", "a b", "a.b", "a/b", "\N{SNOWMAN}", "x" * 65:
            self.assertRaises(BadSetting, groupOf, name, {"target": "x"}, "/")
        for name in "a", "mail_2-x", "x" * 64:
            self.assertEqual(groupOf(name, {"target": "x"}, "/").name, name)

    def test_folder(self) -> None:
        """
        A target with a slash, or one that there is a folder of, is a folder; it is
        relative to the directory, if there is one.
        """
        folder = folderOf(self)
        os.makedirs(f"{folder}/there/jobs")
        for section, target in [
            ({"target": "shop.mail"}, "shop.mail"),
            ({"target": "shop:worker"}, "shop:worker"),
            ({"target": "there"}, f"{folder}/there"),
            ({"target": "./jobs/"}, f"{folder}/jobs"),
            ({"target": "jobs", "directory": "there"}, f"{folder}/there/jobs"),
            ({"target": "jobs"}, "jobs"),
            ({"target": "/srv/jobs"}, "/srv/jobs"),
        ]:
            settings = groupOf("x", section, folder)
            self.assertEqual(settings.target, target)
            self.assertEqual(settings.isFolder, target.startswith("/"))

    def test_min(self) -> None:
        """
        An autoscaled group has one child at least, unless it is said.
        """
        self.assertEqual(groupOf("x", {"target": "y", "max": 3}, "/").min, 1)
        section = {"target": "y", "min": 0, "max": 3, "functions": ["f"]}
        self.assertEqual(groupOf("x", section, "/").min, 0)

    def test_sameChildren(self) -> None:
        """
        Children are the same however many there are, and whatever is looked at.
        """
        one = groupOf("x", {"target": "y"}, "/")
        sections: list[tuple[Mapping[str, object], bool]] = [
            ({"count": 7}, True),
            ({"max": 7, "look": 3, "cooldown": 4, "max_age": 1}, True),
            ({"dedicated": {"a": 1}}, True),
            ({"start_splay": 3, "watch": ["x"]}, True),
            ({"stop_timeout": 3}, False),
            ({"environment": {"A": "b"}}, False),
            ({"functions": ["a"]}, False),
            ({"max_jobs": 3}, False),
            ({"user": "nobody"}, False),
        ]
        for section, same in sections:
            other = groupOf("x", {"target": "y", **section}, "/")
            self.assertIs(one.sameChildren(other), same, section)

    def test_keys(self) -> None:
        """
        Every key is one of the settings.
        """
        attributes = GroupSettings.__attrs_attrs__
        self.assertEqual(
            {key.attribute for key in GROUP_KEYS.values()} | {"name"},
            {attribute.name for attribute in attributes},
        )
