"""
The package as it is installed, in environments of their own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str | Path, cwd: Path) -> str:
    """
    Run a program to its end, which must be a good one.

    @return: what it wrote to stdout.
    """
    done = subprocess.run(arguments, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """
    A copy of what a release is made of, so that nothing is built in the tree.
    """
    copy = tmp_path / "sources"
    unwanted = shutil.ignore_patterns("__pycache__", "dropin.cache")
    copy.mkdir()
    for name in ["setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE"]:
        shutil.copy(ROOT / name, copy)
    for name in ["txgearman", "twisted"]:
        shutil.copytree(ROOT / name, copy / name, ignore=unwanted)
    return copy


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """
    The Python of a new environment that has what this one has, but for
    txgearman: packages found through a path file bring no path files of their
    own, such as the one of an editable install.
    """
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "env", cwd=tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", where, cwd=tmp_path).strip())
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def install(python: Path, *what: str | Path, cwd: Path) -> None:
    """
    Install a package into an environment, without any network.
    """
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--quiet"]
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", *offline, *what, cwd=cwd)


def subcommands(python: Path, cwd: Path) -> str:
    """
    What C{twistd --help} prints, run outside of the sources.
    """
    twistd = "from twisted.scripts.twistd import run; run()"
    return run(python, "-c", twistd, "--help", cwd=cwd)


def test_wheel(python: Path, sources: Path, tmp_path: Path) -> None:
    """
    An installed wheel adds C{gearman} to twistd, and says that it is typed.
    """
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    run(*pip, "--quiet", "--wheel-dir", tmp_path / "wheels", sources, cwd=tmp_path)
    [wheel] = (tmp_path / "wheels").iterdir()
    assert "gearman" not in subcommands(python, tmp_path)
    install(python, wheel, cwd=tmp_path)
    assert "A Gearman job server" in subcommands(python, tmp_path)
    marker = "import txgearman, pathlib; print(pathlib.Path(txgearman.__file__))"
    module = Path(run(python, "-c", marker, cwd=tmp_path).strip())
    assert (module.parent / "py.typed").exists()


def test_editable(python: Path, sources: Path, tmp_path: Path) -> None:
    """
    So does an editable install, which hides plugins unless it is a strict one.
    """
    install(python, "--editable", sources, cwd=tmp_path)
    assert "A Gearman job server" in subcommands(python, tmp_path)


def test_pluginImportsNothing() -> None:
    """
    Listing twistd's subcommands imports no module of txgearman.
    """
    names = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from twisted.application.service import IServiceMaker\n"
            "from twisted.plugin import getPlugins\n"
            "print([p.tapname for p in getPlugins(IServiceMaker)])\n"
            "print([m for m in sys.modules if m.startswith('txgearman')])\n",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert "'gearman'" in names[0]
    assert names[1] == "[]"
