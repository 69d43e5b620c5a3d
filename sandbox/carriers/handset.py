"""How a handset cuts what was typed into short messages (3GPP TS 23.040, 9.2.3.24.1)."""

from __future__ import annotations

from caiyou.errors import InputError
from mail2sms.cmpp.pdu import MAX_ASCII_OCTETS, MAX_OCTETS
from mail2sms.content import MsgFmt, content_of

HEADER_OCTETS = 6
MAX_PARTS = 255


def parts_of(text: str, reference: int, part_characters: int = 0) -> list[tuple[MsgFmt, bool, bytes]]:
    """Msg_Fmt, whether it begins with a user data header, and Msg_Content of each part; raises InputError.

    ``reference`` 0-255. ``part_characters`` (UTF-16 units, 1-67) forces small parts; 0: as many as fit. A surrogate
    pair is not torn where a part holds more than one unit.
    """
    msg_fmt, octets = content_of(text)
    unit, most = (1, MAX_ASCII_OCTETS) if msg_fmt == MsgFmt.ASCII else (2, MAX_OCTETS)
    alone = part_characters * unit or most
    if len(octets) <= alone:
        return [(msg_fmt, False, octets)]
    each = part_characters * unit or most - HEADER_OCTETS
    bodies, start = [], 0
    while start < len(octets):
        stop = start + each
        if unit == 2 and each > unit and stop < len(octets) and 0xDC <= octets[stop] <= 0xDF:
            stop -= unit
        bodies.append(octets[start:stop])
        start = stop
    if len(bodies) > MAX_PARTS:
        raise InputError(f"text: {len(bodies)} parts, {MAX_PARTS} allowed")
    headers = [bytes((5, 0, 3, reference, len(bodies), index + 1)) for index in range(len(bodies))]
    return [(msg_fmt, True, header + body) for header, body in zip(headers, bodies, strict=True)]
