"""Events and short messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("queue_id", sa.Text),
        sa.Column("message_id", sa.Text),
        sa.Column("subscriber", sa.Text),
        sa.Column("domain", sa.Text),
        sa.Column("number", sa.Text),
        sa.Column("sms_id", sa.Text),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("result", sa.Text),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )
    op.create_index("ix_event_at", "event", ["at"])
    for columns in (["queue_id"], ["message_id"], ["subscriber", "at"], ["domain", "at"], ["number", "at"], ["sms_id"]):
        _index_where_set("event", columns)
    op.create_table(
        "short_message",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("number", sa.Text),
        sa.Column("src_id", sa.Text),
        sa.Column("route", sa.Text),
        sa.Column("link", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("in_doubt", sa.Boolean, nullable=False),
        sa.Column("parts", sa.Integer),
        sa.Column("created_at", _AT),
        sa.Column("submitted_at", _AT),
        sa.Column("done_at", _AT),
        sa.Column("result", sa.Text),
        sa.Column("queue_id", sa.Text),
        sa.Column("message_id", sa.Text),
        sa.Column("subscriber", sa.Text),
        sa.Column("domain", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_short_message"),
    )
    op.create_index("ix_short_message_created_at", "short_message", ["created_at"])
    for columns in (
        ["queue_id"],
        ["message_id"],
        ["subscriber", "created_at"],
        ["domain", "created_at"],
        ["number", "created_at"],
    ):
        _index_where_set("short_message", columns)


def _index_where_set(table: str, columns: list[str]) -> None:
    where = sa.text(f"{columns[0]} IS NOT NULL")
    name = "_".join(["ix", table, *columns])
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
