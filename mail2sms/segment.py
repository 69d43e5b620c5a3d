"""Short message texts and their parts: alphabets, lengths, concatenation (3GPP 23.038, 23.040 9.2.3.24.1).

A character is what a reader sees as one: a base with its combining marks, an emoji with its modifiers, CR LF. It is
never cut, unless it alone is longer than a part; surrogate pairs and ESC sequences are never cut at all.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

MAX_PARTS = 255
ESC = 0x1B

# 3GPP 23.038 6.2.1: the index is the code. Code 1Bh is the escape to the extension table.
GSM_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_GSM: dict[str, bytes] = {char: bytes([code]) for code, char in enumerate(GSM_BASIC) if code != ESC}
_GSM.update({char: bytes([ESC, code]) for char, code in GSM_EXTENSION.items()})
_LATIN = frozenset(char for char in _GSM if char.isascii() and char != "\f")


class Coding(Enum):
    """How a text travels: (CMPP's Msg_Fmt, units in a message of one part, units in each part of a longer one).

    A unit is a letter, a UTF-16 code unit or a septet; a part is shorter by its header of 6 octets. CMPP 3.0, 7.4.2.1.
    """

    LATIN = (0, 140, 134)  # ASCII, one octet a letter
    UCS2 = (8, 70, 67)  # UTF-16, big-endian
    GSM7 = (0, 160, 153)  # the default alphabet, for modems; one septet an octet, not yet packed

    def __init__(self, msg_fmt: int, single: int, part: int) -> None:
        self.msg_fmt = msg_fmt
        self.single = single
        self.part = part

    def units(self, text: str) -> int:
        """The length of ``text``. A letter of the extension table counts two: the carrier may turn ASCII to septets."""
        if self is Coding.UCS2:
            return len(text.encode("utf-16-be", "replace")) // 2
        return len(text) + sum(char in GSM_EXTENSION for char in text)

    def encode(self, text: str) -> bytes:
        """The octets; raises ValueError where the alphabet lacks a character."""
        if self is Coding.UCS2:
            return text.encode("utf-16-be", "replace")
        allowed = _GSM if self is Coding.GSM7 else _LATIN
        missing = next((char for char in text if char not in allowed), None)
        if missing is not None:
            raise ValueError(f"{missing!r} is not in the alphabet of {self.name}")
        return text.encode("ascii") if self is Coding.LATIN else b"".join(_GSM[char] for char in text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One part of a short message: ``number`` of ``total``, both 1-255; ``reference`` 0-255 joins the parts."""

    text: str
    coding: Coding
    reference: int = 0
    number: int = 1
    total: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.total <= MAX_PARTS:
            raise ValueError(f"part {self.number} of {self.total} is not in 1-{MAX_PARTS}")
        if not 0 <= self.reference <= 255:
            raise ValueError(f"reference {self.reference} is not in 0-255")

    @property
    def udh(self) -> bytes:
        """The user data header: empty for a message of one part (23.040 9.2.3.24.1)."""
        return b"" if self.total == 1 else bytes([5, 0, 3, self.reference, self.total, self.number])

    @property
    def msg_fmt(self) -> int:
        """CMPP's Msg_Fmt."""
        return self.coding.msg_fmt

    @property
    def body(self) -> bytes:
        """The octets of the text, which follow those of the header."""
        return self.coding.encode(self.text)


def is_latin(text: str) -> bool:
    """Whether 140 letters fit one message (N5): printable ASCII and line breaks, less the grave accent.

    Msg_Fmt 0 is ASCII, and every phone shows what both ASCII and its own alphabet have.
    """
    return all(char in _LATIN for char in text)


def coding_of(text: str) -> Coding:
    """The coding in which ``text`` takes the fewest parts on a carrier link."""
    return Coding.LATIN if is_latin(text) else Coding.UCS2


def split(text: str, *, long: bool = True, reference: int = 0, coding: Coding | None = None) -> tuple[Segment, ...]:
    """``text`` cut into the parts of one message: one if not ``long``, else at most 255. Empty if it does not fit.

    ``reference`` (0-255) must be the same whenever the message is sent again. Raises ValueError where ``coding``, by
    default what takes fewer parts, lacks a character.
    """
    coding = coding_of(text) if coding is None else coding
    coding.encode(text)
    cut = [text] if coding.units(text) <= coding.single else _cut(text, coding)
    if len(cut) > (MAX_PARTS if long else 1):
        return ()
    return tuple(
        Segment(text=piece, coding=coding, reference=reference, number=number, total=len(cut))
        for number, piece in enumerate(cut, 1)
    )


def fit(text: str, units: int, coding: Coding) -> str:
    """``text`` if it has at most ``units``, else its beginning and an ellipsis; empty where not even that fits."""
    if coding.units(text) <= units:
        return text
    ellipsis = "…" if coding is Coding.UCS2 else "..."
    room = units - coding.units(ellipsis)
    end = 0
    for character in characters(text):
        room -= coding.units(character)
        if room < 0:
            break
        end += len(character)
    return text[:end].rstrip() + ellipsis if end else ""


def characters(text: str) -> Iterator[str]:
    """``text`` cut where a reader sees one character end and the next begin (Unicode UAX 29, the common cases)."""
    start = 0
    for at in range(1, len(text)):
        if not _joined(text, start, at):
            yield text[start:at]
            start = at
    if text:
        yield text[start:]


def _joined(text: str, start: int, at: int) -> bool:
    """Whether the character that began at ``start`` goes on at ``at``."""
    before, char = text[at - 1], text[at]
    if "\u4e00" <= char <= "\u9fff":  # most of what we see
        return False
    if char < "\u0300":
        return char == "\n" and before == "\r"
    if before == "\u200d":  # zero width joiner: emoji of several people
        return unicodedata.category(char) == "So"
    if "\U0001f1e6" <= char <= "\U0001f1ff":  # flags: pairs of regional indicators
        return "\U0001f1e6" <= before <= "\U0001f1ff" and at - start == 1
    if "\u1160" <= char <= "\u11ff":  # hangul vowels and finals
        return "\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"
    return (
        unicodedata.category(char) in ("Mn", "Mc", "Me")
        or char == "\u200d"
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= char <= "\U000e007f"  # tags: flags of regions
    )


def _cut(text: str, coding: Coding) -> list[str]:
    pieces: list[str] = []
    piece, room = "", coding.part
    for character in characters(text):
        length = coding.units(character)
        if length > coding.part:  # dozens of marks on one base
            for char in character:
                if coding.units(char) > room:
                    pieces.append(piece)
                    piece, room = "", coding.part
                piece += char
                room -= coding.units(char)
            continue
        if length > room:
            pieces.append(piece)
            piece, room = "", coding.part
        piece += character
        room -= length
    return [*pieces, piece]
