"""MsgID: which SMGW, when, which message; 20 BCD digits in 10 octets (SMGP 3.0.3, MsgID)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

SEQUENCES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MsgId:
    """The parts of a MsgID. Not every peer keeps to them, so an id taken from a peer stays plain octets."""

    smgw: int  # area code of 3 digits and number of 3
    month: int
    day: int
    hour: int
    minute: int
    sequence: int

    def __post_init__(self) -> None:
        for name, below in _BELOW:
            if not 0 <= getattr(self, name) < below:
                raise ValueError(f"{name}: {getattr(self, name)} is not below {below}")

    @classmethod
    def made(cls, at: datetime, smgw: int, sequence: int) -> MsgId:
        """The id of message ``sequence`` (taken modulo 1,000,000) at ``at`` in ``smgw`` (0-999,999)."""
        return cls(smgw=smgw, month=at.month, day=at.day, hour=at.hour, minute=at.minute, sequence=sequence % SEQUENCES)

    @classmethod
    def unpack(cls, octets: bytes) -> MsgId:
        """The parts of 10 octets; raises ValueError where they are no BCD digits."""
        digits = octets.hex()
        if len(digits) != 20 or not digits.isdecimal():
            raise ValueError(f"{digits!r} is not 20 digits")
        numbers = [int(digits[start:stop]) for start, stop in _PLACES]
        return cls(**dict(zip((name for name, _ in _BELOW), numbers, strict=True)))

    def __bytes__(self) -> bytes:
        return bytes.fromhex(
            f"{self.smgw:06}{self.month:02}{self.day:02}{self.hour:02}{self.minute:02}{self.sequence:06}"
        )


_BELOW = (("smgw", 1_000_000), ("month", 13), ("day", 32), ("hour", 24), ("minute", 60), ("sequence", SEQUENCES))
_PLACES = ((0, 6), (6, 8), (8, 10), (10, 12), (12, 14), (14, 20))
