"""Texts of a multimedia message: header values and the contents of text parts, in the charsets phones have (H2)."""

from __future__ import annotations

from collections.abc import Iterable

from caiyou.mime import decode
from mms_builder.mms.codes import CHARSET_NAMES, Charset

_WRITTEN = {
    Charset.US_ASCII: "ascii",
    Charset.UTF_8: "utf-8",
    Charset.ISO_8859_1: "latin-1",
    Charset.UTF_16: "utf-16-be",
    Charset.UCS_2: "utf-16-be",
}
_BOM = b"\xfe\xff"
WIDE = frozenset({Charset.UTF_16, Charset.UTF_16BE, Charset.UTF_16LE, Charset.UCS_2})
_BY_NAME = {CHARSET_NAMES[charset]: charset for charset in _WRITTEN} | {
    "ucs-2": Charset.UCS_2,
    "csunicode": Charset.UCS_2,
}


def encoded(text: str, charset: Charset) -> bytes | None:
    """``text`` in a charset, UTF-16 and UCS-2 big-endian behind a byte order mark; None where it does not go.

    UCS-2 has no characters beyond U+FFFF. Raises ValueError for a charset that is only read.
    """
    codec = _WRITTEN.get(charset)
    if codec is None:
        raise ValueError(f"charset {charset.name} is not written, only read")
    if charset is Charset.UCS_2 and any(char > "\uffff" for char in text):
        return None
    try:
        octets = text.encode(codec)
    except UnicodeEncodeError:
        return None
    return _BOM + octets if charset in WIDE else octets


def encoded_best(text: str, charsets: Iterable[str]) -> tuple[bytes, Charset]:
    """``text`` in the first of the phone's charsets (IANA names, ``Profile.charsets``) that has all its characters.

    UTF-8 where none has, since every phone of MMS 1.0 or later must read it (OMA-MMS-CONF, 7.1.4). Half a surrogate
    pair becomes U+FFFD.
    """
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    for name in charsets:
        charset = _BY_NAME.get(name.lower())
        octets = None if charset is None else encoded(text, charset)
        if charset is not None and octets is not None:
            return octets, charset
    return text.encode(), Charset.UTF_8


def decoded(octets: bytes, charset: int | str | None) -> str:
    """Text of ``octets``; ``charset`` is a MIBenum, a name, or None where the sender named none. Never raises.

    Labels lie as in mail, but iso-8859-1 is believed where the octets are not UTF-8: phones of old wrote it, and a
    guess takes their umlauts in pairs for Chinese.
    """
    label = CHARSET_NAMES.get(charset) if isinstance(charset, int) else charset
    if label is not None and label.lower() == "iso-8859-1":
        for codec in ("utf-8", "cp1252"):
            try:
                return octets.decode(codec)
            except UnicodeDecodeError:
                continue
        return octets.decode("latin-1")
    return decode(octets, label)
