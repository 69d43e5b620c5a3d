"""One SP at a simulated carrier: its links, and the DELIVERs on their way to it (reports and messages from handsets).

A DELIVER that gets no answer, or whose link breaks, goes out again on any link of the account, as a carrier does.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from sandbox.carriers.link import SpLink

MAX_WAITING = 200_000
MAX_ROUNDS = 20  # times a DELIVER is taken up again before it is dropped
RETRY_S = 1.0


class Outgoing(NamedTuple):
    """A DELIVER to be sent; ``write`` gives it for the session that it takes."""

    write: Callable[[Any], Any]
    kind: Literal["report", "mo"]
    origin: SpLink | None  # the link of the SUBMIT
    where: Literal["any", "same", "other"]
    rounds: int = 0


class Same:
    """Writes one DELIVER, whatever the session."""

    __slots__ = ("_deliver",)

    def __init__(self, deliver: Any) -> None:
        self._deliver = deliver

    def __call__(self, _session: Any) -> Any:
        return self._deliver


class Account:
    """An SP: ``sp_id``, ``secret``, open ``links``."""

    def __init__(self, sp_id: str, secret: str, counts: Counter[str]) -> None:
        self.sp_id = sp_id
        self.secret = secret
        self.links: list[SpLink] = []
        self.service_codes: set[str] = set()  # Src_Ids it has used: messages from handsets find it by them
        self._counts = counts
        self._ready: deque[Outgoing] = deque()
        self._later: list[tuple[float, int, Outgoing]] = []
        self._order = itertools.count()
        self._second = 0
        self._in_second = 0

    @property
    def waiting(self) -> int:
        """DELIVERs that are not sent yet."""
        return len(self._ready) + len(self._later)

    def status(self) -> dict[str, Any]:
        """As ``/<carrier>/status`` shows it."""
        links = [link.status() for link in self.links]
        return {"sp_id": self.sp_id, "delivers_waiting": self.waiting, "links": links}

    def over_rate(self, now: float, max_per_s: int, messages: int) -> bool:
        """Count ``messages`` more in this second; whether they are too many."""
        if int(now) != self._second:
            self._second, self._in_second = int(now), 0
        self._in_second += messages
        return bool(max_per_s) and self._in_second > max_per_s

    def put(self, outgoing: Outgoing, now: float, delay_s: float = 0.0) -> None:
        """Send a DELIVER after ``delay_s``."""
        if self.waiting >= MAX_WAITING:
            self._counts["delivers_dropped"] += 1
            return
        heapq.heappush(self._later, (now + delay_s, next(self._order), outgoing))

    def put_again(self, outgoing: Outgoing, now: float) -> None:
        """It was not taken: once more on any link, unless that was tried often enough."""
        if outgoing.rounds >= MAX_ROUNDS:
            self._counts["delivers_dropped"] += 1
            return
        self.put(outgoing._replace(rounds=outgoing.rounds + 1, where="any"), now, RETRY_S)

    def forget(self) -> int:
        """Drop every DELIVER that is not sent yet; how many."""
        count = self.waiting
        self._ready.clear()
        self._later.clear()
        return count

    def pump(self, now: float) -> set[SpLink]:
        """Hand what is due to the links as their windows allow; the links that have octets to send."""
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        used: set[SpLink] = set()
        for _ in range(len(self._ready)):
            free = [link for link in self.links if link.session.free]
            if not free:
                break
            outgoing = self._ready.popleft()
            link = self._choose(outgoing, free)
            if link is None:  # its link is busy
                self._ready.append(outgoing)
                continue
            link.send(outgoing.write(link.session), outgoing, now)
            self._counts[f"{outgoing.kind}s"] += 1
            used.add(link)
        return used

    def _choose(self, outgoing: Outgoing, free: list[SpLink]) -> SpLink | None:
        origin = outgoing.origin
        if outgoing.where == "same" and origin in self.links:
            return origin if origin in free else None
        if outgoing.where == "other" and any(link is not origin for link in self.links):
            free = [link for link in free if link is not origin]
        return random.choice(free) if free else None  # noqa: S311  # which link is no secret
