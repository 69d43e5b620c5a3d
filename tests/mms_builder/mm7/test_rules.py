"""What China Mobile and China Unicom want beyond the schema; addresses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mms_builder.mm7 import codec
from mms_builder.mm7.address import Address, Kind
from mms_builder.mm7.dialect import DIALECTS
from mms_builder.mm7.messages import Recipients, Sender, SubmitReq
from mms_builder.mm7.rules import mo_service_code
from mms_builder.multipart import Part

PHONE = Address(kind=Kind.NUMBER, value="8613800138000")
SUBMIT = SubmitReq(
    sender=Sender(vaspid="900001", vasid="8878"), recipients=Recipients(to=(PHONE,)), service_code="110001"
)
SMIL = Part(
    media_type="application/smil",
    content=b"<smil><body><par><img src='1.gif'/></par></body></smil>",
    content_id="1.smil",
    location="1.smil",
)
GIF = Part(media_type="image/gif", content=b"GIF89a", content_id="1.gif", location="1.gif")
TEXT = Part(media_type="text/plain", charset="utf-8", content=b"x", content_id="1.txt", location="1.txt")


def related(*parts: Part) -> Part:
    return Part(media_type="multipart/related", parts=parts, content_id="c")


@pytest.mark.parametrize("vasid", ["8878", "88781"])
@pytest.mark.parametrize("service_code", ["110001", "100000", "000100"])
def test_china_mobile_s_codes(vasid: str, service_code: str) -> None:
    message = replace(SUBMIT, sender=Sender(vaspid="9", vasid=vasid), service_code=service_code)
    assert codec.encode(message, transaction_id="1", dialect=DIALECTS["china-mobile"]).body


@pytest.mark.parametrize(
    "message, rule",
    [
        (replace(SUBMIT, sender=Sender(vasid="8878")), "VASPID"),
        (replace(SUBMIT, sender=Sender(vaspid="9")), "VASID"),
        (replace(SUBMIT, sender=Sender(vaspid="9", vasid="887")), "VASID"),
        (replace(SUBMIT, sender=Sender(vaspid="9", vasid="887812")), "VASID"),
        (replace(SUBMIT, service_code=""), "ServiceCode"),
        (replace(SUBMIT, service_code="123"), "ServiceCode"),
        (replace(SUBMIT, service_code="000000"), "ServiceCode"),
        (replace(SUBMIT, service_code="12345x"), "ServiceCode"),
    ],
)
def test_what_china_mobile_would_refuse(message: SubmitReq, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        codec.encode(message, transaction_id="1", dialect=DIALECTS["china-mobile"])
    assert codec.encode(message, transaction_id="1", dialect=DIALECTS["rel6-0"]).body


@pytest.mark.parametrize("recipient, code", [("8878", "0"), ("8878123", "123"), ("8878001", "001")])
def test_the_service_code_that_a_subscriber_wrote(recipient: str, code: str) -> None:
    assert mo_service_code(recipient, "8878") == code


@pytest.mark.parametrize("recipient", ["8878000", "88781", "887812", "88781234", "8879", "13800138000", "", "8878abc"])
def test_what_is_no_service_code(recipient: str) -> None:
    with pytest.raises(ValueError, match="service code"):
        mo_service_code(recipient, "8878")


@pytest.mark.parametrize(
    "content",
    [
        related(SMIL, GIF, TEXT),
        related(replace(SMIL, content=b'<smil><img src="cid:1.gif"/></smil>'), GIF),
        related(replace(GIF, location=""), replace(TEXT, location="")),
        replace(TEXT, charset=""),
    ],
)
def test_what_china_unicom_takes(content: Part) -> None:
    assert codec.encode(replace(SUBMIT, content=content), transaction_id="1", dialect=DIALECTS["china-unicom"]).body


@pytest.mark.parametrize(
    "content, rule",
    [
        (related(SMIL, replace(GIF, content_id="")), "on every part"),
        (related(SMIL, GIF, replace(TEXT, content_id="1.GIF")), "once"),
        (related(SMIL, replace(GIF, location="")), "Content-Location"),
        (related(SMIL, replace(GIF, location="other")), "Content-Location"),
        (related(SMIL, replace(GIF, content_id="2.gif", location="2.gif")), "src"),
        (related(SMIL, GIF, replace(TEXT, charset="gb2312")), "UTF-8"),
    ],
)
def test_what_china_unicom_would_refuse(content: Part, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        codec.encode(replace(SUBMIT, content=content), transaction_id="1", dialect=DIALECTS["china-unicom"])
    assert codec.encode(replace(SUBMIT, content=content), transaction_id="1", dialect=DIALECTS["rel6-0"]).body


@pytest.mark.parametrize(
    "text, kind, value",
    [
        ("13800138000", Kind.NUMBER, "13800138000"),
        ("+8613800138000/TYPE=PLMN", Kind.NUMBER, "+8613800138000"),
        ("13900139000/type=plmn@other.test", Kind.NUMBER, "13900139000"),
        ("tel:+8613800138000/TYPE=PLMN", Kind.NUMBER, "+8613800138000"),
        ("8878", Kind.SHORT_CODE, "8878"),
        ("8878/TYPE=PLMN", Kind.SHORT_CODE, "8878"),
        (" a.b@c.test ", Kind.MAIL, "a.b@c.test"),
    ],
)
def test_addresses(text: str, kind: Kind, value: str) -> None:
    address = Address.parse(text)
    assert (address.kind, address.value) == (kind, value)
    assert address.plmn == (value if kind is Kind.MAIL else value + "/TYPE=PLMN")


@pytest.mark.parametrize("text", ["", " ", "/TYPE=PLMN", "1\x002", "1" * 400])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        Address.parse(text)
