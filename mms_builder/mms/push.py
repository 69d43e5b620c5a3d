"""A notification's way to the phone: WSP push over SMS (WAP-230-WSP 8.2.4.1, WAP-259-WDP 6.5, 3GPP 23.040 9.2.3.24).

The user data of each SMS is 8-bit data with a header: ports 2948 and 9200, and which part it is of how many.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from caiyou.errors import ProtocolError
from caiyou.wire import Reader
from mms_builder.mms.codes import MMS_MESSAGE
from mms_builder.mms.content_type import ContentType, decode_content_type, encode_content_type
from mms_builder.mms.wsp import (
    Form,
    Value,
    read_integer,
    read_text,
    read_uintvar,
    read_value,
    short_integer,
    uintvar,
    unquoted,
)

PORT = 2948  # WAP push, connectionless, of the phone
SOURCE_PORT = 9200  # WAP connectionless session service
USER_DATA_OCTETS = 140
MAX_PARTS = 255

_PUSH, _CONFIRMED_PUSH = 0x06, 0x07
_APPLICATION_ID = 0x2F  # X-Wap-Application-Id
_MMS_UA = 0x04  # x-wap-application:mms.ua
_IE_CONCAT_8, _IE_PORTS_16 = 0x00, 0x05
_PORTS = bytes((_IE_PORTS_16, 4)) + PORT.to_bytes(2, "big") + SOURCE_PORT.to_bytes(2, "big")


class Push(NamedTuple):
    """A push as it was read. ``application_id`` is the number or the URN of the receiving program, "" for none."""

    tid: int
    content_type: ContentType
    application_id: str
    body: bytes
    forgiven: tuple[str, ...] = ()

    @property
    def is_mms(self) -> bool:
        """Whether it is for the MMS program; its type alone decides where no application is named."""
        return self.content_type.media_type == MMS_MESSAGE and self.application_id in (
            "",
            "4",
            "x-wap-application:mms.ua",
        )


def encode_push(pdu: bytes, tid: int = 0) -> bytes:
    """A WSP push of an encoded MMS PDU; ``tid`` 0-255."""
    headers = encode_content_type(ContentType(MMS_MESSAGE)) + short_integer(_APPLICATION_ID) + short_integer(_MMS_UA)
    return bytes((tid, _PUSH)) + uintvar(len(headers)) + headers + pdu


def decode_push(octets: bytes) -> Push:
    """Read a WSP push; raises ProtocolError. Headers that make no sense end the headers, not the push."""
    forgiven: list[str] = []
    reader = Reader(octets)
    tid = reader.uint(1, "TID")
    kind = reader.uint(1, "PDU type")
    if kind not in (_PUSH, _CONFIRMED_PUSH):
        raise ProtocolError(f"PDU type {kind:#04x} is no push")
    head = Reader(reader.octets(read_uintvar(reader, "HeadersLen"), "headers"))
    content_type = decode_content_type(read_value(head, "Content-Type"), forgiven.append)
    application_id = ""
    try:
        while head.left:
            name, value = _header(head)
            if name in (_APPLICATION_ID, "x-wap-application-id"):
                application_id = _application(value)
    except ProtocolError as error:
        forgiven.append(f"headers cut short: {error}")
    return Push(tid, content_type, application_id, reader.rest(), tuple(forgiven))


def user_data(push: bytes, reference: int) -> tuple[bytes, ...]:
    """The user data of the SMS that carry a push, header included, at most 140 octets each.

    ``reference`` (0-255) tells several concatenated messages to one phone apart. Raises ValueError over 255 parts.
    """
    one = bytes((len(_PORTS),)) + _PORTS
    if len(one) + len(push) <= USER_DATA_OCTETS:
        return (one + push,)
    room = USER_DATA_OCTETS - len(one) - 5
    pieces = [push[at : at + room] for at in range(0, len(push), room)]
    if len(pieces) > MAX_PARTS:
        raise ValueError(f"a push of {len(push)} octets needs {len(pieces)} SMS, {MAX_PARTS} are possible")
    head = bytes((len(_PORTS) + 5,)) + _PORTS + bytes((_IE_CONCAT_8, 3, reference, len(pieces)))
    return tuple(head + bytes((number,)) + piece for number, piece in enumerate(pieces, 1))


def joined(parts: Iterable[bytes]) -> bytes:
    """The push of one notification from the user data of its SMS, in any order, repeats allowed.

    Raises ProtocolError where a part is missing, is of another message, or is not for the port of WAP push.
    """
    found: dict[int, bytes] = {}
    message: set[tuple[int, int]] = set()
    for part in parts:
        reference, total, number, data = _part(part)
        message.add((reference, total))
        found.setdefault(number, data)
    if len(message) != 1:
        raise ProtocolError(f"parts of {len(message)} messages")
    total = message.pop()[1]
    if sorted(found) != list(range(1, total + 1)):
        raise ProtocolError(f"{len(found)} parts of {total}")
    return b"".join(found[number] for number in sorted(found))


def _part(octets: bytes) -> tuple[int, int, int, bytes]:
    """(reference, total, number, data) of one SMS."""
    reader = Reader(octets)
    head = Reader(reader.octets(reader.uint(1, "UDHL"), "UDH"))
    port, concat = -1, (0, 1, 1)
    while head.left:
        element = head.uint(1, "IEI")
        data = head.octets(head.uint(1, "IEDL"), "IE")
        match element, len(data):
            case (0x05, 4):
                port = int.from_bytes(data[:2], "big")
            case (0x00, 3):
                concat = (data[0], data[1], data[2])
            case (0x08, 4):
                concat = (int.from_bytes(data[:2], "big"), data[2], data[3])
    if port != PORT:
        raise ProtocolError(f"port {port} is not {PORT}")
    return (*concat, reader.rest())


def _header(head: Reader) -> tuple[int | str, Value]:
    if head.data[head.pos] >= 0x80:
        number = head.uint(1, "header") & 0x7F
        return number, read_value(head, f"header {number:#04x}")
    name = read_text(head, "header name").decode("latin-1").lower()
    return name, read_value(head, name)


def _application(value: Value) -> str:
    if value.form is Form.TEXT:
        return unquoted(value.octets).decode("latin-1")
    return str(read_integer(value, "X-Wap-Application-Id"))
