"""The outbox's file: records wait in it, in order, while Redis is away.

SQLite with ``synchronous=FULL``: what ``add`` returned from survives a power cut. Several processes may share a file.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

PAGE = 200

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (id INTEGER PRIMARY KEY AUTOINCREMENT, json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refused (id INTEGER PRIMARY KEY, json TEXT NOT NULL, why TEXT NOT NULL);
"""


class Spool:
    """One file. Thread-safe. Every method raises sqlite3.Error or OSError where the disk does not do."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # records hold subjects and texts; SQLite's other files take the mode over
        self._lock = threading.Lock()
        self._replaying = path.with_suffix(".lock")
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA auto_vacuum=FULL")  # the file of a long outage shrinks again
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def add(self, record: str) -> None:
        """Keep a record behind all others."""
        with self._lock:
            self._db.execute("INSERT INTO record (json) VALUES (?)", (record,))

    def page(self) -> list[tuple[int, str]]:
        """The oldest records with their ids, at most PAGE."""
        with self._lock:
            return self._db.execute("SELECT id, json FROM record ORDER BY id LIMIT ?", (PAGE,)).fetchall()

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        with self._lock:
            return self._db.execute("SELECT 1 FROM record LIMIT 1").fetchone() is None

    def remove_to(self, last: int) -> None:
        """Forget the records up to and including this id."""
        with self._lock:
            self._db.execute("DELETE FROM record WHERE id <= ?", (last,))

    def refuse(self, record_id: int, why: str) -> None:
        """Set aside a record that cannot be sent, so that it does not hold up the others."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "INSERT OR REPLACE INTO refused SELECT id, json, ? FROM record WHERE id = ?", (why, record_id)
            )
            self._db.execute("DELETE FROM record WHERE id = ?", (record_id,))

    @contextmanager
    def replaying(self) -> Iterator[bool]:
        """Whether this process may replay now: one at a time, so that the order stays and nothing goes out twice."""
        with self._replaying.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def close(self) -> None:
        """Close the file; what waits stays in it."""
        with self._lock:
            self._db.close()


def read(path: Path) -> Iterator[str]:
    """The records that wait in a file, oldest first, without touching it; raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
        for (record,) in db.execute("SELECT json FROM record ORDER BY id"):
            yield record
