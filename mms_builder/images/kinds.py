"""What type a picture file has, by its content: a name or a label says nothing."""

from __future__ import annotations

from enum import StrEnum

from caiyou.errors import InputError


class Kind(StrEnum):
    """Picture files that are taken; the value is Pillow's name of the format."""

    JPEG = "JPEG"
    PNG = "PNG"
    GIF = "GIF"
    WEBP = "WEBP"
    BMP = "BMP"
    TIFF = "TIFF"
    HEIC = "HEIF"
    WBMP = "WBMP"


MEDIA_TYPE = {
    Kind.JPEG: "image/jpeg",
    Kind.PNG: "image/png",
    Kind.GIF: "image/gif",
    Kind.WEBP: "image/webp",
    Kind.BMP: "image/bmp",
    Kind.TIFF: "image/tiff",
    Kind.HEIC: "image/heic",
    Kind.WBMP: "image/vnd.wap.wbmp",
}
TAKEN = "JPEG, PNG, GIF, WebP, HEIC, BMP, TIFF or WBMP"

_MAGIC = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"BM", Kind.BMP),
    (b"II*\0", Kind.TIFF),
    (b"MM\0*", Kind.TIFF),
)
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")  # ISO/IEC 23008-12, 10
_OTHERS = (  # what people send in place of a picture
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"#!AMR", "a sound"),
    (b"MThd", "a sound"),
    (b"ID3", "a sound"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML document"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
)


def kind_of(head: bytes, media_type: str) -> Kind:
    """The type by the first 32 octets; WBMP has no mark, so that one needs its label.

    Raises InputError that says what it seems to be instead.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind.WEBP
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return Kind.HEIC
    if media_type == MEDIA_TYPE[Kind.WBMP] and head[:2] == b"\0\0":
        return Kind.WBMP
    if head[:4] == b"RIFF" or head[4:8] == b"ftyp":
        seems = {b"WAVE": "a sound", b"AVI ": "a film", b"avif": "an AVIF picture", b"avis": "an AVIF picture"}.get(
            head[8:12], "a film"
        )
    else:
        seems = next((what for magic, what in _OTHERS if head.lstrip()[: len(magic)].lower() == magic.lower()), "")
    raise InputError(f"this is no picture that is taken{f' but {seems}' if seems else ''}: send {TAKEN}")
