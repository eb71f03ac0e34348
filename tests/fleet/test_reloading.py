"""
Tests for L{txgearman.fleet.reloading}.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.fleet.stage import folderOf, settings
from txgearman.fleet.reloading import LOOK, Reloading, codeOf
from txgearman.fleet.settings import GroupSettings


@define
class FakeGroup:
    """
    A group that counts its restarts.
    """

    settings: GroupSettings
    restarts: int = 0
    failing: bool = field(default=False)

    def restart(self) -> Deferred[None]:
        self.restarts += 1
        return fail(ValueError()) if self.failing else succeed(None)


class ReloadingTests(SynchronousTestCase):
    """
    Changes are noticed.
    """

    def setUp(self) -> None:
        self.folder = Path(folderOf(self))
        (self.folder / "code" / "deep").mkdir(parents=True)
        self.file = self.folder / "fleet.toml"
        self.file.write_text("old")
        self.code = self.folder / "code" / "deep" / "module.py"
        self.code.write_text("old")
        self.other = self.folder / "other.py"
        self.other.write_text("old")
        self.group = FakeGroup(settings(target=str(self.folder / "code")))
        self.single = FakeGroup(settings(command=("run", str(self.other))))
        self.reloads = 0
        self.clock = Clock()
        self.reloading = Reloading(
            self.clock,
            {"a": self.group, "b": self.single},
            str(self.file),
            self.reload,
        )
        self.reloading.startService()
        self.addCleanup(self.stop)

    def reload(self) -> None:
        self.reloads += 1

    def stop(self) -> None:
        if self.reloading.running:
            self.reloading.stopService()

    def look(self, times: int = 2) -> tuple[int, int, int]:
        """
        Let it look so often.

        @return: how often the file was read, and either group restarted, since then.
        """
        before = self.reloads, self.group.restarts, self.single.restarts
        self.clock.pump([LOOK] * times)
        after = self.reloads, self.group.restarts, self.single.restarts
        return tuple(b - a for a, b in zip(before, after, strict=True))  # type: ignore[return-value]

    def test_nothing(self) -> None:
        """
        Where nothing changes, nothing is done.
        """
        self.assertEqual(self.look(10), (0, 0, 0))

    def test_file(self) -> None:
        """
        When the file has changed, it is read again, once.
        """
        self.file.write_text("new one")
        self.assertEqual(self.look(), (1, 0, 0))
        self.assertEqual(self.look(), (0, 0, 0))

    def test_code(self) -> None:
        """
        When code has changed, the group is restarted whose code it is.
        """
        self.code.write_text("new one")
        self.assertEqual(self.look(), (0, 1, 0))
        self.other.write_text("new one")
        self.assertEqual(self.look(), (0, 0, 1))

    def test_filesComeAndGo(self) -> None:
        """
        Files that appear or vanish are changes, too; what Python makes is none.
        """
        new = self.code.with_name("new.py")
        new.write_text("")
        self.assertEqual(self.look(), (0, 1, 0))
        new.unlink()
        self.assertEqual(self.look(), (0, 1, 0))
        cache = self.code.with_name("__pycache__")
        cache.mkdir()
        (cache / "module.pyc").write_text("")
        self.code.with_name(".module.py.swp").write_text("")
        self.assertEqual(self.look(), (0, 0, 0))

    def test_stillChanging(self) -> None:
        """
        As long as files change, it is waited for.
        """
        for number in range(5):
            self.code.write_text("x" * (10 + number))
            self.assertEqual(self.look(1), (0, 0, 0))
        self.assertEqual(self.look(1), (0, 1, 0))

    def test_touched(self) -> None:
        """
        A file that is only touched has changed.
        """
        os.utime(self.code, (1, 1))
        self.assertEqual(self.look(), (0, 1, 0))

    def test_failing(self) -> None:
        """
        A restart that fails is no reason to look no more.
        """
        self.group.failing = True
        self.code.write_text("new one")
        self.assertEqual(self.look(), (0, 1, 0))
        self.code.write_text("newer one")
        self.assertEqual(self.look(), (0, 1, 0))

    def test_otherSettings(self) -> None:
        """
        A group whose settings change has another code, which is no change of it.
        """
        self.group.settings = evolve(self.group.settings, target=str(self.folder))
        self.assertEqual(self.look(), (0, 0, 0))
        self.other.write_text("new one")
        self.assertEqual(self.look(), (0, 1, 1))

    def test_together(self) -> None:
        """
        Code that changes together with the settings has changed.
        """
        self.group.settings = evolve(self.group.settings, cooldown=7.0)
        self.code.write_text("new one")
        self.assertEqual(self.look(), (0, 1, 0))
        self.assertEqual(self.look(), (0, 0, 0))

    def test_data(self) -> None:
        """
        What a worker writes beside its code is no change of it, unless it is watched.
        """
        data = self.code.with_name("cache.sqlite")
        data.write_text("one")
        self.assertEqual(self.look(), (0, 0, 0))
        watched = (str(data.parent),)
        self.group.settings = evolve(self.group.settings, watch=watched)
        self.assertEqual(self.look(), (0, 0, 0))
        data.write_text("another")
        self.assertEqual(self.look(), (0, 1, 0))

    def test_stopped(self) -> None:
        """
        When it has stopped, nothing is looked at.
        """
        self.reloading.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class CodeTests(SynchronousTestCase):
    """
    Where the code of a group is.
    """

    def setUp(self) -> None:
        self.folder = folderOf(self)
        os.makedirs(f"{self.folder}/shop/deep")
        for name in "shop/__init__.py", "shop/deep/mail.py", "single.py", "run.php":
            Path(self.folder, name).write_text("raise ValueError\n")

    def test_places(self) -> None:
        """
        It is the package or the module of a target, a folder, or files of a command.
        """
        cases: list[tuple[Mapping[str, Any], Sequence[str]]] = [
            ({"target": "shop.deep.mail"}, ["shop"]),
            ({"target": "shop.deep:worker"}, ["shop"]),
            ({"target": "single"}, ["single.py"]),
            ({"target": f"{self.folder}/shop"}, ["shop"]),
            ({"target": "nonexistent_module"}, []),
            ({"command": ("php", "run.php", "{servers}")}, ["run.php"]),
            ({"command": ("php", "absent.php")}, []),
        ]
        for said, places in cases:
            found = codeOf(settings(directory=self.folder, **said))
            self.assertEqual(
                found, [os.path.join(self.folder, place) for place in places], said
            )

    def test_pythonPath(self) -> None:
        """
        Modules are looked for where the children do.
        """
        said = settings(
            target="single", directory="/", environment={"PYTHONPATH": self.folder}
        )
        self.assertEqual(codeOf(said), [f"{self.folder}/single.py"])
