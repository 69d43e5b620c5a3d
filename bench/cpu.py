"""Processor time by program, from /proc (proc(5)): where the time of a bench goes."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class CpuClock:
    """Counts from its making. Children that ended in between are counted with the parent that reaped them."""

    def __init__(self) -> None:
        self._begun = _by_process()

    def spent_s(self) -> dict[str, float]:
        """Seconds of user and system time by program, most first."""
        spent: dict[str, float] = defaultdict(float)
        for pid, (name, seconds) in _by_process().items():
            spent[name] += seconds - self._begun.get(pid, (name, 0.0))[1]
        return dict(sorted(((n, s) for n, s in spent.items() if s > 0), key=lambda pair: -pair[1]))


def _by_process() -> dict[int, tuple[str, float]]:
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            comm, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # utime, stime, cutime, cstime: fields 14 to 17
        fields = rest.split()
        name = comm
        if b"-m" in command[:-1]:
            name = command[command.index(b"-m") + 1].decode()
        found[int(folder.name)] = (name, sum(map(int, fields[11:15])) * _TICK_S)
    return found
