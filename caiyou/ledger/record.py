"""Writes events: each once, whatever is repeated; short messages follow from theirs in any order.

A short message's state only moves up this ladder, so that a report written before the answer to its submission, or
twice, leaves the same row:

    queued < submitted < expired < failed < delivered

Delivered is highest: where one of two tries (``in_doubt``) failed and the other arrived, the phone has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, func, or_, true
from sqlalchemy.dialects import postgresql, sqlite

from caiyou.events import Event, Kind
from caiyou.ledger.models import EventRow, ShortMessageRow

MAX_PRICE_FEN = 10**9
NEVER_KEPT = frozenset({"text"})  # of a detail: what a person wrote
LADDER = ("queued", "submitted", "expired", "failed", "delivered")
_STATE = {
    Kind.NOTIFY_QUEUED: "queued",
    Kind.SMS_QUEUED: "queued",
    Kind.SMS_IN_DOUBT: "queued",
    Kind.SMS_SUBMITTED: "submitted",
    Kind.SMS_EXPIRED: "expired",
    Kind.SMS_FAILED: "failed",
    Kind.SMS_DELIVERED: "delivered",
}


def record(engine: Engine, events: Iterable[Event]) -> None:
    """Write events in one transaction; raises SQLAlchemyError."""
    events = list(events)
    if not events:
        return
    with engine.begin() as connection:
        connection.execute(_insert(connection, EventRow).on_conflict_do_nothing(), [_row(e) for e in events])
        if messages := short_messages(events):
            # In the order of their ids: two writers wait for each other's rows but never in a ring.
            rows = [messages[sms_id].row() for sms_id in sorted(messages)]
            connection.execute(_upsert(connection), rows)


@dataclass(slots=True, kw_only=True)
class ShortMessageSoFar:
    """What some of a short message's events say of it."""

    id: str
    state: str = "queued"
    in_doubt: bool = False
    number: str | None = None
    src_id: str | None = None
    message_class: str | None = None
    route: str | None = None
    link: str | None = None
    parts: int | None = None
    price_fen: int | None = None
    created_at: datetime | None = None
    submitted_at: datetime | None = None
    done_at: datetime | None = None
    result: str | None = None
    queue_id: str | None = None
    message_id: str | None = None
    subscriber: str | None = None
    domain: str | None = None

    def add(self, event: Event) -> None:
        """Take one more event in; the order does not matter."""
        state = _STATE[event.kind]
        self.in_doubt |= event.kind is Kind.SMS_IN_DOUBT
        if self.created_at is None or event.at < self.created_at:
            self.created_at = event.at
        if event.kind is Kind.SMS_SUBMITTED:
            first = self.submitted_at is None or event.at < self.submitted_at
            if first:
                self.submitted_at = event.at
            if first or self.link is None:
                self.link = _text(event, "link") or self.link
        step, at = LADDER.index(state), LADDER.index(self.state)
        if state in _FINAL and (step > at or (step == at and self.done_at is not None and event.at < self.done_at)):
            self.done_at, self.result = event.at, event.result
        if step > at:
            self.state = state
        for name in ("number", "queue_id", "message_id", "subscriber", "domain"):
            if getattr(self, name) is None:
                setattr(self, name, getattr(event, name))
        if event.detail:
            self._add_detail(event)

    def _add_detail(self, event: Event) -> None:
        for name in ("route", "src_id", "message_class"):
            if getattr(self, name) is None:
                setattr(self, name, _text(event, name))
        parts, price_fen = event.detail.get("parts"), event.detail.get("price_fen")
        if self.parts is None and isinstance(parts, int) and 0 < parts < 1000:
            self.parts = parts
        if self.price_fen is None and isinstance(price_fen, int) and 0 <= price_fen < MAX_PRICE_FEN:
            self.price_fen = price_fen

    def row(self) -> dict[str, Any]:
        """The columns."""
        return {column.name: getattr(self, column.name) for column in ShortMessageRow.__table__.columns}


_FINAL = ("expired", "failed", "delivered")


def short_messages(events: Iterable[Event]) -> dict[str, ShortMessageSoFar]:
    """What the events say of short messages, by id."""
    found: dict[str, ShortMessageSoFar] = {}
    for event in events:
        if event.sms_id and event.kind in _STATE:
            found.setdefault(event.sms_id, ShortMessageSoFar(id=event.sms_id)).add(event)
    return found


def _text(event: Event, key: str) -> str | None:
    value = event.detail.get(key)
    return value[:255] if isinstance(value, str) and value else None


def _row(event: Event) -> dict[str, Any]:
    row = {column: getattr(event, column) for column in _EVENT_COLUMNS}
    row["kind"] = event.kind.value
    if not NEVER_KEPT.isdisjoint(event.detail):
        row["detail"] = {k: v for k, v in event.detail.items() if k not in NEVER_KEPT}
    return row


_EVENT_COLUMNS = tuple(column.name for column in EventRow.__table__.columns)


def _insert(connection: Connection, table: Any) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _upsert(connection: Connection) -> Any:
    """The same rules as ``ShortMessageSoFar.add``, between the row that is there and the new one."""
    statement = _insert(connection, ShortMessageRow)
    old, new = ShortMessageRow.__table__.c, statement.excluded
    up = _step(new.state) > _step(old.state)
    wins = or_(up, and_(_step(new.state) == _step(old.state), new.done_at < old.done_at))
    first = or_(old.submitted_at.is_(None), new.submitted_at < old.submitted_at)
    values: dict[str, Any] = {name: func.coalesce(old[name], new[name]) for name in _COALESCED}
    values |= {
        "state": case((up, new.state), else_=old.state),
        "in_doubt": case((new.in_doubt, true()), else_=old.in_doubt),
        "result": case((wins, new.result), else_=old.result),
        "done_at": case((wins, new.done_at), else_=old.done_at),
        "link": case((first, func.coalesce(new.link, old.link)), else_=func.coalesce(old.link, new.link)),
        "created_at": _earlier(old.created_at, new.created_at),
        "submitted_at": _earlier(old.submitted_at, new.submitted_at),
    }
    return statement.on_conflict_do_update(index_elements=["id"], set_=values)


_COALESCED = (
    *("number", "src_id", "message_class", "route", "parts", "price_fen"),
    *("queue_id", "message_id", "subscriber", "domain"),
)


def _step(state: ColumnElement[str]) -> ColumnElement[int]:
    return case({name: step for step, name in enumerate(LADDER)}, value=state, else_=0)


def _earlier(old: ColumnElement[datetime], new: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return case((old < new, old), else_=func.coalesce(new, old))
