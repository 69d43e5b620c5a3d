"""The ledger and Redis for the length of a command; what does not answer is one line and exit code 69."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from gettext import gettext as _

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from caiyou import queues
from caiyou.errors import ServiceDown
from caiyou.ledger import database
from caiyou.settings import current


@contextmanager
def ledger() -> Iterator[Engine]:
    """To read; raises ServiceDown."""
    engine = database.connect(current().ledger, reads=True)
    try:
        yield engine
    except SQLAlchemyError as error:
        why = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        raise ServiceDown(_("the ledger: {error}").format(error=why)) from None
    finally:
        engine.dispose()


@contextmanager
def store(*, blocks: bool = False) -> Iterator[redis.Redis]:
    """Redis; raises ServiceDown. ``blocks``: for commands that wait there."""
    with queues.connect(current(), blocks=blocks) as connection:
        connection.set_retry(Retry(NoBackoff(), 0))
        try:
            yield connection
        except redis.RedisError as error:
            raise ServiceDown(_("Redis: {error}").format(error=error)) from None


@contextmanager
def store_if_there() -> Iterator[redis.Redis | None]:
    """Redis, or None where it does not answer now."""
    with queues.connect(current()) as connection:
        connection.set_retry(Retry(NoBackoff(), 0))
        with suppress(redis.RedisError):
            connection.ping()
            yield connection
            return
        yield None
