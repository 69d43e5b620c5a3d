from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2sms.cmpp.msgid import MsgId, nth


def test_msg_id_of_a_real_ismg() -> None:
    parts = MsgId.unpack(0xBB8E9ADFB3690249)
    assert (parts.month, parts.day, parts.hour, parts.minute, parts.second) == (11, 23, 3, 41, 43)
    assert (parts.ismg, parts.sequence) == (2077545, 585)


@given(st.integers(0, 2**64 - 1))
def test_every_number_has_parts_that_make_it_again(number: int) -> None:
    assert int(MsgId.unpack(number)) == number


def test_made_id_reads_back() -> None:
    at = datetime(2026, 12, 31, 23, 59, 58)  # noqa: DTZ001
    parts = MsgId.made(at, 4_194_303, 65_536 + 7)
    assert parts == MsgId(month=12, day=31, hour=23, minute=59, second=58, ismg=4_194_303, sequence=7)


def test_impossible_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="ismg: 4194304 does not fit 22 bits"):
        MsgId.made(datetime(2026, 1, 1), 4_194_304, 0)  # noqa: DTZ001


def test_ids_of_a_group_count_on_round_their_16_bits() -> None:
    assert [nth(0xABCD_FFFE, i) for i in range(4)] == [0xABCD_FFFE, 0xABCD_FFFF, 0xABCD_0000, 0xABCD_0001]
