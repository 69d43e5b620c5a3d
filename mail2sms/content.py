"""What a short message holds: user data header (3GPP TS 23.040, 9.2.3.24) and text by message format.

CMPP's Msg_Fmt, SGIP's MessageCoding and SMGP's MsgFormat are one list. Reading is lenient: it never raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from caiyou.errors import ProtocolError
from caiyou.wire import Reader

_CONCATENATED_8 = 0x00  # reference of one octet
_CONCATENATED_16 = 0x08  # reference of two octets


class MsgFmt(IntEnum):
    """How the octets of a text are written."""

    ASCII = 0
    CARD = 3  # writes to the SIM card
    BINARY = 4
    UCS2 = 8
    GBK = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a short message: ``number`` of ``total``, both 1 when it stands alone; ``body`` without header."""

    reference: int = 0
    total: int = 1
    number: int = 1
    body: bytes


def part_of(tp_udhi: int, content: bytes) -> Part:
    """Take the user data header off; a header that cannot be read counts as part of the text."""
    if not tp_udhi or not content:
        return Part(body=content)
    reader = Reader(content)
    found: tuple[int, int, int] | None = None
    try:
        size = reader.uint(1, "UDHL")
        with reader.restrict_to(size, "UDH"):
            while reader.left:
                element = reader.uint(1, "IEI")
                octets = reader.octets(reader.uint(1, "IEDL"), "IED")
                if (element, len(octets)) in ((_CONCATENATED_8, 3), (_CONCATENATED_16, 4)):
                    found = int.from_bytes(octets[:-2], "big"), octets[-2], octets[-1]
    except ProtocolError:
        return Part(body=content)
    body = reader.rest()
    if found is None or not 1 <= found[2] <= found[1]:
        return Part(body=body)
    return Part(reference=found[0], total=found[1], number=found[2], body=body)


def text_of(msg_fmt: int, octets: bytes) -> str:
    """Readable text; what cannot be read becomes U+FFFD, binary becomes hexadecimal digits.

    A surrogate stays as it is where its other half is missing: that may begin the next part (``whole`` ends it).
    """
    if msg_fmt == MsgFmt.UCS2:
        return octets[: len(octets) & ~1].decode("utf-16-be", "surrogatepass") + "\ufffd" * (len(octets) & 1)
    if msg_fmt == MsgFmt.GBK:
        return octets.decode("gb18030", "replace")
    if msg_fmt == MsgFmt.BINARY:
        return octets.hex()
    return octets.decode("ascii", "replace")


def whole(text: str) -> str:
    """A text of joined parts: surrogates that meet become one character, others U+FFFD."""
    return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")


def content_of(text: str) -> tuple[MsgFmt, bytes]:
    """Format and octets for a text: ASCII where that holds it, else UCS2 (surrogate pairs for what is beyond)."""
    if text.isascii():
        return MsgFmt.ASCII, text.encode("ascii")
    return MsgFmt.UCS2, text.encode("utf-16-be", "replace")
