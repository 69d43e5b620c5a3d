"""TPDUs against octets from the specification, from others' tests and from the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from caiyou.wire import Reader
from mail2sms.pdu import address, layout, septets, times, tpdu
from mail2sms.pdu.address import Address, Ton, alphanumeric, written
from mail2sms.pdu.coding import Alphabet, DataCoding, data_coding
from mail2sms.pdu.header import Concatenation, Ports, concatenation, element, elements, ports
from mail2sms.pdu.layout import UserData
from mail2sms.pdu.status import Standing, name_of, standing
from mail2sms.pdu.text import text_of, user_data
from mail2sms.pdu.tpdu import Deliver, StatusReport, Submit, Tpdu
from mail2sms.segment import GSM_BASIC, Coding, Segment, split

CHINA = timezone(timedelta(hours=8))
AT = datetime(2026, 11, 23, 12, 34, 56, tzinfo=CHINA)
AT_HEX = "62113221436523"
MOBILE = written("+8613800138000")
MOBILE_HEX = "0d91683108108300f0"

TABLE: list[tuple[str, Tpdu, str]] = [
    (
        "python-messaging's UCS2 sample",
        Submit(status_report=True, da=MOBILE, dcs=8, ud=UserData(body="彩邮你好".encode("utf-16-be"))),
        "21 00" + MOBILE_HEX + "00 08 08 5f6990ae4f60597d",
    ),
    (
        "gammu's, seen on the wire: longest validity, a national number of unknown type",
        Submit(da=written("13800138000"), vp=0xFF, ud=UserData(body=Coding.GSM7.encode("Hello from gammu"))),
        "11 00 0b813108108300f0 00 00 ff 10 c8329bfd0699e5ef36e81c6eb7eb",
    ),
    (
        "a part in septets: header of 6 octets, one fill bit",
        Submit(
            da=MOBILE,
            vp=167,
            ud=UserData(header=bytes.fromhex("0003390202"), body=Coding.GSM7.encode("g text ")),
        ),
        "51 00" + MOBILE_HEX + "00 00 a7 0e 050003390202 ce207a194f07 01",
    ),
    (
        "absolute validity, all bits",
        Submit(
            reject_duplicates=True, status_report=True, reply_path=True, mr=255, da=MOBILE, pid=0x7F, dcs=0xF5, vp=AT
        ),
        "bd ff" + MOBILE_HEX + "7f f5" + AT_HEX + "00",
    ),
    (
        "enhanced validity",
        Submit(da=MOBILE, vp=bytes(range(7))),
        "09 00" + MOBILE_HEX + "00 00 00010203040506 00",
    ),
    (
        "DELIVER with another header: WAP push to port 0B84h",
        Deliver(
            oa=written("10086"),
            dcs=0xF5,
            scts=AT,
            ud=UserData(header=element(Ports(destination=0x0B84, origin=0x23F0)), body=bytes.fromhex("01060403be")),
        ),
        "44 05810180f6 00 f5" + AT_HEX + "0c 0605040b8423f0 01060403be",
    ),
    (
        "DELIVER of letters: smspdudecoder's MMoney; the bit of more messages is inverted",
        Deliver(more_to_send=True, oa=alphanumeric("MMoney"), scts=AT, ud=UserData(body=b"hi")),
        "00 0bd0cde6db5dce03 00 00" + AT_HEX + "02 e834",
    ),
    (
        "STATUS-REPORT, delivered",
        StatusReport(mr=7, ra=MOBILE, scts=AT, discharge=AT, st=0),
        "06 07" + MOBILE_HEX + AT_HEX + AT_HEX + "00",
    ),
    (
        "STATUS-REPORT with optional fields",
        StatusReport(mr=255, ra=MOBILE, scts=AT, discharge=None, st=0x46, rest=bytes.fromhex("0100")),
        "06 ff" + MOBILE_HEX + AT_HEX + "00" * 7 + "46 0100",
    ),
]
NAMES = [name for name, *_ in TABLE]


def decoded(octets: bytes, like: Tpdu) -> Tpdu:
    return tpdu.decode_submit(octets) if isinstance(like, Submit) else tpdu.decode_from_centre(octets)


@pytest.mark.parametrize("name, pdu, octets", TABLE, ids=NAMES)
def test_written_and_read_as_the_octets_say(name: str, pdu: Tpdu, octets: str) -> None:
    assert tpdu.encode(pdu).hex() == octets.replace(" ", "")
    assert decoded(bytes.fromhex(octets), pdu) == pdu


@pytest.mark.parametrize("name, pdu, octets", TABLE, ids=NAMES)
def test_cut_anywhere_is_refused_by_name(name: str, pdu: Tpdu, octets: str) -> None:
    whole = bytes.fromhex(octets)
    end = len(whole) - len(pdu.rest) if isinstance(pdu, StatusReport) else len(whole)
    for cut in range(end):
        with pytest.raises(ProtocolError, match=r"octets needed"):
            decoded(whole[:cut], pdu)


def test_octets_too_many_are_refused() -> None:
    for _, pdu, octets in TABLE:
        if not isinstance(pdu, StatusReport):
            with pytest.raises(ProtocolError, match="1 octets too many"):
                decoded(bytes.fromhex(octets) + b"x", pdu)


def test_length_of_a_submit_counts_no_service_centre() -> None:
    whole = "0891683108100005F021000D91683108108300F00008085F6990AE4F60597D"  # python-messaging: length 22
    octets = tpdu.from_hex(whole)
    assert len(octets) == 22
    assert tpdu.to_hex(octets, written("+8613800010500")).startswith("08916831080001")
    assert tpdu.from_hex(tpdu.to_hex(octets)) == octets
    assert tpdu.to_hex(octets)[:2] == "00"
    for bad in ("", "0", "zz", "ff91", "00" * 0 + "0d" + "91" * 13):
        with pytest.raises(ProtocolError):
            tpdu.from_hex(bad)


def test_classic_deliver_with_a_sign_bit_of_nothing() -> None:
    octets = bytes.fromhex("040b911346610089f60000208062917314080cc8f71d14969741f977fd07")
    deliver = tpdu.decode_from_centre(octets)
    assert isinstance(deliver, Deliver)
    assert (deliver.oa.written, deliver.scts) == ("+31641600986", datetime(2002, 8, 26, 19, 37, 41, tzinfo=UTC))
    assert text_of(deliver.dcs, deliver.ud) == "How are you?"


def test_reserved_type_counts_as_deliver_and_others_are_refused() -> None:
    deliver = tpdu.encode(Deliver(oa=MOBILE, scts=AT, ud=UserData(body=b"x")))
    assert isinstance(tpdu.decode_from_centre(bytes((deliver[0] | 3,)) + deliver[1:]), Deliver)
    with pytest.raises(ProtocolError, match="SUBMIT-REPORT"):
        tpdu.decode_from_centre(b"\x01")
    with pytest.raises(ProtocolError, match="no SUBMIT"):
        tpdu.decode_submit(deliver)


@pytest.mark.parametrize(
    "change, why",
    [
        ({"mr": 256}, "mr: 256 does not fit 1 octet"),
        ({"da": written("1" * 21)}, "da: 21 semi-octets, 20 fit"),
        ({"da": written("+86 138")}, "da: 6 characters, not all of them digits"),
        ({"da": alphanumeric("x" * 12)}, "da: 21 semi-octets, 20 fit"),
        ({"vp": 300}, "vp: 300 does not fit"),
        ({"vp": b"123"}, "vp: 3 octets, 7 needed"),
        ({"ud": UserData(body=bytes(161))}, "ud: length 161, 160 fit"),
        ({"dcs": 4, "ud": UserData(body=bytes(141))}, "ud: length 141, 140 fit"),
        ({"ud": UserData(header=bytes(5), body=bytes(154))}, "ud: length 161, 160 fit"),
        ({"ud": UserData(body=b"\x80")}, "septet 0x80 is over 0x7f"),
        ({"vp": AT.replace(tzinfo=None)}, "a time stamp needs a zone"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        tpdu.encode(Submit(**({"da": MOBILE} | change)))


@pytest.mark.parametrize(
    "octet, means",
    [
        (0x00, DataCoding()),
        (0x10, DataCoding(message_class=0)),
        (0x13, DataCoding(message_class=3)),
        (0x04, DataCoding(alphabet=Alphabet.OCTETS)),
        (0x08, DataCoding(alphabet=Alphabet.UCS2)),
        (0x0C, DataCoding()),  # reserved alphabet
        (0x19, DataCoding(alphabet=Alphabet.UCS2, message_class=1)),
        (0x20, DataCoding(compressed=True)),
        (0x48, DataCoding(alphabet=Alphabet.UCS2)),  # automatic deletion
        (0x80, DataCoding()),  # reserved
        (0xC8, DataCoding(is_waiting=True, waits=True, discard=True)),  # VIVO's: not UCS2, whatever bits 3 and 2 say
        (0xD0, DataCoding(is_waiting=True)),
        (0xE8, DataCoding(alphabet=Alphabet.UCS2, is_waiting=True, waits=True)),
        (0xF0, DataCoding(message_class=0)),
        (0xF5, DataCoding(alphabet=Alphabet.OCTETS, message_class=1)),
    ],
)
def test_groups_of_data_coding(octet: int, means: DataCoding) -> None:
    assert data_coding(octet) == means


def test_every_data_coding_is_read() -> None:
    assert all(data_coding(octet).alphabet in Alphabet for octet in range(256))
    assert not data_coding(0x20).in_septets


@pytest.mark.parametrize(
    "st_, range_, name",
    [
        (0x00, Standing.DONE, "00 received by the handset"),
        (0x1F, Standing.DONE, "1f done"),
        (0x20, Standing.TRYING, "20 congestion"),
        (0x3F, Standing.TRYING, "3f still trying"),
        (0x46, Standing.FAILED, "46 validity period expired"),
        (0x5F, Standing.FAILED, "5f failed"),
        (0x62, Standing.GIVEN_UP, "62 no response from the handset"),
        (0x7F, Standing.GIVEN_UP, "7f given up"),
        (0xFF, Standing.GIVEN_UP, "ff given up"),
    ],
)
def test_ranges_of_status(st_: int, range_: Standing, name: str) -> None:
    assert standing(st_) is range_
    assert name_of(st_) == name


@pytest.mark.parametrize(
    "octet, period",
    [
        (0, timedelta(minutes=5)),
        (143, timedelta(hours=12)),
        (144, timedelta(hours=12, minutes=30)),
        (167, timedelta(hours=24)),
        (168, timedelta(days=2)),
        (196, timedelta(days=30)),
        (197, timedelta(weeks=5)),
        (255, timedelta(weeks=63)),
    ],
)
def test_validity_periods(octet: int, period: timedelta) -> None:
    assert times.period_of(octet) == period
    assert times.octet_of(period) == octet
    assert times.octet_of(period + timedelta(seconds=59)) == octet


def test_validity_is_never_longer_than_asked() -> None:
    for octet in range(256):
        assert times.octet_of(times.period_of(octet)) == octet
    for minutes in range(5, 24 * 60 * 40, 7):
        assert times.period_of(times.octet_of(timedelta(minutes=minutes))) <= timedelta(minutes=minutes)
    assert times.octet_of(timedelta(0)) == times.octet_of(timedelta(seconds=-5)) == 0
    assert times.octet_of(timedelta(days=9999)) == 255


@pytest.mark.parametrize("zone", [-12, -3.5, -0.25, 0, 5.75, 8, 14])
def test_zones(zone: float) -> None:
    at = AT.astimezone(timezone(timedelta(hours=zone)))
    assert times.decode_stamp(times.encode_stamp(at)) == at


@pytest.mark.parametrize("octets", ["00" * 7, "ff" * 7, "6231322143652a", "62113221a36523", "62113921436500"])
def test_impossible_stamps_are_none(octets: str) -> None:
    assert times.decode_stamp(bytes.fromhex(octets)) is None


def test_last_century_is_read() -> None:
    found = times.decode_stamp(bytes.fromhex("99113221436500"))
    assert found is not None
    assert found.year == 1999


def test_headers() -> None:
    part = Concatenation(reference=0x1234, total=3, number=2, bits=16)
    header = element(part) + element(Ports(destination=2948, origin=9200))
    assert header.hex() == "080412340302" + "05040b8423f0"
    assert (concatenation(header), ports(header)) == (part, Ports(destination=2948, origin=9200))
    assert concatenation(element(Concatenation(reference=9, total=2, number=1))) == Concatenation(
        reference=9, total=2, number=1
    )
    assert ports(bytes.fromhex("04028422")) == Ports(destination=0x84, origin=0x22)
    for senseless in ("0003050201" + "00", "0003050200", "0003050203", "0002", "00", "080305", "0003"):
        assert concatenation(bytes.fromhex(senseless)) in (None, Concatenation(reference=5, total=2, number=1))
    assert list(elements(bytes.fromhex("700102" + "00"))) == [(0x70, b"\x02")]
    with pytest.raises(ValueError, match="does not fit"):
        element(Concatenation(reference=256, total=2, number=1))


def test_header_longer_than_the_data_is_none() -> None:
    octets = tpdu.encode(Deliver(oa=MOBILE, dcs=4, scts=AT, ud=UserData(header=b"\x70\x01\x02", body=b"abc")))
    broken = octets[:-7] + b"\x63" + octets[-6:]
    found = tpdu.decode_from_centre(broken)
    assert isinstance(found, Deliver)
    assert found.ud == UserData(body=b"\x63" + octets[-6:])


def test_default_alphabet_to_the_last_code() -> None:
    for code, char in enumerate(GSM_BASIC):
        if code != 0x1B:
            assert septets.text_of(bytes((code,))) == char
    assert septets.text_of(b"\x1b\x65\x1b\x14") == "€^"
    assert septets.text_of(b"\x1b\x61") == "a"  # not in the extension table
    assert septets.text_of(b"\x1b\x1b") == " "
    assert septets.text_of(b"x\x1b") == "x "


@pytest.mark.parametrize("length", range(9))
def test_names_of_every_length(length: int) -> None:
    name = alphanumeric("CaiYou12"[:length])
    assert address.decode(Reader(address.encode(name, "oa")), "oa") == name


@pytest.mark.parametrize(
    "text, dcs, body",
    [
        ("Hello {€}", 0, "Hello \x1b(\x1be\x1b)"),
        ("彩邮😀", 8, "5f6990aed83dde00"),
        ("tick `", 8, "007400690063006b00200060"),
        ("plain", 0, "plain"),
    ],
)
def test_user_data_of_a_segment(text: str, dcs: int, body: str) -> None:
    coding = Coding.UCS2 if dcs else Coding.GSM7
    found, ud = user_data(Segment(text=text, coding=coding))
    assert (found, ud.body) == (dcs, bytes.fromhex(body) if dcs else body.encode("latin-1"))
    assert text_of(found, ud) == text
    if text == "plain":
        assert user_data(Segment(text=text, coding=Coding.LATIN)) == (dcs, ud)


def test_data_shows_as_hexadecimal() -> None:
    assert text_of(0x04, UserData(body=b"\x01\xff")) == "01ff"
    assert text_of(0x20, UserData(body=b"\x01\xff")) == "01ff"
    assert text_of(0x00, UserData(header=element(Ports(destination=2948, origin=1)), body=b"ab")) == "6162"


@pytest.mark.parametrize("coding", [None, Coding.GSM7, Coding.UCS2])
def test_every_part_of_a_long_text_fits(coding: Coding | None) -> None:
    parts = split("彩邮 [long] " * 60 if coding is Coding.UCS2 else "long [text] ~ " * 60, reference=77, coding=coding)
    assert len(parts) > 2
    texts = []
    for segment in parts:
        dcs, ud = user_data(segment)
        found = tpdu.decode_submit(tpdu.encode(Submit(da=MOBILE, dcs=dcs, ud=ud)))
        part = concatenation(found.ud.header)
        assert part == Concatenation(reference=77, total=len(parts), number=segment.number)
        texts.append(text_of(found.dcs, found.ud))
    assert texts == [segment.text for segment in parts]


# --- whatever comes

GSM_TEXT = st.text(st.sampled_from([*(char for char in GSM_BASIC if char != "\x1b"), *"^{}\\[~]|€\f"]), max_size=76)
DIGITS = st.text("0123456789*#abc", max_size=20)
ADDRESSES = st.builds(
    Address,
    text=DIGITS,
    ton=st.sampled_from([ton for ton in Ton if ton is not Ton.ALPHANUMERIC]),
    npi=st.integers(0, 15),
) | st.builds(alphanumeric, st.text("ABCxyz 0189", max_size=11))
ZONES = st.integers(-48, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)) if quarters else UTC)
STAMPS = st.none() | st.builds(
    lambda at, zone: at.replace(microsecond=0, tzinfo=zone),
    st.datetimes(datetime(1990, 1, 1), datetime(2089, 12, 31)),  # noqa: DTZ001  the zone comes behind
    ZONES,
)
HEADERS = st.just(b"") | st.binary(min_size=1, max_size=20)
CONTENTS = st.one_of(
    st.tuples(st.just(0), HEADERS, GSM_TEXT.map(lambda text: Coding.GSM7.encode(text)[:130])),
    st.tuples(st.sampled_from([4, 0xF6, 0x24]), HEADERS, st.binary(max_size=110)),
    st.tuples(
        st.sampled_from([8, 0x18, 0xE0]), HEADERS, st.text(max_size=25).map(lambda t: t.encode("utf-16-be", "replace"))
    ),
)


def _with(content: tuple[int, bytes, bytes]) -> dict[str, Any]:
    dcs, header, body = content
    return {"dcs": dcs, "ud": UserData(header=header, body=body)}


BIT, OCTET = st.booleans(), st.integers(0, 255)
SUBMITS = st.builds(
    lambda content, **rest: Submit(**rest, **_with(content)),
    CONTENTS,
    reject_duplicates=BIT,
    status_report=BIT,
    reply_path=BIT,
    mr=OCTET,
    da=ADDRESSES,
    pid=OCTET,
    vp=st.none() | OCTET | STAMPS.filter(lambda at: at is not None) | st.binary(min_size=7, max_size=7),
)
DELIVERS = st.builds(
    lambda content, **rest: Deliver(**rest, **_with(content)),
    CONTENTS,
    more_to_send=BIT,
    is_forwarded=BIT,
    status_report=BIT,
    reply_path=BIT,
    oa=ADDRESSES,
    pid=OCTET,
    scts=STAMPS,
)
REPORTS = st.builds(
    StatusReport, more_to_send=BIT, of_command=BIT, mr=OCTET, ra=ADDRESSES, scts=STAMPS, discharge=STAMPS, st=OCTET
)


@settings(max_examples=600, deadline=None)
@given(st.one_of(SUBMITS, DELIVERS, REPORTS))
def test_round_trip(pdu: Tpdu) -> None:
    octets = tpdu.encode(pdu)
    assert decoded(octets, pdu) == pdu
    assert tpdu.encode(decoded(octets, pdu)) == octets


@settings(max_examples=1500, deadline=None)
@given(st.binary(max_size=180))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    for read in (tpdu.decode_submit, tpdu.decode_from_centre):
        try:
            found: Any = read(octets)
        except ProtocolError:
            continue
        if not isinstance(found, StatusReport):
            text_of(found.dcs, found.ud)
            concatenation(found.ud.header)


@settings(max_examples=800, deadline=None)
@given(st.one_of(SUBMITS, DELIVERS, REPORTS), st.data())
def test_mutated_tpdus_are_read_or_refused(pdu: Tpdu, data: st.DataObject) -> None:
    octets = bytearray(tpdu.encode(pdu))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(octets) - 1))
        octets[position] = data.draw(OCTET)
    test_any_octets_are_read_or_refused.hypothesis.inner_test(bytes(octets))  # type: ignore[attr-defined]


def test_declared_once() -> None:
    assert [name for name, _ in layout.declared(Submit)] == [
        *("reject_duplicates", "status_report", "reply_path", "mr", "da", "pid", "dcs", "vp", "ud")
    ]
