"""Our codec against python-messaging 0.5.13, which nobody here wrote, both ways.

It knows the fields of MMS 1.0 only. Where it is wrong, a test of its own pins down how, and the others stay out of
just that.
"""

from __future__ import annotations

from array import array
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from messaging.mms.message import DataPart, MMSMessage, MMSMessagePage
from messaging.sms.wap import extract_push_notification, is_a_wap_push_notification

from mms_builder.mms import (
    INSERT_ADDRESS,
    AcknowledgeInd,
    Address,
    ContentType,
    DeliveryInd,
    MessageClass,
    NotificationInd,
    NotifyRespInd,
    Part,
    Pdu,
    Priority,
    ResponseStatus,
    RetrieveConf,
    SendConf,
    SendReq,
    Status,
    Version,
    decode,
    encode,
)
from mms_builder.mms.push import encode_push

AT = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)
PHONE = Address.phone("8613800138000")
PHONE_TEXT = "+8613800138000/TYPE=PLMN"
RELATED = "application/vnd.wap.multipart.related"
PARTS = (
    Part(content_type=ContentType("application/smil"), data=b"<smil></smil>", content_id="s"),
    Part(
        content_type=ContentType("text/plain", (("charset", "utf-8"), ("name", "t.txt"))),
        data="彩信".encode(),
        content_location="t.txt",
    ),
    Part(content_type=ContentType("image/jpeg", (("name", "p.jpg"),)), data=bytes(range(256)) * 3),
)


def theirs_of(pdu: Pdu) -> Any:
    return MMSMessage.from_data(array("B", encode(pdu)))


@pytest.mark.parametrize(
    "pdu, headers",
    [
        (
            SendConf(transaction_id="T", response_status=ResponseStatus.OK, response_text="fine", message_id="m"),
            {"Message-Type": "m-send-conf", "Response-Status": "Ok", "Response-Text": "fine", "Message-ID": "m"},
        ),
        (
            NotificationInd(
                transaction_id="T",
                sender=PHONE,
                subject="彩信 😀",
                message_size=70_000,
                expiry=timedelta(days=3),
                content_location="http://mms.test/1",
            ),
            {
                "Message-Type": "m-notification-ind",
                "From": PHONE_TEXT,
                "Subject": "彩信 😀",
                "Message-Class": "Personal",
                "Message-Size": 70_000,
                "Expiry": 259_200,
                "Content-Location": "http://mms.test/1",
            },
        ),
        (
            NotifyRespInd(transaction_id="T", status=Status.RETRIEVED, report_allowed=False),
            {"Message-Type": "m-notifyresp-ind", "Status": "Retrieved", "Report-Allowed": False},
        ),
        (AcknowledgeInd(transaction_id="T"), {"Message-Type": "m-acknowledge-ind"}),
        (
            DeliveryInd(message_id="m", to=(PHONE,), date=AT, status=Status.EXPIRED),
            {
                "Message-Type": "m-delivery-ind",
                "Message-ID": "m",
                "To": PHONE_TEXT,
                "Date": AT.replace(tzinfo=None),
                "Status": "Expired",
            },
        ),
    ],
)
def test_it_reads_ours(pdu: Pdu, headers: dict[str, Any]) -> None:
    found = theirs_of(pdu).headers
    assert {name: found[name] for name in headers} == headers
    assert found["MMS-Version"] == "1.2"


@pytest.mark.parametrize("mms_version", [Version.V10, Version.V12, Version.V13])
def test_it_reads_our_messages(mms_version: Version) -> None:
    related = ContentType(RELATED, (("type", "application/smil"), ("start", "<s>")))
    common: dict[str, Any] = {
        "transaction_id": "T",
        "mms_version": mms_version,
        "date": AT,
        "subject": "Hello",
        "message_class": MessageClass.PERSONAL,
        "priority": Priority.HIGH,
        "delivery_report": True,
        "read_report": False,
        "content_type": related,
        "parts": PARTS,
    }
    for pdu in (SendReq(to=(PHONE,), **common), RetrieveConf(sender=PHONE, to=(PHONE,), message_id="m", **common)):
        found = theirs_of(pdu)
        assert found.headers["Content-Type"] == (RELATED, {"Type": "application/smil", "Start": "<s>"})
        assert found.headers["To"] == PHONE_TEXT
        assert found.headers["From"] == ("<not inserted>" if isinstance(pdu, SendReq) else PHONE_TEXT)
        assert (found.headers["Delivery-Report"], found.headers["Read-Reply"]) == (True, False)
        smil, text, picture = found.data_parts
        assert (smil.content_type, text.content_type, picture.content_type) == (
            "application/smil",
            "text/plain",
            "image/jpeg",
        )
        assert text.content_type_parameters == {"Charset": "utf-8", "Name": "t.txt"}
        assert [part.data for part in found.data_parts] == [part.data for part in PARTS]


def test_it_reads_our_push() -> None:
    push = encode_push(
        encode(NotificationInd(transaction_id="T9", message_size=1, expiry=AT, content_location="http://a"))
    )
    assert is_a_wap_push_notification(push)
    found = extract_push_notification(push)
    assert (found.headers["Transaction-Id"], found.headers["Content-Location"]) == ("T9", "http://a")


def theirs(**headers: Any) -> Any:
    message = MMSMessage()
    message.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return message


def octets(message: Any) -> bytes:
    return bytes(message.encode())


def test_we_read_its_messages() -> None:
    message = theirs(Message_Type="m-send-req", To="+34666/TYPE=PLMN", From="", Subject="hola", Transaction_Id="77")
    for text in ("first", "second"):
        page = MMSMessagePage()
        page.add_text(text)
        message.add_page(page)
    found = decode(octets(message))
    pdu = found.pdu
    assert isinstance(pdu, SendReq)
    assert found.forgiven == ()
    assert (pdu.transaction_id, pdu.sender, pdu.subject) == ("77", INSERT_ADDRESS, "hola")
    assert pdu.to == (Address(value="+34666", kind="PLMN"),)
    assert pdu.content_type == ContentType(RELATED)
    assert [(part.content_type.media_type, part.content_id) for part in pdu.parts] == [
        ("application/smil", "0000"),
        ("text/plain", ""),
        ("text/plain", ""),
    ]
    assert [part.data for part in pdu.parts[1:]] == [b"first", b"second"]


def test_we_read_its_answer_to_a_notification() -> None:
    found = decode(octets(theirs(Message_Type="m-notifyresp-ind", Transaction_Id="N1", Status="Retrieved")))
    assert found.pdu == NotifyRespInd(transaction_id="N1", mms_version=Version.V10, status=Status.RETRIEVED)
    assert len(found.forgiven) == 1  # it gives every PDU a body


# --- where it is wrong


def test_it_counts_parts_that_it_leaves_out() -> None:
    """Parts outside pages are in nEntries and not in the body."""
    message = theirs(Message_Type="m-retrieve-conf", From="+34666/TYPE=PLMN", To="+34667/TYPE=PLMN")
    part = DataPart()
    part.set_data("never sent", "text/plain")
    message.add_data_part(part)
    found = decode(octets(message))
    assert isinstance(found.pdu, RetrieveConf)
    assert len(found.pdu.parts) == 1
    assert "nEntries 2, but 1 parts" in found.forgiven


def test_it_writes_no_content_type_with_parameters() -> None:
    """Nor a message class, a URL or a yes: their encoders were not taken along to Python 3, or never written."""
    message = theirs(Message_Type="m-send-req", To="+34666/TYPE=PLMN", Content_Type=(RELATED, {"Start": "<0000>"}))
    with pytest.raises(AttributeError, match="sort"):
        message.encode()
    with pytest.raises(AttributeError, match="encode_message_class_value"):
        theirs(Message_Class="Personal").encode()
    with pytest.raises(AttributeError, match="encode_uri_value"):
        theirs(Content_Location="http://a/b").encode()
    with pytest.raises(AttributeError, match="encode_boolean_value"):
        theirs(Report_Allowed=True).encode()


def test_it_lacks_what_came_after_1_0() -> None:
    """X-Mms-Retrieve-Status is taken for the WSP header If-None-Match, and everything behind it goes astray."""
    pdu = RetrieveConf(date=AT, retrieve_status=0x80, content_type=ContentType(RELATED), parts=PARTS[:1])
    found = theirs_of(pdu)
    assert "If-None-Match" in found.headers
    assert found.data_parts == []


def test_it_takes_headers_of_parts_for_fields_of_mms() -> None:
    """8Eh is Content-Location in a part and Message-Size in a PDU; it drops the one and loses the other."""
    found = theirs_of(SendReq(transaction_id="T", to=(PHONE,), parts=PARTS))
    smil, text, _ = found.data_parts
    assert smil.headers == {"Content-Type": ("application/smil", {}), '"': "s>"}
    assert set(text.headers) == {"Content-Type"}


def test_it_reads_multiparts_only() -> None:
    text = ContentType("text/plain")
    pdu = SendReq(transaction_id="T", content_type=text, parts=(Part(content_type=text, data=b"Hello"),))
    with pytest.raises(StopIteration):
        theirs_of(pdu)


def test_it_keeps_one_to() -> None:
    found = theirs_of(SendReq(transaction_id="T", to=(PHONE, Address(value="li@x.test")), parts=PARTS))
    assert found.headers["To"] == "li@x.test"
