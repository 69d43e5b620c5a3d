"""Octets of every PDU, by the tables of the text, and what happens when they are cut, too long or nonsense."""

import contextlib
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from mail2sms.fields import Counted, Numbers, Octets, Reserved, Text, Tlv, UInt, declared
from mail2sms.session.frame import Splitter
from mail2sms.smgp.frame import decode, encode
from mail2sms.smgp.pdu import (
    ActiveTest,
    ActiveTestResp,
    Deliver,
    DeliverResp,
    Exit,
    ExitResp,
    Login,
    LoginResp,
    Pdu,
    Submit,
    SubmitResp,
)

MSG_ID = bytes.fromhex("01000111230908000042")
PROOF = bytes(range(16))


def padded(text: str, size: int) -> str:
    return text.encode("ascii").ljust(size, b"\0").hex()


SUBMIT = Submit(
    priority=3,
    service_id="CAIYOU",
    msg_format=8,
    valid_time="261124090800032+",
    src_term_id="10659",
    dest_term_ids=("18900000001", "0085291234567"),
    msg_content=bytes.fromhex("0500032a0201") + "彩邮".encode("utf-16-be"),
    tp_udhi=1,
    msg_src="90123456",
    pk_total=2,
    pk_number=1,
)
SUBMIT_BODY = (
    "06 01 03"
    + padded("CAIYOU", 10)
    + padded("00", 2)
    + padded("000000", 6) * 2
    + "08"
    + padded("261124090800032+", 17)
    + padded("", 17)
    + padded("10659", 21)
    + padded("", 21)
    + "02"
    + padded("18900000001", 21)
    + padded("0085291234567", 21)
    + "0a 0500032a0201 5f6990ae"
    + "00" * 8
    + "0002 0001 01"
    + "0010 0008 3930313233343536"
    + "0009 0001 02"
    + "000a 0001 01"
)
MO = Deliver(
    msg_id=MSG_ID,
    msg_format=15,
    recv_time="20261123090807",
    src_term_id="18900000001",
    dest_term_id="1065901",
    msg_content="做卡".encode("gbk"),
    link_id="7",
    pk_total=2,
    pk_number=2,
)
MO_BODY = (
    MSG_ID.hex()
    + "00 0f"
    + padded("20261123090807", 14)
    + padded("18900000001", 21)
    + padded("1065901", 21)
    + "04 d7f6bfa8"
    + "00" * 8
    + "0003 0014"
    + padded("7", 20)
    + "0009 0001 02 000a 0001 02"
)
TABLE: list[tuple[Pdu, str, str]] = [
    (
        Login(client_id="90123456", authenticator_client=PROOF, timestamp=123090807),
        "00000001",
        "3930313233343536" + PROOF.hex() + "02 07563777 30",
    ),
    (LoginResp(status=21), "80000001", "00000015" + "00" * 16 + "30"),
    (SUBMIT, "00000002", SUBMIT_BODY),
    (SubmitResp(msg_id=MSG_ID, status=75), "80000002", MSG_ID.hex() + "0000004b"),
    (MO, "00000003", MO_BODY),
    (DeliverResp(msg_id=MSG_ID), "80000003", MSG_ID.hex() + "00000000"),
    (ActiveTest(), "00000004", ""),
    (ActiveTestResp(), "80000004", ""),
    (Exit(), "00000006", ""),
    (ExitResp(), "80000006", ""),
]
IDS = [type(pdu).__name__ for pdu, _, _ in TABLE]


def whole(command: str, body: str) -> bytes:
    octets = bytes.fromhex(body)
    return (12 + len(octets)).to_bytes(4, "big") + bytes.fromhex(command) + (7).to_bytes(4, "big") + octets


@pytest.mark.parametrize("pdu, command, body", TABLE, ids=IDS)
def test_octets_both_ways(pdu: Pdu, command: str, body: str) -> None:
    octets = whole(command, body)
    assert encode(pdu, 7) == octets
    assert decode(octets) == (7, pdu, None)


def test_every_pdu_is_in_the_table() -> None:
    assert {type(pdu) for pdu, _, _ in TABLE} == set(get_args(Pdu))


@pytest.mark.parametrize("pdu, command, body", TABLE, ids=IDS)
def test_byte_by_byte(pdu: Pdu, command: str, body: str) -> None:
    octets = whole(command, body) * 2
    splitter = Splitter()
    found = [decode(part).pdu for i in range(len(octets)) for part in splitter.feed(octets[i : i + 1])]
    assert found == [pdu, pdu]


def test_a_cut_pdu_names_its_field() -> None:
    """At every length; what is cut of the optional parameters alone is forgiven."""
    mandatory = len(bytes.fromhex(SUBMIT_BODY)) - 5 - 12 - 5 - 5
    for size in range(mandatory):
        octets = whole("00000002", bytes.fromhex(SUBMIT_BODY)[:size].hex())
        with pytest.raises(ProtocolError, match=r"\w+: \d+ octets needed, \d+ present"):
            decode(octets)
    for size in range(mandatory, mandatory + 27):
        frame = decode(whole("00000002", bytes.fromhex(SUBMIT_BODY)[:size].hex()))
        assert isinstance(frame.pdu, Submit)
        assert frame.pdu.msg_content == SUBMIT.msg_content
        assert frame.forgiven in (None, "Submit with octets behind its last field")


@pytest.mark.parametrize(
    "octets, why",
    [
        (b"\0\0\0\x0c\0\0\0\x04", "header: 12 octets needed, 8 present"),
        (bytes.fromhex("0000000d 00000004 00000001"), "PacketLength 13, but 12 octets present"),
        (bytes.fromhex("0000000c 00000009 00000001"), "RequestID 0x00000009 is not known"),
    ],
)
def test_what_is_no_pdu(octets: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        decode(octets)


def test_octets_behind_the_last_field_are_forgiven() -> None:
    frame = decode(whole("80000002", MSG_ID.hex() + "00000000 ffff"))
    assert frame.pdu == SubmitResp(msg_id=MSG_ID)
    assert frame.forgiven == "SubmitResp with octets behind its last field"


@pytest.mark.parametrize(
    "more, field, value",
    [
        ("0fff 0003 010203", "pk_total", 2),  # an unknown tag is passed over
        ("0001 0000", "tp_pid", None),  # without a value
        ("0001 0004 00000040", "tp_pid", 0x40),  # four octets where the text has one
        ("0003 0003 616200", "link_id", "ab"),  # shorter than 20
        ("0002 00ff 01", "tp_udhi", None),  # cut
    ],
)
def test_optional_parameters_are_taken_as_they_come(more: str, field: str, value: object) -> None:
    body = MO_BODY.replace("0003 0014" + padded("7", 20), "") + more
    pdu = decode(whole("00000003", body)).pdu
    assert getattr(pdu, field) == value


@pytest.mark.parametrize(
    "wrong, why",
    [
        ({"dest_term_ids": ()}, "dest_term_ids: 0 numbers"),
        ({"dest_term_ids": ("1",) * 100}, "dest_term_ids: 100 numbers"),
        ({"msg_content": bytes(141)}, "msg_content: 141 octets, 140 allowed in format 8"),
        ({"msg_format": 0, "msg_content": bytes(161)}, "msg_content: 161 octets, 160 allowed in format 0"),
        ({"priority": 4}, "priority: 4"),
    ],
)
def test_what_may_not_be_sent(wrong: dict[str, object], why: str) -> None:
    values: dict[str, object] = {"msg_format": 8, "src_term_id": "1", "dest_term_ids": ("1",), "msg_content": b""}
    with pytest.raises(ValueError, match=why):
        Submit(**(values | wrong)).check()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong, why",
    [
        ({"service_id": "x" * 11}, "service_id"),
        ({"src_term_id": "短"}, "src_term_id"),
        ({"msg_format": 256}, "msg_format"),
        ({"msg_src": "123456789"}, "msg_src"),
        ({"pk_total": 256}, "pk_total"),
    ],
)
def test_what_does_not_fit_its_field(wrong: dict[str, object], why: str) -> None:
    values: dict[str, object] = {"msg_format": 8, "src_term_id": "1", "dest_term_ids": ("1",), "msg_content": b""}
    with pytest.raises(ValueError, match=f"^{why}: "):
        encode(Submit(**(values | wrong)), 1)  # type: ignore[arg-type]


def values_of(wire: object) -> st.SearchStrategy[object]:
    """What may stand in a field."""
    match wire:
        case UInt(size):
            return st.integers(0, 256**size - 1)
        case Text(size):
            return st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=size)
        case Octets(size):
            return st.binary(min_size=size, max_size=size)
        case Counted():
            return st.binary(max_size=255)
        case Numbers(size):
            return st.lists(values_of(Text(size)), max_size=20).map(tuple)
        case Tlv(_, field):
            return st.none() | values_of(field)
        case Reserved():
            return st.none()
    raise AssertionError(wire)


def pdus() -> st.SearchStrategy[Pdu]:
    return st.one_of(
        [st.builds(pdu, **{name: values_of(wire) for name, wire in declared(pdu)}) for pdu in get_args(Pdu)]
    )


@settings(max_examples=200)
@given(pdus(), st.integers(0, 0xFFFF_FFFF))
def test_round_trip(pdu: Pdu, sequence_id: int) -> None:
    assert decode(encode(pdu, sequence_id)) == (sequence_id, pdu, None)


@settings(max_examples=300)
@given(st.sampled_from([whole(command, body) for _, command, body in TABLE]), st.data())
def test_mutations_are_read_or_refused(octets: bytes, data: st.DataObject) -> None:
    changed = bytearray(octets)
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ProtocolError):
        decode(bytes(changed))
