"""Events: what happened, one Redis stream, written to SQL by ``caiyou-ledgerd``.

An event has an id of its own, so writing it twice leaves one row: whoever emits may repeat.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

STREAM = "events"  # holds what the ledger has not written yet: entries are deleted once they are in SQL, never cut
FIELD = "e"  # the stream entry's field: Event as JSON
DEAD_STREAM = "events.dead"  # what was no event: field e as it came, field why; `caiyou ledger redeliver` puts it back

MAX_OCTETS = 64 * 1024  # of one event as JSON
MAX_ID = 128  # characters
MAX_SIZE_BYTES = 2**63 - 1  # SQL's bigint
MAX_CHARACTERS = {
    "queue_id": 64,
    "message_id": 512,
    "subscriber": 320,
    "domain": 255,
    "number": 32,
    "sms_id": 64,
    "result": 1000,
}
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # what SQL or a terminal does not take


class Kind(StrEnum):
    """The vocabulary. A name never changes its meaning."""

    MAIL_ACCEPTED = "mail.accepted"  # milter, end of message; result: clean, unscanned
    MAIL_REFUSED = "mail.refused"  # milter, a recipient or a message; result: the reply
    MAIL_DISCARDED = "mail.discarded"  # milter, system blacklist (V6); result: the entry that matched
    MAIL_DELIVERED = "mail.delivered"  # LMTP agent, one mailbox; result: Dovecot's reply
    MAIL_DEFERRED = "mail.deferred"  # LMTP agent, one mailbox, 4yz; result: the reply
    MAIL_BOUNCED = "mail.bounced"  # LMTP agent, one mailbox, 5yz; result: the reply
    QUOTA_WARNED = "quota.warned"  # LMTP agent; the subscriber's warning level was passed
    QUOTA_EMPTIED = "quota.emptied"  # LMTP agent; result: the folder
    NOTIFY_QUEUED = "notify.queued"  # worker, a short message was put on a route
    NOTIFY_SKIPPED = "notify.skipped"  # worker; result: why not
    SMS_QUEUED = "sms.queued"  # a short message that no mail asked for was put on a route; result: its class
    SMS_SUBMITTED = "sms.submitted"  # gateway, the carrier answered ok to every part
    SMS_DELIVERED = "sms.delivered"  # gateway, report of every part
    SMS_FAILED = "sms.failed"  # gateway; result: the carrier's status
    SMS_EXPIRED = "sms.expired"  # gateway, validity over before it was sent, or the carrier's report says so
    SMS_IN_DOUBT = "sms.in_doubt"  # gateway, sent without an answer; it is sent once more
    SMS_RECEIVED = "sms.received"  # gateway, MO; the text is not in it
    SMS_STOPPED = "sms.stopped"  # worker, a number wants no notifications any more
    SMS_STARTED = "sms.started"  # worker, it wants them again
    CARD_ORDERED = "card.ordered"  # worker, a phone ordered a card by SMS
    LINK_UP = "link.up"
    LINK_DOWN = "link.down"  # result: why
    ADMIN_CHANGED = "admin.changed"  # audit (M7); result: the step


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact. ``at`` is aware; ``detail`` holds JSON values only.

    Peers choose some of the texts, so they are made fit here: control characters and lone surrogates become U+FFFD,
    what is longer than any honest value is cut. Raises ValueError on a naive ``at`` or a ``size_bytes`` out of range.
    ``detail`` keys that the ledger reads: ``route``, ``link``, ``parts``, ``src_id``, ``message_class``, ``price_fen``
    (of short messages).
    """

    kind: Kind
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=lambda: f"{time.time_ns():x}-{secrets.token_hex(4)}")
    queue_id: str | None = None  # Postfix's
    message_id: str | None = None
    subscriber: str | None = None  # mailbox name
    domain: str | None = None
    number: str | None = None  # E.164 without plus
    sms_id: str | None = None
    size_bytes: int | None = None
    result: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("an event's time must have an offset")
        if self.size_bytes is not None and not 0 <= self.size_bytes <= MAX_SIZE_BYTES:
            raise ValueError(f"size_bytes {self.size_bytes} is out of range")
        if len(self.id) > MAX_ID or not self.id.isprintable():  # as unique as before, whatever it was made of
            object.__setattr__(self, "id", sha256(self.id.encode("utf-8", "backslashreplace")).hexdigest())
        for name, limit in MAX_CHARACTERS.items():
            text = getattr(self, name)
            if text is not None and (len(text) > limit or _UNFIT.search(text)):
                object.__setattr__(self, name, fit(text, limit))

    def to_json(self) -> str:
        """One line of JSON, absent fields left out, at most MAX_OCTETS: ``detail`` is dropped where it is too long."""
        record: dict[str, Any] = {"kind": self.kind, "at": self.at.isoformat()}
        for name in _OPTIONAL:
            value = getattr(self, name)
            if value is not None and value != {}:
                record[name] = value
        # A lone surrogate in a detail becomes its JSON escape.
        text = _compact(record).encode("utf-8", "backslashreplace")
        if len(text) > MAX_OCTETS:
            text = _compact(record | {"detail": {"dropped_octets": len(text)}}).encode("utf-8", "backslashreplace")
        return text.decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Event:
        """The reverse; raises ValueError on what is no event."""
        if len(text) > MAX_OCTETS:
            raise ValueError(f"{len(text)} octets are too long for an event")
        try:
            record = json.loads(text, parse_constant=_refuse_constant)
        except RecursionError:
            raise ValueError("nested too deeply for an event") from None
        if not isinstance(record, dict):
            raise ValueError(f"{type(record).__name__} is no event")
        if unknown := record.keys() - _TYPES.keys():
            raise ValueError(f"unknown field {min(unknown)!r}")
        for name in ("kind", "at", "id"):
            if name not in record:
                raise ValueError(f"field {name!r} is missing")
        for name, value in record.items():
            if type(value) is not _TYPES[name]:
                raise ValueError(f"field {name!r} is not of type {_TYPES[name].__name__}")
        return cls(**{**record, "kind": Kind(record["kind"]), "at": datetime.fromisoformat(record["at"])})


def fit(text: str, characters: int = MAX_CHARACTERS["message_id"]) -> str:
    """A text as an event keeps it."""
    return _UNFIT.sub("\ufffd", text[:characters])


_TYPES: dict[str, type] = {f.name: str for f in fields(Event)} | {"size_bytes": int, "detail": dict}
_OPTIONAL = tuple(f.name for f in fields(Event) if f.name not in ("kind", "at"))
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")
