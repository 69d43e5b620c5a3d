"""The header fields of MMS, each declared once: its number, its name and how its value is written and read.

OMA-MMS-ENC 1.2, 7.2 (values), 7.3 (fields) and table 12 (numbers). A PDU names its fields with the types at the end of
this module; fields that are not listed are taken from nobody and skipped on the way in, as 7.1.1 asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Annotated, Any

from caiyou.errors import ProtocolError
from caiyou.mime.header import one_line
from caiyou.wire import Reader
from mms_builder.mms.address import Address
from mms_builder.mms.codes import (
    INSERT_ADDRESS,
    Charset,
    InsertAddress,
    MessageClass,
    Priority,
    ReadStatus,
    ResponseStatus,
    RetrieveStatus,
    Status,
)
from mms_builder.mms.text import WIDE, decoded, encoded
from mms_builder.mms.wsp import (
    Form,
    Value,
    integer_value,
    long_integer,
    read_integer,
    read_value,
    short_integer,
    text_string,
    unmarked,
    with_length,
)

_ADDRESS_PRESENT = 0x80
_ABSOLUTE, _RELATIVE = 0x80, 0x81
_YES, _NO = 0x80, 0x81
_MAX_STAMP = 253_402_300_799  # the end of the year 9999
_MAX_SECONDS = 1 << 32
MAX_TEXT_CHARS = 8 * 1024

Encode = Callable[[Any, Charset], bytes]
Decode = Callable[[Value, str], Any]


@dataclass(frozen=True, slots=True)
class Header:
    """``text``: its value is a text or has a length, never one octet. ``many``: it may come several times; a tuple."""

    number: int
    name: str
    encode: Encode
    decode: Decode
    text: bool = False
    many: bool = False


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a mandatory field is taken for where a peer leaves it out."""

    value: object


# --- values (7.2)


def _encode_text(value: str, _: Charset) -> bytes:
    return text_string(value.encode("ascii"))


def _decode_text(value: Value, name: str) -> str:
    if value.form is Form.OCTET:
        raise ProtocolError(f"{name}: {value.octets.hex()} is no text")
    return decoded(unmarked(value.octets), None)


def _encode_string(value: str, charset: Charset) -> bytes:
    """us-ascii as it is, other text behind its charset. Line ends and other control characters become blanks."""
    line = one_line(value)
    if line.isascii():
        return text_string(line.encode("ascii"))
    octets = encoded(line, charset)
    if octets is None:
        octets, charset = line.encode(), Charset.UTF_8
    if charset in WIDE:
        return with_length(integer_value(charset) + octets + b"\0\0")
    return with_length(integer_value(charset) + text_string(octets))


def _decode_string(value: Value, name: str) -> str:
    if value.form is Form.TEXT:
        # A Quote and raw UTF-8 (Mbuni), or raw UTF-8 alone: no charset is said.
        return _clean(decoded(unmarked(value.octets), None))
    if value.form is Form.OCTET:
        raise ProtocolError(f"{name}: {value.octets.hex()} is no text")
    if not value.octets:
        return ""
    reader = Reader(value.octets)
    first = value.octets[0]
    if first >= 0x20 and first < 0x80:  # a length, but no charset
        return _clean(decoded(_ended(reader.rest()), None))
    charset = read_integer(read_value(reader, f"charset of {name}"), f"charset of {name}")
    octets = reader.rest()
    if charset not in WIDE:
        octets = unmarked(_ended(octets))
    elif octets[:1] == b"\x7f" and len(octets) > 2 and octets[1:3] in (b"\xfe\xff", b"\xff\xfe"):
        octets = octets[1:]
    return _clean(decoded(octets, charset or None))


def _ended(octets: bytes) -> bytes:
    return octets.partition(b"\0")[0]


def _clean(text: str) -> str:
    return one_line(text[:MAX_TEXT_CHARS].rstrip("\0"))


def _encode_address(value: Address, charset: Charset) -> bytes:
    if not value.value:
        raise ValueError("an empty address")
    return _encode_string(str(value), charset)


def _decode_address(value: Value, name: str) -> Address:
    text = _decode_string(value, name)
    return Address.parse(text[1:-1] if text[:1] == '"' == text[-1:] else text)


def _encode_from(value: Address | InsertAddress, charset: Charset) -> bytes:
    if isinstance(value, InsertAddress):
        return with_length(bytes((value.value,)))
    return with_length(bytes((_ADDRESS_PRESENT,)) + _encode_address(value, charset))


def _decode_from(value: Value, name: str) -> Address | InsertAddress:
    if value.form is Form.OCTET and value.octets[0] == INSERT_ADDRESS.value:
        return INSERT_ADDRESS
    if value.form is not Form.LENGTH:
        return _decode_address(value, name)
    token = value.octets[:1]
    if token == bytes((INSERT_ADDRESS.value,)) or not token:
        return INSERT_ADDRESS
    if token != bytes((_ADDRESS_PRESENT,)):
        return _decode_address(value, name)  # the token left out
    rest = value.octets[1:]
    inner = Value(Form.TEXT, _ended(rest)) if rest[:1] >= b"\x20" else read_value(Reader(rest), name, text=True)
    return _decode_address(inner, name)


def _encode_date(value: datetime, _: Charset) -> bytes:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return long_integer(int(value.timestamp()))


def _decode_date(value: Value, name: str) -> datetime:
    seconds = read_integer(value, name)
    if seconds > _MAX_STAMP:
        raise ProtocolError(f"{name}: {seconds} s is no date")
    return datetime.fromtimestamp(seconds, UTC)


def _encode_time(value: datetime | timedelta, charset: Charset) -> bytes:
    """A relative time is a long integer always: phones of old read no short one."""
    if isinstance(value, timedelta):
        return with_length(bytes((_RELATIVE,)) + long_integer(int(value.total_seconds())))
    return with_length(bytes((_ABSOLUTE,)) + _encode_date(value, charset))


def _decode_time(value: Value, name: str) -> datetime | timedelta:
    if value.form is not Form.LENGTH or len(value.octets) < 2:
        raise ProtocolError(f"{name}: {value.octets[:40].hex()} is no time")
    inner = read_value(Reader(value.octets, 1), name)
    match value.octets[0]:
        case 0x80:
            return _decode_date(inner, name)
        case 0x81:
            return timedelta(seconds=min(read_integer(inner, name), _MAX_SECONDS))
    raise ProtocolError(f"{name}: {value.octets[0]:#04x} is neither absolute nor relative")


def _encode_yes(value: bool, _: Charset) -> bytes:
    return bytes((_YES if value else _NO,))


def _decode_yes(value: Value, name: str) -> bool:
    if value.form is Form.TEXT and value.octets.lower() in (b"yes", b"no"):
        return value.octets.lower() == b"yes"
    if value.form is not Form.OCTET or value.octets[0] not in (_YES, _NO):
        raise ProtocolError(f"{name}: {value.octets[:40].hex()} is neither yes nor no")
    return value.octets[0] == _YES


def _encode_code(value: int, _: Charset) -> bytes:
    if not 0x80 <= value <= 0xFF:
        raise ValueError(f"{value} is no code of 128-255")
    return bytes((value,))


def _code(known: type[IntEnum]) -> Decode:
    def decode(value: Value, name: str) -> int:
        if value.form is not Form.OCTET:
            raise ProtocolError(f"{name}: {value.octets[:40].hex()} is no code")
        code = value.octets[0]
        try:
            return known(code)
        except ValueError:
            return code

    return decode


def _encode_class(value: int | str, charset: Charset) -> bytes:
    return _encode_text(value, charset) if isinstance(value, str) else _encode_code(value, charset)


def _decode_class(value: Value, name: str) -> int | str:
    return _decode_text(value, name) if value.form is Form.TEXT else int(_code(MessageClass)(value, name))


def _encode_version(value: int, _: Charset) -> bytes:
    return short_integer(value)


def _decode_version(value: Value, name: str) -> int:
    if value.form is not Form.TEXT:
        return read_integer(value, name)
    major, _, minor = value.octets.decode("latin-1").partition(".")
    if not (major.isdecimal() and (minor.isdecimal() or not minor) and len(major) == 1 and len(minor) < 3):
        raise ProtocolError(f"{name}: {value.octets[:40]!r} is no version")
    return int(major) << 4 | int(minor or 15)


def _encode_long(value: int, _: Charset) -> bytes:
    return long_integer(value)


# --- fields (7.3)

BCC = Header(0x01, "Bcc", _encode_address, _decode_address, text=True, many=True)
CC = Header(0x02, "Cc", _encode_address, _decode_address, text=True, many=True)
CONTENT_LOCATION = Header(0x03, "X-Mms-Content-Location", _encode_text, _decode_text, text=True)
CONTENT_TYPE = 0x04  # the last one; its value is in content_type.py
DATE = Header(0x05, "Date", _encode_date, _decode_date)
DELIVERY_REPORT = Header(0x06, "X-Mms-Delivery-Report", _encode_yes, _decode_yes)
DELIVERY_TIME = Header(0x07, "X-Mms-Delivery-Time", _encode_time, _decode_time)
EXPIRY = Header(0x08, "X-Mms-Expiry", _encode_time, _decode_time)
FROM = Header(0x09, "From", _encode_from, _decode_from)
MESSAGE_CLASS = Header(0x0A, "X-Mms-Message-Class", _encode_class, _decode_class)
MESSAGE_ID = Header(0x0B, "Message-ID", _encode_text, _decode_text, text=True)
MESSAGE_TYPE = 0x0C  # the first one; the class of the PDU
MMS_VERSION = Header(0x0D, "X-Mms-MMS-Version", _encode_version, _decode_version)
MESSAGE_SIZE = Header(0x0E, "X-Mms-Message-Size", _encode_long, read_integer)
PRIORITY = Header(0x0F, "X-Mms-Priority", _encode_code, _code(Priority))
READ_REPORT = Header(0x10, "X-Mms-Read-Report", _encode_yes, _decode_yes)
REPORT_ALLOWED = Header(0x11, "X-Mms-Report-Allowed", _encode_yes, _decode_yes)
RESPONSE_STATUS = Header(0x12, "X-Mms-Response-Status", _encode_code, _code(ResponseStatus))
RESPONSE_TEXT = Header(0x13, "X-Mms-Response-Text", _encode_string, _decode_string, text=True)
SENDER_VISIBILITY = Header(
    0x14,
    "X-Mms-Sender-Visibility",  # hide is 128, show 129: the other way round than yes and no
    lambda shown, charset: _encode_yes(not shown, charset),
    lambda value, name: not _decode_yes(value, name),
)
STATUS = Header(0x15, "X-Mms-Status", _encode_code, _code(Status))
SUBJECT = Header(0x16, "Subject", _encode_string, _decode_string, text=True)
TO = Header(0x17, "To", _encode_address, _decode_address, text=True, many=True)
TRANSACTION_ID = Header(0x18, "X-Mms-Transaction-Id", _encode_text, _decode_text, text=True)
RETRIEVE_STATUS = Header(0x19, "X-Mms-Retrieve-Status", _encode_code, _code(RetrieveStatus))
RETRIEVE_TEXT = Header(0x1A, "X-Mms-Retrieve-Text", _encode_string, _decode_string, text=True)
READ_STATUS = Header(0x1B, "X-Mms-Read-Status", _encode_code, _code(ReadStatus))

# --- the same as types of a PDU's fields

Bcc = Annotated[tuple[Address, ...], BCC]
Cc = Annotated[tuple[Address, ...], CC]
ContentLocation = Annotated[str, CONTENT_LOCATION]
Date = Annotated[datetime, DATE]
DeliveryReport = Annotated[bool, DELIVERY_REPORT]
DeliveryTime = Annotated[datetime | timedelta, DELIVERY_TIME]
Expiry = Annotated[datetime | timedelta, EXPIRY]
From = Annotated[Address | InsertAddress, FROM]
Class = Annotated[int | str, MESSAGE_CLASS]
MessageId = Annotated[str, MESSAGE_ID]
MmsVersion = Annotated[int, MMS_VERSION]
MessageSize = Annotated[int, MESSAGE_SIZE]
PriorityCode = Annotated[int, PRIORITY]
ReadReport = Annotated[bool, READ_REPORT]
ReportAllowed = Annotated[bool, REPORT_ALLOWED]
ResponseStatusCode = Annotated[int, RESPONSE_STATUS]
ResponseText = Annotated[str, RESPONSE_TEXT]
SenderVisible = Annotated[bool, SENDER_VISIBILITY]
StatusCode = Annotated[int, STATUS]
Subject = Annotated[str, SUBJECT]
To = Annotated[tuple[Address, ...], TO]
TransactionId = Annotated[str, TRANSACTION_ID]
RetrieveStatusCode = Annotated[int, RETRIEVE_STATUS]
RetrieveText = Annotated[str, RETRIEVE_TEXT]
ReadStatusCode = Annotated[int, READ_STATUS]
