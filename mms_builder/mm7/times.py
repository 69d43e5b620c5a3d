"""Times of MM7: xs:dateTime, and xs:duration where a time may be relative (TS 23.140, relativeOrAbsoluteDateType)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo

# Peers leave out zeros, seconds or the zone, and put a blank for the T.
_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.\d{0,9})?)? ?(Z|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})D)?"
    r"(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})(?:\.\d{0,9})?S)?)?"
)
LONGEST = timedelta(days=36600)


def time_of(text: str, zone: tzinfo) -> datetime | None:
    """A time as written, aware; ``zone`` is where one without a zone belongs. None for what is no time."""
    found = _TIME.fullmatch(" ".join(text.split()))
    if found is None:
        return None
    year, month, day, hour, minute, second, mark = found.groups()
    try:
        where = zone if mark is None else timezone(_offset(mark))
        return datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=where)
    except ValueError:
        return None


def _offset(mark: str) -> timedelta:
    if mark in "Zz":
        return timedelta()
    digits = mark[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if mark[0] == "-" else offset


def duration_of(text: str) -> timedelta | None:
    """A duration as written, years of 365 and months of 30 days; None for what is none or is longer than a century."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        return None
    years, months, days, hours, minutes, seconds = (int(group or 0) for group in found.groups())
    length = timedelta(days=365 * years + 30 * months + days, hours=hours, minutes=minutes, seconds=seconds)
    return length if length <= LONGEST else None


def written(value: datetime | timedelta, zone: tzinfo) -> str:
    """As MM7 has it, in ``zone``; raises ValueError for a naive time and a negative duration."""
    if isinstance(value, timedelta):
        if value < timedelta():
            raise ValueError("a duration in the past")
        return f"P{value.days}DT{value.seconds}S"
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    return value.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")
