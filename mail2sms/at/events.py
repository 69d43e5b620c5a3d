"""What a modem session tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mail2sms.pdu.tpdu import Deliver, StatusReport


class SendEnd(Enum):
    """How a send ended."""

    SENT = "sent"  # ``mr`` is its reference
    REFUSED = "refused"  # for good
    FAILED = "failed"  # for now
    UNSENT = "unsent"  # the modem never had it
    UNANSWERED = "unanswered"  # it had it and did not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Where a message lies in the modem: acknowledging deletes it there, if ``pdu`` is what lies there still."""

    memory: str
    index: int
    pdu: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """A message that was handed over without being stored. ``wants_answer``: the network sends it again until then."""

    wants_answer: bool


Place = Stored | Direct


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Anything below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(Event):
    """It is on the network and takes messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady(Event):
    """It answers and takes no messages: no network, no SIM."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinNeeded(Event):
    """The SIM wants its PIN: answer by ``enter_pin`` or ``refuse_pin``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinAnswered(Event):
    """What the SIM said to the PIN; ``ok`` None: nothing."""

    ok: bool | None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocked(Event):
    """The SIM wants no PIN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEnded(Event):
    """The answer to ``submit``."""

    end: SendEnd
    mr: int | None = None
    result: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Event):
    """A message of a handset; acknowledge it once it is recorded."""

    tpdu: bytes
    deliver: Deliver
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported(Event):
    """A delivery report; acknowledge it once it is recorded."""

    report: StatusReport
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable(Event):
    """A message that is no TPDU; acknowledge it once ``text``, as the modem gave it, is recorded."""

    text: str
    why: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Event):
    """What an operator wants to see: signal, operator, registration, SIM, memory."""

    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgave(Event):
    """Something odd that does no harm."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(Event):
    """It does not answer, or must not be used; open it anew. ``refused``: somebody must do something first."""

    why: str
    refused: bool = False
