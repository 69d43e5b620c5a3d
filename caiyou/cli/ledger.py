"""`caiyou ledger`: what an operator does by hand, rarely."""

from __future__ import annotations

from typing import Any

import click
import redis
from sqlalchemy.exc import SQLAlchemyError

from caiyou import queues
from caiyou.errors import CaiyouError
from caiyou.events import DEAD_STREAM, FIELD, STREAM
from caiyou.ledger import database
from caiyou.settings import current

_PAGE = 500


@click.group()
def ledger() -> None:
    """The SQL ledger of events."""


@ledger.command()
def upgrade() -> None:
    """Bring the tables to this release's form (caiyou-ledgerd does so too when it starts)."""
    try:
        database.upgrade(database.connect(current().ledger))
    except (CaiyouError, SQLAlchemyError) as error:
        raise click.ClickException(str(error)) from None


@ledger.command()
def redeliver() -> None:
    """Offer again what was set aside as no event, after an upgrade of caiyou-ledgerd that knows it."""
    try:
        connection = queues.connect(current())
        last: Any = (
            connection.xinfo_stream(DEAD_STREAM)["last-generated-id"] if connection.exists(DEAD_STREAM) else None
        )
        count = 0
        # Up to the last one of now: what is refused once more comes behind it.
        while last and (page := connection.xrange(DEAD_STREAM, max=last, count=_PAGE)):
            with connection.pipeline(transaction=True) as pipe:
                for entry_id, fields in page:
                    pipe.xadd(STREAM, {FIELD: fields.get(FIELD.encode(), b"")})
                    pipe.xdel(DEAD_STREAM, entry_id)
                pipe.execute()
            count += len(page)
    except (CaiyouError, redis.RedisError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} events are offered again")
