"""Processor time by program, from /proc (proc(5)): where the time of a bench goes."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class CpuClock:
    """Counts from its making, for a process and all below it; what has ended counts with the parent that reaped it."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._begun = _by_process(root)

    def spent_s(self) -> dict[str, float]:
        """Seconds of user and system time by program, most first."""
        spent: dict[str, float] = defaultdict(float)
        for pid, (name, seconds) in _by_process(self._root).items():
            spent[name] += seconds - self._begun.get(pid, (name, 0.0))[1]
        return dict(sorted(((n, s) for n, s in spent.items() if s > 0), key=lambda pair: -pair[1]))


def _by_process(root: int) -> dict[int, tuple[str, float]]:
    found: dict[int, tuple[str, float]] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            comm, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # ppid is field 4; utime, stime, cutime, cstime are fields 14 to 17
        fields = rest.split()
        name = command[command.index(b"-m") + 1].decode() if b"-m" in command[:-1] else comm
        found[int(folder.name)] = (name, sum(map(int, fields[11:15])) * _TICK_S)
        parents[int(folder.name)] = int(fields[1])

    def below(pid: int) -> bool:
        while pid and pid != root:
            pid = parents.get(pid, 0)
        return pid == root

    return {pid: spent for pid, spent in found.items() if below(pid)}
