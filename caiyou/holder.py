"""Names of processes that hold something in Redis, so that another can tell when the holder is dead.

A name is ``host:pid:start``; after a kill -9 whoever comes next on the same host takes over at once, others wait for
the holder's key to run out.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path


def holder() -> str:
    """The name of this process."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def is_dead(name: str) -> bool:
    """Whether ``name`` (what follows a third colon does not count) was a process of this host that is gone.

    False for those of other hosts: nobody can tell from here.
    """
    host, pid, started = [*name.split(":"), "", "", ""][:3]
    return host == socket.gethostname() and pid.isascii() and pid.isdigit() and _started(int(pid)) != started


def _started(pid: int) -> str:
    """When the process started, in clock ticks since boot (proc(5), stat, 22); "" when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]
