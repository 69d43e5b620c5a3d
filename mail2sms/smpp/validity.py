"""validity_period (SMPP 3.4, 7.1.1): YYMMDDhhmmsstnnp, where p is + or - (absolute) or R (from now on)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MAX_RELATIVE = timedelta(days=31)  # longer ones need months, whose length is anybody's guess


def absolute(until: datetime) -> str:
    """A point in time, in UTC."""
    return until.astimezone(UTC).strftime("%y%m%d%H%M%S") + "000+"


def relative(until: datetime, now: datetime) -> str:
    """From ``now`` on: a second at least, 31 days at most."""
    left_s = int(min(max(until - now, timedelta(seconds=1)), MAX_RELATIVE).total_seconds())
    minutes, seconds = divmod(left_s, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"0000{days:02d}{hours:02d}{minutes:02d}{seconds:02d}000R"
