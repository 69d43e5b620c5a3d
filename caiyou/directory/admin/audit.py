"""Administrative steps on their way to the ledger (M7)."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from caiyou import log
from caiyou.events import FIELD, STREAM, Event
from caiyou.settings import Settings

if TYPE_CHECKING:
    import redis

logger = logging.getLogger("caiyou.audit")


class Audit:
    """Puts events on the stream; while Redis is away they wait in a file until a later step finds it back.

    Not the Outbox: its replayer is a daemon's thread, and a command is over before the thread has looked once.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = settings.site.spool / "admin.sqlite3"

    def record(self, event: Event) -> None:
        """Record a step that is done. What is down does not undo it: then the log says what could not be recorded."""
        import redis  # here: commands that only read need not wait for it
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        from caiyou import queues

        try:
            with queues.connect(self._settings) as connection:
                connection.set_retry(Retry(NoBackoff(), 0))
                try:
                    connection.xadd(STREAM, {FIELD: event.to_json()})
                    _replay(self._path, connection)
                except redis.RedisError:
                    _keep(self._path, event)
        except (OSError, sqlite3.Error) as error:
            logger.warning(log.line(None, audit="not recorded", step=event.result, spool=self._path, why=error))


def _keep(path: Path, event: Event) -> None:
    from caiyou.spool import Spool

    if not path.parent.is_dir():  # made by root, it would shut the daemons out
        raise FileNotFoundError(f"{path.parent}: no such folder")
    with closing(Spool(path)) as spool:
        spool.add(json.dumps({"event": event.to_json()}))


def _replay(path: Path, connection: redis.Redis) -> None:
    """Send what waits; an event sent twice is one row in the ledger."""
    if not path.exists():
        return
    from caiyou.spool import Spool

    with closing(Spool(path)) as spool, spool.replaying() as mine:
        while mine and (rows := spool.page()):
            for _, record in rows:
                connection.xadd(STREAM, {FIELD: json.loads(record)["event"]})
            spool.remove_to(rows[-1][0])
