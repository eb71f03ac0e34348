"""
Jobs, and records beside them, on their way to where they outlive the process, and who
waits for that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from txgearman.board.job import Job

MUCH = 64 * 1024 * 1024
"""
So many bytes of workloads wait to be saved before those who send more are held up.
"""


MANY: Final = 128
"""
So many jobs may be enough for those that come to be saved later.
"""


class Waiting(Protocol):
    """
    Something that waits for a L{Saving} to be over.
    """

    def settled(self, saving: Saving, refusal: bytes | None) -> None:
        """
        It is over.

        @param refusal: why it, or what was C{refused} of it, came to nothing; L{None}
            when all is saved.
        """


class Held(Protocol):
    """
    Something that sends nothing while it is held up.
    """

    def hold(self, receiver: Saving) -> None:
        """
        Send nothing.
        """

    def release(self, receiver: Saving) -> None:
        """
        Go on.
        """


class Saving:
    """
    Jobs and records that are saved together.

    @ivar jobs: those that are new, or new to the store.
    @ivar changed: others of which something changed, by number.
    @ivar ended: the numbers of those that are to be kept no longer.
    @ivar records: what is kept beside the jobs, by kind and key; L{None} for what is
        to be kept no longer.
    @ivar size: the bytes of the new ones' workloads.
    @ivar refused: if not all of it came to nothing, the handles of what did; records
        did not.
    @ivar hurry: what is to be called when somebody begins to wait, if anything.
    @ivar grown: what is to be called with it when it has many jobs and nothing that
        belongs together is under way, if anything.
    """

    __slots__ = (
        "_held",
        "_waiting",
        "changed",
        "ended",
        "grown",
        "hurry",
        "jobs",
        "records",
        "refused",
        "size",
    )

    def __init__(self) -> None:
        self.jobs: dict[Job, None] = {}
        self.changed: dict[int, Job] = {}
        self.ended: dict[int, None] = {}
        self.records: dict[tuple[str, bytes], bytes | None] = {}
        self.size = 0
        self.refused: set[bytes] | None = None
        self.hurry: Callable[[], object] | None = None
        self.grown: Callable[[Saving], object] | None = None
        self._waiting: list[Waiting] = []
        self._held: dict[Held, None] = {}

    def __bool__(self) -> bool:
        return bool(
            self.jobs or self.changed or self.ended or self.records or self._waiting
        )

    @property
    def awaited(self) -> bool:
        """
        Does somebody wait for it?
        """
        return bool(self.jobs or self._waiting)

    def tell(self, waiting: Waiting) -> None:
        """
        Tell C{waiting} when it is over.
        """
        self._waiting.append(waiting)
        if self.hurry is not None:
            self.hurry()

    def weigh(self, sender: Held) -> None:
        """
        A submit is done: hold up who made it larger, if it is too large.
        """
        if self.size > MUCH and sender not in self._held:
            self._held[sender] = None
            sender.hold(self)
        if len(self.jobs) >= MANY and self.grown is not None:
            self.grown(self)

    def letGo(self, sender: Held) -> None:
        """
        The sender that is held up is lost.
        """
        self._held.pop(sender, None)

    def inherit(self, failed: Saving) -> None:
        """
        Keep in mind for later what has changed or ended in one that came to nothing.
        What was to be saved may have been: it has to end, too.
        """
        self.changed |= failed.changed
        self.ended |= failed.ended
        self.ended |= dict.fromkeys(job.number for job in failed.jobs)
        self.records |= failed.records
        for number in self.ended:
            self.changed.pop(number, None)

    def settle(
        self, refusal: bytes | None, failed: Callable[[], object] | None = None
    ) -> None:
        """
        It is over.

        @param failed: called within the handling of what is raised by one of those
            who are told, so that the others are told, too; L{None} to let it go on.
        """
        waiting, self._waiting = self._waiting, []
        held, self._held = self._held, {}
        calls = [partial(one.settled, self, refusal) for one in waiting]
        calls += [partial(sender.release, self) for sender in held]
        for call in calls:
            try:
                call()
            except Exception:
                if failed is None:
                    raise
                failed()


@frozen
class Told:
    """
    Somebody who wants to know when a L{Saving} is over, and not how.
    """

    whenOver: Callable[[], None]

    def settled(self, saving: Saving, refusal: bytes | None) -> None:
        """
        It is over.
        """
        self.whenOver()
