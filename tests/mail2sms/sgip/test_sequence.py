"""Sequence numbers are reports' only key: no two alike, whatever restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mail2sms.sgip.sequence import CHINA, Sequencer, parts_of, time_of

NEW_YEAR = datetime(2027, 1, 2, 3, 4, 5, tzinfo=CHINA).timestamp()


class Clock:
    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def test_node_and_chinese_time_as_decimal_digits() -> None:
    node, stamp, _ = parts_of(Sequencer(3010099999, Clock(NEW_YEAR)).next())
    assert (node, stamp) == (3010099999, 102030405)  # 0102030405 without its leading zero


def test_node_fits_32_bits_unsigned_only() -> None:
    assert parts_of(Sequencer(0xFFFFFFFF).next())[0] == 0xFFFFFFFF
    with pytest.raises(ValueError, match="node 4294967296 does not fit 4 octets"):
        Sequencer(1 << 32)


def test_none_twice_over_restarts_in_the_same_second_and_other_hosts() -> None:
    clock = Clock(NEW_YEAR)
    made = [sequencer.next() for sequencer in [Sequencer(3010099999, clock) for _ in range(4)] for _ in range(1000)]
    assert len(set(made)) == 4000


def test_none_twice_when_the_clock_stands_or_goes_back() -> None:
    clock = Clock(NEW_YEAR)
    sequencer = Sequencer(1, clock)
    made = [sequencer.next() for _ in range(70_000)]  # more than a second's 65,536: the next second's are taken
    assert parts_of(made[-1])[1] == parts_of(made[0])[1] + 1
    clock.at -= 3600
    made += [sequencer.next() for _ in range(100)]
    clock.at += 3605
    made += [sequencer.next() for _ in range(100)]
    assert len(set(made)) == len(made)
    assert parts_of(made[-1])[1] == parts_of(made[0])[1] + 5
    assert {parts_of(one)[2] >> 16 for one in made} == {parts_of(made[0])[2] >> 16}


def test_expire_time() -> None:
    assert time_of(datetime(2026, 11, 23, 1, 8, 7, tzinfo=UTC)) == "261123090807032+"
    assert time_of(datetime(2026, 11, 22, 20, 8, 7, tzinfo=timezone(timedelta(hours=-5)))) == "261123090807032+"
