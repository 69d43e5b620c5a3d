"""Texts in a charset that the phone reads, cut where it must be between characters as people see them (H2)."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from mms_builder.handset import Profile

ELLIPSIS = "…"
_DOTS = "..."  # where the charset has no ellipsis
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_JOINER = "\u200d"  # binds two emoji into one
_CODECS = {
    "us-ascii": ("ascii", b""),
    "iso-8859-1": ("latin-1", b""),
    "utf-8": ("utf-8", b""),
    "utf-16": ("utf-16-be", codecs.BOM_UTF16_BE),  # RFC 2781: with a mark, which phones want
}
_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u3000": " "})


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneText:
    """A text for a phone: what it shows, and its octets. Lines end with CR LF in the octets (WAP, RFC 2046)."""

    charset: str  # IANA name
    text: str
    content: bytes
    cut: bool = False
    lost: int = 0  # characters that the charset does not have, shown as "?"


def phone_text(text: str, profile: Profile, max_octets: int | None = None) -> PhoneText:
    """In the first of the profile's charsets that has all of its characters, in at most that many octets.

    Where none has them, the one that has the most, with "?" for the others. Control characters are left out. The same
    text and profile give the same octets.
    """
    text = cleaned(text)
    room = profile.max_text_octets if max_octets is None else min(max_octets, profile.max_text_octets)
    charset, written, lost = _chosen(text, profile)
    content = _octets(written, charset)
    if len(content) <= room:
        return PhoneText(charset=charset, text=written, content=content, lost=lost)
    written = _cut(written, charset, room)
    return PhoneText(charset=charset, text=written, content=_octets(written, charset), cut=True, lost=lost)


def cleaned(text: str) -> str:
    """NFC, lines ended by LF, no control characters, no half of a surrogate pair."""
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\t", " ")
    return unicodedata.normalize("NFC", _CONTROL.sub("", text))


def _chosen(text: str, profile: Profile) -> tuple[str, str, int]:
    """The charset, the text as it can be written in it, how many characters are lost."""
    known = [charset for charset in profile.charsets if charset in _CODECS] or ["us-ascii"]
    best: tuple[str, str, int] | None = None
    for charset in known:
        codec = _CODECS[charset][0]
        if _has(codec, text):
            return charset, text, 0
        plain = text.translate({code: to for code, to in _PLAIN.items() if not _has(codec, chr(code))})
        lossy = plain.encode(codec, "replace").decode(codec)
        lost = sum(a != b for a, b in zip(plain, lossy, strict=True))
        if best is None or lost < best[2]:
            best = charset, lossy, lost
    assert best is not None  # noqa: S101  for mypy: there is one charset at least
    return best


def _has(codec: str, text: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _octets(text: str, charset: str) -> bytes:
    codec, mark = _CODECS[charset]
    return mark + text.replace("\n", "\r\n").encode(codec) if text else b""


def _cut(text: str, charset: str, room: int) -> str:
    """As much of it as there is room for, with an ellipsis; empty where not even that has room."""
    end = ELLIPSIS if _has(_CODECS[charset][0], ELLIPSIS) else _DOTS
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if len(_octets(text[:middle] + end, charset)) <= room:
            low = middle
        else:
            high = middle - 1
    kept = text[: _boundary(text, low)].rstrip()
    made = kept + end
    return made if len(_octets(made, charset)) <= room else ""


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
