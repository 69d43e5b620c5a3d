"""Whole PDUs: header (PacketLength, RequestID, SequenceID, 4 octets each), body, optional parameters."""

from __future__ import annotations

from typing import NamedTuple, get_args

from caiyou.errors import ProtocolError
from caiyou.wire import Reader
from mail2sms.fields import layout
from mail2sms.session.frame import HEADER, HEADER_OCTETS
from mail2sms.smgp.pdu import Pdu

_BY_COMMAND: dict[int, type[Pdu]] = {pdu.COMMAND: pdu for pdu in get_args(Pdu)}


class Frame(NamedTuple):
    """A PDU as it was read, and what had to be forgiven."""

    sequence_id: int
    pdu: Pdu
    forgiven: str | None = None


def encode(pdu: Pdu, sequence_id: int) -> bytes:
    """A whole PDU; raises ValueError naming the field that does not fit."""
    body = layout(type(pdu)).encode(pdu)
    return HEADER.pack(HEADER_OCTETS + len(body), pdu.COMMAND, sequence_id) + body


def decode(octets: bytes) -> Frame:
    """Read one whole PDU. Octets behind the last field are forgiven. Raises ProtocolError."""
    if len(octets) < HEADER_OCTETS:
        raise ProtocolError(f"header: {HEADER_OCTETS} octets needed, {len(octets)} present")
    total, command, sequence_id = HEADER.unpack_from(octets)
    if total != len(octets):
        raise ProtocolError(f"PacketLength {total}, but {len(octets)} octets present")
    kind = _BY_COMMAND.get(command)
    if kind is None:
        raise ProtocolError(f"RequestID {command:#010x} is not known")
    reader = Reader(octets, HEADER_OCTETS)
    pdu = layout(kind).decode(reader)
    if reader.left:
        return Frame(sequence_id, pdu, f"{kind.__name__} with octets behind its last field")
    return Frame(sequence_id, pdu)
