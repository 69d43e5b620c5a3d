"""``caiyou-ledgerd``: writes the events stream to SQL in batches.

An entry leaves the stream only once SQL has it (or, where it is no event, once the dead-letter stream has it), so
nothing is lost while SQL is away, however long; a batch that was written but not yet taken off the stream when the
process died is written again, which changes nothing. Several may run; each takes over what a dead one left.
While Redis or SQL is away it waits and tries again.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from caiyou import daemon, log, queues
from caiyou.errors import SettingsError
from caiyou.events import DEAD_STREAM, FIELD, STREAM, Event
from caiyou.ledger import database
from caiyou.ledger.record import record
from caiyou.settings import Settings

logger = logging.getLogger("caiyou.ledgerd")

GROUP = "ledger"
GATHER_S = 0.2  # after a batch that was not full: fewer, larger transactions; `caiyou trace` reads the stream's end too
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
LOOK_EVERY_S = 60.0  # for what other writers left, and at the stream's length
LEFT_AFTER_S = 60.0
DEAD_MAX = 100_000


class Writer:
    """Moves events from Redis to SQL. ``name`` tells the writers of a site apart and survives a restart."""

    def __init__(self, settings: Settings, engine: Engine, name: str) -> None:
        self._redis = queues.connect(settings)
        self._redis.set_retry(Retry(NoBackoff(), 0))  # ``run`` waits, and hears SIGTERM while it does
        self._engine = engine
        self._name = name
        self._batch = settings.ledger.batch
        self._events_max = settings.redis.events_max
        self._block_ms = max(1, int(min(1.0, settings.redis.timeout_s / 2) * 1000))
        self._ready = False  # tables and consumer group are there
        self._from = "0"  # what we took and did not finish; then ">", what nobody took
        self._look_at = 0.0
        self._trouble = ""

    def run(self, stop: threading.Event) -> None:
        """Until ``stop``. Raises SettingsError where the tables are of a later release."""
        wait_s = FIRST_WAIT_S
        while not stop.is_set():
            try:
                taken = self.step()
            except (redis.RedisError, SQLAlchemyError) as error:
                self._tell(error)
                self._from = "0"
                self._ready = False
                stop.wait(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                continue
            wait_s = FIRST_WAIT_S
            self._tell(None)
            if 0 < taken < self._batch:
                stop.wait(GATHER_S)

    def step(self) -> int:
        """Write one batch; how many entries left the stream. Raises RedisError, SQLAlchemyError."""
        if not self._ready:
            database.upgrade(self._engine)
            self._join()
            self._ready = True
        if time.monotonic() >= self._look_at:
            self._look_around()
        entries = self._read()
        if not entries:
            return 0
        events: dict[bytes, Event] = {}
        dead: dict[bytes, _Dead] = {}
        for entry_id, fields in entries:
            raw = (fields or {}).get(FIELD.encode(), b"")
            try:
                events[entry_id] = Event.from_json(raw)
            except ValueError as error:
                dead[entry_id] = _Dead(raw, str(error))
        dead |= self._write(list(events.items()))
        self._finish([entry_id for entry_id, _ in entries], dead)
        return len(entries)

    def _write(self, events: list[tuple[bytes, Event]]) -> dict[bytes, _Dead]:
        """Write them, halving a batch that holds one SQL will never take; that one is returned."""
        try:
            record(self._engine, [event for _, event in events])
        except (SQLAlchemyError, ValueError, OverflowError) as error:
            if not _is_about_content(error):
                raise
            if len(events) == 1:
                entry_id, event = events[0]
                return {entry_id: _Dead(event.to_json().encode(), f"SQL refuses it: {error}")}
            half = len(events) // 2
            return self._write(events[:half]) | self._write(events[half:])
        return {}

    def _join(self) -> None:
        try:
            self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def _read(self) -> list[tuple[bytes, dict[bytes, bytes] | None]]:
        block = self._block_ms if self._from == ">" else None
        answer: Any = self._redis.xreadgroup(GROUP, self._name, {STREAM: self._from}, count=self._batch, block=block)
        entries = answer[0][1] if answer else []
        if not entries and self._from == "0":
            self._from = ">"
            return self._read()
        return list(entries)

    def _finish(self, entry_ids: list[bytes], dead: dict[bytes, _Dead]) -> None:
        with self._redis.pipeline(transaction=True) as pipe:
            for entry_id, letter in dead.items():
                pipe.xadd(DEAD_STREAM, {FIELD: letter.raw, "why": letter.why[:500]}, maxlen=DEAD_MAX, approximate=True)
                logger.error(log.line(None, ledger="no event, set aside", entry=entry_id.decode(), why=letter.why))
            pipe.xack(STREAM, GROUP, *entry_ids)
            pipe.xdel(STREAM, *entry_ids)
            pipe.execute()

    def _look_around(self) -> None:
        self._look_at = time.monotonic() + LOOK_EVERY_S
        left: Any = self._redis.xautoclaim(
            STREAM, GROUP, self._name, int(LEFT_AFTER_S * 1000), count=self._batch, justid=True
        )
        if left:
            self._from = "0"
        waiting = self._redis.xlen(STREAM)
        if waiting > self._events_max:
            logger.warning(log.line(None, ledger="falls behind", waiting=waiting))

    def _tell(self, error: Exception | None) -> None:
        """Log a trouble when it begins and when it is over."""
        trouble = "" if error is None else str(getattr(error, "orig", None) or error).strip()
        if trouble and trouble != self._trouble:
            logger.warning(log.line(None, ledger="waits", why=trouble))
        if self._trouble and not trouble:
            logger.info(log.line(None, ledger="writes again"))
        self._trouble = trouble


@dataclass(frozen=True, slots=True)
class _Dead:
    raw: bytes
    why: str


def _is_about_content(error: Exception) -> bool:
    """Whether it is the rows that SQL does not take, rather than the server that does not do."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError)
    return isinstance(error, StatementError | ValueError | OverflowError)


def main() -> int:
    """Run until SIGTERM; 78 when the settings are wrong or the tables are of a later release (EX_CONFIG)."""
    daemon.parser("caiyou-ledgerd", "Write the events into SQL, in batches.").parse_args()
    settings = daemon.begin("caiyou-ledgerd")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        engine = database.connect(settings.ledger)
        logger.info(log.line(None, ledger="starts", url=engine.url.render_as_string(hide_password=True)))
        Writer(settings, engine, socket.gethostname()).run(stop)
    except SettingsError as error:
        print(f"caiyou-ledgerd: {error}", file=sys.stderr)
        return 78
    logger.info(log.line(None, ledger="stopped"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
