"""validity_period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mail2sms.smpp.validity import absolute, relative

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(days=1), "000001000000000R"),
        (timedelta(hours=23, minutes=59, seconds=58), "000000235958000R"),
        (timedelta(days=7), "000007000000000R"),
        (timedelta(milliseconds=1), "000000000001000R"),
        (timedelta(days=-3), "000000000001000R"),
        (timedelta(days=400), "000031000000000R"),
    ],
)
def test_from_now_on(left: timedelta, text: str) -> None:
    assert relative(NOW + left, NOW) == text
    assert len(text) == 16


def test_a_point_in_time_is_in_utc() -> None:
    china = timezone(timedelta(hours=8))
    assert absolute(datetime(2026, 3, 1, 20, 0, 5, tzinfo=china)) == "260301120005000+"
