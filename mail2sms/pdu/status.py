"""TP-Status of a STATUS-REPORT (3GPP TS 23.040, 9.2.3.15)."""

from __future__ import annotations

from enum import Enum

EXPIRED = 0x46

_NAMES = {
    0x00: "received by the handset",
    0x01: "forwarded, delivery not confirmed",
    0x02: "replaced by the service centre",
    0x20: "congestion",
    0x21: "handset busy",
    0x22: "no response from the handset",
    0x23: "service rejected",
    0x24: "quality of service not available",
    0x25: "error in the handset",
    0x40: "remote procedure error",
    0x41: "incompatible destination",
    0x42: "connection rejected by the handset",
    0x43: "not obtainable",
    0x44: "quality of service not available",
    0x45: "no interworking available",
    EXPIRED: "validity period expired",
    0x47: "deleted by its sender",
    0x48: "deleted by the service centre",
    0x49: "does not exist",
}


class Standing(Enum):
    """What the range of a status says."""

    DONE = "done"  # 00-1F
    TRYING = "still trying"  # 20-3F
    FAILED = "failed"  # 40-5F permanent
    GIVEN_UP = "given up"  # 60-7F temporary, and no more attempts


def standing(st: int) -> Standing:
    """The range of a status 0-255; those over 7F are read as "service rejected", as the text wants."""
    if st >= 0x80:
        return Standing.GIVEN_UP
    return (Standing.DONE, Standing.TRYING, Standing.FAILED, Standing.GIVEN_UP)[st >> 5]


def name_of(st: int) -> str:
    """``46 validity period expired``."""
    meaning = _NAMES.get(st)
    if meaning is None and 0x60 <= st < 0x80:
        meaning = _NAMES.get(st - 0x40)  # the same causes, given up
    return f"{st:02x} {meaning or standing(st).value}"
