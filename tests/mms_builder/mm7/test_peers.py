"""What real peers send: shortened, with the source; and the oddities of protocols and platforms that have one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mms_builder.mm7 import codec
from mms_builder.mm7.address import Address, Kind
from mms_builder.mm7.codes import ChargedParty, MMStatus, Priority, ReadStatus
from mms_builder.mm7.dialect import DIALECTS
from mms_builder.mm7.messages import (
    DeliverReq,
    DeliveryReportReq,
    Fault,
    ReadReplyReq,
    RSErrorRsp,
    SubmitReq,
    SubmitRsp,
    handset_of,
    response_to,
)

REL6 = DIALECTS["rel6-4"]
CMCC = DIALECTS["china-mobile"]
SCHEMAS = "http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/"
BEIJING = timezone(timedelta(hours=8))


def soap(inner: str, space: str = "REL-6-MM7-1-0", transaction: str = "t1", declaration: str = "") -> bytes:
    return (
        f'{declaration}<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Header>'
        f'<mm7:TransactionID xmlns:mm7="{SCHEMAS}{space}" env:mustUnderstand="1">{transaction}</mm7:TransactionID>'
        f"</env:Header><env:Body>{inner}</env:Body></env:Envelope>"
    ).encode()


def report(inner: str) -> DeliveryReportReq:
    body = soap(f'<DeliveryReportReq xmlns="{SCHEMAS}REL-6-MM7-1-0">{inner}</DeliveryReportReq>')
    message = codec.decode(body, "text/xml", CMCC).message
    assert isinstance(message, DeliveryReportReq)
    return message


# Nokia MMS Center, gist dsignr/6546ec7f3ff65dcaea6ce11c38cf951a: its own prefix, /TYPE=PLMN in Number, 1 for true, an
# outer boundary with = and _ in it, blank lines before the first boundary.
NOKIA = (
    b"\r\n\r\n--Nokia-mm-messageHandler-BoUnDaRy-=_-1254324197\r\n"
    b'Content-Type: text/xml; charset="utf-8"\r\nContent-ID: <OR9L26L7-FR38-Q66NU18C>\r\n\r\n'
    b'<?xml version="1.0" encoding="utf-8"?>\r\n'
    b'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header>'
    b'<mm7p550:TransactionID soap:mustUnderstand="1" soap:encodingStyle="" xmlns:mm7p550="http://www.3gpp.org/ftp/Specs'
    b'/archive/23_series/23.140/schema/REL-5-MM7-1-2">8V4Y1FL7</mm7p550:TransactionID></soap:Header><soap:Body>'
    b'<mm7p550:DeliverReq xmlns:mm7p550="http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/REL-5-MM7-1-2">'
    b"<mm7p550:MM7Version>5.3.0</mm7p550:MM7Version>"
    b"<mm7p550:MMSRelayServerID>Nokia MMS Center MC4.0</mm7p550:MMSRelayServerID>"
    b"<mm7p550:LinkedID>TP4HSlKEmx4AAEjn</mm7p550:LinkedID>"
    b"<mm7p550:Sender><mm7p550:Number>+447700900285/TYPE=PLMN</mm7p550:Number></mm7p550:Sender>"
    b"<mm7p550:Recipients><mm7p550:To><mm7p550:Number>80808/TYPE=PLMN</mm7p550:Number></mm7p550:To>"
    b"</mm7p550:Recipients><mm7p550:TimeStamp>2010-12-07T10:07:07Z</mm7p550:TimeStamp>"
    b"<mm7p550:Priority>Normal</mm7p550:Priority><mm7p550:Subject>Bubbles</mm7p550:Subject>"
    b'<mm7p550:Content href="cid:K627LN9E-4LP6-913XY2IZ" allowAdaptations="1">\r\n</mm7p550:Content>'
    b"</mm7p550:DeliverReq></soap:Body></soap:Envelope>\r\n"
    b"--Nokia-mm-messageHandler-BoUnDaRy-=_-1254324197\r\n"
    b"Content-ID: <K627LN9E-4LP6-913XY2IZ>\r\n"
    b'Content-Type: multipart/related; boundary="in"; type="application/smil"; start="<0>"\r\n\r\n'
    b"--in\r\nContent-ID: <0>\r\nContent-Type: application/smil\r\n\r\n<smil/>\r\n"
    b"--in\r\nContent-ID: <1>\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n/9j/\r\n"
    b"--in--\r\n"
    b"--Nokia-mm-messageHandler-BoUnDaRy-=_-1254324197--\r\n"
)
NOKIA_TYPE = (
    'multipart/related; type="text/xml"; start="<OR9L26L7-FR38-Q66NU18C>"; '
    'boundary="Nokia-mm-messageHandler-BoUnDaRy-=_-1254324197"'
)


def test_nokia_s_deliver() -> None:
    received = codec.decode(NOKIA, NOKIA_TYPE, REL6)
    message = received.message
    assert isinstance(message, DeliverReq)
    assert received.forgave == ()
    assert message.sender == Address(kind=Kind.NUMBER, value="+447700900285")
    assert message.recipients.all == (Address(kind=Kind.NUMBER, value="80808"),)
    assert message.time_stamp == datetime(2010, 12, 7, 10, 7, 7, tzinfo=UTC)
    assert (message.linked_id, message.subject, message.priority) == ("TP4HSlKEmx4AAEjn", "Bubbles", Priority.NORMAL)
    assert message.allow_adaptations is True
    assert message.content is not None
    assert [part.content for part in message.content.parts] == [b"<smil/>", b"\xff\xd8\xff"]
    assert message.content.root is message.content.parts[0]
    answer = codec.encode(
        response_to(message), transaction_id=received.transaction_id, dialect=received.answer_in(CMCC)
    )
    back = codec.decode(answer.body, answer.headers["Content-Type"], REL6)
    assert (back.transaction_id, back.namespace, back.version) == ("8V4Y1FL7", SCHEMAS + "REL-5-MM7-1-2", "5.3.0")


# China Mobile's API (zbensoft's tests of it): nothing escaped, a preamble, an odd start, no Content; sent with the type
# text/xml once. Its ReplaceReq delimits the inner parts with two dashes too many.
CMCC_SUBMIT = (
    "this is a multi-part message in MIME format\r\n\r\n\r\n----NextPart_0_2817_24856\r\n"
    'Content-Type:text/xml;charset="UTF-8"\r\nContent-Transfer-Encoding:8bit\r\n'
    "Content-ID:</tnn-200102/mm7-vasp>\r\n\r\n"
    + soap(
        f'<SubmitReq xmlns="{SCHEMAS}REL-6-MM7-1-0"><MM7Version>6.3.0</MM7Version><SenderIdentification>'
        "<VASPID>111</VASPID><VASID>4321</VASID><SenderAddress>10664321</SenderAddress></SenderIdentification>"
        "<Recipients><To><Number>8613111111111</Number></To></Recipients><ServiceCode>123400</ServiceCode>"
        "<DeliveryReport>true</DeliveryReport><Subject>A&B 彩信</Subject><ChargedParty>Recipient</ChargedParty>"
        "<ChargedPartyID>8613111111111</ChargedPartyID></SubmitReq>",
        declaration='<?xml version="1.0" encoding="UTF-8"?>',
    ).decode()
    + "\r\n----NextPart_0_2817_24856\r\n"
    'Content-Type:multipart/mixed;boundary="SubPart_7452684322002_77645"\r\nContent-ID:<SaturnPics-01020930>\r\n'
    "Content-Transfer-Encoding:8bit\r\n\r\n--SubPart_7452684322002_77645\r\nContent-Type:text/plain;charset=UTF-8\r\n"
    "Content-Transfer-Encoding:8bit\r\nContent-ID:1.txt\r\n\r\n你好\r\n\r\n--SubPart_7452684322002_77645--\r\n"
    "----NextPart_0_2817_24856--"
).encode()
CMCC_TYPE = 'multipart/related; boundary="--NextPart_0_2817_24856";type="text/xml";start="</tnn-200102/mm7-vasp>"'


@pytest.mark.parametrize(
    "content_type, forgiven", [(CMCC_TYPE, ()), ("text/xml;charset=UTF-8", ("content type", "boundary"))]
)
def test_china_mobile_s_submit(content_type: str, forgiven: tuple[str, ...]) -> None:
    received = codec.decode(CMCC_SUBMIT, content_type, CMCC)
    message = received.message
    assert isinstance(message, SubmitReq)
    assert message.subject == "A&B 彩信"
    assert message.sender.address == Address(kind=Kind.NUMBER, value="10664321")
    assert message.charged_party is ChargedParty.RECIPIENT
    assert message.content is not None
    assert message.content.content_id == "SaturnPics-01020930"
    assert [(part.content_id, part.content) for part in message.content.parts] == [("1.txt", "你好\r\n".encode())]
    assert received.forgave == (*forgiven, "a bare & or a control character")


def test_china_mobile_s_inner_delimiters_in_replace() -> None:
    octets = CMCC_SUBMIT.replace(b"\r\n--SubPart_7452684322002_77645\r\n", b"\r\n----SubPart_7452684322002_77645\r\n")
    received = codec.decode(octets, CMCC_TYPE, CMCC)
    assert isinstance(received.message, SubmitReq)
    assert received.message.content is not None
    (part,) = received.message.content.parts
    assert part.content_id == "1.txt"
    assert "你好".encode() in bytes(part.content)
    assert "boundary" in received.forgave


@pytest.mark.parametrize("declared", ["GB2312", "GBK", "gb18030"])
def test_chinese_charsets_of_the_xml(declared: str) -> None:
    text = (
        f'<?xml version="1.0" encoding="{declared}"?>'
        + soap(f'<SubmitReq xmlns="{SCHEMAS}REL-6-MM7-1-0"><Subject>镕基堃 彩信</Subject></SubmitReq>').decode()
    )
    received = codec.decode(text.encode("gb18030"), f'text/xml;charset="{declared}"', CMCC)
    assert isinstance(received.message, SubmitReq)
    assert received.message.subject == "镕基堃 彩信"  # 镕 and 堃 are not in GB2312 proper
    assert received.forgave == ()


@pytest.mark.parametrize(
    "octets, content_type",
    [
        (lambda text: ('<?xml version="1.0" encoding="GB2312"?>' + text).encode(), "text/xml"),
        (lambda text: ('<?xml version="1.0" encoding="UTF-8"?>' + text).encode("gbk"), "text/xml; charset=GBK"),
        (lambda text: ('<?xml version="1.0" encoding="utf-16"?>' + text).encode(), "text/xml"),
        (lambda text: text.encode("gbk"), "text/xml"),
    ],
    ids=["says GB2312, is UTF-8", "says UTF-8, is GBK", "says UTF-16, is UTF-8 (Vibes)", "says nothing, is GBK"],
)
def test_a_charset_that_is_not_the_declared_one(octets: Callable[[str], bytes], content_type: str) -> None:
    text = soap("<SubmitReq><Subject>生日快乐，万事如意，恭喜发财</Subject></SubmitReq>").decode()
    received = codec.decode(octets(text), content_type, CMCC)
    assert isinstance(received.message, SubmitReq)
    assert received.message.subject == "生日快乐，万事如意，恭喜发财"
    assert len(received.forgave) == 1


def test_utf_16_with_a_mark_is_read() -> None:
    text = soap("<SubmitReq><Subject>好</Subject></SubmitReq>").decode()
    received = codec.decode(("\ufeff" + text).encode("utf-16-le"), "text/xml; charset=utf-16", REL6)
    assert isinstance(received.message, SubmitReq)
    assert received.message.subject == "好"


def test_third_party_reports() -> None:
    """OkHttp and Tornado simulators of China Unicom's platform: Sender without a kind, TimeStamp for Date, no version,
    a namespace with a blank behind it, MMSStatusErrorCode 129, StatusText 1000, single digits in the date."""
    message = report(
        "<MMSRelayServerID>902500</MMSRelayServerID><MessageID>m1</MessageID>"
        "<Recipient><Number>8613161608360</Number></Recipient><Sender>1065580001</Sender>"
        "<TimeStamp>2014-3-24T10:34:50+08:00</TimeStamp><MMStatus>Retrieved</MMStatus>"
        "<MMSStatusErrorCode>129</MMSStatusErrorCode><StatusText>1000</StatusText>"
    )
    assert message == DeliveryReportReq(
        relay_server_id="902500",
        message_id="m1",
        recipient=Address(kind=Kind.NUMBER, value="8613161608360"),
        sender=Address(kind=Kind.NUMBER, value="1065580001"),
        date=datetime(2014, 3, 24, 10, 34, 50, tzinfo=BEIJING),
        status=MMStatus.RETRIEVED,
        status_text="1000",
    )


@pytest.mark.parametrize(
    "inner, status",
    [
        ("<MMStatus>Expired</MMStatus>", MMStatus.EXPIRED),
        ("<MMStatus>expired </MMStatus>", MMStatus.EXPIRED),
        ("<MMStatus>0</MMStatus>", MMStatus.EXPIRED),
        ("<MMStatus>1</MMStatus>", MMStatus.RETRIEVED),
        ("<MMStatus>2</MMStatus>", MMStatus.REJECTED),
        ("<MMStatus>3</MMStatus>", MMStatus.REJECTED),
        ("<MMStatus>4</MMStatus>", MMStatus.INDETERMINATE),
        ("<MMStatus>5</MMStatus>", MMStatus.FORWARDED),
        ("<MMStatus>1000</MMStatus>", MMStatus.RETRIEVED),
        ("<MMStatus>129</MMStatus>", MMStatus.RETRIEVED),
        ("<MMStatus>132</MMStatus>", MMStatus.UNRECOGNISED),
        ("<MMStatus>Unrecognized</MMStatus>", MMStatus.UNRECOGNISED),
        ("<MMStatus>NotSupported</MMStatus>", MMStatus.NOT_SUPPORTED),
        ("<MMStatus>用户拒绝</MMStatus>", MMStatus.REJECTED),
        ("<mmstatus>Rejected</mmstatus>", MMStatus.REJECTED),
        ("<MMSStatusErrorCode>128</MMSStatusErrorCode>", MMStatus.EXPIRED),
        ("<MMStatus>what</MMStatus><MMSStatusErrorCode>130</MMSStatusErrorCode>", MMStatus.REJECTED),
        ("<MMStatus>what</MMStatus>", MMStatus.INDETERMINATE),
        ("<MMStatus>77</MMStatus>", MMStatus.INDETERMINATE),
        ("<MMStatus/>", None),
        ("", None),
    ],
)
def test_states_in_words_and_numbers(inner: str, status: MMStatus | None) -> None:
    assert report(inner).status is status


@pytest.mark.parametrize(
    "word, status",
    [
        ("Read", ReadStatus.READ),
        ("Deleted", ReadStatus.DELETED),
        ("0", ReadStatus.READ),
        ("1", ReadStatus.DELETED),
        ("2", ReadStatus.INDETERMINATE),
        ("已读取", ReadStatus.READ),
        ("?", ReadStatus.INDETERMINATE),
    ],
)
def test_read_replies(word: str, status: ReadStatus) -> None:
    body = soap(
        f"<x:ReadReplyReq xmlns:x='u'><x:MessageID>m</x:MessageID><x:MMStatus>{word}</x:MMStatus></x:ReadReplyReq>"
    )
    message = codec.decode(body, "text/xml", REL6).message
    assert isinstance(message, ReadReplyReq)
    assert (message.status, message.message_id) == (status, "m")


def test_mbuni_s_report_is_turned_round() -> None:
    """Mbuni: Recipient is our code, Sender the handset, the TransactionID is the MessageID."""
    body = soap(
        f'<mm7:DeliveryReportReq xmlns:mm7="{SCHEMAS}REL-5-MM7-1-0"><mm7:MM7Version>5.3.0</mm7:MM7Version>'
        "<mm7:Recipient><mm7:ShortCode>8878</mm7:ShortCode></mm7:Recipient>"
        "<mm7:Sender><mm7:Number>13800138000</mm7:Number></mm7:Sender><mm7:Date>2026-11-23T01:02:03Z</mm7:Date>"
        "<mm7:MMStatus>Retrieved</mm7:MMStatus></mm7:DeliveryReportReq>",
        transaction="m-77",
    )
    received = codec.decode(body, "text/xml", DIALECTS["mbuni"])
    message = received.message
    assert isinstance(message, DeliveryReportReq)
    assert message.message_id == "m-77"
    assert received.forgave == ("no MessageID but the TransactionID",)
    phone = Address(kind=Kind.NUMBER, value="13800138000")
    code = Address(kind=Kind.SHORT_CODE, value="8878")
    assert handset_of(message, {"8878"}) == phone
    assert handset_of(message, set()) == phone
    turned = replace(message, recipient=phone, sender=code)
    assert handset_of(turned, {"8878"}) == phone
    assert handset_of(turned, set()) == phone
    assert handset_of(replace(message, recipient=None), {"8878"}) == phone
    long_code = Address(kind=Kind.NUMBER, value="1065588878")
    assert handset_of(replace(message, recipient=long_code), {"1065588878"}) == phone


def test_mbuni_s_fault_in_an_http_200() -> None:
    space = SCHEMAS + "REL-5-MM7-1-0"
    body = (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/">\n<SOAP-ENV:Header>\n'
        f'<TransactionID xmlns="{space}" SOAP-ENV:mustUnderstand="1">t9</TransactionID>\n</SOAP-ENV:Header>\n'
        "<SOAP-ENV:Body>\n<SOAP-ENV:Fault>\n<faultcode>SOAP-ENV:Client</faultcode>\n"
        "<faultstring>Client error</faultstring>\n<detail>\n"
        f'<RSErrorRsp xmlns="{space}">\n<MM7Version>5.3.0</MM7Version>\n<Status>\n<StatusCode>4004</StatusCode>\n'
        "<StatusText>Validation error</StatusText>\n</Status>\n</RSErrorRsp>\n</detail>\n</SOAP-ENV:Fault>\n"
        "</SOAP-ENV:Body>\n</SOAP-ENV:Envelope>\n"
    ).encode()
    received = codec.decode(body, "text/xml", DIALECTS["mbuni"])
    fault = received.message
    assert isinstance(fault, Fault)
    assert isinstance(fault.detail, RSErrorRsp)
    assert (fault.status.code, fault.status.text) == (4004, "Validation error")
    assert (received.version, received.transaction_id) == ("5.3.0", "t9")


def test_a_korean_error_without_fault_and_status() -> None:
    """KTF's relay: RSErrorRsp in the body itself, StatusCode right in it, the elements in any order, EUC-KR."""
    body = soap(
        f'<mm7:RSErrorRsp xmlns:mm7="{SCHEMAS}REL-5-MM7-1-2"><StatusText>번호이동</StatusText>'
        "<MM7Version>5.3.0</MM7Version><StatusCode>6102</StatusCode></mm7:RSErrorRsp>",
        transaction="tid ",
        declaration='<?xml version="1.0" encoding="euc-kr"?>',
    )
    received = codec.decode(body.decode().encode("euc-kr"), "text/xml;charset=euc-kr", REL6)
    assert isinstance(received.message, RSErrorRsp)
    assert (received.message.status.code, received.message.status.text) == (6102, "번호이동")
    assert received.transaction_id == "tid"
    assert received.forgave == ("no Status around its fields",)


@pytest.mark.parametrize("element", ["Details", "Detail", "StatusDetail"])
def test_details_hold_anything(element: str) -> None:
    body = soap(
        "<SubmitRsp><Status><StatusCode>1001</StatusCode><StatusText>Partial</StatusText>"
        f"<{element}><x><Number>1</Number><Number>2</Number></x></{element}></Status></SubmitRsp>"
    )
    message = codec.decode(body, "text/xml", REL6).message
    assert isinstance(message, SubmitRsp)
    assert (message.status.code, message.status.details) == (1001, "12")


def test_one_to_for_each_recipient_and_kinds_of_addresses() -> None:
    body = soap(
        "<SubmitReq><Recipients><To><Number>1</Number></To><To><ShortCode>22</ShortCode></To>"
        "<Cc><RFC2822Address>a@b.test</RFC2822Address><Number displayonly='TRUE'> +86 138 </Number></Cc>"
        "<Bcc><RFC2822Address>13800138000/TYPE=PLMN</RFC2822Address><Number></Number></Bcc></Recipients></SubmitReq>"
    )
    received = codec.decode(body, "text/xml", REL6)
    assert isinstance(received.message, SubmitReq)
    recipients = received.message.recipients
    assert [(one.kind, one.value) for one in recipients.to] == [(Kind.NUMBER, "1"), (Kind.SHORT_CODE, "22")]
    assert [(one.kind, one.value, one.display_only) for one in recipients.cc] == [
        (Kind.NUMBER, "+86 138", True),
        (Kind.MAIL, "a@b.test", False),
    ]
    assert [(one.kind, one.value) for one in recipients.bcc] == [(Kind.NUMBER, "13800138000")]
    assert received.forgave == ("an empty or unreadable address",)


@pytest.mark.parametrize(
    "written, read",
    [
        ("2026-11-23T09:30:00Z", datetime(2026, 11, 23, 9, 30, tzinfo=UTC)),
        ("2026-11-23T17:30:00.123+08:00", datetime(2026, 11, 23, 17, 30, tzinfo=BEIJING)),
        ("2026-11-23T17:30:00+0800", datetime(2026, 11, 23, 17, 30, tzinfo=BEIJING)),
        ("2026-11-23 17:30:00", datetime(2026, 11, 23, 17, 30, tzinfo=BEIJING)),
        ("P2D", timedelta(days=2)),
        ("PT90M", timedelta(minutes=90)),
        ("P1Y2M3DT4H5M6.7S", timedelta(days=365 + 60 + 3, hours=4, minutes=5, seconds=6)),
        ("P", None),
        ("PT", None),
        ("P9999Y", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-11-23T24:61:00Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("2026-11-23T00:00:00+99:99", None),
        ("tomorrow", None),
    ],
)
def test_times_as_written(written: str, read: datetime | timedelta | None) -> None:
    body = soap(f"<SubmitReq><ExpiryDate>{written}</ExpiryDate></SubmitReq>")
    received = codec.decode(body, "text/xml", CMCC)
    assert isinstance(received.message, SubmitReq)
    assert received.message.expiry_date == read
    assert received.forgave == (() if read else ("an unreadable ExpiryDate",))


CONTENT = (
    b'--b\r\nContent-Type: text/xml\r\n\r\n<e:Envelope xmlns:e="x"><e:Body><DeliverReq>%s</DeliverReq></e:Body>'
    b"</e:Envelope>\r\n--b\r\nContent-Type: image/gif\r\nContent-ID: <a>\r\n\r\nGIF\r\n%s--b--"
)
TYPE = "multipart/related; boundary=b"
SECOND = b"--b\r\nContent-Type: image/jpeg\r\nContent-ID: <%s>\r\n\r\nJPG\r\n"


@pytest.mark.parametrize(
    "element, second, content, forgiven",
    [
        (b'<Content href="cid:a"/>', b"", b"GIF", ()),
        (b'<Content href="a"/>', b"", b"GIF", ()),  # Mbuni's source: some leave cid: out
        (b"<Content href=' cid:&lt;A&gt; '/>", b"", b"GIF", ()),
        (b'<Content href="cid:a"/>', SECOND % b"b", b"GIF", ()),
        (b'<Content href="cid:b"/>', SECOND % b"b", b"JPG", ()),
        (b'<Content href="cid:a"/>', SECOND % b"a", b"GIF", ("one Content-ID twice",)),
        (b'<Content href="cid:z"/>', b"", b"GIF", ("no part of the Content's name",)),
        (b"", b"", b"GIF", ("no Content element",)),
        (b"", SECOND % b"b", None, ("no Content element",)),
    ],
)
def test_the_content_part(element: bytes, second: bytes, content: bytes | None, forgiven: tuple[str, ...]) -> None:
    received = codec.decode(CONTENT % (element, second), TYPE, REL6)
    assert isinstance(received.message, DeliverReq)
    found = received.message.content
    assert found is not None
    if content is None:
        assert (found.media_type, [part.content for part in found.parts]) == ("multipart/mixed", [b"GIF", b"JPG"])
    else:
        assert found.content == content
    assert received.forgave == forgiven


def test_a_deliver_without_content() -> None:
    received = codec.decode(soap("<DeliverReq><Subject>empty</Subject></DeliverReq>"), "application/octet-stream", REL6)
    assert isinstance(received.message, DeliverReq)
    assert received.message.content is None
    assert received.forgave == ("content type",)


def test_the_soap_part_may_be_last() -> None:
    xml = soap("<DeliverReq><Content href='cid:a'/></DeliverReq>")
    gif = b"--b\r\nContent-Type: image/gif\r\nContent-ID: <a>\r\n\r\nGIF\r\n"
    body = gif + b"--b\r\nContent-Type: text/xml\r\nContent-ID: <s>\r\n\r\n" + xml + b"\r\n--b--"
    for content_type, forgiven in [(TYPE + '; start="<s>"', ()), (TYPE, ("the SOAP part is not where start says",))]:
        received = codec.decode(body, content_type, REL6)
        assert isinstance(received.message, DeliverReq)
        assert received.message.content is not None
        assert received.message.content.content == b"GIF"
        assert received.forgave == forgiven


def test_an_answer_in_a_version_that_is_none() -> None:
    received = codec.decode(soap("<CancelRsp xmlns='urn:x'><MM7Version>six</MM7Version></CancelRsp>"), "text/xml", REL6)
    assert (received.answer_in(CMCC).namespace, received.answer_in(CMCC).version) == ("urn:x", "6.3.0")
