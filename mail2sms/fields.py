"""How a PDU's fields are declared, and the codec that follows from the declaration.

A PDU is a frozen dataclass whose annotations say what stands on the wire, in order, once::

    fee_terminal_id: Annotated[str, Text(32), Older(Text(21))] = ""

``Older`` gives the field of the protocol's older layout where it differs (CMPP 2.0); ``Older(None)`` says there is no
such field. Sizes, error texts and the compiled ``struct`` formats come from there. Runs of fixed fields go through one
``struct`` call.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Generic, TypeVar, get_type_hints

from caiyou.wire import Reader, octets_of, text_of

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class UInt:
    """Unsigned integer, big-endian, of 1, 2, 4 or 8 octets."""

    size: int


@dataclass(frozen=True, slots=True)
class Text:
    """Fixed octet string, padded right with 0x00; a ``str``."""

    size: int


@dataclass(frozen=True, slots=True)
class Octets:
    """Exactly ``size`` octets as they are; ``bytes``."""

    size: int


@dataclass(frozen=True, slots=True)
class Reserved:
    """Octets without meaning: written as 0x00, not looked at."""

    size: int


@dataclass(frozen=True, slots=True)
class Counted:
    """A length of ``size`` octets, then so many octets; ``bytes``."""

    size: int = 1


@dataclass(frozen=True, slots=True)
class Numbers:
    """One octet of count, then so many octet strings of ``size``; a tuple of ``str``."""

    size: int


@dataclass(frozen=True, slots=True)
class Tlv:
    """An optional parameter behind all else: tag and length of 2 octets each, then the field. None: it is not there.

    Its length on the wire is taken as it comes: of an integer the last octets, texts up to their 0x00.
    """

    tag: int
    field: UInt | Text | Octets


Fixed = UInt | Text | Octets | Reserved
Field = Fixed | Counted | Numbers | Tlv


@dataclass(frozen=True, slots=True)
class Older:
    """The field in the older layout; None: not there."""

    field: Field | None


_COMPILED: tuple[dict[type, Layout[Any]], dict[type, Layout[Any]]] = ({}, {})  # newer, older: the hot path's look-up
_TLV = struct.Struct(">HH")
_FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}


def declared(pdu: type, *, older: bool = False) -> list[tuple[str, Field]]:
    """Name and wire form of each field of ``pdu``, in order."""
    hints = get_type_hints(pdu, include_extras=True)
    found: list[tuple[str, Field]] = []
    for name in (f.name for f in fields(pdu)):
        notes = hints[name].__metadata__
        old = next((n for n in notes if isinstance(n, Older)), None)
        wire = old.field if old is not None and older else notes[0]
        if wire is not None:
            found.append((name, wire))
    return found


def layout(pdu: type[_T], older: bool = False) -> Layout[_T]:
    """The codec of ``pdu``, compiled once."""
    compiled = _COMPILED[older]
    found = compiled.get(pdu)
    if found is None:
        found = compiled[pdu] = Layout(pdu, declared(pdu, older=older))
    return found


class Layout(Generic[_T]):
    """Encodes and decodes the body of one PDU class in one version. ``fixed_size``: octets with nothing variable."""

    def __init__(self, pdu: type[_T], wires: list[tuple[str, Field]]) -> None:
        self._pdu = pdu
        self._parts: list[_Run | _CountedPart | _NumbersPart] = []
        tlvs = [(name, wire) for name, wire in wires if isinstance(wire, Tlv)]
        self._tlvs = _Tlvs(tlvs) if tlvs else None
        run: list[tuple[str, Fixed]] = []
        for name, wire in wires:
            if isinstance(wire, Tlv):
                continue
            if isinstance(wire, Counted | Numbers):
                if run:
                    self._parts.append(_Run(run))
                    run = []
                self._parts.append(
                    _CountedPart(name, wire.size) if isinstance(wire, Counted) else _NumbersPart(name, wire.size)
                )
            else:
                run.append((name, wire))
        if run:
            self._parts.append(_Run(run))
        self.fixed_size = sum(part.size for part in self._parts)

    def encode(self, pdu: _T) -> bytes:
        """The body; raises ValueError naming the field that does not fit."""
        octets = [part.encode(pdu) for part in self._parts]
        if self._tlvs is not None:
            octets.append(self._tlvs.encode(pdu))
        return b"".join(octets)

    def decode(self, reader: Reader) -> _T:
        """Read one body; raises ProtocolError naming the field that is cut. Does not look behind the last field.

        Optional parameters never raise: unknown tags are passed over, a cut one is left behind the last field.
        """
        values: dict[str, Any] = {}
        for part in self._parts:
            part.decode(reader, values)
        if self._tlvs is not None and reader.left:
            self._tlvs.decode(reader, values)
        return self._pdu(**values)

    def size_at(self, data: bytes, pos: int, end: int) -> int | None:
        """Octets that a body starting at ``pos`` would take; None when it is cut before its counts."""
        size = self.fixed_size
        at = pos
        for part in self._parts:
            at += part.size
            if part.unit:
                if at > end:
                    return None
                octets = int.from_bytes(data[at - part.size : at], "big") * part.unit
                size += octets
                at += octets
        return size


class _Run:
    """Fixed fields side by side."""

    unit = 0

    def __init__(self, wires: list[tuple[str, Fixed]]) -> None:
        self._wires = wires
        self._struct = struct.Struct(">" + "".join(_format(wire) for _, wire in wires))
        self.size = self._struct.size
        shown = [(name, wire) for name, wire in wires if not isinstance(wire, Reserved)]
        self._names = tuple(name for name, _ in shown)
        self._encoders = tuple(_encoder(name, wire) for name, wire in shown)
        # attrgetter gives a tuple only for two names or more; the first name twice makes it always one.
        self._get = attrgetter(*self._names, self._names[0]) if shown else None
        self._texts = tuple(name for name, wire in shown if isinstance(wire, Text))

    def encode(self, pdu: object) -> bytes:
        if self._get is None:
            return bytes(self.size)
        values = [encode(value) for encode, value in zip(self._encoders, self._get(pdu), strict=False)]
        return self._struct.pack(*values)

    def decode(self, reader: Reader, values: dict[str, Any]) -> None:
        start = reader.pos
        if start + self.size > reader.end:
            self._explain(reader)
        reader.pos = start + self.size
        values.update(zip(self._names, self._struct.unpack_from(reader.data, start), strict=True))
        for name in self._texts:
            values[name] = text_of(values[name])

    def _explain(self, reader: Reader) -> None:
        """Walk field by field to the one that is cut."""
        for name, wire in self._wires:
            reader.octets(wire.size, name)


class _CountedPart:
    unit = 1

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self.size = size
        self._most = (1 << 8 * size) - 1
        self._get: Callable[[object], bytes] = attrgetter(name)

    def encode(self, pdu: object) -> bytes:
        value = self._get(pdu)
        if len(value) > self._most:
            raise ValueError(f"{self._name}: {len(value)} octets, {self._most} fit")
        return len(value).to_bytes(self.size, "big") + value

    def decode(self, reader: Reader, values: dict[str, Any]) -> None:
        size = reader.uint(self.size, f"length of {self._name}")
        values[self._name] = reader.octets(size, self._name)


class _NumbersPart:
    size = 1

    def __init__(self, name: str, unit: int) -> None:
        self._name = name
        self.unit = unit
        self._get: Callable[[object], tuple[str, ...]] = attrgetter(name)

    def encode(self, pdu: object) -> bytes:
        value = self._get(pdu)
        if len(value) > 255:
            raise ValueError(f"{self._name}: {len(value)} numbers, 255 fit")
        numbers = [octets_of(number, self.unit, self._name).ljust(self.unit, b"\0") for number in value]
        return bytes((len(value),)) + b"".join(numbers)

    def decode(self, reader: Reader, values: dict[str, Any]) -> None:
        count = reader.uint(1, f"count of {self._name}")
        data = reader.octets(count * self.unit, self._name)
        values[self._name] = tuple([text_of(data[i : i + self.unit]) for i in range(0, len(data), self.unit)])


class _Tlvs:
    """The optional parameters of a PDU."""

    def __init__(self, wires: list[tuple[str, Tlv]]) -> None:
        self._by_tag = {wire.tag: (name, wire.field) for name, wire in wires}
        self._encoders = [
            (_TLV.pack(wire.tag, wire.field.size), attrgetter(name), _encoder(name, wire.field), _format(wire.field))
            for name, wire in wires
        ]

    def encode(self, pdu: object) -> bytes:
        octets = b""
        for head, get, encode, form in self._encoders:
            value = get(pdu)
            if value is not None:
                octets += head + struct.pack(f">{form}", encode(value))
        return octets

    def decode(self, reader: Reader, values: dict[str, Any]) -> None:
        while reader.left >= _TLV.size:
            tag, size = _TLV.unpack_from(reader.data, reader.pos)
            if size > reader.left - _TLV.size:
                return
            start = reader.pos + _TLV.size
            reader.pos = start + size
            found = self._by_tag.get(tag)
            octets = reader.data[start : reader.pos]
            if found is None or not octets:
                continue
            name, field = found
            if isinstance(field, UInt):
                values[name] = int.from_bytes(octets[-field.size :], "big")
            else:
                values[name] = text_of(octets) if isinstance(field, Text) else octets


def _format(wire: Fixed) -> str:
    if isinstance(wire, UInt):
        return _FORMATS[wire.size]
    return f"{wire.size}x" if isinstance(wire, Reserved) else f"{wire.size}s"


def _encoder(name: str, wire: Fixed) -> Callable[[Any], Any]:
    size = wire.size
    if isinstance(wire, Text):
        return lambda value: octets_of(value, size, name)
    top = 1 << 8 * size

    def uint(value: int) -> int:
        if not 0 <= value < top:
            raise ValueError(f"{name}: {value} does not fit {size} octets")
        return value

    def octets(value: bytes) -> bytes:
        if len(value) != size:
            raise ValueError(f"{name}: {len(value)} octets, {size} needed")
        return value

    return uint if isinstance(wire, UInt) else octets
