"""Alembic runs this; the connection comes from ``caiyou.ledger.database.upgrade``, within its transaction."""

from __future__ import annotations

from alembic import context

from caiyou.ledger.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
