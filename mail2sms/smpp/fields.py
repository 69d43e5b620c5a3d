"""How an SMPP PDU's fields are declared, and the codec that follows from the declaration (SMPP 3.4, 3.1 and 3.2).

A PDU is a frozen dataclass whose annotations say what stands on the wire, once: mandatory parameters in their order,
then optional ones (TLV), which are None where they are missing::

    source_addr: Annotated[str, CText(21)] = ""
    message_state: Annotated[int | None, Tlv(0x0427, UInt(1))] = None

Writing is strict. Reading forgives, and says so, what leaves no doubt: a last string without its 0x00, a TLV that is
cut at the end, repeated, or a number of unusual size. Strings longer than lawful are taken, TLVs unknown are skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Generic, TypeVar, get_type_hints

from caiyou.errors import ProtocolError
from caiyou.wire import text_of
from mail2sms.fields import Counted, UInt

_T = TypeVar("_T")
_TLV_HEADER_OCTETS = 4


@dataclass(frozen=True, slots=True)
class CText:
    """ASCII that 0x00 ends; at most ``size`` octets with it; a ``str``."""

    size: int


@dataclass(frozen=True, slots=True)
class Free:
    """Any octets, ``size`` at most; ``bytes``. In TLVs only."""

    size: int


@dataclass(frozen=True, slots=True)
class Tlv:
    """An optional parameter."""

    tag: int
    wire: UInt | CText | Free


Mandatory = UInt | CText | Counted

_COMPILED: dict[type, Layout[Any]] = {}


def layout(pdu: type[_T]) -> Layout[_T]:
    """The codec of ``pdu``, compiled once."""
    found = _COMPILED.get(pdu)
    if found is None:
        found = _COMPILED[pdu] = Layout(pdu)
    return found


class Layout(Generic[_T]):
    """Encodes and decodes the body of one PDU class."""

    def __init__(self, pdu: type[_T]) -> None:
        self._pdu = pdu
        hints = get_type_hints(pdu, include_extras=True)
        declared = [(f.name, hints[f.name].__metadata__[0]) for f in fields(pdu)]  # type: ignore[arg-type]  # a dataclass
        self._parts = _parts([pair for pair in declared if not isinstance(pair[1], Tlv)])
        self.has_mandatory = bool(self._parts)
        optional = [(name, wire) for name, wire in declared if isinstance(wire, Tlv)]
        self._tlvs = {tlv.tag: (name, tlv.wire) for name, tlv in optional}
        self._tlv_writers = [(attrgetter(name), _tlv_writer(name, tlv)) for name, tlv in optional]

    def encode(self, pdu: _T) -> bytes:
        """The body; raises ValueError naming the field that does not fit."""
        out = [part.encode(pdu) for part in self._parts]
        for get, write in self._tlv_writers:
            value = get(pdu)
            if value is not None:
                out.append(write(value))
        return b"".join(out)

    def decode(self, data: bytes, pos: int) -> tuple[_T, str | None]:
        """The PDU in ``data`` from ``pos`` to its end, and what was forgiven; raises ProtocolError naming the field."""
        values: dict[str, Any] = {}
        forgiven: list[str] = []
        for part in self._parts:
            pos = part.decode(data, pos, values, forgiven)
        if pos < len(data):
            self._decode_tlvs(data, pos, values, forgiven)
        return self._pdu(**values), "; ".join(forgiven) or None

    def _decode_tlvs(self, data: bytes, pos: int, values: dict[str, Any], forgiven: list[str]) -> None:
        end = len(data)
        while pos < end:
            start = pos + _TLV_HEADER_OCTETS
            stop = start + int.from_bytes(data[pos + 2 : start], "big")
            if start > end or stop > end:
                forgiven.append("the last TLV is cut")
                return
            found = self._tlvs.get(data[pos] << 8 | data[pos + 1])
            pos = stop
            if found is None:
                continue
            name, wire = found
            if name in values:
                forgiven.append(f"{name} twice")
                continue
            value = _tlv_value(wire, data[start:stop], name, forgiven)
            if value is not None:
                values[name] = value


def _tlv_value(wire: UInt | CText | Free, octets: bytes, name: str, forgiven: list[str]) -> int | str | bytes | None:
    if isinstance(wire, Free):
        return octets
    if isinstance(wire, CText):
        if octets[-1:] != b"\0":
            forgiven.append(f"{name} without its 0x00")
        return text_of(octets)
    if len(octets) != wire.size:
        forgiven.append(f"{name} of {len(octets)} octets")
        if not 1 <= len(octets) <= 8:
            return None
    return int.from_bytes(octets, "big")


def _parts(declared: list[tuple[str, Mandatory]]) -> list[_Ints | _String | _Message]:
    parts: list[_Ints | _String | _Message] = []
    run: list[str] = []
    for name, wire in declared:
        if isinstance(wire, UInt):  # all of them have one octet
            run.append(name)
            continue
        if run:
            parts.append(_Ints(run))
            run = []
        is_last = name == declared[-1][0]
        parts.append(_String(name, wire.size, is_last=is_last) if isinstance(wire, CText) else _Message(name))
    if run:
        parts.append(_Ints(run))
    return parts


class _Ints:
    """Integers of one octet, side by side."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        # attrgetter gives a tuple only for two names or more; the first name twice makes it always one.
        self._get = attrgetter(*names, names[0])

    def encode(self, pdu: object) -> bytes:
        try:
            return bytes(self._get(pdu)[:-1])
        except ValueError:
            name = next(name for name in self._names if not 0 <= getattr(pdu, name) <= 255)
            raise ValueError(f"{name}: {getattr(pdu, name)} does not fit 1 octet") from None

    def decode(self, data: bytes, pos: int, values: dict[str, Any], _: list[str]) -> int:
        stop = pos + len(self._names)
        if stop > len(data):
            raise ProtocolError(f"{self._names[len(data) - pos]}: 1 octet needed, 0 present")
        values.update(zip(self._names, data[pos:stop], strict=True))
        return stop


class _String:
    def __init__(self, name: str, size: int, *, is_last: bool) -> None:
        self._name = name
        self._is_last = is_last
        self._get = attrgetter(name)
        self._write = _text_writer(name, size)

    def encode(self, pdu: object) -> bytes:
        return self._write(self._get(pdu))

    def decode(self, data: bytes, pos: int, values: dict[str, Any], forgiven: list[str]) -> int:
        end = data.find(0, pos)
        if end < 0:
            if not self._is_last or pos == len(data):
                raise ProtocolError(f"{self._name}: no 0x00 ends it")
            forgiven.append(f"{self._name} without its 0x00")
            end = len(data)
        values[self._name] = data[pos:end].decode("latin-1") if end > pos else ""
        return end + 1


class _Message:
    """One octet of length, then so many octets."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._get: Callable[[object], bytes] = attrgetter(name)

    def encode(self, pdu: object) -> bytes:
        value = self._get(pdu)
        if len(value) > 254:
            raise ValueError(f"{self._name}: {len(value)} octets, 254 fit")
        return bytes((len(value),)) + value

    def decode(self, data: bytes, pos: int, values: dict[str, Any], _: list[str]) -> int:
        stop = pos + 1 + data[pos] if pos < len(data) else pos + 1
        if stop > len(data):
            raise ProtocolError(f"{self._name}: {stop - pos} octets needed, {len(data) - pos} present")
        values[self._name] = data[pos + 1 : stop]
        return stop


def _text_writer(name: str, size: int) -> Callable[[str], bytes]:
    def write(value: str) -> bytes:
        if not value:
            return b"\0"
        if not value.isascii() or len(value) >= size or "\0" in value:
            raise ValueError(f"{name}: not ASCII of at most {size - 1} octets without 0x00")
        return value.encode("ascii") + b"\0"

    return write


def _tlv_writer(name: str, tlv: Tlv) -> Callable[[Any], bytes]:
    wire, tag = tlv.wire, tlv.tag.to_bytes(2, "big")
    text = _text_writer(name, wire.size)

    def octets_of(value: Any) -> bytes:
        if isinstance(wire, UInt):
            if not 0 <= value < 1 << 8 * wire.size:
                raise ValueError(f"{name}: {value} does not fit {wire.size} octets")
            return bytes(value.to_bytes(wire.size, "big"))
        if isinstance(wire, CText):
            return text(value)
        if len(value) > wire.size:
            raise ValueError(f"{name}: {len(value)} octets, {wire.size} fit")
        return bytes(value)

    def write(value: Any) -> bytes:
        octets = octets_of(value)
        return tag + len(octets).to_bytes(2, "big") + octets

    return write
