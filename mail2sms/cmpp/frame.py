"""Whole PDUs: header (Total_Length, Command_Id, Sequence_Id, 4 octets each) and body."""

from __future__ import annotations

from typing import NamedTuple, get_args

from caiyou.errors import ProtocolError
from caiyou.wire import Reader
from mail2sms.cmpp.codes import Version
from mail2sms.cmpp.pdu import ActiveTestResp, Pdu, Report
from mail2sms.fields import layout
from mail2sms.session.frame import HEADER, HEADER_OCTETS

_BY_COMMAND: dict[int, type[Pdu]] = {pdu.COMMAND: pdu for pdu in get_args(Pdu)}


class Frame(NamedTuple):
    """A PDU as it was read: in which layout, and what had to be forgiven."""

    sequence_id: int
    pdu: Pdu
    layout: Version
    forgiven: str | None = None


def encode(pdu: Pdu, sequence_id: int, version: Version) -> bytes:
    """A whole PDU; raises ValueError naming the field that does not fit."""
    body = layout(type(pdu), version < Version.V30).encode(pdu)
    return HEADER.pack(HEADER_OCTETS + len(body), pdu.COMMAND, sequence_id) + body


def decode(octets: bytes, version: Version) -> Frame:
    """Read one whole PDU, in the layout of ``version`` or, when only that fits its length, in the other.

    Octets behind the last field are forgiven. Raises ProtocolError.
    """
    if len(octets) < HEADER_OCTETS:
        raise ProtocolError(f"header: {HEADER_OCTETS} octets needed, {len(octets)} present")
    total, command, sequence_id = HEADER.unpack_from(octets)
    if total != len(octets):
        raise ProtocolError(f"Total_Length {total}, but {len(octets)} octets present")
    kind = _BY_COMMAND.get(command)
    if kind is None:
        raise ProtocolError(f"Command_Id {command:#010x} is not known")
    if kind is ActiveTestResp and total == HEADER_OCTETS:
        return Frame(sequence_id, ActiveTestResp(), version, "ACTIVE_TEST_RESP without its reserved octet")
    asked = version.layout
    reader = Reader(octets, HEADER_OCTETS)
    try:
        pdu = layout(kind, asked is Version.V20).decode(reader)
        if not reader.left:
            return Frame(sequence_id, pdu, asked)
        cut: ProtocolError | None = None
    except ProtocolError as error:
        cut = error
    other = Version.V20 if asked is Version.V30 else Version.V30
    if layout(kind, other is Version.V20).size_at(octets, HEADER_OCTETS, total) == total - HEADER_OCTETS:
        pdu = layout(kind, other is Version.V20).decode(Reader(octets, HEADER_OCTETS))
        return Frame(sequence_id, pdu, other, f"{kind.__name__} in the layout of {_name(other)}, not {_name(asked)}")
    if cut is not None:
        raise cut
    return Frame(sequence_id, pdu, asked, f"{kind.__name__} with octets behind its last field")


def encode_report(report: Report, version: Version) -> bytes:
    """The Msg_Content of a DELIVER that reports: 71 octets in 3.0, 60 in 2.0."""
    return layout(Report, version < Version.V30).encode(report)


def decode_report(content: bytes) -> Report:
    """Read a report by its length: 71 octets or more are 3.0, 60-70 are 2.0; raises ProtocolError on less."""
    new, old = layout(Report), layout(Report, older=True)
    return (new if len(content) >= new.fixed_size else old).decode(Reader(content))


def _name(version: Version) -> str:
    return f"{version >> 4}.{version & 15}"
