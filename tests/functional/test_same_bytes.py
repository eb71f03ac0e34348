"""
The same stories told to gearmand and to txgearman get the same bytes, or the
difference is one of those in C{docs/differences.md}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import pytest_twisted
from attrs import define, field
from twisted.internet.defer import Deferred

from tests.functional.processes import (
    JobServer,
    requirePeer,
    startServer,
    together,
)
from tests.functional.scenarios import SCENARIOS, Scenario, Step

DIFFERENCES = Path(__file__).parents[2] / "docs" / "differences.md"

PEER, OURS = "gearmand", "txgearman"


@define
class Servers:
    """
    Servers of both kinds: shared by the scenarios that want the same options,
    or alone with one scenario.

    @ivar folder: makes an empty folder for a server to run in.
    """

    folder: Callable[[], Path]
    _shared: dict[tuple[str, ...], JobServer] = field(factory=dict)

    async def play(self, scenario: Scenario, *kinds: str) -> list[list[Step]]:
        """
        Play a scenario on servers of several kinds at once.

        @return: what each of them answered.
        """
        play = self._playAlone if scenario.alone else self._playShared
        return await together(*(play(kind, scenario) for kind in kinds))

    async def _playShared(self, kind: str, scenario: Scenario) -> list[Step]:
        key = (kind, *scenario.options)
        server = self._shared.get(key)
        if server is None or server.child.status is not None:
            server = self._shared[key] = await self._start(*key)
        steps = await scenario.transcript(server)
        assert server.child.status is None, f"{kind} died: {server.child.errors!r}"
        return steps

    async def _playAlone(self, kind: str, scenario: Scenario) -> list[Step]:
        server = await self._start(kind, *scenario.options)
        try:
            return await scenario.transcript(server)
        finally:
            await server.stop()

    async def _start(self, kind: str, *options: str) -> JobServer:
        return await startServer(kind, *options, cwd=str(self.folder()))

    async def stop(self) -> None:
        """
        Stop the shared servers.
        """
        await together(*(server.stop() for server in self._shared.values()))


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """
    The servers that scenarios are played on; they end with the module's tests.
    """
    requirePeer(PEER)
    servers = Servers(lambda: tmp_path_factory.mktemp("server"))
    yield servers
    pytest_twisted.blockon(Deferred.fromCoroutine(servers.stop()))


def answersAs(step: Step, expected: Sequence[bytes | re.Pattern[bytes]]) -> bool:
    """
    Whether a step got exactly the units that are expected.
    """
    return len(step.units) == len(expected) and all(
        unit == want if isinstance(want, bytes) else want.fullmatch(unit)
        for unit, want in zip(step.units, expected, strict=True)
    )


@pytest.mark.parametrize(
    "scenario", [pytest.param(one, id=one.name) for one in SCENARIOS]
)
@pytest_twisted.ensureDeferred
async def test_scenario(scenario: Scenario, stages: Servers) -> None:
    """
    Both servers answer the same, but for the steps that are declared to differ.
    """
    if scenario.oursOnly:
        [ours] = await stages.play(scenario, OURS)
    else:
        theirs, ours = await stages.play(scenario, PEER, OURS)
        assert [step.key for step in theirs] == [step.key for step in ours]
        differing = {
            one.key: (one.units, other.units)
            for one, other in zip(theirs, ours, strict=True)
            if one != other
        }
        surprising = {
            key: units for key, units in differing.items() if key not in scenario.ours
        }
        assert not surprising, f"(gearmand, txgearman): {surprising}"
        assert set(differing) == set(scenario.ours), "declared, but the same"
    for step in ours:
        if step.key in scenario.ours:
            assert answersAs(step, scenario.ours[step.key]), step


def test_everyDifferenceIsListed() -> None:
    """
    The rows of the table of differences are those that scenarios show.
    """
    listed = re.findall(r"^\| `([^`]+)` \|", DIFFERENCES.read_text(), re.M)
    assert len(listed) == len(set(listed))
    assert set(listed) == {one.differs for one in SCENARIOS if one.differs}


def test_everyDifferenceIsShown() -> None:
    """
    A scenario that differs says what txgearman answers, and no other one does.
    """
    for one in SCENARIOS:
        assert bool(one.differs) == bool(one.ours), one.name


def test_everyScenarioHasAName() -> None:
    """
    No two scenarios share a name, and each says what it claims.
    """
    names = [one.name for one in SCENARIOS]
    assert len(names) == len(set(names))
    assert all(one.play.__doc__ for one in SCENARIOS)
