"""The TPDUs of a short message: SUBMIT, DELIVER, STATUS-REPORT (3GPP TS 23.040, 9.2.2).

``encode`` and ``decode`` are inverse for all that 23.040 allows. Between modem and computer a TPDU is written in
hexadecimal digits behind the service centre (27.005, 3.1); ``to_hex`` and ``from_hex`` do that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from caiyou.errors import ProtocolError
from caiyou.wire import Reader
from mail2sms.pdu import layout
from mail2sms.pdu.address import Address, decode_centre, encode_centre
from mail2sms.pdu.layout import EMPTY, Bit, Content, Number, Octet, Rest, Stamp, UserData, Validity, ValidityPeriod

MAX_OCTETS = 164  # of a TPDU (23.040, 9.2.3.24: 140 of user data), and some to spare


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """From us to the service centre. The modem puts its own ``mr`` there and tells it."""

    MTI: ClassVar[int] = 1
    reject_duplicates: Annotated[bool, Bit(0x04)] = False
    status_report: Annotated[bool, Bit(0x20)] = False
    reply_path: Annotated[bool, Bit(0x80)] = False
    mr: Annotated[int, Octet()] = 0
    da: Annotated[Address, Number()]
    pid: Annotated[int, Octet()] = 0
    dcs: Annotated[int, Octet()] = 0
    vp: Annotated[Validity, ValidityPeriod()] = None
    ud: Annotated[UserData, Content()] = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """From the service centre to us: a message of a handset."""

    MTI: ClassVar[int] = 0
    more_to_send: Annotated[bool, Bit(0x04, inverted=True)] = False
    is_forwarded: Annotated[bool, Bit(0x08)] = False  # loop prevention
    status_report: Annotated[bool, Bit(0x20)] = False
    reply_path: Annotated[bool, Bit(0x80)] = False
    oa: Annotated[Address, Number()]
    pid: Annotated[int, Octet()] = 0
    dcs: Annotated[int, Octet()] = 0
    scts: Annotated[datetime | None, Stamp()]
    ud: Annotated[UserData, Content()] = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """From the service centre: what became of the SUBMIT ``mr`` to ``ra``. ``rest``: optional fields, not looked at."""

    MTI: ClassVar[int] = 2
    more_to_send: Annotated[bool, Bit(0x04, inverted=True)] = False
    is_forwarded: Annotated[bool, Bit(0x08)] = False
    of_command: Annotated[bool, Bit(0x20)] = False
    mr: Annotated[int, Octet()]
    ra: Annotated[Address, Number()]
    scts: Annotated[datetime | None, Stamp()]
    discharge: Annotated[datetime | None, Stamp()]
    st: Annotated[int, Octet()]
    rest: Annotated[bytes, Rest()] = b""


Tpdu = Submit | Deliver | StatusReport


def encode(pdu: Tpdu) -> bytes:
    """The octets; raises ValueError naming the field that does not fit."""
    return layout.encode(pdu)


def decode_from_centre(octets: bytes) -> Deliver | StatusReport:
    """A TPDU that the network sent; raises ProtocolError. The reserved type counts as DELIVER (9.2.3.1)."""
    reader = Reader(octets)
    first = reader.uint(1, "first octet")
    kind = first & 3
    if kind == Submit.MTI:
        raise ProtocolError("SUBMIT-REPORT is not expected")
    if kind == StatusReport.MTI:
        return layout.decode(StatusReport, reader, first)
    return layout.decode(Deliver, reader, first)


def decode_submit(octets: bytes) -> Submit:
    """A SUBMIT; raises ProtocolError."""
    reader = Reader(octets)
    first = reader.uint(1, "first octet")
    if first & 3 != Submit.MTI:
        raise ProtocolError(f"type {first & 3} is no SUBMIT")
    return layout.decode(Submit, reader, first)


def to_hex(tpdu: bytes, centre: Address | None = None) -> str:
    """As a modem takes and gives it."""
    return (encode_centre(centre) + tpdu).hex().upper()


def from_hex(text: str) -> bytes:
    """The TPDU in what a modem gave; raises ProtocolError."""
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        raise ProtocolError("the PDU is not hexadecimal") from None
    reader = Reader(octets)
    decode_centre(reader)
    return reader.rest()
