"""
What administrators ask job servers, and tell them.
"""

from txgearman.admin.client import AdminClient
from txgearman.admin.jobs import DeadJobRow, DelayedJobRow, JobDetails, JobResult
from txgearman.admin.policies import FunctionLimits, PolicySetting, ScheduleRow
from txgearman.admin.rows import (
    Awaited,
    ClientRow,
    Connected,
    FunctionStatus,
    JobRow,
    PriorityStatus,
    QueueRow,
    Waiting,
)

__all__ = [
    "AdminClient",
    "Awaited",
    "ClientRow",
    "Connected",
    "DeadJobRow",
    "DelayedJobRow",
    "FunctionLimits",
    "FunctionStatus",
    "JobDetails",
    "JobResult",
    "JobRow",
    "PolicySetting",
    "PriorityStatus",
    "QueueRow",
    "ScheduleRow",
    "Waiting",
]
