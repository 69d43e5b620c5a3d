"""Times in a TPDU: time stamps (3GPP TS 23.040, 9.2.3.11) and validity periods (9.2.3.12)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

STAMP_OCTETS = 7
_QUARTER = timedelta(minutes=15)
_CENTURY = 90  # two-digit years from here on are of the last century

# First and last octet of a range, what the first means, and how much each further one adds.
_PERIODS = (
    (0, 143, timedelta(minutes=5), timedelta(minutes=5)),
    (144, 167, timedelta(hours=12, minutes=30), timedelta(minutes=30)),
    (168, 196, timedelta(days=2), timedelta(days=1)),
    (197, 255, timedelta(weeks=5), timedelta(weeks=1)),
)


def encode_stamp(at: datetime | None) -> bytes:
    """Seven octets, local time and its zone in quarters of an hour; None: all 0. ``at`` is aware."""
    if at is None:
        return bytes(STAMP_OCTETS)
    offset = at.utcoffset()
    if offset is None:
        raise ValueError("a time stamp needs a zone")
    quarters = abs(offset) // _QUARTER
    pairs = (at.year % 100, at.month, at.day, at.hour, at.minute, at.second, quarters)
    octets = bytearray(pair // 10 | pair % 10 << 4 for pair in pairs)
    if offset < timedelta(0):
        octets[-1] |= 0x08
    return bytes(octets)


def decode_stamp(octets: bytes) -> datetime | None:
    """The time; None where the octets are none, as some service centres send."""
    zone = octets[6]
    pairs = [(octet & 15, octet >> 4) for octet in (*octets[:6], zone & 0xF7)]
    if any(digit > 9 for pair in pairs for digit in pair):
        return None
    year, month, day, hour, minute, second, quarters = (tens * 10 + ones for tens, ones in pairs)
    offset = -quarters * _QUARTER if zone & 0x08 else quarters * _QUARTER
    try:
        year += 1900 if year >= _CENTURY else 2000
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset) if offset else UTC)
    except ValueError:
        return None


def period_of(octet: int) -> timedelta:
    """What a relative validity period of 0-255 means: 5 minutes to 63 weeks."""
    first, _, base, step = next(row for row in reversed(_PERIODS) if row[0] <= octet)
    return base + (octet - first) * step


def octet_of(period: timedelta) -> int:
    """The longest relative validity period that is not over ``period``; 0 (5 minutes) where all are."""
    for first, last, base, step in reversed(_PERIODS):
        if period >= base:
            return min(first + (period - base) // step, last)
    return 0
