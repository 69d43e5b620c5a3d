"""PDUs against octets written down from SMPP 3.4, and what is refused and forgiven."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from mail2sms.fields import Counted, UInt
from mail2sms.smpp.codes import RESPONSE, Command
from mail2sms.smpp.fields import CText, Free, Tlv
from mail2sms.smpp.frame import HEADER_OCTETS, decode, encode, header_of
from mail2sms.smpp.pdu import (
    AlertNotification,
    BindReceiver,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)

# (PDU, sequence_number, command_status, octets)
TABLE: list[tuple[Pdu, int, int, str]] = [
    (  # the example of the SMPP 3.3 and 3.4 texts
        BindTransmitter(
            system_id="SMPP3TEST",
            password="secret08",
            system_type="SUBMIT1",
            interface_version=0,
            addr_ton=1,
            addr_npi=1,
        ),
        1,
        0,
        "0000002f 00000002 00000000 00000001 534d50503354455354 00 7365637265743038 00 5355424d495431 00 00 01 01 00",
    ),
    (
        BindReceiver(system_id="a", address_range="10658.*"),
        2,
        0,
        "0000001f 00000001 00000000 00000002 6100 00 00 34 00 00 31303635382e2a 00",
    ),
    (BindTransceiver(system_id="a"), 2, 0, "00000018 00000009 00000000 00000002 6100 00 00 34 00 00 00"),
    (
        BindTransceiverResp(system_id="smsc", sc_interface_version=0x34),
        2,
        0,
        "0000001a 80000009 00000000 00000002 736d736300 0210 0001 34",
    ),
    (BindTransceiverResp(), 2, 0x0E, "00000010 80000009 0000000e 00000002"),
    (Outbind(system_id="s", password="p"), 9, 0, "00000014 0000000b 00000000 00000009 7300 7000"),
    (Unbind(), 0x7FFFFFFF, 0, "00000010 00000006 00000000 7fffffff"),
    (UnbindResp(), 0x7FFFFFFF, 0, "00000010 80000006 00000000 7fffffff"),
    (GenericNack(), 0, 3, "00000010 80000000 00000003 00000000"),
    (
        SubmitSm(
            source_addr_ton=5,
            source_addr="Caiyou",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr="8613800138000",
            priority_flag=2,
            validity_period="000001000000000R",
            registered_delivery=1,
            short_message=b"hi",
        ),
        3,
        0,
        "00000046 00000004 00000000 00000003 00 05 00 436169796f7500 01 01 3836313338303031333830303000 00 00 02 00"
        " 3030303030313030303030303030305200 01 00 00 00 02 6869",
    ),
    (
        SubmitSm(
            service_type="CMT",
            source_addr="10658",
            destination_addr="1",
            esm_class=0x40,
            data_coding=8,
            short_message=bytes.fromhex("0500030c0201 4f60"),
        ),
        4,
        0,
        "00000032 00000004 00000000 00000004 434d5400 00 00 313036353800 00 00 3100 40 00 00 00 00 00 00 08 00 08"
        " 0500030c02014f60",
    ),
    (
        SubmitSm(destination_addr="1", sar_msg_ref_num=12, sar_total_segments=3, sar_segment_seqnum=2),
        4,
        0,
        "00000032 00000004 00000000 00000004 00 00 00 00 00 00 3100 00 00 00 00 00 00 00 00 00 00"
        " 020c 0002 000c 020e 0001 03 020f 0001 02",
    ),
    (SubmitSmResp(message_id="0A1F"), 3, 0, "00000015 80000004 00000000 00000003 3041314600"),
    (SubmitSmResp(), 3, 0x58, "00000010 80000004 00000058 00000003"),
    (
        DeliverSm(
            source_addr="1",
            destination_addr="2",
            esm_class=4,
            message_payload=b"id:7",
            receipted_message_id="7",
            message_state=2,
            network_error_code=b"\x03\x00\x00",
        ),
        8,
        0,
        "0000003d 00000005 00000000 00000008 00 00 00 3100 00 00 3200 04 00 00 00 00 00 00 00 00 00"
        " 0424 0004 69643a37 001e 0002 3700 0427 0001 02 0423 0003 030000",
    ),
    (DeliverSmResp(), 8, 0, "00000011 80000005 00000000 00000008 00"),
    (
        DataSm(source_addr="1", destination_addr="2", esm_class=4, receipted_message_id="7", message_state=5),
        9,
        0,
        "00000027 00000103 00000000 00000009 00 00 00 3100 00 00 3200 04 00 00 001e 0002 3700 0427 0001 05",
    ),
    (
        DataSmResp(message_id="7", additional_status_info_text="no"),
        9,
        0,
        "00000019 80000103 00000000 00000009 3700 001d 0003 6e6f00",
    ),
    (EnquireLink(), 1, 0, "00000010 00000015 00000000 00000001"),
    (EnquireLinkResp(), 1, 0, "00000010 80000015 00000000 00000001"),
    (
        AlertNotification(source_addr="1", esme_addr="2", ms_availability_status=0),
        1,
        0,
        "0000001d 00000102 00000000 00000001 00 00 3100 00 00 3200 0422 0001 00",
    ),
]


@pytest.mark.parametrize(("pdu", "sequence_id", "status", "hexadecimal"), TABLE)
def test_octets(pdu: Pdu, sequence_id: int, status: int, hexadecimal: str) -> None:
    octets = bytes.fromhex(hexadecimal)
    assert encode(pdu, sequence_id, status).hex(" ") == octets.hex(" ")
    assert decode(octets) == (sequence_id, status, pdu, None)
    assert header_of(octets) == (pdu.COMMAND, sequence_id)


@pytest.mark.parametrize(("pdu", "sequence_id", "status", "hexadecimal"), TABLE)
def test_a_pdu_that_is_cut_is_refused_or_forgiven_and_never_another_one(
    pdu: Pdu, sequence_id: int, status: int, hexadecimal: str
) -> None:
    whole = bytes.fromhex(hexadecimal)
    for size in range(HEADER_OCTETS, len(whole)):
        octets = size.to_bytes(4, "big") + whole[4:size]
        try:
            frame = decode(octets)
        except ProtocolError:
            continue
        assert type(frame.pdu) is type(pdu)
        for name in _mandatory(type(pdu)):
            value, lawful = getattr(frame.pdu, name), getattr(pdu, name)
            # A response may lack its body, the last string its 0x00; nothing else may differ.
            assert value == lawful or (frame.forgiven and (value == "" or lawful.startswith(value)))


def _mandatory(kind: type) -> list[str]:
    return [name for name, wire in _declared(kind) if not isinstance(wire, Tlv)]


def _declared(kind: type) -> list[tuple[str, Any]]:
    hints = get_type_hints(kind, include_extras=True)
    return [(f.name, hints[f.name].__metadata__[0]) for f in fields(kind)]


def _deliver(body: str = "", tlvs: str = "") -> bytes:
    octets = bytes.fromhex(body or "000000 3100 0000 3200 04 0000 00 00 00 00 00 00 02 6869") + bytes.fromhex(tlvs)
    return (HEADER_OCTETS + len(octets)).to_bytes(4, "big") + bytes.fromhex("00000005 00000000 00000001") + octets


@pytest.mark.parametrize(
    ("octets", "changes", "forgiven"),
    [
        (_deliver(tlvs="001e 0002 4137"), {"receipted_message_id": "A7"}, "receipted_message_id without its 0x00"),
        (_deliver(tlvs="001e 0004 41370000"), {"receipted_message_id": "A7"}, None),
        (_deliver(tlvs="1403 0002 ffff 0427 0001 02"), {"message_state": 2}, None),  # a vendor's
        (_deliver(tlvs="0007 0001 01 0427 0001 02"), {"message_state": 2}, None),  # known, and nothing to us
        (_deliver(tlvs="0427 0004 00000002"), {"message_state": 2}, "message_state of 4 octets"),
        (_deliver(tlvs="020c 0001 07 020e 0001 02"), {"sar_msg_ref_num": 7, "sar_total_segments": 2}, "1 octets"),
        (_deliver(tlvs="0427 0000"), {}, "message_state of 0 octets"),
        (_deliver(tlvs="0427 0001 02 0427 0001 05"), {"message_state": 2}, "message_state twice"),
        (_deliver(tlvs="0427 0001 02 0424 0009 6162"), {"message_state": 2}, "the last TLV is cut"),
        (_deliver(tlvs="0427 0001 02 00"), {"message_state": 2}, "the last TLV is cut"),
        (_deliver(tlvs="0424 0000"), {"message_payload": b""}, None),
    ],
)
def test_tlvs_of_real_peers(octets: bytes, changes: dict[str, Any], forgiven: str | None) -> None:
    frame = decode(octets)
    lawful: dict[str, Any] = {"source_addr": "1", "destination_addr": "2", "esm_class": 4, "short_message": b"hi"}
    assert frame.pdu == DeliverSm(**(lawful | changes))
    assert forgiven in frame.forgiven if forgiven and frame.forgiven else forgiven == frame.forgiven


def test_a_message_id_without_its_end_is_whole() -> None:
    frame = decode(bytes.fromhex("00000014 80000004 00000000 00000003 30413146"))
    assert frame.pdu == SubmitSmResp(message_id="0A1F")
    assert frame.forgiven == "SubmitSmResp: message_id without its 0x00"


@pytest.mark.parametrize("command", [Command.SUBMIT_SM, Command.DELIVER_SM, Command.BIND_TRANSCEIVER, Command.DATA_SM])
def test_a_response_without_a_body(command: int) -> None:
    octets = bytes.fromhex("00000010") + (RESPONSE | command).to_bytes(4, "big") + bytes(7) + b"\1"
    frame = decode(octets)
    assert frame.forgiven is not None
    assert "without its body" in frame.forgiven
    assert decode(octets[:8] + bytes.fromhex("00000401") + octets[12:]).forgiven is None  # an error has none


def test_octets_over_7f_in_a_string_are_kept() -> None:
    frame = decode(_deliver("000500 e4f6fc00 0000 3200 00 0000 00 00 00 00 00 00 00"))
    assert isinstance(frame.pdu, DeliverSm)
    assert frame.pdu.source_addr == "äöü"


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "header"),
        (bytes(15), "header"),
        (bytes.fromhex("00000011 00000015 00000000 00000001"), "command_length"),
        (bytes.fromhex("00000010 00010200 00000000 00000001"), "not known"),
        (bytes.fromhex("00000010 80000003 00000000 00000001"), "not known"),
        (_deliver("00 01 01 3836313338"), "source_addr"),
        (_deliver("00 01"), "source_addr_npi"),
        (_deliver("000000 3100 0000 3200 04 0000 00 00 00 00 00 00 03 6869"), "short_message: 4 octets needed"),
        (_deliver("000000 3100 0000 3200 04 0000 00 00 00 00 00 00"), "short_message"),
    ],
)
def test_unreadable(octets: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        decode(octets)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"source_addr": "1" * 21}, "source_addr"),
        ({"source_addr": "彩邮"}, "source_addr"),
        ({"destination_addr": "1\0"}, "destination_addr"),
        ({"data_coding": 256}, "data_coding"),
        ({"esm_class": -1}, "esm_class"),
        ({"short_message": bytes(255)}, "short_message"),
        ({"message_payload": bytes(65536)}, "message_payload"),
        ({"sar_msg_ref_num": 65536}, "sar_msg_ref_num"),
        ({"receipted_message_id": "x" * 65}, "receipted_message_id"),
    ],
)
def test_what_does_not_fit_is_not_written(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        encode(SubmitSm(**({"destination_addr": "1"} | values)), 1)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"destination_addr": ""}, "destination_addr"),
        ({"message_payload": b"a", "short_message": b"b"}, "message_payload"),
        ({"esm_class": 0x40, "sar_msg_ref_num": 1}, "sar_msg_ref_num"),
    ],
)
def test_what_may_not_be_sent(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SubmitSm(**({"destination_addr": "1"} | values)).check()


_ASCII = st.characters(min_codepoint=1, max_codepoint=127)


def _values(wire: Any) -> st.SearchStrategy[Any]:
    if isinstance(wire, Tlv):
        return st.none() | _values(wire.wire)
    if isinstance(wire, CText):
        return st.text(_ASCII, max_size=wire.size - 1)
    if isinstance(wire, Counted):
        return st.binary(max_size=254)
    if isinstance(wire, Free):
        return st.binary(max_size=min(wire.size, 300))
    assert isinstance(wire, UInt)
    return st.integers(0, 256**wire.size - 1)


def _pdus() -> st.SearchStrategy[Pdu]:
    return st.one_of(
        [st.builds(kind, **{name: _values(wire) for name, wire in _declared(kind)}) for kind in get_args(Pdu)]
    )


@given(_pdus(), st.integers(0, 0xFFFFFFFF))
def test_round_trip(pdu: Pdu, sequence_id: int) -> None:
    assert decode(encode(pdu, sequence_id)) == (sequence_id, 0, pdu, None)


@given(_pdus(), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0))
def test_damage_is_an_error_or_a_pdu(pdu: Pdu, damage: list[tuple[int, int]], cut: int) -> None:
    octets = bytearray(encode(pdu, 1))
    for place, octet in damage:
        octets[4 + place % (len(octets) - 4)] = octet
    octets = octets[: HEADER_OCTETS + cut % (len(octets) - HEADER_OCTETS + 1)]
    octets[:4] = len(octets).to_bytes(4, "big")
    try:
        frame = decode(bytes(octets))
    except ProtocolError:
        return
    assert isinstance(frame.pdu, get_args(Pdu))


@given(st.binary(max_size=200))
def test_any_octets_behind_a_header(body: bytes) -> None:
    for command in (5, 0x80000004, 0x103, 0x80000009):
        octets = (16 + len(body)).to_bytes(4, "big") + command.to_bytes(4, "big") + bytes(8) + body
        try:
            assert decode(octets).sequence_id == 0
        except ProtocolError:
            continue
