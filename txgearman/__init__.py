"""
A Gearman job server, client and worker on Twisted::

    from twisted.internet.defer import Deferred
    from twisted.internet.task import react
    from txgearman import Client

    async def main(reactor):
        client = Client(reactor, ["tcp:127.0.0.1:4730"])
        client.startService()
        print(await client.call("reverse", b"hello"))
        await client.stopService()

    react(lambda reactor: Deferred.fromCoroutine(main(reactor)))

The job server as a process of its own is C{twistd gearman}.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from txgearman.admin import AdminClient
    from txgearman.board.job import Priority
    from txgearman.board.policy import Policy
    from txgearman.client.choice import (
        Choice,
        Failover,
        Hashing,
        RandomChoice,
        RoundRobin,
    )
    from txgearman.client.client import Client
    from txgearman.client.factory import (
        GearmanClientFactory,
        ReconnectingGearmanClientFactory,
    )
    from txgearman.client.job import (
        IJobListener,
        JobData,
        JobProgress,
        JobWarning,
        RemoteJob,
    )
    from txgearman.client.protocol import GearmanClientProtocol, JobStatus, Watcher
    from txgearman.client.submission import Submission
    from txgearman.codecs import BYTES, JSON, TEXT, Codec
    from txgearman.connection.retrying import backoff
    from txgearman.connection.sockets import Keepalive
    from txgearman.errors import (
        BackgroundJob,
        BadSchedule,
        BadSetting,
        GearmanError,
        JobError,
        JobException,
        JobFailed,
        JobLost,
        JobTimeout,
        NoServers,
        QueueFull,
        ServerError,
    )
    from txgearman.server.factory import GearmanServerFactory
    from txgearman.server.protocol import GearmanServerProtocol
    from txgearman.server.service import GearmanServer
    from txgearman.server.settings import Settings
    from txgearman.version import __version__
    from txgearman.wire.codec import Limits
    from txgearman.worker.factory import (
        GearmanWorkerFactory,
        ReconnectingGearmanWorkerFactory,
        WorkerOwner,
    )
    from txgearman.worker.job import RunningJob
    from txgearman.worker.protocol import Assignment, GearmanWorkerProtocol
    from txgearman.worker.running import inProcess, inThread
    from txgearman.worker.worker import Worker

__all__ = [
    "BYTES",
    "JSON",
    "TEXT",
    "AdminClient",
    "Assignment",
    "BackgroundJob",
    "BadSchedule",
    "BadSetting",
    "Choice",
    "Client",
    "Codec",
    "Failover",
    "GearmanClientFactory",
    "GearmanClientProtocol",
    "GearmanError",
    "GearmanServer",
    "GearmanServerFactory",
    "GearmanServerProtocol",
    "GearmanWorkerFactory",
    "GearmanWorkerProtocol",
    "Hashing",
    "IJobListener",
    "JobData",
    "JobError",
    "JobException",
    "JobFailed",
    "JobLost",
    "JobProgress",
    "JobStatus",
    "JobTimeout",
    "JobWarning",
    "Keepalive",
    "Limits",
    "NoServers",
    "Policy",
    "Priority",
    "QueueFull",
    "RandomChoice",
    "ReconnectingGearmanClientFactory",
    "ReconnectingGearmanWorkerFactory",
    "RemoteJob",
    "RoundRobin",
    "RunningJob",
    "ServerError",
    "Settings",
    "Submission",
    "Watcher",
    "Worker",
    "WorkerOwner",
    "__version__",
    "backoff",
    "inProcess",
    "inThread",
]

# What is not used is not imported: a job server needs no client, and whoever starts a
# worker's process needs nothing of it.
_NAMES = {
    "txgearman.admin": ("AdminClient",),
    "txgearman.board.job": ("Priority",),
    "txgearman.board.policy": ("Policy",),
    "txgearman.client.choice": (
        "Choice",
        "Failover",
        "Hashing",
        "RandomChoice",
        "RoundRobin",
    ),
    "txgearman.client.client": ("Client",),
    "txgearman.client.factory": (
        "GearmanClientFactory",
        "ReconnectingGearmanClientFactory",
    ),
    "txgearman.client.job": (
        "IJobListener",
        "JobData",
        "JobProgress",
        "JobWarning",
        "RemoteJob",
    ),
    "txgearman.client.protocol": ("GearmanClientProtocol", "JobStatus", "Watcher"),
    "txgearman.client.submission": ("Submission",),
    "txgearman.codecs": ("BYTES", "JSON", "TEXT", "Codec"),
    "txgearman.connection.retrying": ("backoff",),
    "txgearman.connection.sockets": ("Keepalive",),
    "txgearman.errors": (
        "BackgroundJob",
        "BadSchedule",
        "BadSetting",
        "GearmanError",
        "JobError",
        "JobException",
        "JobFailed",
        "JobLost",
        "JobTimeout",
        "NoServers",
        "QueueFull",
        "ServerError",
    ),
    "txgearman.server.factory": ("GearmanServerFactory",),
    "txgearman.server.protocol": ("GearmanServerProtocol",),
    "txgearman.server.service": ("GearmanServer",),
    "txgearman.server.settings": ("Settings",),
    "txgearman.version": ("__version__",),
    "txgearman.wire.codec": ("Limits",),
    "txgearman.worker.factory": (
        "GearmanWorkerFactory",
        "ReconnectingGearmanWorkerFactory",
        "WorkerOwner",
    ),
    "txgearman.worker.job": ("RunningJob",),
    "txgearman.worker.protocol": ("Assignment", "GearmanWorkerProtocol"),
    "txgearman.worker.running": ("inProcess", "inThread"),
    "txgearman.worker.worker": ("Worker",),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
