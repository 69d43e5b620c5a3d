"""ValidTime and AtTime: 16 characters as SMPP 3.3 writes them (SMGP 3.0.3, 6.2.17)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
_QUARTERS = "32+"  # hours of that zone before UTC, in quarters
_DAY = timedelta(days=1)
LONGEST = 99 * _DAY  # months and years have no fixed length, so days must do


def absolute(at: datetime) -> str:
    """YYMMDDhhmmss, a tenth of a second, 32+: that moment (aware) on Chinese clocks."""
    return f"{at.astimezone(CHINA):%y%m%d%H%M%S}0{_QUARTERS}"


def relative(span: timedelta) -> str:
    """0000DDhhmmss000R: so long from when it is taken; 1 s to 99 days, others are drawn to the nearer of these."""
    seconds = int(min(max(span, timedelta(seconds=1)), LONGEST).total_seconds())
    days, rest = divmod(seconds, 86_400)
    return f"0000{days:02}{rest // 3600:02}{rest // 60 % 60:02}{rest % 60:02}000R"


def read_minute(text: str) -> datetime | None:
    """YYMMDDhhmm of a report, aware; None where it cannot be read (carriers leave it empty, or zero)."""
    try:  # strptime takes ten times as long
        return datetime.fromisoformat(f"20{text[:6]}T{text[6:10]}").replace(tzinfo=CHINA)
    except ValueError:
        return None
