"""Links: one login at a carrier each, whatever it speaks. This is the seam between them and the gateway.

A link connects, logs in, keeps itself alive and connects again with growing pauses; it knows nothing of routes, Redis
or states. The gateway never sends more than ``capacity`` unanswered parts and paces them; the link answers exactly once
for each part it took. Reports and messages from handsets are acknowledged to the carrier only when their ``done`` is
called, that is when they are recorded: until then the carrier keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from mail2sms.segment import Segment


class LinkState(StrEnum):
    """How a link stands, for people."""

    DOWN = "down"  # not connected; why says why
    CONNECTING = "connecting"
    REFUSED = "refused"  # the carrier refuses the login; the next try comes late
    UP = "up"


class Outcome(StrEnum):
    """The carrier's word on one part."""

    ACCEPTED = "accepted"  # ``ref`` is what its report will name
    REFUSED = "refused"  # for good; ``result`` is the carrier's reason
    BUSY = "busy"  # flow control: slower, and again
    LOST = "lost"  # sent, and no answer: in doubt
    UNSENT = "unsent"  # not sent: the link is not up any more, or full


class ReportState(StrEnum):
    """What a delivery report says."""

    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    PENDING = "pending"  # still trying


@dataclass(frozen=True, slots=True, kw_only=True)
class MtPart:
    """One short message on the wire: a whole text or one part of a long one."""

    to: str  # E.164 without plus
    segment: Segment
    id: str = ""  # ours: the same when it is sent again
    valid_until: datetime | None = None  # aware; the carrier gives up after it
    src: str = ""  # our number to show, digits; empty: the link's own
    urgent: bool = False  # before others, where the protocol has a priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a part that was handed over."""

    outcome: Outcome
    ref: str = ""  # unique within the link's account
    result: str = ""  # the carrier's code and its name, for people
    elsewhere: bool = False  # REFUSED since the link's own account or service is at fault: another link may take it


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A delivery report. ``ref`` is the one of the Answer; it may come before that, on another link of the account."""

    ref: str
    state: ReportState
    stat: str  # the carrier's word
    to: str = ""  # carriers leave it empty
    done_at: datetime | None = None  # aware; when the carrier says it was done with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Mo:
    """A short message from a handset, or one part of a long one."""

    ref: str  # the carrier's id: the same again is a repeat; empty where it has none
    sender: str  # as the carrier wrote it
    to: str  # our number
    text: str  # half a surrogate pair stays as it is at the edge of a part: the rest may be in the next
    reference: int = 0  # joins the parts of one long message
    number: int = 1
    total: int = 1


class Sink(Protocol):
    """What a link calls. All of it returns at once."""

    def changed(self, state: LinkState, why: str) -> None:
        """The link stands differently; its capacity may have changed."""

    def answered(self, tag: int, answer: Answer) -> None:
        """The part handed over with ``tag`` is answered."""

    def reported(self, report: Report, done: Callable[[], None]) -> None:
        """A delivery report came."""

    def received(self, mo: Mo, done: Callable[[], None]) -> None:
        """A message from a handset came."""


class Link(Protocol):
    """One login."""

    @property
    def account(self) -> str:
        """What refs are unique in; links of one account may bring each other's reports."""

    @property
    def capacity(self) -> int:
        """Unanswered parts it may hold now: its window, 0 while it is not up."""

    @property
    def whole(self) -> bool:
        """Whether it wants the text of a long message as one part (``total`` 1), for the carrier to cut."""

    @property
    def notes(self) -> Mapping[str, str]:
        """What else an operator wants to see of it, name to value: a modem's signal, the version agreed on."""

    def submit(self, tag: int, part: MtPart) -> Answer | None:
        """Send; never raises. None: the answer comes later. An Answer: UNSENT, or REFUSED since it cannot be sent."""

    async def run(self, sink: Sink, stop_s: float) -> None:
        """Connect and stay connected until cancelled; then log out in order, within ``stop_s``."""
