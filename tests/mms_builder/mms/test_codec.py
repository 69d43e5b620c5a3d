"""Values and PDUs octet by octet, after OMA-MMS-ENC 1.2 and WAP-230-WSP; what is forgiven and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from caiyou.errors import ProtocolError
from caiyou.wire import Reader
from mms_builder.mms import (
    INSERT_ADDRESS,
    AcknowledgeInd,
    Address,
    Charset,
    ContentType,
    DeliveryInd,
    ForwardConf,
    ForwardReq,
    MessageClass,
    NotificationInd,
    NotifyRespInd,
    Part,
    Pdu,
    Priority,
    ReadOrigInd,
    ReadRecInd,
    ReadStatus,
    ResponseStatus,
    RetrieveConf,
    RetrieveStatus,
    SendConf,
    SendReq,
    Status,
    Version,
    decode,
    encode,
    is_transient,
)
from mms_builder.mms.wsp import integer_value, long_integer, read_uintvar, short_integer, uintvar, with_length

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STAMP = "046B042AC0"  # AT
PHONE = Address(value="+8613800138000", kind="PLMN")
PHONE_HEX = b"+8613800138000/TYPE=PLMN\0".hex()


def raw(*pieces: str | bytes) -> bytes:
    return b"".join(one if isinstance(one, bytes) else bytes.fromhex(one) for one in pieces)


def test_stamp() -> None:
    assert int(AT.timestamp()) == 0x6B042AC0


@pytest.mark.parametrize(
    "value, octets",
    [(0, "00"), (0x7F, "7F"), (0x80, "8100"), (0x87A5, "828F25"), (0x3FFF, "FF7F"), (0xFFFFFFFF, "8FFFFFFF7F")],
)
def test_uintvar(value: int, octets: str) -> None:
    """0x87A5 is the example of WAP-230, 8.1.2."""
    assert uintvar(value) == bytes.fromhex(octets)
    assert read_uintvar(Reader(bytes.fromhex(octets)), "it") == value


def test_uintvar_is_bounded() -> None:
    with pytest.raises(ProtocolError, match="more than 5 octets"):
        read_uintvar(Reader(b"\xff" * 20), "it")
    with pytest.raises(ProtocolError, match="it: 1 octets needed"):
        read_uintvar(Reader(b"\x81"), "it")
    with pytest.raises(ValueError, match="32 bits"):
        uintvar(1 << 32)


def test_integers() -> None:
    assert [integer_value(value) for value in (0, 127, 128, 0x1234)] == [b"\x80", b"\xff", b"\x01\x80", b"\x02\x12\x34"]
    assert long_integer(0) == b"\x01\0"
    with pytest.raises(ValueError, match="0-127"):
        short_integer(128)
    with pytest.raises(ValueError, match="30 octets"):
        long_integer(1 << 240)
    assert with_length(b"x" * 30)[:1] == b"\x1e"
    assert with_length(b"x" * 31)[:2] == b"\x1f\x1f"
    assert with_length(b"x" * 200)[:3] == b"\x1f\x81\x48"


TABLE: list[tuple[Pdu, bytes]] = [
    (
        SendReq(
            transaction_id="T1",
            date=AT,
            to=(PHONE, Address(value="li@example.test")),
            subject="Hi",
            message_class=MessageClass.PERSONAL,
            expiry=timedelta(days=2),
            delivery_time=AT,
            priority=Priority.HIGH,
            sender_visible=True,
            delivery_report=True,
            read_report=False,
            content_type=ContentType("text/plain", (("charset", "utf-8"),)),
            parts=(Part(content_type=ContentType("text/plain", (("charset", "utf-8"),)), data=b"Hello"),),
        ),
        raw(
            "8C80 98 543100 8D92 85" + STAMP + "89 01 81 97" + PHONE_HEX,
            "97" + b"li@example.test\0".hex() + "96 486900 8A80 88 05 81 03 02A300 87 06 80" + STAMP,
            "8F82 9481 8680 9081 84 03 83 81EA",
            b"Hello",
        ),
    ),
    (
        SendConf(
            transaction_id="T1",
            response_status=ResponseStatus.TRANSIENT_NETWORK_PROBLEM,
            response_text="later",
            message_id="m@x",
        ),
        raw("8C81 98543100 8D92 92C3 936C6174657200 8B6D407800"),
    ),
    (
        NotificationInd(
            transaction_id="T2",
            sender=PHONE,
            subject="彩信",
            delivery_report=False,
            message_size=30720,
            expiry=AT,
            content_location="http://mmsc.test/1",
        ),
        raw(
            "8C82 98543200 8D92 89 1A 80"
            + PHONE_HEX
            + "96 09 EA 7F E5BDA9E4BFA1 00 8681 8A80 8E027800 88 06 80"
            + STAMP,
            "83" + b"http://mmsc.test/1\0".hex(),
        ),
    ),
    (
        NotifyRespInd(transaction_id="T2", status=Status.DEFERRED, report_allowed=False),
        raw("8C83 98543200 8D92 9583 9181"),
    ),
    (
        RetrieveConf(
            transaction_id="T2",
            message_id="m1",
            date=AT,
            sender=PHONE,
            retrieve_status=RetrieveStatus.OK,
            content_type=ContentType(
                "application/vnd.wap.multipart.related", (("start", "<0>"), ("type", "application/smil"))
            ),
            parts=(
                Part(content_type=ContentType("application/smil"), data=b"<smil/>", content_id="0"),
                Part(
                    content_type=ContentType("image/gif", (("name", "a.gif"),)),
                    data=b"GIF",
                    content_id="1",
                    content_location="a.gif",
                    disposition="attachment",
                    filename="a.gif",
                ),
            ),
        ),
        raw(
            "8C84 98543200 8D92 8B6D3100 85" + STAMP + "89 1A 80" + PHONE_HEX + "9980",
            "84 18 B3 8A3C303E00 89" + b"application/smil\0".hex(),
            "02 17 07" + b"application/smil\0".hex() + "C0223C303E00",
            b"<smil/>",
            "20 03 08 9D 85612E67696600 C0223C313E00 8E612E67696600 AE 08 81 86612E67696600",
            b"GIF",
        ),
    ),
    (AcknowledgeInd(transaction_id="T2", report_allowed=True), raw("8C85 98543200 8D92 9180")),
    (
        DeliveryInd(message_id="m1", to=(PHONE,), date=AT, status=Status.RETRIEVED),
        raw("8C86 8D92 8B6D3100 97" + PHONE_HEX + "85" + STAMP + "9581"),
    ),
    (
        ReadRecInd(message_id="m1", to=(PHONE,), date=AT, read_status=ReadStatus.DELETED_UNREAD),
        raw("8C87 8D92 8B6D3100 97" + PHONE_HEX + "890181 85" + STAMP + "9B81"),
    ),
    (
        ReadOrigInd(message_id="m1", to=(PHONE,), sender=PHONE, date=AT, read_status=ReadStatus.READ),
        raw("8C88 8D92 8B6D3100 97" + PHONE_HEX + "89 1A 80" + PHONE_HEX + "85" + STAMP + "9B80"),
    ),
    (
        ForwardReq(transaction_id="T3", to=(PHONE,), content_location="http://a/1"),
        raw("8C89 98543300 8D92 890181 97" + PHONE_HEX + "83" + b"http://a/1\0".hex()),
    ),
    (ForwardConf(transaction_id="T3", response_status=ResponseStatus.OK), raw("8C8A 98543300 8D92 9280")),
]


@pytest.mark.parametrize("pdu, octets", TABLE, ids=[type(pdu).__name__ for pdu, _ in TABLE])
def test_table(pdu: Pdu, octets: bytes) -> None:
    assert encode(pdu).hex(" ") == octets.hex(" ")
    assert decode(octets) == (pdu, ())


@pytest.mark.parametrize("pdu, octets", TABLE, ids=[type(pdu).__name__ for pdu, _ in TABLE])
def test_cut_anywhere(pdu: Pdu, octets: bytes) -> None:
    """Half a PDU is refused, or it is one that lacks optional fields; nothing else happens."""
    for size in range(len(octets)):
        try:
            found = decode(octets[:size])
        except ProtocolError:
            continue
        assert type(found.pdu) is type(pdu)
        assert found.pdu != pdu


@pytest.mark.parametrize("charset", [Charset.UTF_8, Charset.UTF_16, Charset.UCS_2, Charset.ISO_8859_1])
@pytest.mark.parametrize("subject", ["plain", "Grüße", "彩信", "😀 smile"])
def test_charsets_of_a_subject(charset: Charset, subject: str) -> None:
    octets = encode(notification_about(subject), charset)
    pdu = decode(octets).pdu
    assert isinstance(pdu, NotificationInd)
    assert pdu.subject == subject


def notification_about(subject: str) -> NotificationInd:
    return NotificationInd(
        transaction_id="T", message_size=1, expiry=timedelta(days=1), content_location="http://a", subject=subject
    )


def subject_of(value: str | bytes) -> str:
    pdu = decode(raw("8C82 985400 8D92 8A80 8E0101 8803810101 96", value, "8361 00")).pdu
    assert isinstance(pdu, NotificationInd)
    assert pdu.content_location == "a"
    return pdu.subject


@pytest.mark.parametrize(
    "value, subject",
    [
        (raw("7F", "彩信".encode(), "00"), "彩信"),  # Mbuni: Quote, raw UTF-8, no charset
        (raw("彩信".encode(), "00"), "彩信"),  # and without its Quote
        (raw("09 EA 7F", "彩信".encode(), "00"), "彩信"),
        (raw("08 EA", "彩信".encode(), "00"), "彩信"),  # no Quote behind the charset
        (raw("07 EA", "彩信".encode()), "彩信"),  # no end
        (raw("05 83 48 69 00 00"), "Hi"),  # zeros within the length
        (raw("03 486900"), "Hi"),  # a length, but no charset
        (raw("07 84 7F 47 72 FC DF 00"), "Grüß"),
        (raw("0B 84 46FCDF65 2046FCDF65 00"), "Füße Füße"),
        (raw("07 84 7F C3BC C3DF 00"), "Ã¼Ãß"),
        (raw("05 84 7F C3BC 00"), "ü"),  # UTF-8 under a false name
        (raw("09 02 03F7 FEFF 5F69 0000"), "彩"),
        (raw("08 02 03F7 FFFE 695F 00"), "彩"),  # little-endian, half an end
        (raw("0A 02 03F7 7F FEFF 5F69 0000"), "彩"),
        (raw("07 02 03E8 5F69 0000"), "彩"),  # UCS-2 without its mark
        (raw("08 02 07E9 B2CA D0C5 00"), "彩信"),  # GB2312
        (raw("07 02 0072 B2CA 00 00"), "彩"),
        (raw("07 80", b"hello", "00"), "hello"),  # any charset
        (raw("22 48 69 22 00"), '"Hi"'),  # quotation marks of people stay
        (raw("00"), ""),
        (raw("1F 09 EA 7F", "彩信".encode(), "00"), "彩信"),  # the long form of a short length
        (raw(b"a\r\n b\0"), "a b"),
    ],
)
def test_subjects_met(value: bytes, subject: str) -> None:
    assert subject_of(value) == subject


@pytest.mark.parametrize(
    "value, sender",
    [
        ("01 81", INSERT_ADDRESS),  # iPhone and others
        ("81", INSERT_ADDRESS),
        ("00", INSERT_ADDRESS),
        ("04 80 313200", Address(value="12")),
        ("03 80 3132", Address(value="12")),
        ("06 80 04 83 313200", Address(value="12")),
        ("08 80 06 EA 7F E58AA0 00", Address(value="加")),
        ("313200", Address(value="12")),
        ("06 80 2231322200", Address(value="12")),
    ],
)
def test_from(value: str, sender: object) -> None:
    pdu = decode(raw("8C80 985400 8D92 89", value, "84 A3 00")).pdu
    assert isinstance(pdu, SendReq)
    assert pdu.sender == sender


def test_addresses() -> None:
    assert Address.parse("+8613800138000/type=plmn") == PHONE
    assert Address.parse("  li@x.test ") == Address(value="li@x.test")
    assert str(Address.parse("10.0.0.1/TYPE=IPv4")) == "10.0.0.1/TYPE=IPv4"
    assert Address.phone("8613800138000") == PHONE
    assert str(Address.phone("8878")) == "8878/TYPE=PLMN"


@pytest.mark.parametrize(
    "value, media, parameters",
    [
        ("83", "text/plain", ()),
        ("B3", "application/vnd.wap.multipart.related", ()),
        (b"application/smil\0", "application/smil", ()),
        (b"Image/JPEG; name=\"a b.jpg\"\0", "image/jpeg", (("name", "a b.jpg"),)),
        ("07 83 81EA 85 612200", "text/plain", (("charset", "utf-8"), ("name", 'a"'))),
        ("0A B3 8A 22 3C 30 3E 22 00 89A3", "application/vnd.wap.multipart.related",
         (("start", "<0>"), ("type", "application/vnd.wap.multipart.mixed"))),
        ("07 B3 99 3C 30 3E 00 00", "application/vnd.wap.multipart.related", (("start", "<0>"),)),
        (raw("1C 83", b"charset\0utf-8\0", b"name\0", b'"a.txt"\0'), "text/plain",
         (("charset", "utf-8"), ("name", "a.txt"))),
        (raw("0A 83", b"charset\0", "EA"), "text/plain", (("charset", "utf-8"),)),
        ("04 83 81 0203F7", "text/plain", ()),  # cut within: forgiven
        ("05 83 81 0203F7", "text/plain", (("charset", "utf-16"),)),
        ("03 83 8180", "text/plain", (("charset", ""),)),
        ("03 83 81FE", "text/plain", (("charset", "126"),)),
        ("04 83 BF 8185", "text/plain", ()),  # 3Fh is no parameter, and a name without a value
        ("03 02 0310", "application/octet-stream", ()),
    ],
)  # fmt: skip
def test_content_types_met(value: str | bytes, media: str, parameters: tuple[tuple[str, str], ...]) -> None:
    pdu = decode(raw("8C80 985400 8D92 890181 84", value)).pdu
    assert isinstance(pdu, SendReq)
    assert pdu.content_type == ContentType(media, parameters)


def part_of(head: str | bytes, data: bytes = b"data") -> Part:
    octets = raw(head)
    pdu = decode(raw("8C80 985400 8D92 890181 84A3 01", uintvar(len(octets)), uintvar(len(data)), octets, data)).pdu
    assert isinstance(pdu, SendReq)
    return pdu.parts[0]


def test_part_headers_met() -> None:
    text = ContentType("text/plain")
    assert part_of(raw("83 8E", b'"a.txt"\0')).content_location == "a.txt"
    assert part_of(raw("83 C0", b"<a>\0")).content_id == "a"
    assert part_of(raw("83 C0", b'"<a>"\0')).content_id == "a"
    assert part_of(raw("83 C0", b"a\0")).content_id == "a"
    named = part_of(raw("83", b"Content-ID\0<a>\0", b"Content-Location\0b\0", b"X-Other\0c\0"))
    assert named == Part(content_type=text, data=b"data", content_id="a", content_location="b")
    assert part_of(raw("83 C5 07 82 98", b"b.tx\0")).disposition == "inline"
    disposed = part_of(raw("83 AE 08 81 86", b"b.txt\0"))
    assert (disposed.disposition, disposed.filename, disposed.name) == ("attachment", "b.txt", "b.txt")
    assert part_of(raw("83 AE 82")).disposition == "inline"
    assert part_of(raw("83 8E 61")) == Part(content_type=text, data=b"data")  # cut: the part stays
    assert part_of(raw("83 8183 8E 61 00")).content_location == "a"  # Accept-Charset between
    assert part_of("") == Part(content_type=ContentType("application/octet-stream"), data=b"data")
    encoded = part_of(raw("83", b"Content-Transfer-Encoding\0base64\0"), b"aGVsbG8=\r\n")
    assert encoded.data == b"hello"
    assert part_of(raw("83", b"Content-Transfer-Encoding\0quoted-printable\0"), b"a=3Db").data == b"a=b"
    assert part_of(raw("83", b"Content-Transfer-Encoding\0base64\0"), b"a").data == b"a"


BODY = raw("01 01 83", b"a")


@pytest.mark.parametrize(
    "body, parts, forgiven",
    [
        (raw("01", BODY), 1, ()),
        (raw("00", BODY, BODY), 2, ("nEntries 0, but 2 parts",)),  # deprecated since WSP 1.4
        (raw("01", BODY, BODY), 2, ("nEntries 1, but 2 parts",)),
        (raw("03", BODY, BODY), 2, ("nEntries 3, but 2 parts",)),  # python-messaging counts parts it leaves out
        (raw("01", BODY, "000000"), 1, ("3 octets of 0x00 behind the last part",)),
        (raw("00"), 0, ()),
        (b"", 0, ("no body",)),
    ],
)
def test_bodies_met(body: bytes, parts: int, forgiven: tuple[str, ...]) -> None:
    found = decode(raw("8C80 985400 8D92 890181 84A3", body))
    assert isinstance(found.pdu, SendReq)
    assert (len(found.pdu.parts), found.forgiven) == (parts, forgiven)


@pytest.mark.parametrize(
    "octets, error",
    [
        ("", "no X-Mms-Message-Type"),
        ("8D92", "no X-Mms-Message-Type"),
        ("8CFF", "0xff is not known"),
        ("8C6100", "no X-Mms-Message-Type"),
        ("8C82 985400", "no X-Mms-Content-Location"),
        ("8C83 985400 8D92", "no X-Mms-Status"),
        ("8C83 985400 8D92 956100", "X-Mms-Status: 61 is no code"),
        ("8C83 8D92 9581", "no X-Mms-Transaction-Id"),
        ("8C86 8D92 8B6100 9581", "no To"),
        ("8C80 05", "begins no field"),
        ("8C80 9854", "a text without its ending"),
        ("8C80 96 1F FFFFFFFFFF", "more than 5 octets"),
        ("8C80 96 1F 8FFFFFFF7F", "octets needed"),
        ("8C80 985400 84A3 01 FFFFFFFF7F 01", "octets needed|more than 5"),
        ("8C80 985400 84A3 01 01 8FFFFFFF7F 83", "octets needed"),
        ("8C80 985400 84A3 01", "no part is present"),
        ("8C80 985400 84 02 01", "octets needed"),
    ],
)
def test_refused(octets: str, error: str) -> None:
    with pytest.raises(ProtocolError, match=error):
        decode(raw(octets))


@pytest.mark.parametrize(
    "octets, forgiven",
    [
        ("8D92 985400 8C83 9581", ("X-Mms-Message-Type is not the first field",)),
        ("8C83 985400 9581", ("no X-Mms-MMS-Version",)),
        ("8C83 985400 8D92 9581 0000", ("2 octets of 0x00 behind the last field",)),
        ("8C83 985400 8D92 9581 9582", ("X-Mms-Status 2 times",)),
        ("8C83 985400 8D92 9581 9581", ()),
        ("8C83 985400 8D92 9581 9190", ("X-Mms-Report-Allowed: 90 is neither yes nor no",)),
        ("8C83 985400 8D92 9581 BF6100 BE80 B50161 BD1F0161", ()),  # fields nobody knows
        (raw("8C83 985400 8D92 9581", b"X-Vendor\0yes\0"), ()),
        ("8C83 985400 8D 312E3200 9581", ()),  # the version as text
        ("8C83 985400 8D92 9581 880161", ()),  # a field of another PDU
        ("8C83 985400 8D92 9581 850FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", ()),
    ],
)
def test_forgiven(octets: str | bytes, forgiven: tuple[str, ...]) -> None:
    found = decode(raw(octets))
    assert isinstance(found.pdu, NotifyRespInd)
    assert found.pdu.status is Status.RETRIEVED
    assert found.forgiven == forgiven


def test_an_id_is_given_back_as_it_came() -> None:
    octets = raw("8C83 98 2261 2200 8D92 9581")
    pdu = decode(octets).pdu
    assert isinstance(pdu, NotifyRespInd)
    assert pdu.transaction_id == '"a"'
    assert encode(pdu) == octets


def test_what_a_phone_leaves_out() -> None:
    found = decode(raw("8C80 84A3 00"))
    assert found.pdu == SendReq(transaction_id="", mms_version=Version.V10)
    assert set(found.forgiven) == {"no X-Mms-Transaction-Id", "no X-Mms-MMS-Version", "no From"}
    found = decode(raw("8C82 8361 00"))
    assert found.pdu == NotificationInd(
        transaction_id="", mms_version=Version.V10, message_size=0, expiry=timedelta(days=3), content_location="a"
    )


def test_values_without_a_name() -> None:
    pdu = decode(raw("8C81 985400 8D96 92FE")).pdu
    assert isinstance(pdu, SendConf)
    assert (pdu.mms_version, pdu.response_status) == (0x16, 0xFE)
    pdu = decode(raw("8C80 985400 8D92 890181 8A", b"NewMessageClass\0", "84A300")).pdu  # OMA MMS-1.3-con-282
    assert isinstance(pdu, SendReq)
    assert pdu.message_class == "NewMessageClass"
    assert b"\x8aNewMessageClass\0" in encode(pdu)


def test_absurd_times() -> None:
    pdu = decode(raw("8C80 985400 8D92 890181 85 08FFFFFFFFFFFFFFFF 88 0A81 08FFFFFFFFFFFFFFFF 84A300"))
    assert isinstance(pdu.pdu, SendReq)
    assert pdu.pdu.date is None
    assert pdu.pdu.expiry == timedelta(seconds=1 << 32)
    assert pdu.forgiven == ("Date: 18446744073709551615 s is no date",)


@pytest.mark.parametrize(
    "pdu, error",
    [
        (NotifyRespInd(transaction_id="", status=Status.RETRIEVED), "X-Mms-Transaction-Id: mandatory, but empty"),
        (DeliveryInd(message_id="m", to=(), date=AT, status=Status.RETRIEVED), "To: mandatory"),
        (SendReq(transaction_id="é"), "X-Mms-Transaction-Id: .*ascii"),
        (SendReq(transaction_id="a\0b"), "X-Mms-Transaction-Id: .*control"),
        (SendReq(transaction_id="T", to=(Address(value=""),)), "To: an empty address"),
        (SendReq(transaction_id="T", date=datetime(2026, 1, 1)), "Date: .*no time zone"),  # noqa: DTZ001  that is it
        (SendReq(transaction_id="T", priority=3), "X-Mms-Priority: 3 is no code"),
        (SendReq(transaction_id="T", content_type=ContentType("text")), "no media type"),
        (
            SendReq(
                transaction_id="T",
                content_type=ContentType("text/plain"),
                parts=(Part(content_type=ContentType("text/plain")),) * 2,
            ),
            "Content-Type: 2 parts",
        ),
    ],
)
def test_not_written(pdu: Pdu, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        encode(pdu)


def test_transient() -> None:
    assert is_transient(ResponseStatus.TRANSIENT_FAILURE)
    assert is_transient(0xDF)
    assert is_transient(ResponseStatus.NETWORK_PROBLEM)
    assert not is_transient(ResponseStatus.PERMANENT_FAILURE)
    assert not is_transient(ResponseStatus.OK)
    assert not is_transient(0xFE)


def test_bounds() -> None:
    with pytest.raises(ProtocolError, match="more than 5000 fields"):
        decode(raw("8C80", bytes.fromhex("976100") * 6000))
    with pytest.raises(ProtocolError, match="more than 1000 parts"):
        decode(raw("8C80 985400 84A3 00", BODY * 2000))
    pdu = decode(raw("8C80 985400 96", b"x" * 100_000, "00 84A300")).pdu
    assert isinstance(pdu, SendReq)
    assert len(pdu.subject) == 8 * 1024
