"""Reading what peers really send, and never failing on what they might."""

import string
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from mail2sms.cmpp.codes import Version
from mail2sms.cmpp.frame import decode, decode_report, encode
from mail2sms.cmpp.pdu import ActiveTest, ActiveTestResp, ConnectResp, Deliver, Pdu, Submit, SubmitResp, Terminate
from mail2sms.fields import Counted, Numbers, Octets, Reserved, Text, UInt, declared
from mail2sms.session.frame import Splitter

V20, V30 = Version.V20, Version.V30
DELIVER = Deliver(msg_id=1, dest_id="10658878", src_terminal_id="13800138000", msg_content=b"OK")


def values_of(wire: object) -> st.SearchStrategy[object]:
    """What may stand in a field."""
    ascii_text = st.characters(min_codepoint=1, max_codepoint=127)
    match wire:
        case UInt(size):
            return st.integers(0, 256**size - 1)
        case Text(size):
            return st.text(ascii_text, max_size=size)
        case Octets(size):
            return st.binary(min_size=size, max_size=size)
        case Counted():
            return st.binary(max_size=255)
        case Numbers(size):
            return st.lists(st.text(string.digits, max_size=size), max_size=255).map(tuple)
        case Reserved():
            return st.none()
    raise AssertionError(wire)


def pdus(version: Version) -> st.SearchStrategy[Pdu]:
    return st.one_of(
        [
            st.builds(
                kind,
                **{name: values_of(wire) for name, wire in declared(kind, older=version < Version.V30) if _shown(wire)},
            )
            for kind in get_args(Pdu)
        ]
    )


def _shown(wire: object) -> bool:
    return not isinstance(wire, Reserved)


@pytest.mark.parametrize("version", [V20, V30])
def test_every_pdu_comes_back_as_it_went(version: Version) -> None:
    @given(pdus(version), st.integers(0, 2**32 - 1))
    @settings(max_examples=300, deadline=None)
    def check(pdu: Pdu, sequence_id: int) -> None:
        frame = decode(encode(pdu, sequence_id, version), version)
        assert frame == (sequence_id, pdu, version, None)

    check()


@given(st.data())
@settings(max_examples=500, deadline=None)
def test_mutated_octets_raise_nothing_but_protocol_error(data: st.DataObject) -> None:
    version = data.draw(st.sampled_from([V20, V30]))
    octets = bytearray(encode(data.draw(pdus(version)), 1, version))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(octets[: data.draw(st.integers(0, len(octets)))])
    for given_octets in (bytes(octets), cut, len(cut).to_bytes(4, "big") + cut[4:]):
        try:
            frame = decode(given_octets, version)
            if isinstance(frame.pdu, Deliver):
                decode_report(frame.pdu.msg_content)
        except ProtocolError:
            pass


@given(st.binary(max_size=5000), st.integers(1, 700))
@settings(deadline=None)
def test_random_stream_raises_nothing_but_protocol_error(stream: bytes, step: int) -> None:
    splitter = Splitter()
    try:
        for start in range(0, len(stream), step):
            for octets in splitter.feed(stream[start : start + step]):
                decode(octets, V30)
    except ProtocolError:
        pass


@pytest.mark.parametrize(
    "pdu, wrong, right",
    [
        (ConnectResp(status=0, version=0x30), V20, V30),  # a peer answered so to a login that asked for 2.0
        (ConnectResp(status=3, version=0x30), V30, V20),  # refused logins with version 30h on a 2.0 port
        (SubmitResp(msg_id=5, result=0), V30, V20),
        (SubmitResp(msg_id=5, result=0), V20, V30),
        (DELIVER, V30, V20),
        (DELIVER, V20, V30),
        (
            Submit(
                msg_fmt=8, msg_src="901234", src_id="1", dest_terminal_ids=("13800138000", "2"), msg_content=b"\x00A"
            ),
            V30,
            V20,
        ),
    ],
)
def test_layout_follows_the_length_not_the_version_asked_for(pdu: Pdu, wrong: Version, right: Version) -> None:
    frame = decode(encode(pdu, 9, right), wrong)
    assert (frame.sequence_id, frame.pdu, frame.layout) == (9, pdu, right)
    assert frame.forgiven == f"{type(pdu).__name__} in the layout of {right >> 4}.0, not {wrong >> 4}.0"


@pytest.mark.parametrize("pdu", [ActiveTest(), ActiveTestResp(), Terminate(), DELIVER, SubmitResp(msg_id=1)])
def test_octets_behind_the_last_field_are_forgiven(pdu: Pdu) -> None:
    octets = encode(pdu, 9, V20) + b"!!"
    frame = decode(len(octets).to_bytes(4, "big") + octets[4:], V20)
    assert (frame.pdu, frame.forgiven) == (pdu, f"{type(pdu).__name__} with octets behind its last field")


def test_active_test_resp_may_lack_its_octet() -> None:
    frame = decode(bytes.fromhex("0000000c 80000008 00000000"), V30)
    assert (frame.sequence_id, frame.pdu) == (0, ActiveTestResp())
    assert frame.forgiven


@pytest.mark.parametrize("command", ["00000003", "00000009", "80000003", "ffffffff"])
def test_unknown_command_is_a_protocol_error(command: str) -> None:
    with pytest.raises(ProtocolError, match=f"0x{command} is not known"):
        decode(bytes.fromhex("0000000c" + command + "00000001"), V30)


def test_octets_over_7f_in_a_text_are_kept() -> None:
    octets = bytearray(encode(DELIVER, 1, V30))
    octets[20:22] = "短".encode("gbk")
    pdu = decode(bytes(octets), V30).pdu
    assert isinstance(pdu, Deliver)
    assert pdu.dest_id.encode("latin-1").startswith("短".encode("gbk"))


PDUS: list[Pdu] = [ActiveTest(), DELIVER, SubmitResp(msg_id=3), Terminate()]
STREAM = [encode(pdu, i, V30) for i, pdu in enumerate(PDUS)]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 11, 13, 100, 1000])
def test_stream_is_cut_alike_whatever_the_pieces(step: int) -> None:
    stream, splitter = b"".join(STREAM), Splitter()
    found: list[bytes] = []
    for start in range(0, len(stream), step):
        found.extend(splitter.feed(stream[start : start + step]))
    assert found == STREAM


def test_trailing_octets_wait_for_the_rest() -> None:
    splitter = Splitter()
    assert list(splitter.feed(STREAM[0] + STREAM[1][:40])) == [STREAM[0]]
    assert list(splitter.feed(STREAM[1][40:])) == [STREAM[1]]


@pytest.mark.parametrize("head", ["00000000", "0000000b", "00001001", "ffffffff", b"GET ".hex()])
def test_impossible_length_is_refused_before_it_is_waited_for(head: str) -> None:
    splitter = Splitter()
    with pytest.raises(ProtocolError, match=r"Total_Length \d+ is not in 12-4096"):
        list(splitter.feed(STREAM[0] + bytes.fromhex(head)))


def test_largest_lawful_submit_passes() -> None:
    submit = Submit(
        msg_fmt=8, msg_src="901234", src_id="1", dest_terminal_ids=("8613800138000",) * 99, msg_content=bytes(140)
    )
    octets = encode(submit, 1, V30)
    assert len(octets) == 163 + 99 * 32 + 140
    assert list(Splitter().feed(octets)) == [octets]
