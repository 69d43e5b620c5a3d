"""Our codec against two that nobody here wrote: python-messaging 0.5.13 and smspdudecoder 2.2.0, both ways.

Where one of them is wrong, a test of its own pins down how, and the generated messages stay out of just that.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from io import StringIO
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from messaging.sms import SmsDeliver, SmsSubmit
from messaging.utils import datetime_to_absolute_validity, timedelta_to_relative_validity
from smspdudecoder.codecs import GSM, UCS2
from smspdudecoder.elements import Date
from smspdudecoder.fields import SMSDeliver, SMSSubmit

from mail2sms.pdu import septets, times, tpdu
from mail2sms.pdu.address import Address, Ton, alphanumeric, written
from mail2sms.pdu.header import Concatenation, concatenation, element
from mail2sms.pdu.layout import UserData
from mail2sms.pdu.text import text_of, user_data
from mail2sms.pdu.tpdu import Deliver, StatusReport, Submit
from mail2sms.segment import GSM_BASIC, GSM_EXTENSION, Coding, split

EXAMPLES = settings(max_examples=800, deadline=None)
SMSC = written("+8613800100500")
AT = datetime(2026, 11, 23, 12, 34, 56, tzinfo=timezone(timedelta(hours=8)))

ALPHABET = {*GSM_BASIC, *GSM_EXTENSION} - {"\x1b"}
BASIC = st.sampled_from([char for char in GSM_BASIC if char != "\x1b"])
EXTENDED = st.sampled_from(list(GSM_EXTENSION))
GSM_TEXT = st.text(BASIC | EXTENDED, min_size=1, max_size=400)
BMP = st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])
NUMBERS = st.builds(
    lambda plus, digits: f"{plus}{digits}", st.sampled_from(["", "+"]), st.text("0123456789", min_size=3, max_size=20)
)
STAMPS = st.builds(
    lambda at, quarters: at.replace(
        microsecond=0, tzinfo=timezone(timedelta(minutes=15 * quarters)) if quarters else UTC
    ),
    st.datetimes(datetime(2000, 1, 2), datetime(2068, 12, 30)),  # noqa: DTZ001  the zone comes behind
    st.integers(-48, 56),
)


def coding_of(text: str) -> Coding:
    """The default alphabet, where it has every character. ESC is none."""
    return Coding.GSM7 if set(text) <= ALPHABET else Coding.UCS2


def submits_of(number: str, text: str, **more: Any) -> list[Submit]:
    coding = coding_of(text)
    found = []
    for segment in split(text, coding=coding):
        dcs, ud = user_data(segment)
        found.append(Submit(da=written(number), dcs=dcs, ud=ud, **more))
    return found


def hidden_escape(header: bytes) -> bool:
    """Whether octets of a header, read as septets, hold ESC."""
    octets = bytes((len(header),)) + header
    return bool(header) and 0x1B in septets.unpack(octets, -(-len(octets) * 8 // 7))


# --- python-messaging


def theirs(number: str, text: str, **more: Any) -> list[str]:
    sms = SmsSubmit(number, text)
    sms.ref, sms.rand_id = 0, 0
    for name, value in more.items():
        setattr(sms, name, value)
    return [pdu.pdu for pdu in sms.to_pdu()]


@EXAMPLES
@given(NUMBERS, GSM_TEXT | st.text(BMP, min_size=1, max_size=70), st.booleans(), st.integers(0, 255))
def test_python_messaging_writes_the_same_octets(number: str, text: str, report: bool, octet: int) -> None:
    ours = submits_of(number, text, status_report=report, vp=octet)
    assume(len(ours) == 1)
    period = times.period_of(octet)
    (pdu,) = theirs(number, text, request_status=report, validity=period)
    assert pdu == tpdu.to_hex(tpdu.encode(ours[0]))


@EXAMPLES
@given(NUMBERS, st.text(BASIC, min_size=161, max_size=700) | st.text("彩邮长短信", min_size=71, max_size=300))
def test_python_messaging_cuts_and_writes_long_ones_alike(number: str, text: str) -> None:
    assume("\r\n" not in text)  # we keep it together
    ours = submits_of(number, text)
    assert theirs(number, text) == [tpdu.to_hex(tpdu.encode(submit)) for submit in ours]
    assert [concatenation(submit.ud.header) for submit in ours] == [
        Concatenation(reference=0, total=len(ours), number=number) for number in range(1, len(ours) + 1)
    ]


@EXAMPLES
@given(NUMBERS, GSM_TEXT | st.text(BMP, min_size=1, max_size=300))
def test_we_read_what_python_messaging_writes(number: str, text: str) -> None:
    parts = [tpdu.decode_submit(tpdu.from_hex(pdu)) for pdu in theirs(number, text)]
    assert {part.da.written for part in parts} == {number}
    if len(parts) == 1:
        assert text_of(parts[0].dcs, parts[0].ud) == text
    elif parts[0].dcs == 8:
        assert "".join([text_of(part.dcs, part.ud) for part in parts]) == text
    else:  # parts may end with half a character, so septets are joined
        assert septets.text_of(b"".join([part.ud.body for part in parts])) == text


@EXAMPLES
@given(NUMBERS, GSM_TEXT | st.text(BMP, max_size=70), STAMPS, st.sampled_from([8, 16]), st.integers(1, 255))
def test_python_messaging_reads_what_we_write(number: str, text: str, at: datetime, bits: int, part: int) -> None:
    coding = coding_of(text)
    assume(text)  # it cannot read an empty one
    text = text[:60]
    header = element(Concatenation(reference=part, total=255, number=part, bits=bits)) if part % 2 else b""
    ud = UserData(header=header, body=coding.encode(text))
    deliver = Deliver(oa=written(number), dcs=0 if coding is Coding.GSM7 else 8, scts=at, ud=ud)
    read = SmsDeliver(tpdu.to_hex(tpdu.encode(deliver), SMSC))
    assert (read.number, read.text, read.csca) == (number, text, SMSC.written)
    assert read.date == at.astimezone(UTC).replace(tzinfo=None)
    if header:
        assert (read.udh.concat.ref, read.udh.concat.cnt, read.udh.concat.seq) == (part, 255, part)


@EXAMPLES
@given(NUMBERS, STAMPS, STAMPS, st.integers(0, 255), st.integers(0, 255))
def test_python_messaging_reads_our_reports(number: str, at: datetime, done: datetime, mr: int, status: int) -> None:
    report = StatusReport(mr=mr, ra=written(number), scts=at, discharge=done, st=status)
    read = SmsDeliver(tpdu.to_hex(tpdu.encode(report))).sr
    assert read == {
        "recipient": number,
        "scts": at.replace(tzinfo=None),  # its local time
        "dt": done.replace(tzinfo=None),
        "status": status,
    }


@EXAMPLES
@given(st.integers(300, 63 * 7 * 86400))
def test_python_messaging_rounds_periods_alike(seconds: int) -> None:
    period = timedelta(seconds=seconds)
    assert timedelta_to_relative_validity(period) == times.octet_of(period)


@EXAMPLES
@given(STAMPS)
def test_python_messaging_writes_absolute_times_alike(at: datetime) -> None:
    assert bytes(datetime_to_absolute_validity(at)) == times.encode_stamp(at)


def test_python_messaging_tears_an_escape_from_its_character() -> None:
    text = "x" * 152 + "€" + "y" * 20  # submit.py compares an int with "\x1b", so the pair is cut
    first, second = (tpdu.decode_submit(tpdu.from_hex(pdu)) for pdu in theirs("13800138000", text))
    assert (first.ud.body[-1:], second.ud.body[:1]) == (b"\x1b", b"e")
    ours = submits_of("13800138000", text)
    assert [text_of(part.dcs, part.ud) for part in ours] == ["x" * 152, "€" + "y" * 20]


def test_python_messaging_cannot_write_beyond_the_first_plane() -> None:
    (pdu,) = theirs("13800138000", "😀")
    with pytest.raises(Exception, match=r"octets|hexadecimal"):  # three digits where two belong
        tpdu.decode_submit(tpdu.from_hex(pdu))


def test_python_messaging_cannot_read_an_empty_text() -> None:
    with pytest.raises(TypeError, match="Unhandled Type"):
        SmsDeliver(tpdu.to_hex(tpdu.encode(Deliver(oa=written("1"), scts=AT))))


def test_python_messaging_adds_an_at_to_senders_of_seven_letters() -> None:
    for length in range(1, 12):
        name = "ABCDEFGHIJK"[:length]
        deliver = Deliver(oa=alphanumeric(name), scts=AT, ud=UserData(body=b"x"))
        read = SmsDeliver(tpdu.to_hex(tpdu.encode(deliver)))
        assert read.number == (name + "@" if length == 7 else name)


# --- smspdudecoder


@EXAMPLES
@given(
    NUMBERS,
    GSM_TEXT | st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.integers(0, 255),
    st.booleans(),
)
def test_smspdudecoder_reads_our_submits(number: str, text: str, mr: int, report: bool) -> None:
    for submit, piece in (
        (submit, text_of(submit.dcs, submit.ud))
        for submit in submits_of(number, text, mr=mr, status_report=report, vp=AT)
    ):
        assume(not _at_is_added(submit.dcs, submit.ud) and not hidden_escape(submit.ud.header))
        read = SMSSubmit.decode(StringIO(tpdu.to_hex(tpdu.encode(submit), SMSC)))
        assert read["smsc"]["number"] == SMSC.text
        assert read["recipient"]["number"] == submit.da.text
        assert (read["recipient"]["toa"]["ton"] == "international") == number.startswith("+")
        assert (read["message-ref"], read["header"]["srr"], read["vp"]) == (mr, report, AT)
        assert read["user_data"]["data"] == piece


@EXAMPLES
@given(
    NUMBERS,
    GSM_TEXT | st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    STAMPS,
    st.sampled_from([8, 16]),
    st.integers(0, 255),
)
def test_smspdudecoder_reads_our_delivers(number: str, text: str, at: datetime, bits: int, reference: int) -> None:
    text = text[:60]
    coding = coding_of(text)
    part = Concatenation(reference=reference, total=9, number=3, bits=bits)
    header = element(part) if reference % 2 else b""
    ud = UserData(header=header, body=coding.encode(text))
    dcs = 0 if coding is Coding.GSM7 else 8
    assume(not _at_is_added(dcs, ud) and not hidden_escape(header if coding is Coding.GSM7 else b""))
    read = SMSDeliver.decode(
        StringIO(tpdu.to_hex(tpdu.encode(Deliver(oa=written(number), dcs=dcs, scts=at, ud=ud)), SMSC))
    )
    assert (read["user_data"]["data"], read["scts"], read["sender"]["number"]) == (text, at, number.removeprefix("+"))
    if header:
        (found,) = read["user_data"]["header"]["elements"]
        assert found["data"] == {"reference": reference, "parts_count": 9, "part_number": 3}


def _at_is_added(dcs: int, ud: UserData) -> bool:
    """It cuts what it read at the number of septets, but counts characters: seven bits left over show as @."""
    whole = -(-(1 + len(ud.header)) * 8 // 7) if ud.header else 0
    return dcs == 0 and (whole + len(ud.body)) % 8 == 7 and 0x1B in ud.body


@EXAMPLES
@given(GSM_TEXT)
def test_smspdudecoder_packs_septets_alike(text: str) -> None:
    codes = Coding.GSM7.encode(text)
    assert GSM.encode(text) == septets.pack(codes).hex().upper()
    assert GSM.decode(septets.pack(codes).hex()) == text + ("@" if len(codes) % 8 == 7 else "")


@EXAMPLES
@given(STAMPS)
def test_smspdudecoder_writes_times_alike(at: datetime) -> None:
    assert bytes.fromhex(Date.encode(at)) == times.encode_stamp(at)
    assert Date.decode(times.encode_stamp(at).hex().upper()) == at


@EXAMPLES
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_smspdudecoder_writes_ucs2_alike(text: str) -> None:
    assert bytes.fromhex(UCS2.encode(text)) == Coding.UCS2.encode(text)


def test_smspdudecoder_adds_an_at_behind_extended_characters() -> None:
    deliver = Deliver(oa=written("1"), scts=AT, ud=UserData(body=Coding.GSM7.encode("12345€")))
    read = SMSDeliver.decode(StringIO(tpdu.to_hex(tpdu.encode(deliver))))
    assert read["user_data"]["data"] == "12345€@"


def test_smspdudecoder_takes_octets_of_a_header_for_an_escape() -> None:
    part = Concatenation(reference=13, total=1, number=1)
    assert any(hidden_escape(element(Concatenation(reference=n, total=9, number=3))) for n in range(256))
    reference = next(n for n in range(256) if hidden_escape(element(Concatenation(reference=n, total=9, number=3))))
    part = Concatenation(reference=reference, total=9, number=3)
    ud = UserData(header=element(part), body=Coding.GSM7.encode("hello"))
    octets = tpdu.encode(Deliver(oa=written("1"), scts=AT, ud=ud))
    assert SMSDeliver.decode(StringIO(tpdu.to_hex(octets)))["user_data"]["data"] != "hello"
    assert SmsDeliver(tpdu.to_hex(octets)).text == "hello"


def test_smspdudecoder_counts_periods_from_nothing() -> None:
    submit = Submit(da=written("1"), vp=0, ud=UserData(body=b"x"))
    assert SMSSubmit.decode(StringIO(tpdu.to_hex(tpdu.encode(submit))))["validity-minutes"] == 0  # 5, says the text
    assert times.period_of(0) == timedelta(minutes=5)


def test_smspdudecoder_adds_an_at_to_senders_of_seven_letters() -> None:
    for length in range(1, 12):
        name = "ABCDEFGHIJK"[:length]
        deliver = Deliver(oa=alphanumeric(name), scts=AT, ud=UserData(body=b"x"))
        read = SMSDeliver.decode(StringIO(tpdu.to_hex(tpdu.encode(deliver))))
        assert read["sender"]["number"] == (name + "@" if length == 7 else name)
        assert Address(text=name, ton=Ton.ALPHANUMERIC, npi=0) == deliver.oa


def test_smspdudecoder_reads_bits_of_the_alphabet_in_every_group() -> None:
    body = Coding.GSM7.encode("hi")
    octets = tpdu.encode(Deliver(oa=written("1"), dcs=0xC8, scts=AT, ud=UserData(body=body)))
    read = SMSDeliver.decode(StringIO(tpdu.to_hex(octets)))
    assert read["dcs"]["encoding"] == "ucs2"  # group 1100 is the default alphabet
    ours = tpdu.decode_from_centre(octets)
    assert isinstance(ours, Deliver)
    assert text_of(ours.dcs, ours.ud) == "hi"
