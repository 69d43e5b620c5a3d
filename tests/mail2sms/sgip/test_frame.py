"""Reading what peers really send, and never failing on what they might."""

from __future__ import annotations

import contextlib
import string
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from mail2sms.fields import Counted, Numbers, Octets, Reserved, Text, UInt, declared
from mail2sms.session.frame import Splitter
from mail2sms.sgip.frame import HEADER_OCTETS, MAX_PDU_OCTETS, MAX_SENT_OCTETS, decode, encode, encode_answer
from mail2sms.sgip.pdu import BindResp, Deliver, Pdu, Report, ReportResp, Submit, Unbind, UnbindResp
from mail2sms.sgip.sequence import parts_of, ref_of, sequence_of

DELIVER = Deliver(user_number="8613000000001", sp_number="10655", message_content=b"OK")


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
            return st.binary(max_size=300)
        case Numbers(size):
            return st.lists(st.text(string.digits, max_size=size), max_size=60).map(tuple)
    raise AssertionError(wire)


def pdus() -> st.SearchStrategy[Pdu]:
    return st.one_of(
        [
            st.builds(
                kind, **{name: values_of(wire) for name, wire in declared(kind) if not isinstance(wire, Reserved)}
            )
            for kind in get_args(Pdu)
        ]
    )


@given(pdus(), st.integers(0, 2**96 - 1))
@settings(max_examples=300, deadline=None)
def test_every_pdu_comes_back_as_it_went(pdu: Pdu, sequence: int) -> None:
    assert decode(encode(pdu, sequence)) == (sequence, pdu, None)
    assert len(encode(pdu, sequence)) <= MAX_SENT_OCTETS


@given(st.data())
@settings(max_examples=500, deadline=None)
def test_mutated_octets_raise_nothing_but_protocol_error(data: st.DataObject) -> None:
    octets = bytearray(encode(data.draw(pdus()), 1))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(octets[: data.draw(st.integers(0, len(octets)))])
    for given_octets in (bytes(octets), cut, len(cut).to_bytes(4, "big") + cut[4:]):
        with contextlib.suppress(ProtocolError):
            decode(given_octets)


@pytest.mark.parametrize("pdu", [DELIVER, Report(submit_sequence=bytes(12), state=0), BindResp(result=0)])
def test_cut_bodies_are_refused_and_only_the_reserve_may_be_missing(pdu: Pdu) -> None:
    whole = encode(pdu, 5)
    for size in range(HEADER_OCTETS, len(whole)):
        cut = size.to_bytes(4, "big") + whole[4:size]
        if size >= len(whole) - 8:
            assert decode(cut) == (5, pdu, f"{type(pdu).__name__} without its Reserve")
        else:
            with pytest.raises(ProtocolError):
                decode(cut)


def test_octets_behind_the_last_field_are_forgiven() -> None:
    for pdu in (DELIVER, Unbind(), UnbindResp(), ReportResp()):
        whole = encode(pdu, 5) + b"\0" * 9
        frame = decode(len(whole).to_bytes(4, "big") + whole[4:])
        assert frame == (5, pdu, f"{type(pdu).__name__} with octets behind its last field")


def test_impossible_message_length_inside() -> None:
    whole = bytearray(encode(DELIVER, 5))
    whole[20 + 45 : 20 + 49] = b"\xff\xff\xff\xff"  # MessageLength has 4 octets
    with pytest.raises(ProtocolError, match="message_content: 4294967295 octets needed"):
        decode(bytes(whole))


@pytest.mark.parametrize(
    "octets, says",
    [
        (b"", "header: 20 octets needed, 0 present"),
        (bytes(19), "header: 20 octets needed, 19 present"),
        (bytes.fromhex("00000015 00000002") + bytes(12), "Message Length 21, but 20 octets present"),
        (bytes.fromhex("00000014 0000000e") + bytes(12), "Command ID 0x0000000e is not known"),
    ],
)
def test_impossible_packets(octets: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        decode(octets)


def test_octet_by_octet_and_in_one_piece() -> None:
    stream = b"".join(encode(DELIVER, n) for n in range(1, 6)) + encode(Unbind(), 6)[:-1]
    splitter = Splitter(MAX_PDU_OCTETS, HEADER_OCTETS)
    found = [octets for at in range(len(stream)) for octets in splitter.feed(stream[at : at + 1])]
    assert [decode(octets).sequence_id for octets in found] == [1, 2, 3, 4, 5]
    assert [decode(octets).sequence_id for octets in splitter.feed(encode(Unbind(), 6)[-1:])] == [6]
    assert list(Splitter(MAX_PDU_OCTETS, HEADER_OCTETS).feed(stream)) == found


@pytest.mark.parametrize("length", [0, 12, 19, MAX_PDU_OCTETS + 1, 0x47455420])  # the last is "GET "
def test_impossible_length_is_refused_before_it_is_waited_for(length: int) -> None:
    with pytest.raises(ProtocolError):
        list(Splitter(MAX_PDU_OCTETS, HEADER_OCTETS).feed(length.to_bytes(4, "big")))


def test_a_submit_to_100_numbers_is_taken_though_it_is_beyond_2_kb() -> None:
    one = Submit(
        sp_number="1", user_numbers=("8613000000001",), corp_id="1", message_coding=0, message_content=b"x" * 160
    )
    octets = bytearray(encode(one, 9))
    octets[20 + 42 : 20 + 43 + 21] = bytes((100,)) + b"8613000000001".ljust(21, b"\0") * 100
    octets[:4] = len(octets).to_bytes(4, "big")
    (whole,) = Splitter(MAX_PDU_OCTETS, HEADER_OCTETS).feed(bytes(octets))
    assert len(whole) == 2403
    submit = decode(whole).pdu
    assert isinstance(submit, Submit)
    assert submit.user_numbers == ("8613000000001",) * 100


def test_answer_to_any_command() -> None:
    """The text prints 0000000Eh for MODIFYSMG_RESP; responses have the high bit, that one too."""
    assert encode_answer(0x0E, 3, 7).hex() == "0000001d8000000e" + "00" * 11 + "03" + "07" + "00" * 8
    assert decode(encode_answer(5, 3, 9)) == (3, ReportResp(result=9), None)


def test_sequence_number_has_three_parts_and_is_the_ref() -> None:
    sequence = sequence_of(3010099999, 1123090807, 7)
    assert parts_of(sequence) == (3010099999, 1123090807, 7)
    assert ref_of(sequence) == "b36a7b1f" + "42f10177" + "00000007"
    assert encode(Unbind(), sequence)[8:20].hex() == ref_of(sequence)
    assert ref_of(1) == "0" * 23 + "1"
