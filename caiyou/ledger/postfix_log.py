"""Postfix's log: the lines of some queue ids, streamed from the last megabytes of the file and its predecessor.

Takes the classic stamp (``Nov 23 04:51:12``, the machine's zone, no year) and ISO 8601 (rsyslog's default).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from caiyou.ledger.history import Ids

TAIL_BYTES = 64 << 20  # of the log and its predecessor together
_MAX_LINE_BYTES = 64 << 10

_LINE = re.compile(
    rb"(?P<at>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)) \S+ "
    rb"(?P<service>\S+/[^\s\[]+)\[\d+\]: (?P<queue_id>[0-9A-Za-z]{5,32}): (?P<text>.*)"
)
_MESSAGE_ID = re.compile(r"message-id=(?!<>)(\S+)")  # Postfix writes <> for a mail without one
# What another Postfix, or a bounce of ours, is called next.
_NEXT = re.compile(r"(?:queued as|(?:non-delivery|delivery status) notification:) ([0-9A-Za-z]{5,32})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a queue id. ``at`` is aware; ``text`` is what follows the queue id, made printable."""

    at: datetime
    service: str  # postfix/smtpd
    queue_id: str
    text: str

    @property
    def ids(self) -> Ids:
        """The ids that it names."""
        following = _NEXT.findall(self.text)
        message_ids = _MESSAGE_ID.findall(self.text) if self.service.endswith("/cleanup") else []
        return Ids(queue_ids=frozenset([self.queue_id, *following]), message_ids=frozenset(message_ids))


def lines_of(log: Path, ids: Ids, since: datetime | None = None, now: datetime | None = None) -> Iterator[Line]:
    """The lines of the queue ids, and those that give a queue id to one of the Message-IDs; raises OSError.

    ``now`` (default: the present) tells the year of a stamp that has none.
    """
    now = now or datetime.now(UTC)
    wanted = [rb"\b%s: " % re.escape(q.encode()) for q in sorted(ids.queue_ids)]
    wanted += [rb"message-id=%s" % re.escape(m.encode("utf-8", "replace")) for m in sorted(ids.message_ids)]
    if not wanted:
        return
    search = re.compile(b"|".join(wanted)).search
    for raw in _tail(log):
        if search(raw) and (line := _parse(raw, now)) and _is_of(line, ids) and (since is None or line.at >= since):
            yield line


def _is_of(line: Line, ids: Ids) -> bool:
    return line.queue_id in ids.queue_ids or not ids.message_ids.isdisjoint(line.ids.message_ids)


def _tail(log: Path) -> Iterator[bytes]:
    """The last TAIL_BYTES, oldest line first."""
    size = log.stat().st_size
    older = log.with_name(log.name + ".1")
    if size < TAIL_BYTES and older.exists():
        yield from _last_lines(older, TAIL_BYTES - size)
    yield from _last_lines(log, TAIL_BYTES)


def _last_lines(path: Path, octets: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - octets))
        if size > octets:
            file.readline(_MAX_LINE_BYTES)  # it began before
        while raw := file.readline(_MAX_LINE_BYTES):
            yield raw


def _parse(raw: bytes, now: datetime) -> Line | None:
    match = _LINE.match(raw.rstrip(b"\r\n"))
    if match is None:
        return None
    try:
        at = _time(match["at"].decode("ascii"), now)
    except ValueError:
        return None
    text = match["text"].decode("utf-8", "backslashreplace")
    return Line(
        at=at,
        service=match["service"].decode("utf-8", "backslashreplace"),
        queue_id=match["queue_id"].decode("ascii"),
        text="".join(c if c.isprintable() else "\ufffd" for c in text),
    )


def _time(stamp: str, now: datetime) -> datetime:
    """When it was; a stamp without a year is of the last twelve months."""
    if stamp[0].isdigit():
        return datetime.fromisoformat(stamp)
    latest = now.astimezone() + timedelta(days=1)
    for year in (latest.year, latest.year - 1):
        try:
            at = datetime.strptime(f"{year} {stamp}", "%Y %b %d %H:%M:%S").astimezone()
        except ValueError:  # 29 February
            continue
        if at <= latest:
            return at
    raise ValueError(f"no time: {stamp}")
