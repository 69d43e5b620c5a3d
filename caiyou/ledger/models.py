"""The ledger's tables. A change here is a new file in ``migrations/versions``; a test compares the two.

No table holds the text of a message: it is not needed to count or to bill.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Index, MetaData, Text, TypeDecorator, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time. SQLite keeps no offset, so it is UTC there."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"},
    )
    type_annotation_map: ClassVar = {str: Text, datetime: UtcDateTime, dict[str, Any]: JSON}


def _where(*columns: str) -> Index:
    """An index over the rows that have its first column: most events lack most of them."""
    condition = f"{columns[0]} IS NOT NULL"
    return Index(None, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


class EventRow(Base):
    """One event, as ``caiyou.events.Event`` says."""

    __tablename__ = "event"
    __table_args__ = (
        Index(None, "at"),
        _where("queue_id"),
        _where("message_id"),
        _where("subscriber", "at"),
        _where("domain", "at"),
        _where("number", "at"),
        _where("sms_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    queue_id: Mapped[str | None]
    message_id: Mapped[str | None]
    subscriber: Mapped[str | None]
    domain: Mapped[str | None]
    number: Mapped[str | None]
    sms_id: Mapped[str | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    result: Mapped[str | None]
    detail: Mapped[dict[str, Any]]


class ShortMessageRow(Base):
    """One short message to one number, as its events add up (``record``)."""

    __tablename__ = "short_message"
    __table_args__ = (
        # For ``caiyou.ledger.messages``, which always names a state: so what is looked for stands in one place of the
        # index in order of time, however rare it is. The link at the end spares looking at rows that are not of it.
        Index(None, "state", "created_at", "id"),
        _where("number", "state", "created_at", "id", "link"),
        _where("link", "state", "created_at", "id"),
        _where("subscriber", "created_at"),
        _where("domain", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str | None]  # to whom, E.164 without plus
    src_id: Mapped[str | None]  # from whom, as the phone shows it
    message_class: Mapped[str | None]  # caiyou.queues.CLASSES
    route: Mapped[str | None]
    link: Mapped[str | None]  # the one that submitted it first
    state: Mapped[str]  # queued, submitted, expired, failed, delivered
    in_doubt: Mapped[bool]  # the phone may have got it twice
    parts: Mapped[int | None]
    price_fen: Mapped[int | None] = mapped_column(BigInteger)  # of all parts, as it was when it was queued
    created_at: Mapped[datetime]  # when it was queued, or its earliest event
    submitted_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    result: Mapped[str | None]  # the carrier's status
    queue_id: Mapped[str | None]
    message_id: Mapped[str | None]
    subscriber: Mapped[str | None]
    domain: Mapped[str | None]
