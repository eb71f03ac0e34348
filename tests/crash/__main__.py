"""
Kill job servers that keep their jobs in a store, and see that nothing is lost::

    python -m tests.crash --store sqlite --rounds 200
    python -m tests.crash --store postgresql --rounds 30 --kill-store
    python -m tests.crash --store mariadb --rounds 30 --kill-store
    python -m tests.crash --store redis --rounds 30 --kill-store

Each round starts C{twistd gearman} on what the last one left, gives it a mixed load,
and kills it at a random moment. docs/crash-tests.md says what must hold. The exit
status is 1 if it does not.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NoReturn

from tests.crash.checks import Repeats, checkAll
from tests.crash.rounds import Rounds
from tests.crash.stores import BACKENDS

# So many violations are told in full.
_TOLD: Final = 5

# Rounds from which on jobs are submitted that wait for up to a minute.
_PATIENT: Final = 20


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash",
        description="Kill a job server in the middle of its work, again and again, and"
        " see that no acknowledged job is lost, and none done twice without need.",
    )
    parser.add_argument(
        "--store", choices=list(BACKENDS), default="sqlite", help="where jobs are kept"
    )
    parser.add_argument(
        "--rounds", type=int, default=200, metavar="N", help="how often (200)"
    )
    parser.add_argument(
        "--kill-store",
        action="store_true",
        help="kill what is behind the store, too, in some of the rounds",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=None,
        metavar="N",
        help="repeat the load of another run, though not its moments",
    )
    return parser


def _told(rounds: Rounds) -> str:
    ledger = rounds.ledger
    return (
        f"{ledger.acknowledged} acknowledged, {len(ledger.owed)} to be done,"
        f" {rounds.figures.most} in the store at most,"
        f" {sum(ledger.errors.values())} errors, {len(ledger.violations)} violations"
    )


def _table(
    rounds: Rounds, repeats: Repeats, seconds: float
) -> list[tuple[str, object]]:
    """
    What is told in the end.
    """
    ledger, figures = rounds.ledger, rounds.figures
    background = sum(
        any(one.background for one in submissions)
        for submissions in ledger.answered.values()
    )
    runs = [run for some in ledger.runs.values() for run in some]
    lost = sum("LOST" in violation for violation in ledger.violations)
    unanswered = sum(map(len, ledger.unanswered.values())) - ledger.errors.total()
    lines: list[tuple[str, object]] = [
        ("rounds", figures.kinds.total()),
        *((f"  of them: {kind}", many) for kind, many in figures.kinds.most_common()),
        ("background submits acknowledged", ledger.acknowledged),
        ("  different jobs", background),
        ("foreground submits acknowledged", ledger.foreground),
        ("submits without an answer", unanswered),
        ("jobs assigned", len(runs)),
        ("jobs run to an end", sum(1 for run in runs if run.ended)),
        ("jobs that ran again", repeats.reasons.total()),
        *((f"  {reason}", many) for reason, many in repeats.reasons.most_common()),
        ("longest time from an end to the kill", f"{repeats.longest * 1000:.0f} ms"),
        ("submits answered with an error", ledger.errors.total()),
        *((f"  {error}", many) for error, many in ledger.errors.most_common()),
        ("most jobs in the store", figures.most),
        ("slowest start", f"{figures.slowest:.1f} s"),
        ("slowest stop", f"{figures.stop:.1f} s"),
        ("slowest recovery of a store", f"{figures.recovery:.1f} s"),
        ("jobs lost", lost),
        ("violations", len(ledger.violations)),
        ("it took", f"{seconds:.0f} s"),
    ]
    return lines


def _endBySignal(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)


def main() -> int:
    """
    Do what the command line asks for.

    @return: the exit status: 1 when something did not hold.
    """
    arguments = _parser().parse_args()
    # What is started here ends with this.
    signal.signal(signal.SIGTERM, _endBySignal)
    seed = arguments.seed
    if seed is None:
        seed = random.SystemRandom().randrange(2**32)
    print(f"store {arguments.store}, seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="txgearman-crash-"))
    begun = time.monotonic()
    backend = BACKENDS[arguments.store](folder)
    rounds = Rounds(
        backend,
        folder,
        seed,
        arguments.kill_store and backend.killable,
        arguments.rounds >= _PATIENT,
    )
    try:
        for number in range(1, arguments.rounds + 1):
            rounds.play()
            if number % 10 == 0 or number == arguments.rounds:
                print(f"{number} rounds: {_told(rounds)}", flush=True)
            if rounds.ledger.violations:
                break
        rounds.finish()
    finally:
        rounds.close()
        backend.remove()
        shutil.rmtree(folder, ignore_errors=True)
    repeats = checkAll(rounds.ledger)
    for name, value in _table(rounds, repeats, time.monotonic() - begun):
        print(f"{name:<60} {value:>10}")
    violations = rounds.ledger.violations
    for violation in violations[:_TOLD]:
        print(f"\nVIOLATION (seed {seed}): {violation}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
