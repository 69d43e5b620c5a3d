"""`caiyou ledger`: what an operator does by hand, rarely."""

from __future__ import annotations

from gettext import gettext as _
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


@click.group(help=_("The SQL ledger of what happened."))
def ledger() -> None: ...


@ledger.command(help=_("Bring the tables to this release's form (caiyou-ledgerd does so too when it starts)."))
def upgrade() -> None:
    engine = database.connect(current().ledger)
    try:
        database.upgrade(engine)
    except SQLAlchemyError as error:
        raise CaiyouError(_("the ledger: {error}").format(error=getattr(error, "orig", None) or error)) from None
    finally:
        engine.dispose()


@ledger.command(
    help=_("Offer again what was set aside as no event, once caiyou-ledgerd is of a release that knows it.")
)
def redeliver() -> None:
    try:
        with queues.connect(current()) as connection:
            count = _redeliver(connection)
    except redis.RedisError as error:
        raise CaiyouError(_("Redis: {error}").format(error=error)) from None
    click.echo(_("{count} events are offered again").format(count=count))


def _redeliver(connection: redis.Redis) -> int:
    """Up to the last one of now: what is refused once more comes behind it."""
    newest: Any = connection.xrevrange(DEAD_STREAM, count=1)
    count = 0
    while newest:
        page: Any = connection.xrange(DEAD_STREAM, max=newest[0][0], count=_PAGE)
        if not page:
            break
        with connection.pipeline(transaction=True) as pipe:
            for entry_id, fields in page:
                pipe.xadd(STREAM, {FIELD: fields.get(FIELD.encode(), b"")})
                pipe.xdel(DEAD_STREAM, entry_id)
            pipe.execute()
        count += len(page)
    return count
