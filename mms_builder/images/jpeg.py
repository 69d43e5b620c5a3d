"""JPEG: baseline with Huffman tables of its own, JFIF, nothing else (ITU-T T.81, T.871)."""

from __future__ import annotations

import io

from PIL import Image

BEST = 90
WORST = 40  # below it, fewer pixels look better than lower quality

_SOI, _EOI, _SOS, _DRI, _DQT, _DHT, _SOF0, _APP0 = 0xD8, 0xD9, 0xDA, 0xDD, 0xDB, 0xC4, 0xC0, 0xE0
_KEPT = (_DRI, _DQT, _DHT, _SOF0)
_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"


def encode(image: Image.Image, room: int) -> bytes:
    """The best quality, 90 to 40, that has room; at 40 when none has. Takes RGB."""
    made = encode_at(image, BEST)
    if len(made) <= room:
        return made
    made = encode_at(image, WORST)
    low, high = WORST, BEST
    while high - low > 1 and len(made) <= room:
        middle = (low + high) // 2
        tried = encode_at(image, middle)
        if len(tried) <= room:
            low, made = middle, tried
        else:
            high = middle
    return made


def encode_at(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True, progressive=False, subsampling="4:2:0")
    return out.getvalue()


def bare(content: bytes) -> bytes | None:
    """The same pixels as JFIF without EXIF, colour profile, comments and what follows the end.

    None when a phone might not take it: not baseline, not of one scan, of CMYK, or odd in another way.
    """
    kept, at = [b"\xff\xd8" + _JFIF], 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        end = at + 2 + length
        if marker == 0xFF:  # fill
            at += 1
            continue
        if length < 2 or end > len(content):
            return None
        if marker == _SOS:
            over = _end_of_scan(content, end)
            return b"".join([*kept, content[at:over], b"\xff\xd9"]) if over else None
        if marker in _KEPT:
            if marker == _SOF0 and (content[at + 4] != 8 or content[at + 9] not in (1, 3)):
                return None
            kept.append(content[at:end])
        elif marker == 0xEE or not (_APP0 <= marker <= 0xEF or marker == 0xFE):
            return None  # Adobe's mark may mean RGB without YCbCr; any other frame is not baseline
        at = end
    return None


def _end_of_scan(content: bytes, at: int) -> int:
    """Where the entropy coded octets end with EOI; 0 when another marker ends them."""
    while (at := content.find(b"\xff", at)) >= 0 and at + 1 < len(content):
        marker = content[at + 1]
        if marker == _EOI:
            return at
        if marker and not 0xD0 <= marker <= 0xD7:  # neither a stuffed octet nor a restart
            return 0
        at += 2
    return 0
