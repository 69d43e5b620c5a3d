"""The way of one message, from everything that knows of it: the ledger, the events that are not written yet (stream and
spool files), the jobs that wait, and Postfix's log. What cannot be read is named, and the rest is still shown.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError

from caiyou import queues
from caiyou.errors import InputError
from caiyou.events import FIELD, STREAM, Event, Kind, fit
from caiyou.ledger import database
from caiyou.ledger.history import Ids, events_of, events_of_number
from caiyou.ledger.postfix_log import Line, lines_of
from caiyou.msisdn import Msisdn
from caiyou.outbox import waiting_events
from caiyou.settings import Settings

ROUNDS = 5  # of following ids from one source to the others
MAX_IDS = 100  # of one kind: a Message-ID that a thousand mails share is not followed for ever
MAX_ENTRIES = 2000
MAX_PENDING = 50_000  # newest entries of the stream, oldest of the spool files
_STREAM_PAGE = 1000
_JOB_TIMES = ("ended_at", "started_at", "enqueued_at", "created_at")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An rq job that waits, runs or failed."""

    at: datetime
    id: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened, and who says so: ledger, stream, spool, log, queue."""

    source: str
    what: Event | Line | Job

    @property
    def at(self) -> datetime:
        """When, aware."""
        return self.what.at


@dataclass(slots=True)
class Trace:
    """What is known of one message: in the order it happened. ``cut``: there is more than is shown."""

    ids: Ids = field(default_factory=Ids)
    entries: list[Entry] = field(default_factory=list)
    cut: bool = False


class Tracer:
    """Looks messages up; ``close`` it at the end. ``unread`` names the sources that could not be read, and why."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError."""
        self._engine = database.connect(settings.ledger, reads=True)
        self._redis = queues.connect(settings)
        self._redis.set_retry(Retry(NoBackoff(), 0))
        self._site = settings.site
        self.unread: dict[str, str] = {}

    def close(self) -> None:
        """Let go of the servers."""
        self._engine.dispose()
        self._redis.close()

    def find(self, key: str, since: datetime | None, newest: int) -> Iterator[Trace]:
        """The messages that a queue id, a Message-ID, an SMS id or a number (its ``newest``) names; none: not known."""
        key = fit(key.strip())
        found = False
        with suppress(InputError):
            number = Msisdn.parse(key, self._site.region)
            for trace in self._of_number(number, since, newest):
                found = True
                yield trace
        if not found and (trace := self._follow(_named(key), since)).entries:
            yield trace

    def _of_number(self, number: str, since: datetime | None, newest: int) -> Iterator[Trace]:
        """The newest messages that concern a number, newest first; what concerns other numbers is left out."""
        shown: list[Ids] = []
        for source, event in self._events_of_number(number, since):
            ids = Ids.of(event)
            if any(ids.meet(earlier) for earlier in shown):
                continue
            if ids == Ids():  # what a phone sent stands alone
                trace = Trace(entries=[Entry(source=source, what=event)])
            else:
                trace = self._follow(ids, since, number)
            shown.append(ids | trace.ids)
            yield trace
            if len(shown) >= newest:
                return

    def _events_of_number(self, number: str, since: datetime | None) -> Iterator[tuple[str, Event]]:
        for source, event in self._pending(lambda event: event.number == number):
            yield source, event
        for event in self._read("ledger", lambda: events_of_number(self._engine, number, since)):
            yield "ledger", event

    def _follow(self, ids: Ids, since: datetime | None, number: str | None = None) -> Trace:
        """Everything that names the ids or, through them, others of the same message."""
        for _ in range(ROUNDS):
            entries, cut = self._entries(ids, since, number)
            further = ids
            for entry in entries:
                if isinstance(entry.what, Event):
                    further |= Ids.of(entry.what)
                elif isinstance(entry.what, Line):
                    further |= entry.what.ids
            further = _both_forms(further)
            if further == ids or _too_many(further):
                break
            ids = further
        return Trace(ids=_of_entries(entries), entries=in_order(entries), cut=cut or _too_many(further))

    def _entries(self, ids: Ids, since: datetime | None, number: str | None) -> tuple[list[Entry], bool]:
        """Each event once, and whether there are more."""
        entries: dict[object, Entry] = {}
        for entry in self._all_entries(ids, since):
            if isinstance(entry.what, Event) and number is not None and entry.what.number not in (None, number):
                continue
            if len(entries) >= MAX_ENTRIES:
                return list(entries.values()), True
            entries[entry.what.id if isinstance(entry.what, Event) else len(entries)] = entry
        return list(entries.values()), False

    def _all_entries(self, ids: Ids, since: datetime | None) -> Iterator[Entry]:
        """In the direction events move, spool, stream, ledger: one that moves meanwhile is met, perhaps twice."""
        for source, event in self._pending(lambda event: ids.name(event) and (since is None or event.at >= since)):
            yield Entry(source=source, what=event)
        for event in self._read("ledger", lambda: events_of(self._engine, ids, since)):
            yield Entry(source="ledger", what=event)
        for job in self._read("Redis", lambda: self._jobs(ids)):
            yield Entry(source="queue", what=job)
        mail_log = self._site.mail_log
        for line in self._read(f"Postfix's log {mail_log}", lambda: lines_of(mail_log, ids, since)):
            yield Entry(source="log", what=line)

    def _pending(self, wanted: Callable[[Event], bool]) -> Iterator[tuple[str, Event]]:
        """Events that `caiyou-ledgerd` has not written yet."""
        for event in self._read(f"the spool {self._site.spool}", self._spool):
            if wanted(event):
                yield "spool", event
        for event in self._read("Redis", self._stream):
            if wanted(event):
                yield "stream", event

    def _spool(self) -> Iterator[Event]:
        return islice(waiting_events(self._site.spool), MAX_PENDING)

    def _stream(self) -> Iterator[Event]:
        """Newest first, MAX_PENDING at most."""
        last = "+"
        for _ in range(MAX_PENDING // _STREAM_PAGE):
            page: Any = self._redis.xrevrange(STREAM, max=last, count=_STREAM_PAGE)
            for _, fields in page:
                with suppress(ValueError):
                    yield Event.from_json(fields.get(FIELD.encode(), b""))
            if len(page) < _STREAM_PAGE:
                return
            last = f"({page[-1][0].decode()}"

    def _jobs(self, ids: Ids) -> Iterator[Job]:
        """The notification jobs of the mails (see ``caiyou.queues.Notify``)."""
        for queue_id in sorted(ids.queue_ids):
            job_id = f"{queues.NOTIFY_QUEUE}-{queue_id}"
            answer: Any = self._redis.hmget(f"rq:job:{job_id}", "status", *_JOB_TIMES)
            status, *times = [(value or b"").decode() for value in answer]
            if status:
                at = next(filter(None, times), datetime.now(UTC).isoformat())
                yield Job(at=datetime.fromisoformat(at), id=job_id, status=status)

    def _read(self, source: str, read: Callable[[], Iterator[_T]]) -> Iterator[_T]:
        """What a source gives, or nothing, its name and the reason in ``unread``."""
        if source in self.unread:
            return
        try:
            yield from read()
        except (SQLAlchemyError, redis.RedisError, sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or str(getattr(error, "orig", None) or error)
            self.unread[source] = reason.strip().splitlines()[0]


def _named(key: str) -> Ids:
    if "@" in key or key.startswith("<"):
        return _both_forms(Ids(message_ids=frozenset([key])))
    return Ids(queue_ids=frozenset([key]), sms_ids=frozenset([key]))


def _both_forms(ids: Ids) -> Ids:
    """With the Message-IDs as a header writes them and without the angle brackets."""
    bare = {m.removeprefix("<").removesuffix(">") for m in ids.message_ids}
    return replace(ids, message_ids=frozenset(bare | {f"<{m}>" for m in bare}))


def _too_many(ids: Ids) -> bool:
    return max(len(ids.queue_ids), len(ids.message_ids), len(ids.sms_ids)) > MAX_IDS


def _of_entries(entries: list[Entry]) -> Ids:
    """The ids that were met, not those that were only looked for."""
    ids = Ids()
    for entry in entries:
        if isinstance(entry.what, Event):
            ids |= Ids.of(entry.what)
        elif isinstance(entry.what, Line):
            ids |= replace(entry.what.ids, queue_ids=frozenset([entry.what.queue_id]))
    return ids


def in_order(entries: list[Entry]) -> list[Entry]:
    """By time. A log of whole seconds keeps its own order, and is merged by the way a mail goes within a second."""
    told = deque(sorted((e for e in entries if not isinstance(e.what, Line)), key=lambda e: e.at))
    lines = deque(e for e in entries if isinstance(e.what, Line))
    coarse = not any(line.at.microsecond for line in lines)

    def comes_first(line: Entry, other: Entry) -> bool:
        if not coarse:
            return line.at <= other.at
        return (line.at, _stage(line)) < (other.at.replace(microsecond=0), _stage(other))

    merged: list[Entry] = []
    while lines and told:
        merged.append((lines if comes_first(lines[0], told[0]) else told).popleft())
    return [*merged, *lines, *told]


def _stage(entry: Entry) -> int:
    if isinstance(entry.what, Job):
        return 7
    if isinstance(entry.what, Event):
        return _EVENT_STAGES.get(entry.what.kind.split(".")[0], 8) if entry.what.kind not in _AT_SMTP else 2
    if entry.what.text == "removed":
        return 6
    return _LINE_STAGES.get(entry.what.service.rpartition("/")[2], 5)


_AT_SMTP = frozenset({Kind.MAIL_ACCEPTED, Kind.MAIL_REFUSED, Kind.MAIL_DISCARDED})
_EVENT_STAGES = {"mail": 4, "quota": 4, "notify": 7}
_LINE_STAGES = {"smtpd": 0, "pickup": 0, "cleanup": 1, "qmgr": 3}
