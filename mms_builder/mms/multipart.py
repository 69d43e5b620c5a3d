"""The body of a multimedia message: WSP multipart (WAP-230-WSP, 8.5)."""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from caiyou.errors import ProtocolError
from caiyou.wire import Reader
from mms_builder.mms.content_type import (
    ContentType,
    Forgive,
    decode_content_type,
    decode_disposition,
    encode_content_type,
    encode_disposition,
)
from mms_builder.mms.text import decoded
from mms_builder.mms.wsp import (
    Form,
    Value,
    quoted_string,
    read_text,
    read_uintvar,
    read_value,
    short_integer,
    text_string,
    uintvar,
    unquoted,
)

MAX_PARTS = 1000
_MAX_HEADERS = 100
# Table 39; Content-Disposition has a second number since encoding version 1.4.
_CONTENT_LOCATION = 0x0E
_CONTENT_DISPOSITION = (0x2E, 0x45)
_CONTENT_ID = 0x40
_BY_NAME = {"content-location": 0x0E, "content-disposition": 0x2E, "content-id": 0x40}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One entry. ``content_id`` is without its angle brackets; ``disposition`` "", "inline" or "attachment"."""

    content_type: ContentType
    data: bytes = b""
    content_id: str = ""
    content_location: str = ""
    disposition: str = ""
    filename: str = ""  # of the Content-Disposition

    @property
    def name(self) -> str:
        """A file name for people: the best of what the sender says, "" for none."""
        said = (self.content_type.parameter("name"), self.filename, self.content_type.parameter("filename"))
        return next((name for name in (*said, self.content_location, self.content_id) if name), "")


def encode_multipart(parts: Iterable[Part]) -> bytes:
    """The count of the entries, then each with the lengths of its headers and its data."""
    entries = list(parts)
    octets = [uintvar(len(entries))]
    for part in entries:
        head = encode_content_type(part.content_type) + _headers(part)
        octets += [uintvar(len(head)), uintvar(len(part.data)), head, part.data]
    return b"".join(octets)


def decode_multipart(octets: bytes, forgive: Forgive) -> tuple[Part, ...]:
    """Read the entries to the end of the data, whatever their count says; raises ProtocolError.

    The count is deprecated, and senders leave it wrong when they add an entry (WAP-230 8.5.1).
    """
    reader = Reader(octets)
    count = read_uintvar(reader, "nEntries")
    parts: list[Part] = []
    while reader.left:
        if len(parts) >= count and not any(octets[reader.pos :]):
            forgive(f"{reader.left} octets of 0x00 behind the last part")
            break
        if len(parts) >= MAX_PARTS:
            raise ProtocolError(f"more than {MAX_PARTS} parts")
        parts.append(_part(reader, len(parts) + 1, forgive))
    if count and not parts:
        raise ProtocolError(f"nEntries {count}, but no part is present")
    if len(parts) != count:
        forgive(f"nEntries {count}, but {len(parts)} parts")
    return tuple(parts)


def nested(part: Part) -> tuple[Part, ...] | None:
    """The parts of a part that is itself a multipart; None where it is none, or cannot be read."""
    if not part.content_type.is_multipart:
        return None
    try:
        return decode_multipart(part.data, lambda _: None)
    except ProtocolError:
        return None


def _headers(part: Part) -> bytes:
    octets = b""
    if part.content_id:
        octets += short_integer(_CONTENT_ID) + quoted_string(f"<{part.content_id}>".encode())
    if part.content_location:
        octets += short_integer(_CONTENT_LOCATION) + text_string(part.content_location.encode())
    if part.disposition:
        octets += short_integer(_CONTENT_DISPOSITION[0]) + encode_disposition(part.disposition, part.filename)
    return octets


def _part(reader: Reader, number: int, forgive: Forgive) -> Part:
    name = f"part {number}"
    head_size = read_uintvar(reader, f"headers length of {name}")
    data_size = read_uintvar(reader, f"data length of {name}")
    head = Reader(reader.octets(head_size, f"headers of {name}"))
    data = reader.octets(data_size, f"data of {name}")
    if head.left:
        content_type = decode_content_type(read_value(head, f"content type of {name}"), forgive)
    else:
        content_type = ContentType("application/octet-stream")
        forgive(f"{name} without a content type")
    found: dict[int, Value] = {}
    encoding = ""
    try:
        for _ in range(_MAX_HEADERS):
            if not head.left:
                break
            code, value = _header(head)
            if code < 0:
                encoding = encoding or decoded(unquoted(value.octets), None).strip().lower()
            else:
                found.setdefault(code, value)
    except ProtocolError as error:
        forgive(f"headers of {name} cut short: {error}")
    disposition, filename = _disposition(found, forgive)
    return Part(
        content_type=content_type,
        data=_untransferred(data, encoding, forgive),
        content_id=_text(found.get(_CONTENT_ID)).strip("<>"),
        content_location=_text(found.get(_CONTENT_LOCATION)),
        disposition=disposition,
        filename=filename,
    )


def _header(head: Reader) -> tuple[int, Value]:
    """The next header's number and value; -1 for Content-Transfer-Encoding, 128 for one without meaning here."""
    if head.data[head.pos] >= 0x80:
        number = head.uint(1, "header") & 0x7F
        texts = (_CONTENT_ID, _CONTENT_LOCATION)
        return number, read_value(head, f"header {number:#04x}", text=number in texts)
    name = read_text(head, "header name").decode("latin-1").lower()
    value = read_value(head, f"header {name}", text=True)
    return -1 if name == "content-transfer-encoding" else _BY_NAME.get(name, 128), value


def _disposition(found: dict[int, Value], forgive: Forgive) -> tuple[str, str]:
    value = next((found[number] for number in _CONTENT_DISPOSITION if number in found), None)
    if value is None:
        return "", ""
    try:
        return decode_disposition(value, forgive)
    except ProtocolError as error:
        forgive(f"Content-Disposition: {error}")
        return "", ""


def _text(value: Value | None) -> str:
    return "" if value is None or value.form is Form.OCTET else decoded(unquoted(value.octets), None).strip()


def _untransferred(data: bytes, encoding: str, forgive: Forgive) -> bytes:
    """Data of a part that was put into the PDU as it lay in a mail; WSP itself has no transfer encoding."""
    try:
        match encoding:
            case "base64":
                forgive("a part in base64")
                return binascii.a2b_base64(data)
            case "quoted-printable":
                forgive("a part in quoted-printable")
                return binascii.a2b_qp(data)
    except binascii.Error as error:
        forgive(f"a part in {encoding}: {error}")
    return data
