"""
A web application whose answers come from Gearman workers.

Start a job server, and run this beside it::

    twistd --nodaemon gearman &
    python examples/web.py --worker

and ask it something::

    curl http://127.0.0.1:8080/reverse/hello
    curl http://127.0.0.1:8080/root/2
    curl http://127.0.0.1:8080/root/-2
    curl http://127.0.0.1:8080/sort --data-binary @/etc/shells

With C{--worker}, it does the jobs itself; without, workers elsewhere do, such as
another copy of this, or C{gearman -w -f reverse rev}. What goes wrong is a status:
502 for a job that failed, 503 when there is no job server, and 504 when no worker
is done in time. Ctrl-C stops everything.

It needs klein: C{pip install 'txgearman[examples]'}.
"""

from __future__ import annotations

import argparse
import math
import sys
from http import HTTPStatus

from klein import Klein
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.task import react
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Site

from txgearman import (
    TEXT,
    Client,
    GearmanError,
    JobException,
    JobTimeout,
    NoServers,
    QueueFull,
    RunningJob,
    Worker,
)


class Application:
    """
    Routes that submit a job each.
    """

    routes = Klein()

    def __init__(self, client: Client[str], timeout: float) -> None:
        """
        @param timeout: how long to wait for a job, in seconds.
        """
        self._client = client
        self._timeout = timeout

    @routes.route("/reverse/<word>")
    def reverse(self, request: IRequest, word: str) -> Deferred[str]:
        """
        A word, backwards.
        """
        return self._client.call("reverse", word, timeout=self._timeout)

    @routes.route("/root/<number>")
    def root(self, request: IRequest, number: str) -> Deferred[str]:
        """
        A number's square root.
        """
        return self._client.call("root", number, timeout=self._timeout)

    @routes.route("/sort", methods=["POST"])
    def sort(self, request: IRequest) -> Deferred[str]:
        """
        The lines of the body, sorted.
        """
        text = request.content.read().decode("utf-8", "replace")
        return self._client.call("sort", text, timeout=self._timeout)

    @routes.handle_errors(GearmanError)
    def failed(self, request: IRequest, failure: Failure) -> str:
        """
        Say in HTTP what Gearman's errors mean.
        """
        match failure.value:
            case NoServers() | QueueFull():
                status = HTTPStatus.SERVICE_UNAVAILABLE
            case JobTimeout():
                status = HTTPStatus.GATEWAY_TIMEOUT
            case _:
                status = HTTPStatus.BAD_GATEWAY
        request.setResponseCode(status)
        return f"{failure.value}\n"


def makeWorker(reactor: IReactorTime, servers: str | None) -> Worker[str]:
    """
    Make a worker that does what the routes submit.
    """
    worker = Worker(reactor, servers, codec=TEXT, concurrency=4)
    worker.register("reverse", lambda job: job.data[::-1])
    worker.register("sort", lambda job: "".join(sorted(job.data.splitlines(True))))

    @worker.register("root")
    def root(job: RunningJob[str]) -> str:
        try:
            return str(math.sqrt(float(job.data)))
        except ValueError:
            raise JobException("no number with a root") from None

    return worker


async def main(reactor: PosixReactorBase, *arguments: str) -> None:
    """
    Serve until a signal comes.
    """
    parser = argparse.ArgumentParser(description="Serve HTTP from Gearman workers.")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--servers", help="by default GEARMAN_SERVERS, or localhost")
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--worker", action="store_true", help="do the jobs, too")
    options = parser.parse_args(arguments)
    observers = [textFileLogObserver(sys.stdout)]
    globalLogBeginner.beginLoggingTo(observers, redirectStandardIO=False)
    try:
        # Half of a request's time is for finding a server, so that it is out of time
        # for want of a worker only.
        patience = options.timeout / 2
        client = Client(reactor, options.servers, codec=TEXT, connectTimeout=patience)
        services = MultiService()
        client.setServiceParent(services)
        if options.worker:
            makeWorker(reactor, options.servers).setServiceParent(services)
        services.startService()
        # The reactor waits for this after Ctrl-C.
        reactor.addSystemEventTrigger("before", "shutdown", services.stopService)
        await client.whenConnected()
        site = Site(Application(client, options.timeout).routes.resource())
        endpoint = TCP4ServerEndpoint(reactor, options.port, interface="127.0.0.1")
        port = await endpoint.listen(site)
        reactor.addSystemEventTrigger("before", "shutdown", port.stopListening)
    except (GearmanError, CannotListenError) as error:
        sys.exit(f"web.py: {error}")
    await Deferred[None]()


if __name__ == "__main__":
    react(main, sys.argv[1:])
