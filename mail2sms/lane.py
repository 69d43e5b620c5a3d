"""A lane: one link as the gateway sees it, with its pace, what is under way on it, and its figures."""

from __future__ import annotations

import time
from collections import Counter, deque
from datetime import UTC, datetime
from typing import Any

from mail2sms.links import Answer, Link, LinkState, Outcome, ReportState
from mail2sms.pace import Pace
from mail2sms.sending import Unit

COUNTS = ("sent", "accepted", "refused", "busy", "lost", "unsent", "in_doubt", "reports", "received")
_TROUBLES = frozenset({Outcome.REFUSED, Outcome.BUSY, Outcome.LOST})
STOPPED = "stopped"  # the why of a link whose gateway ended in order
_SHOWN = 200  # characters of an error or a note: some of it is the carrier's


class Lane:
    """Live state of one link; ``mail2sms.live`` publishes it."""

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
        self.reports: Counter[ReportState] = Counter()
        self.logins: Counter[LinkState] = Counter()  # tries, and how they ended: CONNECTING, UP, REFUSED
        self.last_error = ""
        self.last_error_at: datetime | None = None
        self._measured = (time.monotonic(), 0)  # when ``per_s`` was worked out, and what was sent by then
        self.per_s = 0.0
        self.peak_per_s = 0.0

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
        if state in (LinkState.DOWN, LinkState.REFUSED):
            self._erred(why)
        if state is not LinkState.DOWN:
            self.logins[state] += 1
        self.state, self.why = state, why
        return changed

    def stopped(self) -> None:
        """Its gateway ends in order."""
        self.state, self.why, self.since = LinkState.DOWN, STOPPED, datetime.now(UTC)

    def answered(self, answer: Answer) -> None:
        """Count the carrier's word on a part."""
        self.counts[answer.outcome.value] += 1
        if answer.outcome in _TROUBLES:
            self._erred(f"{answer.outcome.value}: {answer.result}")

    def reported(self, state: ReportState) -> None:
        """Count a delivery report."""
        self.counts["reports"] += 1
        self.reports[state] += 1

    def measure(self) -> None:
        """Work out the submits a second since the last time."""
        now, sent = time.monotonic(), self.counts["sent"]
        at, before = self._measured
        if now - at >= 1.0:
            self.per_s = round((sent - before) / (now - at), 1)
            self.peak_per_s = max(self.peak_per_s, self.per_s)
            self._measured = (now, sent)

    @property
    def pace_per_s(self) -> float:
        """Submits a second that it may make now: its limit, or less while flow control brakes it; 0: no limit."""
        return 0.0 if self.pace.rate == float("inf") else round(self.pace.rate, 1)

    def figures(self) -> dict[str, Any]:
        """What an operator wants to see; the keys are those of ``mail2sms.live.LinkNow``."""
        return {
            "state": self.state.value,
            "why": self.why[:_SHOWN],
            "since": self.since.isoformat(),
            "window": self.link.capacity,
            "in_flight": self.in_flight,
            "rate": self.pace_per_s,
            "per_s": self.per_s,
            "peak_per_s": self.peak_per_s,
            "last_error": self.last_error,
            "last_error_at": self.last_error_at.isoformat() if self.last_error_at else "",
            **{name: self.counts[name] for name in COUNTS},
            "notes": {name: str(value)[:_SHOWN] for name, value in self.link.notes.items()},
        }

    def _erred(self, what: str) -> None:
        self.last_error, self.last_error_at = what[:_SHOWN], datetime.now(UTC)
