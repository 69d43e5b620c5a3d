"""Short messages as the ledger has them, newest first, in pages by key; and those of a span of time, oldest first.

The queries are made so that the indexes of ``ShortMessageRow`` lead to each page at once, however rare what is looked
for and however deep the page: there is one branch for each state, and the branches are merged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, SQLColumnExpression, select, tuple_, union_all

from caiyou.errors import NotFound
from caiyou.ledger.models import ShortMessageRow
from caiyou.ledger.record import LADDER

PAGE = 1000
_COLUMNS = ShortMessageRow.__table__.columns
_at, _id = ShortMessageRow.created_at, ShortMessageRow.id
_Column = SQLColumnExpression[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for; what is empty does not matter. ``number``: E.164 without plus; ``state``: of LADDER."""

    number: str = ""
    state: str = ""
    link: str = ""
    since: datetime | None = None  # aware
    until: datetime | None = None  # not included


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A short message; the columns of ``ShortMessageRow``."""

    id: str
    number: str | None
    src_id: str | None
    message_class: str | None
    route: str | None
    link: str | None
    state: str
    in_doubt: bool
    parts: int | None
    price_fen: int | None
    created_at: datetime
    submitted_at: datetime | None
    done_at: datetime | None
    result: str | None
    queue_id: str | None
    message_id: str | None
    subscriber: str | None
    domain: str | None


def page_of(engine: Engine, wanted: Wanted, limit: int, after: str = "") -> list[Message]:
    """The newest ``limit`` of them, or the next older ones than the message ``after``.

    Raises NotFound where there is no message ``after``; SQLAlchemyError.
    """
    with engine.connect() as connection:
        last = _key_of(connection, after) if after else None
        return [Message(**row._mapping) for row in connection.execute(page_query(wanted, limit, last))]


def message_of(engine: Engine, id: str) -> Message | None:
    """The one of that id; raises SQLAlchemyError."""
    with engine.connect() as connection:
        row = connection.execute(select(*_COLUMNS).where(_id == id)).one_or_none()
    return None if row is None else Message(**row._mapping)


def all_between(engine: Engine, since: datetime, until: datetime) -> Iterator[Message]:
    """Every one created from ``since`` until before ``until``, by (created_at, id); one page is held at a time."""
    last: tuple[datetime, str] | None = None
    while True:
        conditions = [_at < until, tuple_(_at, _id) > last if last is not None else _at >= since]
        with engine.connect() as connection:
            rows = connection.execute(_merged(conditions, LADDER, PAGE, newest_first=False)).all()
        yield from (Message(**row._mapping) for row in rows)
        if len(rows) < PAGE:
            return
        last = rows[-1].created_at, rows[-1].id


def page_query(wanted: Wanted, limit: int, last: tuple[datetime, str] | None = None) -> Select[Any]:
    """The statement behind ``page_of``; ``last`` is the (created_at, id) of the last one that was shown."""
    states = [wanted.state] if wanted.state else LADDER
    return _merged(list(_conditions(wanted, last)), states, limit, newest_first=True)


def _merged(
    conditions: Sequence[ColumnElement[bool]], states: Sequence[str], limit: int, *, newest_first: bool
) -> Select[Any]:
    """Each state's first ones, and of those the first ones."""
    branches: list[Select[Any]] = []
    for state in states:
        of_state = select(*_COLUMNS).where(*conditions, ShortMessageRow.state == state)
        first: Any = _first(of_state, _at, _id, limit, newest_first).subquery()
        branches.append(select(first))
    found: Any = union_all(*branches).subquery()
    return _first(select(found), found.c.created_at, found.c.id, limit, newest_first)


def _first(query: Select[Any], at: _Column, id: _Column, limit: int, newest_first: bool) -> Select[Any]:
    return query.order_by(*((at.desc(), id.desc()) if newest_first else (at, id))).limit(limit)


def _conditions(wanted: Wanted, last: tuple[datetime, str] | None) -> Iterator[ColumnElement[bool]]:
    if wanted.number:
        yield ShortMessageRow.number == wanted.number
    if wanted.link:
        yield ShortMessageRow.link == wanted.link
    if wanted.since is not None:
        yield _at >= wanted.since
    # One bound, the earlier: with both PostgreSQL may begin at the later one.
    if last is not None and (wanted.until is None or last[0] < wanted.until):
        yield tuple_(_at, _id) < last
    elif wanted.until is not None:
        yield _at < wanted.until


def _key_of(connection: Connection, id: str) -> tuple[datetime, str]:
    found = connection.execute(select(_at, _id).where(_id == id)).one_or_none()
    if found is None:
        raise NotFound(id)
    return found.created_at, found.id
