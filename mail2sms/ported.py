"""Numbers that moved to another carrier (携号转网): an SQLite file, looked up by number, replaced as a whole.

Carriers hand out such lists as text, with millions of lines; ``caiyou sms ported FILE`` makes the file.
"""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from caiyou.errors import InputError
from caiyou.msisdn import Msisdn

LOOK_EVERY = 1000  # lookups between two looks at whether the file was replaced


class Ported:
    """Looks numbers up. A file that is missing or cannot be read counts as empty; for one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None
        self._seen: tuple[int, int] | None = None
        self._lookups = 0

    def carrier_of(self, number: str) -> str:
        """The carrier that the number is with now; empty where it never moved."""
        if self._lookups % LOOK_EVERY == 0 or self._database is None:
            self._look()
        self._lookups += 1
        if self._database is None:
            return ""
        try:
            found = self._database.execute("SELECT carrier FROM ported WHERE number = ?", (int(number),)).fetchone()
        except (sqlite3.Error, ValueError):
            return ""
        return str(found[0]) if found else ""

    def _look(self) -> None:
        try:
            found = self._path.stat()
        except OSError:
            seen = None
        else:
            seen = found.st_ino, found.st_mtime_ns
        if seen == self._seen:
            return
        if self._database is not None:
            self._database.close()
        self._database = None
        self._seen = seen
        if seen:
            self._database = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, check_same_thread=False)


def build(path: Path, lines: Iterable[str], carriers: Collection[str], region: str) -> int:
    """Make the file from CSV lines ``number,carrier`` and put it in place at once; how many numbers it holds.

    Raises InputError naming the line that is wrong; the old file stays then.
    """
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(new)) as database, database:
            database.execute("CREATE TABLE ported (number INTEGER PRIMARY KEY, carrier TEXT NOT NULL) WITHOUT ROWID")
            database.executemany("INSERT OR REPLACE INTO ported VALUES (?, ?)", _rows(lines, carriers, region))
            count = int(database.execute("SELECT count(*) FROM ported").fetchone()[0])
        new.chmod(0o644)
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return count


def _rows(lines: Iterable[str], carriers: Collection[str], region: str) -> Iterator[tuple[int, str]]:
    for at, row in enumerate(csv.reader(lines), 1):
        if not row or row[0].startswith("#"):
            continue
        if len(row) != 2:
            raise InputError(f"line {at}: expected number,carrier")
        carrier = row[1].strip()
        if carrier not in carriers:
            raise InputError(f"line {at}: carrier {carrier!r:.40} is not in sms.carriers ({', '.join(carriers)})")
        try:
            yield int(Msisdn.parse(row[0].strip(), region)), carrier
        except InputError as error:
            raise InputError(f"line {at}: {error}") from None
