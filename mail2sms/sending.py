"""A short message in the gateway's hands: read from its stream, cut into parts, and what is told of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from zlib import crc32

from caiyou import log
from caiyou.events import MAX_CHARACTERS, Event, Kind, fit
from caiyou.msisdn import Msisdn
from caiyou.queues import ShortMessage, from_payload
from mail2sms.links import MtPart
from mail2sms.segment import Segment, split

if TYPE_CHECKING:
    from mail2sms.lane import Lane

URGENT = ("alarm", "code")  # classes that the carrier is asked to hurry with
STOPPABLE = ("notification", "bulk")  # classes that STOP holds for
_ID = re.compile(r"[!#-\[\]-~]{1,64}")  # printable ASCII without the blank, the quote and the backslash
_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(slots=True, eq=False)
class Sending:
    """A short message that this gateway holds: taken from its stream, not settled yet."""

    message: ShortMessage
    stream: str
    entry: str
    parts: tuple[MtPart, ...]
    context: str  # what its events carry, JSON without braces
    valid_until: float | None  # seconds since the epoch
    lane: Lane | None = None  # that of the parts that are accepted already: all go one way
    accepted: set[int] = field(default_factory=set)  # part numbers
    again: set[int] = field(default_factory=set)  # part numbers that are sent a second time, in doubt
    refusals: int = 0  # for flow control
    avoid: set[str] = field(default_factory=set)  # lanes that refused it for reasons of their own
    refused: str = ""  # the last of those reasons
    turn: int = 0  # how often it was started over: what is under way of an earlier turn does not count
    over: bool = False  # nothing of it is sent any more
    under_way: int = 0  # parts handed over and not answered
    last: Lane | None = None  # that they were handed to
    whole: bool = False  # it goes as one part, which its link's carrier cuts
    mine: str = field(default_factory=lambda: token_hex(4))  # tells this holder from others (journal.lua, ``send``)
    before: str = ""  # the holder before, whose record was read

    @property
    def route(self) -> str:
        """That of its stream, whatever the message says."""
        return self.stream.split(":")[1]

    @property
    def stoppable(self) -> bool:
        """Whether it does not go to a number that said STOP."""
        return self.message.message_class in STOPPABLE

    @property
    def total(self) -> int:
        """How many parts are handed over."""
        return 1 if self.whole else len(self.parts)

    def part(self, number: int) -> MtPart:
        """What is handed over as part ``number``."""
        part = self.parts[number - 1]
        if not self.whole:
            return part
        whole = Segment(text=self.message.text, coding=part.segment.coding)
        return replace(part, id=self.message.id, segment=whole)

    @property
    def key(self) -> tuple[str, str]:
        return self.stream, self.entry


Unit = tuple[Sending, int, int]  # one part to send: its message, its number from 1, the turn it is of


def read_entry(stream: str, entry: str, fields: dict[bytes, bytes]) -> Sending:
    """A stream entry; raises KeyError, TypeError or ValueError on what is no short message."""
    message = from_payload(ShortMessage, fields[b"m"])
    if not (isinstance(message.to, str) and message.to.isascii() and message.to.isdigit() and len(message.to) <= 15):
        raise ValueError("the number is not E.164")
    if not (isinstance(message.id, str) and is_id(message.id) and isinstance(message.text, str)):
        raise ValueError("id or text is missing, or no such thing")
    valid_until = datetime.fromisoformat(message.valid_until) if message.valid_until else None
    if valid_until is not None and valid_until.tzinfo is None:
        raise ValueError("valid_until has no offset")
    if message.src and not (message.src.isascii() and message.src.isdigit() and len(message.src) <= 21):
        raise ValueError("src is not 1-21 digits")
    return Sending(
        message=message,
        stream=stream,
        entry=entry,
        parts=_parts(message, valid_until),
        context=context_of(message),
        valid_until=valid_until.timestamp() if valid_until else None,
    )


def is_id(id: str) -> bool:
    """Whether it can be the id of a short message; ``stopped`` cannot: its record's key is the set of STOPs."""
    return _ID.fullmatch(id) is not None and id != "stopped"


def _parts(message: ShortMessage, valid_until: datetime | None) -> tuple[MtPart, ...]:
    """None where the text is longer than the message may be. The same parts whoever cuts them, reference and all."""
    reference = crc32(message.id.encode("utf-8", "replace")) & 0xFF
    cut = split(message.text, long=message.long, reference=reference)
    urgent = message.message_class in URGENT
    return tuple(
        [
            MtPart(
                to=message.to,
                segment=segment,
                id=f"{message.id}-{segment.number}",
                valid_until=valid_until,
                src=message.src,
                urgent=urgent,
            )
            for segment in cut
        ]
    )


def context_of(message: ShortMessage) -> str:
    """What later events of a message carry: JSON members without braces."""
    facts = {
        "queue_id": message.queue_id,
        "message_id": message.message_id,
        "subscriber": message.subscriber,
        "domain": message.domain,
        "number": message.to,
        "sms_id": message.id,
    }
    return _encode({name: fit(value, MAX_CHARACTERS[name]) for name, value in facts.items() if value})[1:-1]


def event_of(message: ShortMessage, kind: Kind, **more: Any) -> Event:
    """An event about a message."""
    return Event(
        kind=kind,
        queue_id=message.queue_id,
        message_id=message.message_id,
        subscriber=message.subscriber or None,
        domain=message.domain or None,
        number=message.to,
        sms_id=message.id,
        **more,
    )


def line_of(sending: Sending, state: str, lane: Lane | None, why: str | None) -> str:
    """A log line about a message."""
    message = sending.message
    return log.line(
        message.queue_id,
        sms=message.id,
        to=Msisdn(message.to).masked,
        state=state,
        link=lane.name if lane else None,
        parts=len(sending.parts) if len(sending.parts) > 1 else None,
        why=why,
    )
