"""AMR narrow band in its storage format: "#!AMR" and frames of 20 ms (RFC 4867, 5)."""

from __future__ import annotations

from caiyou.errors import InputError

MAGIC = b"#!AMR\n"
FRAME_S = 0.02
SAMPLES = 160  # of a frame, at 8000 a second
# Octets of a frame by its type, with the octet that says the type: eight rates, comfort noise, nothing.
FRAME_OCTETS = {0: 13, 1: 14, 2: 16, 3: 18, 4: 20, 5: 21, 6: 27, 7: 32, 8: 6, 15: 1}
RATES = {7: 12200, 6: 10200, 5: 7950, 4: 7400, 3: 6700, 2: 5900, 1: 5150, 0: 4750}  # bits a second by type, best first
LOWEST = 2  # below it, a shorter sound is better than a worse one


def frames(content: bytes) -> list[bytes]:
    """The frames; a part of one at the end is left out. Raises InputError."""
    if not content.startswith(MAGIC):
        raise InputError("this is no AMR sound of narrow band")
    found, at = [], len(MAGIC)
    while at < len(content):
        octets = FRAME_OCTETS.get(content[at] >> 3 & 15)
        if octets is None or content[at] & 0x83:
            raise InputError("the AMR sound is broken: a frame of no known type")
        if at + octets > len(content):
            break
        found.append(content[at : at + octets])
        at += octets
    if not found:
        raise InputError("the AMR sound is empty")
    return found


def joined(parts: list[bytes]) -> bytes:
    """The file of these frames."""
    return MAGIC + b"".join(parts)


def rate_for(seconds: float, room: int) -> tuple[int, float]:
    """The best rate at which a sound has room whole, and its length; else the lowest, and how much of it has room."""
    for kind in RATES:
        most = max(0, room - len(MAGIC)) // FRAME_OCTETS[kind] * FRAME_S
        if most >= seconds or kind == LOWEST:
            return kind, min(seconds, most)
    raise AssertionError  # the lowest is one of them
