"""
What clients were promised and what workers did, over all lives of a server.
"""

from __future__ import annotations

import enum
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from attrs import define, field

# So many submits of a job are told.
_MANY: Final = 12


def digest(data: bytes) -> bytes:
    """
    What is remembered of a workload.
    """
    return hashlib.blake2b(data, digest_size=12).digest()


class End(enum.Enum):
    """
    How a life of the server ended.
    """

    KILLED = "kill -9"
    TERMINATED = "SIGTERM, or SIGUSR1"


class Outcome(enum.Enum):
    """
    How a run ended, as far as its worker knows.
    """

    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "worker lost"


@define(eq=False)
class Life:
    """
    The server from one start to its end. All times are seconds of the epoch.

    @ivar number: 0 for the first.
    @ivar ended: when it was told to end.
    @ivar outage: whether the store was down at some time.
    @ivar unsavedSince: when the store went down, if nothing was saved since then.
    @ivar accepted: whether a new job was acknowledged, and so the store works.
    """

    number: int
    ended: float = 0.0
    end: End | None = None
    outage: bool = False
    unsavedSince: float | None = None
    accepted: bool = False

    def __str__(self) -> str:
        end = self.end.value if self.end else "not yet"
        return f"life {self.number} ends at {self.ended:.3f}: {end}"


@define(eq=False)
class Submission:
    """
    A submit that was sent.

    @ivar due: the job must not run before this, in seconds of the epoch; 0 for at
        once. C{exactly} tells whether the store must have the same.
    @ivar handle: what it was answered with.
    @ivar error: the same, if that was an ERROR: its code and text.
    """

    life: Life
    function: bytes
    unique: bytes
    digest: bytes
    priority: int
    background: bool
    reducer: bytes = b""
    due: float = 0.0
    exactly: bool = True
    sent: float = 0.0
    handle: bytes = b""
    error: bytes = b""

    def __str__(self) -> str:
        kind = "background" if self.background else "foreground"
        answer = self.error or self.handle or b"no answer"
        return (
            f"life {self.life.number}: {kind} submit at {self.sent:.3f} of"
            f" {self.function!r} unique {self.unique!r} workload {self.digest.hex()}"
            f" priority {self.priority} due {self.due:.3f}: {answer!r}"
        )


@define(eq=False)
class Run:
    """
    A job that a worker was assigned.

    @ivar unique: L{None} when the worker was not told.
    @ivar reducer: likewise.
    @ivar ended: when its end was sent; 0 before that.
    @ivar confirmed: when the server had answered something that was sent later; 0
        before that.
    """

    life: Life
    handle: bytes
    function: bytes
    unique: bytes | None
    digest: bytes
    reducer: bytes | None
    begun: float
    ended: float = 0.0
    confirmed: float = 0.0
    outcome: Outcome | None = None

    def __str__(self) -> str:
        how = self.outcome.value if self.outcome else "open"
        return (
            f"life {self.life.number}: run of {self.function!r} workload"
            f" {self.digest.hex()} begun {self.begun:.3f} ended {self.ended:.3f}"
            f" confirmed {self.confirmed:.3f}: {how}"
        )


@define(eq=False)
class Ledger:
    """
    All of it.

    @ivar answered: submissions by the handle they were answered with.
    @ivar unanswered: those that got no handle, by what is remembered of their
        workload: nobody knows what became of them.
    @ivar runs: by handle.
    @ivar owed: handles that were acknowledged to clients in the background, and
        whose end no worker has reported.
    @ivar attempts: the attempts that the store knew of, by handle.
    @ivar violations: what must not be.
    @ivar errors: how often each error was answered.
    """

    lives: list[Life] = field(factory=list)
    answered: dict[bytes, list[Submission]] = field(
        factory=lambda: defaultdict[bytes, list[Submission]](list)
    )
    unanswered: dict[bytes, list[Submission]] = field(
        factory=lambda: defaultdict[bytes, list[Submission]](list)
    )
    runs: dict[bytes, list[Run]] = field(
        factory=lambda: defaultdict[bytes, list[Run]](list)
    )
    owed: dict[bytes, None] = field(factory=dict)
    attempts: dict[bytes, int] = field(factory=dict)
    violations: list[str] = field(factory=list)
    errors: Counter[str] = field(factory=Counter)
    acknowledged: int = 0
    foreground: int = 0

    @property
    def life(self) -> Life:
        """
        The present one.
        """
        return self.lives[-1]

    def begin(self) -> Life:
        """
        The server is started.
        """
        life = Life(len(self.lives))
        self.lives.append(life)
        return life

    def created(self, submission: Submission, handle: bytes) -> None:
        """
        A submit was answered with JOB_CREATED.
        """
        submission.handle = handle
        self.answered[handle].append(submission)
        if submission.background:
            self.acknowledged += 1
            if not submission.unique:
                submission.life.accepted = True
            if not any(run.ended for run in self.runs.get(handle, ())):
                self.owed[handle] = None
        else:
            self.foreground += 1

    def refused(self, submission: Submission, error: bytes) -> None:
        """
        A submit was answered with ERROR.
        """
        submission.error = error
        self.errors[error.replace(b"\0", b": ").decode("utf-8", "replace")] += 1
        self.unanswered[submission.digest].append(submission)

    def dropped(self, submission: Submission) -> None:
        """
        The connection was lost before a submit was answered.
        """
        self.unanswered[submission.digest].append(submission)

    def assigned(self, run: Run) -> None:
        """
        A worker was assigned a job.
        """
        self.runs[run.handle].append(run)

    def reported(self, run: Run, outcome: Outcome, now: float) -> None:
        """
        A worker has told the end of a job.
        """
        run.outcome = outcome
        run.ended = now
        self.owed.pop(run.handle, None)

    def status(self, handle: bytes, known: bool) -> None:
        """
        The server was asked whether it knows a job.
        """
        # While it loads it does not know what it has.
        if not known and handle in self.owed and self.life.accepted:
            self.violate(
                f"the server does not know a job of its own in life {self.life.number}",
                handle,
            )

    def violate(self, what: str, handle: bytes = b"") -> None:
        """
        Something is as it must not be.
        """
        lines = [what]
        if handle:
            lines.append(f"  {handle!r}:")
            lines += [f"    {line}" for line in self.history(handle)]
        self.violations.append("\n".join(lines))

    def history(self, handle: bytes) -> Iterator[str]:
        """
        Tell all that is known of a job.
        """
        submissions = self.answered.get(handle, [])
        runs = self.runs.get(handle, [])
        events = [(one.sent, str(one)) for one in submissions]
        # Many may have joined it.
        if len(events) > _MANY:
            events = [*events[:_MANY], (events[_MANY][0], "and more submits")]
        events += [(run.begun, str(run)) for run in runs]
        lives = {one.life for one in submissions} | {run.life for run in runs}
        events += [(life.ended, str(life)) for life in lives]
        for _, event in sorted(events):
            yield event

    def origins(
        self, handle: bytes, function: bytes, unique: bytes | None, digest: bytes
    ) -> list[Submission]:
        """
        Which submits may a job have come from?

        @param unique: L{None} when it is not known.
        """
        candidates = [
            *self.answered.get(handle, ()),
            # A submit that was refused comes to nothing, unless nobody could know.
            *(
                one
                for one in self.unanswered.get(digest, ())
                if not one.error or one.life.outage
            ),
        ]
        return [
            one
            for one in candidates
            if one.digest == digest
            and one.function == function
            and unique in (None, one.unique)
        ]
