"""Whole PDUs: header (Message Length 4, Command ID 4, Sequence Number 12 octets) and body."""

from __future__ import annotations

import struct
from typing import NamedTuple, get_args

from caiyou.errors import ProtocolError
from caiyou.wire import Reader
from mail2sms.fields import layout
from mail2sms.sgip.codes import RESPONSE
from mail2sms.sgip.pdu import Pdu
from mail2sms.sgip.sequence import OCTETS

HEADER_OCTETS = 20
MAX_SENT_OCTETS = 2048  # the text's limit
MAX_PDU_OCTETS = 4096  # taken: a SUBMIT to 100 numbers with 160 octets has 2,403

_HEADER = struct.Struct(">II12s")
_RESERVE_OCTETS = 8
_BY_COMMAND: dict[int, type[Pdu]] = {pdu.COMMAND: pdu for pdu in get_args(Pdu)}


class Frame(NamedTuple):
    """A PDU as it was read, and what had to be forgiven."""

    sequence_id: int
    pdu: Pdu
    forgiven: str | None = None


def is_known(command: int) -> bool:
    """Whether ``decode`` knows that Command ID."""
    return command in _BY_COMMAND


def header_of(octets: bytes) -> tuple[int, int]:
    """Command ID and Sequence Number of a whole PDU."""
    _, command, sequence = _HEADER.unpack_from(octets)
    return command, int.from_bytes(sequence, "big")


def encode(pdu: Pdu, sequence_id: int) -> bytes:
    """A whole PDU; raises ValueError naming what does not fit."""
    body = layout(type(pdu)).encode(pdu)
    total = HEADER_OCTETS + len(body)
    if total > MAX_SENT_OCTETS:
        raise ValueError(f"{type(pdu).__name__}: {total} octets, {MAX_SENT_OCTETS} allowed")
    return _HEADER.pack(total, pdu.COMMAND, sequence_id.to_bytes(OCTETS, "big")) + body


def encode_answer(command: int, sequence_id: int, result: int) -> bytes:
    """The answer to a request of any ``command``, also of one that we do not know: Result and Reserve."""
    total = HEADER_OCTETS + 1 + _RESERVE_OCTETS
    header = _HEADER.pack(total, RESPONSE | command, sequence_id.to_bytes(OCTETS, "big"))
    return header + bytes((result,)) + bytes(_RESERVE_OCTETS)


def decode(octets: bytes) -> Frame:
    """Read one whole PDU; octets behind the last field are forgiven, and a Reserve that is missing or short.

    Raises ProtocolError.
    """
    if len(octets) < HEADER_OCTETS:
        raise ProtocolError(f"header: {HEADER_OCTETS} octets needed, {len(octets)} present")
    total, command, sequence = _HEADER.unpack_from(octets)
    if total != len(octets):
        raise ProtocolError(f"Message Length {total}, but {len(octets)} octets present")
    kind = _BY_COMMAND.get(command)
    if kind is None:
        raise ProtocolError(f"Command ID {command:#010x} is not known")
    fields, forgiven = layout(kind), None
    needed = fields.size_at(octets, HEADER_OCTETS, total)
    missing = 0 if needed is None else needed - (total - HEADER_OCTETS)
    if 0 < missing <= _RESERVE_OCTETS and needed:  # every body ends with it, but the empty ones
        octets += bytes(missing)
        forgiven = f"{kind.__name__} without its Reserve"
    reader = Reader(octets, HEADER_OCTETS)
    pdu = fields.decode(reader)
    if reader.left:
        forgiven = f"{kind.__name__} with octets behind its last field"
    return Frame(int.from_bytes(sequence, "big"), pdu, forgiven)
