"""How the fields of a TPDU are declared, and the codec that follows from the declaration.

A TPDU is a frozen dataclass whose annotations say what stands on the wire, in order, once::

    da: Annotated[Address, Number()]
    status_report: Annotated[bool, Bit(0x20)] = False

The first octet of a TPDU holds its type and a bit or two of several fields, so each wire form says which bits of it it
sets (``bits``), what it writes (``put``) and how it is read (``take``, with the first octet and the fields before it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Protocol, TypeVar, get_type_hints

from caiyou.errors import ProtocolError
from caiyou.wire import Reader
from mail2sms.pdu import address, septets, times
from mail2sms.pdu.address import Address
from mail2sms.pdu.coding import data_coding

MAX_UD_OCTETS = 140
MAX_UD_SEPTETS = 160
_UDHI = 0x40
_VPF = 0x18

Validity = int | datetime | bytes | None
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserData:
    """``header``: the elements, without their length. ``body``: octets, or septets, one an octet, as the DCS says."""

    header: bytes = b""
    body: bytes = b""


class Wire(Protocol):
    """The wire form of a field."""

    def bits(self, value: Any) -> int:
        """Its bits in the first octet."""

    def put(self, name: str, value: Any, pdu: Any) -> bytes:
        """Its octets; raises ValueError that names the field."""

    def take(self, name: str, reader: Reader, first: int, before: Mapping[str, Any]) -> Any:
        """Read it; raises ProtocolError that names the field."""


@dataclass(frozen=True, slots=True)
class Bit:
    """A bit of the first octet; ``bool``. ``inverted``: 0 means true."""

    mask: int
    inverted: bool = False

    def bits(self, value: bool) -> int:
        return self.mask if value is not self.inverted else 0

    def put(self, name: str, value: bool, pdu: Any) -> bytes:
        return b""

    def take(self, name: str, reader: Reader, first: int, before: Mapping[str, Any]) -> bool:
        return bool(first & self.mask) is not self.inverted


class _Plain:
    """A field that has no bits in the first octet."""

    def bits(self, value: Any) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class Octet(_Plain):
    """One octet; ``int``."""

    def put(self, name: str, value: int, pdu: Any) -> bytes:
        if not 0 <= value <= 255:
            raise ValueError(f"{name}: {value} does not fit 1 octet")
        return bytes((value,))

    def take(self, name: str, reader: Reader, first: int, before: Mapping[str, Any]) -> int:
        return reader.uint(1, name)


@dataclass(frozen=True, slots=True)
class Number(_Plain):
    """An ``Address``."""

    def put(self, name: str, value: Address, pdu: Any) -> bytes:
        return address.encode(value, name)

    def take(self, name: str, reader: Reader, first: int, before: Mapping[str, Any]) -> Address:
        return address.decode(reader, name)


@dataclass(frozen=True, slots=True)
class Stamp(_Plain):
    """A time stamp; ``datetime`` or None."""

    def put(self, name: str, value: datetime | None, pdu: Any) -> bytes:
        return times.encode_stamp(value)

    def take(self, name: str, reader: Reader, first: int, before: Mapping[str, Any]) -> datetime | None:
        return times.decode_stamp(reader.octets(times.STAMP_OCTETS, name))


@dataclass(frozen=True, slots=True)
class Rest(_Plain):
    """Whatever follows; ``bytes``."""

    def put(self, name: str, value: bytes, pdu: Any) -> bytes:
        return value

    def take(self, name: str, reader: Reader, first: int, before: Mapping[str, Any]) -> bytes:
        return reader.rest()


@dataclass(frozen=True, slots=True)
class ValidityPeriod:
    """None, relative (``int``), absolute (``datetime``) or enhanced (``bytes``, seven octets) (9.2.3.3)."""

    def bits(self, value: Validity) -> int:
        if value is None:
            return 0x00
        if isinstance(value, int):
            return 0x10
        return 0x18 if isinstance(value, datetime) else 0x08

    def put(self, name: str, value: Validity, pdu: Any) -> bytes:
        if value is None:
            return b""
        if isinstance(value, int):
            return Octet().put(name, value, pdu)
        if isinstance(value, datetime):
            return times.encode_stamp(value)
        if len(value) != times.STAMP_OCTETS:
            raise ValueError(f"{name}: {len(value)} octets, {times.STAMP_OCTETS} needed")
        return value

    def take(self, name: str, reader: Reader, first: int, before: Mapping[str, Any]) -> Validity:
        form = first & _VPF
        if form == 0x00:
            return None
        if form == 0x10:
            return reader.uint(1, name)
        octets = reader.octets(times.STAMP_OCTETS, name)
        return octets if form == 0x08 else times.decode_stamp(octets)


@dataclass(frozen=True, slots=True)
class Content:
    """Length and user data, written as the DCS before it says; ``UserData``."""

    def bits(self, value: UserData) -> int:
        return _UDHI if value.header else 0

    def put(self, name: str, value: UserData, pdu: Any) -> bytes:
        head = bytes((len(value.header),)) + value.header if value.header else b""
        if data_coding(pdu.dcs).in_septets:
            fill = septets.fill_bits(len(head))
            length = (len(head) * 8 + fill) // 7 + len(value.body)
            octets, most = head + septets.pack(value.body, fill), MAX_UD_SEPTETS
        else:
            octets, most = head + value.body, MAX_UD_OCTETS
            length = len(octets)
        if length > most:
            raise ValueError(f"{name}: length {length}, {most} fit")
        return bytes((length,)) + octets

    def take(self, name: str, reader: Reader, first: int, before: Mapping[str, Any]) -> UserData:
        length = reader.uint(1, f"length of {name}")
        in_septets = data_coding(before["dcs"]).in_septets
        octets = reader.octets(septets.size_octets(length) if in_septets else length, name)
        # A header longer than the data is none (9.2.3.24 asks to ignore what makes no sense).
        head = 1 + octets[0] if first & _UDHI and octets and octets[0] < len(octets) else 0
        if not in_septets:
            return UserData(header=octets[1:head], body=octets[head:])
        fill = septets.fill_bits(head)
        count = max(0, length - (head * 8 + fill) // 7)
        return UserData(header=octets[1:head], body=septets.unpack(octets[head:], count, fill))


EMPTY = UserData()
_DECLARED: dict[type, tuple[tuple[str, Wire], ...]] = {}


def declared(pdu: type) -> tuple[tuple[str, Wire], ...]:
    """Name and wire form of each field of ``pdu``, in order."""
    found = _DECLARED.get(pdu)
    if found is None:
        hints = get_type_hints(pdu, include_extras=True)
        found = tuple([(field.name, hints[field.name].__metadata__[0]) for field in fields(pdu)])
        _DECLARED[pdu] = found
    return found


def encode(pdu: Any) -> bytes:
    """The octets; raises ValueError naming the field that does not fit."""
    first = int(pdu.MTI)
    octets = bytearray(1)
    for name, wire in declared(type(pdu)):
        value = getattr(pdu, name)
        first |= wire.bits(value)
        octets += wire.put(name, value, pdu)
    octets[0] = first
    return bytes(octets)


def decode(pdu: type[_T], reader: Reader, first: int) -> _T:
    """Read what follows the first octet; raises ProtocolError naming the field that is cut, or octets too many."""
    values: dict[str, Any] = {}
    for name, wire in declared(pdu):
        values[name] = wire.take(name, reader, first, values)
    if reader.left:
        raise ProtocolError(f"{pdu.__name__}: {reader.left} octets too many")
    return pdu(**values)
