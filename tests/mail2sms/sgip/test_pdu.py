"""Each PDU as the text lays it out, and octets that came from others' software."""

from __future__ import annotations

import pytest

from mail2sms.sgip.frame import MAX_SENT_OCTETS, decode, encode
from mail2sms.sgip.pdu import (
    SP_PAYS,
    Bind,
    BindResp,
    Deliver,
    DeliverResp,
    Pdu,
    Report,
    ReportResp,
    Submit,
    SubmitResp,
    Unbind,
    UnbindResp,
    UserRpt,
    UserRptResp,
)
from mail2sms.sgip.sequence import sequence_of

SEQUENCE = sequence_of(3010099999, 1123090807, 7)
SEQUENCE_HEX = "b36a7b1f 42f10177 00000007"


def text(value: str, size: int) -> str:
    return value.encode().ljust(size, b"\0").hex()


TABLE: list[tuple[Pdu, str]] = [
    (
        Bind(login_type=1, login_name="caiyou", login_password="secret"),
        f"0000003d 00000001 {SEQUENCE_HEX} 01 {text('caiyou', 16)} {text('secret', 16)} {'00' * 8}",
    ),
    (BindResp(result=1), f"0000001d 80000001 {SEQUENCE_HEX} 01 {'00' * 8}"),
    (Unbind(), f"00000014 00000002 {SEQUENCE_HEX}"),
    (UnbindResp(), f"00000014 80000002 {SEQUENCE_HEX}"),
    (
        Submit(
            sp_number="10655",
            user_numbers=("8613000000001", "8613000000002"),
            corp_id="99999",
            service_type="MAIL",
            fee_type=2,
            fee_value="10",
            given_value="0",
            agent_flag=1,
            morelateto_mt_flag=2,
            priority=9,
            expire_time="261123090807032+",
            schedule_time="",
            report_flag=1,
            tp_pid=0,
            tp_udhi=1,
            message_coding=8,
            message_type=0,
            message_content=bytes.fromhex("050003070201 5f69"),
        ),
        # 123 + 21 × 2 + 8
        f"000000c1 00000003 {SEQUENCE_HEX} {text('10655', 21)} {text(SP_PAYS, 21)} 02"
        f"{text('8613000000001', 21)} {text('8613000000002', 21)} {text('99999', 5)} {text('MAIL', 10)} 02"
        f"{text('10', 6)} {text('0', 6)} 01 02 09 {text('261123090807032+', 16)} {'00' * 16} 01 00 01 08 00"
        f"00000008 050003070201 5f69 {'00' * 8}",
    ),
    (SubmitResp(result=11), f"0000001d 80000003 {SEQUENCE_HEX} 0b {'00' * 8}"),
    (
        Deliver(user_number="8613000000001", sp_number="10655", message_coding=15, message_content=b"\xb2\xca"),
        # 57 + 2
        f"0000004f 00000004 {SEQUENCE_HEX} {text('8613000000001', 21)} {text('10655', 21)} 00 00 0f"
        f"00000002 b2ca {'00' * 8}",
    ),
    (DeliverResp(), f"0000001d 80000004 {SEQUENCE_HEX} 00 {'00' * 8}"),
    (
        Report(submit_sequence=bytes.fromhex(SEQUENCE_HEX), user_number="8613000000001", state=2, error_code=25),
        f"00000040 00000005 {SEQUENCE_HEX} {SEQUENCE_HEX} 00 {text('8613000000001', 21)} 02 19 {'00' * 8}",
    ),
    (ReportResp(), f"0000001d 80000005 {SEQUENCE_HEX} 00 {'00' * 8}"),
    (
        UserRpt(sp_number="10655", user_number="8613000000001", user_condition=1),
        f"00000047 00000011 {SEQUENCE_HEX} {text('10655', 21)} {text('8613000000001', 21)} 01 {'00' * 8}",
    ),
    (UserRptResp(), f"0000001d 80000011 {SEQUENCE_HEX} 00 {'00' * 8}"),
]


@pytest.mark.parametrize("pdu, octets", TABLE, ids=lambda value: type(value).__name__)
def test_layout(pdu: Pdu, octets: str) -> None:
    assert encode(pdu, SEQUENCE).hex() == bytes.fromhex(octets).hex()
    assert decode(bytes.fromhex(octets)) == (SEQUENCE, pdu, None)


@pytest.mark.parametrize(
    "kind, body",
    [
        (TABLE[0][0], 41),
        (TABLE[1][0], 9),
        (TABLE[2][0], 0),
        (TABLE[4][0], 123 + 2 * 21 + 8),
        (TABLE[8][0], 44),
        (TABLE[10][0], 51),
    ],
    ids=lambda value: type(value).__name__,
)
def test_body_sizes_of_the_text(kind: Pdu, body: int) -> None:
    assert len(encode(kind, 1)) == 20 + body


# Lihuanghe/SMSGate, src/test/java/com/zx/sms/codec/sgip/TestSGIPcodec.java
CAPTURED_SUBMIT = (
    "000000a8000000030000000011f333f26ebb10dd313036353539313235303238000000000000000000000000000000000000000000000000"
    "0000000000000138363138363537313138363336000000000000000036313131380000000000000000000002000000000000000000000000"
    "0000090000000000000000000000000000000000000000000000000000000000000000010000000000000004323333610000000000000000"
)


def test_a_submit_of_other_software() -> None:
    sequence, pdu, forgiven = decode(bytes.fromhex(CAPTURED_SUBMIT))
    assert sequence == sequence_of(0, 0x11F333F2, 0x6EBB10DD)
    assert forgiven is None
    assert pdu == Submit(
        sp_number="106559125028",
        charge_number="",
        user_numbers=("8618657118636",),
        corp_id="61118",
        fee_type=2,
        fee_value="",
        given_value="",
        agent_flag=0,
        morelateto_mt_flag=0,
        priority=9,
        report_flag=1,
        message_coding=0,
        message_content=b"233a",
    )
    assert encode(pdu, sequence).hex() == CAPTURED_SUBMIT


SUBMIT = Submit(
    sp_number="10655", user_numbers=("8613000000001",), corp_id="99999", message_coding=8, message_content=b"\0A"
)


@pytest.mark.parametrize(
    "change, says",
    [
        ({"user_numbers": ()}, "user_numbers: 0 numbers, 1-100 allowed"),
        ({"user_numbers": ("8613000000001",) * 101}, "user_numbers: 101 numbers, 1-100 allowed"),
        ({"message_content": bytes(141)}, "message_content: 141 octets, 140 allowed in coding 8"),
        ({"message_coding": 0, "message_content": bytes(161)}, "message_content: 161 octets, 160 allowed in coding 0"),
        ({"priority": 10}, "priority: 10 is not in 0-9"),
    ],
)
def test_what_may_not_be_sent(change: dict[str, object], says: str) -> None:
    values = {name: getattr(SUBMIT, name) for name in Submit.__slots__}
    with pytest.raises(ValueError, match=says):
        Submit(**(values | change)).check()


@pytest.mark.parametrize(
    "pdu, says",
    [
        (Bind(login_type=1, login_name="n" * 17, login_password=""), "login_name"),
        (Bind(login_type=256, login_name="", login_password=""), "login_type: 256 does not fit 1 octets"),
        (Report(submit_sequence=bytes(11), state=0), "submit_sequence: 11 octets, 12 needed"),
        (UserRpt(sp_number="彩", user_number="", user_condition=0), "sp_number"),
    ],
)
def test_what_does_not_fit(pdu: Pdu, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        encode(pdu, 1)


def test_no_packet_beyond_2_kb_is_sent() -> None:
    """100 numbers alone have 2,100 octets."""
    values = {name: getattr(SUBMIT, name) for name in Submit.__slots__}
    numbers = ("8613000000001",) * 100
    with pytest.raises(ValueError, match=f"Submit: 2245 octets, {MAX_SENT_OCTETS} allowed"):
        encode(Submit(**(values | {"user_numbers": numbers})), 1)
