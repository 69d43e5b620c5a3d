"""Texts in a charset that the phone reads, cut where it must be between characters as people see them (H2)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from mms_builder.handset import Profile
from mms_builder.mms.codes import CHARSET_NAMES, Charset
from mms_builder.mms.text import encoded, encoded_best

ELLIPSIS = "…"
_DOTS = "..."  # where the charset has no ellipsis
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_JOINER = "\u200d"  # binds two emoji into one
_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u3000": " "})


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneText:
    """A text for a phone: what it shows, and its octets, as ``pieces_of`` writes them."""

    charset: str  # IANA name
    text: str
    content: bytes
    cut: bool = False
    foreign: bool = False  # no charset of the profile has it: it goes in UTF-8, which the phone should know


def phone_text(text: str, profile: Profile, max_octets: int | None = None) -> PhoneText:
    """In the first of the profile's charsets that has all of its characters, in at most that many octets.

    Control characters are left out; typographic quotes and dashes become plain where that brings it into a charset of
    the phone's. The same text and profile give the same octets.
    """
    room = profile.max_text_octets if max_octets is None else min(max_octets, profile.max_text_octets)
    text = cleaned(text)
    content, charset = encoded_best(text, profile.charsets)
    if _is_foreign(charset, profile):
        plain = text.translate(_PLAIN)
        other, its = encoded_best(plain, profile.charsets)
        if not _is_foreign(its, profile):
            text, content, charset = plain, other, its
    cut = len(content) > room
    while len(content) > room:
        text = _cut(text, charset, room)
        # An earlier charset of the phone's may have what is left; that may need more octets.
        content, charset = encoded_best(text, profile.charsets) if text else (b"", charset)
    return PhoneText(
        charset=CHARSET_NAMES[charset],
        text=text,
        content=content if text else b"",
        cut=cut,
        foreign=_is_foreign(charset, profile),
    )


def cleaned(text: str) -> str:
    """NFC, lines ended by LF, no control characters, no half of a surrogate pair."""
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\t", " ")
    return unicodedata.normalize("NFC", _CONTROL.sub("", text))


def _is_foreign(charset: Charset, profile: Profile) -> bool:
    return charset is Charset.UTF_8 and "utf-8" not in (name.lower() for name in profile.charsets)


def _size(text: str, charset: Charset) -> int:
    return len(encoded(text, charset) or b"") if text else 0


def _cut(text: str, charset: Charset, room: int) -> str:
    """As much of it as there is room for, with an ellipsis; empty where not even that has room."""
    end = _DOTS if encoded(ELLIPSIS, charset) is None else ELLIPSIS
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if _size(text[:middle] + end, charset) <= room:
            low = middle
        else:
            high = middle - 1
    made = text[: _boundary(text, low)].rstrip() + end
    return made if _size(made, charset) <= room else ""


def _boundary(text: str, at: int) -> int:
    """The last place not after ``at`` where no character as people see it is split."""
    while 0 < at < len(text) and _bound(text, at):
        at -= 1
    return at


def _bound(text: str, at: int) -> bool:
    """Whether what stands at ``at`` belongs to what stands before it (Unicode TR 29, the cases that phones meet)."""
    before, here = text[at - 1], text[at]
    if _JOINER in (before, here) or unicodedata.combining(here) or unicodedata.category(here) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= here <= "\U0001f3ff" or "\U000e0020" <= here <= "\U000e007f":  # skin, flags of regions
        return True
    if _is_regional(before) and _is_regional(here):  # two make one flag
        start = at
        while start and _is_regional(text[start - 1]):
            start -= 1
        return (at - start) % 2 == 1
    return False


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
