"""Reads events back, in pages by key: nothing is held but one page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, or_, select

from caiyou.events import Event, Kind
from caiyou.ledger.models import EventRow

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """What names a message on its way. Several queue ids may belong to one Message-ID, and the reverse."""

    queue_ids: frozenset[str] = frozenset()
    message_ids: frozenset[str] = frozenset()
    sms_ids: frozenset[str] = frozenset()

    def __or__(self, other: Ids) -> Ids:
        return Ids(
            queue_ids=self.queue_ids | other.queue_ids,
            message_ids=self.message_ids | other.message_ids,
            sms_ids=self.sms_ids | other.sms_ids,
        )

    def meet(self, other: Ids) -> bool:
        """Whether they have an id in common."""
        return bool(
            self.queue_ids & other.queue_ids or self.message_ids & other.message_ids or self.sms_ids & other.sms_ids
        )

    @classmethod
    def of(cls, event: Event) -> Ids:
        """The ids that an event names."""
        return cls(
            queue_ids=frozenset(filter(None, [event.queue_id])),
            # A mail without a Message-ID goes by its queue id.
            message_ids=frozenset(filter(None, [event.message_id])) - {event.queue_id},
            sms_ids=frozenset(filter(None, [event.sms_id])),
        )

    def name(self, event: Event) -> bool:
        """Whether one of them is the event's."""
        return event.queue_id in self.queue_ids or event.message_id in self.message_ids or event.sms_id in self.sms_ids


def events_of(engine: Engine, ids: Ids, since: datetime | None = None) -> Iterator[Event]:
    """The events that name one of the ids, oldest first; raises SQLAlchemyError."""
    columns = (
        (EventRow.queue_id, ids.queue_ids),
        (EventRow.message_id, ids.message_ids),
        (EventRow.sms_id, ids.sms_ids),
    )
    named = [column.in_(sorted(values)) for column, values in columns if values]
    if named:
        yield from _paged(engine, or_(*named), since, newest_first=False)


def events_of_number(engine: Engine, number: str, since: datetime | None = None) -> Iterator[Event]:
    """The events that concern a number (E.164 without plus), newest first; raises SQLAlchemyError."""
    yield from _paged(engine, EventRow.number == number, since, newest_first=True)


def _paged(
    engine: Engine, condition: ColumnElement[bool], since: datetime | None, *, newest_first: bool
) -> Iterator[Event]:
    at, key = EventRow.at, EventRow.id
    query = select(*EventRow.__table__.columns).where(condition).limit(PAGE)
    query = query.order_by(at.desc(), key.desc()) if newest_first else query.order_by(at, key)
    if since is not None:
        query = query.where(at >= since)
    last: Any = None
    while True:
        page = query
        if last is not None:
            further, same = (at < last.at, key < last.id) if newest_first else (at > last.at, key > last.id)
            page = query.where(or_(further, and_(at == last.at, same)))
        with engine.connect() as connection:
            rows = connection.execute(page).all()
        for row in rows:
            with suppress(ValueError):  # a kind of a later release
                yield Event(**{**row._mapping, "kind": Kind(row.kind)})
        if len(rows) < PAGE:
            return
        last = rows[-1]
