"""The data coding scheme, TP-DCS: alphabet, message class, waiting indication (3GPP TS 23.038, 4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Alphabet(IntEnum):
    """How the user data is written; the number is that of bits 3 and 2 in the general group."""

    GSM7 = 0
    OCTETS = 1
    UCS2 = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCoding:
    """What a DCS octet says. ``message_class`` 0-3 (0: shown at once and not kept), None: none."""

    alphabet: Alphabet = Alphabet.GSM7
    message_class: int | None = None
    compressed: bool = False
    is_waiting: bool = False  # tells of voice mail and the like
    waits: bool = False  # there is some
    discard: bool = False  # the text need not be kept

    @property
    def in_septets(self) -> bool:
        """Whether the length of the user data counts septets."""
        return self.alphabet is Alphabet.GSM7 and not self.compressed


def data_coding(octet: int) -> DataCoding:
    """What ``octet`` (0-255) says; reserved values mean the default alphabet, as the text wants."""
    group = octet >> 4
    if group < 0x8:  # general, and the same with automatic deletion
        bits = octet >> 2 & 3
        return DataCoding(
            alphabet=Alphabet.GSM7 if bits == 3 else Alphabet(bits),
            message_class=octet & 3 if octet & 0x10 else None,
            compressed=bool(octet & 0x20),
        )
    if group in (0xC, 0xD, 0xE):
        return DataCoding(
            alphabet=Alphabet.UCS2 if group == 0xE else Alphabet.GSM7,
            is_waiting=True,
            waits=bool(octet & 0x08),
            discard=group == 0xC,
        )
    if group == 0xF:
        return DataCoding(alphabet=Alphabet.OCTETS if octet & 4 else Alphabet.GSM7, message_class=octet & 3)
    return DataCoding()
