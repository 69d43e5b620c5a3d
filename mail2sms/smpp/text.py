"""Texts by data_coding (SMPP 3.4, 5.2.19; 3GPP 23.038, 4, for the values that it borrows). Reading never raises.

data_coding 0 is "the SMSC's default alphabet", which differs from SMSC to SMSC: ``Default`` says which one it is.
Characters of the GSM alphabet have an octet each (not packed).
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from mail2sms.content import MsgFmt
from mail2sms.content import text_of as text_of_format
from mail2sms.segment import ESC, GSM_BASIC, GSM_EXTENSION, Coding, Segment


class DataCoding(IntEnum):
    """What we send."""

    DEFAULT = 0
    ASCII = 1
    LATIN1 = 3
    UCS2 = 8


class Default(StrEnum):
    """What an SMSC means by data_coding 0."""

    GSM = "gsm"
    ASCII = "ascii"
    LATIN1 = "latin1"


_UCS2, _BINARY = "ucs2", "binary"
_CODECS = {
    1: "ascii",
    2: _BINARY,
    3: "latin-1",
    4: _BINARY,
    5: "shift_jis",
    6: "iso8859_5",
    7: "iso8859_8",
    8: _UCS2,
    10: "iso2022_jp",
    13: "euc_jis_2004",
    14: "euc_kr",
    15: "gb18030",  # reserved in SMPP; mainland SMSCs write GBK so, as CMPP does
}
_CONTROLS = frozenset(range(0x20)) - frozenset(b"\t\n\f\r")  # never in a text that is ASCII
_EXTENSION = {code: char for char, code in GSM_EXTENSION.items()}


def text_of(data_coding: int, octets: bytes, default: Default) -> str:
    """Readable text; what cannot be read becomes U+FFFD, binary becomes hexadecimal digits.

    A UTF-16 surrogate stays as it is where its other half is missing: that may begin the next part.
    """
    codec = _codec(data_coding, default)
    if codec == "ascii" and not _CONTROLS.isdisjoint(octets):  # npm's smpp, and others, write GSM and call it IA5
        return _gsm(octets)
    if codec == _UCS2:
        return text_of_format(MsgFmt.UCS2, octets)
    if codec == _BINARY:
        return octets.hex()
    return _gsm(octets) if codec == Default.GSM else octets.decode(codec, "replace")


def coded(segment: Segment, latin: DataCoding, default: Default) -> tuple[DataCoding, bytes]:
    """data_coding and octets of a part; ``latin`` is what a text of Latin letters is sent as."""
    if segment.coding is Coding.UCS2 or latin is DataCoding.UCS2:
        return DataCoding.UCS2, Coding.UCS2.encode(segment.text)
    if latin is DataCoding.DEFAULT and default is Default.GSM:
        return latin, Coding.GSM7.encode(segment.text)
    return latin, segment.body  # ASCII is the same in all the others


def _codec(data_coding: int, default: Default) -> str:
    if data_coding in _CODECS:
        return _CODECS[data_coding]
    group, bits = data_coding >> 4, data_coding >> 2 & 3
    if group == 0xF:  # with a class; bit 2: octets
        return _BINARY if bits & 1 else default
    if group == 0xE:  # "message waiting" with a text in UCS2
        return _UCS2
    if 0 < group < 8:  # general, with a class or not
        return (default.value, _BINARY, _UCS2, default.value)[bits]
    return default


def _gsm(octets: bytes) -> str:
    found: list[str] = []
    escaped = False
    for code in octets:
        if escaped:
            # 23.038, 6.2.1.1: what is not in the extension table shows as in the basic one.
            found.append(_EXTENSION.get(code) or _basic(code))
            escaped = False
        elif code == ESC:
            escaped = True
        else:
            found.append(_basic(code))
    return "".join(found)


def _basic(code: int) -> str:
    return GSM_BASIC[code] if code < 0x80 and code != ESC else "\ufffd"
