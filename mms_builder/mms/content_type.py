"""Content-Type and Content-Disposition with their parameters (WAP-230-WSP, 8.4.2.4, 8.4.2.24 and table 38)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from caiyou.errors import ProtocolError
from caiyou.wire import Reader
from mms_builder.mms.codes import CHARSET_NAMES, CHARSET_NUMBERS, CONTENT_TYPE_NUMBERS, CONTENT_TYPES
from mms_builder.mms.text import decoded
from mms_builder.mms.wsp import (
    Form,
    Value,
    integer_value,
    read_integer,
    read_value,
    short_integer,
    text_string,
    unquoted,
    with_length,
)

MULTIPART = "application/vnd.wap.multipart."
_MAX_PARAMETERS = 50
_ANY_CHARSET = 0
_DISPOSITIONS = {0: "form-data", 1: "attachment", 2: "inline"}
_DISPOSITION_NUMBERS = {name: number for number, name in _DISPOSITIONS.items()}

Forgive = Callable[[str], None]


class _Kind(Enum):
    """What a well-known parameter's value is."""

    CHARSET = "charset"
    MEDIA = "media"  # Constrained-encoding: a content type
    TEXT = "text"
    INTEGER = "integer"


# Table 38. A name's first number is the one written: that of encoding version 1.1-1.3, which all phones know.
_PARAMETERS: dict[int, tuple[str, _Kind]] = {
    0x01: ("charset", _Kind.CHARSET),
    0x09: ("type", _Kind.MEDIA),
    0x03: ("type", _Kind.INTEGER),
    0x05: ("name", _Kind.TEXT),
    0x06: ("filename", _Kind.TEXT),
    0x0A: ("start", _Kind.TEXT),
    0x0B: ("start-info", _Kind.TEXT),
    0x0C: ("comment", _Kind.TEXT),
    0x0D: ("domain", _Kind.TEXT),
    0x0F: ("path", _Kind.TEXT),
    0x16: ("size", _Kind.INTEGER),
    0x17: ("name", _Kind.TEXT),
    0x18: ("filename", _Kind.TEXT),
    0x19: ("start", _Kind.TEXT),
    0x1A: ("start-info", _Kind.TEXT),
    0x1B: ("comment", _Kind.TEXT),
    0x1C: ("domain", _Kind.TEXT),
    0x1D: ("path", _Kind.TEXT),
}
_NUMBERS: dict[str, tuple[int, _Kind]] = {}
for _number, (_name, _kind) in _PARAMETERS.items():
    _NUMBERS.setdefault(_name, (_number, _kind))


@dataclass(frozen=True, slots=True)
class ContentType:
    """A media type in lower case and its parameters in order, names in lower case, values without quotes."""

    media_type: str
    parameters: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> str:
        """The value of a parameter, "" where it is not there."""
        return next((value for key, value in self.parameters if key == name), "")

    @property
    def is_multipart(self) -> bool:
        """Whether its body is a WSP multipart; multipart/* without application/vnd.wap is met too."""
        return self.media_type.startswith((MULTIPART, "multipart/"))


def encode_content_type(value: ContentType) -> bytes:
    """The short form where there are no parameters, else the general one."""
    media = _media(value.media_type)
    if not value.parameters:
        return media
    return with_length(media + b"".join(_parameter(name, text) for name, text in value.parameters))


def decode_content_type(value: Value, forgive: Forgive) -> ContentType:
    """Read a Content-Type; parameters behind one that cannot be read are left out. Raises ProtocolError."""
    if value.form is not Form.LENGTH:
        return _of_text(_media_type(value), forgive)
    reader = Reader(value.octets)
    media = _of_text(_media_type(read_value(reader, "media type")), forgive)
    return ContentType(media.media_type, media.parameters + _read_parameters(reader, forgive))


def encode_disposition(disposition: str, filename: str) -> bytes:
    """Content-Disposition with at most a file name."""
    number = _DISPOSITION_NUMBERS.get(disposition)
    kind = text_string(disposition.encode("ascii")) if number is None else short_integer(number)
    return with_length(kind + (_parameter("filename", filename) if filename else b""))


def decode_disposition(value: Value, forgive: Forgive) -> tuple[str, str]:
    """(disposition in lower case, file name). Raises ProtocolError."""
    if value.form is not Form.LENGTH:
        forgive("Content-Disposition without its length")
        return _disposition(value), ""
    reader = Reader(value.octets)
    kind = _disposition(read_value(reader, "Content-Disposition"))
    parameters = dict(reversed(_read_parameters(reader, forgive)))
    return kind, parameters.get("filename", "") or parameters.get("name", "")


def _disposition(value: Value) -> str:
    if value.form is Form.TEXT:
        return _plain(value.octets).lower()
    return _DISPOSITIONS.get(read_integer(value, "Content-Disposition"), "attachment")


def _media(media_type: str) -> bytes:
    number = CONTENT_TYPE_NUMBERS.get(media_type)
    if number is not None:
        return integer_value(number)
    if "/" not in media_type or not media_type.isascii() or not media_type.isprintable() or " " in media_type:
        raise ValueError(f"{media_type!r} is no media type")
    return text_string(media_type.encode("ascii"))


def _media_type(value: Value) -> str:
    if value.form is Form.TEXT:
        return _plain(value.octets)
    number = read_integer(value, "media type")
    # A number that is not ours is still a part; what it holds is then told by its name.
    return CONTENT_TYPES[number] if number < len(CONTENT_TYPES) else "application/octet-stream"


def _of_text(text: str, forgive: Forgive) -> ContentType:
    """A media type as text; some senders put a whole header value there."""
    media, _, rest = text.partition(";")
    if rest:
        forgive("parameters inside the text of a media type")
    pairs = (pair.partition("=") for pair in rest.split(";")[:_MAX_PARAMETERS])
    parameters = tuple((name.strip().lower(), value.strip().strip('"')) for name, _, value in pairs if name.strip())
    return ContentType(media.strip().lower(), parameters)


def _parameter(name: str, value: str) -> bytes:
    known = _NUMBERS.get(name)
    if known is None:
        return text_string(name.encode("ascii")) + text_string(value.encode())
    number, kind = known
    if kind is _Kind.CHARSET:
        mib = CHARSET_NUMBERS.get(value.lower())
        if mib is None:
            return text_string(name.encode("ascii")) + text_string(value.encode())
        return short_integer(number) + integer_value(mib)
    if kind is _Kind.MEDIA:
        return short_integer(number) + _media(value)
    if kind is _Kind.INTEGER:
        return short_integer(number) + integer_value(int(value))
    return short_integer(number) + text_string(value.encode())


def _read_parameters(reader: Reader, forgive: Forgive) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    try:
        while reader.left and len(found) < _MAX_PARAMETERS:
            if reader.data[reader.pos] == 0:  # a 0x00 too many behind a text
                reader.pos += 1
                continue
            token = read_value(reader, "parameter")
            if token.form is Form.TEXT:
                name, kind = _plain(token.octets).lower(), _Kind.TEXT
            else:
                name, kind = _PARAMETERS.get(read_integer(token, "parameter"), ("", _Kind.TEXT))
            value = _parameter_value(read_value(reader, f"parameter {name}"), name, kind)
            if name:
                found.append((name, value))
    except ProtocolError as error:
        forgive(f"parameters cut short: {error}")
    return tuple(found)


def _parameter_value(value: Value, name: str, kind: _Kind) -> str:
    if value.form is Form.TEXT:
        return _plain(value.octets)
    if not value.octets:  # No-value
        return ""
    number = read_integer(value, f"parameter {name}")
    if kind is _Kind.MEDIA:
        return CONTENT_TYPES[number] if number < len(CONTENT_TYPES) else str(number)
    if kind is _Kind.CHARSET or name == "charset":
        return "" if number == _ANY_CHARSET else CHARSET_NAMES.get(number, str(number))
    return str(number)


def _plain(octets: bytes) -> str:
    """Text of a parameter, quotation marks of senders gone; without a charset, so UTF-8 or what it looks like."""
    return decoded(unquoted(octets), None).strip()
