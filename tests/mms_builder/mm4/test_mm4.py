"""MM4: header fields against a table of our own and the standard library; mails as real peers write them; noise."""

from __future__ import annotations

import contextlib
import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from mms_builder.mm4 import codec
from mms_builder.mm4.codes import RequestStatus, reading_of, status_of
from mms_builder.mm4.messages import (
    BY_NAME,
    DeliveryReportReq,
    DeliveryReportRes,
    ForwardReq,
    ForwardRes,
    Message,
    ReadReplyReq,
    ReadReplyRes,
    Req,
    answer_to,
    plain_name,
)
from mms_builder.mm7.address import Address, Kind
from mms_builder.mm7.codes import Meaning, MessageClass, MMStatus, Priority, ReadStatus
from mms_builder.multipart import Part

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
PHONE = Address(kind=Kind.NUMBER, value="+8613800138000")
OTHER = Address(kind=Kind.NUMBER, value="13900139000")
MAIL = Address(kind=Kind.MAIL, value="a.b@c.test")
SYSTEM = "system-user@mms.caiyou.test"
CONTENT = Part(
    media_type="multipart/related",
    start="s",
    parts=(
        Part(media_type="application/smil", content=b"<smil/>", content_id="s"),
        Part(media_type="image/jpeg", content=bytes(range(256)), content_id="p", name="贺卡.jpg"),
        Part(media_type="text/plain", charset="utf-8", content="你好\n.\nFrom x".encode(), content_id="t"),
    ),
)
FORWARD = ForwardReq(
    transaction_id="t1",
    message_id="m1",
    sender=PHONE,
    to=(OTHER, MAIL),
    cc=(PHONE,),
    subject="生日快乐",
    date=AT,
    message_class=MessageClass.PERSONAL,
    expiry=timedelta(days=2),
    delivery_report=True,
    originator_delivery_report=True,
    priority=Priority.HIGH,
    sender_visibility="Show",
    read_reply=False,
    ack_request=True,
    forward_counter=1,
    originator_system=SYSTEM,
    content=CONTENT,
)
REPORT = DeliveryReportReq(
    transaction_id="t2",
    message_id="m1",
    sender=OTHER,
    to=(PHONE,),
    date=AT,
    ack_request=True,
    status=MMStatus.RETRIEVED,
    status_text="ok",
    originator_system=SYSTEM,
)
READ = ReadReplyReq(
    transaction_id="t3", message_id="m1", sender=OTHER, to=(PHONE,), date=AT, status=ReadStatus.DELETED,
    originator_system=SYSTEM,
)  # fmt: skip
RES = ForwardRes(transaction_id="t1", message_id="m1", date=AT, status=RequestStatus.OK, status_text="fine")
# The names of TS 23.140, as Mbuni, VectorCore and a Chinese MMSC (CMM4ForwardREQ …) write them.
TABLE: list[tuple[Message, str, str]] = [
    (
        FORWARD,
        "MM4_forward.REQ",
        "X-Mms-Transaction-ID X-Mms-Message-ID From To Cc Subject Date X-Mms-Message-Class X-Mms-Expiry "
        "X-Mms-Delivery-Report X-Mms-Originator-R/S-Delivery-Report X-Mms-Priority X-Mms-Sender-Visibility "
        "X-Mms-Read-Reply X-Mms-Ack-Request X-Mms-Forward-Counter X-Mms-Originator-System Sender Message-ID "
        "MIME-Version Content-Type",
    ),
    (
        REPORT,
        "MM4_delivery_report.REQ",
        "X-Mms-Transaction-ID X-Mms-Message-ID From To Date X-Mms-Ack-Request X-Mms-MM-Status-Code X-Mms-Status-Text "
        "X-Mms-Originator-System Sender Message-ID MIME-Version",
    ),
    (
        READ,
        "MM4_read_reply_report.REQ",
        "X-Mms-Transaction-ID X-Mms-Message-ID From To Date X-Mms-Read-Status X-Mms-Originator-System Sender "
        "Message-ID MIME-Version",
    ),
    *(
        (
            cls(transaction_id="t1", message_id="m1", date=AT, status=RequestStatus.OK, status_text="fine"),
            name,
            "X-Mms-Transaction-ID X-Mms-Message-ID Date X-Mms-Request-Status-Code X-Mms-Status-Text From To Sender "
            "Message-ID MIME-Version",
        )
        for cls, name in (
            (ForwardRes, "MM4_forward.RES"),
            (DeliveryReportRes, "MM4_delivery_report.RES"),
            (ReadReplyRes, "MM4_read_reply_report.RES"),
        )
    ),
]
IDS = [name for _, name, _ in TABLE]


def encode(message: Message, quote: bool = True) -> codec.Encoded:
    return codec.encode(message, system=SYSTEM, peer="other.test", quote=quote, to="system-user@other.test")


def mail(**changes: str) -> bytes:
    """Mbuni's MM4_forward.REQ, as seen on the wire; a change to None leaves the field out."""
    fields = {
        "X-Mms-3GPP-MMS-Version": "5.5.0",
        "X-Mms-Message-Type": "MM4_forward.REQ",
        "X-Mms-Transaction-ID": '"qf1.x.1"',
        "X-Mms-Message-ID": '"m-1"',
        "X-Mms-Ack-Request": "Yes",
        "X-Mms-Originator-System": "system-user@mbuni.test",
        "X-Mms-Delivery-Report": "Yes",
        "Sender": "13800138000/TYPE=PLMN@mbuni.test",
        "From": "13800138000/TYPE=PLMN@mbuni.test",
        "To": "13900139000/TYPE=PLMN@other.test",
        "Subject": "生日快乐",
        "Date": "Mon, 23 Nov 2026 09:30:00 GMT",
        "Content-Type": "text/plain; charset=utf-8",
    }
    fields.update({name.replace("_", "-"): value for name, value in changes.items()})
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value).encode() + "\r\n你好".encode()


@pytest.mark.parametrize("message, name, fields", TABLE, ids=IDS)
def test_fields_and_their_order(message: Message, name: str, fields: str) -> None:
    encoded = encode(message)
    parsed = email.message_from_bytes(encoded.octets, policy=email.policy.SMTP)
    assert parsed.keys() == ["X-Mms-3GPP-MMS-Version", "X-Mms-Message-Type", *fields.split()]
    assert parsed["X-Mms-Message-Type"] == name
    assert parsed["X-Mms-3GPP-MMS-Version"] == "5.5.0"
    assert parsed["X-Mms-Transaction-ID"] == f'"{message.transaction_id}"'
    assert parsed.defects == []
    assert encoded.mail_from == SYSTEM
    assert encoded.octets.isascii()
    assert max(map(len, encoded.octets.split(b"\r\n"))) <= 998
    assert b"\n" not in encoded.octets.replace(b"\r\n", b"")


def test_every_message_of_mm4_is_here() -> None:
    assert sorted(map(plain_name, IDS)) == sorted(BY_NAME)


@pytest.mark.parametrize("message", [message for message, _, _ in TABLE], ids=IDS)
@pytest.mark.parametrize("quote", [True, False])
def test_each_message_comes_back(message: Message, quote: bool) -> None:
    encoded = encode(message, quote)
    assert codec.is_mm4(encoded.octets)
    received = codec.decode(encoded.octets)
    assert received.message == message
    assert received.forgave == ()
    assert received.quoted is quote
    assert (received.version, received.reply_to) == ("5.5.0", SYSTEM)
    assert codec.read(email.message_from_bytes(encoded.octets)).message == message


def test_the_envelope() -> None:
    assert encode(FORWARD).rcpt_to == (
        "13900139000/TYPE=PLMN@other.test",
        "a.b@c.test",
        "+8613800138000/TYPE=PLMN@other.test",
    )
    assert encode(RES).rcpt_to == ("system-user@other.test",)
    parsed = email.message_from_bytes(encode(FORWARD).octets, policy=email.policy.SMTP)
    assert parsed["From"] == "+8613800138000/TYPE=PLMN@mms.caiyou.test"
    assert parsed["To"] == "13900139000/TYPE=PLMN@other.test, a.b@c.test"
    assert parsed["Subject"] == "生日快乐"
    assert parsed["X-Mms-Expiry"] == "172800"


def test_the_standard_library_reads_the_content() -> None:
    parsed = email.message_from_bytes(encode(FORWARD).octets, policy=email.policy.SMTP)
    assert parsed.get_content_type() == "multipart/related"
    assert parsed.get_param("start") == "<s>"
    parts = list(parsed.iter_parts())
    assert [part.get_payload(decode=True) for part in parts] == [part.content for part in CONTENT.parts]
    assert parts[1].get_filename() == "贺卡.jpg"


@pytest.mark.parametrize("subject", ["生日快乐" * 60, "plain", "=?utf-8?q?fake?=", "a" * 500, "a  b\tc", "é" * 100])
def test_subjects(subject: str) -> None:
    octets = encode(replace(FORWARD, subject=subject)).octets
    message = codec.decode(octets).message
    assert isinstance(message, ForwardReq)
    assert message.subject == " ".join(subject.split())
    assert max(map(len, octets.split(b"\r\n"))) < 100
    assert email.message_from_bytes(octets, policy=email.policy.SMTP)["Subject"] == " ".join(subject.split())


@pytest.mark.parametrize(
    "message, what",
    [
        (replace(FORWARD, transaction_id=""), "Transaction-ID"),
        (replace(FORWARD, message_id=""), "Message-ID"),
        (replace(FORWARD, sender=None), "From"),
        (replace(FORWARD, to=()), "To"),
        (replace(FORWARD, date=None), "Date"),
        (replace(FORWARD, date=datetime(2026, 1, 1)), "zone"),  # noqa: DTZ001  a naive time is the point
        (replace(FORWARD, expiry=timedelta(-1)), "past"),
        (replace(FORWARD, content=None), "content"),
        (replace(FORWARD, transaction_id="a\r\nBcc: x@y.test"), "fit"),
        (replace(FORWARD, transaction_id='a"b'), "quote"),
        (replace(FORWARD, sender_visibility="a\nb"), "fit"),
        (replace(FORWARD, to=(Address(kind=Kind.MAIL, value="a b@c.test"),)), "address"),
        (replace(FORWARD, to=(Address(kind=Kind.NUMBER, value="1,2"),)), "address"),
        (replace(REPORT, status=None), "Status"),
        (replace(RES, status_text="好"), "fit"),
    ],
)
def test_what_is_missing_or_unfit_is_not_sent(message: Message, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        encode(message)


def test_an_answer_goes_somewhere() -> None:
    with pytest.raises(ValueError, match="to go to"):
        codec.encode(RES, system=SYSTEM, peer="other.test")


def test_mbuni_s_forward() -> None:
    received = codec.decode(mail())
    message = received.message
    assert isinstance(message, ForwardReq)
    assert (message.transaction_id, message.message_id, message.subject) == ("qf1.x.1", "m-1", "生日快乐")
    assert (message.sender, message.to) == (
        Address(kind=Kind.NUMBER, value="13800138000"),
        (Address(kind=Kind.NUMBER, value="13900139000"),),
    )
    assert message.date == AT
    assert message.content is not None
    assert (message.content.media_type, message.content.content) == ("text/plain", "你好".encode())
    assert received.wants_answer
    assert (received.reply_to, received.quoted, received.forgave) == ("system-user@mbuni.test", True, ())
    answer = codec.encode(
        answer_to(message, AT), system=SYSTEM, peer="mbuni.test", to=received.reply_to, quote=received.quoted
    )
    assert answer.rcpt_to == ("system-user@mbuni.test",)
    back = codec.decode(answer.octets)
    assert back.message == ForwardRes(transaction_id="qf1.x.1", message_id="m-1", date=AT, status=RequestStatus.OK)
    assert not back.wants_answer


@pytest.mark.parametrize("message", [FORWARD, REPORT, READ])
def test_each_request_has_its_answer(message: Req) -> None:
    answer = answer_to(message, AT, RequestStatus.NETWORK_PROBLEM, "busy")
    assert message.NAME.removesuffix("REQ") + "RES" == answer.NAME
    assert (answer.transaction_id, answer.message_id) == (message.transaction_id, message.message_id)
    assert (answer.status, answer.status_text) == (RequestStatus.NETWORK_PROBLEM, "busy")


@pytest.mark.parametrize(
    "changes, attribute, value",
    [
        ({"X_Mms_Transaction_ID": "plain"}, "transaction_id", "plain"),
        ({"X_Mms_Transaction_ID": ' " spaced " '}, "transaction_id", "spaced"),
        ({"X_Mms_Message_ID": "", "Message_ID": "<m@x>"}, "message_id", "<m@x>"),
        ({"X_Mms_Message_Type": "MM4_FORWARD_REQ"}, "message_id", "m-1"),
        ({"X_Mms_Message_Type": " mm4_Forward.req "}, "message_id", "m-1"),
        ({"Subject": "=?gb2312?B?1vfM4g==?="}, "subject", "主题"),
        ({"Subject": "a\r\n b"}, "subject", "a b"),
        ({"X_Mms_Expiry": "3600"}, "expiry", timedelta(hours=1)),
        ({"X_Mms_Expiry": "Tue, 24 Nov 2026 09:30:00 +0800"}, "expiry",
         datetime(2026, 11, 24, 9, 30, tzinfo=timezone(timedelta(hours=8)))),
        ({"X_Mms_Ack_Request": "no"}, "ack_request", False),
        ({"X_Mms_Read_Report": "Yes"}, "read_reply", True),
        ({"X_Mms_Priority": "high"}, "priority", Priority.HIGH),
        ({"From": '"Someone" <+8613800138000/TYPE=PLMN@x.test>'}, "sender", PHONE),
        ({"From": "a.b@c.test"}, "sender", MAIL),
        ({"To": "1/TYPE=PLMN@x, a.b@c.test"}, "to", (Address(kind=Kind.SHORT_CODE, value="1"), MAIL)),
    ],
)  # fmt: skip
def test_what_peers_write(changes: dict[str, str], attribute: str, value: object) -> None:
    received = codec.decode(mail(**changes))
    assert getattr(received.message, attribute) == value
    assert received.forgave == ()


@pytest.mark.parametrize(
    "changes, slip",
    [
        ({"X_Mms_Transaction_ID": ""}, "no X-Mms-Transaction-ID"),
        ({"Date": ""}, "no Date"),
        ({"Date": "soon"}, "an unreadable Date"),
        ({"X_Mms_Ack_Request": "maybe"}, "an unreadable X-Mms-Ack-Request"),
        ({"X_Mms_Forward_Counter": "-1"}, "an unreadable X-Mms-Forward-Counter"),
        ({"X_Mms_Priority": "urgent"}, "an unreadable X-Mms-Priority"),
        ({"To": "/TYPE=PLMN@x"}, "an unreadable To"),
    ],
)
def test_slips_are_named(changes: dict[str, str], slip: str) -> None:
    assert slip in codec.decode(mail(**changes)).forgave


def test_a_subject_in_raw_gbk() -> None:
    octets = mail(Subject="ORIG").replace(b"ORIG", "生日快乐万事如意".encode("gbk"))
    message = codec.decode(octets).message
    assert isinstance(message, ForwardReq)
    assert message.subject == "生日快乐万事如意"
    again = codec.read(email.message_from_bytes(octets)).message
    assert isinstance(again, ForwardReq)
    assert again.subject == "生日快乐万事如意"


@pytest.mark.parametrize(
    "changes, reply_to",
    [
        ({"X_Mms_Originator_System": "<sys@a.test>"}, "sys@a.test"),
        ({"X_Mms_Originator_System": "system=mmsc.a.test;party=+1202"}, "13800138000/TYPE=PLMN@mbuni.test"),
        ({"X_Mms_Originator_System": "", "Sender": ""}, "13800138000/TYPE=PLMN@mbuni.test"),
        ({"X_Mms_Originator_System": "", "Sender": "", "From": "mmsc.a.test"}, ""),
        ({"X_Mms_Originator_System": "a b@c.test\x00", "Sender": "s@a.test"}, "b@c.test"),
    ],
)
def test_where_the_answer_goes(changes: dict[str, str], reply_to: str) -> None:
    assert codec.decode(mail(**changes)).reply_to == reply_to


def test_a_report_in_x_mms_status() -> None:
    """VectorCore: X-Mms-Status for X-Mms-MM-Status-Code, a host in From."""
    octets = mail(X_Mms_Message_Type="MM4_delivery_report.REQ", X_Mms_Status="Unrecognised", From="mmsc.example.net")
    message = codec.decode(octets).message
    assert isinstance(message, DeliveryReportReq)
    assert message.status is MMStatus.UNRECOGNISED


@pytest.mark.parametrize(
    "word, status, meaning",
    [
        ("Ok", RequestStatus.OK, Meaning.DONE),
        ("OK", RequestStatus.OK, Meaning.DONE),
        ("128", RequestStatus.OK, Meaning.DONE),
        ("Error-unspecified", RequestStatus.UNSPECIFIED, Meaning.TEMPORARY),
        ("Error- service-denied", RequestStatus.SERVICE_DENIED, Meaning.PERMANENT),
        ("Error-message-format-corrupt", RequestStatus.FORMAT_CORRUPT, Meaning.PERMANENT),
        ("Error-sending-address-unresolved", RequestStatus.ADDRESS_UNRESOLVED, Meaning.PERMANENT),
        ("Error-message-not-found", RequestStatus.MESSAGE_NOT_FOUND, Meaning.PERMANENT),
        ("Error-network-problem", RequestStatus.NETWORK_PROBLEM, Meaning.TEMPORARY),
        ("134", RequestStatus.NETWORK_PROBLEM, Meaning.TEMPORARY),
        ("Error-content-not-accepted", RequestStatus.CONTENT_NOT_ACCEPTED, Meaning.PERMANENT),
        ("Error-unsupported-message", RequestStatus.UNSUPPORTED_MESSAGE, Meaning.PERMANENT),
        ("Error-transient-network-problem", RequestStatus.TRANSIENT_FAILURE, Meaning.TEMPORARY),
        ("193", RequestStatus.TRANSIENT_FAILURE, Meaning.TEMPORARY),
        ("Error-permanent-service-denied", RequestStatus.SERVICE_DENIED, Meaning.PERMANENT),
        ("Error-permanent-failure", RequestStatus.UNSUPPORTED_MESSAGE, Meaning.PERMANENT),
    ],
)
def test_request_statuses(word: str, status: RequestStatus, meaning: Meaning) -> None:
    assert status_of(word) is status
    assert reading_of(status).meaning is meaning
    octets = mail(X_Mms_Message_Type="MM4_forward.RES", X_Mms_Request_Status_Code=word)
    message = codec.decode(octets).message
    assert isinstance(message, ForwardRes)
    assert message.status is status


def test_which_statuses_alarm_and_which_fall_back() -> None:
    assert [status for status in RequestStatus if reading_of(status).alarm] == [RequestStatus.SERVICE_DENIED]
    assert [status for status in RequestStatus if reading_of(status).fallback] == [RequestStatus.ADDRESS_UNRESOLVED]
    assert status_of("what") is None
    received = codec.decode(mail(X_Mms_Message_Type="MM4_forward.RES", X_Mms_Request_Status_Code="what"))
    assert isinstance(received.message, ForwardRes)
    assert received.message.status is RequestStatus.UNSPECIFIED
    assert "an unreadable X-Mms-Request-Status-Code" in received.forgave


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"Subject: plain mail\r\n\r\nX-Mms-Message-Type: MM4_forward.REQ\r\n",
        mail(X_Mms_Message_Type="m-send-req"),
        mail(X_Mms_Message_Type=""),
    ],
)
def test_what_is_no_mm4(octets: bytes) -> None:
    assert not codec.is_mm4(octets)
    with pytest.raises(ProtocolError, match="none of MM4"):
        codec.decode(octets)


@pytest.mark.parametrize(
    "octets",
    [
        mail() + b"x" * codec.MAX_OCTETS,
        b"X: " + b"y" * codec.MAX_HEADER_OCTETS + b"\r\n" + mail(),
        mail(Content_Type="multipart/mixed; boundary=b"),
    ],
)
def test_what_is_out_of_bounds(octets: bytes) -> None:
    with pytest.raises(ProtocolError):
        codec.decode(octets)


def test_recipients_are_bounded() -> None:
    message = codec.decode(mail(To=", ".join(f"{i}@x.test" for i in range(3000)))).message
    assert isinstance(message, ForwardReq)
    assert len(message.to) == codec.MAX_RECIPIENTS


@given(
    changes=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 30), st.binary(max_size=8)), max_size=4),
    source=st.sampled_from([encode(message).octets for message, _, _ in TABLE] + [mail()]),
)
def test_mutations(changes: list[tuple[int, int, bytes]], source: bytes) -> None:
    octets = source
    for at, cut, new in changes:
        octets = octets[:at] + new + octets[at + cut :]
    codec.is_mm4(octets)
    with contextlib.suppress(ProtocolError):
        codec.decode(octets)


_texts = st.text(st.characters(blacklist_categories=["C"]), max_size=80)


@given(subject=_texts, number=st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True), content=st.binary(max_size=300))
def test_any_subject_and_content_comes_back(subject: str, number: str, content: bytes) -> None:
    sent = replace(
        FORWARD,
        subject=" ".join(subject.split()),
        sender=Address.parse(number),
        content=Part(media_type="image/jpeg", content=content),
    )
    received = codec.decode(encode(sent).octets)
    assert received.message == sent
