"""What the simulated SMG has for the SP: reports and messages from handsets, until the SP has taken them."""

from __future__ import annotations

import heapq
import itertools
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from mail2sms.sgip.codes import Result
from mail2sms.sgip.pdu import Deliver, Report

if TYPE_CHECKING:
    from sandbox.carriers.smg import Smg
    from sandbox.carriers.smg_links import SpLink

MAX_WAITING = 200_000
MAX_ROUNDS = 20  # times a message is taken up again before it is dropped
RETRY_S = 1.0


class Outgoing(NamedTuple):
    """A DELIVER or REPORT to be sent; it keeps its sequence number however often it is."""

    message: Deliver | Report
    sequence_id: int
    origin: SpLink | None  # the connection of the SUBMIT
    rounds: int = 0

    @property
    def kind(self) -> str:
        """For the counts."""
        return "mos" if isinstance(self.message, Deliver) else "reports"


class Outbox:
    """Hands them to the connections as their windows allow."""

    def __init__(self, smg: Smg) -> None:
        self._smg = smg
        self._ready: deque[Outgoing] = deque()
        self._later: list[tuple[float, int, Outgoing]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._ready) + len(self._later)

    def put(self, outgoing: Outgoing, delay_s: float) -> None:
        """Send it after ``delay_s``."""
        if len(self) >= MAX_WAITING:
            self._smg.counts["delivers_dropped"] += 1
        else:
            heapq.heappush(self._later, (time.monotonic() + delay_s, next(self._order), outgoing))

    def put_again(self, outgoing: Outgoing) -> None:
        """It was not taken: once more, unless that was tried often enough."""
        if outgoing.rounds >= MAX_ROUNDS:
            self._smg.counts["delivers_dropped"] += 1
        else:
            self.put(outgoing._replace(rounds=outgoing.rounds + 1), RETRY_S)

    def answered(self, outgoing: Outgoing, result: int) -> None:
        """The SP answered."""
        self._smg.counts[f"{outgoing.kind}_{'answered' if result == Result.OK else 'refused'}"] += 1
        if result == Result.BUSY:
            self.put_again(outgoing)

    def forget(self) -> int:
        """Drop all; how many."""
        count = len(self)
        self._ready.clear()
        self._later.clear()
        return count

    def pump(self) -> None:
        """Send what is due."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        for _ in range(len(self._ready)):
            outgoing = self._ready.popleft()
            if self._sent(outgoing):
                self._smg.counts[outgoing.kind] += 1
            else:
                self._ready.append(outgoing)

    def _sent(self, outgoing: Outgoing) -> bool:
        """Whether a connection took it."""
        smg = self._smg
        if smg.faults.send_down == "submit" or smg.caller is None:
            free = [link for link in smg.links if link.session.free and not smg.faults.silent]
            if not free:
                return False
            link = outgoing.origin if outgoing.origin in free else free[0]
            link.carry(outgoing, link)
            return True
        wire = smg.caller.wire
        if wire is None:
            smg.caller.wanted.set()
        if wire is None or not wire.session.free:
            return False
        smg.caller.carry(outgoing, wire)
        return True
