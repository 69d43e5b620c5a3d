from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mail2sms.pace import LONGEST_PAUSE_S, Backoff, Pace


def _run(pace: Pace, start: float, seconds: float, step: float = 0.01, most: int = 1 << 20) -> int:
    """Send whatever is permitted; how many went."""
    sent = 0
    for turn in range(int(seconds / step)):
        now = start + turn * step
        count = min(pace.permits(now), most)
        if count:
            pace.sent(now, count)
            sent += count
    return sent


def test_without_a_limit_everything_goes() -> None:
    assert Pace(0, 0.0).permits(0.0) > 1_000_000


def test_a_limit_is_kept_and_reached() -> None:
    assert 95 <= _run(Pace(10, 0.0), 0.0, 10.0) <= 101
    assert 4900 <= _run(Pace(500, 0.0), 0.0, 10.0) <= 5030
    assert 2 <= _run(Pace(0.5, 0.0), 0.0, 5.0) <= 4


def test_idle_time_is_not_saved_up() -> None:
    pace = Pace(100, 0.0)
    assert pace.permits(3600.0) <= 5


def test_a_complaint_stops_then_halves_then_grows_back() -> None:
    pace = Pace(0, 0.0)
    assert _run(pace, 0.0, 3.0, most=10) == 3000  # 1000 a second
    pace.complain(3.0)
    assert pace.permits(3.0) == 0
    assert 0 < pace.wait_s(3.0) <= 1
    assert 250 <= _run(pace, 3.2, 1.0) <= 620
    assert _run(pace, 10.0, 1.0) > 600
    assert pace.permits(40.0) > 1_000_000


def test_complaints_about_what_was_under_way_count_once() -> None:
    pace = Pace(100, 0.0)
    _run(pace, 0.0, 2.0)
    pace.complain(2.0)
    rate = pace.rate
    for number in range(15):
        pace.complain(2.0 + number * 0.001)
    assert pace.rate == rate


@given(st.floats(0.5, 10_000), st.lists(st.floats(0.0, 5.0), max_size=50))
def test_it_never_stands_still_and_never_exceeds_its_limit(limit: float, gaps: list[float]) -> None:
    pace = Pace(limit, 0.0)
    now = 0.0
    for gap in gaps:
        now += gap
        if pace.permits(now):
            pace.sent(now)
        pace.complain(now)
        assert 0 < pace.rate <= max(limit, 1.0)
        assert pace.wait_s(now) <= LONGEST_PAUSE_S + 1.0 / min(pace.rate, 1.0) + 1.0
    assert pace.permits(now + 60.0) > 0


def test_backoff_doubles_up_to_its_end_and_starts_again() -> None:
    backoff = Backoff(1.0, 8.0)
    for most in (1.0, 2.0, 4.0, 8.0, 8.0):
        assert most / 2 <= backoff.pause_s() <= most
    backoff.reset()
    assert backoff.pause_s() <= 1.0
