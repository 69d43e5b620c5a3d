"""Short messages found by number, state, link and time; their class and price; always a time.

Rows are searched in the order of (created_at, id). The indexes over queue_id and message_id go: `caiyou trace` follows
those through the events.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for name in ("created_at", "queue_id", "message_id", "number_created_at"):
        op.drop_index(f"ix_short_message_{name}", "short_message")
    op.execute(
        "UPDATE short_message SET created_at = coalesce((SELECT min(at) FROM event WHERE sms_id = short_message.id),"
        " submitted_at, done_at, CURRENT_TIMESTAMP) WHERE created_at IS NULL"
    )
    with op.batch_alter_table("short_message") as table:  # SQLite cannot alter a column: it copies the table
        table.add_column(sa.Column("message_class", sa.Text))
        table.add_column(sa.Column("price_fen", sa.BigInteger))
        table.alter_column("created_at", existing_type=sa.DateTime(timezone=True), nullable=False)
    op.create_index("ix_short_message_state_created_at_id", "short_message", ["state", "created_at", "id"])
    for columns in (["number", "state", "created_at", "id", "link"], ["link", "state", "created_at", "id"]):
        where = sa.text(f"{columns[0]} IS NOT NULL")
        name = "_".join(["ix_short_message", *columns])
        op.create_index(name, "short_message", columns, sqlite_where=where, postgresql_where=where)
