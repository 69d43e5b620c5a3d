"""A lane: one link as the gateway sees it, with its pace, what is under way on it, and its figures."""

from __future__ import annotations

import time
from collections import Counter, deque
from datetime import UTC, datetime
from typing import Any

from mail2sms.links import Link, LinkState
from mail2sms.pace import Pace
from mail2sms.sending import Unit

STATE_TTL_S = 30


class Lane:
    """Live state of one link, published as hash ``link:<name>``."""

    def __init__(self, name: str, link: Link, rate: float) -> None:
        self.name = name
        self.link = link
        self.pace = Pace(rate, time.monotonic())
        self.in_flight = 0
        self.kept: deque[Unit] = deque()  # rest of half-sent long messages, waiting for this link
        self.state = LinkState.DOWN
        self.why = "not started"
        self.since = datetime.now(UTC)
        self.down_at = time.monotonic()
        self.counts: Counter[str] = Counter()

    @property
    def up(self) -> bool:
        return self.link.capacity > 0

    def room(self, now: float) -> int:
        """Parts that may go now."""
        free = self.link.capacity - self.in_flight
        return min(free, self.pace.permits(now)) if free > 0 else 0

    def stands(self, state: LinkState, why: str) -> bool:
        """Note a new state; whether it changed."""
        changed = state is not self.state
        if changed:
            self.since = datetime.now(UTC)
            if self.state is LinkState.UP:
                self.down_at = time.monotonic()
        self.state, self.why = state, why
        return changed

    def figures(self, gateway: str) -> dict[Any, Any]:
        """The hash."""
        return {
            "gateway": gateway,
            "state": self.state.value,
            "why": self.why,
            "since": self.since.isoformat(),
            "at": datetime.now(UTC).isoformat(),
            "window": self.link.capacity,
            "in_flight": self.in_flight,
            "rate": 0 if self.pace.rate == float("inf") else round(self.pace.rate, 1),
            **{
                name: self.counts[name]
                for name in ("sent", "accepted", "refused", "busy", "lost", "reports", "received", "in_doubt")
            },
        }
