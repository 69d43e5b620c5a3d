"""The simulated phones: what each one shows, long messages joined from their parts. All in memory, and bounded."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from caiyou.errors import InputError
from caiyou.msisdn import Msisdn
from mail2sms.content import Part, part_of, text_of

MAX_OPEN = 50  # long messages of which a phone waits for more parts

_CHINESE = re.compile(r"\+?(?:86)?(1\d{10})$", re.ASCII)  # most numbers here: much quicker than Msisdn.parse
_Key = tuple[str, str, int, int, int]  # carrier, sender, reference, total, format


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message as a phone shows it. ``sent``: by the phone itself (MO). ``carrier``: the name of that it came by."""

    sender: str
    to: str
    text: str
    parts: int
    at: datetime
    sent: bool = False
    carrier: str = "ismg"

    def to_json(self) -> dict[str, Any]:
        """As ``/phones/<number>/messages`` answers it."""
        return {
            "kind": "sms",
            "from": self.sender,
            "to": self.to,
            "text": self.text,
            "parts": self.parts,
            "at": self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "carrier": self.carrier,
        }


@dataclass(slots=True)
class Phone:
    """One phone: the messages it shows, oldest first, and the parts it waits with."""

    messages: deque[Message]
    open: OrderedDict[_Key, dict[int, bytes]] = field(default_factory=OrderedDict)


class Phones:
    """All phones by number. ``ring``: messages kept per phone; ``most``: messages kept in all.

    Beyond ``most`` the phones that were quiet longest are forgotten whole.
    """

    def __init__(self, ring: int = 10_000, most: int = 200_000) -> None:
        self._ring = ring
        self._most = most
        self._count = 0
        self._phones: OrderedDict[str, Phone] = OrderedDict()
        self.watchers: list[Callable[[str, Message], None]] = []

    def __iter__(self) -> Iterator[tuple[str, Phone]]:
        """Number and phone, the latest active first."""
        return iter(reversed(self._phones.items()))

    @property
    def open_parts(self) -> int:
        """Parts that wait for the rest of their message."""
        return sum(len(parts) for phone in self._phones.values() for parts in phone.open.values())

    def add(self, number: str) -> Phone:
        """The phone of that number, made when it is new, now the latest active."""
        phone = self._phones.get(number)
        if phone is None:
            phone = self._phones[number] = Phone(deque(maxlen=self._ring))
        self._phones.move_to_end(number)
        return phone

    def messages(self, number: str) -> list[Message]:
        """What a phone shows, oldest first; nothing for a phone nobody wrote to."""
        phone = self._phones.get(number)
        return list(phone.messages) if phone else []

    def show(self, number: str, message: Message) -> None:
        """Put a message on a phone."""
        phone = self.add(number)
        self._count += len(phone.messages) < self._ring
        phone.messages.append(message)
        while self._count > self._most and len(self._phones) > 1:
            _, quiet = self._phones.popitem(last=False)
            self._count -= len(quiet.messages)
        for watch in self.watchers:
            watch(number, message)

    def take(
        self,
        number: str,
        sender: str,
        tp_udhi: int,
        msg_fmt: int,
        content: bytes,
        at: datetime,
        carrier: str = "ismg",
    ) -> None:
        """A short message, or a part of one, reaches a phone; ``carrier`` is the name of that which brings it."""
        part = part_of(tp_udhi, content)
        key = (carrier, sender, part.reference, part.total, msg_fmt)
        body = part.body if part.total == 1 else self._join(number, key, part)
        if body is None:
            return
        text = text_of(msg_fmt, body)
        at = at.astimezone(UTC)
        self.show(number, Message(sender=sender, to=number, text=text, parts=part.total, at=at, carrier=carrier))

    def _join(self, number: str, key: _Key, part: Part) -> bytes | None:
        """Keep a part; the whole body once all parts are there."""
        waiting = self.add(number).open
        parts = waiting.setdefault(key, {})
        if parts.get(part.number, part.body) != part.body:  # the reference is used again: a new message begins
            parts.clear()
        parts[part.number] = part.body
        if len(parts) < part.total:
            if len(waiting) > MAX_OPEN:
                waiting.popitem(last=False)
            return None
        del waiting[key]
        return b"".join(parts[i] for i in range(1, part.total + 1))


def number_of(text: str) -> str:
    """A number as the carrier or a person writes it, in E.164 without plus; raises InputError."""
    found = _CHINESE.match(text)
    return "86" + found[1] if found else Msisdn.parse(text)


def number_or_empty(text: str) -> str:
    """The same; empty where it is no number."""
    try:
        return number_of(text)
    except InputError:
        return ""
