"""Events: what happened, one Redis stream, written to SQL by ``caiyou-ledgerd``.

An event has an id of its own, so writing it twice leaves one row: whoever emits may repeat.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

STREAM = "events"


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
    SMS_SUBMITTED = "sms.submitted"  # gateway, the carrier answered ok to every part
    SMS_DELIVERED = "sms.delivered"  # gateway, report of every part
    SMS_FAILED = "sms.failed"  # gateway; result: the carrier's status
    SMS_EXPIRED = "sms.expired"  # gateway, validity over before it was sent, or the carrier's report says so
    SMS_IN_DOUBT = "sms.in_doubt"  # gateway, sent without an answer; it is sent once more
    SMS_RECEIVED = "sms.received"  # gateway, MO
    LINK_UP = "link.up"
    LINK_DOWN = "link.down"  # result: why
    ADMIN_CHANGED = "admin.changed"  # audit (M7); result: the step


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact. ``at`` is aware UTC; ``detail`` holds JSON values only."""

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

    def to_json(self) -> str:
        """One line of JSON, absent fields left out."""
        record = {k: v for k, v in asdict(self).items() if v not in (None, {})}
        record["at"] = self.at.isoformat()
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Event:
        """The reverse; raises ValueError, KeyError or TypeError on what is no event."""
        record = json.loads(text)
        return cls(**{**record, "kind": Kind(record["kind"]), "at": datetime.fromisoformat(record["at"])})
