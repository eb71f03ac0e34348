"""
A Python child: the program C{python -m txgearman.fleet.child}.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Any, NoReturn

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    globalLogBeginner,
)
from zope.interface import implementer

from txgearman.connection.turns import shortenTurns
from txgearman.errors import BadSetting
from txgearman.fleet.heeding import Heed
from txgearman.fleet.observing import functionsOf
from txgearman.fleet.reporting import Reporter, reportingOn
from txgearman.fleet.serving import Serving
from txgearman.fleet.targets import Registration, load, restrict
from txgearman.worker.worker import Worker

SERVERS = "GEARMAN_SERVERS"
"""
The environment variable that names the servers.
"""


def parse(arguments: Sequence[str]) -> Namespace:
    """
    Read the command line.

    @raise SystemExit: when something is wrong with it.
    """
    parser = ArgumentParser(
        "txgearman.fleet.child",
        description="Do the jobs of a Python target, until SIGTERM.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("target", help="package.module, module:worker, or a folder of functions")
    add(
        "--functions",
        type=_names,
        default=[],
        metavar="A,B",
        help="do only these of its functions",
    )
    add(
        "--max-jobs",
        type=_number(int, 0),
        default=0,
        metavar="N",
        help="end after so many jobs; 0 for never [default: 0]",
    )
    add(
        "--concurrency",
        type=_number(int, 1),
        default=1,
        metavar="N",
        help="how many jobs may run at once; a Worker says that itself [default: 1]",
    )
    add(
        "--stop-timeout",
        type=_number(float, 0),
        default=30.0,
        metavar="SECONDS",
        help="how long jobs may go on after SIGTERM [default: 30]",
    )
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _number(kind: Callable[[str], Any], least: int) -> Callable[[str], Any]:
    """
    Make a reader of numbers.
    """

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value < float("inf"):
            raise ArgumentTypeError(f"{text!r} is no number from {least} on")
        return value

    return read


@implementer(ILogObserver)
class PlainLog:
    """
    Writes what is logged to stderr, as it is: the master says when, and who.
    """

    def __call__(self, event: LogEvent) -> None:
        """
        Write one event.
        """
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        print(text.rstrip("\n"), file=sys.stderr, flush=True)


def beginLogging() -> None:
    """
    Log what concerns jobs and servers, and no more of Twisted than what goes wrong.
    """
    wanted = LogLevelFilterPredicate(defaultLogLevel=LogLevel.info)
    wanted.setLogLevelForNamespace("twisted", LogLevel.warn)
    observer = FilteringLogObserver(PlainLog(), [wanted])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


def prepareOutput() -> None:
    """
    Have what functions print leave line by line, also from their processes.
    """
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    for stream in sys.stdout, sys.stderr:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def workerOf(
    options: Namespace, registration: Registration, reactor: Any
) -> Worker[Any]:
    """
    Make the worker that the command line asks for.

    @param registration: what its target is.
    @raise BadSetting: when there is no such worker.
    """
    servers = os.environ.get(SERVERS, "").strip() or None
    worker = registration.worker(reactor, servers, options.concurrency)
    if options.functions:
        restrict(worker, functionsOf(worker), options.functions)
    return worker


def main(arguments: Sequence[str]) -> NoReturn:
    """
    Do jobs until it is over.

    @param arguments: without the program's name.
    @raise SystemExit: with status 0 when every job that was begun has ended, and
        with 1 when there is nothing to be done by such a target. Status 1 also when
        jobs were given up; then this process just ends.
    """
    heed = Heed()
    heed.listen()
    options = parse(arguments)
    prepareOutput()
    beginLogging()
    descriptor = reportingOn(os.environ)
    try:
        # It may have wishes as to the reactor.
        registration = load(options.target)
        shortenTurns()
        from twisted.internet import reactor

        worker = workerOf(options, registration, reactor)
    except BadSetting as error:
        # A signal that comes while a module is imported is such an error, too.
        raise SystemExit(0 if heed.asked else str(error)) from None
    serving = Serving(
        reactor,
        worker,
        Reporter(reactor, descriptor),
        options.max_jobs,
        options.stop_timeout,
    )
    run(reactor, serving, heed)
    if serving.gaveUp:
        # Threads that do not end would keep the process.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
    raise SystemExit(0)


def run(reactor: Any, serving: Serving, heed: Heed) -> None:
    """
    Serve, until that is over.
    """

    def drain() -> None:
        serving.ask()
        reactor.callFromThread(serving.stop)

    def start() -> None:
        # The reactor has put its own in place.
        heed.listen(drain)
        serving.start()
        serving.whenOver().addCallback(lambda _: stop())

    def stop() -> None:
        if reactor.running:
            reactor.stop()

    reactor.callWhenRunning(start)
    # Who stops the reactor otherwise does not mean to lose jobs.
    reactor.addSystemEventTrigger("before", "shutdown", serving.stop)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
