"""Octets of WSP header values (WAP-230-WSP, 8.1.2 and 8.4.2).

Any value can be told from its first octet: 0-30 a length, 31 a length as uintvar, 32-127 a text up to its 0x00,
128-255 is the value. So a value is cut out first and understood afterwards, and one that makes no sense harms no other.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from caiyou.errors import ProtocolError
from caiyou.wire import Reader

QUOTE = 0x7F  # before a text that begins with an octet of 128-255
STRING_QUOTE = 0x22  # before a Quoted-string; there is none behind it
_LENGTH_QUOTE = 31
_UINTVAR_OCTETS = 5  # 32 bits
_LONG_OCTETS = 30


class Form(Enum):
    """How a value is cut out."""

    OCTET = "octet"  # one octet of 128-255
    TEXT = "text"  # a text without its 0x00
    LENGTH = "length"  # octets behind their length


class Value(NamedTuple):
    """A header value as it stands on the wire, without its length or its ending 0x00."""

    form: Form
    octets: bytes


def uintvar(value: int) -> bytes:
    """Seven bits an octet, the first ones first, the top bit set on all but the last; up to 32 bits."""
    if not 0 <= value < 1 << 32:
        raise ValueError(f"uintvar: {value} does not fit 32 bits")
    octets = bytes((value & 0x7F,))
    while value := value >> 7:
        octets = bytes((value & 0x7F | 0x80,)) + octets
    return octets


def read_uintvar(reader: Reader, name: str) -> int:
    """A uintvar of at most 5 octets."""
    value = 0
    for _ in range(_UINTVAR_OCTETS):
        octet = reader.uint(1, name)
        value = value << 7 | octet & 0x7F
        if octet < 0x80:
            return value
    raise ProtocolError(f"{name}: a uintvar of more than {_UINTVAR_OCTETS} octets")


def short_integer(value: int) -> bytes:
    """0-127 in one octet with its top bit set."""
    if not 0 <= value <= 0x7F:
        raise ValueError(f"short integer: {value} is not in 0-127")
    return bytes((value | 0x80,))


def long_integer(value: int) -> bytes:
    """A length and so many octets, as few as do."""
    if value < 0 or value.bit_length() > 8 * _LONG_OCTETS:
        raise ValueError(f"long integer: {value} is negative or has more than {_LONG_OCTETS} octets")
    octets = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return bytes((len(octets),)) + octets


def integer_value(value: int) -> bytes:
    """The short form where it fits."""
    return short_integer(value) if value <= 0x7F else long_integer(value)


def with_length(octets: bytes) -> bytes:
    """Value-length and the value."""
    size = len(octets)
    return (bytes((size,)) if size < _LENGTH_QUOTE else bytes((_LENGTH_QUOTE,)) + uintvar(size)) + octets


def text_string(octets: bytes) -> bytes:
    """Text with its ending 0x00, quoted where it has to be. Control characters end no string: ValueError."""
    if any(octet < 0x20 or octet == 0x7F for octet in octets):
        raise ValueError(f"text {octets[:40]!r} holds a control character")
    return (bytes((QUOTE,)) if octets[:1] >= b"\x80" else b"") + octets + b"\0"


def quoted_string(octets: bytes) -> bytes:
    """Text behind a quotation mark, as Content-ID has it."""
    return bytes((STRING_QUOTE,)) + text_string(octets).removeprefix(bytes((QUOTE,)))


def read_value(reader: Reader, name: str, *, text: bool = False) -> Value:
    """The next value; ``text``: only a text or octets with a length can stand here, so 128-255 begin a text too.

    A text that must be quoted and is not is met with senders of raw UTF-8. Raises ProtocolError.
    """
    first = reader.uint(1, name)
    if first < _LENGTH_QUOTE:
        return Value(Form.LENGTH, reader.octets(first, name))
    if first == _LENGTH_QUOTE:
        return Value(Form.LENGTH, reader.octets(read_uintvar(reader, f"length of {name}"), name))
    if first < 0x80 or text:
        reader.pos -= 1
        return Value(Form.TEXT, read_text(reader, name))
    return Value(Form.OCTET, bytes((first,)))


def read_text(reader: Reader, name: str) -> bytes:
    """Octets up to 0x00, the 0x00 taken; raises ProtocolError where there is none."""
    end = reader.data.find(0, reader.pos, reader.end)
    if end < 0:
        raise ProtocolError(f"{name}: a text without its ending 0x00")
    octets = reader.octets(end - reader.pos, name)
    reader.pos += 1
    return octets


def read_integer(value: Value, name: str) -> int:
    """The integer of a value, short or long."""
    match value.form:
        case Form.OCTET:
            return value.octets[0] & 0x7F
        case Form.LENGTH if 0 < len(value.octets) <= _LONG_OCTETS:
            return int.from_bytes(value.octets, "big")
    raise ProtocolError(f"{name}: {value.octets[:40].hex()} is no integer")


def unmarked(octets: bytes) -> bytes:
    """A text without the Quote before its first character."""
    return octets.removeprefix(bytes((QUOTE,)))


def unquoted(octets: bytes) -> bytes:
    """The text of a parameter or an id: quotation marks that senders put around it go too."""
    octets = unmarked(octets)
    return octets[1:].removesuffix(b'"') if octets[:1] == b'"' else octets
