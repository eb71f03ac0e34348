"""
What administrators ask job servers, and tell them.
"""

from txgearman.admin.client import AdminClient
from txgearman.admin.rows import (
    Awaited,
    ClientRow,
    Connected,
    FunctionStatus,
    JobRow,
    PriorityStatus,
    Waiting,
)

__all__ = [
    "AdminClient",
    "Awaited",
    "ClientRow",
    "Connected",
    "FunctionStatus",
    "JobRow",
    "PriorityStatus",
    "Waiting",
]
