"""Sequence Number: node, mmddhhmmss, counter, 4 octets each (SGIP 1.2, 4.1). It is the key that reports name.

In the program it is one number of 96 bits; as ``ref`` its 24 hexadecimal digits.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

OCTETS = 12
CHINA = timezone(timedelta(hours=8))  # the carriers' time; it knows no summer time, so no hour comes twice

_COUNT_BITS = 16


def sequence_of(node: int, stamp: int, counter: int) -> int:
    """One number from its three; ``stamp`` is mmddhhmmss read as a decimal number."""
    return node << 64 | stamp << 32 | counter


def parts_of(sequence: int) -> tuple[int, int, int]:
    """Node, stamp, counter."""
    return sequence >> 64, sequence >> 32 & 0xFFFF_FFFF, sequence & 0xFFFF_FFFF


def ref_of(sequence: int) -> str:
    """24 hexadecimal digits."""
    return f"{sequence:024x}"


class Sequencer:
    """Makes the sequence numbers of one link. ``clock`` gives seconds since 1970.

    No two are alike, though other links, other hosts and this one's next process use the same node number: the high 16
    bits of the counter are drawn at random by each sequencer, the low 16 count within a second; the time never goes
    back, and runs ahead of the clock rather than use a counter twice.
    """

    def __init__(self, node: int, clock: Callable[[], float] = time.time) -> None:
        if not 0 <= node < 1 << 32:
            raise ValueError(f"node {node} does not fit 4 octets")
        self._node = node
        self._clock = clock
        self._tag = random.SystemRandom().getrandbits(32 - _COUNT_BITS) << _COUNT_BITS
        self._second = self._stamp = self._count = 0

    def next(self) -> int:
        """The next one."""
        second = int(self._clock())
        if second > self._second:
            self._begin(second)
        elif self._count == 1 << _COUNT_BITS:
            self._begin(self._second + 1)
        sequence = sequence_of(self._node, self._stamp, self._tag | self._count)
        self._count += 1
        return sequence

    def _begin(self, second: int) -> None:
        self._second, self._count = second, 0
        self._stamp = int(datetime.fromtimestamp(second, UTC).astimezone(CHINA).strftime("%m%d%H%M%S"))


def time_of(at: datetime) -> str:
    """ExpireTime and ScheduleTime of an aware time: yymmddhhmmss, tenths, 32 quarter hours east of UTC."""
    return at.astimezone(CHINA).strftime("%y%m%d%H%M%S") + "032+"
