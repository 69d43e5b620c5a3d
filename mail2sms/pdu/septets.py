"""Septets: the default alphabet packed seven bits a character (3GPP TS 23.038, 6.1.2.1, 6.2.1).

Unpacked, a septet is one octet of 0-127; that is what ``Coding.GSM7`` writes.
"""

from __future__ import annotations

from mail2sms.segment import ESC, GSM_BASIC, GSM_EXTENSION

_EXTENDED = {code: char for char, code in GSM_EXTENSION.items()}


def size_octets(septets: int) -> int:
    """Octets that so many packed septets take."""
    return (septets * 7 + 7) // 8


def fill_bits(octets: int) -> int:
    """Bits of 0 between a header of so many octets and the septets behind it, 0-6 (23.040, 9.2.3.24)."""
    return -octets * 8 % 7


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Septets behind ``fill`` bits of 0; raises ValueError on an octet over 127."""
    bits = 0
    for index, septet in enumerate(septets):
        if septet > 0x7F:
            raise ValueError(f"septet {septet:#04x} is over 0x7f")
        bits |= septet << 7 * index
    return (bits << fill).to_bytes((fill + 7 * len(septets) + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill: int = 0) -> bytes:
    """So many septets; those that ``octets`` are too short for are 0."""
    bits = int.from_bytes(octets, "little") >> fill
    return bytes([bits >> 7 * index & 0x7F for index in range(count)])


def text_of(septets: bytes) -> str:
    """The characters; never raises.

    An unknown code behind ESC shows as the same code of the default table, a second ESC as a blank (23.038, 6.2.1.1).
    """
    found: list[str] = []
    escaped = False
    for septet in septets:
        code = septet & 0x7F
        if escaped:
            found.append(" " if code == ESC else _EXTENDED.get(code, GSM_BASIC[code]))
            escaped = False
        elif code == ESC:
            escaped = True
        else:
            found.append(GSM_BASIC[code])
    return "".join(found) + (" " if escaped else "")
