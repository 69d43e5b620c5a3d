"""Whole PDUs: header (command_length, command_id, command_status, sequence_number, 4 octets each) and body."""

from __future__ import annotations

import struct
from typing import NamedTuple, get_args

from caiyou.errors import ProtocolError
from mail2sms.smpp.codes import RESPONSE, Status
from mail2sms.smpp.fields import layout
from mail2sms.smpp.pdu import Pdu

HEADER_OCTETS = 16
MAX_PDU_OCTETS = 70_000  # a message_payload of 65,535 octets and everything else at its longest

_HEADER = struct.Struct(">IIII")
_BY_COMMAND: dict[int, type[Pdu]] = {pdu.COMMAND: pdu for pdu in get_args(Pdu)}


class Frame(NamedTuple):
    """A PDU as it was read, and what had to be forgiven."""

    sequence_id: int
    status: int
    pdu: Pdu
    forgiven: str | None = None


def knows(command: int) -> bool:
    """Whether that command_id is one that we speak."""
    return command in _BY_COMMAND


def header_of(octets: bytes) -> tuple[int, int]:
    """command_id and sequence_number of a whole PDU."""
    _, command, _, sequence_id = _HEADER.unpack_from(octets)
    return command, sequence_id


def encode(pdu: Pdu, sequence_id: int, status: int = Status.ROK) -> bytes:
    """A whole PDU; raises ValueError naming the field that does not fit.

    A response with an error has no body (4.1.2, 4.4.2), which is always lawful to leave out.
    """
    body = b"" if status and pdu.COMMAND & RESPONSE else layout(type(pdu)).encode(pdu)
    return _HEADER.pack(HEADER_OCTETS + len(body), pdu.COMMAND, status, sequence_id) + body


def decode(octets: bytes) -> Frame:
    """Read one whole PDU. Raises ProtocolError."""
    if len(octets) < HEADER_OCTETS:
        raise ProtocolError(f"header: {HEADER_OCTETS} octets needed, {len(octets)} present")
    total, command, status, sequence_id = _HEADER.unpack_from(octets)
    if total != len(octets):
        raise ProtocolError(f"command_length {total}, but {len(octets)} octets present")
    kind = _BY_COMMAND.get(command)
    if kind is None:
        raise ProtocolError(f"command_id {command:#010x} is not known")
    if total == HEADER_OCTETS and command & RESPONSE:
        pdu: Pdu = kind()  # type: ignore[call-arg]  # every field of a response has a default
        forgiven = None if status or kind in _EMPTY else f"{kind.__name__} without its body"
        return Frame(sequence_id, status, pdu, forgiven)
    pdu, what = layout(kind).decode(octets, HEADER_OCTETS)
    return Frame(sequence_id, status, pdu, f"{kind.__name__}: {what}" if what else None)


_EMPTY = {kind for kind in get_args(Pdu) if not layout(kind).has_mandatory}
