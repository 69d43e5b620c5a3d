"""Msg_Id: when, which ISMG, which message (CMPP 3.0.0, 8.4.3.2 and appendix 1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

SEQUENCE_BITS = 16
ISMG_BITS = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class MsgId:
    """The parts of a Msg_Id. Not every peer keeps to them, so an id taken from a peer stays a plain number."""

    month: int
    day: int
    hour: int
    minute: int
    second: int
    ismg: int
    sequence: int

    def __post_init__(self) -> None:
        for name, bits in _PARTS:
            if not 0 <= getattr(self, name) < 1 << bits:
                raise ValueError(f"{name}: {getattr(self, name)} does not fit {bits} bits")

    @classmethod
    def made(cls, at: datetime, ismg: int, sequence: int) -> MsgId:
        """The id of message ``sequence`` (taken modulo 65,536) at ``at`` in ``ismg`` (0-4,194,303)."""
        return cls(
            month=at.month,
            day=at.day,
            hour=at.hour,
            minute=at.minute,
            second=at.second,
            ismg=ismg,
            sequence=sequence & 0xFFFF,
        )

    @classmethod
    def unpack(cls, number: int) -> MsgId:
        """The parts of a 64-bit number."""
        values = {}
        for name, bits in reversed(_PARTS):
            values[name] = number & (1 << bits) - 1
            number >>= bits
        return cls(**values)

    def __int__(self) -> int:
        number = 0
        for name, bits in _PARTS:
            number = number << bits | getattr(self, name)
        return number


_PARTS = (
    ("month", 4),
    ("day", 5),
    ("hour", 5),
    ("minute", 6),
    ("second", 6),
    ("ismg", ISMG_BITS),
    ("sequence", SEQUENCE_BITS),
)


def nth(msg_id: int, index: int) -> int:
    """The id of the ``index``-th number (from 0) of a SUBMIT to several: the sequence counts on, round its 16 bits."""
    return msg_id & ~0xFFFF | (msg_id + index) & 0xFFFF
