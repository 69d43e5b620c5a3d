"""Reports: text around ten raw octets, as the text writes them and as carriers do."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from mail2sms.smgp.report import Report, decode_report, encode_report

MSG_ID = bytes.fromhex("01000111230908000042")
# Lihuanghe/SMSGate, src/test/java/com/zx/sms/codec/smgp/TestSMGPMsgIdUtil.java: from a real SMGW.
CAPTURE = bytes.fromhex(
    "69643a6495c36ac4ea6b00000b7375623a30303120646c7672643a303031207375626d69745f646174653a3138303730353232303720646f6e"
    "655f646174653a3138303730353232303720737461743a44454c49565244206572723a303030207478743ad6d0b9fa306138616535"
)


def test_the_report_of_a_real_smgw() -> None:
    assert decode_report(CAPTURE) == Report(
        msg_id=bytes.fromhex("6495c36ac4ea6b00000b"),
        sub="001",
        dlvrd="001",
        submit_date="1807052207",
        done_date="1807052207",
        stat="DELIVRD",
        err="000",
        txt="中国".encode("gbk") + b"0a8ae5",
    )


def test_the_report_as_the_text_has_it() -> None:
    report = Report(
        msg_id=MSG_ID, submit_date="2611230908", done_date="2611230909", stat="DELIVRD", err="000", txt=b"003abc"
    )
    octets = encode_report(report)
    assert octets == (
        b"id:" + MSG_ID + b" sub:001 dlvrd:001 submit date:2611230908 done date:2611230909 stat:DELIVRD err:000 text:"
        b"003abc" + bytes(14)
    )
    assert len(octets) == 122
    assert decode_report(octets) == report


@pytest.mark.parametrize(
    "content",
    [
        b"id:" + MSG_ID + b" Sub:001 Dlvrd:001 Submit date:2611230908 Done date:2611230909 Stat:DELIVRD Err:000 Text:",
        b"id:" + MSG_ID + b"sub:001dlvrd:001submit_date:2611230908done_date:2611230909stat:DELIVRDerr:000txt:",
        b"ID:" + MSG_ID + b" stat: DELIVRD err: 000 sub: 001 dlvrd: 001 submit date: 2611230908 done date: 2611230909",
        b"id:" + MSG_ID.hex().encode() + b" sub:001 dlvrd:001 submit date:2611230908 done date:2611230909"
        b" stat:DELIVRD err:000 text:",
        b"id:" + MSG_ID + b" sub:001 dlvrd:001 submitdate:2611230908 donedate:2611230909 stat:DELIVRD\0 err:000\0",
    ],
    ids=["capitals", "no blanks at all", "another order", "digits", "zeros"],
)
def test_forms_that_are_taken(content: bytes) -> None:
    report = decode_report(content)
    assert (report.msg_id, report.stat, report.err, report.sub) == (MSG_ID, "DELIVRD", "000", "001")
    assert (report.submit_date, report.done_date) == ("2611230908", "2611230909")


@given(st.binary(min_size=10, max_size=10), st.binary(max_size=20))
def test_an_id_and_a_text_of_any_octets(msg_id: bytes, txt: bytes) -> None:
    """Even such as look like keys, blanks or the end."""
    for disguise in (msg_id, b" stat:EXP:", b"id:sub:err", bytes(10), b"          "):
        report = decode_report(encode_report(Report(msg_id=disguise, stat="UNDELIV", err="006", txt=txt)))
        assert (report.msg_id, report.stat, report.err) == (disguise, "UNDELIV", "006")
        assert report.txt == txt.rstrip(b"\0")


@pytest.mark.parametrize(
    "content, why",
    [
        (b"", "begin with id:"),
        (b"DELIVRD", "begin with id:"),
        (b"id:short", "id: 10 octets needed, 5 present"),
        (b"id:" + MSG_ID, "it has no stat"),
        (b"id:" + MSG_ID + b" sub:001 stat: err:000", "it has no stat"),
    ],
)
def test_what_is_no_report(content: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        decode_report(content)


@given(st.binary(max_size=255) | st.binary(max_size=240).map(lambda rest: b"id:" + rest))
def test_nothing_else_is_ever_raised(content: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        decode_report(content)
