"""Receipts as real SMSCs and aggregators write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from mail2sms.smpp import receipt
from mail2sms.smpp.frame import decode
from mail2sms.smpp.pdu import DataSm, DeliverSm
from mail2sms.smpp.receipt import Fate, Receipt

CHINA = timezone(timedelta(hours=8))


def _deliver(text: str | bytes = b"", **more: Any) -> DeliverSm:
    values: dict[str, Any] = {"esm_class": 4, "short_message": text.encode() if isinstance(text, str) else text}
    return DeliverSm(**(values | more))


# (text, id, fate, stat, err, done date)
TEXTS = [
    (  # SMPP 3.4, appendix B
        "id:0123456789 sub:001 dlvrd:001 submit date:0609011200 done date:0609011201 stat:DELIVRD err:000 Text:Hello",
        ("0123456789", Fate.DELIVERED, "DELIVRD", "", "0609011201"),
    ),
    (  # seconds in the dates, and an error (smppcenter.com)
        "id:64567564356765435676 sub:001 dlvrd:000 submit date:190608165232 done date:190608165237 stat:UNDELIV "
        "err:001 text:Hello World",
        ("64567564356765435676", Fate.FAILED, "UNDELIV", "001", "190608165237"),
    ),
    (  # no text at all (gatewayapi.com)
        "id:1f sub:001 dlvrd:001 submit date:1701010000 done date:1701010001 stat:EXPIRED err:000",
        ("1f", Fate.EXPIRED, "EXPIRED", "", "1701010001"),
    ),
    (  # a UUID
        "id:6ba7b810-9dad-11d1-80b4-00c04fd430c8 sub:1 dlvrd:1 submit date:2401010000 done date:2401010001 "
        "stat:ACCEPTD err:0 text:",
        ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", Fate.PENDING, "ACCEPTD", "", "2401010001"),
    ),
    ("ID:7 STAT:delivrd ERR:000", ("7", Fate.DELIVERED, "DELIVRD", "", "")),
    ("id: 7 sub: 001 stat: REJECTD err: 12", ("7", Fate.FAILED, "REJECTD", "12", "")),
    (
        "id:7 submit_date:0609011200 done_date:0609011201 stat:DELETED err:5",
        ("7", Fate.FAILED, "DELETED", "5", "0609011201"),
    ),
    (
        "id:7,sub:001,dlvrd:001,done date:0609011201,stat:UNKNOWN,err:000",
        ("7", Fate.FAILED, "UNKNOWN", "", "0609011201"),
    ),
    ("id:7\nstat:ENROUTE\nerr:000", ("7", Fate.PENDING, "ENROUTE", "", "")),
    ("stat:DELIVRD err:000 id:7", ("7", Fate.DELIVERED, "DELIVRD", "", "")),
    ("id:7 status:DELIVERED error:0000", ("7", Fate.DELIVERED, "DELIVERED", "", "")),
    ("id:7 stat:BUFFRED", ("7", Fate.PENDING, "BUFFRED", "", "")),
    ("id:smsc:7:1 stat:DELIVRD", ("smsc:7:1", Fate.DELIVERED, "DELIVRD", "", "")),
    ("id:7 stat:FAILED err:", ("7", Fate.FAILED, "FAILED", "", "")),
    # what the message itself says counts for nothing
    ("id:7 sub:001 stat:UNDELIV err:3 text:id:9 stat:DELIVRD", ("7", Fate.FAILED, "UNDELIV", "3", "")),
    # a word that ends like a name is no name
    ("id:7 laststat:DELIVRD stat:EXPIRED", ("7", Fate.EXPIRED, "EXPIRED", "", "")),
]


@pytest.mark.parametrize(("text", "wanted"), TEXTS)
@pytest.mark.parametrize("how", ["short_message", "message_payload", "ucs2", "data_sm"])
def test_texts(text: str, wanted: tuple[str, Fate, str, str, str], how: str) -> None:
    octets = text.encode()
    messages: dict[str, DeliverSm | DataSm] = {
        "short_message": DeliverSm(esm_class=4, short_message=octets),
        "message_payload": DeliverSm(esm_class=4, message_payload=octets),
        "ucs2": DeliverSm(esm_class=4, data_coding=8, message_payload=text.encode("utf-16-be")),
        "data_sm": DataSm(esm_class=4, message_payload=octets),
    }
    message = messages[how]
    assert receipt.is_receipt(message)
    text_id, fate, stat, err, done_at = wanted
    assert receipt.read(message) == Receipt(text_id=text_id, fate=fate, stat=stat, err=err, done_at=done_at)


STATES = [
    (0, Fate.PENDING, "SCHEDULED"),
    (1, Fate.PENDING, "ENROUTE"),
    (2, Fate.DELIVERED, "DELIVRD"),
    (3, Fate.EXPIRED, "EXPIRED"),
    (4, Fate.FAILED, "DELETED"),
    (5, Fate.FAILED, "UNDELIV"),
    (6, Fate.PENDING, "ACCEPTD"),
    (7, Fate.FAILED, "UNKNOWN"),
    (8, Fate.FAILED, "REJECTD"),
    (9, Fate.FAILED, "SKIPPED"),
    (200, Fate.FAILED, "UNKNOWN"),
]


@pytest.mark.parametrize(("state", "fate", "stat"), STATES)
def test_tlvs_alone(state: int, fate: Fate, stat: str) -> None:
    for esm_class in (0, 4):  # some SMSCs leave the message type out
        message = _deliver(esm_class=esm_class, receipted_message_id="A7", message_state=state)
        assert receipt.is_receipt(message)
        assert receipt.read(message) == Receipt(tlv_id="A7", fate=fate, stat=stat)


def test_tlvs_go_before_the_text() -> None:
    message = _deliver("id:26 stat:ENROUTE err:000", receipted_message_id="1A", message_state=2)
    read = receipt.read(message)
    assert (read.tlv_id, read.text_id, read.fate, read.stat) == ("1A", "26", Fate.DELIVERED, "ENROUTE")


@pytest.mark.parametrize(
    ("text", "network", "err"),
    [
        ("id:7 stat:UNDELIV err:075", b"\x03\x00\x14", "075"),
        ("id:7 stat:UNDELIV err:000", b"\x03\x00\x14", "20"),
        ("id:7 stat:UNDELIV err:000", b"\x03\x00\x00", ""),
        ("id:7 stat:UNDELIV", b"\x03", ""),
        ("id:7 stat:UNDELIV", None, ""),
    ],
)
def test_why_it_failed(text: str, network: bytes | None, err: str) -> None:
    assert receipt.read(_deliver(text, network_error_code=network)).err == err


def test_an_intermediate_notification_is_never_the_end() -> None:
    message = _deliver("id:7 stat:UNDELIV err:027", esm_class=0x20)
    assert receipt.read(message).fate is Fate.PENDING
    assert receipt.read(_deliver(esm_class=0x20, receipted_message_id="7", message_state=2)).fate is Fate.PENDING


@pytest.mark.parametrize("esm_class", [0x04, 0x44, 0x84, 0x07])
def test_the_other_bits_of_esm_class_do_not_matter(esm_class: int) -> None:
    assert receipt.is_receipt(_deliver("id:7 stat:DELIVRD", esm_class=esm_class))


def test_a_handset_cannot_write_a_receipt() -> None:
    assert not receipt.is_receipt(_deliver("id:7 stat:DELIVRD err:000", esm_class=0))
    assert not receipt.is_receipt(_deliver("id:7 stat:DELIVRD err:000", esm_class=0x40))


def test_acknowledgements_by_handsets() -> None:
    assert not receipt.is_receipt(_deliver("thanks", esm_class=0x08))
    assert not receipt.is_receipt(_deliver("bye", esm_class=0x18))
    assert receipt.is_receipt(_deliver("id:7 stat:DELIVRD", esm_class=0x08))


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (_deliver("hello"), "names no message"),
        (_deliver("id: stat:DELIVRD"), "names no message"),
        (_deliver("stat:DELIVRD", message_state=2), "names no message"),
        (_deliver("id:7 err:000"), "names no state"),
        (_deliver(receipted_message_id="7"), "names no state"),
        (_deliver(), "names no message"),
    ],
)
def test_unreadable(message: DeliverSm, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        receipt.read(message)


def test_a_receipt_from_the_field() -> None:
    """Body of a deliver_sm that a PHP client could not read (onlinecity/php-smpp, issue 70); its last TLV is broken."""
    body = bytes.fromhex(
        "000101393137303133313033303330000500414d41525654000400000000000000007b"
        "69643a313137303632373134323434373938323631207375623a30303120646c7672643a303031207375626d697420646174653a"
        "3137303632373136323420646f6e6520646174653a3137303632373136323420737461743a44454c49565244206572723a3030303020"
        "746578743a481b656c6c6f20776f726c640423000300001454000400000001141800040000000 0".replace(" ", "")
    )
    octets = (16 + len(body)).to_bytes(4, "big") + bytes.fromhex("00000005 00000000 00000001") + body
    frame = decode(octets)
    assert isinstance(frame.pdu, DeliverSm)
    assert frame.pdu.source_addr == "917013103030"
    assert (frame.pdu.dest_addr_ton, frame.pdu.destination_addr) == (5, "AMARVT")
    read = receipt.read(frame.pdu)
    assert (read.text_id, read.fate, read.stat) == ("117062714244798261", Fate.DELIVERED, "DELIVRD")
    assert receipt.done_at(read.done_at, CHINA) == datetime(2017, 6, 27, 16, 24, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("0609011201", datetime(2006, 9, 1, 12, 1, tzinfo=UTC)),
        ("190608165237", datetime(2019, 6, 8, 16, 52, 37, tzinfo=UTC)),
        ("20190608165237", datetime(2019, 6, 8, 16, 52, 37, tzinfo=UTC)),
        ("", None),
        ("0000000000", None),
        ("9913011201", None),
        ("soon", None),
        ("٠٦٠٩٠١١٢٠١", None),
    ],
)
def test_done_date(text: str, at: datetime | None) -> None:
    assert receipt.done_at(text, UTC) == at


@given(st.binary(max_size=254), st.integers(0, 255), st.none() | st.integers(0, 255), st.none() | st.text(max_size=9))
def test_any_message(octets: bytes, esm_class: int, state: int | None, tlv_id: str | None) -> None:
    message = _deliver(octets, esm_class=esm_class, message_state=state, receipted_message_id=tlv_id)
    if receipt.is_receipt(message):
        try:
            read = receipt.read(message)
        except ProtocolError:
            return
        assert read.text_id or read.tlv_id
        assert read.stat
