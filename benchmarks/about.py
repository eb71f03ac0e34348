"""
The circumstances of a run: the machine and the versions.
"""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def circumstances(rounds: int, scale: float) -> dict[str, str]:
    """
    @return: what to know about the figures, by name; nothing that names the host.
    """
    about = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "rounds, scale": f"{rounds}, {scale:g}",
        "processor": f"{os.cpu_count()} x {_processor()}",
        "load at the start": f"{os.getloadavg()[0]:.2f}",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }
    for package in ["txgearman", "twisted", "gear"]:
        try:
            about[package] = version(package)
        except PackageNotFoundError:
            continue
    for name, command in [
        ("gearmand", ["gearmand", "--version"]),
        ("PHP", ["php", "-r", "echo PHP_VERSION;"]),
        ("php-gearman", ["php", "-r", "echo phpversion('gearman');"]),
        ("libgearman", ["php", "-r", "echo gearman_version();"]),
    ]:
        said = _said(command)
        if said:
            about[name] = said
    return about


def _processor() -> str:
    cpus = Path("/proc/cpuinfo").read_text()
    named = re.search(r"^model name\s*:\s*(.+)$", cpus, re.MULTILINE)
    return platform.machine() if named is None else named[1]


def _said(command: Sequence[str]) -> str:
    """
    @return: the version in what a program says; empty when there is none.
    """
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except OSError:
        return ""
    found = re.search(r"\d+(\.\d+)+\S*", said.stdout)
    return "" if said.returncode or found is None else found[0]
