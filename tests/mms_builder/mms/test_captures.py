"""What others sent is read as they meant it; what is strict enough comes out again octet by octet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from caiyou.errors import ProtocolError
from mms_builder.mms import (
    Address,
    ContentType,
    MessageClass,
    NotificationInd,
    NotifyRespInd,
    Part,
    Priority,
    ResponseStatus,
    RetrieveConf,
    SendConf,
    Status,
    Version,
    decode,
    encode,
)
from mms_builder.mms.push import decode_push, joined
from tests.mms_builder.mms.captures import (
    NOTIFY_CUT,
    NOTIFY_FROM_CHARSET,
    NOTIFY_PLMN,
    NOTIFY_SUBJECT,
    NOTIFYRESP,
    PUSH_SMS,
    RETRIEVE_CHARSET,
    RETRIEVE_NO_ID,
    RETRIEVE_TO,
    SEND_CONF,
    SEND_CONF_CORRUPT,
    WHOLE,
)

MIXED = ContentType("application/vnd.wap.multipart.mixed")


def read(octets: bytes) -> object:
    found = decode(octets)
    assert found.forgiven == ()
    return found.pdu


def test_notification() -> None:
    pdu = NotificationInd(
        transaction_id="OgQKKB",
        mms_version=Version.V10,
        sender=Address(value="Erotik"),
        subject="Pin-Ups",
        message_class=MessageClass.PERSONAL,
        message_size=16384,
        expiry=timedelta(seconds=259200),
        content_location="http://eps3.de/O/Z9IZO",
    )
    assert read(NOTIFY_SUBJECT) == pdu
    other = decode(NOTIFY_PLMN).pdu
    assert isinstance(other, NotificationInd)
    assert other.sender == Address(value="15551230000", kind="PLMN")
    assert (other.subject, other.message_size) == ("", 23069)
    assert other.content_location == "http://mmsc11:10021/mmsc/1_1?wLJeT7THu"


def test_from_with_a_charset() -> None:
    pdu = read(NOTIFY_FROM_CHARSET)
    assert isinstance(pdu, NotificationInd)
    assert pdu.sender == Address(value="19162255887")
    assert pdu.delivery_report is True
    assert pdu.mms_version == Version.V12


def test_retrieve_with_charset() -> None:
    assert read(RETRIEVE_CHARSET) == RetrieveConf(
        transaction_id="1201657238",
        mms_version=Version.V13,
        message_id="mt-212",
        date=datetime(2008, 1, 30, 1, 40, 38, tzinfo=UTC),
        sender=Address(value="+49891000", kind="PLMN"),
        subject="MMS-1.3-con-212",
        content_type=MIXED,
        parts=(
            Part(
                content_type=ContentType("text/plain", (("name", "Text_us-ascii.txt"),)),
                data=b"The quick brown fox jumped over the lazy dog 1234567890/!()",
                content_id="Text_us-ascii.txt",
                content_location="Text_us-ascii.txt",
            ),
        ),
    )


def test_to_three_times() -> None:
    pdu = read(RETRIEVE_TO)
    assert isinstance(pdu, RetrieveConf)
    assert [str(one) for one in pdu.to] == [f"+{digit * 10}/TYPE=PLMN" for digit in "123"]
    assert (pdu.priority, pdu.delivery_report, pdu.read_report) == (Priority.NORMAL, False, False)
    assert pdu.parts[0].data == b"\xef\xbb\xbfHello World"
    assert pdu.parts[0].name == "/tmp/php8vlfyB"  # noqa: S108  as it was sent: whoever stores it takes no path from it


def test_no_transaction_id() -> None:
    pdu = read(RETRIEVE_NO_ID)
    assert isinstance(pdu, RetrieveConf)
    assert (pdu.transaction_id, pdu.subject) == ("", "test without transaction ID")


@pytest.mark.parametrize(
    "pdu, octets",
    [
        (
            SendConf(
                transaction_id="31887",
                mms_version=Version.V10,
                response_status=ResponseStatus.OK,
                message_id="4dc268d71438a",
            ),
            SEND_CONF,
        ),
        (
            SendConf(
                transaction_id="31888",
                mms_version=Version.V10,
                response_status=ResponseStatus.PERMANENT_MESSAGE_FORMAT_CORRUPT,
            ),
            SEND_CONF_CORRUPT,
        ),
        (NotifyRespInd(transaction_id="0123456789abcdef", status=Status.RETRIEVED), NOTIFYRESP),
    ],
)
def test_both_ways(pdu: SendConf | NotifyRespInd, octets: bytes) -> None:
    assert read(octets) == pdu
    assert encode(pdu) == octets


@pytest.mark.parametrize("octets", WHOLE.values(), ids=WHOLE.keys())
def test_written_again_and_read_again(octets: bytes) -> None:
    pdu = decode(octets).pdu
    assert decode(encode(pdu)) == (pdu, ())


def test_a_text_without_its_end_is_no_text() -> None:
    """Half a URL fetches nothing; better not to know it."""
    with pytest.raises(ProtocolError, match="X-Mms-Content-Location: a text without"):
        decode(NOTIFY_CUT)
    pdu = decode(NOTIFY_CUT + b"\0").pdu
    assert isinstance(pdu, NotificationInd)
    assert pdu.message_size == 0x00018BD8


def test_push_in_two_sms() -> None:
    push = decode_push(joined(reversed(PUSH_SMS)))
    assert push.is_mms
    assert (push.tid, push.application_id, push.forgiven) == (1, "4", ())
    pdu = read(push.body)
    assert isinstance(pdu, NotificationInd)
    assert pdu.transaction_id == "NOK5CiKcoTMYSG4MBSwAAsKv14FUHAAAAAAAA"
    assert pdu.sender == Address(value="+447785342749", kind="PLMN")
    assert (pdu.message_size, pdu.expiry) == (29696, timedelta(seconds=72000))
    assert pdu.content_location == "http://promms/servlets/NOK5CiKcoTMYSG4MBSwAAsKv14FUHAAAAAAAA"
