"""Tables of (PDU, octets), written from the field lists of CMPP 3.0.0 (8.4) and its revision table for 2.0."""

import pytest

from caiyou.errors import ProtocolError
from mail2sms.cmpp.codes import Version
from mail2sms.cmpp.frame import decode, decode_report, encode, encode_report
from mail2sms.cmpp.pdu import (
    ActiveTest,
    ActiveTestResp,
    Cancel,
    CancelResp,
    Connect,
    ConnectResp,
    Deliver,
    DeliverResp,
    Pdu,
    Query,
    QueryResp,
    Report,
    Submit,
    SubmitResp,
    Terminate,
    TerminateResp,
)

V20, V30 = Version.V20, Version.V30


def padded(text: str, size: int) -> str:
    """Hexadecimal digits of a text, padded right with 0x00."""
    return text.encode().ljust(size, b"\0").hex()


PROOF = bytes(range(16))
MSG_ID = 0xBB8E9ADFB3690249
SUBMIT = Submit(
    msg_id=0,
    pk_total=2,
    pk_number=1,
    registered_delivery=1,
    msg_level=3,
    service_id="MAIL",
    fee_user_type=3,
    fee_terminal_id="13800138000",
    tp_pid=0,
    tp_udhi=1,
    msg_fmt=8,
    msg_src="901234",
    fee_type="02",
    fee_code="000010",
    valid_time="261123120000032+",
    at_time="",
    src_id="106588780001",
    dest_terminal_ids=("13800138000", "8613900139000"),
    msg_content=bytes.fromhex("0500032a0201") + "彩邮".encode("utf-16-be"),
)
SUBMIT_HEAD = "0000000000000000 02 01 01 03" + padded("MAIL", 10) + "03"
SUBMIT_MIDDLE = (
    "00 01 08"
    + padded("901234", 6)
    + padded("02", 2)
    + padded("000010", 6)
    + padded("261123120000032+", 17)
    + "00" * 17
)
SUBMIT_CONTENT = "0a 0500032a0201 5f6990ae"
REPORT = Report(
    msg_id=MSG_ID,
    stat="DELIVRD",
    submit_time="2611230343",
    done_time="2611230344",
    dest_terminal_id="8613800138000",
    smsc_sequence=585,
)
REPORT_HEAD = "bb8e9adfb3690249" + padded("DELIVRD", 7) + padded("2611230343", 10) + padded("2611230344", 10)

TABLE: list[tuple[Pdu, Version, int, str]] = [
    (
        Connect(source_addr="901234", authenticator_source=PROOF, version=0x30, timestamp=201030405),
        V30,
        39,
        "00000027 00000001 00000007" + padded("901234", 6) + PROOF.hex() + "30 0bfb7b05",
    ),
    (
        ConnectResp(status=0, authenticator_ismg=PROOF, version=0x30),
        V30,
        33,
        "00000021 80000001 00000007 00000000" + PROOF.hex() + "30",
    ),
    (
        ConnectResp(status=3, version=0x20),
        V20,
        30,
        "0000001e 80000001 00000007 03" + "00" * 16 + "20",
    ),
    (Terminate(), V30, 12, "0000000c 00000002 00000007"),
    (TerminateResp(), V30, 12, "0000000c 80000002 00000007"),
    (
        SUBMIT,
        V30,
        163 + 2 * 32 + 10,
        "000000ed 00000004 00000007"
        + SUBMIT_HEAD
        + padded("13800138000", 32)
        + "00"
        + SUBMIT_MIDDLE
        + padded("106588780001", 21)
        + "02"
        + padded("13800138000", 32)
        + padded("8613900139000", 32)
        + "00"
        + SUBMIT_CONTENT
        + "00" * 20,
    ),
    (
        SUBMIT,
        V20,
        138 + 2 * 21 + 10,
        "000000be 00000004 00000007"
        + SUBMIT_HEAD
        + padded("13800138000", 21)
        + SUBMIT_MIDDLE
        + padded("106588780001", 21)
        + "02"
        + padded("13800138000", 21)
        + padded("8613900139000", 21)
        + SUBMIT_CONTENT
        + "00" * 8,
    ),
    (
        SubmitResp(msg_id=MSG_ID, result=8),
        V30,
        24,
        "00000018 80000004 00000007 bb8e9adfb3690249 00000008",
    ),
    (SubmitResp(msg_id=MSG_ID, result=8), V20, 21, "00000015 80000004 00000007 bb8e9adfb3690249 08"),
    (
        Deliver(
            msg_id=MSG_ID,
            dest_id="10658878",
            service_id="MAIL",
            tp_udhi=0x40,
            msg_fmt=15,
            src_terminal_id="13800138000",
            src_terminal_type=1,
            msg_content="是".encode("gbk"),
            link_id="L1",
        ),
        V30,
        111,
        "0000006f 00000005 00000007 bb8e9adfb3690249"
        + padded("10658878", 21)
        + padded("MAIL", 10)
        + "00 40 0f"
        + padded("13800138000", 32)
        + "01 00 02 cac7"
        + padded("L1", 20),
    ),
    (
        Deliver(msg_id=MSG_ID, dest_id="10658878", src_terminal_id="13800138000", msg_content=b"OK"),
        V20,
        87,
        "00000057 00000005 00000007 bb8e9adfb3690249"
        + padded("10658878", 21)
        + "00" * 10
        + "00 00 00"
        + padded("13800138000", 21)
        + "00 02 4f4b"
        + "00" * 8,
    ),
    (DeliverResp(msg_id=MSG_ID), V30, 24, "00000018 80000005 00000007 bb8e9adfb3690249 00000000"),
    (DeliverResp(msg_id=MSG_ID, result=9), V20, 21, "00000015 80000005 00000007 bb8e9adfb3690249 09"),
    (
        Query(time="20261123", query_type=1, query_code="MAIL"),
        V30,
        39,
        "00000027 00000006 00000007" + padded("20261123", 8) + "01" + padded("MAIL", 10) + "00" * 8,
    ),
    (
        QueryResp(time="20261123", mt_tl_msg=1, mt_tl_usr=2, mt_scs=3, mt_wt=4, mt_fl=5, mo_scs=6, mo_wt=7, mo_fl=8),
        V20,
        63,
        "0000003f 80000006 00000007"
        + padded("20261123", 8)
        + "00"
        + "00" * 10
        + "".join(f"{count:08x}" for count in range(1, 9)),
    ),
    (Cancel(msg_id=MSG_ID), V30, 20, "00000014 00000007 00000007 bb8e9adfb3690249"),
    (CancelResp(success_id=1), V30, 16, "00000010 80000007 00000007 00000001"),
    (CancelResp(success_id=1), V20, 13, "0000000d 80000007 00000007 01"),
    (ActiveTest(), V30, 12, "0000000c 00000008 00000007"),
    (ActiveTestResp(), V30, 13, "0000000d 80000008 00000007 00"),
]
NAMES = [f"{type(pdu).__name__}-{version:x}" for pdu, version, *_ in TABLE]


@pytest.mark.parametrize("pdu, version, size, octets", TABLE, ids=NAMES)
def test_pdu_is_written_as_the_text_says(pdu: Pdu, version: Version, size: int, octets: str) -> None:
    assert encode(pdu, 7, version) == bytes.fromhex(octets)
    assert len(bytes.fromhex(octets)) == size


@pytest.mark.parametrize("pdu, version, size, octets", TABLE, ids=NAMES)
def test_pdu_is_read_as_the_text_says(pdu: Pdu, version: Version, size: int, octets: str) -> None:
    assert decode(bytes.fromhex(octets), version) == (7, pdu, version, None)


@pytest.mark.parametrize("pdu, version, size, octets", TABLE, ids=NAMES)
def test_pdu_cut_anywhere_is_refused_by_name(pdu: Pdu, version: Version, size: int, octets: str) -> None:
    whole = bytes.fromhex(octets)
    for cut in range(12, size):
        shorter = cut.to_bytes(4, "big") + whole[4:cut]
        try:
            frame = decode(shorter, version)
        except ProtocolError as error:
            assert "octets needed" in str(error)  # noqa: PT017  the few cuts below must not raise
        else:  # what is left is a whole PDU in the other layout, or the one octet that may be missing
            assert frame.layout is not version or isinstance(frame.pdu, ActiveTestResp)
            assert frame.forgiven


def test_sizes_are_those_seen_on_the_wire() -> None:
    one = Submit(msg_fmt=8, msg_src="901234", src_id="1", dest_terminal_ids=("1",), msg_content=bytes(30))
    assert len(encode(one, 1, V30)) == 225
    two = Submit(msg_fmt=8, msg_src="901234", src_id="1", dest_terminal_ids=("1",), msg_content=bytes(8))
    assert len(encode(two, 1, V20)) == 167


def test_report_has_71_octets_in_30_and_60_in_20() -> None:
    new = bytes.fromhex(REPORT_HEAD + padded("8613800138000", 32) + "00000249")
    old = bytes.fromhex(REPORT_HEAD + padded("8613800138000", 21) + "00000249")
    assert (len(new), len(old)) == (71, 60)
    assert encode_report(REPORT, V30) == new
    assert encode_report(REPORT, V20) == old
    assert decode_report(new) == decode_report(old) == REPORT


def test_report_with_octets_behind_it_is_read_and_a_cut_one_is_not() -> None:
    assert decode_report(encode_report(REPORT, V30) + bytes(9)) == REPORT
    assert decode_report(encode_report(REPORT, V20) + bytes(9)) == REPORT
    with pytest.raises(ProtocolError, match=r"^smsc_sequence: 4 octets needed, 3 present$"):
        decode_report(encode_report(REPORT, V20)[:-1])


@pytest.mark.parametrize(
    "change, why",
    [
        ({"service_id": "elevenchars"}, "service_id: 'elevenchars' is not ASCII of at most 10 octets"),
        ({"msg_src": "短信"}, "msg_src: '短信' is not ASCII"),
        ({"pk_total": 256}, "pk_total: 256 does not fit 1 octets"),
        ({"msg_level": -1}, "msg_level: -1 does not fit 1 octets"),
        ({"msg_id": 1 << 64}, "msg_id: 18446744073709551616 does not fit 8 octets"),
        ({"dest_terminal_ids": ("8613800138000", "1" * 33)}, "dest_terminal_ids: '1{33}' is not ASCII of at most 32"),
        ({"msg_content": bytes(256)}, "msg_content: 256 octets, 255 fit"),
        ({"dest_terminal_ids": ("1",) * 256}, "dest_terminal_ids: 256 numbers, 255 fit"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, object], why: str) -> None:
    values: dict[str, object] = {
        "msg_fmt": 8,
        "msg_src": "901234",
        "src_id": "1",
        "dest_terminal_ids": ("1",),
        "msg_content": b"",
    }
    submit = Submit(**(values | change))  # type: ignore[arg-type]  # the table's values are of any type
    with pytest.raises(ValueError, match=why):
        encode(submit, 1, V30)


def test_long_number_fits_30_and_not_20() -> None:
    submit = Submit(msg_fmt=0, msg_src="901234", src_id="1", dest_terminal_ids=("9" * 22,), msg_content=b"")
    assert len(encode(submit, 1, V30)) == 195
    with pytest.raises(ValueError, match="at most 21 octets"):
        encode(submit, 1, V20)


def test_proof_must_have_its_16_octets() -> None:
    with pytest.raises(ValueError, match=r"authenticator_source: 15 octets, 16 needed"):
        encode(Connect(source_addr="1", authenticator_source=bytes(15), version=0x30, timestamp=1), 1, V30)


@pytest.mark.parametrize(
    "change",
    [
        {"dest_terminal_ids": ()},
        {"dest_terminal_ids": ("1",) * 100},
        {"msg_content": bytes(141)},
        {"msg_fmt": 0, "msg_content": bytes(160)},
        {"pk_number": 2},
        {"pk_number": 0},
    ],
)
def test_submit_that_the_text_forbids_may_not_be_sent(change: dict[str, object]) -> None:
    values: dict[str, object] = {
        "msg_fmt": 8,
        "msg_src": "901234",
        "src_id": "1",
        "dest_terminal_ids": ("1",) * 99,
        "msg_content": bytes(140),
    }
    Submit(**values).check()  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"allowed|is not in"):
        Submit(**(values | change)).check()  # type: ignore[arg-type]
