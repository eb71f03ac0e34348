"""
Whom children may run as.
"""

from __future__ import annotations

import os
import pwd

from txgearman.errors import BadSetting


def checkUser(user: str | None) -> None:
    """
    Look whether this process can start children of a user.

    @param user: a name or a number; L{None} for nobody else.
    @raise BadSetting: when it cannot.
    """
    if user is None:
        return
    try:
        entry = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except (KeyError, OverflowError):
        raise BadSetting(f"user: there is no {user}") from None
    if os.geteuid() not in (0, entry.pw_uid):
        raise BadSetting(f"user: only root can start children of {user}")
