"""Proofs, MsgIDs and times: small things with many digits."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2sms.smgp import auth
from mail2sms.smgp.msgid import MsgId
from mail2sms.smgp.pdu import Login, LoginResp
from mail2sms.smgp.times import absolute, read_minute, relative

FEBRUARY = datetime(2026, 2, 1, 3, 4, 5)  # noqa: DTZ001  the text wants local digits


def test_the_proof_keeps_the_leading_zero_that_the_number_loses() -> None:
    stamp = auth.timestamp(FEBRUARY)
    assert stamp == 201030405
    octets = b"90123456" + bytes(7) + b"secret" + b"0201030405"
    assert auth.authenticator_client("90123456", "secret", stamp) == hashlib.md5(octets).digest()  # noqa: S324  as the text


def test_the_short_client_id_is_not_padded() -> None:
    octets = b"901" + bytes(7) + b"secret" + b"0201030405"
    assert auth.authenticator_client("901", "secret", 201030405) == hashlib.md5(octets).digest()  # noqa: S324  as the text


def test_the_smgw_proves_itself_over_its_status() -> None:
    proof = bytes(range(16))
    octets = b"\0\0\0\0" + proof + b"secret"
    answer = LoginResp(status=0, authenticator_server=hashlib.md5(octets).digest())  # noqa: S324  as the text
    assert auth.answer_is_proved(answer, proof, "secret")
    assert not auth.answer_is_proved(answer, proof, "other")


def test_a_client_id_that_is_not_ascii_is_no_proof() -> None:
    assert not auth.login_is_proved(Login(client_id="\xff\xfe", authenticator_client=bytes(16), timestamp=1), "secret")


def test_a_msg_id_is_twenty_digits() -> None:
    made = MsgId.made(datetime(2026, 11, 23, 9, 8, tzinfo=UTC), 10_001, 1_000_042)
    assert bytes(made).hex() == "01000111230908000042"
    assert MsgId.unpack(bytes(made)) == made


@pytest.mark.parametrize("octets", ["6495c36ac4ea6b00000b", "0100", ""])
def test_a_msg_id_of_a_peer_need_not_be_one(octets: str) -> None:
    with pytest.raises(ValueError, match="is not 20 digits"):
        MsgId.unpack(bytes.fromhex(octets))


@pytest.mark.parametrize("wrong", [{"smgw": 1_000_000}, {"month": 13}, {"minute": 60}, {"sequence": -1}])
def test_parts_of_a_msg_id_have_bounds(wrong: dict[str, int]) -> None:
    parts = {"smgw": 1, "month": 1, "day": 1, "hour": 1, "minute": 1, "sequence": 1}
    with pytest.raises(ValueError, match="is not below"):
        MsgId(**(parts | wrong))


def test_absolute_times_stand_on_chinese_clocks() -> None:
    assert absolute(datetime(2026, 11, 23, 16, 8, 7, tzinfo=UTC)) == "261124000807032+"


@pytest.mark.parametrize(
    "span, written",
    [
        (timedelta(hours=1), "000000010000000R"),
        (timedelta(days=2, seconds=61), "000002000101000R"),
        (timedelta(seconds=-5), "000000000001000R"),
        (timedelta(days=400), "000099000000000R"),
    ],
)
def test_relative_times(span: timedelta, written: str) -> None:
    assert relative(span) == written


def test_the_minute_of_a_report() -> None:
    assert read_minute("2611230908") == datetime(2026, 11, 23, 1, 8, tzinfo=UTC)


@given(st.text(max_size=12))
def test_a_minute_that_cannot_be_read_is_none(text: str) -> None:
    found = read_minute(text)
    assert found is None or found.tzinfo is not None
