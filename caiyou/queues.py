"""Names of everything in Redis, and the payloads that components hand each other.

rq jobs are named by string, so that no component imports another. Payloads are plain JSON values.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import redis
import redis.asyncio

from caiyou.settings import RedisSettings, Settings, secret

NOTIFY_QUEUE = "notify"
NOTIFY_JOB = "mail2sms.notify.run"  # (payload: dict) see Notify
MO_QUEUE = "mo"
MO_JOB = "mail2sms.dialog.job.run"  # (payload: dict): "number" has messages in ``mo:inbox:<number>``, or is due
JOBS = {NOTIFY_QUEUE: (NOTIFY_JOB,), MO_QUEUE: (MO_JOB,)}  # what a worker of a queue runs, and nothing else
QUEUES = tuple(JOBS)

CLASSES = ("alarm", "code", "notification", "bulk")  # of short messages; an earlier one goes first

DEDUP_S = 24 * 3600  # a notification is sent once per Message-ID and recipient within this time (N1, N3)


def mt_stream(route: str, message_class: str = "notification") -> str:
    """Short messages of a class waiting for a link of the route; field ``m`` holds ShortMessage as JSON.

    Field ``r`` marks one that a gateway had and gave back: how far it got stands in its record.
    """
    return f"mt:{route}:{message_class}"


def quota_key(prefix: str, mailbox: str) -> str:
    """Dovecot's quota_clone mirror: octets used by a mailbox, as decimal text."""
    return f"{prefix}{mailbox}/quota/storage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """One accepted mail whose sender or recipients may want an SMS. The job id is ``notify-<queue_id>``."""

    queue_id: str
    message_id: str  # Message-ID, or the queue id where the mail has none
    direction: str  # "in" (MX) or "out" (submission)
    mail_from: str
    header_from: str  # decoded display name, else the address
    sent_at: str  # ISO 8601 with offset: the Date header, or the time of receipt
    subject: str  # decoded, one line
    text: str  # decoded first text, at most 1,000 characters
    from_address: str = ""  # address of the From header; rules on senders look at it and at mail_from
    urgent: bool = False  # X-Priority 1-2, Importance: high, Priority: urgent
    sender: str | None = None  # mailbox of the authenticated sender
    asked: bool = False  # the sender asked for an SMS to the recipients (N1): header or subject tag
    recipients: list[list[str]] = field(default_factory=list)  # [address as written, mailbox or ""] per final recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortMessage:
    """One short message to one number, before it is cut into parts. ``id`` is ours and unique."""

    id: str
    to: str  # E.164 without plus
    text: str
    route: str
    domain: str = ""  # who pays
    subscriber: str = ""
    message_class: str = "notification"  # of CLASSES
    src: str = ""  # our number to show, digits: a reply comes from the number that was written to
    long: bool = False  # may be concatenated (N5)
    created_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    valid_until: str | None = None  # ISO 8601; not sent after it
    queue_id: str | None = None
    message_id: str | None = None


_P = TypeVar("_P", Notify, ShortMessage)


def to_payload(value: Notify | ShortMessage) -> dict[str, Any]:
    """Plain JSON values."""
    return {name: getattr(value, name) for name in value.__slots__}  # asdict copies deeply and costs ten times that


def from_payload(kind: type[_P], payload: dict[str, Any] | str | bytes) -> _P:
    """The reverse; raises TypeError or ValueError on a payload of another shape."""
    return kind(**(json.loads(payload) if isinstance(payload, str | bytes) else payload))


def connect(settings: Settings, *, blocks: bool = False) -> redis.Redis:
    """A Redis client (thread-safe, pooled); it connects when first used. Raises SettingsError.

    ``blocks``: without a read timeout, for one that waits on queues.
    """
    table = settings.redis
    return redis.Redis.from_url(
        table.url,
        password=_password(table),
        socket_timeout=None if blocks else table.timeout_s,
        socket_connect_timeout=table.timeout_s,
        max_connections=10_000,  # redis-py's 100 would make a crowd of threads look like an outage
    )


def connect_async(settings: Settings) -> redis.asyncio.Redis:
    """The same for asyncio; redis-py's read timeout of 5 s holds, so block for less."""
    table = settings.redis
    return redis.asyncio.Redis.from_url(table.url, password=_password(table), socket_connect_timeout=table.timeout_s)


def is_away(error: BaseException) -> bool:
    """Whether a Redis error passes by waiting: it is down, starts, is a replica, or cannot write its file."""
    if isinstance(error, redis.ResponseError):
        return isinstance(error, _BUSY) or str(error).partition(" ")[0] in _WAIT
    return isinstance(error, redis.ConnectionError | redis.TimeoutError | OSError)


def is_cancelled() -> bool:
    """Whether this task was cancelled: redis-py 8.1 keeps a cancellation to itself that falls into its connecting."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


_BUSY = (redis.exceptions.ReadOnlyError, redis.exceptions.OutOfMemoryError, redis.exceptions.BusyLoadingError)
_WAIT = ("MISCONF", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "UNBLOCKED", "BUSY")


def _password(table: RedisSettings) -> str | None:
    return secret(table.password_file) if table.password_file else None
