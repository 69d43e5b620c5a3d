"""Jobs and events on their way to Redis; while Redis is away they wait in a local file, in order.

What a thread puts arrives in the order it was put. A record may reach Redis twice (Redis froze after it took it, or a
crash came between sending and forgetting): jobs and events carry ids for that. Redis answering slowly, refusing
(loading, read-only replica, out of memory) or being gone are all the same: the first caller waits ``redis.timeout_s``
at most, later ones go straight to the file until a replay has emptied it.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from caiyou import log, queues
from caiyou.errors import OutboxDown
from caiyou.events import FIELD, STREAM, Event
from caiyou.settings import Settings
from caiyou.spool import Spool, read

logger = logging.getLogger("caiyou.outbox")

REPLAY_EVERY_S = 1.0
REMIND_EVERY_S = 60.0  # an outage is logged when it begins and then this often
JOB_FAILURE_TTL_S = 7 * 24 * 3600
_SHAPES = ({"event": str}, {"queue": str, "function": str, "job_id": str, "payload": dict})


class Outbox:
    """Puts jobs and events into Redis, or into the spool file. Thread-safe. ``close`` it at the end."""

    def __init__(self, settings: Settings, name: str) -> None:
        """``name`` is the spool file's: one a program. Raises OutboxDown where the file cannot be opened."""
        self._redis = queues.connect(settings)
        self._redis.set_retry(Retry(NoBackoff(), 0))  # the file is what waits, not the caller
        self._path = settings.site.spool / f"{name}.sqlite3"
        try:
            self._spool = Spool(self._path)
            waiting = not self._spool.empty
        except (OSError, sqlite3.Error) as error:
            raise OutboxDown(f"{self._path}: {error}") from error
        self._behind = threading.Event()  # something waits in the file, so later records queue behind it
        if waiting:
            self._behind.set()
        self._queues: dict[str, Queue] = {}
        self._told: dict[str, float] = {}  # trouble to when it was logged
        self._stop = threading.Event()
        self._replayer = threading.Thread(target=self._replay_for_ever, name="outbox", daemon=True)
        self._replayer.start()

    def job(self, queue: str, function: str, job_id: str, payload: dict[str, Any]) -> None:
        """Queue an rq job. The same ``job_id`` again is the same job, which may then run twice. Raises OutboxDown."""
        self._put({"queue": queue, "function": function, "job_id": job_id, "payload": payload})

    def event(self, event: Event) -> None:
        """Record an event; raises OutboxDown."""
        self._put({"event": event.to_json()})

    def close(self) -> None:
        """Stop the replayer; what is spooled stays for the next start."""
        self._stop.set()
        self._replayer.join()
        self._redis.close()
        self._spool.close()

    def _put(self, record: dict[str, Any]) -> None:
        if not self._behind.is_set():
            try:
                self._send([record])
            except redis.RedisError as error:
                self._behind.set()
                self._remind("spooling", error)
            else:
                return
        try:
            self._spool.add(json.dumps(record))
        except (OSError, sqlite3.Error) as error:
            raise OutboxDown(f"Redis does not answer, and {self._path}: {error}") from error
        self._behind.set()  # again: the replayer may have found the file empty meanwhile

    def _send(self, records: list[dict[str, Any]]) -> None:
        """All of them or none, short of a lost answer."""
        if len(records) == 1 and "event" in records[0]:
            self._redis.xadd(STREAM, {FIELD: records[0]["event"]})
            return
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.multi()  # else rq does, which is too late after the first record
            for record in records:
                if "event" in record:
                    pipe.xadd(STREAM, {FIELD: record["event"]})
                else:
                    self._queue(record["queue"]).enqueue_call(
                        record["function"],
                        args=(record["payload"],),
                        job_id=record["job_id"],
                        description=record["job_id"],  # rq's own would hold the payload, and rq logs it
                        result_ttl=0,
                        failure_ttl=JOB_FAILURE_TTL_S,
                        pipeline=pipe,
                    )
            pipe.execute()

    def _queue(self, name: str) -> Queue:
        """Kept, since a new one asks Redis for its version first."""
        if name not in self._queues:
            self._queues[name] = Queue(name, connection=self._redis, serializer=JSONSerializer)
        return self._queues[name]

    def _replay_for_ever(self) -> None:
        while not self._stop.wait(REPLAY_EVERY_S):
            try:
                # The file is looked at even if this process is not behind: another that shares it may have died.
                if self._behind.is_set() or not self._spool.empty:
                    self._replay()
            except (redis.RedisError, OSError, sqlite3.Error) as error:
                self._remind("still spooling", error)

    def _replay(self) -> None:
        total = 0
        with self._spool.replaying() as mine:
            if mine:
                self._redis.ping()  # a frozen Redis would run every page that timed out once it thaws
            while mine and not self._stop.is_set() and (rows := self._spool.page()):
                self._send(list(self._records(rows)))
                self._spool.remove_to(rows[-1][0])
                total += len(rows)
        # A put that saw the flag may have added a row after the last page: clear, look again, set again if so.
        self._behind.clear()
        if not self._spool.empty:
            self._behind.set()
        if total:
            self._told.clear()
            logger.info(log.line(None, outbox="replayed", records=total))

    def _records(self, rows: list[tuple[int, str]]) -> Iterator[dict[str, Any]]:
        """The rows that are records of ours; others, of another release perhaps, are set aside."""
        for row_id, text in rows:
            record = _parse(text)
            if record is None:
                self._spool.refuse(row_id, "not a record")
                logger.error(log.line(None, outbox="record set aside", file=self._path, record=row_id))
            else:
                yield record

    def _remind(self, what: str, error: Exception) -> None:
        now, why = time.monotonic(), str(error)
        if now - self._told.get(why, -REMIND_EVERY_S) >= REMIND_EVERY_S:
            self._told[why] = now
            logger.warning(log.line(None, outbox=what, file=self._path, why=why))


def waiting_events(folder: Path) -> Iterator[Event]:
    """The events that wait in the spool files of a folder, oldest first in each; raises OSError or sqlite3.Error."""
    for path in sorted(folder.glob("*.sqlite3")):
        for text in read(path):
            record = _parse(text) or {}
            if "event" in record:
                with suppress(ValueError):
                    yield Event.from_json(record["event"])


def _parse(text: str) -> dict[str, Any] | None:
    """The record in a row, or None."""
    try:
        record = json.loads(text)
    except ValueError:
        return None
    shape = {k: type(v) for k, v in record.items()} if isinstance(record, dict) else None
    return record if shape in _SHAPES else None
