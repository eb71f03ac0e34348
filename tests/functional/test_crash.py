"""
The crash tests, a few rounds of them on each store; see docs/crash-tests.md.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import pytest_twisted

from tests.functional.databases import MariaDBServer, PostgreSQLServer
from tests.functional.processes import requireAll, requirePeer, spawn

ROOT = Path(__file__).parents[2]

# Some rounds with databases that are started for them, on a machine that does other
# things too.
PATIENCE = 240.0


def requireStore(store: str) -> None:
    """
    Require the programs behind a store.
    """
    if store == "postgresql":
        programs = PostgreSQLServer.programs()
    elif store == "mariadb":
        programs = MariaDBServer.programs()
    else:
        if store == "redis":
            requirePeer("redis-server")
        return
    requireAll({name: path is not None for name, path in programs.items()})


@pytest.mark.parametrize("store", ["sqlite", "postgresql", "mariadb", "redis"])
@pytest_twisted.ensureDeferred
async def test_crash(tmp_path: Path, store: str) -> None:
    """
    However the server ends, and what its store is kept in, no acknowledged job is
    lost, and none runs again without need.
    """
    requireStore(store)
    # One round of each kind: ends of the server, or of what is behind the store.
    rounds = 5 if store == "sqlite" else 3
    arguments = [f"--store={store}", f"--rounds={rounds}", "--kill-store"]
    child = spawn(
        [sys.executable, "-m", "tests.crash", *arguments],
        # PostgreSQL's own user has to get there.
        env={} if store in ("postgresql", "mariadb") else {"TMPDIR": str(tmp_path)},
        cwd=str(ROOT),
        stdin=b"",
    )
    status = await child.ended(PATIENCE)
    assert status == 0, (child.output + child.errors).decode()
    found = re.findall(
        rb"(?m)^(jobs lost|violations|different jobs) +(\d+)$",
        child.output.replace(b"  different", b"different"),
    )
    figures = {name: int(figure) for name, figure in found}
    assert figures.pop(b"different jobs") > 0
    assert figures == {b"jobs lost": 0, b"violations": 0}
