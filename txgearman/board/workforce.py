"""
Who is connected to a job server, and what the workers among them can do.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from txgearman.board.function import Functions
from txgearman.board.peer import Ability, Link, Peer
from txgearman.board.policies import OPTION, Policies, Setting
from txgearman.board.policy import Policy
from txgearman.board.timers import Timers
from txgearman.board.waking import Later, Waker


class Workforce:
    """
    The peers of one job server, and the functions.

    @ivar policy: its settings.
    @ivar policies: what was decided for functions.
    @ivar functions: every function anyone has named.
    @ivar peers: the connections, in the order of their coming.
    """

    def __init__(
        self, clock: IReactorTime, policy: Policy, later: Later | None
    ) -> None:
        """
        @param later: as for a L{Waker}.
        """
        self.policy = policy
        attempts = policy.attempts
        self.policies = Policies(
            [Setting(b"*", "attempts", attempts, OPTION)] if attempts else []
        )
        self.functions = Functions(policy, self.policies, clock.seconds)
        self.peers: dict[Peer, None] = {}
        self._nextPeer = 1
        self._seconds = clock.seconds
        self._timers = Timers(clock)
        self._waker = Waker(policy, self._timers, clock.seconds, later)

    def made(self, link: Link, host: bytes, port: int = 0, local: bool = False) -> Peer:
        """
        A connection was made.

        @param local: whether the peer runs on this machine.
        """
        number, exceptions = self._nextPeer, self.policy.exceptions
        peer = Peer(link, host, port, local, number, exceptions)
        self._nextPeer += 1
        self.peers[peer] = None
        return peer

    def canDo(self, worker: Peer, name: bytes, timeout: float = 0.0) -> None:
        """
        A worker can do a function; the later timeout holds.

        @param timeout: how long it may take for a job, in seconds; 0 for as
            long as it likes.
        @raise ServerError: as L{Functions.named} does.
        """
        if timeout:
            timeout = max(timeout, self.policy.shortestTimeout)
        ability = worker.abilities.get(name)
        if ability is not None:
            ability.timeout = timeout
            return
        ability = Ability(self.functions.named(name), timeout)
        worker.gains(ability)
        ability.function.workers[worker] = None
        self._waker.learned(worker, ability)

    def cantDo(self, worker: Peer, name: bytes) -> None:
        """
        A worker cannot do a function any more; its running jobs go on.
        """
        ability = worker.abilities.get(name)
        if ability is not None:
            self._waker.forgot(worker, ability)
            worker.loses(ability)
            del ability.function.workers[worker]

    def resetAbilities(self, worker: Peer) -> None:
        """
        A worker can do nothing any more; its running jobs go on.
        """
        for name in list(worker.abilities):
            self.cantDo(worker, name)

    def preSleep(self, worker: Peer) -> None:
        """
        A worker sleeps until it is woken.
        """
        self._waker.sleep(worker)

    def wait(self, worker: Peer) -> None:
        """
        A worker to which no job was granted is offered the next one. It waits until
        it grabs again.
        """
        self._waker.wait(worker)
