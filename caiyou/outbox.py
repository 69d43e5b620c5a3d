"""Jobs and events on their way to Redis; while Redis is away they wait in a local file, in order.

The file is SQLite with ``synchronous=FULL``: what ``put`` returned from survives a power cut, several processes may
share it, and replay pages by key. A record may reach Redis twice after a crash; jobs and events carry ids for that.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from caiyou import log, queues
from caiyou.events import STREAM, Event
from caiyou.settings import Settings

logger = logging.getLogger("caiyou.outbox")

REPLAY_EVERY_S = 1.0
PAGE = 200


class Outbox:
    """Puts jobs and events into Redis, or into the spool file. Thread-safe. ``close`` it at the end."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._redis = queues.connect(settings)
        self._events_max = settings.redis.events_max
        self._spool = _Spool(settings.site.spool / f"{name}.sqlite3")
        self._behind = threading.Event()  # something waits in the file, so later records queue behind it
        if self._spool.page():
            self._behind.set()
        self._stop = threading.Event()
        self._replayer = threading.Thread(target=self._replay_for_ever, name="outbox", daemon=True)
        self._replayer.start()

    def job(self, queue: str, function: str, job_id: str, payload: dict[str, Any]) -> None:
        """Queue an rq job; the same ``job_id`` again replaces the waiting one."""
        self._put({"queue": queue, "function": function, "job_id": job_id, "payload": payload})

    def event(self, event: Event) -> None:
        """Record an event."""
        self._put({"event": event.to_json()})

    def close(self) -> None:
        """Stop the replayer; what is spooled stays for the next start."""
        self._stop.set()
        self._replayer.join(timeout=5)
        self._redis.close()

    def _put(self, record: dict[str, Any]) -> None:
        if not self._behind.is_set():
            try:
                self._send([record])
            except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError) as error:
                logger.warning(log.line(None, outbox="spooling", why=error))
            else:
                return
        self._spool.add(json.dumps(record, ensure_ascii=False))
        self._behind.set()

    def _send(self, records: list[dict[str, Any]]) -> None:
        with self._redis.pipeline(transaction=False) as pipe:
            for record in records:
                if "event" in record:
                    pipe.xadd(STREAM, {"e": record["event"]}, maxlen=self._events_max, approximate=True)
                else:
                    Queue(record["queue"], connection=self._redis, serializer=JSONSerializer).enqueue_call(
                        record["function"],
                        args=(record["payload"],),
                        job_id=record["job_id"],
                        result_ttl=0,
                        failure_ttl=7 * 24 * 3600,
                        pipeline=pipe,
                    )
            pipe.execute()

    def _replay_for_ever(self) -> None:
        while not self._stop.wait(REPLAY_EVERY_S):
            if not self._behind.is_set():
                continue
            try:
                self._replay()
            except (redis.RedisError, sqlite3.Error) as error:
                logger.debug(log.line(None, outbox="still spooling", why=error))

    def _replay(self) -> None:
        total = 0
        while rows := self._spool.page():
            self._send([json.loads(record) for _, record in rows])
            self._spool.remove_to(rows[-1][0])
            total += len(rows)
        # A put that saw the flag may have added a row after the last page: clear, look again, set again if so.
        self._behind.clear()
        if self._spool.page():
            self._behind.set()
        if total:
            logger.info(log.line(None, outbox="replayed", records=total))


class _Spool:
    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("CREATE TABLE IF NOT EXISTS record (id INTEGER PRIMARY KEY AUTOINCREMENT, json TEXT NOT NULL)")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous=FULL")
            yield db

    def add(self, record: str) -> None:
        with self._open() as db:
            db.execute("INSERT INTO record (json) VALUES (?)", (record,))

    def page(self) -> list[tuple[int, str]]:
        with self._open() as db:
            return db.execute("SELECT id, json FROM record ORDER BY id LIMIT ?", (PAGE,)).fetchall()

    def remove_to(self, last: int) -> None:
        with self._open() as db:
            db.execute("DELETE FROM record WHERE id <= ?", (last,))
