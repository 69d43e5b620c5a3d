"""Whole PDUs to octets and back (OMA-MMS-ENC 1.2, 7.1)."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from caiyou.errors import ProtocolError
from caiyou.wire import Reader
from mms_builder.mms.codes import MIXED, Charset
from mms_builder.mms.content_type import ContentType, Forgive, decode_content_type, encode_content_type
from mms_builder.mms.headers import CONTENT_TYPE, MESSAGE_TYPE, Assumed, Header
from mms_builder.mms.multipart import Part, decode_multipart, encode_multipart
from mms_builder.mms.pdu import Pdu
from mms_builder.mms.wsp import Form, Value, read_text, read_value, short_integer

MAX_FIELDS = 5000
_BY_TYPE: dict[int, type[Pdu]] = {kind.TYPE: kind for kind in get_args(Pdu)}


class Decoded(NamedTuple):
    """A PDU as it was read, and what had to be forgiven."""

    pdu: Pdu
    forgiven: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Field:
    attribute: str
    header: Header
    needed: bool  # mandatory in what is read, as in what is written
    default: object
    assumed: Assumed | None


@dataclass(frozen=True, slots=True)
class _Layout:
    fields: tuple[_Field, ...]
    by_number: dict[int, Header]
    has_body: bool


def encode(pdu: Pdu, charset: Charset = Charset.UTF_8) -> bytes:
    """A whole PDU; raises ValueError naming the field that does not fit.

    ``charset`` is for header texts that are not us-ascii; what it lacks goes out in UTF-8.
    """
    layout = _LAYOUTS[type(pdu)]
    octets = [short_integer(MESSAGE_TYPE), bytes((pdu.TYPE,))]
    for field in layout.fields:
        header, value = field.header, getattr(pdu, field.attribute)
        if value is None or value in ("", ()):
            if field.needed:
                raise ValueError(f"{header.name}: mandatory, but empty")
            continue
        try:
            for one in value if header.many else (value,):
                octets += [short_integer(header.number), header.encode(one, charset)]
        except ValueError as error:
            raise ValueError(f"{header.name}: {error}") from None
    if layout.has_body:
        content_type: ContentType = getattr(pdu, "content_type")  # noqa: B009  only two of the PDUs have it
        parts: tuple[Part, ...] = getattr(pdu, "parts")  # noqa: B009  the same
        octets += [short_integer(CONTENT_TYPE), encode_content_type(content_type), _body(content_type, parts)]
    return b"".join(octets)


def decode(octets: bytes) -> Decoded:
    """Read one whole PDU; raises ProtocolError.

    Unknown fields are skipped; an optional field that makes no sense is left out, a repeated one counts once, and
    ``Decoded.forgiven`` tells of it. Cost is linear in the octets.
    """
    forgiven: list[str] = []
    reader = Reader(octets)
    found = _fields(reader, forgiven.append)
    kind = _kind(found, forgiven.append)
    layout = _LAYOUTS[kind]
    values: dict[str, Any] = {}
    for field in layout.fields:
        value = _read(field, found, forgiven.append)
        if value is not None:
            values[field.attribute] = value
        elif field.default is MISSING:
            values[field.attribute] = None  # a date that peers leave out
    if layout.has_body:
        values["content_type"], values["parts"] = _read_body(found, reader, forgiven.append)
    elif reader.left and any(octets[reader.pos :]):
        forgiven.append(f"{reader.left} octets behind the last field")
    return Decoded(kind(**values), tuple(forgiven))


def _fields(reader: Reader, forgive: Forgive) -> dict[int, list[Value]]:
    """All fields up to Content-Type, which is the last one, uncut by what they mean."""
    found: dict[int, list[Value]] = {}
    for _ in range(MAX_FIELDS):
        if not reader.left:
            return found
        first = reader.data[reader.pos]
        if first >= 0x80:
            number = reader.uint(1, "field") & 0x7F
            header = _HEADERS.get(number)
            name = header.name if header else f"field {number:#04x}"
            found.setdefault(number, []).append(read_value(reader, name, text=header is not None and header.text))
            if number == CONTENT_TYPE:
                return found
        elif first > 0x20:
            name = read_text(reader, "field name")[:40].decode("latin-1")
            read_value(reader, name, text=True)
        elif not any(reader.data[reader.pos :]):
            forgive(f"{reader.left} octets of 0x00 behind the last field")
            reader.rest()
            return found
        else:
            raise ProtocolError(f"{first:#04x} begins no field")
    raise ProtocolError(f"more than {MAX_FIELDS} fields")


def _kind(found: dict[int, list[Value]], forgive: Forgive) -> type[Pdu]:
    value = found.get(MESSAGE_TYPE, [None])[0]
    if value is None or value.form is not Form.OCTET:
        raise ProtocolError("no X-Mms-Message-Type")
    kind = _BY_TYPE.get(value.octets[0])
    if kind is None:
        raise ProtocolError(f"X-Mms-Message-Type {value.octets[0]:#04x} is not known")
    if next(iter(found)) != MESSAGE_TYPE:
        forgive("X-Mms-Message-Type is not the first field")
    return kind


def _read(field: _Field, found: dict[int, list[Value]], forgive: Forgive) -> Any:
    header = field.header
    values: list[Any] = []
    for value in found.get(header.number, ()):
        try:
            values.append(header.decode(value, header.name))
        except ProtocolError as error:
            if field.needed and field.assumed is None:
                raise
            forgive(str(error))
    if header.many:
        if not values and field.needed:
            raise ProtocolError(f"no {header.name}")
        return tuple(values)
    if len(values) > 1 and len(set(values)) > 1:
        forgive(f"{header.name} {len(values)} times")
    if values:
        return values[0]
    if field.assumed is not None:
        forgive(f"no {header.name}")
        return field.assumed.value
    if field.needed:
        raise ProtocolError(f"no {header.name}")
    return None


def _body(content_type: ContentType, parts: tuple[Part, ...]) -> bytes:
    if content_type.is_multipart:
        return encode_multipart(parts)
    if len(parts) > 1:
        raise ValueError(f"Content-Type: {len(parts)} parts in a body of {content_type.media_type}")
    return b"".join(part.data for part in parts)


def _read_body(found: dict[int, list[Value]], reader: Reader, forgive: Forgive) -> tuple[ContentType, tuple[Part, ...]]:
    value = found.get(CONTENT_TYPE, [None])[0]
    if value is None:
        forgive("no Content-Type")
        return ContentType(MIXED), ()
    content_type = decode_content_type(value, forgive)
    body = reader.rest()
    if not body:
        if content_type.is_multipart:
            forgive("no body")
        return content_type, ()
    if content_type.is_multipart:
        return content_type, decode_multipart(body, forgive)
    return content_type, (Part(content_type=content_type, data=body),)


def _layout_of(kind: type[Pdu]) -> _Layout:
    hints = get_type_hints(kind, include_extras=True)
    found: list[_Field] = []
    for declared in fields(kind):
        hint = hints[declared.name]
        optional = get_origin(hint) in (Union, UnionType) and type(None) in get_args(hint)
        plain = next(arg for arg in get_args(hint) if arg is not type(None)) if optional else hint
        marks = getattr(plain, "__metadata__", ())
        header = next((mark for mark in marks if isinstance(mark, Header)), None)
        if header is None:
            continue
        default = declared.default
        found.append(
            _Field(
                attribute=declared.name,
                header=header,
                needed=not optional and default is MISSING,
                default=default,
                assumed=next((mark for mark in marks if isinstance(mark, Assumed)), None),
            )
        )
    by_number = {field.header.number: field.header for field in found}
    return _Layout(tuple(found), by_number, any(declared.name == "parts" for declared in fields(kind)))


_LAYOUTS: dict[type, _Layout] = {kind: _layout_of(kind) for kind in _BY_TYPE.values()}
_HEADERS: dict[int, Header] = {
    number: header for layout in _LAYOUTS.values() for number, header in layout.by_number.items()
}
