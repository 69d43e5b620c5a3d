"""Every SUBMIT that reached a simulated carrier, in a file of JSON lines: it outlives a kill -9, and tests count by it.

A line is written (not fsynced: a power cut is not simulated) before the answer goes out. A file beyond
``MAX_FILE_OCTETS`` becomes ``submits.1.jsonl`` in place of an older one, and the numbers go on.
"""

from __future__ import annotations

import json
import os
from array import array
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mail2sms.content import part_of, text_of
from sandbox.carriers.phones import number_or_empty

MAX_FILE_OCTETS = 512 << 20
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Journal:
    """Append-only records, numbered from 1."""

    def __init__(self, folder: Path, max_file_octets: int = MAX_FILE_OCTETS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "submits.jsonl"
        self._max = max_file_octets
        self._first = 1  # number of the first record in the file
        self._starts = array("Q")  # where each record of the file begins
        self._end = 0
        self._waiting: list[bytes] = []
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
        self._load()

    def __len__(self) -> int:
        """Number of the last record."""
        return self._first + len(self._starts) + len(self._waiting) - 1

    def add(self, record: dict[str, Any]) -> int:
        """Number a record and keep it for ``flush``."""
        number = len(self) + 1
        line = _JSON.encode({"n": number, **record})
        self._waiting.append(line.encode("utf-8", "replace") + b"\n")
        return number

    def flush(self) -> None:
        """Write what waits; raises OSError. Call it before the answers go out."""
        if not self._waiting:
            return
        if self._end > self._max:
            self._rotate()
        data = b"".join(self._waiting)
        for line in self._waiting:
            self._starts.append(self._end)
            self._end += len(line)
        self._waiting.clear()
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def after(self, number: int, limit: int) -> list[dict[str, Any]]:
        """At most ``limit`` records with numbers above ``number``, in order."""
        self.flush()
        start = max(0, number + 1 - self._first)
        stop = min(start + limit, len(self._starts))
        if start >= stop:
            return []
        end = self._starts[stop] if stop < len(self._starts) else self._end
        data = os.pread(self._fd, end - self._starts[start], self._starts[start])
        return [json.loads(line) for line in data.splitlines()]

    def last(self, count: int) -> list[dict[str, Any]]:
        """The last ``count`` records."""
        return self.after(len(self) - count, count)

    def close(self) -> None:
        """Write what waits and close the file."""
        self.flush()
        os.close(self._fd)

    def _load(self) -> None:
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):  # killed while it was written: it was not answered
                    break
                self._starts.append(self._end)
                self._end += len(line)
        os.ftruncate(self._fd, self._end)
        if self._starts:
            end = self._starts[1] if len(self._starts) > 1 else self._end
            self._first = int(json.loads(os.pread(self._fd, end, 0))["n"])

    def _rotate(self) -> None:
        following = self._first + len(self._starts)
        self._path.replace(self._path.with_name("submits.1.jsonl"))
        os.close(self._fd)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
        self._first, self._starts, self._end = following, array("Q"), 0


def record_of(
    *, src_id: str, to: tuple[str, ...], ref: str, result: int, msg_fmt: int, tp_udhi: int, content: bytes
) -> dict[str, Any]:
    """What a record says of a SUBMIT and its answer; ``content`` goes in as hexadecimal digits."""
    part = part_of(tp_udhi, content)
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "src_id": src_id,
        "to": [number_or_empty(number) or number for number in to],
        "msg_id": ref,
        "result": result,
        "text": text_of(msg_fmt, part.body),
        "part": part.number,
        "parts": part.total,
        "reference": part.reference,
        "msg_fmt": msg_fmt,
        "tp_udhi": tp_udhi,
        "content": content.hex(),
    }
