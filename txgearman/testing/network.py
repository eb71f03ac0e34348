"""
Time, and the wires on which something moves meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

from txgearman.testing.joint import Joint
from txgearman.testing.wire import SERVER, SocketWire, Wire

TURNS: Final = 50_000
"""After how many turns there is no hope that everything comes to rest."""


class Network:
    """
    Wires, joints of wires, and a clock. One turn is one of a reactor: everyone's
    input arrives, the clock calls what is due, everyone's output leaves.

    @ivar clock: the time.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._wires: list[Wire] = []
        self._joints: list[Joint] = []
        self._port = 50000

    def address(self) -> IPv4Address:
        """
        The next port of this machine.
        """
        self._port += 1
        return IPv4Address("TCP", "127.0.0.1", self._port)

    def add(self, wire: Wire) -> None:
        """
        Let something move on a wire.
        """
        self._wires.append(wire)

    def join(self) -> Joint:
        """
        Make a connection.
        """
        address = self.address()
        client = SocketWire(self.clock, SERVER, address)
        joint = Joint(client, SocketWire(self.clock, address))
        self._wires += [joint.client, joint.server]
        self._joints.append(joint)
        return joint

    def turn(self) -> bool:
        """
        Let one turn pass.

        @return: whether anything moved, or is to be called in the next one.
        """
        wires, joints = self._wires, self._joints
        before = sum(wire.moves for wire in wires)
        for wire in wires:
            wire.hungers()
        for wire in wires:
            wire.receive()
        self.clock.advance(0)
        for wire in wires:
            wire.send()
        for joint in joints:
            joint.carry()
        moved = before < sum(wire.moves for wire in wires)
        self._wires = [wire for wire in self._wires if not wire.disconnected]
        self._joints = [joint for joint in self._joints if not joint.gone]
        return moved or self._due()

    def _due(self) -> bool:
        call = self.next()
        return call is not None and call.getTime() <= self.clock.seconds()

    def next(self) -> IDelayedCall | None:
        """
        What the clock is to call next, if anything.
        """
        calls = self.clock.getDelayedCalls()
        return min(calls, key=lambda call: call.getTime(), default=None)

    def outlook(self) -> str:
        """
        What time would bring, in words.
        """
        call = self.next()
        if call is None:
            return "nothing is timed either"
        return f"the next timed call is in {call.getTime() - self.clock.seconds():g} s"

    def settle(self, enough: Callable[[], bool] = lambda: False) -> None:
        """
        Let turns pass until nothing moves.

        @param enough: asked before each turn whether to stop before.
        @raise AssertionError: when that takes more than L{TURNS}.
        """
        for _ in range(TURNS):
            if enough() or not self.turn():
                return
        raise AssertionError(
            f"things still move after {TURNS} turns: something calls or sends"
            " again and again without any time between"
        )

    def advance(self, seconds: float) -> None:
        """
        Let time pass from call to call, and settle before, between and after.

        @raise AssertionError: as L{settle} does.
        """
        end = self.clock.seconds() + seconds
        self.settle()
        while (call := self.next()) is not None and call.getTime() <= end:
            self._pass(call.getTime())
        self._pass(end)

    def passUntil(self, done: Callable[[], bool]) -> None:
        """
        Let as much time pass as something takes.

        @raise AssertionError: when it takes forever.
        """
        self.settle()
        for _ in range(TURNS):
            call = self.next()
            if done() or call is None:
                break
            self._pass(call.getTime())
        if not done():
            raise AssertionError(f"it does not come to an end; {self.outlook()}")

    def _pass(self, when: float) -> None:
        """
        Let time pass until then, and settle.
        """
        self.clock.rightNow = when
        self.settle()
