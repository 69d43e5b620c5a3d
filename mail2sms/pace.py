"""How fast a link may go, and when to connect again. Pure: time comes in as an argument (seconds, any one clock)."""

from __future__ import annotations

import math
import random

BURST_S = 0.05  # unused permission adds up to so many seconds' worth
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
GROWTH = 1.1  # per second without a complaint
FORGET = 4.0  # a pace that has grown back so far over where it was cut counts as free again


class Pace:
    """Submits a second: a limit, and a brake that flow control steps on and that comes off by itself.

    ``limit`` 0: none. A complaint halves the pace that was really reached and stops all sending for a moment, longer
    each time; every second without one gives a tenth back.
    """

    def __init__(self, limit: float, now: float) -> None:
        self._limit = limit or math.inf
        self.rate = self._limit
        self._tokens = 1.0
        self._at = now
        self._pause = FIRST_PAUSE_S
        self._until = now
        self._cut_at = 0.0
        self._grown_at = now
        self._window: tuple[float, int] = (now, 0)  # second that is counted, sent in it
        self._reached = 0.0

    def permits(self, now: float) -> int:
        """How many may go now."""
        if now < self._until:
            return 0
        self._grow(now)
        if self.rate == math.inf:
            return 1 << 30
        self._tokens = min(self._tokens + (now - self._at) * self.rate, max(1.0, self.rate * BURST_S))
        self._at = now
        return int(self._tokens)

    def sent(self, now: float, count: int = 1) -> None:
        """So many went."""
        self._tokens -= count
        start, sent = self._window
        if now - start >= 1.0:
            self._reached = sent / (now - start)
            self._window = (now, count)
        else:
            self._window = (start, sent + count)

    def wait_s(self, now: float) -> float:
        """Until ``permits`` is worth asking again."""
        if now < self._until:
            return self._until - now
        return 0.0 if self.rate == math.inf else max(0.0, (1.0 - self._tokens) / self.rate)

    def complain(self, now: float) -> None:
        """The carrier said: too fast. Complaints about parts that were on the way already count once."""
        if now < self._until:
            return
        reached = max(self._reached, float(self._window[1]))
        self.rate = min(self._limit, max(1.0, min(self.rate, reached) / 2))
        self._cut_at = self.rate
        self._tokens = 0.0
        self._until = self._grown_at = self._at = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE_S)

    def _grow(self, now: float) -> None:
        if self.rate == self._limit:
            return
        seconds = now - self._grown_at
        if seconds < 1.0:
            return
        self.rate = min(self.rate * GROWTH**seconds, self._limit)
        self._grown_at = now
        if self.rate >= self._cut_at * FORGET:
            self._pause = FIRST_PAUSE_S
            if self._limit == math.inf:
                self.rate = math.inf


class Backoff:
    """Pauses between attempts: doubling from ``first_s`` to ``longest_s``, each at random between half and all."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def pause_s(self) -> float:
        """The next pause."""
        pause = self._next_s
        self._next_s = min(self._next_s * 2, self._longest_s)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311  not for secrets

    def reset(self) -> None:
        """It went well."""
        self._next_s = self._first_s
