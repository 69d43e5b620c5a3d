"""Names and order of the elements that we write, per message and dialect, against tables that are not the code's.

The order is that of the schema REL-6-MM7-1-4, as zxid's encoder (generated from it) writes each message in "schema
order". The schema itself is in no package. China Mobile's form is that of its own API V1.5.3.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from mms_builder import multipart
from mms_builder.mm7 import codec, messages
from mms_builder.mm7.address import Address, Kind
from mms_builder.mm7.codes import ChargedParty, MessageClass, MMStatus, Priority, ReadStatus
from mms_builder.mm7.dialect import DIALECTS, Dialect
from mms_builder.mm7.messages import (
    CancelReq,
    CancelRsp,
    DeliverReq,
    DeliverRsp,
    DeliveryReportReq,
    DeliveryReportRsp,
    Fault,
    Message,
    ReadReplyReq,
    ReadReplyRsp,
    Recipients,
    ReplaceReq,
    ReplaceRsp,
    RSErrorRsp,
    Sender,
    Status,
    SubmitReq,
    SubmitRsp,
    VASPErrorRsp,
)
from mms_builder.multipart import Part

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SCHEMAS = "http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/"
PHONE = Address(kind=Kind.NUMBER, value="8613800138000")
CODE = Address(kind=Kind.SHORT_CODE, value="8878")
OK = Status(code=1000, text="Success", details="d")
SMIL = b'<smil><body><par><img src="a.gif"/><text src="cid:t.txt"/></par></body></smil>'
CONTENT = Part(
    media_type="multipart/related",
    start="s.smil",
    content_id="all",
    parts=(
        Part(media_type="application/smil", content=SMIL, content_id="s.smil", location="s.smil"),
        Part(media_type="image/gif", content=b"GIF89a", content_id="a.gif", location="a.gif"),
        Part(media_type="text/plain", charset="utf-8", content="好".encode(), content_id="t.txt", location="t.txt"),
    ),
)
SUBMIT = SubmitReq(
    sender=Sender(vaspid="900001", vasid="8878", address=CODE),
    recipients=Recipients(to=(PHONE,), cc=(Address.parse("a@b.test"),), bcc=(Address.parse("13900139000"),)),
    service_code="110001",
    linked_id="l1",
    message_class=MessageClass.PERSONAL,
    time_stamp=AT,
    earliest_delivery_time=AT,
    expiry_date=timedelta(days=2),
    delivery_report=True,
    read_reply=False,
    priority=Priority.HIGH,
    subject="彩信贺卡",
    charged_party=ChargedParty.THIRD_PARTY,
    charged_party_id="8613900139000",
    distribution_indicator=False,
    content=CONTENT,
    allow_adaptations=True,
)
MESSAGES: list[tuple[Message, str]] = [
    (
        SUBMIT,
        "MM7Version SenderIdentification Recipients ServiceCode LinkedID MessageClass TimeStamp "
        "EarliestDeliveryTime ExpiryDate DeliveryReport ReadReply Priority Subject ChargedParty ChargedPartyID "
        "DistributionIndicator Content",
    ),
    (SubmitRsp(status=OK, message_id="m1"), "MM7Version Status MessageID"),
    (
        DeliverReq(
            relay_server_id="mmsc",
            vaspid="900001",
            vasid="8878",
            linked_id="l1",
            sender=PHONE,
            recipients=Recipients(to=(CODE,)),
            time_stamp=AT,
            priority=Priority.LOW,
            subject="s",
            content=CONTENT,
        ),
        "MM7Version MMSRelayServerID VASPID VASID LinkedID Sender Recipients TimeStamp Priority Subject Content",
    ),
    (DeliverRsp(status=OK, service_code="123"), "MM7Version Status ServiceCode"),
    (CancelReq(sender=Sender(vaspid="v"), message_id="m1"), "MM7Version SenderIdentification MessageID"),
    (CancelRsp(status=OK), "MM7Version Status"),
    (
        ReplaceReq(
            sender=Sender(vaspid="900001", vasid="8878"),
            message_id="m1",
            service_code="110001",
            time_stamp=AT,
            read_reply=True,
            earliest_delivery_time=AT,
            distribution_indicator=True,
            content=CONTENT,
        ),
        "MM7Version SenderIdentification MessageID ServiceCode TimeStamp ReadReply EarliestDeliveryTime "
        "DistributionIndicator Content",
    ),
    (ReplaceRsp(status=OK), "MM7Version Status"),
    (
        DeliveryReportReq(
            relay_server_id="mmsc",
            message_id="m1",
            recipient=PHONE,
            sender=CODE,
            date=AT,
            status=MMStatus.REJECTED,
            status_extension="RejectionByMMSRecipient",
            status_text="t",
        ),
        "MM7Version MMSRelayServerID MessageID Recipient Sender Date MMStatus MMStatusExtension StatusText",
    ),
    (DeliveryReportRsp(status=OK), "MM7Version Status"),
    (
        ReadReplyReq(
            relay_server_id="mmsc",
            message_id="m1",
            recipient=PHONE,
            sender=CODE,
            time_stamp=AT,
            status=ReadStatus.READ,
            status_text="t",
        ),
        "MM7Version MMSRelayServerID MessageID Recipient Sender TimeStamp MMStatus StatusText",
    ),
    (ReadReplyRsp(status=OK), "MM7Version Status"),
    (RSErrorRsp(status=OK), "MM7Version Status"),
    (VASPErrorRsp(status=OK), "MM7Version Status"),
]
NAMES = [type(message).__name__ for message, _ in MESSAGES]
REL6 = DIALECTS["rel6-4"]


def xml_of(encoded: codec.Encoded) -> bytes:
    whole, _ = multipart.parse(encoded.body, encoded.headers["Content-Type"])
    part = whole.root or whole
    return bytes(part.content)


def names(parent: etree._Element) -> list[str]:
    return [etree.QName(child).localname for child in parent]


def body_of(message: Message, dialect: Dialect) -> etree._Element:
    root = etree.fromstring(xml_of(codec.encode(message, transaction_id="t1", dialect=dialect)))
    assert names(root) == ["Header", "Body"]
    assert root[0][0].text == "t1"
    assert root[0][0].get("{http://schemas.xmlsoap.org/soap/envelope/}mustUnderstand") == "1"
    assert etree.QName(root[0][0]).namespace == dialect.namespace
    (element,) = root[1]
    return element


@pytest.mark.parametrize("message, order", MESSAGES, ids=NAMES)
def test_the_order_is_the_schema_s(message: Message, order: str) -> None:
    element = body_of(message, REL6)
    assert etree.QName(element) == etree.QName(REL6.namespace, type(message).__name__)
    assert names(element) == order.split()
    assert {etree.QName(node).namespace for node in element.iter()} == {REL6.namespace}
    assert element[0].text == "6.8.0"


def test_every_message_of_mm7_is_here() -> None:
    assert sorted(name.lower() for name in NAMES) == sorted(messages.BY_NAME)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("message", [message for message, _ in MESSAGES], ids=NAMES)
def test_each_message_comes_back_in_each_dialect(message: Message, dialect: Dialect) -> None:
    encoded = codec.encode(message, transaction_id="t-1", dialect=dialect)
    received = codec.decode(encoded.body, encoded.headers["Content-Type"], dialect)
    expected = message
    if isinstance(message, DeliverReq) and not dialect.vas_in_deliver:
        expected = replace(message, vaspid="", vasid="")
    if isinstance(message, SubmitReq | DeliverReq | ReplaceReq) and not dialect.content_element:
        expected = replace(message, allow_adaptations=None)
    assert received.message == expected
    assert (received.transaction_id, received.namespace, received.version) == (
        "t-1",
        dialect.namespace,
        dialect.version,
    )
    assert received.forgave == ()
    assert received.answer_in(REL6).namespace == dialect.namespace
    assert received.answer_in(REL6).version == dialect.version


def test_xmllint_finds_everything_well_formed() -> None:
    for dialect in [*DIALECTS.values(), replace(DIALECTS["china-mobile"], xml_charset="GB2312")]:
        for message, _ in MESSAGES:
            xml = xml_of(codec.encode(message, transaction_id="t<1", dialect=dialect))
            subprocess.run(["xmllint", "--noout", "-"], input=xml, check=True, capture_output=True)
        fault = codec.encode(Fault(text="a<b", detail=RSErrorRsp(status=OK)), transaction_id="t", dialect=dialect)
        subprocess.run(["xmllint", "--noout", "-"], input=fault.body, check=True, capture_output=True)


@pytest.mark.parametrize(
    "name, namespace, version",
    [
        ("rel5-0", "REL-5-MM7-1-0", "5.3.0"),
        ("rel5-1", "REL-5-MM7-1-1", "5.3.0"),
        ("rel5-2", "REL-5-MM7-1-2", "5.3.0"),
        ("rel5-3", "REL-5-MM7-1-3", "5.6.0"),
        ("rel6-0", "REL-6-MM7-1-0", "6.3.0"),
        ("rel6-4", "REL-6-MM7-1-4", "6.8.0"),
        ("china-mobile", "REL-6-MM7-1-0", "6.3.0"),
        ("china-unicom", "REL-6-MM7-1-0", "6.3.0"),
        ("mbuni", "REL-5-MM7-1-0", "5.3.0"),
    ],
)
def test_namespaces_and_versions(name: str, namespace: str, version: str) -> None:
    assert (DIALECTS[name].namespace, DIALECTS[name].version) == (SCHEMAS + namespace, version)


def test_another_version_is_a_setting() -> None:
    assert body_of(SUBMIT, replace(DIALECTS["rel5-2"], version="5.5.0"))[0].text == "5.5.0"
    with pytest.raises(ValueError, match="version"):
        replace(DIALECTS["rel5-2"], version="5.5")


def test_china_mobile_s_form() -> None:
    dialect = DIALECTS["china-mobile"]
    message = replace(
        SUBMIT, time_stamp=None, earliest_delivery_time=None, expiry_date=None, distribution_indicator=None
    )
    encoded = codec.encode(message, transaction_id="11111111", dialect=dialect)
    assert encoded.headers["MM7APIVersion"] == "V1.5.3_20040621"
    assert encoded.headers["SOAPAction"] == '""'
    assert encoded.headers["Content-Type"].endswith('; type="text/xml"; start="</tnn-200102/mm7-vasp>"')
    assert encoded.body.startswith(b"this is a multi-part message in MIME format\r\n\r\n--")
    assert b"Content-ID: </tnn-200102/mm7-vasp>\r\n" in encoded.body
    xml = xml_of(encoded).decode()
    space = SCHEMAS + "REL-6-MM7-1-0"
    assert xml == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Header>'
        f'<mm7:TransactionID xmlns:mm7="{space}" env:mustUnderstand="1">11111111</mm7:TransactionID></env:Header>'
        f'<env:Body><SubmitReq xmlns="{space}"><MM7Version>6.3.0</MM7Version>'
        "<SenderIdentification><VASPID>900001</VASPID><VASID>8878</VASID><SenderAddress>8878</SenderAddress>"
        "</SenderIdentification><Recipients><To><Number>8613800138000</Number></To>"
        "<Cc><RFC2822Address>a@b.test</RFC2822Address></Cc><Bcc><Number>13900139000</Number></Bcc></Recipients>"
        "<ServiceCode>110001</ServiceCode><LinkedID>l1</LinkedID><MessageClass>Personal</MessageClass>"
        "<DeliveryReport>true</DeliveryReport><ReadReply>false</ReadReply><Priority>High</Priority>"
        "<Subject>彩信贺卡</Subject><ChargedParty>ThirdParty</ChargedParty>"
        "<ChargedPartyID>8613900139000</ChargedPartyID></SubmitReq></env:Body></env:Envelope>"
    )


def test_china_mobile_s_charset_is_a_setting() -> None:
    dialect = replace(DIALECTS["china-mobile"], xml_charset="GB2312")
    encoded = codec.encode(replace(SUBMIT, subject="贺卡 😀 ©"), transaction_id="1", dialect=dialect)
    xml = xml_of(encoded)
    assert b'encoding="GB2312"' in xml
    assert b'Content-Type: text/xml; charset="GB2312"' in encoded.body
    assert "<Subject>贺卡 ".encode("gb2312") + b"&#128512; &#169;</Subject>" in xml
    with pytest.raises(ValueError, match="xml_charset"):
        replace(dialect, xml_charset="KOI8-R")


@pytest.mark.parametrize(
    "status, number",
    [
        (MMStatus.EXPIRED, "0"),
        (MMStatus.RETRIEVED, "1"),
        (MMStatus.REJECTED, "2"),
        (MMStatus.INDETERMINATE, "4"),
        (MMStatus.FORWARDED, "5"),
        (MMStatus.DEFERRED, "Deferred"),
    ],
)
def test_china_mobile_s_reports_carry_numbers(status: MMStatus, number: str) -> None:
    report = DeliveryReportReq(message_id="m", recipient=PHONE, sender=CODE, date=AT, status=status)
    element = body_of(report, DIALECTS["china-mobile"])
    assert element.findtext("{*}MMStatus") == number
    assert element.findtext("{*}Date") == "2026-11-23T17:30:00+08:00"


def test_mbuni_gets_a_prefix_and_the_content_named() -> None:
    encoded = codec.encode(SUBMIT, transaction_id="1", dialect=DIALECTS["mbuni"])
    xml = xml_of(encoded)
    assert b"<mm7:SubmitReq xmlns:mm7=" in xml
    assert b'<mm7:Content href="cid:all" allowAdaptations="true"/>' in xml
    assert b"Content-ID: <all>\r\n" in encoded.body


def test_a_content_id_is_a_url_in_href() -> None:
    content = Part(media_type="image/gif", content=b"GIF", content_id="a b%<x>@y")
    encoded = codec.encode(replace(SUBMIT, content=content), transaction_id="1", dialect=REL6)
    assert b'href="cid:a%20b%25%3Cx%3E@y"' in xml_of(encoded)
    received = codec.decode(encoded.body, encoded.headers["Content-Type"], REL6)
    assert isinstance(received.message, SubmitReq)
    assert received.message.content == content
    assert received.forgave == ()


def test_a_display_only_recipient_is_shown_and_not_sent_to() -> None:
    shown = Address(kind=Kind.NUMBER, value="1", display_only=True)
    message = replace(SUBMIT, recipients=Recipients(to=(PHONE, shown)))
    (number, other) = body_of(message, REL6).findall("{*}Recipients/{*}To/{*}Number")
    assert (number.get("displayOnly"), other.get("displayOnly")) == (None, "true")
    assert message.recipients.all == (PHONE,)


@pytest.mark.parametrize(
    "message, what",
    [
        (replace(SUBMIT, recipients=Recipients()), "recipient"),
        (SubmitRsp(message_id="m"), "Status"),
        (DeliverReq(), "Sender"),
        (DeliveryReportReq(message_id="m", recipient=PHONE, sender=CODE, date=AT), "MMStatus"),
        (DeliveryReportReq(recipient=PHONE, sender=CODE, date=AT, status=MMStatus.EXPIRED), "MessageID"),
        (CancelReq(), "MessageID"),
        (replace(SUBMIT, expiry_date=timedelta(days=-1)), "past"),
        (replace(SUBMIT, expiry_date=datetime(2026, 1, 1)), "zone"),  # noqa: DTZ001  a naive time is the point
    ],
)
def test_what_is_missing_is_not_sent(message: Message, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        codec.encode(message, transaction_id="1", dialect=REL6)


def test_a_transaction_has_an_id() -> None:
    with pytest.raises(ValueError, match="TransactionID"):
        codec.encode(SUBMIT, transaction_id="", dialect=REL6)


def test_control_characters_do_not_get_into_the_xml() -> None:
    element = body_of(replace(SUBMIT, subject="a\x00b\x1bc\ufffed"), REL6)
    assert element.findtext("{*}Subject") == "abcd"


@pytest.mark.parametrize("code", [1000, 2004, 4006])
def test_each_request_has_its_response(code: int) -> None:
    for name in ("SubmitReq", "DeliverReq", "DeliveryReportReq", "ReadReplyReq", "CancelReq", "ReplaceReq"):
        request = next(message for message, _ in MESSAGES if type(message).__name__ == name)
        assert isinstance(request, messages.Request)
        response = messages.response_to(request, code)
        assert (type(response).__name__, response.status.code) == (name.removesuffix("Req") + "Rsp", code)
