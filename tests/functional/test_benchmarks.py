"""
The benchmarks, run as a user runs them, with next to no work.
"""

from __future__ import annotations

import json
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.functional.peers import requirePhpGearman
from tests.functional.processes import (
    Child,
    requireAll,
    requirePeer,
    spawn,
    until,
)

ROOT = Path(__file__).parents[2]

# They are some dozen programs, one after the other, on a machine that does other
# things too.
PATIENCE = 150.0


def start(folder: Path, *arguments: str) -> Child:
    """
    Start the command; all that it makes goes into a folder of the test.
    """
    temporary = folder / "temporary"
    temporary.mkdir()
    results = f"--output={folder / 'results'}"
    return spawn(
        [sys.executable, "-m", "benchmarks", "--rounds=1", results, *arguments],
        env={"TMPDIR": str(temporary)},
        cwd=str(ROOT),
        stdin=b"",
    )


async def play(folder: Path, *arguments: str) -> dict[str, Any]:
    """
    Run the command to its end, which must be a good one, with nothing failed and
    nothing left behind.

    @return: the rounds of each subject in each case, by group.
    """
    child = start(folder, "--scale=0.0005", *arguments)
    assert await child.ended(PATIENCE) == 0, child.errors
    data = json.loads((folder / "results" / "results.json").read_bytes())
    assert (data["notes"], data["failures"]) == ([], [])
    assert (folder / "results" / "results.md").read_bytes() in child.output
    assert list((folder / "temporary").iterdir()) == []
    groups: dict[str, Any] = {}
    for group, rows in data["groups"].items():
        cases = groups.setdefault(group, {})
        for row in rows:
            assert len(row["rounds"]) == 1
            cases.setdefault(row["case"], {})[row["subject"]] = row["rounds"][0]
    if find_spec("matplotlib") is not None:
        for group in groups:
            picture = folder / "results" / f"{group}.png"
            assert picture.read_bytes().startswith(b"\x89PNG")
    return groups


@pytest.mark.parametrize(
    "names", [["serving", "sleepers", "durable"], ["scale", "memory"]]
)
@pytest_twisted.ensureDeferred
async def test_servers(tmp_path: Path, names: list[str]) -> None:
    """
    Each group that compares servers has the same cases for all of them, and all
    that it measures is more than nothing; a job wakes one worker of ours.
    """
    requirePeer("gearmand")
    groups = await play(tmp_path, *names)
    assert list(groups) == names
    for name, cases in groups.items():
        subjects = {"gearmand", "txgearman"}
        if name == "durable":
            subjects |= {"gearmand-sqlite", "txgearman-sqlite"}
        for case, figures in cases.items():
            assert set(figures) == subjects, case
            for metric in ["rate", "throughput", "small", "large"]:
                assert all(each.get(metric, 1) > 0 for each in figures.values())
    for sleepers in groups.get("sleepers", {}).values():
        assert sleepers["txgearman"]["woken"] == 1
        assert sleepers["gearmand"]["woken"] > 1


@pytest_twisted.ensureDeferred
async def test_libraries(tmp_path: Path) -> None:
    """
    Every library calls, submits and works.
    """
    requirePhpGearman()
    requireAll({"gear": find_spec("gear") is not None})
    groups = await play(tmp_path, "libraries", "--servers=txgearman")
    (cases,) = groups.values()
    assert len(cases) == 6
    for case, figures in cases.items():
        assert {"gear", "php", "txgearman"} <= set(figures), case
        for each in figures.values():
            assert each.get("calls", 1) > 0
            assert each.get("done", 1) > 0


@pytest_twisted.ensureDeferred
async def test_interrupted(tmp_path: Path) -> None:
    """
    Ctrl-C ends the command with its server, and leaves nothing behind.
    """
    child = start(tmp_path, "memory", "--servers=txgearman")
    temporary = tmp_path / "temporary"
    logs = "benchmark.*/log"
    await until(
        lambda: any(log.stat().st_size > 0 for log in temporary.glob(logs)),
        "a server starts",
    )
    child.signal(signal.SIGINT)
    assert await child.ended() == 128 + signal.SIGINT
    assert b"Traceback" not in child.errors
    assert list(temporary.iterdir()) == []


@pytest_twisted.ensureDeferred
async def test_serverDies(tmp_path: Path) -> None:
    """
    A server that ends early, or cannot be started, is reported, and the other
    ones are played all the same.
    """
    child = start(
        tmp_path,
        "--scale=0.0005",
        "memory",
        "--server=broken=sh -c 'echo alas; exit 3'",
        "--server=absent=no-such-program",
        "--servers=broken,absent,txgearman",
    )
    assert await child.ended() == 1
    data = json.loads((tmp_path / "results" / "results.json").read_bytes())
    assert data["failures"] == ["memory, broken: broken does not listen: alas"]
    assert data["notes"] == ["absent is left out: no program no-such-program"]
    assert {row["subject"] for row in data["groups"]["memory"]} == {"txgearman"}
